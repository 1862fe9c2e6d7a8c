#include "api/watch_int.h"

#include "api/into.h"
#include "core/backoff.h"
#include "core/mem.h"

#include <stdio.h>

enum {
    DRAIN_MS = 3000, /* for acknowledgments, when it was stopped */
    ASK_AGAIN_MS = 1000,
};

/* What the callers are told. */

static void warn(void *ctx, const char *message)
{
    struct bkt_watch *watch = ctx;
    if (watch->callbacks.warning)
        watch->callbacks.warning(watch->callbacks.ctx, message);
    else
        bkt_log(watch->log, BKT_LOG_WARNING, "%s", message);
}

static void tell_error(struct bkt_watch *watch, const char *message, struct bkt_str key)
{
    if (watch->callbacks.error)
        watch->callbacks.error(watch->callbacks.ctx, message, key.len > 0 ? key.ptr : NULL,
                               key.len);
    else
        bkt_log_of_key(watch->log, key.len > 0 ? BKT_LOG_WARNING : BKT_LOG_ERROR, key, message);
}

static bool channels_are_ready(const struct bkt_watch *watch)
{
    for (size_t i = 0; i < watch->listener_count; i++) {
        if (!watch->listeners[i].was_ready)
            return false;
    }
    return true;
}

static void tell_ready(struct bkt_watch *watch)
{
    if (watch->was_told_ready || !watch->has_listed || !channels_are_ready(watch))
        return;
    watch->was_told_ready = true;
    bkt_log(watch->log, BKT_LOG_INFO, "the table is the bucket; following its changes");
    if (watch->callbacks.ready)
        watch->callbacks.ready(watch->callbacks.ctx);
}

static void listed(struct bkt_watch *watch)
{
    struct bkt_counts counts = bkt_driver_listing_counts(&watch->driver);
    bool found = counts.events_missed > 0 ||
                 (!watch->has_listed && counts.added + counts.updated + counts.deleted > 0);
    for (size_t i = 0; i < watch->listener_count; i++) {
        const struct bkt_channel *channel = &watch->listeners[i].channel;
        if (channel->ops->listed) {
            channel->ops->listed(channel->self, found, (int64_t)(counts.seconds * 1000),
                                 watch->now_ms);
        }
    }
    watch->has_listed = true;
    bkt_watch_stats_listed(watch, counts.seconds);
    if (watch->driver.settings->refresh_interval > 0)
        watch->refresh_at_ms = watch->now_ms + watch->driver.settings->refresh_interval;
    if (watch->callbacks.synced)
        watch->callbacks.synced(watch->callbacks.ctx, &counts);
    tell_ready(watch);
}

static void on_event(void *ctx,
                     enum bkt_engine_event event,
                     struct bkt_str key,
                     struct bkt_str text)
{
    struct bkt_watch *watch = ctx;
    const struct bkt_watch_callbacks *callbacks = &watch->callbacks;
    char message[1024];
    switch (event) {
    case BKT_EVENT_LISTING:
        return;
    case BKT_EVENT_LISTED:
        listed(watch);
        return;
    case BKT_EVENT_UPSERT:
        if (callbacks->upserted)
            callbacks->upserted(callbacks->ctx, key.ptr, key.len);
        return;
    case BKT_EVENT_DELETE:
        if (callbacks->deleted)
            callbacks->deleted(callbacks->ctx, key.ptr, key.len);
        return;
    case BKT_EVENT_FAILED:
    case BKT_EVENT_TROUBLE:
        (void)snprintf(message, sizeof(message), "%.*s", BKT_STR_ARG(text));
        if (event == BKT_EVENT_TROUBLE)
            bkt_watch_stats_trouble(&watch->trouble, message);
        tell_error(watch, message, key);
        return;
    }
}

static void on_progress(void *ctx, const struct bkt_counts *counts)
{
    struct bkt_watch *watch = ctx;
    if (!watch->has_listed)
        watch->callbacks.progress(watch->callbacks.ctx, counts);
}

/* From a channel to the engine, and back when it is durable. */

static void append_ticket(struct ticket *ticket)
{
    struct bkt_watch *watch = ticket->listener->watch;
    ticket->older = watch->newest;
    if (watch->newest)
        watch->newest->newer = ticket;
    else
        watch->oldest = ticket;
    watch->newest = ticket;
}

