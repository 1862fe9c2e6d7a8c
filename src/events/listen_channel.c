#include "events/listen_channel.h"

#include "core/backoff.h"
#include "core/mem.h"
#include "core/percent.h"
#include "core/time.h"
#include "events/event_keys.h"
#include "events/held.h"
#include "events/listen_stream.h"
#include "events/mend.h"
#include "events/trouble.h"

#include <stdio.h>

enum {
    CONNECT_MS = 5000,
    HEAD_MS = 8000,     /* MinIO's comes within the second of its first sign of life */
    SILENCE_MS = 15000, /* a sign of life comes every second */
    SOUND_MS = 30000,   /* a stream that lasts so long is none that fails at once */
    BACKOFF_MS = 1000,
    BACKOFF_MAX_MS = 30000,
    CREDS_PAUSE_MS = 100, /* they are being fetched */
    REFUSAL_BYTES_MAX = 64 << 10,
    QUERY_BYTES_MAX = 8 << 10,
};

struct listen_channel {
    struct bkt_channel_owner owner;
    struct bkt_event_scope scope; /* any bucket: the stream is of one */
    struct bkt_channel_stats stats;
    struct bkt_trouble trouble;
    struct bkt_warned warned;
    struct bkt_caller caller;
    struct bkt_http *http;
    struct bkt_buf query;
    struct bkt_backoff backoff;
    bool is_stopped;
    bool was_ready;
    bool had_gap;

    /* The request under way. */
    uint64_t request; /* 0: none */
    int64_t heard_ms; /* BKT_TIME_NONE: since the last tick */
    int64_t ready_ms; /* BKT_TIME_NONE: the answer has not begun */
    bool is_ready;
    struct bkt_mended mended; /* since it was ready */
    struct bkt_listen_stream stream;
    struct bkt_buf refusal; /* the body of an answer that is not 200 */

    struct bkt_event_keys keys;
    struct bkt_held held;
};

/* The end of an attempt. */

static void fail(struct listen_channel *channel, const char *cause, const struct bkt_error *why)
{
    struct bkt_error err = *why;
    err.retriable = err.retriable || channel->was_ready;
    (void)bkt_error_wrap(&err, err.code, "listen to the bucket at %s%s",
                         channel->caller.endpoint.authority, channel->caller.endpoint.base_path);
    channel->is_ready = false;
    bkt_listen_stream_reset(&channel->stream);
    bkt_backoff_fail(&channel->backoff, BACKOFF_MS, BACKOFF_MAX_MS);
    bkt_trouble_on(&channel->trouble, &channel->owner, 0, cause, &err);
}

static const char *advice_for(const struct bkt_sqs_error *said)
{
    if (strcmp(said->code, "NoSuchBucket") == 0)
        return "; check bucket_name and endpoint_url";
    if (said->fault == BKT_SQS_FAULT_EXPIRED)
        return "; the credentials have expired, get new ones";
    if (said->fault == BKT_SQS_FAULT_SKEW)
        return "; set this machine's clock right";
    if (strcmp(said->code, "AccessDenied") == 0)
        return "; allow s3:ListenBucketNotification on the bucket";
    if (said->fault == BKT_SQS_FAULT_DENIED)
        return "; check the credentials";
    if (said->fault == BKT_SQS_FAULT_PERMANENT)
        return "; minio_listen needs a MinIO server";
    return "";
}

/* It was not even asked for. */
static void unsent(struct listen_channel *channel, const struct bkt_error *err)
{
    if (err->code == BKT_EBUSY)
        bkt_backoff_pause(&channel->backoff, CREDS_PAUSE_MS);
    else
        fail(channel, bkt_error_name(err->code), err);
}

