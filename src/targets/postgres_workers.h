/*
 * Which workers there are: a row for each process on the table, which it renews by the database's
 * clock.  Nothing is decided by it; `status` tells it.  So where its table may not be made or used
 * nothing is kept, a beat that fails is left out, and none waits for a disk.
 */
#ifndef TARGETS_POSTGRES_WORKERS_H
#define TARGETS_POSTGRES_WORKERS_H

#include "targets/postgres_db.h"
#include "targets/status.h"

enum {
    BKT_POSTGRES_BEAT_MS = 10000,
    BKT_POSTGRES_FIRST_BEAT_MS = 1000, /* a run that is shorter leaves no trace */
};

/* makes the table */
extern const char bkt_postgres_workers_sql[];

/* All-zero has not begun. */
struct bkt_postgres_worker {
    const char *name; /* of the lease: "host:pid:random" */
    int64_t started_ms;
    int64_t due_ms; /* of the next beat, both by the monotonic clock */
    bool has_row;
    bool was_lister;
    bool is_refused; /* not tried again */
};

/* The process is on the table since `now_ms`. */
void bkt_postgres_worker_begin(struct bkt_postgres_worker *worker,
                               const char *name,
                               int64_t now_ms);

/*
 * Renew the row if that is due, or if the role is another since the last time; rows of this table
 * that nobody renewed for an hour go.  Between transactions.  Returns when the next one is due.
 */
int64_t bkt_postgres_worker_beat(struct bkt_postgres_worker *worker,
                                 struct bkt_postgres *conn,
                                 const struct bkt_status_worker *seen,
                                 int64_t now_ms);

/* The row goes, unless the connection is lost; then it goes by its age. */
void bkt_postgres_worker_end(struct bkt_postgres_worker *worker, struct bkt_postgres *conn);

/* May the rows be read?  Inside a transaction that a refusal would spoil. */
BKT_MUST_CHECK int bkt_postgres_workers_are_kept(struct bkt_postgres *conn,
                                                 bool *out_are_kept,
                                                 struct bkt_error *err);

/* Tell of each of the table's, by name.  What the callback returns ends it. */
BKT_MUST_CHECK int bkt_postgres_workers_tell(struct bkt_postgres *conn,
                                             const struct bkt_status_told *told,
                                             struct bkt_error *err);

#endif
