#include "s3/s3_int.h"

#include "core/escape.h"
#include "core/mem.h"
#include "core/time.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    BACKOFF_MS = 50, /* before the first retry at most; doubled each time */
    BACKOFF_THROTTLED_MS = 500,
    BACKOFF_MAX_MS = 20000,
};

int bkt_s3_new(const struct bkt_s3_options *options, struct bkt_s3 **out_s3, struct bkt_error *err)
{
    struct bkt_s3 *s3 = bkt_mem_calloc(1, sizeof(*s3));
    if (!s3)
        return bkt_error_set(err, BKT_ENOMEM, "open the bucket: out of memory");
    const struct bkt_endpoint_s3_request *bucket = &options->bucket;
    s3->options = *options;
    s3->jitter = options->seed | 1;
    s3->lines = BKT_SIGV4_LINES_INIT;
    s3->url = BKT_BUF_INIT(64 << 10);
    s3->bucket = bkt_mem_strdup(bucket->bucket.ptr, bucket->bucket.len);
    s3->endpoint_url = bkt_mem_strdup(bucket->endpoint_url.ptr, bucket->endpoint_url.len);
    (void)snprintf(s3->region, sizeof(s3->region), "%.*s", BKT_STR_ARG(bucket->region));

    int rc = BKT_ENOMEM;
    if (s3->bucket && s3->endpoint_url) {
        s3->options.bucket.bucket = bkt_str_from(s3->bucket);
        s3->options.bucket.endpoint_url = bkt_str_from(s3->endpoint_url);
        s3->options.bucket.region = bkt_str_from(s3->region);
        rc = bkt_endpoint_s3(&s3->options.bucket, &s3->endpoint, err);
    } else {
        (void)bkt_error_set(err, rc, "open the bucket: out of memory");
    }
    if (rc == BKT_OK)
        rc = bkt_sigv4_new(&s3->signer, err);
    if (rc) {
        bkt_s3_free(s3);
        return rc;
    }
    *out_s3 = s3;
    return BKT_OK;
}

/* Ops. */

static void op_free(struct s3_op *op)
{
    struct bkt_s3 *s3 = op->s3;
    if (op->older)
        op->older->newer = op->newer;
    else
        s3->first = op->newer;
    if (op->newer)
        op->newer->older = op->older;
    bkt_mem_free(op->texts);
    bkt_mem_free(op);
}

void bkt_s3_cancel_all(struct bkt_s3 *s3)
{
    s3->due = NULL;
    while (s3->first) {
        if (s3->first->http_id)
            bkt_http_cancel(s3->options.http, s3->first->http_id);
        op_free(s3->first);
    }
}

void bkt_s3_free(struct bkt_s3 *s3)
{
    if (!s3)
        return;
    bkt_s3_cancel_all(s3);
    bkt_sigv4_free(s3->signer);
    bkt_sigv4_lines_clear(&s3->lines);
    bkt_creds_clear(&s3->creds);
    bkt_buf_clear(&s3->url);
    bkt_mem_free(s3->bucket);
    bkt_mem_free(s3->endpoint_url);
    bkt_mem_free(s3);
}

static struct bkt_str keep(char **at, struct bkt_str text)
{
    char *copy = *at;
    if (text.len > 0)
        memcpy(copy, text.ptr, text.len);
    *at += text.len;
    return (struct bkt_str){copy, text.len};
}

static struct s3_op *op_new(struct bkt_s3 *s3, const struct s3_op *proto, struct bkt_error *err)
{
    struct s3_op *op = bkt_mem_alloc(sizeof(*op));
    size_t bytes = proto->key.len + proto->if_none_match.len + proto->prefix.len +
                   proto->start_after.len + proto->token.len + 1;
    char *texts = bkt_mem_alloc(bytes);
    if (!op || !texts) {
        bkt_mem_free(op);
        bkt_mem_free(texts);
        (void)bkt_error_set(err, BKT_ENOMEM, "start a request: out of memory");
        return NULL;
    }
    *op = *proto;
    op->s3 = s3;
    op->texts = texts;
    char *at = texts;
    op->key = keep(&at, proto->key);
    op->if_none_match = keep(&at, proto->if_none_match);
    op->prefix = keep(&at, proto->prefix);
    op->start_after = keep(&at, proto->start_after);
    op->token = keep(&at, proto->token);
    op->newer = s3->first;
    if (s3->first)
        s3->first->older = op;
    s3->first = op;
    return op;
}

