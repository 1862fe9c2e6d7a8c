/*
 * The table in an SQLite file: rows in an ordinary table, state beside it in `bucketable_*` tables,
 * both changed by the same transaction.
 *
 * The file is put into WAL mode.  Two connections: one writes, one scans; see table_target.h for
 * which thread owns which.
 */
#ifndef TARGETS_SQLITE_TARGET_H
#define TARGETS_SQLITE_TARGET_H

#include "table/table_target.h"

/*
 * Open or create `path` for table `table` (any name but sqlite_* and bucketable_*).
 * Fails with one line when the file is no database, read-only, or cannot be created.
 */
BKT_MUST_CHECK int bkt_sqlite_target_new(const char *path,
                                         struct bkt_str table,
                                         struct bkt_table_target *out_target,
                                         struct bkt_error *err);

#endif
