/*
 * A world around the engine: bucket, queue, target, processes, network, disk and time, all from one
 * seed.  docs/internals/simulation.md says what it does and what it checks.
 */
#ifndef SIM_H
#define SIM_H

#include "sim_bucket.h"
#include "sim_rng.h"

#include "table/engine.h"

#include <bucketable/base.h>

enum {
    SIM_SLOTS = 3,      /* places for processes */
    SIM_PROCESSES = 64, /* over a world's life */
    SIM_READS = 4,
    SIM_LISTS = 3,
    SIM_JOBS = 4,
    SIM_MESSAGES = 512,
    SIM_EVENTS = 2048,
    SIM_TURNS = 200000, /* a world that is not at rest by then is stuck */
};

#define BKT_SIM_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A state row, the user's row, and what the history checker keeps. */
struct sim_row {
    bool is_known; /* there is a state row */
    unsigned flags;
    uint64_t revision;
    unsigned content; /* of the row */
    unsigned failed_content;
    uint32_t decode;
    /* The checker's: they outlive the state row. */
    uint32_t version;   /* of the object that the row shows, or shows to be absent */
    uint32_t accounted; /* the newest version that any commit came from, failures too */
};

struct sim_absent {
    bool is_staged;
    uint64_t read_at;
    /* The checker's: a page of this listing showed the key to be no row, in that version. */
    bool is_proved;
    uint32_t version;
};

/* Everything that a transaction changes. */
struct sim_db {
    struct bkt_clock clock;
    unsigned spec;
    struct sim_row rows[SIM_KEYS];
    struct sim_absent absent[SIM_KEYS];
    uint32_t listings; /* begun */
};

enum sim_event_kind {
    SIM_WRITE,
    SIM_START,
    SIM_STOP,
    SIM_CRASH,
    SIM_POWER_CUT,
    SIM_LIST_AGAIN,
    SIM_NEW_SPEC,
    SIM_BUCKET_GOES,
    SIM_BUCKET_IS_BACK,
    SIM_POLL,
    SIM_DELETE_MESSAGE,
    SIM_READ_SERVED,
    SIM_READ_ANSWERED,
    SIM_PAGE_SERVED,
    SIM_PAGE_ANSWERED,
    SIM_BUCKET_SERVED,
    SIM_BUCKET_ANSWERED,
    SIM_JOB_RUNS,
    SIM_JOB_IS_DONE,
    SIM_TIMER,
};

struct sim_event {
    int64_t at_ms;
    uint32_t order; /* of those at the same time */
    enum sim_event_kind kind;
    struct sim_process *process; /* NULL: the world's own */
    uint64_t id;
};

/* A message about one key, and the receipts of its deliveries (tickets of the engine). */
struct sim_message {
    unsigned key;
    uint32_t version;
    bool is_put;
    unsigned content; /* as its ETag tells; nobody looks */
    int64_t visible_ms;
    bool is_deleted;
};

struct sim_receipt {
    struct sim_process *process;
    uint32_t message;
    bool is_out;
};

struct sim_read {
    bool is_used;
    unsigned key;
    struct bkt_str if_none_match; /* the engine's view: good until the answer, as it says */
    struct sim_seen seen;
    enum bkt_read_kind kind;
};

/* As many as the engine's chains ever are for ten keys; a page of each at a time. */
enum { SIM_CHAINS = 64 };

struct sim_list {
    bool is_used;
    struct bkt_list_request request; /* the engine's views, too */
    struct sim_page *page;
};

/* One run of the program. */
struct sim_process {
    struct sim_world *world;
    unsigned name;
    unsigned slot;
    bool is_live;
    bool is_dead;  /* nothing reaches its engine any more */
    bool is_dying; /* crashes when the call that it is in returns */
    bool is_stopping;
    unsigned spec;
    uint64_t epoch;
    struct bkt_engine *engine;
    struct bkt_table_target target;
    struct sim_read reads[SIM_READS];
    struct sim_list lists[SIM_CHAINS];
    uint32_t lists_out;
    struct bkt_error bucket_answer;
    struct bkt_job *jobs[SIM_JOBS]; /* given, in order; the first runs */
    size_t job_count;
    bool is_job_running, is_job_done;
    bool is_bucket_asked;
    int64_t timer_ms; /* when the engine wants to be asked again; -1: never */
    uint32_t receipts_out;
    /* The checker's. */
    struct sim_seen read[SIM_KEYS];   /* what the last read of each key was answered */
    struct sim_seen listed[SIM_KEYS]; /* what the listing under way showed */
    unsigned listed_from[SIM_KEYS];   /* and where the pages began that showed it */
    unsigned chain_from[SIM_CHAINS];  /* where each chain last began without a token */
    uint32_t listing_writes;          /* the bucket's writes when that began */
    uint32_t listing_number;
    uint64_t listing_rows;
    uint64_t told[3]; /* UPSERT, DELETE, FAILED events */
    bool has_lost_answers;
};

