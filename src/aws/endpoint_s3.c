#include "aws/endpoint.h"

#include "core/ascii.h"

#include <assert.h>
#include <stdio.h>

enum { BUCKET_BYTES_MAX = 255, LABEL_BYTES_MIN = 3, LABEL_BYTES_MAX = 63, ARN_PARTS = 6 };

struct arn {
    struct bkt_str partition;
    struct bkt_str service;
    struct bkt_str region;
    struct bkt_str account;
    struct bkt_str resource;
};

static bool is_lower_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || bkt_is_digit(c);
}

static bool is_ipv4(struct bkt_str host)
{
    size_t dots = 0;
    for (size_t i = 0; i < host.len; i++) {
        dots += host.ptr[i] == '.';
        if (host.ptr[i] != '.' && !bkt_is_digit(host.ptr[i]))
            return false;
    }
    return dots == 3;
}

/*
 * May the name be the first part of a host?  Certificates cover one label, so that a dot is allowed
 * only where there is no TLS.
 */
static bool is_hostable(struct bkt_str bucket, bool https)
{
    if (bucket.len < LABEL_BYTES_MIN || bucket.len > LABEL_BYTES_MAX || is_ipv4(bucket))
        return false;
    char before = '.';
    for (size_t i = 0; i < bucket.len; i++) {
        char c = bucket.ptr[i];
        if (!is_lower_or_digit(c) && c != '-' && (c != '.' || https))
            return false;
        if ((c == '.' && !is_lower_or_digit(before)) || (c == '-' && before == '.'))
            return false;
        before = c;
    }
    return is_lower_or_digit(before);
}

static int check_bucket(struct bkt_str bucket, struct bkt_error *err)
{
    if (bucket.len == 0)
        return bkt_error_set(err, BKT_ECONFIG, "the bucket has no name");
    for (size_t i = 0; i < bucket.len; i++) {
        char c = bucket.ptr[i];
        if (!bkt_is_alnum(c) && c != '.' && c != '-' && c != '_') {
            return bkt_error_set(err, BKT_ECONFIG,
                                 "the bucket's name may hold letters, digits, '.', '-' and '_', "
                                 "and has something else at byte %zu",
                                 i);
        }
    }
    if (bucket.len > BUCKET_BYTES_MAX || bkt_str_eq(bucket, BKT_STR(".")) ||
        bkt_str_eq(bucket, BKT_STR("..")))
        return bkt_error_set(err, BKT_ECONFIG, "the bucket's name is not valid");

    static const struct {
        const char *suffix;
        const char *what;
    } refused[] = {
        {"--x-s3", "a directory bucket (S3 Express One Zone)"},
        {"--xa-s3", "an access point of a directory bucket"},
        {"--ol-s3", "an Object Lambda access point"},
        {".mrap", "a multi-region access point"},
    };
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        if (bkt_str_has_suffix(bucket, bkt_str_from(refused[i].suffix))) {
            return bkt_error_set(err, BKT_ECONFIG, "%.*s is %s, which is not supported",
                                 BKT_STR_ARG(bucket), refused[i].what);
        }
    }
    return BKT_OK;
}

/* "s3", "s3-fips", "s3.dualstack", with another word for access points. */
static void print_service_host(char *out,
                               size_t size,
                               struct bkt_str prefix,
                               const char *word,
                               const struct bkt_endpoint_s3_request *request,
                               struct bkt_str region)
{
    const char *suffix = bkt_partition_of_region(region)->suffix;
    bool is_global = bkt_str_eq(region, BKT_STR("aws-global"));
    (void)snprintf(out, size, "%.*s%s%s%s%s%s%.*s.%s", BKT_STR_ARG(prefix),
                   prefix.len > 0 ? "." : "", word, request->switches.fips ? "-fips" : "",
                   request->switches.dualstack ? ".dualstack" : "", is_global ? "" : ".",
                   is_global ? 0 : (int)region.len, region.ptr, suffix);
}