static void wait_until(struct s3_op *op, int64_t due_ms)
{
    op->due_ms = due_ms;
    struct s3_op **at = &op->s3->due;
    while (*at && (*at)->due_ms <= due_ms)
        at = &(*at)->next_due;
    op->next_due = *at;
    *at = op;
}

static int op_start(struct bkt_s3 *s3, const struct s3_op *proto, struct bkt_error *err)
{
    struct s3_op *op = op_new(s3, proto, err);
    if (!op)
        return BKT_ENOMEM;
    struct bkt_error why = {.code = BKT_OK};
    int rc = s3_send(op, &why);
    if (rc == BKT_OK)
        return rc;
    if (why.retriable) {
        wait_until(op, bkt_time_monotonic_ms() + BACKOFF_MS);
        return BKT_OK;
    }
    op_free(op);
    if (err)
        *err = why;
    return rc;
}

int bkt_s3_list(struct bkt_s3 *s3, const struct bkt_s3_list *list, struct bkt_error *err)
{
    struct s3_op op = {
        .kind = S3_OP_LIST,
        .prefix = list->prefix,
        .start_after = list->start_after,
        .token = list->token,
        .max_keys = list->max_keys,
        .id = list->id,
        .on_page = list->on_page,
        .ctx = list->ctx,
    };
    return op_start(s3, &op, err);
}

int bkt_s3_get(struct bkt_s3 *s3, const struct bkt_s3_get *get, struct bkt_error *err)
{
    struct s3_op op = {
        .kind = S3_OP_GET,
        .key = get->key,
        .if_none_match = get->if_none_match,
        .size_hint = get->size_hint,
        .id = get->id,
        .on_size = get->on_size,
        .on_object = get->on_object,
        .ctx = get->ctx,
    };
    return op_start(s3, &op, err);
}

int bkt_s3_bucket(struct bkt_s3 *s3, bkt_s3_bucket_fn *on_bucket, void *ctx, struct bkt_error *err)
{
    struct s3_op op = {.kind = S3_OP_BUCKET, .max_keys = 1, .on_bucket = on_bucket, .ctx = ctx};
    return op_start(s3, &op, err);
}

struct bkt_s3_stats bkt_s3_stats(const struct bkt_s3 *s3)
{
    return s3->stats;
}

const char *bkt_s3_region(const struct bkt_s3 *s3)
{
    return s3->region;
}

/* The ends of an op. */

static void fail(struct s3_op *op, const struct bkt_error *why)
{
    struct bkt_error err = *why;
    char what[256];
    bkt_escape(op->kind == S3_OP_GET ? op->key : op->prefix, what, sizeof(what));
    (void)bkt_error_wrap(&err, err.code, "%s s3://%s/%s", op->kind == S3_OP_GET ? "get" : "list",
                         op->s3->bucket, what);
    switch (op->kind) {
    case S3_OP_LIST:
        op->on_page(op->ctx, op->id, NULL, &err);
        break;
    case S3_OP_GET: {
        struct bkt_buf none = BKT_BUF_INIT(0);
        struct bkt_s3_object object = {.answer = BKT_S3_FAILED, .body = &none, .err = &err};
        op->on_object(op->ctx, op->id, &object);
        break;
    }
    case S3_OP_BUCKET:
        op->on_bucket(op->ctx, &err);
        break;
    }
    op_free(op);
}

static void tell_object(struct s3_op *op, struct bkt_s3_object *object)
{
    op->on_object(op->ctx, op->id, object);
    op_free(op);
}

/* Retries. */

static uint64_t next_random(struct bkt_s3 *s3)
{
    /* xorshift64 (Marsaglia 2003): jitter needs no more. */
    s3->jitter ^= s3->jitter << 13;
    s3->jitter ^= s3->jitter >> 7;
    s3->jitter ^= s3->jitter << 17;
    return s3->jitter;
}

