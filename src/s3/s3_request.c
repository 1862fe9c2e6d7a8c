#include "s3/s3_int.h"

#include "aws/caller.h"
#include "core/mem.h"
#include "core/time.h"
#include "s3/key.h"

#include <stdio.h>

enum {
    LIST_BYTES_MAX = 64 << 20,
    UNSIZED_BYTES_MAX = 16 << 20, /* of an object whose answer does not tell its length */
    LIST_BYTES_USUAL = 256 << 10,
    REQUEST_HEADERS_MAX = BKT_SIGV4_LINES_MAX + 4,
};

static int add_parameter(struct bkt_buf *query, const char *name, struct bkt_str value)
{
    if (value.len == 0)
        return BKT_OK;
    int rc = query->len > 0 ? bkt_buf_append_char(query, '&') : BKT_OK;
    if (rc == BKT_OK)
        rc = bkt_buf_printf(query, "%s=", name);
    return rc ? rc : bkt_key_encode_query(query, value);
}

/* In the order of the names, which is how they are signed. */
static int append_list_query(const struct s3_op *op, struct bkt_buf *query)
{
    char max_keys[16];
    (void)snprintf(max_keys, sizeof(max_keys), "%u", op->max_keys);
    int rc = add_parameter(query, "continuation-token", op->token);
    if (rc == BKT_OK)
        rc = add_parameter(query, "encoding-type", BKT_STR("url"));
    if (rc == BKT_OK)
        rc = add_parameter(query, "list-type", BKT_STR("2"));
    if (rc == BKT_OK && op->max_keys > 0)
        rc = add_parameter(query, "max-keys", bkt_str_from(max_keys));
    if (rc == BKT_OK)
        rc = add_parameter(query, "prefix", op->prefix);
    if (rc == BKT_OK && op->token.len == 0)
        rc = add_parameter(query, "start-after", op->start_after);
    return rc;
}

/* Where the path and the query lie in s3->url. */
struct url_parts {
    size_t path_at, path_len;
    struct bkt_buf query;
};

static const struct bkt_endpoint *endpoint_of(const struct s3_op *op)
{
    return op->detour ? op->detour : &op->s3->endpoint;
}

int64_t s3_wall_ms(const struct bkt_s3 *s3)
{
    if (!s3->has_clock)
        return bkt_time_wall_ms();
    return s3->clock_wall_ms + (bkt_time_monotonic_ms() - s3->clock_read_ms);
}

static int build_url(struct s3_op *op, struct url_parts *parts)
{
    struct bkt_s3 *s3 = op->s3;
    const struct bkt_endpoint *endpoint = endpoint_of(op);
    bool is_get = op->kind == S3_OP_GET && !op->asks_region;
    bkt_buf_reset(&s3->url);
    int rc = bkt_buf_printf(&s3->url, "%s://%s", endpoint->scheme, endpoint->authority);
    parts->path_at = s3->url.len;
    if (rc == BKT_OK)
        rc = bkt_buf_append(&s3->url, bkt_str_from(endpoint->base_path));
    if (rc == BKT_OK && (is_get || endpoint->base_path[0] == '\0'))
        rc = bkt_buf_append_char(&s3->url, '/');
    if (rc == BKT_OK && is_get)
        rc = bkt_key_encode_path(&s3->url, op->key);
    parts->path_len = s3->url.len - parts->path_at;

    if (rc == BKT_OK && !is_get && !op->asks_region) {
        rc = append_list_query(op, &parts->query);
        if (rc == BKT_OK)
            rc = bkt_buf_append_char(&s3->url, '?');
        if (rc == BKT_OK)
            rc = bkt_buf_append(&s3->url, bkt_buf_str(&parts->query));
    }
    return rc;
}

/* All SDKs ask so; a server that does not know it leaves it unanswered. */
static bool wants_checksum(const struct s3_op *op)
{
    return op->kind == S3_OP_GET && !op->asks_region && op->partial.len == 0;
}

static int sign(struct s3_op *op, const struct url_parts *parts, struct bkt_error *err)
{
    struct bkt_s3 *s3 = op->s3;
    const struct bkt_endpoint *endpoint = endpoint_of(op);
    struct bkt_sigv4_header headers[3] = {{BKT_STR("host"), bkt_str_from(endpoint->authority)}};
    size_t header_count = 1;
    if (wants_checksum(op))
        headers[header_count++] =
            (struct bkt_sigv4_header){BKT_STR("x-amz-checksum-mode"), BKT_STR("ENABLED")};
    if (s3->options.request_payer)
        headers[header_count++] =
            (struct bkt_sigv4_header){BKT_STR("x-amz-request-payer"), BKT_STR("requester")};
    struct bkt_sigv4_identity identity = bkt_caller_identity(&s3->creds, endpoint);
    struct bkt_sigv4_request request = {
        .method = op->asks_region ? BKT_STR("HEAD") : BKT_STR("GET"),
        .path = {s3->url.ptr + parts->path_at, parts->path_len},
        .query = bkt_buf_str(&parts->query),
        .path_mode = BKT_SIGV4_PATH_AS_SENT,
        .headers = headers,
        .header_count = header_count,
        .payload_hash = BKT_SIGV4_EMPTY_HASH,
        .time_ms = s3_wall_ms(s3),
    };
    return bkt_sigv4_sign_lines(s3->signer, &identity, &request, &s3->lines, err);
}

