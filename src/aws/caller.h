/*
 * Requests to one endpoint, signed with the credentials and by the clock that are right now.
 *
 * What a refusal says of either is put right here: bkt_caller_renew() after "expired",
 * bkt_caller_adopt_clock() after "skewed"; whether and when to send again is the user's.
 *
 * Threads: one, that of the loop.
 */
#ifndef AWS_CALLER_H
#define AWS_CALLER_H

#include "aws/creds.h"
#include "aws/endpoint.h"
#include "aws/http.h"
#include "aws/sigv4.h"

/* Who signs, and for where: views of both. */
struct bkt_sigv4_identity bkt_caller_identity(const struct bkt_creds *creds,
                                              const struct bkt_endpoint *endpoint);

/*
 * The credentials to sign with now; must not wait: BKT_EBUSY while they are being fetched.
 * `renew`: those given before were refused as expired.
 */
typedef int bkt_creds_fn(void *ctx, bool renew, struct bkt_creds *out, struct bkt_error *err);

struct bkt_caller_options {
    struct bkt_http *http; /* borrowed */
    bool no_sign_request;
    bkt_creds_fn *creds; /* not asked with no_sign_request */
    void *creds_ctx;
};

struct bkt_caller {
    struct bkt_caller_options options;
    struct bkt_endpoint endpoint;
    struct bkt_sigv4 *signer;
    struct bkt_sigv4_lines lines;
    struct bkt_buf url;
    struct bkt_creds creds;
    int64_t creds_asked_ms; /* monotonic; BKT_TIME_NONE: never */
    int64_t skew_ms;        /* the server's wall time less ours */
};

BKT_MUST_CHECK int bkt_caller_init(struct bkt_caller *caller,
                                   const struct bkt_caller_options *options,
                                   const struct bkt_endpoint *endpoint,
                                   struct bkt_error *err);

/* All-zero is fine.  Requests under way are not canceled: they are their owner's. */
void bkt_caller_clear(struct bkt_caller *caller);

enum { BKT_CALL_HEADERS_MAX = 8 };

struct bkt_call {
    struct bkt_http_request http;           /* its url and headers are set by the caller */
    const struct bkt_sigv4_header *headers; /* sent and signed, besides those of the signature */
    size_t header_count;                    /* at most BKT_CALL_HEADERS_MAX */
    struct bkt_str query;                   /* percent-encoded, without `?`; may be empty */
};

/* Sign and start a request to the endpoint's base path (or `/`).  As bkt_http_start(). */
BKT_MUST_CHECK int bkt_caller_start(struct bkt_caller *caller,
                                    const struct bkt_call *call,
                                    uint64_t *out_id,
                                    struct bkt_error *err);

/* Ask for other credentials than the ones that were refused. */
BKT_MUST_CHECK int bkt_caller_renew(struct bkt_caller *caller, struct bkt_error *err);

/* How far the server's clock, by its Date header, is ahead of the one we sign by.  False: none. */
bool bkt_caller_clock_gap(const struct bkt_caller *caller,
                          const struct bkt_http_response *response,
                          int64_t *out_ms);

/* Sign by the server's clock from now on.  False: the answer does not tell it. */
bool bkt_caller_adopt_clock(struct bkt_caller *caller, const struct bkt_http_response *response);

#endif