static int64_t backoff_ms(struct s3_op *op, bool throttled, int64_t server_hint_ms)
{
    int64_t cap = throttled ? BACKOFF_THROTTLED_MS : BACKOFF_MS;
    for (unsigned i = 1; i < op->failures && cap < BACKOFF_MAX_MS; i++)
        cap *= 2;
    if (cap > BACKOFF_MAX_MS)
        cap = BACKOFF_MAX_MS;
    int64_t delay = (int64_t)(next_random(op->s3) % (uint64_t)cap) + 1;
    if (server_hint_ms > BACKOFF_MAX_MS)
        server_hint_ms = BACKOFF_MAX_MS;
    return delay > server_hint_ms ? delay : server_hint_ms;
}

static void retry_or_fail(struct s3_op *op,
                          bool throttled,
                          int64_t server_hint_ms,
                          const struct bkt_error *why)
{
    int64_t now_ms = bkt_time_monotonic_ms();
    if (op->failures++ == 0)
        op->first_failed_ms = now_ms;
    int64_t delay_ms = backoff_ms(op, throttled, server_hint_ms);
    if (now_ms + delay_ms - op->first_failed_ms > op->s3->options.retry_time_ms) {
        struct bkt_error err = *why;
        if (op->failures > 1)
            (void)bkt_error_set(&err, why->code, "%s (tried %u times)", why->message, op->failures);
        fail(op, &err);
        return;
    }
    op->s3->stats.retries++;
    wait_until(op, now_ms + delay_ms);
}

/* Once more at once: what was wrong has been put right. */
static void send_again(struct s3_op *op)
{
    op->s3->stats.retries++;
    wait_until(op, INT64_MIN);
}

/* Credentials that are being renewed are worth a moment's wait. */
static void could_not_send(struct s3_op *op, const struct bkt_error *err)
{
    if (err->retriable)
        retry_or_fail(op, false, 0, err);
    else
        fail(op, err);
}

void bkt_s3_tick(struct bkt_s3 *s3, int64_t now_ms)
{
    while (s3->due && s3->due->due_ms <= now_ms) {
        struct s3_op *op = s3->due;
        s3->due = op->next_due;
        struct bkt_error err = {.code = BKT_OK};
        if (s3_send(op, &err) != BKT_OK)
            could_not_send(op, &err);
    }
}

int bkt_s3_wait_ms(const struct bkt_s3 *s3, int64_t now_ms)
{
    if (!s3->due)
        return -1;
    if (s3->due->due_ms <= now_ms)
        return 0;
    int64_t left = s3->due->due_ms - now_ms;
    return left > INT32_MAX ? INT32_MAX : (int)left;
}

/* Answers. */

/* Take up the region that the server names.  False when it names none, or the one in use. */
static bool redirect(struct s3_op *op,
                     const struct bkt_http_response *response,
                     const struct bkt_s3error *said)
{
    struct bkt_s3 *s3 = op->s3;
    struct bkt_str region = bkt_http_header_get(response, "x-amz-bucket-region");
    if (region.len == 0)
        region = bkt_str_from(said->region);
    if (op->was_redirected || region.len == 0 || region.len >= sizeof(s3->region) ||
        !bkt_region_is_valid(region) || bkt_str_eq(region, bkt_str_from(s3->region)))
        return false;

    struct bkt_endpoint_s3_request bucket = s3->options.bucket;
    bucket.region = region;
    struct bkt_endpoint endpoint;
    if (bkt_endpoint_s3(&bucket, &endpoint, NULL) != BKT_OK)
        return false;
    s3->endpoint = endpoint;
    (void)snprintf(s3->region, sizeof(s3->region), "%.*s", BKT_STR_ARG(region));
    s3->options.bucket.region = bkt_str_from(s3->region);
    op->was_redirected = true;
    return true;
}

/* Sign with the server's time from now on. */
static bool adopt_clock(struct s3_op *op, const struct bkt_http_response *response)
{
    int64_t server_ms;
    if (op->was_skewed || !bkt_time_parse_http(bkt_http_header_get(response, "date"), &server_ms))
        return false;
    op->s3->skew_ms = server_ms - bkt_time_wall_ms();
    op->was_skewed = true;
    return true;
}

static bool renew(struct s3_op *op)
{
    if (op->was_renewed || op->s3->options.no_sign_request)
        return false;
    op->was_renewed = true;
    return s3_renew_creds(op->s3, NULL) == BKT_OK;
}

