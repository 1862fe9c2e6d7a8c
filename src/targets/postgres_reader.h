/*
 * The table in a PostgreSQL database, looked at and not touched: peek(), scan() and the rows of
 * table_target.h, in one read-only transaction of one snapshot.
 */
#ifndef TARGETS_POSTGRES_READER_H
#define TARGETS_POSTGRES_READER_H

#include "table/table_target.h"

/* Takes what bkt_postgres_target_new() takes; nothing is connected before peek(). */
BKT_MUST_CHECK int bkt_postgres_reader_new(struct bkt_str url,
                                           struct bkt_str table,
                                           struct bkt_table_target *out_target,
                                           struct bkt_error *err);

#endif