static void refused(struct listen_channel *channel, const struct bkt_http_response *response)
{
    struct bkt_sqs_refusal refusal = {
        .http_status = response->status,
        .error_type = BKT_STR(""),
        .query_error = BKT_STR(""),
        .body = bkt_buf_str(&channel->refusal),
    };
    struct bkt_sqs_error said;
    bkt_sqs_read_error(&refusal, &said);

    struct bkt_error err = {0};
    switch (bkt_mend(&channel->caller, &channel->mended, &said, response, &err)) {
    case BKT_MEND_NOTHING:
        break;
    case BKT_MEND_DONE:
        return; /* the next attempt is made at once */
    case BKT_MEND_FAILED:
        unsent(channel, &err);
        return;
    }
    char status[16];
    (void)snprintf(status, sizeof(status), "HTTP %d", response->status);
    (void)bkt_error_set(&err, BKT_ES3, "%d%s%s%s%s%s", response->status, said.code[0] ? " " : "",
                        said.code, said.message[0] ? ": " : "", said.message, advice_for(&said));
    err.http_status = response->status;
    err.retriable = said.fault == BKT_SQS_FAULT_THROTTLED || said.fault == BKT_SQS_FAULT_TRANSIENT;
    fail(channel, said.code[0] ? said.code : status, &err);
}

static void on_done(void *ctx,
                    int rc,
                    struct bkt_http_response *response,
                    const struct bkt_error *why)
{
    struct listen_channel *channel = ctx;
    channel->request = 0;
    if (rc == BKT_OK && response->status != 200) {
        refused(channel, response);
        return;
    }
    struct bkt_error err = *why;
    if (rc == BKT_OK) {
        (void)bkt_error_set(&err, BKT_ENET, "the server has ended its answer");
        err.retriable = true;
    } else if (err.message[0] == '\0') {
        (void)bkt_error_set(&err, rc, "%s", bkt_error_text(rc));
    }
    bool is_network = err.code == BKT_ENET;
    fail(channel, is_network ? "network" : bkt_error_name(err.code), &err);
}

/* The answer. */

static int on_head(void *ctx, struct bkt_http_response *response, struct bkt_error *err)
{
    struct listen_channel *channel = ctx;
    if (response->status != 200)
        return BKT_OK;
    struct bkt_str type = bkt_http_header_get(response, "content-type");
    /* To S3 itself the request is one for a list of objects. */
    for (size_t i = 0; i + 3 <= type.len; i++) {
        if (memcmp(type.ptr + i, "xml", 3) == 0)
            return bkt_error_set(err, BKT_EUNSUPPORTED,
                                 "the server answers with a list of objects: minio_listen needs a "
                                 "MinIO server");
    }
    channel->is_ready = true;
    channel->mended = (struct bkt_mended){0};
    channel->ready_ms = BKT_TIME_NONE;
    bkt_trouble_off(&channel->trouble, &channel->owner, 0);
    channel->owner.ready(channel->owner.ctx);
    if (channel->was_ready)
        channel->owner.gap(channel->owner.ctx);
    channel->was_ready = true;
    return BKT_OK;
}

static int on_events(void *ctx, const struct bkt_event *events, size_t count)
{
    struct listen_channel *channel = ctx;
    struct bkt_event_keys *keys = &channel->keys;
    channel->stats.received++;
    int rc = bkt_event_keys_read(keys, events, count, &channel->scope);
    if (rc)
        return rc;
    if (keys->count == 0) {
        channel->stats.irrelevant++;
        return BKT_OK;
    }
    if (!bkt_held_has_room(&channel->held)) {
        channel->had_gap = true; /* MinIO does not wait: what is left out now a listing finds */
        return BKT_OK;
    }
    struct bkt_held_message *held;
    rc = bkt_held_add(&channel->held, BKT_STR(""), BKT_STR(""), keys->count, &held);
    if (rc)
        return rc;
    held->is_kept = true; /* there is nothing to acknowledge */
    channel->owner.changed(channel->owner.ctx, held->token, keys->keys, keys->count);
    return BKT_OK;
}

