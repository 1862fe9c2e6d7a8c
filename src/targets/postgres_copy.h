/*
 * A batch of changes on its way into the tables, and the fast way for what is new: COPY, which goes
 * in whole or not at all.  postgres_apply.c has the usual way.
 */
#ifndef TARGETS_POSTGRES_COPY_H
#define TARGETS_POSTGRES_COPY_H

#include "targets/postgres_state.h"
#include "targets/postgres_writer.h"

struct bkt_postgres_item {
    struct bkt_change *change;
    struct bkt_postgres_state before;
    bool is_unfit;  /* no row can hold it: known before anything is sent */
    bool is_copied; /* the row is written */
};

struct bkt_postgres_batch {
    struct bkt_postgres_item *items; /* in the order of keys */
    size_t count;
    bool durable;
    bool is_copied;       /* rows and states are written */
    bool is_copy_refused; /* a row is at fault */
    struct bkt_postgres_array keys;
    struct bkt_postgres_states states;
    PGresult *known; /* what the items' `before` are views of */
    struct bkt_clock clock;
};

/* The end of the items from `first` on whose contents one round trip carries. */
size_t bkt_postgres_chunk_end(const struct bkt_postgres_batch *batch, size_t first);

/* Back to the savepoint `bucketable_rows`. */
BKT_MUST_CHECK int bkt_postgres_undo_marked(struct bkt_postgres_writer *writer,
                                            struct bkt_error *err);

/*
 * COPY those of the items that are new rows, when they are many.  Where one of them is at fault, or
 * the table has a row that the state does not know, or COPY is not allowed, none is copied, and
 * that is no failure: the usual way tells them apart.
 */
BKT_MUST_CHECK int bkt_postgres_copy_new(struct bkt_postgres_writer *writer,
                                         const struct bkt_postgres_batch *batch,
                                         struct bkt_postgres_item *items,
                                         size_t count,
                                         struct bkt_error *err);

/*
 * A first sync: after a batch of keys that all were new, the next one is taken for such a batch
 * too, and the states that it might have are not read.  Its states go in first: that of a key which
 * has one already is refused by the primary key.  Then `is_copied` stays false, nothing is written,
 * and the usual way follows.
 */
BKT_MUST_CHECK int bkt_postgres_copy_all(struct bkt_postgres_writer *writer,
                                         struct bkt_postgres_batch *batch,
                                         struct bkt_error *err);
/* Whether a batch is one for it. */
bool bkt_postgres_may_all_be_new(const struct bkt_postgres_writer *writer,
                                 const struct bkt_postgres_batch *batch);

#endif
