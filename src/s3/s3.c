#include "s3/s3_int.h"

#include "core/backoff.h"
#include "core/mem.h"
#include "core/time.h"

#include <stdio.h>

enum {
    BUSY_MS = 50,  /* until credentials that are being fetched are asked for again */
    LOOK_MS = 250, /* between looks for stragglers */
};

int bkt_s3_new(const struct bkt_s3_options *options, struct bkt_s3 **out_s3, struct bkt_error *err)
{
    struct bkt_s3 *s3 = bkt_mem_calloc(1, sizeof(*s3));
    if (!s3)
        return bkt_error_set(err, BKT_ENOMEM, "open the bucket: out of memory");
    const struct bkt_endpoint_s3_request *bucket = &options->bucket;
    s3->options = *options;
    s3->jitter = options->seed | 1;
    bkt_pace_init(&s3->pace);
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

void s3_op_free(struct s3_op *op)
{
    struct bkt_s3 *s3 = op->s3;
    if (op->older)
        op->older->newer = op->newer;
    else
        s3->first = op->newer;
    if (op->newer)
        op->newer->older = op->older;
    bkt_mem_free(op->texts);
    bkt_mem_free(op->refusal);
    bkt_mem_free(op->detour);
    bkt_buf_clear(&op->partial);
    bkt_mem_free(op);
}

void bkt_s3_cancel_all(struct bkt_s3 *s3)
{
    s3->due = NULL;
    s3->held_first = NULL;
    s3->held_last = NULL;
    while (s3->first) {
        s3_cancel(s3->first);
        s3_op_free(s3->first);
    }
}

/* Out of the two queues: of those that are due, of those that the pace holds back. */
static void unqueue(struct bkt_s3 *s3, const struct s3_op *op)
{
    struct s3_op **at = &s3->due;
    while (*at && *at != op)
        at = &(*at)->next_due;
    if (*at)
        *at = op->next_due;
    struct s3_op *before = NULL;
    for (struct s3_op *held = s3->held_first; held; before = held, held = held->next_held) {
        if (held != op)
            continue;
        if (before)
            before->next_held = op->next_held;
        else
            s3->held_first = op->next_held;
        if (s3->held_last == op)
            s3->held_last = before;
        break;
    }
}

void bkt_s3_cancel(struct bkt_s3 *s3, const void *ctx)
{
    struct s3_op *next;
    for (struct s3_op *op = s3->first; op; op = next) {
        next = op->newer;
        if (op->ctx != ctx)
            continue;
        unqueue(s3, op);
        s3_cancel(op);
        s3_op_free(op);
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
    op->tries[0].op = op;
    op->tries[1].op = op;
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

void s3_wait_until(struct s3_op *op, int64_t due_ms)
{
    op->due_ms = due_ms;
    struct s3_op **at = &op->s3->due;
    while (*at && (*at)->due_ms <= due_ms)
        at = &(*at)->next_due;
    op->next_due = *at;
    *at = op;
}

/* Behind those that the pace holds back already. */
static void hold(struct s3_op *op)
{
    struct bkt_s3 *s3 = op->s3;
    op->next_held = NULL;
    if (s3->held_last)
        s3->held_last->next_held = op;
    else
        s3->held_first = op;
    s3->held_last = op;
}

static bool may_start(const struct s3_op *op)
{
    return op->kind != S3_OP_GET || bkt_pace_may_start(&op->s3->pace);
}

static int op_start(struct bkt_s3 *s3, const struct s3_op *proto, struct bkt_error *err)
{
    struct s3_op *op = op_new(s3, proto, err);
    if (!op)
        return BKT_ENOMEM;
    if (!may_start(op)) {
        hold(op);
        return BKT_OK;
    }
    struct bkt_error why = {.code = BKT_OK};
    int rc = s3_send(op, &op->tries[0], &why);
    if (rc == BKT_OK)
        return rc;
    if (why.retriable) {
        s3_wait_until(op, bkt_time_monotonic_ms() + BUSY_MS);
        return BKT_OK;
    }
    s3_op_free(op);
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

/* What waits. */

static void start_now(struct s3_op *op)
{
    struct bkt_error err = {.code = BKT_OK};
    if (s3_send(op, &op->tries[0], &err) != BKT_OK)
        s3_failed(op, &err); /* credentials that are being fetched are worth a moment's wait */
}

void bkt_s3_tick(struct bkt_s3 *s3, int64_t now_ms)
{
    while (s3->due && s3->due->due_ms <= now_ms) {
        struct s3_op *op = s3->due;
        s3->due = op->next_due;
        if (may_start(op))
            start_now(op);
        else
            hold(op);
    }
    while (s3->held_first && bkt_pace_may_start(&s3->pace)) {
        struct s3_op *op = s3->held_first;
        s3->held_first = op->next_held;
        if (!s3->held_first)
            s3->held_last = NULL;
        start_now(op);
    }
    if (s3->gets_under_way > 0 && now_ms >= s3->look_ms) {
        s3_hedge_stragglers(s3, now_ms);
        s3->look_ms = now_ms + LOOK_MS;
    }
}

int bkt_s3_wait_ms(const struct bkt_s3 *s3, int64_t now_ms)
{
    if (s3->held_first && bkt_pace_may_start(&s3->pace))
        return 0;
    int64_t at_ms = s3->due ? s3->due->due_ms : INT64_MAX;
    if (s3->gets_under_way > 0 && s3->look_ms < at_ms)
        at_ms = s3->look_ms;
    return bkt_wait_until(at_ms, now_ms);
}
