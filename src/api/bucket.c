#include "api/bucket.h"

#include "core/mem.h"

#include <sys/random.h>

static int fetch_creds(void *ctx, bool renew, struct bkt_creds *out, struct bkt_error *err)
{
    (void)renew;
    struct bkt_bucket *bucket = ctx;
    enum bkt_creds_answer answer;
    char why[BKT_CREDS_WHY_BYTES];
    return bucket->provider.fetch(bucket->provider.self, out, &answer, why, err);
}

/* `settings` wins over the environment, that over the profile; other servers need none. */
static struct bkt_str find_region(const struct bkt_settings *settings,
                                  const struct bkt_profiles *profiles,
                                  bool has_endpoint)
{
    if (settings->region)
        return bkt_str_from(settings->region);
    struct bkt_str region = bkt_env_get(bkt_env_process(), "AWS_REGION");
    if (region.len == 0)
        region = bkt_env_get(bkt_env_process(), "AWS_DEFAULT_REGION");
    if (region.len == 0)
        region = bkt_profiles_get(profiles, bkt_str_from(profiles->name), "region");
    if (region.len == 0 && has_endpoint)
        region = BKT_STR("us-east-1");
    return region;
}

static int open_client(struct bkt_bucket *bucket,
                       const struct bkt_profiles *profiles,
                       struct bkt_error *err)
{
    const struct bkt_settings *settings = bucket->settings;
    struct bkt_str url;
    int rc = bkt_endpoint_url_find(bkt_env_process(), profiles, "s3",
                                   bkt_str_from(settings->endpoint_url), &url, err);
    if (rc)
        return rc;

    struct bkt_s3_options options = {
        .http = bucket->http,
        .bucket =
            {
                .bucket = bkt_str_from(settings->bucket_name),
                .region = find_region(settings, profiles, url.len > 0),
                .endpoint_url = url,
                .path_style = (enum bkt_path_style)settings->force_path_style,
                .switches = bkt_endpoint_switches_find(bkt_env_process(), profiles),
            },
        .no_sign_request = settings->no_sign_request,
        .request_payer = settings->request_payer,
        .retry_time_ms = settings->retry_time,
        .creds = fetch_creds,
        .creds_ctx = bucket,
    };
    (void)!getrandom(&options.seed, sizeof(options.seed), 0);
    return bkt_s3_new(&options, &bucket->s3, err);
}

static int open_filter(struct bkt_bucket *bucket, struct bkt_error *err)
{
    const struct bkt_settings *settings = bucket->settings;
    size_t included = settings->included_patterns.count;
    size_t excluded = settings->excluded_patterns.count;
    struct bkt_arena arena = {0};
    struct bkt_str *patterns =
        bkt_arena_alloc(&arena, (included + excluded + 1) * sizeof(*patterns));
    if (!patterns)
        return bkt_error_set(err, BKT_ENOMEM, "prepare the patterns: out of memory");
    for (size_t i = 0; i < included; i++)
        patterns[i] = bkt_str_from(settings->included_patterns.items[i]);
    for (size_t i = 0; i < excluded; i++)
        patterns[included + i] = bkt_str_from(settings->excluded_patterns.items[i]);
    struct bkt_filter_spec spec = {
        .prefix = bkt_str_from(settings->prefix),
        .included = patterns,
        .included_count = included,
        .excluded = patterns + included,
        .excluded_count = excluded,
        .max_file_size = settings->max_file_size,
    };
    int rc = bkt_filter_new(&spec, &bucket->filter, err);
    bkt_arena_clear(&arena);
    return rc;
}

int bkt_bucket_open(struct bkt_bucket *bucket,
                    const struct bkt_config *config,
                    struct bkt_error *err)
{
    const struct bkt_settings *settings = bkt_config_settings(config);
    struct bkt_profiles profiles;
    int rc = bkt_profiles_load(bkt_env_process(), settings->profile, &profiles, err);
    if (rc)
        return rc;

    struct bkt_str ca_bundle = bkt_str_from(settings->ca_bundle);
    if (ca_bundle.len == 0)
        ca_bundle = bkt_env_get(bkt_env_process(), "AWS_CA_BUNDLE");
    if (ca_bundle.len == 0)
        ca_bundle = bkt_profiles_get(&profiles, bkt_str_from(profiles.name), "ca_bundle");
    char *ca_copy = ca_bundle.len > 0 ? bkt_mem_strdup(ca_bundle.ptr, ca_bundle.len) : NULL;

    *bucket = (struct bkt_bucket){
        .settings = settings,
        .http_options = {.ca_bundle = ca_copy, .connections_max = settings->get_concurrency * 2},
    };
    if (ca_bundle.len > 0 && !ca_copy)
        rc = bkt_error_set(err, BKT_ENOMEM, "open the bucket: out of memory");
    struct bkt_creds_chain_options chain = {
        .profile = settings->profile,
        .region = settings->region,
        .http = &bucket->http_options,
    };
    if (rc == BKT_OK)
        rc = bkt_http_new(&bucket->http_options, &bucket->http, err);
    if (rc == BKT_OK)
        rc = bkt_creds_chain_new(&chain, &bucket->provider, err);
    if (rc == BKT_OK)
        rc = open_client(bucket, &profiles, err);
    if (rc == BKT_OK)
        rc = open_filter(bucket, err);
    bkt_profiles_clear(&profiles);
    if (rc)
        bkt_bucket_close(bucket);
    return rc;
}

void bkt_bucket_close(struct bkt_bucket *bucket)
{
    bkt_filter_free(bucket->filter);
    bkt_s3_free(bucket->s3);
    if (bucket->provider.free)
        bucket->provider.free(bucket->provider.self);
    bkt_http_free(bucket->http);
    bkt_mem_free((void *)(uintptr_t)bucket->http_options.ca_bundle);
    *bucket = (struct bkt_bucket){0};
}
