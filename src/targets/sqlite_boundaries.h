/*
 * Where an SQLite file keeps the boundaries of table/boundaries.h: a table of its own, since the
 * record of bucketable_tables is written with every transaction and should stay short.
 */
#ifndef TARGETS_SQLITE_BOUNDARIES_H
#define TARGETS_SQLITE_BOUNDARIES_H

#include "targets/sqlite_db.h"

/* Makes the table when it is missing.  A transaction of its own. */
BKT_MUST_CHECK int bkt_sqlite_boundaries_save(const struct bkt_sqlite *conn,
                                              struct bkt_str boundaries,
                                              struct bkt_error *err);

/* `out` stays empty when there are none. */
BKT_MUST_CHECK int bkt_sqlite_boundaries_load(const struct bkt_sqlite *conn,
                                              struct bkt_buf *out,
                                              struct bkt_error *err);

#endif
