/* What becomes of an attempt that failed or was refused, and the end of an op. */
#include "s3/s3_int.h"

#include "core/escape.h"
#include "core/mem.h"
#include "core/time.h"

#include <stdio.h>

enum {
    BACKOFF_MS = 50, /* before the first retry at most; doubled each time */
    BACKOFF_THROTTLED_MS = 500,
    BACKOFF_BRAKE_MS = 5000, /* where most retries fail, too */
    BACKOFF_MAX_MS = 20000,
    PUT_RIGHT_MAX = 6, /* times that an op is sent again without a wait */
    /* A clock this far off explains a signature that does not match (aws-sdk-*: 4 to 5 minutes). */
    SKEW_SUSPECT_MS = 4 * 60 * 1000,
};

/* What the op does, for people: in front of what came of it. */
static void wrap(const struct s3_op *op, struct bkt_error *err)
{
    char what[256];
    bkt_escape(op->kind == S3_OP_GET ? op->key : op->prefix, what, sizeof(what));
    (void)bkt_error_wrap(err, err->code, "%s s3://%s/%s", op->kind == S3_OP_GET ? "get" : "list",
                         op->s3->bucket, what);
}

static void log_retry(const struct s3_op *op, int64_t delay_ms, const struct bkt_error *why)
{
    const struct bkt_log *log = op->s3->options.log;
    if (!bkt_log_wants(log, BKT_LOG_DEBUG))
        return;
    struct bkt_error err = *why;
    wrap(op, &err);
    bkt_log(log, BKT_LOG_DEBUG, "%s: tried again in %lld ms", err.message, (long long)delay_ms);
}

/* The ends of an op. */

static void fail(struct s3_op *op, const struct bkt_error *why)
{
    struct bkt_error err = *why;
    wrap(op, &err);
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
    s3_op_free(op);
}

void s3_tell_object(struct s3_op *op, struct bkt_s3_object *object)
{
    op->on_object(op->ctx, op->id, object);
    s3_op_free(op);
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
    if (!bkt_pace_retry(&op->s3->pace) && cap < BACKOFF_BRAKE_MS)
        cap = BACKOFF_BRAKE_MS;
    if (cap > BACKOFF_MAX_MS)
        cap = BACKOFF_MAX_MS;
    int64_t delay = (int64_t)(next_random(op->s3) % (uint64_t)cap) + 1;
    if (server_hint_ms > BACKOFF_MAX_MS)
        server_hint_ms = BACKOFF_MAX_MS;
    return delay > server_hint_ms ? delay : server_hint_ms;
}

void s3_retry_or_fail(struct s3_op *op,
                      bool throttled,
                      int64_t server_hint_ms,
                      const struct bkt_error *why)
{
    struct bkt_s3 *s3 = op->s3;
    int64_t now_ms = bkt_time_monotonic_ms();
    if (op->failures++ == 0)
        op->first_failed_ms = now_ms;
    if (throttled) {
        s3->stats.throttled++;
        bkt_pace_slow_down(&s3->pace, now_ms);
    }
    int64_t delay_ms = backoff_ms(op, throttled, server_hint_ms);
    if (now_ms + delay_ms - op->first_failed_ms > s3->options.retry_time_ms) {
        struct bkt_error err = *why;
        if (op->failures > 1)
            (void)bkt_error_set(&err, why->code, "%s (tried %u times)", why->message, op->failures);
        fail(op, &err);
        return;
    }
    log_retry(op, delay_ms, why);
    s3->stats.retries++;
    s3_wait_until(op, now_ms + delay_ms);
}

void s3_failed(struct s3_op *op, const struct bkt_error *err)
{
    if (err->retriable)
        s3_retry_or_fail(op, false, 0, err);
    else
        fail(op, err);
}

/* Once more at once: what was wrong has been put right. */
static void send_again(struct s3_op *op, const struct bkt_error *why)
{
    log_retry(op, 0, why);
    op->s3->stats.retries++;
    op->put_right++;
    s3_wait_until(op, INT64_MIN);
}

/* Milliseconds that the server asks us to wait, or 0. */
static int64_t server_hint_ms(const struct bkt_http_response *response)
{
    struct bkt_str ms = bkt_http_header_get(response, "x-amz-retry-after");
    bool is_ms = ms.len > 0;
    struct bkt_str text = is_ms ? ms : bkt_http_header_get(response, "retry-after");
    int64_t value = 0;
    int64_t at_ms;
    if (!is_ms && bkt_time_parse_http(text, &at_ms)) {
        value = at_ms - bkt_time_wall_ms();
        return value > 0 ? value : 0;
    }
    for (size_t i = 0; i < text.len && i < 9; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return 0;
        value = value * 10 + (text.ptr[i] - '0');
    }
    return is_ms ? value : value * 1000;
}

