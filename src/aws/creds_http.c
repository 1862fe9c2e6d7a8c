#include "aws/creds_http.h"

#include "aws/creds_json.h"

#include <errno.h>
#include <time.h>

enum { CONNECT_TIMEOUT_MS = 5000, TOTAL_TIMEOUT_MS = 20000 };

void bkt_creds_pause(const struct bkt_creds_ctx *ctx)
{
    struct timespec left = {.tv_sec = ctx->retry_delay_ms / 1000,
                            .tv_nsec = (long)(ctx->retry_delay_ms % 1000) * 1000000};
    while (ctx->retry_delay_ms > 0 && nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
}

static bool is_transient(int status)
{
    return status == 429 || status >= 500;
}

int bkt_creds_http(const struct bkt_creds_ctx *ctx,
                   const struct bkt_creds_request *request,
                   int *out_status,
                   struct bkt_buf *out_body,
                   struct bkt_error *err)
{
    const struct bkt_http_request http = {
        .method = request->method,
        .url = request->url,
        .headers = request->headers,
        .header_count = request->header_count,
        .body = request->body,
        .connect_timeout_ms =
            request->connect_timeout_ms ? request->connect_timeout_ms : CONNECT_TIMEOUT_MS,
        .total_timeout_ms =
            request->total_timeout_ms ? request->total_timeout_ms : TOTAL_TIMEOUT_MS,
        .no_proxy = request->is_local,
    };
    int rc = BKT_OK;
    int status = 0;
    for (uint32_t i = 0; i < request->tries; i++) {
        if (i > 0)
            bkt_creds_pause(ctx);
        bkt_buf_wipe(out_body);
        rc = bkt_http_call(ctx->http, &http, &status, out_body, err);
        if (rc != BKT_ENET && (rc != BKT_OK || !is_transient(status)))
            break;
    }
    if (rc)
        return bkt_error_wrap(err, rc, "%s", request->what);
    if (out_status)
        *out_status = status;
    else if (status != 200)
        return bkt_creds_http_refused(request->what, status, bkt_buf_str(out_body), err);
    return BKT_OK;
}

int bkt_creds_http_refused(const char *what, int status, struct bkt_str body, struct bkt_error *err)
{
    char words[300];
    bkt_creds_json_error(body, words, sizeof(words));
    int rc = bkt_error_set(err, is_transient(status) ? BKT_ENET : BKT_ECREDS, "%s: HTTP %d%s%s",
                           what, status, words[0] ? " " : "", words);
    if (err) {
        err->http_status = status;
        err->retriable = is_transient(status);
    }
    return rc;
}
