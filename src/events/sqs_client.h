/*
 * Requests to one SQS queue, signed; what they failed with, in words that say what to do.
 *
 * Expired credentials and a wrong clock are put right here, once a request, and the request is
 * sent again; everything else that may pass is the user's to try again, at its own pace.
 *
 * Threads: one, that of the loop.  Callbacks run inside bkt_http_run_once().
 */
#ifndef EVENTS_SQS_CLIENT_H
#define EVENTS_SQS_CLIENT_H

#include "aws/caller.h"
#include "events/sqs_error.h"
#include "events/sqs_protocol.h"

struct bkt_sqs_client;

struct bkt_sqs_client_options {
    struct bkt_http *http;                 /* borrowed */
    struct bkt_endpoint_sqs_request queue; /* with the queue's URL; copied */
    bool no_sign_request;
    bkt_creds_fn *creds;
    void *creds_ctx;
};

BKT_MUST_CHECK int bkt_sqs_client_new(const struct bkt_sqs_client_options *options,
                                      struct bkt_sqs_client **out_client,
                                      struct bkt_error *err);

/* NULL is fine.  Requests under way end without a callback. */
void bkt_sqs_client_free(struct bkt_sqs_client *client);

/* The queue's URL, for request bodies; ended by a NUL. */
struct bkt_str bkt_sqs_client_queue_url(const struct bkt_sqs_client *client);

struct bkt_sqs_failure {
    enum bkt_sqs_fault fault; /* BKT_SQS_FAULT_TRANSIENT when no answer came */
    char cause[96];           /* tells one reason from another: "AccessDenied", "network" */
    struct bkt_error err;     /* `retriable` tells whether it may pass by itself */
};

/*
 * The end of a request: `answer` is the body of a 200 and `failure` NULL, or the reverse.  Valid
 * until the callback returns.
 */
typedef void bkt_sqs_done_fn(void *ctx,
                             const struct bkt_str *answer,
                             const struct bkt_sqs_failure *failure);

struct bkt_sqs_call {
    enum bkt_sqs_action action;
    struct bkt_buf body; /* taken over, whatever comes of it */
    unsigned wait_s;     /* how long the server may think about it */
    bkt_sqs_done_fn *on_done;
    void *ctx;
};

/*
 * `on_done` is not called inside; when this fails it is never called.  `out_id` may be NULL for who
 * will not cancel.
 */
BKT_MUST_CHECK int bkt_sqs_client_start(struct bkt_sqs_client *client,
                                        struct bkt_sqs_call *call,
                                        uint64_t *out_id,
                                        struct bkt_sqs_failure *failure);

/*
 * What a failure to read the answer to `action`, in `failure->err`, means: as if the server had
 * failed for the moment.
 */
void bkt_sqs_client_garbled(const struct bkt_sqs_client *client,
                            enum bkt_sqs_action action,
                            struct bkt_sqs_failure *failure);

/* Its callback is not called any more.  An id that has ended is fine. */
void bkt_sqs_client_cancel(struct bkt_sqs_client *client, uint64_t id);

#endif