/* The region. */

/* Ask there from now on.  False when it is no region, or the one in use. */
static bool adopt_region(struct bkt_s3 *s3, struct bkt_str region)
{
    if (region.len == 0 || region.len >= sizeof(s3->region) || !bkt_region_is_valid(region) ||
        bkt_str_eq(region, bkt_str_from(s3->region)))
        return false;
    struct bkt_endpoint_s3_request bucket = s3->options.bucket;
    bucket.region = region;
    struct bkt_endpoint endpoint;
    if (bkt_endpoint_s3(&bucket, &endpoint, NULL) != BKT_OK)
        return false;
    s3->endpoint = endpoint;
    (void)snprintf(s3->region, sizeof(s3->region), "%.*s", BKT_STR_ARG(region));
    s3->options.bucket.region = bkt_str_from(s3->region);
    s3->region_no++;
    return true;
}

/* The host without its port. */
static struct bkt_str host_of(const char *authority)
{
    struct bkt_str host = bkt_str_from(authority);
    for (size_t i = host.len; i > 0; i--) {
        char c = host.ptr[i - 1];
        if (c == ':')
            return (struct bkt_str){host.ptr, i - 1};
        if (c < '0' || c > '9')
            break;
    }
    return host;
}

/*
 * A new bucket whose name is not known everywhere yet: S3 names the host to ask meanwhile.  Only
 * one of S3's own, or another port of the server that we are told to use, is let see our requests.
 */
static bool take_detour(struct s3_op *op, struct bkt_str location)
{
    const struct bkt_endpoint *old = &op->s3->endpoint;
    size_t scheme_len = strlen(old->scheme);
    if (location.len <= scheme_len + 3 || memcmp(location.ptr, old->scheme, scheme_len) != 0 ||
        memcmp(location.ptr + scheme_len, "://", 3) != 0)
        return false;
    struct bkt_str rest = {location.ptr + scheme_len + 3, location.len - scheme_len - 3};
    size_t end = 0;
    while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?')
        end++;
    struct bkt_endpoint_url parsed;
    struct bkt_str origin = {location.ptr, scheme_len + 3 + end};
    if (bkt_endpoint_url_parse(origin, "Location", &parsed, NULL) != BKT_OK)
        return false;
    struct bkt_endpoint to = *old;
    if (end >= sizeof(to.authority))
        return false;
    memcpy(to.authority, rest.ptr, end);
    to.authority[end] = '\0';
    struct bkt_str host = host_of(to.authority);
    bool is_aws = op->s3->options.bucket.endpoint_url.len == 0 &&
                  (bkt_str_has_suffix(host, BKT_STR(".amazonaws.com")) ||
                   bkt_str_has_suffix(host, BKT_STR(".amazonaws.com.cn")));
    if (!is_aws && !bkt_str_eq(host, host_of(old->authority)))
        return false;
    op->detour = bkt_mem_alloc(sizeof(*op->detour));
    if (!op->detour)
        return false;
    *op->detour = to;
    return true;
}

/* Ask the bucket itself: HEAD tells its region whatever the status (Amazon S3 API, HeadBucket). */
static bool ask_region(struct s3_op *op, const struct bkt_error *refusal)
{
    op->refusal = bkt_mem_alloc(sizeof(*op->refusal));
    if (!op->refusal)
        return false;
    *op->refusal = *refusal;
    op->asks_region = true;
    return true;
}

static bool redirect(struct s3_op *op,
                     const struct bkt_http_response *response,
                     const struct bkt_s3error *said,
                     const struct bkt_error *err)
{
    struct bkt_s3 *s3 = op->s3;
    if (op->sent_region_no != s3->region_no)
        return true; /* somebody else has found out meanwhile */
    if (op->was_redirected)
        return false;
    op->was_redirected = true;
    struct bkt_str region = bkt_http_header_get(response, "x-amz-bucket-region");
    if (region.len == 0)
        region = bkt_str_from(said->region);
    if (response->status == 307)
        return take_detour(op, bkt_http_header_get(response, "location"));
    if (region.len > 0)
        return adopt_region(s3, region);
    return ask_region(op, err);
}

