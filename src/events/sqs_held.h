/*
 * The SQS messages that a channel holds: received, and not yet deleted.
 *
 * Each is in one of the lists below.  The first is in the order in which visibility is to be
 * extended.
 */
#ifndef EVENTS_SQS_HELD_H
#define EVENTS_SQS_HELD_H

#include "core/str.h"

#include <bucketable/error.h>

enum bkt_sqs_stage {
    BKT_SQS_UNSETTLED, /* its keys are being worked on, its visibility is extended */
    BKT_SQS_OVERDUE,   /* the same, but SQS extends it no more */
    BKT_SQS_SETTLED,   /* to be deleted */
    BKT_SQS_DELETING,  /* the request is under way */
};
enum { BKT_SQS_STAGES = 4 };

struct bkt_sqs_held_message {
    struct bkt_sqs_held_message *newer, *older; /* in the stage's list */
    struct bkt_sqs_held_message *next_by_id;
    uint64_t token; /* never 0 */
    enum bkt_sqs_stage stage;
    size_t key_count;
    int64_t received_ms; /* BKT_TIME_NONE until the channel knows the time */
    int64_t extend_ms;
    bool is_kept;    /* never to be deleted: another record of it is not understood, or not ours */
    bool came_again; /* while it was being deleted with an older receipt */
    char *receipt;   /* the newest */
    size_t receipt_len;
    uint64_t id_hash;
    size_t id_len;
    char id[];
};

struct bkt_sqs_held {
    struct bkt_sqs_held_message **slots; /* by the low half of the token, less 1 */
    size_t slot_count;
    uint32_t *free_slots;
    size_t free_count;
    uint32_t generation;
    struct bkt_sqs_held_message *by_id[1024];
    struct bkt_sqs_held_message *oldest[BKT_SQS_STAGES];
    struct bkt_sqs_held_message *newest[BKT_SQS_STAGES];
    size_t counts[BKT_SQS_STAGES];
    size_t unsettled_key_count;
};

void bkt_sqs_held_clear(struct bkt_sqs_held *held);

/* Add a message at the end of BKT_SQS_UNSETTLED.  BKT_ENOMEM. */
BKT_MUST_CHECK int bkt_sqs_held_add(struct bkt_sqs_held *held,
                                    struct bkt_str id,
                                    struct bkt_str receipt,
                                    size_t key_count,
                                    struct bkt_sqs_held_message **out_message);

/* NULL: not held (any more), or an empty id. */
struct bkt_sqs_held_message *bkt_sqs_held_find(const struct bkt_sqs_held *held, struct bkt_str id);
struct bkt_sqs_held_message *bkt_sqs_held_get(const struct bkt_sqs_held *held, uint64_t token);

/* It was received again, and only the new receipt counts.  BKT_ENOMEM: the old one stays. */
BKT_MUST_CHECK int bkt_sqs_held_renew(struct bkt_sqs_held_message *message, struct bkt_str receipt);

/* To the end of that stage's list, or with `first` to its beginning. */
void bkt_sqs_held_move(struct bkt_sqs_held *held,
                       struct bkt_sqs_held_message *message,
                       enum bkt_sqs_stage stage,
                       bool first);
void bkt_sqs_held_drop(struct bkt_sqs_held *held, struct bkt_sqs_held_message *message);

#endif
