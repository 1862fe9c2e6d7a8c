#include "api/watch_int.h"

#include <assert.h>
#include <stdio.h>

static_assert((int)BKT_STATS_CHANNELS_MAX == (int)BKT_CHANNELS_MAX, "a place for each channel");
static_assert((int)BKT_STATS_OPERATIONS == (int)BKT_S3_KINDS, "the client's kinds, in its order");
static_assert((int)BKT_STATS_ANSWERS == (int)BKT_S3_ANSWER_CLASSES, "the client's classes");

void bkt_watch_stats_begin(struct bkt_watch *watch)
{
    watch->started_wall_ms = bkt_time_wall_ms();
    watch->listed_wall_ms = 0;
    watch->trouble.since_ms = 0;
}

void bkt_watch_stats_listed(struct bkt_watch *watch, double seconds)
{
    watch->listed_wall_ms = bkt_time_wall_ms();
    watch->listing_s = seconds;
}

/* The newest text, and the time of the first of them. */
void bkt_watch_stats_trouble(struct bkt_stats_trouble *trouble, const char *message)
{
    if (trouble->since_ms == 0)
        trouble->since_ms = bkt_time_wall_ms();
    (void)snprintf(trouble->text, sizeof(trouble->text), "%s", message);
}

static struct bkt_stats_channel of_listener(const struct listener *listener)
{
    const struct bkt_channel *channel = &listener->channel;
    struct bkt_channel_stats stats = channel->ops->stats(channel->self);
    return (struct bkt_stats_channel){
        .name = channel->ops->name,
        .received = stats.received,
        .acknowledged = stats.acknowledged,
        .irrelevant = stats.irrelevant,
        .poison = stats.poison,
        .unsettled = stats.unsettled,
        .depth = stats.depth,
        .trouble = listener->trouble,
    };
}

static struct bkt_stats collect(struct bkt_watch *watch)
{
    const struct bkt_driver *driver = &watch->driver;
    struct bkt_engine_condition condition = bkt_engine_condition(driver->engine);
    struct bkt_s3_stats s3 = bkt_s3_stats(driver->bucket.s3);
    struct bkt_stats stats = {
        .now_ms = bkt_time_wall_ms(),
        .started_ms = watch->started_wall_ms,
        .is_ready = watch->was_told_ready,
        .is_listing = condition.is_listing,
        .counts = bkt_driver_counts(driver),
        .rows = condition.row_count,
        .working_on = condition.working_on,
        .listed_at_ms = watch->listed_wall_ms,
        .listing_s = watch->listing_s,
        .failed_now = condition.failed_count,
        .throttled = s3.throttled,
        .commits = bkt_writer_commits(driver->writer),
        .table = watch->trouble,
        .channel_count = watch->listener_count,
    };
    if (watch->oldest)
        stats.lag_s = (double)(bkt_time_monotonic_ms() - watch->oldest->received_ms) / 1000;
    memcpy(stats.requests, s3.answers, sizeof(stats.requests));
    for (size_t i = 0; i < watch->listener_count; i++)
        stats.channels[i] = of_listener(&watch->listeners[i]);
    return stats;
}

void bkt_watch_stats_tick(struct bkt_watch *watch)
{
    if (watch->trouble.since_ms != 0 && !bkt_engine_condition(watch->driver.engine).is_failing)
        watch->trouble.since_ms = 0;
    if (!bkt_stats_desk_is_asked(&watch->desk))
        return;
    struct bkt_stats stats = collect(watch);
    bkt_stats_desk_answer(&watch->desk, &stats);
}
