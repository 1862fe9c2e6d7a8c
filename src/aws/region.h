/*
 * The region to work in: the option, AWS_REGION, AWS_DEFAULT_REGION, the profile's region, the
 * region in the endpoint's own host name, us-east-1 at any other endpoint that somebody set, and on
 * EC2 the instance's own.
 */
#ifndef AWS_REGION_H
#define AWS_REGION_H

#include "aws/http.h"
#include "aws/partition.h"
#include "aws/profile.h"

struct bkt_region_request {
    const struct bkt_env *env;
    const struct bkt_profiles *profiles;
    const struct bkt_http_options *http; /* NULL: defaults */
    struct bkt_str option;               /* empty: not given */
    struct bkt_str endpoint_url;         /* empty: AWS's own */
    const char *service;                 /* "s3", "sqs": to read the endpoint's host name */
};

/*
 * May ask the instance's metadata service, and so block for a second.  BKT_ECONFIG when the region
 * is no valid name or none is to be found; the message says how to set one.
 */
BKT_MUST_CHECK int bkt_region_find(const struct bkt_region_request *request,
                                   char out_region[BKT_REGION_BYTES],
                                   struct bkt_error *err);

#endif