void s3_answered_region(struct s3_op *op, const struct bkt_http_response *response)
{
    op->asks_region = false;
    struct bkt_error err = *op->refusal;
    bkt_mem_free(op->refusal);
    op->refusal = NULL;
    struct bkt_str region = bkt_http_header_get(response, "x-amz-bucket-region");
    if (op->sent_region_no != op->s3->region_no || adopt_region(op->s3, region))
        send_again(op, &err);
    else
        fail(op, &err);
}

/* The clock and the credentials. */

static bool adopt_clock(struct s3_op *op, const struct bkt_http_response *response)
{
    struct bkt_s3 *s3 = op->s3;
    int64_t server_ms;
    if (op->was_skewed || !bkt_time_parse_http(bkt_http_header_get(response, "date"), &server_ms))
        return false;
    s3->has_clock = true;
    s3->clock_wall_ms = server_ms;
    s3->clock_read_ms = bkt_time_monotonic_ms();
    op->was_skewed = true;
    return true;
}

/* Some servers see no skew but a wrong signature, and a HEAD cannot say which it is. */
static bool is_skew_suspect(const struct s3_op *op,
                            const struct bkt_http_response *response,
                            const struct bkt_s3error *said)
{
    int64_t server_ms;
    if (response->status != 403 ||
        (said->code[0] != '\0' && strcmp(said->code, "SignatureDoesNotMatch") != 0) ||
        !bkt_time_parse_http(bkt_http_header_get(response, "date"), &server_ms))
        return false;
    int64_t off_ms = server_ms - s3_wall_ms(op->s3);
    return off_ms > SKEW_SUSPECT_MS || off_ms < -SKEW_SUSPECT_MS;
}

/* Before the next attempt: it may have to wait for them, and says so if there are no others. */
static bool renew(struct s3_op *op)
{
    if (op->s3->options.no_sign_request)
        return false;
    if (op->sent_generation != op->s3->creds_generation)
        return true;
    if (op->was_renewed)
        return false;
    op->was_renewed = true;
    op->renew_first = true;
    return true;
}

/* Take away the cause of a refusal.  False when that cannot be done. */
static bool put_right(struct s3_op *op,
                      enum bkt_s3error_class class,
                      const struct bkt_http_response *response,
                      const struct bkt_s3error *said,
                      const struct bkt_error *err)
{
    if (op->put_right == PUT_RIGHT_MAX)
        return false;
    if (class == BKT_S3ERROR_WRONG_REGION)
        return redirect(op, response, said, err);
    if (class == BKT_S3ERROR_EXPIRED_CREDS)
        return renew(op);
    if (class == BKT_S3ERROR_CLOCK_SKEW || is_skew_suspect(op, response, said))
        return adopt_clock(op, response);
    if ((class == BKT_S3ERROR_PRECONDITION || class == BKT_S3ERROR_RANGE) && op->partial.len > 0) {
        bkt_buf_clear(&op->partial); /* it is another object by now: from the start */
        return true;
    }
    return false;
}

/* An answer that is not what was asked for. */
void s3_refused(struct s3_op *op, struct bkt_http_response *response)
{
    struct bkt_s3 *s3 = op->s3;
    struct bkt_s3error said = {0};
    (void)bkt_s3error_parse(bkt_buf_str(response->body), &said);
    struct bkt_error err = {.code = BKT_OK};
    enum bkt_s3error_class class = bkt_s3error_classify(response->status, said.code);
    bkt_s3error_describe(&said, response->status, s3->region, &err);
    if (class == BKT_S3ERROR_NO_SUCH_KEY && op->kind == S3_OP_GET) {
        s3_tell_object(
            op, &(struct bkt_s3_object){.answer = BKT_S3_NO_SUCH_KEY, .body = response->body});
    } else if (class == BKT_S3ERROR_TRANSIENT || class == BKT_S3ERROR_THROTTLED) {
        s3_retry_or_fail(op, class == BKT_S3ERROR_THROTTLED, server_hint_ms(response), &err);
    } else if (put_right(op, class, response, &said, &err)) {
        send_again(op, &err);
    } else {
        if (class == BKT_S3ERROR_FORBIDDEN && !s3->options.request_payer &&
            strcmp(said.code, "AccessDenied") == 0) {
            struct bkt_error more = err;
            (void)bkt_error_set(&more, err.code,
                                "%s; if its owner lets requesters pay: --request-payer",
                                err.message);
            more.http_status = err.http_status;
            err = more;
        }
        fail(op, &err);
    }
}
