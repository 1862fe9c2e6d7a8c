#include "api/channels.h"

#include "api/queue.h"
#include "events/redis_channel.h"
#include "events/sqs_channel.h"

#include <sys/random.h>

/* What every kind is opened with. */
struct opening {
    struct bkt_bucket *bucket;
    struct bkt_str bucket_name;
    struct bkt_event_scope scope;
    const struct bkt_channels_warning *warning;
    uint64_t seed;
};

static void begin(struct opening *opening,
                  struct bkt_bucket *bucket,
                  const struct bkt_channels_warning *warning)
{
    const struct bkt_settings *settings = bucket->settings;
    *opening = (struct opening){
        .bucket = bucket,
        .bucket_name = bkt_str_from(settings->bucket_name),
        .warning = warning,
    };
    /* An access point's ARN does not tell which bucket's events to expect. */
    bool is_arn = bkt_str_has_prefix(opening->bucket_name, BKT_STR("arn:"));
    opening->scope = (struct bkt_event_scope){
        .buckets = &opening->bucket_name,
        .bucket_count = is_arn ? 0 : 1,
        .want_metadata = settings->columns != 0,
    };
    (void)!getrandom(&opening->seed, sizeof(opening->seed), 0);
}

static int open_sqs(const struct opening *opening,
                    const struct bkt_channel_owner *owner,
                    struct bkt_channel *out_channel,
                    struct bkt_error *err)
{
    struct bkt_sqs_channel_options options = {
        .scope = opening->scope,
        .keep_foreign_messages = opening->bucket->settings->keep_foreign_messages,
        .seed = opening->seed,
        .warn = opening->warning->warn,
        .warn_ctx = opening->warning->ctx,
    };
    int rc = bkt_queue_client_options(opening->bucket, &options.client, err);
    return rc ? rc : bkt_sqs_channel_new(&options, owner, out_channel, err);
}

static int open_redis(const struct opening *opening,
                      const struct bkt_channel_owner *owner,
                      struct bkt_channel *out_channel,
                      struct bkt_error *err)
{
    const struct bkt_settings *settings = opening->bucket->settings;
    struct bkt_redis_channel_options options = {
        .http = opening->bucket->http,
        .url = bkt_str_from(settings->redis_url),
        .default_password = bkt_env_get(bkt_env_process(), "REDISCLI_AUTH"),
        .name = bkt_str_from(settings->redis_channel),
        .ca_bundle = bkt_str_from(opening->bucket->ca_bundle),
        .scope = opening->scope,
        .seed = opening->seed,
        .warn = opening->warning->warn,
        .warn_ctx = opening->warning->ctx,
    };
    return bkt_redis_channel_new(&options, owner, out_channel, err);
}

int bkt_channels_open(struct bkt_bucket *bucket,
                      const struct bkt_channel_owner *owners,
                      const struct bkt_channels_warning *warning,
                      struct bkt_channel *out_channels,
                      size_t *out_count,
                      struct bkt_error *err)
{
    const struct bkt_settings *settings = bucket->settings;
    struct opening opening;
    begin(&opening, bucket, warning);
    *out_count = 0;
    int rc = BKT_OK;
    if (settings->redis_url)
        rc = open_redis(&opening, &owners[0], &out_channels[0], err);
    else if (settings->sqs_queue_url)
        rc = open_sqs(&opening, &owners[0], &out_channels[0], err);
    if (rc == BKT_OK && (settings->redis_url || settings->sqs_queue_url))
        (*out_count)++;
    return rc;
}
