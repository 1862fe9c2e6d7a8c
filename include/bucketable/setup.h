/*
 * bucketable/setup.h - what has to be set at AWS (or MinIO) so that changes of a bucket become
 * known: the queue's policy, the bucket's notification configuration, the least IAM policy for a
 * table's user.
 *
 * The documents are merged with what is there: what others have set stays as it is.  Ours carries
 * names that begin with "bucketable-", and nothing else is ever changed or removed.
 *
 * Threads:  one struct bkt_setup is used by one thread at a time, but for bkt_setup_stop().
 * Memory:   what a callback receives is valid until it returns.
 * Blocking: bkt_setup_run() waits for the network.
 */
#ifndef BKT_SETUP_H
#define BKT_SETUP_H

#include <bucketable/config.h>

BKT_BEGIN_DECLS

struct bkt_setup;

enum bkt_setup_action {
    BKT_SETUP_PRINT, /* change nothing */
    BKT_SETUP_APPLY, /* set what is missing; twice changes nothing the second time */
    BKT_SETUP_UNDO,  /* remove what an earlier APPLY has set, and no more */
};

/* New members go last; `size` says which ones the caller knows. */
struct bkt_setup_options {
    size_t size; /* sizeof(struct bkt_setup_options) */
    enum bkt_setup_action action;
    const char *sns_topic_arn; /* the bucket tells this topic, which tells the queue; NULL: no */
    bool eventbridge;          /* the bucket tells EventBridge, whose rule tells the queue */
    /* A line for people: what is changed, what remains to be done and by which command. */
    void (*said)(void *ctx, const char *line);
    void *ctx;
};

/*
 * Checks the configuration (BKT_ECONFIG): sqs_queue_url, or redis_url for MinIO, is needed.
 * `config` is borrowed and must outlive it; `options` is copied, its topic borrowed.
 */
BKT_API BKT_MUST_CHECK int bkt_setup_new(const struct bkt_config *config,
                                         const struct bkt_setup_options *options,
                                         struct bkt_setup **out_setup,
                                         struct bkt_error *err);

/* NULL is fine. */
BKT_API void bkt_setup_free(struct bkt_setup *setup);

/*
 * Do it, and write the documents as they are (to be) then: one JSON object with "queue_policy" (or
 * null), "bucket_notification" in the form that the AWS CLI takes, and "iam_policy"; with a topic
 * "topic_policy" too, with EventBridge "event_pattern".  BKT_ECONFIG: a notification that is not
 * ours is in the way; nothing was changed.
 */
BKT_API BKT_MUST_CHECK int bkt_setup_run(struct bkt_setup *setup,
                                         bkt_write_fn *write,
                                         void *ctx,
                                         struct bkt_error *err);

/* End it soon, with BKT_ECANCELED.  From any thread, also from a signal handler. */
BKT_API void bkt_setup_stop(struct bkt_setup *setup);

BKT_END_DECLS

#endif
