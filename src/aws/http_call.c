#include "aws/http.h"

struct call {
    bool is_done;
    int rc;
    int status;
    struct bkt_buf *body;
    struct bkt_error *err;
};

static int on_data(void *ctx, struct bkt_str bytes, struct bkt_error *err)
{
    struct call *call = ctx;
    int rc = bkt_buf_append(call->body, bytes);
    if (rc == BKT_ELIMIT)
        return bkt_error_set(err, rc, "the answer has more than the %zu bytes allowed",
                             call->body->max);
    return rc;
}

static void on_done(void *ctx,
                    int rc,
                    struct bkt_http_response *response,
                    const struct bkt_error *err)
{
    struct call *call = ctx;
    call->is_done = true;
    call->rc = rc;
    call->status = response->status;
    if (rc && call->err)
        *call->err = *err;
}

int bkt_http_call(const struct bkt_http_options *options,
                  const struct bkt_http_request *request,
                  int *out_status,
                  struct bkt_buf *out_body,
                  struct bkt_error *err)
{
    struct bkt_http *http;
    int rc = bkt_http_new(options, &http, err);
    if (rc)
        return rc;

    struct call call = {.body = out_body, .err = err};
    struct bkt_http_request own = *request;
    own.on_head = NULL;
    own.on_data = on_data;
    own.on_done = on_done;
    own.ctx = &call;
    rc = bkt_http_start(http, &own, NULL, err);
    while (rc == BKT_OK && !call.is_done)
        rc = bkt_http_run_once(http, -1, err);
    bkt_http_free(http);
    if (rc == BKT_OK)
        rc = call.rc;
    if (rc == BKT_OK)
        *out_status = call.status;
    return rc;
}
