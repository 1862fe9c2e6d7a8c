/*
 * Questions to the bucket, one at a time, each waited for: a page of its listing, an object.
 *
 * Threads: one, but for bkt_asker_stop().
 */
#ifndef API_ASKER_H
#define API_ASKER_H

#include "api/bucket.h"
#include "api/guard.h"
#include "table/lister.h"

#include <stdatomic.h>

/* All-zero is closed. */
struct bkt_asker {
    struct bkt_bucket bucket;
    struct bkt_guard guard; /* of the handle that asks */
    atomic_bool is_stopped;
    /* Asked some times a second while something is waited for; true: no more.  NULL: nobody is. */
    bool (*is_interrupted)(void *ctx);
    void *interrupt_ctx;
    int64_t asked_interrupt_ms; /* when that was asked last */
};

/* `config` was checked. */
BKT_MUST_CHECK int bkt_asker_open(struct bkt_asker *asker,
                                  const struct bkt_config *config,
                                  struct bkt_error *err);
void bkt_asker_close(struct bkt_asker *asker);

/* What waits fails soon, with BKT_ECANCELED.  From any thread, also from a signal handler. */
void bkt_asker_stop(struct bkt_asker *asker);

/* Let the loop turn once, for `timeout_ms` at most; -1: until something happens. */
BKT_MUST_CHECK int bkt_asker_turn(struct bkt_asker *asker, int timeout_ms, struct bkt_error *err);

/*
 * Let the loop turn until `*is_done`, which some callback sets.  After a failure requests are still
 * under way: whose answers have nowhere to go cancels them (bkt_s3_cancel()).
 */
BKT_MUST_CHECK int bkt_asker_wait(struct bkt_asker *asker,
                                  const bool *is_done,
                                  struct bkt_error *err);

/* Let the loop turn for so long. */
BKT_MUST_CHECK int bkt_asker_pause(struct bkt_asker *asker, int pause_ms, struct bkt_error *err);

/* The page is the caller's. */
BKT_MUST_CHECK int bkt_asker_page(struct bkt_asker *asker,
                                  const struct bkt_list_request *request,
                                  struct bkt_s3_page **out_page,
                                  struct bkt_error *err);

/* The page of a listing that begins with the object of that key, where there is one. */
BKT_MUST_CHECK int bkt_asker_find(struct bkt_asker *asker,
                                  struct bkt_str key,
                                  struct bkt_s3_page **out_page,
                                  struct bkt_error *err);

/* An answer; all-zero is an empty one. */
struct bkt_asked {
    enum bkt_s3_answer answer;
    struct bkt_object object; /* these two are views of `strings` */
    struct bkt_object_extra extra;
    char *strings;
    struct bkt_buf body;  /* OBJECT */
    struct bkt_error err; /* FAILED */
};

/* An object that was asked for.  All-zero but for `bytes_max` before. */
struct bkt_question {
    uint64_t bytes_max; /* a larger object is answered STOPPED */
    bool is_answered;
    bool lacks_memory; /* `asked` is not whole */
    struct bkt_asked asked;
};

/*
 * Ask without waiting; `key` is copied, `question` must live until it is answered, or canceled with
 * bkt_s3_cancel().  Many may be under way.
 */
BKT_MUST_CHECK int bkt_asker_start(struct bkt_asker *asker,
                                   struct bkt_str key,
                                   uint64_t size_hint,
                                   struct bkt_question *question,
                                   struct bkt_error *err);

/*
 * Read an object of at most `bytes_max` bytes; a larger one is answered STOPPED, and its body is
 * not read.  That the bucket answers with a failure is an answer, and no failure of this call.
 */
BKT_MUST_CHECK int bkt_asker_object(struct bkt_asker *asker,
                                    struct bkt_str key,
                                    uint64_t bytes_max,
                                    struct bkt_asked *out_asked,
                                    struct bkt_error *err);
void bkt_asked_clear(struct bkt_asked *asked);

#endif
