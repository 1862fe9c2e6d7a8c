#include "api/channels.h"

#include "api/queue.h"
#include "events/listen_channel.h"
#include "events/redis_channel.h"
#include "events/sqs_channel.h"

#include <sys/random.h>

/* What every kind is opened with. */
struct opening {
    struct bkt_bucket *bucket;
    struct bkt_event_scope scope;
    uint64_t seed;
};

typedef int open_fn(const struct opening *opening,
                    const struct bkt_channel_owner *owner,
                    struct bkt_channel *out_channel,
                    struct bkt_error *err);

static void begin(struct opening *opening, struct bkt_bucket *bucket)
{
    const struct bkt_settings *settings = bucket->settings;
    *opening = (struct opening){.bucket = bucket};
    /* An access point's ARN does not tell which bucket's events to expect. */
    struct bkt_str name = bkt_str_from(settings->bucket_name);
    bool is_arn = bkt_str_has_prefix(name, BKT_STR("arn:"));
    opening->scope = (struct bkt_event_scope){
        .bucket = is_arn ? BKT_STR("") : name,
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
    };
    return bkt_redis_channel_new(&options, owner, out_channel, err);
}

static int open_listen(const struct opening *opening,
                       const struct bkt_channel_owner *owner,
                       struct bkt_channel *out_channel,
                       struct bkt_error *err)
{
    struct bkt_bucket *bucket = opening->bucket;
    struct bkt_listen_channel_options options = {
        .http = bucket->http,
        .bucket = bucket->place,
        .prefix = bkt_str_from(bucket->settings->prefix),
        .want_metadata = opening->scope.want_metadata,
        .no_sign_request = bucket->settings->no_sign_request,
        .creds = bkt_bucket_queue_creds,
        .creds_ctx = bucket,
        .seed = opening->seed,
    };
    return bkt_listen_channel_new(&options, owner, out_channel, err);
}

int bkt_channel_open_listen(struct bkt_bucket *bucket,
                            const struct bkt_channel_owner *owner,
                            struct bkt_channel *out_channel,
                            struct bkt_error *err)
{
    struct opening opening;
    begin(&opening, bucket);
    return open_listen(&opening, owner, out_channel, err);
}

int bkt_channels_open(struct bkt_bucket *bucket,
                      const struct bkt_channel_owner *owners,
                      struct bkt_channel *out_channels,
                      size_t *out_count,
                      struct bkt_error *err)
{
    const struct bkt_settings *settings = bucket->settings;
    struct opening opening;
    begin(&opening, bucket);
    open_fn *const wanted[BKT_CHANNELS_MAX] = {
        settings->redis_url       ? open_redis
        : settings->sqs_queue_url ? open_sqs
                                  : NULL,
        settings->minio_listen ? open_listen : NULL,
    };
    *out_count = 0;
    for (size_t i = 0; i < BKT_CHANNELS_MAX; i++) {
        if (!wanted[i])
            continue;
        int rc = wanted[i](&opening, &owners[*out_count], &out_channels[*out_count], err);
        if (rc)
            return rc;
        (*out_count)++;
    }
    return BKT_OK;
}
