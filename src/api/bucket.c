#include "api/bucket.h"

#include "aws/region.h"
#include "core/mem.h"

#include <sys/random.h>

static int get_creds(
    void *ctx, bool renew, uint64_t *generation, struct bkt_creds *creds, struct bkt_error *err)
{
    struct bkt_bucket *bucket = ctx;
    if (renew)
        return bkt_creds_cache_renew(bucket->creds, BKT_CREDS_DO_NOT_WAIT, generation, creds, err);
    return bkt_creds_cache_get(bucket->creds, BKT_CREDS_DO_NOT_WAIT, generation, creds, err);
}

int bkt_bucket_queue_creds(void *ctx, bool renew, struct bkt_creds *out, struct bkt_error *err)
{
    struct bkt_bucket *bucket = ctx;
    int rc = renew ? bkt_creds_cache_renew(bucket->creds, BKT_CREDS_DO_NOT_WAIT,
                                           &bucket->queue_generation, &bucket->queue_creds, err)
                   : bkt_creds_cache_get(bucket->creds, BKT_CREDS_DO_NOT_WAIT,
                                         &bucket->queue_generation, &bucket->queue_creds, err);
    if (rc)
        return rc;
    rc = bkt_creds_copy(&bucket->queue_creds, out);
    return rc ? bkt_error_set(err, rc, "credentials: %s", bkt_error_text(rc)) : BKT_OK;
}

/*
 * Where nothing names a region, any will do to begin with: S3 answers with the bucket's own.  So an
 * instance's metadata service is not waited for.
 */
static struct bkt_str fallback_region(const struct bkt_settings *settings,
                                      const struct bkt_profiles *profiles,
                                      struct bkt_str endpoint_url)
{
    const struct bkt_env *env = bkt_env_process();
    struct bkt_str none = {"", 0};
    if (settings->region)
        return bkt_str_from(settings->region);
    bool is_named = endpoint_url.len > 0 || bkt_env_get(env, "AWS_REGION").len > 0 ||
                    bkt_env_get(env, "AWS_DEFAULT_REGION").len > 0 ||
                    bkt_profiles_get(profiles, bkt_str_from(profiles->name), "region").len > 0;
    return is_named ? none : BKT_STR("us-east-1");
}

static int open_client(struct bkt_bucket *bucket, struct bkt_error *err)
{
    const struct bkt_profiles *profiles = &bucket->profiles;
    const struct bkt_settings *settings = bucket->settings;
    struct bkt_str url;
    int rc = bkt_endpoint_url_find(bkt_env_process(), profiles, "s3",
                                   bkt_str_from(settings->endpoint_url), &url, err);
    struct bkt_region_request request = {
        .env = bkt_env_process(),
        .profiles = profiles,
        .http = &bucket->http_options,
        .option = fallback_region(settings, profiles, url),
        .endpoint_url = url,
        .service = "s3",
    };
    if (rc == BKT_OK)
        rc = bkt_region_find(&request, bucket->region, err);
    if (rc)
        return rc;

    bucket->place = (struct bkt_endpoint_s3_request){
        .bucket = bkt_str_from(settings->bucket_name),
        .region = bkt_str_from(bucket->region),
        .endpoint_url = url,
        .path_style = (enum bkt_path_style)settings->force_path_style,
        .switches = bkt_endpoint_switches_find(bkt_env_process(), profiles),
    };
    struct bkt_s3_options options = {
        .http = bucket->http,
        .bucket = bucket->place,
        .no_sign_request = settings->no_sign_request,
        .request_payer = settings->request_payer,
        .retry_time_ms = settings->retry_time,
        .creds = get_creds,
        .creds_ctx = bucket,
        .log = &settings->log,
    };
    (void)!getrandom(&options.seed, sizeof(options.seed), 0);
    return bkt_s3_new(&options, &bucket->s3, err);
}

