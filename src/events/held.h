/*
 * The messages that a channel holds: received, and not yet deleted where they came from.
 *
 * Each is in one of the lists below, in the order in which it came there.
 */
#ifndef EVENTS_HELD_H
#define EVENTS_HELD_H

#include "core/str.h"

#include <bucketable/error.h>

enum bkt_held_stage {
    BKT_HELD_UNSETTLED, /* its keys are being worked on */
    BKT_HELD_OVERDUE,   /* the same, but SQS keeps it from others no longer */
    BKT_HELD_SETTLED,   /* to be deleted */
    BKT_HELD_DELETING,  /* the request is under way */
};
enum { BKT_HELD_STAGES = 4, BKT_HELD_CHAINS = 1024 };

struct bkt_held_message {
    struct bkt_held_message *newer, *older; /* in the stage's list */
    struct bkt_held_message *next_by_id;
    uint64_t token; /* never 0 */
    enum bkt_held_stage stage;
    size_t key_count;
    int64_t received_ms; /* BKT_TIME_NONE until the channel knows the time */
    int64_t extend_ms;
    bool is_kept;    /* never to be deleted: part of it is not understood, or not ours */
    bool is_poison;  /* part of it is not understood, and it goes where poison goes */
    bool came_again; /* while it was being deleted with an older receipt */
    char *receipt;   /* the newest */
    size_t receipt_len;
    uint64_t id_hash;
    size_t id_len;
    char id[];
};

struct bkt_held {
    struct bkt_held_message **slots; /* by the low half of the token, less 1 */
    size_t slot_count;
    uint32_t *free_slots;
    size_t free_count;
    uint32_t generation;
    struct bkt_held_message *by_id[BKT_HELD_CHAINS];
    struct bkt_held_message *oldest[BKT_HELD_STAGES];
    struct bkt_held_message *newest[BKT_HELD_STAGES];
    size_t counts[BKT_HELD_STAGES];
    size_t unsettled_key_count;
};

void bkt_held_clear(struct bkt_held *held);

/* Room for another message, as the bounds of events/channel.h have it. */
bool bkt_held_has_room(const struct bkt_held *held);

/* How many messages have keys that are being worked on. */
size_t bkt_held_unsettled(const struct bkt_held *held);

/* Nothing that was settled is still to be deleted. */
bool bkt_held_is_drained(const struct bkt_held *held);

/* Add a message at the end of BKT_HELD_UNSETTLED.  BKT_ENOMEM. */
BKT_MUST_CHECK int bkt_held_add(struct bkt_held *held,
                                struct bkt_str id,
                                struct bkt_str receipt,
                                size_t key_count,
                                struct bkt_held_message **out_message);

/* NULL: not held (any more), or an empty id. */
struct bkt_held_message *bkt_held_find(const struct bkt_held *held, struct bkt_str id);
struct bkt_held_message *bkt_held_get(const struct bkt_held *held, uint64_t token);

/* It was received again, and only the new receipt counts.  BKT_ENOMEM: the old one stays. */
BKT_MUST_CHECK int bkt_held_renew(struct bkt_held_message *message, struct bkt_str receipt);

/* To the end of that stage's list, or with `first` to its beginning. */
void bkt_held_move(struct bkt_held *held,
                   struct bkt_held_message *message,
                   enum bkt_held_stage stage,
                   bool first);
void bkt_held_drop(struct bkt_held *held, struct bkt_held_message *message);

/*
 * All that it led to is durable: it is to be deleted now or, if it is kept where it came from,
 * dropped here.  True: dropped.  A token of no unsettled message is fine.
 */
bool bkt_held_settle(struct bkt_held *held, uint64_t token);

#endif
