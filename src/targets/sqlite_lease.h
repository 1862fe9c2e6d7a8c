/*
 * Who lists into a table of the file: one process at a time, by a row that it renews.  See
 * postgres_lease.h, with which it has all in common but the clock: here it is the machine's, and a
 * time that lies too far ahead is that of a clock which was put back since.
 */
#ifndef TARGETS_SQLITE_LEASE_H
#define TARGETS_SQLITE_LEASE_H

#include "targets/holder.h"
#include "targets/sqlite_db.h"

/* hold_listing() of table_target.h. */
BKT_MUST_CHECK int bkt_sqlite_lease_hold(const struct bkt_sqlite *conn,
                                         const char *holder,
                                         int64_t now_ms,
                                         struct bkt_error *err);

/* Let others have it; a failure does no more harm than some seconds of waiting. */
void bkt_sqlite_lease_release(const struct bkt_sqlite *conn, const char *holder);

#endif