/* Scheme, authority, base path, region: of the service, with no bucket anywhere yet. */
static int begin(const struct bkt_endpoint_s3_request *request,
                 struct bkt_str region,
                 const char *word,
                 struct bkt_endpoint *out,
                 struct bkt_endpoint_url *out_url,
                 struct bkt_error *err)
{
    int rc = bkt_region_check(region, err);
    if (rc == BKT_OK && request->endpoint_url.len > 0)
        rc = bkt_endpoint_refuse_switches(request->switches, err);
    if (rc)
        return rc;
    bool is_china =
        bkt_str_eq(bkt_str_from(bkt_partition_of_region(region)->id), BKT_STR("aws-cn"));
    if (request->switches.fips && is_china)
        return bkt_error_set(err, BKT_ECONFIG, "use_fips_endpoint: there is none in aws-cn");
    if (request->endpoint_url.len > 0) {
        rc = bkt_endpoint_url_parse(request->endpoint_url, "endpoint_url", out_url, err);
        return rc ? rc : bkt_endpoint_from_url(out_url, region, "s3", out, err);
    }
    *out_url = (struct bkt_endpoint_url){.https = true};
    *out = (struct bkt_endpoint){.scheme = "https", .service = "s3"};
    print_service_host(out->authority, sizeof(out->authority), BKT_STR(""), word, request, region);
    (void)snprintf(
        out->region, sizeof(out->region), "%.*s",
        BKT_STR_ARG(bkt_str_eq(region, BKT_STR("aws-global")) ? BKT_STR("us-east-1") : region));
    return BKT_OK;
}

/* The longest label and the longest host fit together. */
static void put_in_host(struct bkt_endpoint *out, struct bkt_str label)
{
    size_t len = strlen(out->authority);
    assert(label.len + 1 + len < sizeof(out->authority));
    memmove(out->authority + label.len + 1, out->authority, len + 1);
    memcpy(out->authority, label.ptr, label.len);
    out->authority[label.len] = '.';
}

/* Every byte that a bucket's name may have is one that no URL encodes. */
static void put_in_path(struct bkt_endpoint *out, struct bkt_str bucket)
{
    size_t len = strlen(out->base_path);
    (void)snprintf(out->base_path + len, sizeof(out->base_path) - len, "/%.*s",
                   BKT_STR_ARG(bucket));
    out->path_style = true;
}

static int split_arn(struct bkt_str text, struct arn *out, struct bkt_error *err)
{
    struct bkt_str parts[ARN_PARTS] = {0};
    size_t start = 0;
    size_t count = 0;
    for (size_t i = 0; i < text.len && count < ARN_PARTS - 1; i++) {
        if (text.ptr[i] != ':')
            continue;
        parts[count++] = (struct bkt_str){text.ptr + start, i - start};
        start = i + 1;
    }
    parts[count] = bkt_str_skip(text, start);
    if (count != ARN_PARTS - 1 || parts[count].len == 0)
        return bkt_error_set(err, BKT_ECONFIG, "the bucket is an ARN with parts missing");
    *out = (struct arn){parts[1], parts[2], parts[3], parts[4], parts[5]};
    return BKT_OK;
}

static int refuse_arn(const struct arn *arn, struct bkt_error *err)
{
    static const struct {
        const char *service;
        const char *what;
    } refused[] = {
        {"s3-object-lambda", "an Object Lambda access point"},
        {"s3-outposts", "a bucket or access point on Outposts"},
        {"s3express", "a directory bucket (S3 Express One Zone)"},
    };
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        if (bkt_str_eq(arn->service, bkt_str_from(refused[i].service))) {
            return bkt_error_set(err, BKT_ECONFIG, "the ARN is that of %s, which is not supported",
                                 refused[i].what);
        }
    }
    if (!bkt_str_eq(arn->service, BKT_STR("s3")))
        return bkt_error_set(err, BKT_ECONFIG, "the ARN is not one of S3");
    if (!bkt_str_has_prefix(arn->resource, BKT_STR("accesspoint"))) {
        return bkt_error_set(err, BKT_ECONFIG,
                             "the ARN names no access point; a bucket is given by its bare name");
    }
    if (arn->region.len == 0) {
        return bkt_error_set(err, BKT_ECONFIG,
                             "the ARN is that of a multi-region access point, which is not "
                             "supported");
    }
    return BKT_OK;
}

