/*
 * bucketable/changes.h - what changes in a bucket, for a caller who keeps the rows himself.
 *
 *     rc = bkt_changes_open(config, NULL, &changes, &err);
 *     while (rc == BKT_OK) {
 *         rc = bkt_changes_next(changes, -1, &row, &id, &err);
 *         if (rc == BKT_OK && row && (rc = keep(row)) == BKT_OK)   // durably
 *             rc = bkt_changes_ack(changes, id, &err);
 *     }
 *     bkt_changes_close(changes);
 *
 * First come the rows that are there (or, with a state file, what is different since it was
 * written), then what events (sqs_queue_url, redis_url, minio_listen) and listings
 * (refresh_interval) tell of.  A change is the row as it is now, or that it is gone: an event only
 * says that a key may have changed, and leads to a read of the object; that answer is handed out,
 * and not what the event said.  A delete may be of a key that the caller never had.
 *
 * Order:    per key, changes come in the order of their `revision`, and the content of a later one
 *           is never older.  Who spreads them over threads or machines drops a change whose
 *           revision is smaller than that of the row at hand.  Revisions go on growing across runs
 *           where "state" names a file; without it they begin anew, and all rows come again.
 * Once:     a change comes again when it was not acknowledged, and may after a crash.  So keep it
 *           by "insert or replace".
 * Groups:   changes are handed out in groups.  When the last change of a group is acknowledged,
 *           its state is written and then its messages are removed from the queue (SQS, a Redis
 *           list): after the acknowledgment, never before.  Past the last change of a group next
 *           answers without a row at once until all of the group is acknowledged.  So a caller may
 *           acknowledge one by one, or collect until there is no row, keep all in one transaction,
 *           and acknowledge all.  Messages stay invisible in the queue meanwhile, however long.
 * Threads:  next is called by one thread at a time; ack and stop by any thread at any time before
 *           close.  Callbacks are called inside next.  A handle belongs to the process that opened
 *           it: after fork(), the child leaves it alone.
 * Memory:   a row is valid until it is acknowledged; after stop, until next has failed or close was
 *           called.  The configuration is borrowed until close.
 * Blocking: next waits as long as it is told to; open for credentials; close up to some seconds for
 *           acknowledged messages to be removed.
 */
#ifndef BKT_CHANGES_H
#define BKT_CHANGES_H

#include <bucketable/sync.h>
#include <bucketable/target.h>

BKT_BEGIN_DECLS

struct bkt_changes;

/* New members go last; `size` says which ones the caller knows. */
struct bkt_changes_options {
    size_t size; /* sizeof(struct bkt_changes_options) */
    /*
     * Do not begin with what is there: events alone.  Should they have been interrupted so that
     * some may be lost, the bucket is listed all the same, and every row that is not known comes.
     */
    bool skips_first_listing;
    size_t group_max; /* changes in a group; 0: up to 1,000 */
    void *ctx;
    /* Something that is allowed but surely not meant: one line.  This and all below may be NULL. */
    void (*warning)(void *ctx, const char *message);
    /* Trouble that it survives.  `key` is NULL unless it is one object's. */
    void (*error)(void *ctx, const char *message, const char *key, size_t key_len);
    /* Once: events are being received, and what was there has been acknowledged. */
    void (*ready)(void *ctx);
    /* A listing is complete, and what it found has been acknowledged. */
    void (*synced)(void *ctx, const struct bkt_counts *counts);
    /* Some times a second during the first listing. */
    void (*progress)(void *ctx, const struct bkt_counts *counts);
};

/* `options` is copied; NULL: all zero.  The configuration's target is not looked at. */
BKT_API BKT_MUST_CHECK int bkt_changes_open(const struct bkt_config *config,
                                            const struct bkt_changes_options *options,
                                            struct bkt_changes **out_changes,
                                            struct bkt_error *err);

/*
 * The next change and the number to acknowledge it by; or NULL: none came within `timeout_ms` (-1:
 * for ever), or the group is to be acknowledged first: *out_id then says how many of it
 * are not.  BKT_ECANCELED: it was stopped.  After a failure only close is left.
 */
BKT_API BKT_MUST_CHECK int bkt_changes_next(struct bkt_changes *changes,
                                            int timeout_ms,
                                            const struct bkt_row **out_row,
                                            uint64_t *out_id,
                                            struct bkt_error *err);

/*
 * The change is durable where the caller keeps it.  In any order; twice is once.  BKT_ENOROW: that
 * id was not handed out.  BKT_ECANCELED: too late, the change will come again.
 */
BKT_API BKT_MUST_CHECK int bkt_changes_ack(struct bkt_changes *changes,
                                           uint64_t id,
                                           struct bkt_error *err);

/* End soon: next fails with BKT_ECANCELED.  From any thread, not from a signal handler. */
BKT_API void bkt_changes_stop(struct bkt_changes *changes);

/* At any time.  What was not acknowledged comes again in another run.  NULL is fine. */
BKT_API void bkt_changes_close(struct bkt_changes *changes);

BKT_END_DECLS

#endif
