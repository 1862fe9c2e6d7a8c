/*
 * Who lists: one process at a time, by a row that it renews, with the database's clock.  A process
 * that died passes it on: at once to one on the same host, else when the time is up.
 *
 * It saves work and is no lock: two that list at once are slow, never wrong, since a listing's
 * floor tells them apart.  So where its table may not be made or used, everybody lists.
 */
#ifndef TARGETS_POSTGRES_LEASE_H
#define TARGETS_POSTGRES_LEASE_H

#include "targets/holder.h"
#include "targets/postgres_db.h"

extern const char bkt_postgres_lease_sql[]; /* makes the table */

/* hold_listing() of table_target.h; `holder` is of holder.h. */
BKT_MUST_CHECK int bkt_postgres_lease_hold(struct bkt_postgres *conn,
                                           const char *holder,
                                           struct bkt_error *err);

/* Let others have it; a failure does no more harm than some seconds of waiting. */
void bkt_postgres_lease_release(struct bkt_postgres *conn, const char *holder);

#endif
