#include "api/channels.h"

#include "events/sqs_channel.h"

#include <sys/random.h>

/*
 * An endpoint that was set for SQS itself wins.  One set for all services counts only where the
 * queue is one of AWS's own: a queue elsewhere is where its URL says, whatever serves the bucket.
 */
static int find_sqs_endpoint(const struct bkt_bucket *bucket,
                             struct bkt_str *out_url,
                             struct bkt_error *err)
{
    const struct bkt_settings *settings = bucket->settings;
    const struct bkt_env *env = bkt_env_process();
    struct bkt_endpoint_url queue;
    int rc =
        bkt_endpoint_url_parse(bkt_str_from(settings->sqs_queue_url), "sqs_queue_url", &queue, err);
    if (rc)
        return rc;
    bool is_set = settings->sqs_endpoint_url || bkt_env_get(env, "AWS_ENDPOINT_URL_SQS").len > 0;
    *out_url = (struct bkt_str){"", 0};
    if (!is_set && !bkt_host_is_aws(queue.host))
        return BKT_OK;
    return bkt_endpoint_url_find(env, &bucket->profiles, "sqs",
                                 bkt_str_from(settings->sqs_endpoint_url), out_url, err);
}

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
        .client =
            {
                .http = bucket->http,
                .queue =
                    {
                        .queue_url = bkt_str_from(settings->sqs_queue_url),
                        .region_option = bkt_str_from(settings->sqs_region),
                        .region = bkt_str_from(bkt_s3_region(bucket->s3)),
                        .switches =
                            bkt_endpoint_switches_find(bkt_env_process(), &bucket->profiles),
                    },
                .no_sign_request = settings->no_sign_request,
                .creds = bkt_bucket_queue_creds,
                .creds_ctx = bucket,
            },
        .scope =
            {
                .buckets = &name,
                .bucket_count = is_arn ? 0 : 1,
                .want_metadata = settings->columns != 0,
            },
        .keep_foreign_messages = settings->keep_foreign_messages,
    };
    (void)!getrandom(&options.seed, sizeof(options.seed), 0);
    int rc = find_sqs_endpoint(bucket, &options.client.queue.endpoint_url, err);
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
