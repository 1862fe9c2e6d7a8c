/* The engine's own state, shared by its files and nobody else. */
#ifndef TABLE_ENGINE_INT_H
#define TABLE_ENGINE_INT_H

#include "table/boundaries.h"
#include "table/engine.h"
#include "table/merge.h"
#include "table/slots.h"
#include "table/work.h"

#ifndef BKT_SMALL_LIMITS
enum {
    BATCH_CHANGES_MAX = 1000,
    BATCH_CHANGES_ENOUGH = 256, /* worth a transaction at once */
    BATCH_BYTES_MAX = 8 << 20,
    WORK_MAX = 10000,  /* keys; listings wait beyond; and as many that wait to be tried again */
    MERGE_ROWS = 4096, /* state rows in one go */
    READ_BYTES_UNKNOWN = 64 << 10,
    READ_BYTES_OVERHEAD = 2 << 10,
};
#else /* the simulation's, which has ten keys */
enum {
    BATCH_CHANGES_MAX = 3,
    BATCH_CHANGES_ENOUGH = 2,
    BATCH_BYTES_MAX = 100,
    WORK_MAX = 4,
    MERGE_ROWS = 2,
    READ_BYTES_UNKNOWN = 16,
    READ_BYTES_OVERHEAD = 1,
};
#endif

enum {
    BATCH_ENOUGH_PART = 4, /* of as many as the target wants: that part is worth one, too */
    BATCH_LINGER_MS = 20,  /* while more is being read, a small batch waits so long */
    JOBS_OUT_MAX = 2,      /* one runs, the next is at hand */
    JOBS_READY_MAX = 4,
    SMALL_TABLE_ROWS = 20, /* a percentage of deletes lets smaller tables through */
    OVERTAKEN_MAX = 5,     /* listings in a row that another one overtook, when it does not live */
    RETRY_JOB_MS = 1000,
    HOLD_LISTING_MS = 5000, /* so often it is said that we still list */
    WAIT_FOR_LISTER_MS = 2000,
    RETRY_LISTING_MS = 5000, /* and READ: doubled each time, up to the next */
    RETRY_MAX_MS = 300000,
};

/*
 *   NONE ──► ASKS ──► BEGINS ──► RUNS ──► SWEEPS ──► DRAINS ──► ENDS ──► NONE
 *
 * From any but NONE it may go to FAILED, and from there to NONE; another is begun later.
 */
enum listing_phase {
    LISTING_NONE,
    LISTING_ASKS,   /* whether another process lists */
    LISTING_BEGINS, /* the floor is being taken */
    LISTING_RUNS,   /* pages are asked for and merged */
    LISTING_SWEEPS, /* what was proved absent is being removed */
    LISTING_DRAINS, /* keys that it found are being read and committed */
    LISTING_ENDS,   /* the record is being written */
    LISTING_FAILED, /* the last of its pages are waited for */
};

/* The listing under way, and what one leaves for the next. */
struct listing {
    enum listing_phase phase;
    uint64_t number;   /* of the one under way; a failed one's jobs are still about */
    uint64_t ended;    /* so many were complete */
    bool is_asked;     /* for the next one */
    int64_t after_ms;  /* and not before, after one that failed */
    unsigned failures; /* in a row */
    bool rows_lack_columns;
    int64_t hold_at_ms; /* when it is to be said next that we list */
    bool hold_is_out;
    bool was_told_to_wait;           /* for another process's listing */
    struct bkt_engine_counts before; /* when it began */
    uint64_t failed_count;           /* as the newest one's record has it */
    size_t work_count;               /* entries that it waits for */

    struct bkt_lister *lister;
    struct bkt_slots slots;
    size_t pages_out; /* asked for */
    struct bkt_merge *merge_first, *merge_last;
    size_t merge_count;
    struct bkt_job *absences;         /* being filled; NULL: none are to be staged */
    struct bkt_boundaries boundaries; /* for the next one */
};

struct bkt_engine {
    struct bkt_engine_options options;
    struct bkt_clock clock; /* the newest committed one known */
    int64_t now_ms;
    uint64_t row_count;
    struct bkt_engine_counts counts;

    struct listing listing;

    struct bkt_work work;
    struct bkt_work_item **reading; /* get_concurrency places */
    size_t reading_count;
    uint64_t reserved_bytes;
    int64_t ready_since_ms;  /* when the oldest READ entry was first seen */
    size_t bucket_asked_for; /* so many of the oldest UNCONFIRMED entries */

    struct bkt_job *job_first, *job_last; /* ready to be wanted */
    size_t job_ready;
    size_t job_out;
    int64_t wake_at_ms;    /* when the first of WAITING is due, or earlier; INT64_MAX: none */
    int64_t jobs_after_ms; /* none is wanted before: one has just failed */

    bool target_fails; /* the last job is to be tried again */
    bool bucket_fails; /* it could not be asked whether it exists */
    bool is_stopping;
    int rc; /* the failure that ended it */
    struct bkt_error err;
};

/* engine.c */
int bkt_engine_fail(struct bkt_engine *engine, int rc, const struct bkt_error *err);
int64_t bkt_engine_retry_delay_ms(unsigned failures);
void bkt_engine_queue_job(struct bkt_engine *engine, struct bkt_job *job);
void bkt_engine_tell(struct bkt_engine *engine,
                     enum bkt_engine_event event,
                     struct bkt_str key,
                     struct bkt_str text);

void bkt_engine_tell_trouble(struct bkt_engine *engine, const char *text);

/* engine_listing.c: a listing from its floor to its record. */
int bkt_engine_listing_step(struct bkt_engine *engine, struct bkt_error *err);
void bkt_engine_listing_job_done(struct bkt_engine *engine, struct bkt_job *job);
bool bkt_engine_listing_is_held(const struct bkt_engine *engine); /* and to be said so again */
void bkt_engine_listing_fail(struct bkt_engine *engine, int rc, const struct bkt_error *err);
void bkt_engine_listing_end_failed(struct bkt_engine *engine);

/* engine_pages.c: its pages, merged with the state. */
int bkt_engine_pages_begin(struct bkt_engine *engine, struct bkt_error *err);
int bkt_engine_pages_merge(struct bkt_engine *engine, struct bkt_error *err);
void bkt_engine_pages_stage(struct bkt_engine *engine); /* the last absences */
bool bkt_engine_pages_are_done(const struct bkt_engine *engine);
bool bkt_engine_pages_want(struct bkt_engine *engine, struct bkt_want *out_want);
void bkt_engine_pages_clear(struct bkt_engine *engine);

/* engine_work.c: a key from the moment that something may be new with it to its being read. */
int bkt_engine_work_add(struct bkt_engine *engine,
                        struct bkt_str key,
                        const struct bkt_state_row *row,
                        const struct bkt_object *listed);
bool bkt_engine_work_want(struct bkt_engine *engine, struct bkt_want *out_want);
void bkt_engine_work_release(struct bkt_engine *engine, struct bkt_work_item *item);
void bkt_engine_work_try_later(struct bkt_engine *engine, struct bkt_work_item *item);

/* engine_commit.c: from there to its row. */
int bkt_engine_commit_step(struct bkt_engine *engine);
void bkt_engine_commit_job_done(struct bkt_engine *engine, struct bkt_job *job);

#endif