static void remove_ticket(struct ticket *ticket)
{
    struct bkt_watch *watch = ticket->listener->watch;
    *(ticket->older ? &ticket->older->newer : &watch->oldest) = ticket->newer;
    *(ticket->newer ? &ticket->newer->older : &watch->newest) = ticket->older;
    bkt_mem_free(ticket);
}

static void close_one(struct ticket *ticket)
{
    if (--ticket->open > 0)
        return;
    ticket->listener->channel.ops->settle(ticket->listener->channel.self, ticket->token);
    remove_ticket(ticket);
}

static void on_settled(void *ctx, void *ticket)
{
    (void)ctx;
    close_one(ticket);
}

static void fail(struct bkt_watch *watch, const struct bkt_error *err)
{
    if (watch->rc != BKT_OK)
        return;
    watch->rc = err->code;
    watch->err = *err;
    bkt_http_wakeup(watch->driver.bucket.http);
}

static void on_changed(void *ctx, uint64_t token, const struct bkt_str *keys, size_t count)
{
    struct listener *listener = ctx;
    struct bkt_watch *watch = listener->watch;
    struct bkt_error err = {.code = BKT_ENOMEM, .message = "note a change: out of memory"};
    struct ticket *ticket = bkt_mem_alloc(sizeof(*ticket));
    if (!ticket) {
        fail(watch, &err);
        return;
    }
    /* One more than there are keys, so that it cannot close before all have been handed over. */
    *ticket = (struct ticket){
        .listener = listener, .token = token, .open = 1, .received_ms = bkt_time_monotonic_ms()};
    append_ticket(ticket);
    for (size_t i = 0; i < count; i++) {
        if (keys[i].len > BKT_KEY_BYTES_MAX ||
            !bkt_filter_matches_key(watch->driver.bucket.filter, keys[i]))
            continue;
        ticket->open++;
        if (bkt_engine_touch(watch->driver.engine, keys[i], ticket, &err) != BKT_OK) {
            /* The message is not acknowledged, and comes again to whoever runs next. */
            fail(watch, &err);
            return;
        }
    }
    if (ticket->open > 1) {
        close_one(ticket); /* its keys' commit finds out whether our spec is still the table's */
        return;
    }
    ticket->next_unmatched = watch->unmatched;
    watch->unmatched = ticket;
}

/*
 * A message whose keys are not ours may be thrown away by the table's spec alone: under a newer
 * one, which other workers follow, those keys may be rows.
 */
static void settle_unmatched(struct bkt_watch *watch)
{
    const struct bkt_table_target *target = &watch->driver.target;
    struct bkt_error err = {.code = BKT_OK};
    struct bkt_clock clock;
    if (!watch->unmatched || watch->now_ms < watch->unmatched_after_ms)
        return;
    int rc = target->ops->read_clock(target->self, &clock, &err);
    if (rc == BKT_OK && clock.epoch != watch->driver.epoch)
        rc = bkt_error_set(&err, BKT_EFOREIGN,
                           "follow the bucket: the spec of this table was changed by another "
                           "process: run with the new one");
    if (rc && !err.retriable) {
        fail(watch, &err);
        return;
    }
    if (rc) {
        watch->unmatched_after_ms = watch->now_ms + ASK_AGAIN_MS;
        return;
    }
    while (watch->unmatched) {
        struct ticket *ticket = watch->unmatched;
        watch->unmatched = ticket->next_unmatched;
        close_one(ticket);
    }
}

static void on_ready(void *ctx)
{
    struct listener *listener = ctx;
    struct bkt_watch *watch = listener->watch;
    bool is_first = !listener->was_ready;
    if (is_first || listener->trouble.since_ms != 0)
        bkt_log(watch->log, BKT_LOG_INFO, "%s: events are received", listener->channel.ops->name);
    listener->was_ready = true;
    listener->trouble.since_ms = 0;
    /* Opened first, listed second: nothing falls between. */
    if (is_first && !watch->skips_listing && channels_are_ready(watch))
        bkt_engine_list(watch->driver.engine);
    tell_ready(watch);
}

static void on_gap(void *ctx)
{
    struct listener *listener = ctx;
    bkt_log(listener->watch->log, BKT_LOG_INFO,
            "%s: events may have been missed: the bucket is listed again",
            listener->channel.ops->name);
    bkt_engine_list(listener->watch->driver.engine);
}

