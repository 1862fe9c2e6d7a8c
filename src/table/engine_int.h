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

/* A page that was asked for. */
struct list_flight {
    bool is_used;
    size_t chain;
};

struct bkt_engine {
    struct bkt_engine_options options;
    struct bkt_clock clock; /* the newest committed one known */
    int64_t now_ms;
    uint64_t row_count;
    struct bkt_engine_counts counts;

    enum listing_phase phase;
    bool list_asked;
    int64_t list_after_ms;  /* not before, after one that failed */
    unsigned list_failures; /* in a row */
    uint64_t listings_ended;
    uint64_t listing; /* the number of the one under way; a failed one's jobs are still about */
    bool rows_lack_columns;
    int64_t hold_at_ms; /* when it is to be said next that we list */
    bool hold_is_out;
    bool was_told_to_wait; /* for another process's listing */
    struct bkt_lister *lister;
    struct list_flight *flights; /* list_concurrency of them */
    struct bkt_slots slots;
    struct bkt_boundaries boundaries; /* for the next listing */
    size_t flight_count;
    struct bkt_merge *merge_first, *merge_last;
    size_t merge_count;
    struct bkt_job *stage; /* being filled */
    struct bkt_listing_record record;
    uint64_t failed_count; /* as the newest listing's record has it */

    struct bkt_work work;
    struct bkt_work_item **reading; /* get_concurrency places */
    size_t reading_count;
    size_t listed_work; /* entries that the listing under way waits for */
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

/* engine_listing.c */
int bkt_engine_listing_step(struct bkt_engine *engine, struct bkt_error *err);
bool bkt_engine_listing_want(struct bkt_engine *engine, struct bkt_want *out_want);
void bkt_engine_listing_job_done(struct bkt_engine *engine, struct bkt_job *job);
void bkt_engine_listing_clear(struct bkt_engine *engine);
bool bkt_engine_listing_is_held(const struct bkt_engine *engine); /* and to be said so again */

/* engine_work.c */
int bkt_engine_work_step(struct bkt_engine *engine, int64_t now_ms, struct bkt_error *err);
bool bkt_engine_work_want(struct bkt_engine *engine, struct bkt_want *out_want);
void bkt_engine_work_job_done(struct bkt_engine *engine, struct bkt_job *job);
int bkt_engine_work_add(struct bkt_engine *engine,
                        struct bkt_str key,
                        const struct bkt_state_row *row,
                        const struct bkt_object *listed);

#endif
