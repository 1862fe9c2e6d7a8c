/*
 * Where a request goes, and for which region and service it is signed.  (The endpoint rule sets
 * that the SDKs share, as far as plain buckets, access points, SQS, STS and the sign-on services
 * go.)
 *
 * No I/O.  All functions fail with BKT_ECONFIG, and no message shows the user part of a URL.
 */
#ifndef AWS_ENDPOINT_H
#define AWS_ENDPOINT_H

#include "aws/partition.h"
#include "aws/profile.h"

enum {
    BKT_ENDPOINT_AUTHORITY_BYTES = 384, /* with the NUL, like the others */
    BKT_ENDPOINT_PATH_BYTES = 1024,
    BKT_ENDPOINT_SERVICE_BYTES = 16,
};

/*
 * "scheme://authority" + base_path + "/" + key.  The authority is what the Host header says: a port
 * only where it is not the scheme's own, an IPv6 address in brackets.
 */
struct bkt_endpoint {
    char scheme[8];
    char authority[BKT_ENDPOINT_AUTHORITY_BYTES];
    char base_path[BKT_ENDPOINT_PATH_BYTES]; /* "", "/base", "/bucket", "/base/bucket"; encoded */
    bool path_style;                         /* the bucket is in base_path, not in the host */
    char region[BKT_REGION_BYTES];           /* to sign for */
    char service[BKT_ENDPOINT_SERVICE_BYTES];
};

/* A URL in its parts, as views. */
struct bkt_endpoint_url {
    bool https;
    struct bkt_str host; /* without brackets */
    bool is_ipv6;
    uint16_t port;       /* 0: the scheme's own */
    struct bkt_str path; /* "" or "/..." without a slash at the end */
};

/*
 * http or https, a host, perhaps a port and a path; no user, query, fragment, dot segments or
 * characters that need encoding.  `what` names the URL in the message ("endpoint_url").
 */
BKT_MUST_CHECK int bkt_endpoint_url_parse(struct bkt_str url,
                                          const char *what,
                                          struct bkt_endpoint_url *out,
                                          struct bkt_error *err);

/*
 * The endpoint URL set for a service ("s3", "sqs", "sts", "sso", "sso_oidc", "signin"), not yet
 * checked: the option; then, unless AWS_IGNORE_CONFIGURED_ENDPOINT_URLS or the profile's
 * ignore_configured_endpoint_urls is true: AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, the
 * profile's `services`, the profile's endpoint_url.  Empty: none is set.
 * A view of the option, the environment or the profiles.
 */
BKT_MUST_CHECK int bkt_endpoint_url_find(const struct bkt_env *env,
                                         const struct bkt_profiles *profiles,
                                         const char *service,
                                         struct bkt_str option,
                                         struct bkt_str *out_url,
                                         struct bkt_error *err);

struct bkt_endpoint_switches {
    bool fips;
    bool dualstack;
    bool ignore_arn_region; /* AWS_S3_USE_ARN_REGION=false, s3_use_arn_region = false */
};

/* From AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT and the profile. */
struct bkt_endpoint_switches bkt_endpoint_switches_find(const struct bkt_env *env,
                                                        const struct bkt_profiles *profiles);

/* `auto`: path style for IP addresses, localhost, dotted names and custom endpoints. */
enum bkt_path_style { BKT_PATH_STYLE_AUTO, BKT_PATH_STYLE_TRUE, BKT_PATH_STYLE_FALSE };

struct bkt_endpoint_s3_request {
    struct bkt_str bucket; /* a name, an access point's alias or ARN */
    struct bkt_str region;
    struct bkt_str endpoint_url; /* empty: AWS */
    enum bkt_path_style path_style;
    struct bkt_endpoint_switches switches;
};

/*
 * A name that cannot be in a host name is put into the path, whatever `path_style` says.
 * Refused: directory buckets, Object Lambda, Outposts and multi-region access points.
 */
BKT_MUST_CHECK int bkt_endpoint_s3(const struct bkt_endpoint_s3_request *request,
                                   struct bkt_endpoint *out,
                                   struct bkt_error *err);

struct bkt_endpoint_sqs_request {
    struct bkt_str queue_url;     /* empty: the queue is known by name only */
    struct bkt_str region_option; /* beats the region in the queue's URL; empty: not given */
    struct bkt_str region;        /* used where neither says; may be empty */
    struct bkt_str endpoint_url;  /* empty: the queue URL's scheme, host and port */
    struct bkt_endpoint_switches switches;
};

BKT_MUST_CHECK int bkt_endpoint_sqs(const struct bkt_endpoint_sqs_request *request,
                                    struct bkt_endpoint *out,
                                    struct bkt_error *err);

/*
 * Any other service: `https://{host_prefix}.{region}.{suffix}` or `endpoint_url`, signed as
 * `service` ("sts" and "sts").
 */
BKT_MUST_CHECK int bkt_endpoint_service(const char *host_prefix,
                                        const char *service,
                                        struct bkt_str region,
                                        struct bkt_str endpoint_url,
                                        struct bkt_endpoint_switches switches,
                                        struct bkt_endpoint *out,
                                        struct bkt_error *err);

/* Shared by the files of this noun: scheme, authority, base path and region from a parsed URL. */
BKT_MUST_CHECK int bkt_endpoint_from_url(const struct bkt_endpoint_url *url,
                                         struct bkt_str region,
                                         const char *service,
                                         struct bkt_endpoint *out,
                                         struct bkt_error *err);
/* A URL that somebody set says where to go by itself; the switches would be silently lost. */
BKT_MUST_CHECK int bkt_endpoint_refuse_switches(struct bkt_endpoint_switches switches,
                                                struct bkt_error *err);
BKT_MUST_CHECK int bkt_region_check(struct bkt_str region, struct bkt_error *err);

#endif
