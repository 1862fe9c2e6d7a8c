#include "aws/caller.h"

#include "core/time.h"

#include <assert.h>

enum {
    CREDS_KEPT_MS = 10000, /* then the source is asked whether they are still the ones */
    URL_BYTES_MAX = 16 << 10,
    HEADER_BYTES_MAX = 4 << 10,
};

int bkt_caller_init(struct bkt_caller *caller,
                    const struct bkt_caller_options *options,
                    const struct bkt_endpoint *endpoint,
                    struct bkt_error *err)
{
    *caller = (struct bkt_caller){
        .options = *options,
        .endpoint = *endpoint,
        .lines = BKT_SIGV4_LINES_INIT,
        .url = BKT_BUF_INIT(URL_BYTES_MAX),
        .creds_asked_ms = BKT_TIME_NONE,
    };
    return bkt_sigv4_new(&caller->signer, err);
}

void bkt_caller_clear(struct bkt_caller *caller)
{
    if (!caller)
        return;
    bkt_sigv4_free(caller->signer);
    bkt_sigv4_lines_clear(&caller->lines);
    bkt_buf_clear(&caller->url);
    bkt_creds_clear(&caller->creds);
    *caller = (struct bkt_caller){0};
}

struct bkt_sigv4_identity bkt_caller_identity(const struct bkt_creds *creds,
                                              const struct bkt_endpoint *endpoint)
{
    return (struct bkt_sigv4_identity){
        .access_key_id = bkt_str_from(creds->access_key_id),
        .secret_access_key = bkt_str_from(creds->secret_access_key),
        .session_token = bkt_str_from(creds->session_token),
        .region = bkt_str_from(endpoint->region),
        .service = bkt_str_from(endpoint->service),
    };
}

static int get_creds(struct bkt_caller *caller, bool renew, struct bkt_error *err)
{
    int64_t now_ms = bkt_time_monotonic_ms();
    if (!renew && caller->creds_asked_ms != BKT_TIME_NONE &&
        now_ms - caller->creds_asked_ms < CREDS_KEPT_MS)
        return BKT_OK;
    struct bkt_creds creds = {0};
    int rc = caller->options.creds(caller->options.creds_ctx, renew, &creds, err);
    if (rc)
        return rc;
    bkt_creds_clear(&caller->creds);
    caller->creds = creds;
    caller->creds_asked_ms = now_ms;
    return BKT_OK;
}

int bkt_caller_renew(struct bkt_caller *caller, struct bkt_error *err)
{
    return get_creds(caller, true, err);
}

bool bkt_caller_clock_gap(const struct bkt_caller *caller,
                          const struct bkt_http_response *response,
                          int64_t *out_ms)
{
    int64_t server_ms;
    if (!bkt_time_parse_http(bkt_http_header_get(response, "date"), &server_ms))
        return false;
    *out_ms = server_ms - bkt_time_wall_ms() - caller->skew_ms;
    return true;
}

bool bkt_caller_adopt_clock(struct bkt_caller *caller, const struct bkt_http_response *response)
{
    int64_t gap_ms;
    if (!bkt_caller_clock_gap(caller, response, &gap_ms))
        return false;
    caller->skew_ms += gap_ms;
    return true;
}

static int sign(struct bkt_caller *caller, const struct bkt_call *call, struct bkt_error *err)
{
    const struct bkt_endpoint *endpoint = &caller->endpoint;
    struct bkt_sigv4_header headers[BKT_CALL_HEADERS_MAX + 1] = {
        {BKT_STR("host"), bkt_str_from(endpoint->authority)},
    };
    for (size_t i = 0; i < call->header_count; i++)
        headers[i + 1] = call->headers[i];

    char hash[BKT_SIGV4_HASH_BYTES];
    int rc = bkt_sigv4_hash(caller->signer, call->http.body, hash, err);
    if (rc)
        return rc;
    struct bkt_sigv4_identity identity = bkt_caller_identity(&caller->creds, endpoint);
    struct bkt_sigv4_request request = {
        .method = bkt_str_from(call->http.method),
        .path = bkt_str_from(endpoint->base_path),
        .query = call->query,
        .path_mode = bkt_str_eq(identity.service, BKT_STR("s3")) ? BKT_SIGV4_PATH_AS_SENT
                                                                 : BKT_SIGV4_PATH_NORMALIZED,
        .headers = headers,
        .header_count = call->header_count + 1,
        .payload_hash = bkt_str_from(hash),
        .time_ms = bkt_time_wall_ms() + caller->skew_ms,
    };
    return bkt_sigv4_sign_lines(caller->signer, &identity, &request, &caller->lines, err);
}

static int build_url(struct bkt_caller *caller, struct bkt_str query)
{
    const struct bkt_endpoint *endpoint = &caller->endpoint;
    const char *path = endpoint->base_path[0] ? endpoint->base_path : "/";
    bkt_buf_reset(&caller->url);
    int rc = bkt_buf_printf(&caller->url, "%s://%s%s%s", endpoint->scheme, endpoint->authority,
                            path, query.len > 0 ? "?" : "");
    return rc ? rc : bkt_buf_append(&caller->url, query);
}

/* Append "Name: value" and make `out_line` a view of it; `text` has the room already. */
static int write_line(struct bkt_buf *text,
                      const struct bkt_sigv4_header *header,
                      struct bkt_str *out_line)
{
    size_t start = text->len;
    int rc =
        bkt_buf_printf(text, "%.*s: %.*s", BKT_STR_ARG(header->name), BKT_STR_ARG(header->value));
    *out_line = (struct bkt_str){text->ptr + start, text->len - start};
    return rc;
}

int bkt_caller_start(struct bkt_caller *caller,
                     const struct bkt_call *call,
                     uint64_t *out_id,
                     struct bkt_error *err)
{
    assert(call->header_count <= BKT_CALL_HEADERS_MAX);
    struct bkt_str lines[BKT_CALL_HEADERS_MAX + BKT_SIGV4_LINES_MAX];
    size_t count = 0;
    struct bkt_buf text = BKT_BUF_SECRET(HEADER_BYTES_MAX);

    int rc = build_url(caller, call->query);
    if (rc == BKT_OK)
        rc = bkt_buf_reserve(&text, HEADER_BYTES_MAX);
    for (; count < call->header_count && rc == BKT_OK; count++)
        rc = write_line(&text, &call->headers[count], &lines[count]);
    if (rc) {
        (void)bkt_error_set(err, rc, "build a request: %s", bkt_error_text(rc));
        goto done;
    }

    if (!caller->options.no_sign_request) {
        rc = get_creds(caller, false, err);
        if (rc == BKT_OK)
            rc = sign(caller, call, err);
        if (rc)
            goto done;
        for (size_t i = 0; i < caller->lines.count; i++)
            lines[count++] = caller->lines.lines[i];
    }
    struct bkt_http_request request = call->http;
    request.url = caller->url.ptr;
    request.headers = lines;
    request.header_count = count;
    rc = bkt_http_start(caller->options.http, &request, out_id, err);

done:
    bkt_buf_wipe(&text);
    return rc;
}