static void on_trouble(void *ctx, const struct bkt_error *err)
{
    struct listener *listener = ctx;
    listener->trouble.since_ms = 0;
    if (!err)
        return;
    bkt_watch_stats_trouble(&listener->trouble, err->message);
    if (!listener->was_ready && !err->retriable)
        fail(listener->watch, err);
    else
        tell_error(listener->watch, err->message, (struct bkt_str){"", 0});
}

static void on_warning(void *ctx, const char *line)
{
    struct listener *listener = ctx;
    warn(listener->watch, line);
}

/* The loop's turns. */

static void stop_listeners(struct bkt_watch *watch)
{
    watch->drain_until_ms = watch->now_ms + DRAIN_MS;
    for (size_t i = 0; i < watch->listener_count; i++)
        watch->listeners[i].channel.ops->stop(watch->listeners[i].channel.self);
}

static int tick(void *ctx, int64_t now_ms, struct bkt_error *err)
{
    struct bkt_watch *watch = ctx;
    watch->now_ms = now_ms;
    if (atomic_load(&watch->driver.is_stopped) && watch->drain_until_ms == 0)
        stop_listeners(watch);
    for (size_t i = 0; i < watch->listener_count; i++)
        watch->listeners[i].channel.ops->tick(watch->listeners[i].channel.self, now_ms);
    settle_unmatched(watch);
    if (now_ms >= watch->refresh_at_ms) {
        watch->refresh_at_ms = INT64_MAX; /* until it is listed */
        bkt_engine_list(watch->driver.engine);
    }
    bkt_watch_stats_tick(watch);
    if (watch->rc && err)
        *err = watch->err;
    return watch->rc;
}

static int wait_ms(void *ctx, int64_t now_ms)
{
    struct bkt_watch *watch = ctx;
    int64_t at_ms = watch->drain_until_ms > 0 ? watch->drain_until_ms : watch->refresh_at_ms;
    int wait = bkt_wait_until(at_ms, now_ms);
    for (size_t i = 0; i < watch->listener_count; i++) {
        const struct bkt_channel *channel = &watch->listeners[i].channel;
        wait = bkt_wait_min(wait, channel->ops->wait_ms(channel->self, now_ms));
    }
    if (watch->unmatched)
        wait = bkt_wait_min(wait, bkt_wait_until(watch->unmatched_after_ms, now_ms));
    return wait;
}

static bool is_drained(void *ctx)
{
    const struct bkt_watch *watch = ctx;
    if (watch->now_ms >= watch->drain_until_ms)
        return true;
    for (size_t i = 0; i < watch->listener_count; i++) {
        const struct bkt_channel *channel = &watch->listeners[i].channel;
        if (!channel->ops->is_drained(channel->self))
            return false;
    }
    return true;
}

/* Birth, run, death. */

static int check(struct bkt_watch *watch,
                 const struct bkt_config *config,
                 unsigned parts,
                 struct bkt_error *err)
{
    int rc = bkt_config_check(config, parts, warn, watch, err);
    const struct bkt_settings *settings = bkt_config_settings(config);
    if (rc == BKT_OK && !settings->sqs_queue_url && !settings->redis_url &&
        !settings->minio_listen && settings->refresh_interval == 0)
        warn(watch,
             "neither events (sqs_queue_url, redis_url, minio_listen) nor refresh_interval are "
             "set: what changes after the first listing is not seen until SIGHUP asks for another");
    return rc;
}

int bkt_watch_new(const struct bkt_config *config,
                  const struct bkt_watch_callbacks *callbacks,
                  struct bkt_watch **out_watch,
                  struct bkt_error *err)
{
    struct bkt_into nothing = {.ops = NULL};
    return bkt_watch_new_into(config, callbacks, &nothing, out_watch, err);
}