/* "accesspoint/name" or "accesspoint:name", and an account of twelve digits. */
static int access_point_name(const struct arn *arn, struct bkt_str *out_name, struct bkt_error *err)
{
    size_t word = sizeof("accesspoint") - 1;
    assert(arn->resource.ptr);
    struct bkt_str rest = bkt_str_skip(arn->resource, word);
    struct bkt_str name = {0};
    bool good = rest.len > 1 && (rest.ptr[0] == '/' || rest.ptr[0] == ':');
    if (good)
        name = bkt_str_skip(rest, 1);
    good = good && arn->account.len == 12 && is_hostable(name, true);
    for (size_t i = 0; i < arn->account.len; i++)
        good = good && bkt_is_digit(arn->account.ptr[i]);
    if (!good) {
        return bkt_error_set(err, BKT_ECONFIG,
                             "the ARN is not of the form "
                             "arn:aws:s3:REGION:123456789012:accesspoint/NAME");
    }
    *out_name = name;
    return BKT_OK;
}

static int access_point(const struct bkt_endpoint_s3_request *request,
                        struct bkt_endpoint *out,
                        struct bkt_error *err)
{
    struct arn arn = {0};
    struct bkt_str name = {0};
    int rc = split_arn(request->bucket, &arn, err);
    if (rc == BKT_OK)
        rc = refuse_arn(&arn, err);
    if (rc == BKT_OK)
        rc = access_point_name(&arn, &name, err);
    if (rc == BKT_OK)
        rc = bkt_region_check(arn.region, err);
    if (rc)
        return rc;
    if (!bkt_str_eq(arn.partition, bkt_str_from(bkt_partition_of_region(arn.region)->id))) {
        return bkt_error_set(err, BKT_ECONFIG, "the ARN's region %.*s is not in its partition",
                             BKT_STR_ARG(arn.region));
    }
    if (request->path_style == BKT_PATH_STYLE_TRUE)
        return bkt_error_set(err, BKT_ECONFIG, "an access point cannot be asked in path style");
    if (request->switches.ignore_arn_region && !bkt_str_eq(arn.region, request->region)) {
        return bkt_error_set(err, BKT_ECONFIG,
                             "the access point is in %.*s, the region is another, and "
                             "AWS_S3_USE_ARN_REGION is false",
                             BKT_STR_ARG(arn.region));
    }

    struct bkt_endpoint endpoint;
    struct bkt_endpoint_url url;
    rc = begin(request, arn.region, "s3-accesspoint", &endpoint, &url, err);
    if (rc)
        return rc;
    char label[LABEL_BYTES_MAX + 16];
    int len =
        snprintf(label, sizeof(label), "%.*s-%.*s", BKT_STR_ARG(name), BKT_STR_ARG(arn.account));
    if (len > LABEL_BYTES_MAX)
        return bkt_error_set(err, BKT_ECONFIG, "the access point's name is too long");
    if (url.is_ipv6 || is_ipv4(url.host))
        return bkt_error_set(err, BKT_ECONFIG, "an access point cannot be asked at an IP address");
    put_in_host(&endpoint, bkt_str_from(label));
    *out = endpoint;
    return BKT_OK;
}

int bkt_endpoint_s3(const struct bkt_endpoint_s3_request *request,
                    struct bkt_endpoint *out,
                    struct bkt_error *err)
{
    struct bkt_str bucket = request->bucket;
    if (bkt_str_has_prefix(bucket, BKT_STR("arn:")))
        return access_point(request, out, err);

    struct bkt_endpoint endpoint;
    struct bkt_endpoint_url url;
    int rc = check_bucket(bucket, err);
    if (rc == BKT_OK)
        rc = begin(request, request->region, "s3", &endpoint, &url, err);
    if (rc)
        return rc;

    bool custom = request->endpoint_url.len > 0;
    bool in_path = request->path_style == BKT_PATH_STYLE_TRUE ||
                   (request->path_style == BKT_PATH_STYLE_AUTO && custom) || url.is_ipv6 ||
                   is_ipv4(url.host) || !is_hostable(bucket, url.https);
    if (in_path) {
        put_in_path(&endpoint, bucket);
    } else {
        put_in_host(&endpoint, bucket);
    }
    *out = endpoint;
    return BKT_OK;
}
