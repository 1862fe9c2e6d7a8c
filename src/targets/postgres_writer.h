/*
 * The connection that changes the table, its transactions and the clock.  What they are made of is
 * in postgres_apply.h and postgres_listing.h.
 *
 * A transaction adds one to the clock, whatever its number of changes, and holds the record's row
 * lock from then on: transactions follow one another.  What it reads after that, it reads in
 * statements of their own, which see what was committed before the lock was had.  A batch takes
 * three round trips (clock and state; rows; state, counters and commit), one more for each 8 MiB of
 * contents, and some more where many rows are new, since COPY takes two of its own.
 *
 * A transaction that the database gives up for a conflict with another is tried again here.
 */
#ifndef TARGETS_POSTGRES_WRITER_H
#define TARGETS_POSTGRES_WRITER_H

#include "table/table_target.h"
#include "targets/postgres_rows.h"
#include "targets/postgres_run.h"

#include <stdatomic.h>

enum { BKT_POSTGRES_SERVERS_MAX = 16 };

/* All-zero is valid and closed. */
struct bkt_postgres_writer {
    struct bkt_postgres conn;
    uint64_t epoch; /* as attached: with another one in the record nothing is committed */
    /* The newest seen, by the reader too: a server that has less has lost commits. */
    _Atomic uint64_t seen;
    uint64_t floor; /* of the newest listing that was begun here; 0: none */
    /*
     * Servers by the times when they were started, the newest BKT_POSTGRES_SERVERS_MAX of them.
     * One that was not seen before may lack commits of the one before it, also where it has made
     * up for their number since: what was read before it came is void.
     */
    int64_t servers[BKT_POSTGRES_SERVERS_MAX];
    size_t server_count;
    uint64_t void_below; /* changes with a smaller `read_at` are refused */
    bool has_no_server;  /* the engine does not tell when it was started */
    unsigned columns;
    bool binary;
    bool replace_nul;
    bool expects_new;   /* the keys of the batch before had no state */
    uint64_t committed; /* changes, since the target was opened */
    bool has_no_copy;   /* the server does not let this user COPY: not tried again */
    struct bkt_postgres_rows rows[BKT_POSTGRES_ROW_OP_COUNT];
};

void bkt_postgres_writer_clear(struct bkt_postgres_writer *writer);

/* The table is as `spec` says, and its clock as given.  BKT_ENOMEM. */
BKT_MUST_CHECK int bkt_postgres_writer_attach(struct bkt_postgres_writer *writer,
                                              const struct bkt_table_spec *spec,
                                              const struct bkt_clock *clock,
                                              struct bkt_error *err);

/*
 * Read clock, floor and epoch out of the columns of a result's only row.  The clock must not be
 * less than `seen`, noted before the question, or under the record's lock.
 */
BKT_MUST_CHECK int bkt_postgres_clock_read(const struct bkt_postgres *conn,
                                           const PGresult *result,
                                           uint64_t seen,
                                           struct bkt_clock *out_clock,
                                           struct bkt_error *err);
/* Note a committed clock.  By any thread. */
void bkt_postgres_writer_saw(struct bkt_postgres_writer *writer, uint64_t clock);

/*
 * BKT_EBUSY unless `floor`, the table's, is that of the newest listing that was begun here, and on
 * the server of today.
 */
BKT_MUST_CHECK int bkt_postgres_writer_check_floor(const struct bkt_postgres_writer *writer,
                                                   uint64_t floor,
                                                   struct bkt_error *err);

/* A failure of this process's own, memory or a limit: "write table ..."; `rc` is returned. */
int bkt_postgres_fail_as(const struct bkt_postgres_writer *writer, int rc, struct bkt_error *err);

/* One transaction's work, from its first statement to its commit. */
typedef int bkt_postgres_work_fn(struct bkt_postgres_writer *writer,
                                 void *ctx,
                                 struct bkt_error *err);

/* Do it until no conflict spoils it, a bounded number of times; what failed is rolled back. */
BKT_MUST_CHECK int bkt_postgres_writer_do(struct bkt_postgres_writer *writer,
                                          bkt_postgres_work_fn *work,
                                          void *ctx,
                                          struct bkt_error *err);

enum bkt_postgres_hold {
    BKT_POSTGRES_HOLD,  /* the record's lock alone */
    BKT_POSTGRES_CLOCK, /* and a revision */
    BKT_POSTGRES_FLOOR, /* which is the floor, too */
};

/*
 * Begin, take the record's lock and check the epoch; in the same round trip run `more` (its `sql`
 * may be NULL), whose result is the caller's to PQclear().
 */
BKT_MUST_CHECK int bkt_postgres_writer_begin(struct bkt_postgres_writer *writer,
                                             enum bkt_postgres_hold hold,
                                             bool durable,
                                             struct bkt_postgres_statement more,
                                             PGresult **out_more,
                                             struct bkt_clock *out_clock,
                                             struct bkt_error *err);

/* Run up to two statements (`sql` may be NULL) and commit, in one round trip. */
BKT_MUST_CHECK int bkt_postgres_writer_commit(struct bkt_postgres_writer *writer,
                                              struct bkt_postgres_statement first,
                                              struct bkt_postgres_statement second,
                                              struct bkt_error *err);

#endif