/* Milliseconds that the server asks us to wait, or 0. */
static int64_t server_hint_ms(const struct bkt_http_response *response)
{
    struct bkt_str ms = bkt_http_header_get(response, "x-amz-retry-after");
    struct bkt_str seconds = bkt_http_header_get(response, "retry-after");
    bool is_ms = ms.len > 0;
    struct bkt_str text = is_ms ? ms : seconds;
    int64_t value = 0;
    for (size_t i = 0; i < text.len && i < 9; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return 0;
        value = value * 10 + (text.ptr[i] - '0');
    }
    return is_ms ? value : value * 1000;
}

/* An answer that is not what was asked for. */
static void refused(struct s3_op *op, struct bkt_http_response *response)
{
    struct bkt_s3error said = {0};
    (void)bkt_s3error_parse(bkt_buf_str(response->body), &said);
    struct bkt_error err = {.code = BKT_OK};
    enum bkt_s3error_class class = bkt_s3error_classify(response->status, said.code);
    bkt_s3error_describe(&said, response->status, op->s3->region, &err);
    switch (class) {
    case BKT_S3ERROR_NO_SUCH_KEY:
        if (op->kind == S3_OP_GET) {
            tell_object(
                op, &(struct bkt_s3_object){.answer = BKT_S3_NO_SUCH_KEY, .body = response->body});
            return;
        }
        break;
    case BKT_S3ERROR_TRANSIENT:
    case BKT_S3ERROR_THROTTLED:
        retry_or_fail(op, class == BKT_S3ERROR_THROTTLED, server_hint_ms(response), &err);
        return;
    case BKT_S3ERROR_WRONG_REGION:
        if (redirect(op, response, &said)) {
            send_again(op);
            return;
        }
        break;
    case BKT_S3ERROR_CLOCK_SKEW:
        if (adopt_clock(op, response)) {
            send_again(op);
            return;
        }
        break;
    case BKT_S3ERROR_EXPIRED_CREDS:
        if (renew(op)) {
            send_again(op);
            return;
        }
        break;
    default:
        break;
    }
    fail(op, &err);
}

static void answered_list(struct s3_op *op, struct bkt_http_response *response)
{
    struct bkt_error err = {.code = BKT_OK};
    struct bkt_s3_page *page;
    int rc = s3_answer_page(op, response, &page, &err);
    if (rc == BKT_ES3) {
        refused(op, response);
        return;
    }
    if (rc) {
        if (err.retriable)
            retry_or_fail(op, false, 0, &err);
        else
            fail(op, &err);
        return;
    }
    if (op->kind == S3_OP_BUCKET) {
        bkt_s3_page_free(page);
        op->on_bucket(op->ctx, NULL);
    } else {
        op->on_page(op->ctx, op->id, page, NULL);
    }
    op_free(op);
}

static void answered_get(struct s3_op *op, struct bkt_http_response *response)
{
    struct bkt_error err = {.code = BKT_OK};
    struct bkt_s3_object object;
    struct bkt_buf metadata = {0};
    int rc = s3_answer_object(op, response, &object, &metadata, &err);
    if (rc == BKT_OK)
        tell_object(op, &object);
    else if (err.retriable)
        retry_or_fail(op, false, 0, &err);
    else
        fail(op, &err);
    bkt_buf_clear(&metadata);
}

int s3_on_head(void *ctx, struct bkt_http_response *response, struct bkt_error *err)
{
    struct s3_op *op = ctx;
    if (op->kind != S3_OP_GET || response->status != 200 || response->content_length < 0)
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

void s3_on_done(void *ctx, int rc, struct bkt_http_response *response, const struct bkt_error *err)
{
    struct s3_op *op = ctx;
    op->http_id = 0;
    op->fresh_connection = false;
    if (op->was_stopped) {
        tell_object(op, &(struct bkt_s3_object){.answer = BKT_S3_STOPPED,
                                                .object = op->object,
                                                .body = response->body});
        return;
    }
    if (rc) {
        op->fresh_connection = true;
        bool may_pass = rc == BKT_ENET && (err->retriable || op->s3->was_reached);
        if (may_pass)
            retry_or_fail(op, false, 0, err);
        else
            fail(op, err);
        return;
    }
    op->s3->was_reached = true;
    bool is_get = op->kind == S3_OP_GET;
    if (is_get && (response->status == 200 || response->status == 304))
        answered_get(op, response);
    else if (!is_get && response->status == 200)
        answered_list(op, response);
    else
        refused(op, response);
}
