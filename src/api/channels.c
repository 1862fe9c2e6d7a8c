#include "api/channels.h"

#include "api/queue.h"
#include "events/sqs_channel.h"

#include <sys/random.h>

static int open_sqs(struct bkt_bucket *bucket,
                    const struct bkt_channel_owner *owner,
                    struct bkt_channel *out_channel,
                    struct bkt_error *err)
{
    const struct bkt_settings *settings = bucket->settings;
    struct bkt_str name = bkt_str_from(settings->bucket_name);
    /* An access point's ARN does not tell which bucket's events to expect. */
    bool is_arn = bkt_str_has_prefix(name, BKT_STR("arn:"));
    struct bkt_sqs_channel_options options = {
        .scope =
            {
                .buckets = &name,
                .bucket_count = is_arn ? 0 : 1,
                .want_metadata = settings->columns != 0,
            },
        .keep_foreign_messages = settings->keep_foreign_messages,
    };
    (void)!getrandom(&options.seed, sizeof(options.seed), 0);
    int rc = bkt_queue_client_options(bucket, &options.client, err);
    return rc ? rc : bkt_sqs_channel_new(&options, owner, out_channel, err);
}

int bkt_channels_open(struct bkt_bucket *bucket,
                      const struct bkt_channel_owner *owners,
                      struct bkt_channel *out_channels,
                      size_t *out_count,
                      struct bkt_error *err)
{
    const struct bkt_settings *settings = bucket->settings;
    *out_count = 0;
    int rc = BKT_OK;
    if (settings->sqs_queue_url && !settings->redis_url) {
        rc = open_sqs(bucket, &owners[*out_count], &out_channels[*out_count], err);
        if (rc == BKT_OK)
            (*out_count)++;
    }
    return rc;
}
