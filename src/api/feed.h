/*
 * Rows on their way from the engine to a caller who asks for them one by one.
 *
 * The engine sees a target (`bkt_feed_ops`): a batch that it commits becomes a group.  Its rows are
 * taken in order; commit() returns when all of them are acknowledged, so what it leads to (state,
 * the removal of messages) comes after that, and never before.  One group is out at a time.
 *
 * Threads: any.  The library's threads call what ops names, bkt_feed_note() and bkt_feed_end(); the
 *          caller's the rest.
 * Memory:  a row is valid until it is acknowledged; canceled, until take() has failed for that or
 *          bkt_feed_leave() was called.  Contents are not copied: the engine keeps what commit()
 * has not returned for.
 */
#ifndef API_FEED_H
#define API_FEED_H

#include <bucketable/sync.h>
#include <bucketable/target.h>

struct bkt_feed;

/* What happens beside the rows, told on the caller's thread. */
enum bkt_note_kind {
    BKT_NOTE_WARNING,
    BKT_NOTE_ERROR, /* with the key where it is one object's */
    BKT_NOTE_READY,
    BKT_NOTE_SYNCED,
    BKT_NOTE_PROGRESS,
};

/* Views are valid until the callback returns. */
struct bkt_note {
    enum bkt_note_kind kind;
    const char *message;
    const char *key; /* NULL: of no object */
    size_t key_len;
    struct bkt_counts counts; /* SYNCED, PROGRESS */
};

typedef void bkt_note_fn(void *ctx, const struct bkt_note *note);

BKT_MUST_CHECK int bkt_feed_new(bkt_note_fn *tell,
                                void *ctx,
                                struct bkt_feed **out_feed,
                                struct bkt_error *err);

/* No other thread may still use it.  NULL is fine. */
void bkt_feed_free(struct bkt_feed *feed);

/* Of the target whose `self` is a feed; `rows_max` is batch_rows. */
struct bkt_target_ops bkt_feed_ops(const char *name, size_t rows_max);

/* Give up: who waits fails with BKT_ECANCELED, from now on. */
void bkt_feed_cancel(struct bkt_feed *feed);

/* The caller looks at no row any more. */
void bkt_feed_leave(struct bkt_feed *feed);

/* No more will come; `err` says why unless `rc` is BKT_OK. */
void bkt_feed_end(struct bkt_feed *feed, int rc, const struct bkt_error *err);

/* Copied, to be told in the next bkt_feed_take().  Some are dropped when nobody takes. */
void bkt_feed_note(struct bkt_feed *feed, const struct bkt_note *note);

enum bkt_taken {
    BKT_TAKEN_ROW,
    BKT_TAKEN_NOTHING, /* in that time */
    BKT_TAKEN_GROUP,   /* nothing more before it is acknowledged; the id: how many are not */
    BKT_TAKEN_END,     /* of everything, and it ended well */
};

/* `timeout_ms` -1: for ever.  Ids count from 1 and never repeat.  Tells notes before it waits. */
BKT_MUST_CHECK int bkt_feed_take(struct bkt_feed *feed,
                                 int timeout_ms,
                                 enum bkt_taken *out_taken,
                                 const struct bkt_row **out_row,
                                 uint64_t *out_id,
                                 struct bkt_error *err);

/*
 * Twice is once.  BKT_ENOROW: that id was not handed out.  BKT_ECANCELED: it was, but the feed has
 * been canceled or has failed before its group was whole.
 */
BKT_MUST_CHECK int bkt_feed_ack(struct bkt_feed *feed, uint64_t id, struct bkt_error *err);

#endif
