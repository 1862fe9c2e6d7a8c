/*
 * A question to a service that gives credentials away, with a few tries; it blocks.
 */
#ifndef AWS_CREDS_HTTP_H
#define AWS_CREDS_HTTP_H

#include "aws/creds_source.h"

struct bkt_creds_request {
    const char *what; /* for messages: "ask the instance's metadata service" */
    const char *method;
    const char *url;
    const struct bkt_str *headers; /* "Name: value" */
    size_t header_count;
    struct bkt_str body;
    uint32_t connect_timeout_ms; /* 0: 5 s */
    uint32_t total_timeout_ms;   /* of one try; 0: 20 s */
    uint32_t tries;
    bool is_local; /* never through a proxy */
};

/*
 * BKT_OK with whatever status the last try had (5xx and 429 are tried again), BKT_ENET when none
 * came.  `out_status` may be NULL: what is not 200 fails as bkt_creds_http_refused() has it.
 * `out_body` is emptied first.
 */
BKT_MUST_CHECK int bkt_creds_http(const struct bkt_creds_ctx *ctx,
                                  const struct bkt_creds_request *request,
                                  int *out_status,
                                  struct bkt_buf *out_body,
                                  struct bkt_error *err);

/* A status that is no success: BKT_ECREDS, or retriable BKT_ENET for 429 and 5xx. */
int bkt_creds_http_refused(const char *what,
                           int status,
                           struct bkt_str body,
                           struct bkt_error *err);

/* Wait between two tries, as the context says. */
void bkt_creds_pause(const struct bkt_creds_ctx *ctx);

#endif