int bkt_bucket_filter_spec(const struct bkt_settings *settings,
                           struct bkt_arena *arena,
                           struct bkt_filter_spec *out_spec,
                           struct bkt_error *err)
{
    size_t included = settings->included_patterns.count;
    size_t excluded = settings->excluded_patterns.count;
    struct bkt_str *patterns =
        bkt_arena_alloc(arena, (included + excluded + 1) * sizeof(*patterns));
    if (!patterns)
        return bkt_error_set(err, BKT_ENOMEM, "prepare the patterns: out of memory");
    for (size_t i = 0; i < included; i++)
        patterns[i] = bkt_str_from(settings->included_patterns.items[i]);
    for (size_t i = 0; i < excluded; i++)
        patterns[included + i] = bkt_str_from(settings->excluded_patterns.items[i]);
    *out_spec = (struct bkt_filter_spec){
        .prefix = bkt_str_from(settings->prefix),
        .included = patterns,
        .included_count = included,
        .excluded = patterns + included,
        .excluded_count = excluded,
        .max_file_size = settings->max_file_size,
    };
    return BKT_OK;
}

static int open_filter(struct bkt_bucket *bucket, struct bkt_error *err)
{
    struct bkt_arena arena = {0};
    struct bkt_filter_spec spec;
    int rc = bkt_bucket_filter_spec(bucket->settings, &arena, &spec, err);
    if (rc == BKT_OK)
        rc = bkt_filter_new(&spec, &bucket->filter, err);
    bkt_arena_clear(&arena);
    return rc;
}

/* The first answer is waited for, so that missing credentials are told at once. */
static int open_creds(struct bkt_bucket *bucket, struct bkt_error *err)
{
    struct bkt_creds_chain_options options = {
        .profile = bucket->settings->profile,
        .region = bucket->settings->region,
        .http = &bucket->http_options,
    };
    struct bkt_creds_provider chain;
    int rc = bkt_creds_chain_new(&options, &chain, err);
    if (rc)
        return rc;
    rc = bkt_creds_cache_new(&chain, NULL, &bucket->creds, err);
    if (rc) {
        chain.free(chain.self);
        return rc;
    }
    uint64_t generation = 0;
    struct bkt_creds creds = {0};
    rc = bkt_creds_cache_get(bucket->creds, BKT_CREDS_WAIT, &generation, &creds, err);
    if (rc == BKT_OK) {
        bkt_log(&bucket->settings->log, BKT_LOG_INFO, "s3://%s: credentials: %s",
                bucket->settings->bucket_name, creds.source);
    }
    bkt_creds_clear(&creds);
    return rc;
}

/* The option, the environment, the profile; NULL: the system's certificates. */
static int find_ca_bundle(struct bkt_bucket *bucket, struct bkt_error *err)
{
    struct bkt_str path = bkt_str_from(bucket->settings->ca_bundle);
    if (path.len == 0)
        path = bkt_env_get(bkt_env_process(), "AWS_CA_BUNDLE");
    if (path.len == 0)
        path =
            bkt_profiles_get(&bucket->profiles, bkt_str_from(bucket->profiles.name), "ca_bundle");
    if (path.len == 0)
        return BKT_OK;
    bucket->ca_bundle = bkt_mem_strdup(path.ptr, path.len);
    bucket->http_options.ca_bundle = bucket->ca_bundle;
    return bucket->ca_bundle ? BKT_OK
                             : bkt_error_set(err, BKT_ENOMEM, "open the bucket: out of memory");
}

int bkt_bucket_open(struct bkt_bucket *bucket,
                    const struct bkt_config *config,
                    struct bkt_error *err)
{
    const struct bkt_settings *settings = bkt_config_settings(config);
    *bucket = (struct bkt_bucket){
        .settings = settings,
        .http_options = {.connections_max = settings->get_concurrency * 2},
    };
    int rc = bkt_profiles_load(bkt_env_process(), settings->profile, &bucket->profiles, err);
    if (rc == BKT_OK)
        rc = find_ca_bundle(bucket, err);
    if (rc == BKT_OK)
        rc = bkt_http_new(&bucket->http_options, &bucket->http, err);
    if (rc == BKT_OK && !settings->no_sign_request)
        rc = open_creds(bucket, err);
    if (rc == BKT_OK)
        rc = open_client(bucket, err);
    if (rc == BKT_OK)
        rc = open_filter(bucket, err);
    if (rc)
        bkt_bucket_close(bucket);
    return rc;
}

void bkt_bucket_close(struct bkt_bucket *bucket)
{
    bkt_filter_free(bucket->filter);
    bkt_s3_free(bucket->s3);
    bkt_creds_cache_free(bucket->creds);
    bkt_creds_clear(&bucket->queue_creds);
    bkt_http_free(bucket->http);
    bkt_profiles_clear(&bucket->profiles);
    bkt_mem_free(bucket->ca_bundle);
    *bucket = (struct bkt_bucket){0};
}
