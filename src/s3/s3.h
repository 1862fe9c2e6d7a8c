/*
 * One bucket, seen through one network loop: listing, reading, asking whether it exists.
 *
 * Requests are signed, and retried with capped exponential back-off and jitter until
 * `retry_time_ms` have passed since the first failure; what a callback is told is final.  What can
 * be put right is, at once: another region, expired credentials, a clock that is off.  A status of
 * 200 is not believed by itself: an answer that is no page or no object is a failure like any
 * other.  While the server asks to slow down fewer objects are read at a time (pace.h); a small
 * object that is not answered within 2 seconds is asked for once more beside it; a large one whose
 * transfer broke is read on from there, as long as it is still the same.
 *
 * Threads: one, that of the loop.  Callbacks run inside bkt_http_run_once() or bkt_s3_tick(), never
 * inside the call that starts a request.
 */
#ifndef S3_S3_H
#define S3_S3_H

#include "aws/creds.h"
#include "aws/endpoint.h"
#include "aws/http.h"
#include "core/checksum.h"
#include "core/log.h"
#include "core/page.h"

struct bkt_s3;

/*
 * Bring `creds`, of `*generation`, up to date; must not wait.  `renew`: they were refused as
 * expired.  A failure that is `retriable` (they are being fetched) is tried again shortly.
 */
typedef int bkt_s3_creds_fn(
    void *ctx, bool renew, uint64_t *generation, struct bkt_creds *creds, struct bkt_error *err);

struct bkt_s3_options {
    struct bkt_http *http;                 /* borrowed */
    struct bkt_endpoint_s3_request bucket; /* copied */
    bool no_sign_request;
    bool request_payer;
    int64_t retry_time_ms;
    bkt_s3_creds_fn *creds; /* not asked with no_sign_request */
    void *creds_ctx;
    uint64_t seed;             /* of the jitter */
    const struct bkt_log *log; /* borrowed; NULL: nobody is told */
};

enum { BKT_S3_KINDS = 3, BKT_S3_ANSWER_CLASSES = 6 };

struct bkt_s3_stats {
    uint64_t list_requests; /* attempts, each */
    uint64_t get_requests;
    uint64_t other_requests;
    uint64_t retries;
    uint64_t throttled; /* answers that asked us to slow down */
    /* Listings, GETs, others; by the hundreds of the status, [0] for none. */
    uint64_t answers[BKT_S3_KINDS][BKT_S3_ANSWER_CLASSES];
    uint64_t hedges; /* second requests beside a slow first one; get_requests has them, too */
};

BKT_MUST_CHECK int bkt_s3_new(const struct bkt_s3_options *options,
                              struct bkt_s3 **out_s3,
                              struct bkt_error *err);

/* Requests under way end without a callback: all, or those that `ctx` was given to. */
void bkt_s3_cancel_all(struct bkt_s3 *s3);
void bkt_s3_cancel(struct bkt_s3 *s3, const void *ctx);
void bkt_s3_free(struct bkt_s3 *s3);

/* Start the retries that are due, and call back for what could not be started. */
void bkt_s3_tick(struct bkt_s3 *s3, int64_t now_ms);

/* Until the next retry is due; -1: none waits. */
int bkt_s3_wait_ms(const struct bkt_s3 *s3, int64_t now_ms);

struct bkt_s3_stats bkt_s3_stats(const struct bkt_s3 *s3);

/* "s3://bucket", and the region that requests are signed for, as is known by now. */
const char *bkt_s3_region(const struct bkt_s3 *s3);

/* A page and its owner: the memory that it lies in, which is given to whoever gets the page. */
struct bkt_s3_page {
    struct bkt_page page;
    struct bkt_buf body;
    struct bkt_arena arena;
};
void bkt_s3_page_free(struct bkt_s3_page *page);

/* `page` NULL: it failed. */
typedef void bkt_s3_page_fn(void *ctx,
                            uint64_t id,
                            struct bkt_s3_page *page,
                            const struct bkt_error *err);

/* Texts are copied; empty ones are left out of the request. */
struct bkt_s3_list {
    struct bkt_str prefix;
    struct bkt_str start_after;
    struct bkt_str token;
    uint32_t max_keys; /* 0: the server's 1,000 */
    uint64_t id;       /* passed on */
    bkt_s3_page_fn *on_page;
    void *ctx;
};
BKT_MUST_CHECK int bkt_s3_list(struct bkt_s3 *s3,
                               const struct bkt_s3_list *list,
                               struct bkt_error *err);

enum bkt_s3_answer {
    BKT_S3_OBJECT,
    BKT_S3_NOT_MODIFIED,
    BKT_S3_NO_SUCH_KEY, /* and the answer said so, not just 404 */
    BKT_S3_STOPPED,     /* on_size wanted it so */
    BKT_S3_FAILED,
};

/* Valid until the callback returns; `body` may be taken. */
struct bkt_s3_object {
    enum bkt_s3_answer answer;
    struct bkt_object object;
    struct bkt_object_extra extra;
    struct bkt_buf *body;
    struct bkt_checksum checksum; /* OBJECT: not verified yet; or none */
    const struct bkt_error *err;  /* FAILED */
};

typedef void bkt_s3_object_fn(void *ctx, uint64_t id, struct bkt_s3_object *object);

/* The head of a whole object is in.  False: do not read on. */
typedef bool bkt_s3_size_fn(void *ctx, uint64_t id, uint64_t size);

struct bkt_s3_get {
    struct bkt_str key;
    struct bkt_str if_none_match; /* an ETag without quotes; empty: none */
    uint64_t size_hint;           /* 0: not known */
    uint64_t id;                  /* passed on */
    bkt_s3_size_fn *on_size;      /* may be NULL */
    bkt_s3_object_fn *on_object;
    void *ctx;
};
BKT_MUST_CHECK int bkt_s3_get(struct bkt_s3 *s3,
                              const struct bkt_s3_get *get,
                              struct bkt_error *err);

/* `err` NULL: the bucket exists and may be listed. */
typedef void bkt_s3_bucket_fn(void *ctx, const struct bkt_error *err);
BKT_MUST_CHECK int bkt_s3_bucket(struct bkt_s3 *s3,
                                 bkt_s3_bucket_fn *on_bucket,
                                 void *ctx,
                                 struct bkt_error *err);

#endif
