/*
 * The engine: keeps the table equal to the bucket, between its two sockets.
 *
 * A step machine.  It does no I/O and never waits: the driver asks what it wants next, does that in
 * its own way and time, and answers; so a test can stand in for the network, the disk and the
 * clock.  (One exception: rows of state are scanned through the target's socket, on the engine's
 * own thread.)  The rule that it keeps is the read clock, docs/internals/read-clock.md.
 *
 *     listing, events ──► work, an entry a key ──► READ ──► APPLY, a batch ──► gone
 *
 * Threads: one.  Jobs may run on another thread while the engine goes on.
 */
#ifndef TABLE_ENGINE_H
#define TABLE_ENGINE_H

#include "table/decode.h"
#include "table/filter.h"
#include "table/job.h"
#include "table/lister.h"
#include "table/table_source.h"
#include "table/table_target.h"

struct bkt_engine;

/* How many rows a listing may remove. */
struct bkt_delete_limit {
    bool is_percent; /* of the rows before it; lets tables under 20 rows through */
    uint64_t value;
};

/* Of objects, but for the bytes of content committed. */
struct bkt_engine_counts {
    uint64_t listed, matched, added, updated, deleted, unchanged, failed, bytes;
    uint64_t missed; /* changes that a listing after the first one found before any event did */
};

/* How it is, now. */
struct bkt_engine_condition {
    bool is_listing;
    bool is_failing; /* what TROUBLE told has not been put right: listing, bucket or target */
    uint64_t row_count;
    uint64_t failed_count; /* keys with FAILED, counted at the end of the newest listing */
    size_t working_on;     /* keys, but for those that wait to be tried again */
};

enum bkt_engine_event {
    BKT_EVENT_UPSERT,  /* committed */
    BKT_EVENT_DELETE,  /* committed */
    BKT_EVENT_FAILED,  /* recorded: `text` says why */
    BKT_EVENT_LISTING, /* a listing begins; no key */
    BKT_EVENT_LISTED,  /* a listing is complete and in the table; no key */
    BKT_EVENT_TROUBLE, /* when it lives: what would have ended it otherwise; no key */
};

/* After the fact; views are valid until it returns.  It may ask the engine how it is, no more. */
typedef void bkt_engine_event_fn(void *ctx,
                                 enum bkt_engine_event event,
                                 struct bkt_str key,
                                 struct bkt_str text);

/* Everything is borrowed and must outlive the engine. */
struct bkt_engine_options {
    const struct bkt_filter *filter;
    const char *bucket;                    /* for messages */
    const struct bkt_table_target *target; /* attached */
    struct bkt_attached attached;
    struct bkt_decode_policy policy;
    unsigned columns;
    uint32_t list_concurrency;
    uint32_t get_concurrency;
    uint64_t memory_limit; /* bytes of objects read and not yet committed */
    struct bkt_delete_limit max_deletes;
    uint64_t seed; /* for hashing */

    /*
     * It goes on after the first listing: a failed listing is begun again later, a transient
     * failure of the target is ridden out, a key that could not be read is tried again by itself.
     */
    bool is_live;

    bkt_engine_event_fn *on_event; /* may be NULL */
    /* The key that came with the ticket is durable.  May be NULL where there are no tickets. */
    void (*on_settled)(void *ctx, void *ticket);
    void *ctx;
};

enum bkt_want_kind {
    BKT_WANT_NOTHING, /* until an answer comes, or bkt_engine_wait_ms() has passed */
    BKT_WANT_LIST,    /* answer: bkt_engine_listed() */
    BKT_WANT_READ,    /* answer: bkt_engine_read() */
    BKT_WANT_BUCKET,  /* does it exist?  answer: bkt_engine_bucket_exists() */
    BKT_WANT_JOB,     /* run it, in the order asked; answer: bkt_engine_job_done() */
};

/* Views are valid until the answer is given. */
struct bkt_want {
    enum bkt_want_kind kind;
    uint64_t id; /* LIST, READ: names the question in its answer */
    struct bkt_list_request list;
    struct {
        struct bkt_str key;
        struct bkt_str if_none_match; /* empty: unconditional */
        uint64_t size_hint;           /* 0: not known */
    } read;
    struct bkt_job *job;
};

BKT_MUST_CHECK int bkt_engine_new(const struct bkt_engine_options *options,
                                  struct bkt_engine **out_engine,
                                  struct bkt_error *err);

/* Jobs that are running must be done before. */
void bkt_engine_free(struct bkt_engine *engine);

/* List the bucket (again).  While one is under way, another follows it. */
void bkt_engine_list(struct bkt_engine *engine);

/*
 * Something may have happened to that key: read it, and commit what was found with a new revision,
 * whatever it is.  `ticket` (not NULL) is given back once, by on_settled, when that is durable.
 */
BKT_MUST_CHECK int bkt_engine_touch(struct bkt_engine *engine,
                                    struct bkt_str key,
                                    void *ticket,
                                    struct bkt_error *err);

/*
 * The key's row is not to be trusted, whatever its state says: read it without a condition, and
 * write what was found.
 */
BKT_MUST_CHECK int bkt_engine_reread(struct bkt_engine *engine,
                                     struct bkt_str key,
                                     struct bkt_error *err);

/* How many keys are being worked on; who touches many waits while they are too many. */
size_t bkt_engine_backlog(const struct bkt_engine *engine);

/* Want nothing new; commit what is read. */
void bkt_engine_stop(struct bkt_engine *engine);

/*
 * What next?  A failure is final: of the listing, of the target, or a guard's (BKT_EGUARD).  What
 * was committed stays.
 */
BKT_MUST_CHECK int bkt_engine_next(struct bkt_engine *engine,
                                   int64_t now_ms,
                                   struct bkt_want *out_want,
                                   struct bkt_error *err);

/* How long NOTHING lasts at most when no answer comes; -1: for ever. */
int bkt_engine_wait_ms(const struct bkt_engine *engine, int64_t now_ms);

/* No listing is under way or asked for, and no key is being worked on. */
bool bkt_engine_is_idle(const struct bkt_engine *engine);

/* The server refused a listing's page for the rate of requests; it is being tried again. */
void bkt_engine_throttled(struct bkt_engine *engine);

/* `page` is taken over; NULL with the failure `why` of a listing. */
void bkt_engine_listed(struct bkt_engine *engine,
                       uint64_t id,
                       const struct bkt_page *page,
                       const struct bkt_error *why);

/*
 * The head of a read's answer is in, and tells the size.  False: read no further (it is no row, or
 * there is no room for it now) and answer BKT_READ_STOPPED.
 */
bool bkt_engine_admit(struct bkt_engine *engine, uint64_t id, uint64_t size);

/* What is left in `read->body` is taken over. */
void bkt_engine_read(struct bkt_engine *engine, uint64_t id, struct bkt_read *read);

/* `why` NULL: it does. */
void bkt_engine_bucket_exists(struct bkt_engine *engine, const struct bkt_error *why);

void bkt_engine_job_done(struct bkt_engine *engine, struct bkt_job *job);

struct bkt_engine_counts bkt_engine_counts(const struct bkt_engine *engine);
struct bkt_engine_condition bkt_engine_condition(const struct bkt_engine *engine);

#endif
