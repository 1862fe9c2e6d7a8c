/*
 * HTTP/1.1 over libcurl's multi interface; nothing else includes curl.h.
 *
 * One struct bkt_http is one event loop (epoll), owned by one thread; any number may exist.  Only
 * bkt_http_wakeup() may be called from another thread.  No redirect is followed, no body is
 * decompressed, no status is an error here: an answer is an answer, and what fails is the way to
 * it. The URL is sent byte for byte as given (what was signed is what is sent).
 */
#ifndef AWS_HTTP_H
#define AWS_HTTP_H

#include "core/buf.h"

#include <bucketable/error.h>

struct bkt_http;

struct bkt_http_options {
    const char *ca_bundle;    /* file of PEM certificates; NULL: the system's */
    uint32_t connections_max; /* kept alive between requests; 0: 256 */
};

/* An answer with more headers, or more bytes of them, fails with BKT_ELIMIT. */
enum { BKT_HTTP_HEADERS_MAX = 256, BKT_HTTP_HEADER_BYTES_MAX = 256 << 10 };

struct bkt_http_header {
    struct bkt_str name;  /* as received; compare without case */
    struct bkt_str value; /* trimmed */
};

/* Valid until the callback that received it returns. */
struct bkt_http_response {
    int status;
    const struct bkt_http_header *headers;
    size_t header_count;
    struct bkt_buf *body;   /* may be taken with bkt_buf_take() */
    int64_t content_length; /* -1 when the server did not say */
};

/* The first header of that name (lower case), or an empty view. */
struct bkt_str bkt_http_header_get(const struct bkt_http_response *response, const char *name);

/*
 * Status and headers are in.  Return non-zero to end the request with that code.  May lower or
 * raise the body's ceiling through response->body->max, and reserve memory for it.
 */
typedef int bkt_http_head_fn(void *ctx, struct bkt_http_response *response, struct bkt_error *err);

/* A piece of the body, instead of collecting it in response->body. */
typedef int bkt_http_data_fn(void *ctx, struct bkt_str bytes, struct bkt_error *err);

/*
 * The end: `rc` BKT_OK with a whole answer, else BKT_ENET (reset, time-out, name not found, a body
 * shorter than announced; err->retriable tells what may pass by itself), BKT_ELIMIT (body over its
 * ceiling), BKT_ENOMEM, or what a callback returned.  Never called from inside bkt_http_start().
 */
typedef void bkt_http_done_fn(void *ctx,
                              int rc,
                              struct bkt_http_response *response,
                              const struct bkt_error *err);

struct bkt_http_request {
    const char *method;
    const char *url;               /* absolute, percent-encoded */
    const struct bkt_str *headers; /* "Name: value" each, without line ends */
    size_t header_count;
    struct bkt_str body;         /* copied */
    size_t body_bytes_max;       /* of the answer */
    uint32_t connect_timeout_ms; /* 0: 10 s */
    uint32_t stall_timeout_ms;   /* no byte moved for so long; 0: 20 s */
    uint32_t total_timeout_ms;   /* 0: none */
    bool no_proxy;               /* whatever the environment says (IMDS, ECS) */
    bool fresh_connection;       /* after a failure on a kept-alive one */
    uint64_t size_hint;          /* bytes of body that are expected: larger reads; 0: not known */
    bkt_http_head_fn *on_head;   /* may be NULL */
    bkt_http_data_fn *on_data;   /* may be NULL */
    bkt_http_done_fn *on_done;
    void *ctx;
};

BKT_MUST_CHECK int bkt_http_new(const struct bkt_http_options *options,
                                struct bkt_http **out_http,
                                struct bkt_error *err);

/* Requests under way end without a callback. */
void bkt_http_free(struct bkt_http *http);

/* Everything of `request` is copied.  `out_id` (never 0) may be NULL. */
BKT_MUST_CHECK int bkt_http_start(struct bkt_http *http,
                                  const struct bkt_http_request *request,
                                  uint64_t *out_id,
                                  struct bkt_error *err);

/* Its callbacks are not called any more.  An id that has ended is fine; so is a callback, anyone's.
 */
void bkt_http_cancel(struct bkt_http *http, uint64_t id);

/*
 * Wait until something happens, at most timeout_ms (-1: no limit, 0: do not wait), and call the
 * callbacks of what has.  Returns early after bkt_http_wakeup().
 */
BKT_MUST_CHECK int bkt_http_run_once(struct bkt_http *http, int timeout_ms, struct bkt_error *err);

/* From any thread, also from a signal handler: make bkt_http_run_once() return. */
void bkt_http_wakeup(struct bkt_http *http);

typedef void bkt_http_fd_fn(void *ctx, unsigned events);

/*
 * Another descriptor in the same wait: the callback runs inside bkt_http_run_once().  `events` is
 * EPOLLIN, EPOLLOUT or both; 0 removes, before the descriptor is closed.
 */
BKT_MUST_CHECK int bkt_http_watch_fd(struct bkt_http *http,
                                     int fd,
                                     unsigned events,
                                     bkt_http_fd_fn *fn,
                                     void *ctx,
                                     struct bkt_error *err);

/*
 * One request and its answer, for callers that may block (credentials, one-off questions); uses a
 * loop of its own.  The body is appended to `out_body` as far as that can grow; `on_*`, `ctx` and
 * `body_bytes_max` of the request are not used.
 */
BKT_MUST_CHECK int bkt_http_call(const struct bkt_http_options *options,
                                 const struct bkt_http_request *request,
                                 int *out_status,
                                 struct bkt_buf *out_body,
                                 struct bkt_error *err);

#endif
