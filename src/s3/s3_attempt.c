/* An attempt from its start to its end, twice at once where the first is slow. */
#include "s3/s3_int.h"

#include <stdlib.h>

enum {
    STRAGGLER_MS = 2000,
    STRAGGLER_BYTES_MAX = 512 << 10,
    HEDGE_PARTS = 32,           /* one request in so many may be a second one */
    RESUME_BYTES_MIN = 1 << 20, /* what is worth keeping of a broken transfer */
};

static struct s3_try *other_of(struct s3_try *attempt)
{
    struct s3_op *op = attempt->op;
    return attempt == &op->tries[0] ? &op->tries[1] : &op->tries[0];
}

static void ended(struct s3_try *attempt)
{
    struct s3_op *op = attempt->op;
    attempt->http_id = 0;
    if (op->kind != S3_OP_GET)
        return;
    bkt_pace_end(&op->s3->pace);
    op->s3->gets_under_way--;
}

static void cancel(struct s3_try *attempt)
{
    if (attempt->http_id == 0)
        return;
    bkt_http_cancel(attempt->op->s3->options.http, attempt->http_id);
    ended(attempt);
}

void s3_cancel(struct s3_op *op)
{
    cancel(&op->tries[0]);
    cancel(&op->tries[1]);
}

static bool is_straggler(const struct s3_op *op, int64_t now_ms)
{
    return op->kind == S3_OP_GET && op->tries[0].http_id != 0 && op->tries[1].http_id == 0 &&
           !op->head_is_in && !op->asks_region && op->size_hint > 0 &&
           op->size_hint <= STRAGGLER_BYTES_MAX && now_ms - op->sent_ms >= STRAGGLER_MS;
}

/*
 * A connection or a server behind it may be ill while all others answer.  Where the server wants
 * fewer requests there are none of these, and never more than a few in a hundred.
 */
void s3_hedge_stragglers(struct bkt_s3 *s3, int64_t now_ms)
{
    struct bkt_s3_stats *stats = &s3->stats;
    for (struct s3_op *op = s3->first; op && !s3->pace.is_limited; op = op->newer) {
        if (!is_straggler(op, now_ms) ||
            (stats->hedges + 1) * HEDGE_PARTS > stats->get_requests + HEDGE_PARTS)
            continue;
        if (s3_send(op, &op->tries[1], NULL) == BKT_OK)
            stats->hedges++;
    }
}

/* Is this what was asked for, or at least a final word on it? */
static bool is_final(int status)
{
    return status == 200 || status == 206 || status == 304 || status == 404;
}

/* "bytes 100-199/200", the rest of what we have.  The total, or 0. */
static uint64_t total_of_rest(struct bkt_str range, uint64_t from)
{
    char text[80];
    if (range.len >= sizeof(text) || !bkt_str_has_prefix(range, BKT_STR("bytes ")))
        return 0;
    memcpy(text, range.ptr + 6, range.len - 6);
    text[range.len - 6] = '\0';
    char *at = text;
    uint64_t first = strtoull(at, &at, 10);
    if (*at++ != '-' || first != from)
        return 0;
    uint64_t last = strtoull(at, &at, 10);
    if (*at++ != '/')
        return 0;
    uint64_t total = strtoull(at, &at, 10);
    return *at == '\0' && last >= from && last < UINT64_MAX && last + 1 == total ? total : 0;
}

/* Go on behind what is here, if this is really the rest of the same object. */
static int join(struct s3_op *op, struct bkt_http_response *response, struct bkt_error *err)
{
    uint64_t total = total_of_rest(bkt_http_header_get(response, "content-range"), op->partial.len);
    struct bkt_str etag = bkt_http_header_get(response, "etag");
    if (op->partial.len == 0 || total == 0 ||
        response->content_length != (int64_t)(total - op->partial.len) ||
        !bkt_str_eq(etag, bkt_str_from(op->partial_etag))) {
        bkt_buf_clear(&op->partial);
        (void)bkt_error_set(err, BKT_ENET, "206 with another part than the one asked for");
        err->retriable = true;
        return BKT_ENET;
    }
    *response->body = op->partial;
    response->body->max = SIZE_MAX / 2;
    op->partial = (struct bkt_buf){0};
    return BKT_OK;
}

