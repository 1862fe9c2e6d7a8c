/*
 * The keys that may differ from the table, one entry a key, and where each stands.
 *
 *   QUEUED ──► READING ──┬────────────────────► READ ──► COMMITTING ──► gone
 *      ▲                 └──► UNCONFIRMED ───────┘             │
 *      ├──── refused by the read clock, or something more was said of the key meanwhile
 *      └──── WAITING: it could not be read, and is tried again later
 *
 * Entries of one stage form a queue in the order in which they came to it.  One thread.
 */
#ifndef TABLE_WORK_H
#define TABLE_WORK_H

#include "core/buf.h"
#include "core/checksum.h"
#include "table/table_target.h"

enum bkt_work_stage {
    BKT_WORK_QUEUED,
    BKT_WORK_READING,
    BKT_WORK_UNCONFIRMED, /* the key is said to be absent: does the bucket exist at all? */
    BKT_WORK_READ,
    BKT_WORK_COMMITTING,
    BKT_WORK_WAITING,
};
enum { BKT_WORK_STAGE_COUNT = 6 };

/* Whoever wants to be told when the key is durable. */
struct bkt_tickets {
    void **items;
    size_t count, cap;
    size_t covered; /* the first so many came before the read under way began: its commit settles */
};

struct bkt_work_item {
    struct bkt_str key; /* owned */
    enum bkt_work_stage stage;
    bool again;        /* what was learned of it after its read began asks for one more */
    bool was_listed;   /* it came from a listing alone */
    unsigned failures; /* in a row */
    int64_t due_ms;    /* WAITING */

    struct bkt_tickets tickets;

    struct bkt_str known_etag; /* owned; the row has it, so it is the condition of the read */
    uint64_t size_hint;        /* as listed; 0: not known */
    int64_t modified_ms;       /* as listed, with the milliseconds that the head of a read lacks */
    bool is_class_listed;
    unsigned class_mark;     /* as listed */
    uint64_t reserved_bytes; /* of the memory limit */
    uint64_t read_at;

    /* From READ on.  The change's views point into strings and body. */
    bool has_change; /* a change in hand whose read was refused: worth a conditional read */
    struct bkt_change change;
    char *strings;
    struct bkt_buf body;
    struct bkt_checksum checksum; /* of the body */
    unsigned torn_reads;          /* in a row: the content was not what it should be */

    struct bkt_work_item *newer, *older; /* in the stage's queue */
};

struct bkt_work_queue {
    struct bkt_work_item *oldest, *newest;
    size_t count;
};

struct bkt_work {
    struct bkt_work_queue queues[BKT_WORK_STAGE_COUNT];
    struct bkt_work_item **slots; /* open addressing by the key's hash */
    size_t slot_count;            /* a power of two, or 0 */
    size_t count;
    uint64_t seed; /* of the hash: keys are chosen by strangers */
};

void bkt_work_init(struct bkt_work *work, uint64_t seed);
void bkt_work_clear(struct bkt_work *work);

/* NULL when the key has no entry. */
struct bkt_work_item *bkt_work_find(const struct bkt_work *work, struct bkt_str key);

/* A new entry for a key that has none, at the end of QUEUED. */
BKT_MUST_CHECK int bkt_work_add(struct bkt_work *work,
                                struct bkt_str key,
                                struct bkt_work_item **out_item);

/* To the end of another stage's queue; or to its front, to be the next. */
void bkt_work_move(struct bkt_work *work, struct bkt_work_item *item, enum bkt_work_stage stage);
void bkt_work_move_first(struct bkt_work *work,
                         struct bkt_work_item *item,
                         enum bkt_work_stage stage);

/* Take what was read out of the entry and free it. */
void bkt_work_drop_change(struct bkt_work_item *item);

/* Read it under the condition that it no longer has this ETag. */
BKT_MUST_CHECK int bkt_work_set_etag(struct bkt_work_item *item, struct bkt_str etag);
void bkt_work_forget_etag(struct bkt_work_item *item);

/* BKT_ENOMEM. */
BKT_MUST_CHECK int bkt_work_add_ticket(struct bkt_tickets *tickets, void *ticket);

/* Its tickets must have been settled. */
void bkt_work_remove(struct bkt_work *work, struct bkt_work_item *item);

#endif
