/*
 * The table in a PostgreSQL database, or in one that speaks its protocol: rows in an ordinary
 * table, state beside it in `bucketable_*` tables, both changed by the same transaction.
 *
 * Two connections, each made when it is first needed and again when it was lost: one writes, one
 * scans; see table_target.h for which thread owns which.  docs/postgresql.md tells the rest.
 */
#ifndef TARGETS_POSTGRES_TARGET_H
#define TARGETS_POSTGRES_TARGET_H

#include "table/table_target.h"

/*
 * A target for table `table` (NAME or SCHEMA.NAME) in the database of `url`, which libpq reads: it
 * and the PG* environment say what the URL does not.  Nothing is connected before attach().
 * BKT_ECONFIG for a URL or a name that cannot be; no message shows a password.
 */
BKT_MUST_CHECK int bkt_postgres_target_new(struct bkt_str url,
                                           struct bkt_str table,
                                           struct bkt_table_target *out_target,
                                           struct bkt_error *err);

#endif