struct sim_faults {
    uint32_t read_fails, list_fails, list_lies, commit_fails, answer_lost, scan_fails,
        crash_in_call, interleave, duplicate, lose, unfiltered, final_failure;
    uint32_t slow; /* of a thousand answers are much later than the others */
};

struct sim_stats {
    uint64_t worlds, turns, commits, refused, settled, listings, sweeps, guards, crashes;
};

struct sim_world {
    uint64_t seed;
    bool is_traced;
    struct sim_rng rng;
    int64_t now_ms;
    int64_t storm_ends_ms;
    bool is_resting;
    bool final_listing_asked;
    uint32_t turns;
    struct sim_faults faults;

    struct sim_bucket bucket;
    uint32_t hot_keys; /* so many keys are written */
    uint32_t writes_left;
    uint32_t write_gap_ms;
    int64_t bucket_back_ms;

    struct sim_message messages[SIM_MESSAGES];
    uint32_t message_count;
    struct sim_receipt receipts[SIM_MESSAGES * 8];
    uint32_t receipt_count;
    bool listing_is_owed; /* something was lost that only a listing finds */
    bool has_queue;

    struct sim_db db;      /* as committed */
    struct sim_db durable; /* as a power cut leaves it */
    unsigned spec;         /* of processes that start now */
    bool is_guarded;
    uint64_t max_deletes;
    uint64_t memory_limit;
    uint32_t list_concurrency, get_concurrency;

    struct sim_process *slots[SIM_SLOTS];
    bool slot_is_live[SIM_SLOTS];
    unsigned slot_count;
    struct sim_process *processes[SIM_PROCESSES];
    unsigned process_count;
    unsigned yields; /* depth of interleaving */

    struct sim_event events[SIM_EVENTS];
    uint32_t event_count;
    uint32_t event_order;

    struct sim_stats *stats;
    bool has_failed;
    char failure[512];
};

/* Run one world to its end.  False: a rule was broken, and `failure` says which. */
bool sim_run(struct sim_world *world, uint64_t seed, bool is_traced, struct sim_stats *stats);

/* sim_world.c */
void sim_fail(struct sim_world *world, const char *fmt, ...) BKT_PRINTF(2, 3);
void sim_trace(const struct sim_world *world, const char *fmt, ...) BKT_PRINTF(2, 3);
void sim_at(struct sim_world *world,
            uint32_t delay_ms,
            enum sim_event_kind kind,
            struct sim_process *process,
            uint64_t id);
uint32_t sim_latency_ms(struct sim_world *world);

/* Let what others do happen now, in the midst of a call of `process`. */
void sim_yield(struct sim_process *process);

/* sim_process.c */
void sim_process_start(struct sim_world *world, unsigned slot);
void sim_process_event(struct sim_process *process, const struct sim_event *event);
void sim_process_die(struct sim_process *process);
void sim_process_free(struct sim_process *process);
void sim_process_pump(struct sim_process *process);
void sim_process_stop(struct sim_process *process);
bool sim_process_is_idle(const struct sim_process *process);
void sim_process_poll(struct sim_process *process);

/* sim_queue.c */
void sim_queue_add(struct sim_world *world, unsigned key);
/* NULL: nothing to receive.  The receipt is out until it is settled or its process dies. */
struct sim_receipt *sim_queue_receive(struct sim_process *process);
void sim_queue_delete(struct sim_world *world, uint32_t message);
bool sim_queue_is_empty(const struct sim_world *world);

/* sim_target.c */
struct bkt_table_target sim_target(struct sim_process *process);

/* sim_check.c: what must hold, told by nobody but the bucket's own version numbers. */
void sim_check_change(struct sim_process *process,
                      unsigned key,
                      struct sim_row *row,
                      const struct bkt_change *change);
void sim_check_sweep(struct sim_process *process,
                     unsigned key,
                     struct sim_row *row,
                     const struct sim_absent *absent);
void sim_check_removed(struct sim_process *process, uint64_t removed);
void sim_check_listed(struct sim_process *process);
void sim_check_failed(struct sim_process *process);
void sim_check_settled(struct sim_process *process, const struct sim_receipt *receipt);
void sim_check_engine(struct sim_process *process);
void sim_check_idle(struct sim_process *process);
void sim_check_rest(struct sim_world *world);

#endif
