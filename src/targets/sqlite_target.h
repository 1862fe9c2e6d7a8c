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
#include "targets/sqlite_outside.h"

/*
 * Open or create `path` for table `table` (any name but sqlite_* and bucketable_*).
 * Fails with one line when the file is no database, read-only, or cannot be created.
 */
BKT_MUST_CHECK int bkt_sqlite_target_new(const char *path,
                                         struct bkt_str table,
                                         struct bkt_table_target *out_target,
                                         struct bkt_error *err);

/*
 * The same for rows that are kept elsewhere: `path` holds their state alone.  `outside` is used
 * until the target is freed, which calls its free(); on failure here it is still the caller's.
 */
BKT_MUST_CHECK int bkt_sqlite_target_new_outside(const char *path,
                                                 struct bkt_str table,
                                                 const struct bkt_sqlite_outside *outside,
                                                 struct bkt_table_target *out_target,
                                                 struct bkt_error *err);

#endif
