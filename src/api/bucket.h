/*
 * The bucket of a configuration, opened: loop, credentials, region and client, and the filter that
 * says which of its objects are rows.
 */
#ifndef API_BUCKET_H
#define API_BUCKET_H

#include "api/config_int.h"
#include "aws/creds_cache.h"
#include "aws/creds_chain.h"
#include "s3/s3.h"
#include "table/filter.h"

struct bkt_bucket {
    const struct bkt_settings *settings;
    char *ca_bundle;
    struct bkt_http_options http_options;
    struct bkt_http *http;
    struct bkt_creds_cache *creds; /* NULL with no_sign_request */
    char region[BKT_REGION_BYTES]; /* that was looked for; the bucket's own may be another */
    struct bkt_endpoint_s3_request place;
    struct bkt_s3 *s3;
    struct bkt_profiles profiles;
    struct bkt_creds queue_creds; /* what bkt_bucket_queue_creds() gave last */
    uint64_t queue_generation;
    struct bkt_filter *filter;
};

/* `config` was checked.  Does no network I/O but what the credentials need. */
BKT_MUST_CHECK int bkt_bucket_open(struct bkt_bucket *bucket,
                                   const struct bkt_config *config,
                                   struct bkt_error *err);

/* A bkt_creds_fn over a struct bkt_bucket, for the event queue. */
int bkt_bucket_queue_creds(void *bucket, bool renew, struct bkt_creds *out, struct bkt_error *err);

/* The rules of the settings, views of them; the lists of patterns lie in `arena`. */
BKT_MUST_CHECK int bkt_bucket_filter_spec(const struct bkt_settings *settings,
                                          struct bkt_arena *arena,
                                          struct bkt_filter_spec *out_spec,
                                          struct bkt_error *err);

/* All-zero and half-opened ones are fine. */
void bkt_bucket_close(struct bkt_bucket *bucket);

#endif