static int on_data(void *ctx, struct bkt_str bytes, struct bkt_error *err)
{
    struct listen_channel *channel = ctx;
    channel->heard_ms = BKT_TIME_NONE;
    if (!channel->is_ready) {
        (void)!bkt_buf_append(&channel->refusal, bytes); /* what is beyond 64 KB says no more */
        return BKT_OK;
    }
    uint64_t lost = channel->stream.lost_count;
    int rc = bkt_listen_stream_feed(&channel->stream, bytes, on_events, channel);
    channel->stats.poison += channel->stream.lost_count - lost;
    if (channel->stream.lost_count > lost) {
        channel->had_gap = true;
        bkt_warn_once(&channel->warned, &channel->owner, channel->stream.lost_reason,
                      "a line of the stream of %s is not understood (%s); the bucket is listed "
                      "again",
                      channel->caller.endpoint.authority, channel->stream.lost_reason);
    }
    return rc ? bkt_error_set(err, rc, "read its answer: %s", bkt_error_text(rc)) : BKT_OK;
}

static void start(struct listen_channel *channel, int64_t now_ms)
{
    struct bkt_call call = {
        .http =
            {
                .method = "GET",
                .connect_timeout_ms = CONNECT_MS,
                .stall_timeout_ms = SILENCE_MS * 2, /* ours comes first */
                .fresh_connection = true,
                .on_head = on_head,
                .on_data = on_data,
                .on_done = on_done,
                .ctx = channel,
            },
        .query = bkt_buf_str(&channel->query),
    };
    struct bkt_error err = {0};
    channel->heard_ms = now_ms;
    channel->ready_ms = BKT_TIME_NONE;
    channel->is_ready = false;
    bkt_buf_reset(&channel->refusal);
    if (bkt_caller_start(&channel->caller, &call, &channel->request, &err) != BKT_OK)
        unsent(channel, &err);
}

/* Time. */

static void give_up(struct listen_channel *channel)
{
    struct bkt_error err = {0};
    bkt_http_cancel(channel->http, channel->request);
    channel->request = 0;
    if (channel->is_ready) {
        (void)bkt_error_set(&err, BKT_ENET, "silent for %d s", SILENCE_MS / 1000);
        err.retriable = true;
        fail(channel, "network", &err);
        return;
    }
    (void)bkt_error_set(&err, BKT_EUNSUPPORTED,
                        "no answer within %d s; MinIO's newest releases never answer this "
                        "request: let MinIO send its events to Redis (redis_url) instead, or list "
                        "often (refresh_interval)",
                        HEAD_MS / 1000);
    fail(channel, "mute", &err);
}

static int64_t limit_ms(const struct listen_channel *channel)
{
    return channel->is_ready ? SILENCE_MS : HEAD_MS;
}

static void tick(void *self, int64_t now_ms)
{
    struct listen_channel *channel = self;
    if (channel->is_stopped)
        return;
    if (channel->had_gap && channel->is_ready && bkt_held_has_room(&channel->held)) {
        channel->had_gap = false;
        channel->owner.gap(channel->owner.ctx);
    }
    if (channel->request) {
        if (channel->heard_ms == BKT_TIME_NONE)
            channel->heard_ms = now_ms;
        if (channel->is_ready && channel->ready_ms == BKT_TIME_NONE)
            channel->ready_ms = now_ms;
        if (channel->is_ready && now_ms - channel->ready_ms >= SOUND_MS)
            bkt_backoff_reset(&channel->backoff);
        if (now_ms - channel->heard_ms >= limit_ms(channel))
            give_up(channel);
        return;
    }
    if (bkt_backoff_is_over(&channel->backoff, now_ms))
        start(channel, now_ms);
}

static int wait_ms(const void *self, int64_t now_ms)
{
    const struct listen_channel *channel = self;
    if (channel->is_stopped)
        return -1;
    if (channel->had_gap && channel->is_ready && bkt_held_has_room(&channel->held))
        return 0;
    if (!channel->request) {
        int wait = bkt_backoff_wait_ms(&channel->backoff, now_ms);
        return wait < 0 ? 0 : wait;
    }
    if (channel->heard_ms == BKT_TIME_NONE)
        return 0;
    return bkt_wait_until(channel->heard_ms + limit_ms(channel), now_ms);
}

