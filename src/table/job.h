/*
 * What the writer is given to do: one transaction (or a sweep), with all that it needs in hand.
 *
 * A job belongs to the engine until it is wanted, to the writer while it runs, and to the engine
 * again.  Running touches nothing but the job and the writer's side of the target; contents are
 * decoded here too, off the thread that moves bytes.
 */
#ifndef TABLE_JOB_H
#define TABLE_JOB_H

#include "core/arena.h"
#include "core/buf.h"
#include "core/checksum.h"
#include "table/decode.h"
#include "table/table_target.h"

struct bkt_work_item;

enum bkt_job_kind {
    BKT_JOB_HOLD_LISTING,
    BKT_JOB_BEGIN_LISTING,
    BKT_JOB_APPLY,
    BKT_JOB_STAGE,
    BKT_JOB_SWEEP,
    BKT_JOB_END_LISTING,
};

struct bkt_job {
    enum bkt_job_kind kind;

    /* APPLY: sorted by key, no key twice.  `items` is the engine's and is not looked at. */
    struct bkt_change *changes;
    struct bkt_buf *bodies; /* with a raw one, the change's content is made of it, in place */
    struct bkt_checksum *checksums; /* of the raw ones */
    bool *is_raw;
    bool *is_torn; /* answered: the body does not match, and a failure was recorded */
    struct bkt_work_item **items;
    size_t count;
    bool durable;
    struct bkt_decode_policy policy;

    /* STAGE */
    struct bkt_absence *absences; /* `count` of them */
    struct bkt_arena arena;       /* their keys; APPLY: why objects failed */

    struct bkt_sweep sweep;           /* SWEEP */
    struct bkt_buf keys;              /* noted by its callbacks */
    uint64_t removed;                 /* rows, counted by them */
    bool keys_lost;                   /* memory was out: the sweep is done, but the job fails */
    struct bkt_listing_record record; /* END_LISTING */
    struct bkt_buf boundaries;        /* and what it leaves for the next listing */

    uint64_t listing; /* STAGE, SWEEP, END_LISTING: which one it belongs to */

    /* Answered: */
    int rc;
    struct bkt_error err;
    struct bkt_clock clock; /* after the commit; kinds that have none leave it */
    struct bkt_job *next;   /* for whoever queues jobs */
};

/* With room for `capacity` changes or absences; NULL when memory is out. */
BKT_MUST_CHECK struct bkt_job *bkt_job_new(enum bkt_job_kind kind, size_t capacity);

/* Bodies and all. */
void bkt_job_free(struct bkt_job *job);

/* For the callbacks of a sweep: keep the key in the job. */
void bkt_job_note_key(struct bkt_job *job, struct bkt_str key, bool is_deleted);

/* The keys that were noted, one by one; `at` begins as 0. */
bool bkt_job_next_key(const struct bkt_job *job,
                      size_t *at,
                      struct bkt_str *out_key,
                      bool *out_is_deleted);

/* Do it; rc and err are left in the job. */
void bkt_job_run(struct bkt_job *job, const struct bkt_table_target *target);

#endif