static void count_request(struct s3_op *op)
{
    struct bkt_s3_stats *stats = &op->s3->stats;
    if (op->asks_region || op->kind == S3_OP_BUCKET)
        stats->other_requests++;
    else if (op->kind == S3_OP_GET)
        stats->get_requests++;
    else
        stats->list_requests++;
}

static int start(struct s3_op *op,
                 struct s3_try *attempt,
                 const struct bkt_str conditions[2],
                 struct bkt_error *err)
{
    struct bkt_s3 *s3 = op->s3;
    struct bkt_str headers[REQUEST_HEADERS_MAX];
    size_t count = 0;
    if (!s3->options.no_sign_request) {
        for (; count < s3->lines.count; count++)
            headers[count] = s3->lines.lines[count];
    }
    if (wants_checksum(op))
        headers[count++] = BKT_STR("x-amz-checksum-mode: ENABLED");
    if (s3->options.request_payer)
        headers[count++] = BKT_STR("x-amz-request-payer: requester");
    for (size_t i = 0; i < 2; i++) {
        if (conditions[i].len > 0)
            headers[count++] = conditions[i];
    }

    bool is_get = op->kind == S3_OP_GET && !op->asks_region;
    size_t unsized_max = op->size_hint > UNSIZED_BYTES_MAX ? op->size_hint : UNSIZED_BYTES_MAX;
    struct bkt_http_request request = {
        .method = op->asks_region ? "HEAD" : "GET",
        .url = s3->url.ptr,
        .headers = headers,
        .header_count = count,
        .body_bytes_max = is_get ? unsized_max : LIST_BYTES_MAX,
        .fresh_connection = op->fresh_connection || attempt != &op->tries[0],
        .size_hint = is_get ? op->size_hint : LIST_BYTES_USUAL,
        .on_head = s3_on_head,
        .on_done = s3_on_done,
        .ctx = attempt,
    };
    int rc = bkt_http_start(s3->options.http, &request, &attempt->http_id, err);
    if (rc)
        return rc;
    count_request(op);
    if (op->kind == S3_OP_GET) {
        bkt_pace_start(&s3->pace);
        s3->gets_under_way++;
    }
    op->sent_ms = bkt_time_monotonic_ms();
    op->sent_region_no = s3->region_no;
    op->sent_generation = s3->creds_generation;
    op->head_is_in = false;
    return BKT_OK;
}

/* What a server may leave the body out for: it is unchanged, or partly here already. */
static int append_conditions(const struct s3_op *op,
                             struct bkt_buf *buf,
                             struct bkt_str out_lines[2])
{
    if (op->asks_region)
        return BKT_OK;
    if (op->partial.len == 0 && op->if_none_match.len == 0)
        return BKT_OK;
    int rc;
    if (op->partial.len == 0)
        rc = bkt_buf_printf(buf, "If-None-Match: \"%.*s\"", BKT_STR_ARG(op->if_none_match));
    else
        rc = bkt_buf_printf(buf, "If-Match: %s", op->partial_etag);
    size_t first_len = buf->len;
    if (rc == BKT_OK && op->partial.len > 0)
        rc = bkt_buf_printf(buf, "Range: bytes=%zu-", op->partial.len);
    if (rc)
        return rc;
    out_lines[0] = (struct bkt_str){buf->ptr, first_len};
    out_lines[1] = (struct bkt_str){buf->ptr + first_len, buf->len - first_len};
    return BKT_OK;
}

static int take_creds(struct s3_op *op, struct bkt_error *err)
{
    struct bkt_s3 *s3 = op->s3;
    /* Somebody else may have renewed them since they were refused. */
    bool renew = op->renew_first && op->sent_generation == s3->creds_generation;
    int rc =
        s3->options.creds(s3->options.creds_ctx, renew, &s3->creds_generation, &s3->creds, err);
    if (rc == BKT_OK)
        op->renew_first = false;
    return rc;
}

int s3_send(struct s3_op *op, struct s3_try *attempt, struct bkt_error *err)
{
    struct bkt_s3 *s3 = op->s3;
    struct url_parts parts = {.query = BKT_BUF_INIT(BKT_SIGV4_CANONICAL_BYTES_MAX)};
    struct bkt_buf text = BKT_BUF_INIT(4096);
    struct bkt_str conditions[2] = {{"", 0}, {"", 0}};
    int rc = build_url(op, &parts);
    if (rc == BKT_OK)
        rc = append_conditions(op, &text, conditions);
    if (rc)
        (void)bkt_error_set(err, rc, "build a request: %s", bkt_error_text(rc));
    if (rc == BKT_OK && !s3->options.no_sign_request)
        rc = take_creds(op, err);
    if (rc == BKT_OK && !s3->options.no_sign_request)
        rc = sign(op, &parts, err);
    if (rc == BKT_OK)
        rc = start(op, attempt, conditions, err);
    bkt_buf_clear(&parts.query);
    bkt_buf_clear(&text);
    return rc;
}
