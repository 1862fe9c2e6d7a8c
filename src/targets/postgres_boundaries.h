/*
 * What the next listing may be cut by: a table of its own, made when there is first something to
 * keep.  Where it may not be made or used, nothing is kept, and that is no failure.
 */
#ifndef TARGETS_POSTGRES_BOUNDARIES_H
#define TARGETS_POSTGRES_BOUNDARIES_H

#include "targets/postgres_db.h"

extern const char bkt_postgres_boundaries_sql[]; /* makes the table */

/* save_boundaries() and load_boundaries() of table_target.h. */
BKT_MUST_CHECK int bkt_postgres_boundaries_save(struct bkt_postgres *conn,
                                                struct bkt_str boundaries,
                                                struct bkt_error *err);
BKT_MUST_CHECK int bkt_postgres_boundaries_load(struct bkt_postgres *conn,
                                                struct bkt_buf *out,
                                                struct bkt_error *err);

#endif