/* The socket of events/channel.h. */

static void settle(void *self, uint64_t token)
{
    struct listen_channel *channel = self;
    channel->stats.acknowledged += bkt_held_settle(&channel->held, token);
}

static void stop(void *self)
{
    struct listen_channel *channel = self;
    channel->is_stopped = true;
    channel->is_ready = false;
    if (channel->request)
        bkt_http_cancel(channel->http, channel->request);
    channel->request = 0;
}

static bool is_drained(const void *self)
{
    const struct listen_channel *channel = self;
    return bkt_held_is_drained(&channel->held);
}

static struct bkt_channel_stats stats(const void *self)
{
    const struct listen_channel *channel = self;
    struct bkt_channel_stats stats = channel->stats;
    stats.unsettled = bkt_held_unsettled(&channel->held);
    return stats;
}

static void channel_free(void *self)
{
    struct listen_channel *channel = self;
    if (!channel)
        return;
    stop(channel);
    bkt_caller_clear(&channel->caller);
    bkt_listen_stream_clear(&channel->stream);
    bkt_event_keys_clear(&channel->keys);
    bkt_held_clear(&channel->held);
    bkt_buf_clear(&channel->query);
    bkt_buf_clear(&channel->refusal);
    bkt_mem_free(channel);
}

/* The parameters in the order of their names, which is how they are signed. */
static int write_query(struct bkt_buf *query, struct bkt_str prefix)
{
    int rc = bkt_buf_append(query, BKT_STR("events=s3%3AObjectCreated%3A%2A&"
                                           "events=s3%3AObjectRemoved%3A%2A&ping=1"));
    if (rc || prefix.len == 0)
        return rc;
    rc = bkt_buf_append(query, BKT_STR("&prefix="));
    return rc ? rc : bkt_percent_encode(query, prefix, BKT_PERCENT_ENCODE_SLASH);
}

int bkt_listen_channel_new(const struct bkt_listen_channel_options *options,
                           const struct bkt_channel_owner *owner,
                           struct bkt_channel *out_channel,
                           struct bkt_error *err)
{
    static const struct bkt_channel_ops ops = {
        .name = "minio",
        .tick = tick,
        .wait_ms = wait_ms,
        .settle = settle,
        .stop = stop,
        .is_drained = is_drained,
        .stats = stats,
        .free = channel_free,
    };
    struct bkt_caller_options caller = {
        .http = options->http,
        .no_sign_request = options->no_sign_request,
        .creds = options->creds,
        .creds_ctx = options->creds_ctx,
    };
    struct bkt_endpoint endpoint;
    int rc = bkt_endpoint_s3(&options->bucket, &endpoint, err);
    if (rc)
        return rc;
    struct listen_channel *channel = bkt_mem_calloc(1, sizeof(*channel));
    if (!channel)
        return bkt_error_set(err, BKT_ENOMEM, "listen to the bucket: out of memory");
    channel->owner = *owner;
    channel->http = options->http;
    channel->scope.want_metadata = options->want_metadata;
    channel->stats.depth = -1;
    channel->backoff.seed = options->seed;
    channel->query = BKT_BUF_INIT(QUERY_BYTES_MAX);
    channel->refusal = BKT_BUF_INIT(REFUSAL_BYTES_MAX);
    bkt_listen_stream_init(&channel->stream);
    rc = write_query(&channel->query, options->prefix);
    if (rc)
        (void)bkt_error_set(err, rc, "listen to the bucket: %s", bkt_error_text(rc));
    else
        rc = bkt_caller_init(&channel->caller, &caller, &endpoint, err);
    if (rc) {
        channel_free(channel);
        return rc;
    }
    *out_channel = (struct bkt_channel){.ops = &ops, .self = channel};
    return BKT_OK;
}
