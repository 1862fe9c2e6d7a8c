#include "api/check_int.h"

#include "api/channels.h"
#include "core/time.h"

#include <stdio.h>

/* The stream's first word: it has begun, or why it has not. */
struct word {
    bool is_ready;
    struct bkt_error err; /* code BKT_OK: none yet */
};

static void on_ready(void *ctx)
{
    struct word *word = ctx;
    word->is_ready = true;
}

/* What happens meanwhile is nobody's business: `watch` lists when it begins. */
static void on_changed(void *ctx, uint64_t token, const struct bkt_str *keys, size_t count)
{
    (void)ctx;
    (void)token;
    (void)keys;
    (void)count;
}

static void on_gap(void *ctx)
{
    (void)ctx;
}

static void on_trouble(void *ctx, const struct bkt_error *err)
{
    struct word *word = ctx;
    if (err)
        word->err = *err;
}

static int turn(struct bkt_check *check,
                const struct bkt_channel *channel,
                const struct word *word,
                struct bkt_error *err)
{
    int rc = BKT_OK;
    while (rc == BKT_OK && !word->is_ready && word->err.code == BKT_OK) {
        if (atomic_load(&check->asker.is_stopped))
            return bkt_error_set(err, BKT_ECANCELED, "stopped");
        int64_t now_ms = bkt_time_monotonic_ms();
        channel->ops->tick(channel->self, now_ms);
        rc = bkt_http_run_once(check->asker.bucket.http,
                               channel->ops->wait_ms(channel->self, now_ms), err);
    }
    return rc;
}

static void tell(struct bkt_check *check, const struct word *word, int64_t took_ms)
{
    const char *bucket = check->settings->bucket_name;
    char fix[CHECK_FIX_BYTES] = "";
    if (word->is_ready) {
        check_tell(check, "minio-listen", BKT_CHECK_OK, NULL,
                   "the stream of events began within %lld ms", (long long)took_ms);
        return;
    }
    if (word->err.code == BKT_EUNSUPPORTED) {
        (void)snprintf(fix, sizeof(fix),
                       "leave out --minio-listen, and list again now and then: "
                       "--refresh-interval 1m; or let MinIO write its events to Redis, as "
                       "bucketable setup s3://%s --redis-url URL --redis-channel NAME tells",
                       bucket);
    } else if (word->err.http_status == 403) {
        char resource[CHECK_FIX_BYTES / 2];
        (void)snprintf(resource, sizeof(resource), "arn:aws:s3:::%s", bucket);
        check_statement(fix, "\"s3:ListenBucketNotification\"", resource);
    }
    check_tell(check, "minio-listen", BKT_CHECK_WRONG, fix, "%s", word->err.message);
}

int check_listen(struct bkt_check *check, struct bkt_error *err)
{
    struct word word = {.is_ready = false};
    struct bkt_channel_owner owner = {
        .ctx = &word,
        .ready = on_ready,
        .changed = on_changed,
        .gap = on_gap,
        .trouble = on_trouble,
    };
    struct bkt_channel channel = {.self = NULL};
    int64_t began_ms = bkt_time_monotonic_ms();
    int rc = bkt_channel_open_listen(&check->asker.bucket, &owner, &channel, err);
    if (rc == BKT_OK)
        rc = turn(check, &channel, &word, err);
    if (rc == BKT_OK) {
        tell(check, &word, bkt_time_monotonic_ms() - began_ms);
    } else if (!check_is_fatal(rc)) {
        check_tell(check, "minio-listen", BKT_CHECK_WRONG, NULL, "%s", err->message);
        rc = BKT_OK;
    }
    if (channel.self)
        channel.ops->free(channel.self);
    return rc;
}
