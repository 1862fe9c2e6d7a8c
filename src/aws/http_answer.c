#include "aws/http_int.h"

#include "aws/libcurl_load.h"

#include <stdio.h>

static void end_with(struct transfer *transfer, int rc)
{
    if (transfer->rc != BKT_OK)
        return;
    transfer->rc = rc;
    if (transfer->err.code != rc)
        (void)bkt_error_set(&transfer->err, rc, "%s", bkt_error_text(rc));
}

static int add_header(struct transfer *transfer, struct bkt_str line)
{
    size_t name_len = bkt_str_find(line, ':');
    if (name_len == line.len)
        return BKT_OK; /* libcurl has its own opinion of such a line */
    if (transfer->header_count == BKT_HTTP_HEADERS_MAX)
        return bkt_error_set(&transfer->err, BKT_ELIMIT, "the answer has more than %d headers",
                             BKT_HTTP_HEADERS_MAX);
    size_t start = transfer->raw_headers.len;
    int rc = bkt_buf_append(&transfer->raw_headers, line);
    if (rc == BKT_ELIMIT)
        return bkt_error_set(&transfer->err, rc, "the answer has more than %d bytes of headers",
                             BKT_HTTP_HEADER_BYTES_MAX);
    if (rc)
        return rc;

    struct bkt_str value = bkt_str_trim(bkt_str_skip(line, name_len + 1));
    size_t value_at = start + (size_t)(value.ptr - line.ptr);
    transfer->spans[transfer->header_count++] =
        (struct header_span){start, name_len, value_at, value.len};
    return BKT_OK;
}

static int finish_head(struct transfer *transfer)
{
    struct bkt_http_response *response = &transfer->response;
    long status = 0;
    curl_off_t length = -1;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status < 200)
        return BKT_OK; /* 100 Continue and the like: the real head follows */
    curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);

    for (size_t i = 0; i < transfer->header_count; i++) {
        const struct header_span *span = &transfer->spans[i];
        const char *raw = transfer->raw_headers.ptr;
        transfer->headers[i] = (struct bkt_http_header){
            .name = {raw + span->name_at, span->name_len},
            .value = {raw + span->value_at, span->value_len},
        };
    }
    response->status = (int)status;
    response->headers = transfer->headers;
    response->header_count = transfer->header_count;
    response->content_length = length;
    transfer->head_is_in = true;

    if (transfer->on_head) {
        int rc = transfer->on_head(transfer->ctx, response, &transfer->err);
        if (rc)
            return rc;
    }
    if (!transfer->on_data && length > 0) {
        if ((uint64_t)length > transfer->body.max)
            return bkt_error_set(&transfer->err, BKT_ELIMIT,
                                 "the answer has %lld bytes, more than the %zu allowed",
                                 (long long)length, transfer->body.max);
        return bkt_buf_reserve(&transfer->body, (size_t)length);
    }
    return BKT_OK;
}

size_t http_on_header(char *bytes, size_t size, size_t count, void *ctx)
{
    struct transfer *transfer = ctx;
    struct bkt_str line = {bytes, size * count};
    transfer->moved_ms = transfer->http->now_ms;
    if (transfer->is_canceled)
        return 0;
    while (line.len > 0 && (line.ptr[line.len - 1] == '\n' || line.ptr[line.len - 1] == '\r'))
        line.len--;
    if (transfer->head_is_in)
        return size * count; /* trailers of a chunked body */

    int rc = BKT_OK;
    if (bkt_str_has_prefix(line, BKT_STR("HTTP/"))) {
        transfer->header_count = 0;
        bkt_buf_reset(&transfer->raw_headers);
    } else if (line.len > 0) {
        rc = add_header(transfer, line);
    } else {
        rc = finish_head(transfer);
    }
    if (rc == BKT_OK)
        return size * count;
    end_with(transfer, rc);
    return 0;
}

size_t http_on_body(char *bytes, size_t size, size_t count, void *ctx)
{
    struct transfer *transfer = ctx;
    struct bkt_str piece = {bytes, size * count};
    transfer->moved_ms = transfer->http->now_ms;
    if (transfer->is_canceled)
        return CURL_WRITEFUNC_ERROR;
    int rc;
    if (transfer->on_data) {
        rc = transfer->on_data(transfer->ctx, piece, &transfer->err);
    } else {
        rc = bkt_buf_append(&transfer->body, piece);
        if (rc == BKT_ELIMIT)
            (void)bkt_error_set(&transfer->err, rc,
                                "the answer has more than the %zu bytes allowed",
                                transfer->body.max);
    }
    if (rc == BKT_OK)
        return piece.len;
    end_with(transfer, rc);
    return CURL_WRITEFUNC_ERROR;
}

struct bkt_str bkt_http_header_get(const struct bkt_http_response *response, const char *name)
{
    struct bkt_str wanted = bkt_str_from(name);
    for (size_t i = 0; i < response->header_count; i++) {
        if (bkt_str_eq_nocase(response->headers[i].name, wanted))
            return response->headers[i].value;
    }
    return BKT_STR("");
}

/* The way to the answer failed: say what, and whether the same request may succeed later. */
int http_explain(struct transfer *transfer, CURLcode result)
{
    static const CURLcode lasting[] = {
        CURLE_URL_MALFORMAT,        CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE,
        CURLE_SSL_CERTPROBLEM,      CURLE_COULDNT_RESOLVE_PROXY,    CURLE_SSL_CONNECT_ERROR,
        CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT,
    };
    if (transfer->rc != BKT_OK)
        return transfer->rc;
    if (result == CURLE_OUT_OF_MEMORY)
        return bkt_error_set(&transfer->err, BKT_ENOMEM, "out of memory");

    long os_error = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &os_error);
    const char *said =
        transfer->curl_message[0] ? transfer->curl_message : curl_easy_strerror(result);
    if (result == CURLE_COULDNT_CONNECT && os_error != 0) {
        char reason[128];
        if (strerror_r((int)os_error, reason, sizeof(reason)) != 0)
            reason[0] = '\0';
        (void)bkt_error_set(&transfer->err, BKT_ENET, "%s (%s)", said, reason);
    } else if (result == CURLE_PEER_FAILED_VERIFICATION) {
        (void)bkt_error_set(&transfer->err, BKT_ENET,
                            "%s; if a private authority signed it, name its certificate with "
                            "--ca-bundle or AWS_CA_BUNDLE",
                            said);
    } else if (result == CURLE_COULDNT_RESOLVE_HOST) {
        (void)bkt_error_set(&transfer->err, BKT_ENET,
                            "%s; check its spelling, the region where it names one, and this "
                            "machine's network",
                            said);
    } else if (result == CURLE_UNSUPPORTED_PROTOCOL) {
        (void)bkt_error_set(
            &transfer->err, BKT_ENET,
            "what came back is no HTTP; is this the right port, and http or https?");
    } else {
        (void)bkt_error_set(&transfer->err, BKT_ENET, "%s", said);
    }
    transfer->err.retriable = true;
    for (size_t i = 0; i < sizeof(lasting) / sizeof(lasting[0]); i++) {
        if (result == lasting[i])
            transfer->err.retriable = false;
    }
    return BKT_ENET;
}