int bkt_watch_new_into(const struct bkt_config *config,
                       const struct bkt_watch_callbacks *callbacks,
                       const struct bkt_into *into,
                       struct bkt_watch **out_watch,
                       struct bkt_error *err)
{
    struct bkt_watch *watch = bkt_mem_calloc(1, sizeof(*watch));
    if (!watch)
        return bkt_error_set(err, BKT_ENOMEM, "prepare a watch: out of memory");
    bkt_stats_desk_init(&watch->desk);
    watch->log = &bkt_config_settings(config)->log;
    if (callbacks) {
        size_t size = sizeof(watch->callbacks);
        memcpy(&watch->callbacks, callbacks, callbacks->size < size ? callbacks->size : size);
    }
    watch->driver.options = (struct bkt_driver_options){
        .is_live = true,
        .on_event = on_event,
        .on_settled = on_settled,
        .on_progress = watch->callbacks.progress ? on_progress : NULL,
        .ctx = watch,
        .part = {.ctx = watch, .tick = tick, .wait_ms = wait_ms, .is_drained = is_drained},
        .target_ops = into->ops,
        .target_self = into->self,
        .target_state = into->state,
    };
    watch->skips_listing = into->skips_listing;
    unsigned parts = into->ops ? BKT_CONFIG_SOURCE : BKT_CONFIG_SOURCE | BKT_CONFIG_TARGET;
    int rc = check(watch, config, parts, err);
    if (rc == BKT_OK)
        rc = bkt_driver_open(&watch->driver, config, err);
    if (rc) {
        bkt_watch_free(watch);
        return rc;
    }
    *out_watch = watch;
    return BKT_OK;
}

int bkt_watch_stats(struct bkt_watch *watch, int timeout_ms, struct bkt_stats *out_stats)
{
    return bkt_stats_desk_ask(&watch->desk, watch->driver.bucket.http, timeout_ms, out_stats);
}

static void close_listeners(struct bkt_watch *watch)
{
    for (size_t i = 0; i < watch->listener_count; i++)
        watch->listeners[i].channel.ops->free(watch->listeners[i].channel.self);
    watch->listener_count = 0;
}

void bkt_watch_free(struct bkt_watch *watch)
{
    if (!watch)
        return;
    close_listeners(watch);
    bkt_driver_close(&watch->driver);
    bkt_stats_desk_clear(&watch->desk);
    bkt_mem_free(watch);
}

static int open_listeners(struct bkt_watch *watch, struct bkt_error *err)
{
    struct bkt_channel_owner owners[BKT_CHANNELS_MAX];
    for (size_t i = 0; i < BKT_CHANNELS_MAX; i++) {
        struct listener *listener = &watch->listeners[i];
        *listener = (struct listener){.watch = watch};
        owners[i] = (struct bkt_channel_owner){
            .ctx = listener,
            .ready = on_ready,
            .changed = on_changed,
            .gap = on_gap,
            .trouble = on_trouble,
            .warn = on_warning,
        };
    }
    struct bkt_channel channels[BKT_CHANNELS_MAX];
    int rc =
        bkt_channels_open(&watch->driver.bucket, owners, channels, &watch->listener_count, err);
    for (size_t i = 0; i < watch->listener_count; i++)
        watch->listeners[i].channel = channels[i];
    return rc;
}

static int run_watch(struct bkt_watch *watch, struct bkt_error *err)
{
    watch->refresh_at_ms = INT64_MAX;
    watch->has_listed = watch->skips_listing;
    watch->was_told_ready = false;
    watch->rc = BKT_OK;
    bkt_watch_stats_begin(watch);
    int rc = bkt_driver_start(&watch->driver, err);
    if (rc == BKT_OK)
        rc = open_listeners(watch, err);
    if (rc == BKT_OK) {
        if (watch->listener_count == 0 && !watch->skips_listing)
            bkt_engine_list(watch->driver.engine);
        bkt_stats_desk_open(&watch->desk, true);
        rc = bkt_driver_loop(&watch->driver, err);
        bkt_stats_desk_open(&watch->desk, false);
    }
    bkt_driver_end(&watch->driver);
    while (watch->oldest)
        remove_ticket(watch->oldest);
    watch->unmatched = NULL;
    close_listeners(watch);
    return rc;
}

int bkt_watch_run(struct bkt_watch *watch, struct bkt_error *err)
{
    int rc = bkt_guard_enter(&watch->guard, "bkt_watch_run()", err);
    if (rc)
        return rc;
    rc = run_watch(watch, err);
    bkt_guard_leave(&watch->guard);
    return rc;
}

void bkt_watch_stop(struct bkt_watch *watch)
{
    bkt_driver_stop(&watch->driver);
}

void bkt_watch_list(struct bkt_watch *watch)
{
    bkt_driver_list(&watch->driver);
}