int s3_on_head(void *ctx, struct bkt_http_response *response, struct bkt_error *err)
{
    struct s3_try *attempt = ctx;
    struct s3_op *op = attempt->op;
    if (is_final(response->status)) {
        op->head_is_in = true;
        cancel(other_of(attempt));
    }
    if (op->kind != S3_OP_GET || op->asks_region)
        return BKT_OK;
    if (response->status == 206)
        return join(op, response, err);
    if (response->status != 200)
        return BKT_OK;
    /* The whole object: what an earlier answer has left of it, or said of it, is void. */
    bkt_buf_clear(&op->partial);
    s3_checksum_of(response, &op->checksum);
    if (response->content_length < 0)
        return BKT_OK;
    uint64_t size = (uint64_t)response->content_length;
    if (!op->on_size || op->on_size(op->ctx, op->id, size)) {
        response->body->max = SIZE_MAX / 2;
        return BKT_OK;
    }
    op->was_stopped = true;
    op->object = (struct bkt_object){.size = size};
    return bkt_error_set(err, BKT_ECANCELED, "not wanted");
}

/* Keep what came of a large object, to go on behind it. */
static void keep_partial(struct s3_op *op, struct bkt_http_response *response)
{
    struct bkt_str etag = bkt_http_header_get(response, "etag");
    if (op->kind != S3_OP_GET || op->asks_region || response->body->len < RESUME_BYTES_MIN ||
        (response->status != 200 && response->status != 206) || etag.len < 2 ||
        etag.ptr[0] != '"' || etag.len >= sizeof(op->partial_etag))
        return;
    memcpy(op->partial_etag, etag.ptr, etag.len);
    op->partial_etag[etag.len] = '\0';
    op->partial = *response->body;
    *response->body = BKT_BUF_INIT(0);
    op->failures = 0; /* it moves */
}

static void answered_list(struct s3_op *op, struct bkt_http_response *response)
{
    struct bkt_error err = {.code = BKT_OK};
    struct bkt_s3_page *page;
    int rc = s3_answer_page(op, response, &page, &err);
    if (rc == BKT_ES3) {
        s3_refused(op, response);
        return;
    }
    if (rc) {
        s3_failed(op, &err);
        return;
    }
    if (op->kind == S3_OP_BUCKET) {
        bkt_s3_page_free(page);
        op->on_bucket(op->ctx, NULL);
    } else {
        op->on_page(op->ctx, op->id, page, NULL);
    }
    s3_op_free(op);
}

static void answered_get(struct s3_op *op, struct bkt_http_response *response)
{
    struct bkt_error err = {.code = BKT_OK};
    struct bkt_s3_object object;
    struct bkt_buf metadata = {0};
    bkt_pace_answered(&op->s3->pace, op->failures > 0);
    if (s3_answer_object(op, response, &object, &metadata, &err) == BKT_OK)
        s3_tell_object(op, &object);
    else
        s3_failed(op, &err);
    bkt_buf_clear(&metadata);
}

static void answered(struct s3_op *op, struct bkt_http_response *response)
{
    int status = response->status;
    op->s3->was_reached = true;
    if (op->asks_region) {
        s3_answered_region(op, response);
    } else if (op->kind == S3_OP_GET) {
        if (status == 200 || status == 206 || status == 304)
            answered_get(op, response);
        else
            s3_refused(op, response);
    } else if (status == 200) {
        answered_list(op, response);
    } else {
        s3_refused(op, response);
    }
}

static void count_answer(struct s3_op *op, int rc, const struct bkt_http_response *response)
{
    size_t kind = op->asks_region || op->kind == S3_OP_BUCKET ? 2 : op->kind == S3_OP_GET ? 1 : 0;
    int hundreds = rc == BKT_OK ? response->status / 100 : 0;
    op->s3->stats.answers[kind][hundreds > 0 && hundreds < BKT_S3_ANSWER_CLASSES ? hundreds : 0]++;
}

void s3_on_done(void *ctx, int rc, struct bkt_http_response *response, const struct bkt_error *err)
{
    struct s3_try *attempt = ctx;
    struct s3_op *op = attempt->op;
    ended(attempt);
    op->fresh_connection = rc != BKT_OK;
    count_answer(op, op->was_stopped ? BKT_OK : rc, response);
    if (op->was_stopped) {
        s3_tell_object(op, &(struct bkt_s3_object){.answer = BKT_S3_STOPPED,
                                                   .object = op->object,
                                                   .body = response->body});
        return;
    }
    if (other_of(attempt)->http_id != 0)
        return; /* the other one may still answer */
    if (rc == BKT_OK) {
        answered(op, response);
        return;
    }
    struct bkt_error why = *err;
    why.retriable = rc == BKT_ENET && (err->retriable || op->s3->was_reached);
    if (why.retriable)
        keep_partial(op, response);
    s3_failed(op, &why);
}
