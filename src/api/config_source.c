#include "api/config_int.h"

#include "core/mem.h"

#include <strings.h>

/* The parts of "arn:aws:s3:eu-west-1:123456789012:accesspoint/name". */
struct arn {
    struct bkt_str service;
    struct bkt_str region;
    struct bkt_str account;
    struct bkt_str resource;
};

static bool is_arn(struct bkt_str text)
{
    return bkt_str_has_prefix(text, BKT_STR("arn:"));
}

static bool split_arn(struct bkt_str text, struct arn *out)
{
    struct bkt_str *parts[] = {NULL, NULL, &out->service, &out->region, &out->account};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        const char *colon = text.len > 0 ? memchr(text.ptr, ':', text.len) : NULL;
        if (!colon)
            return false;
        size_t len = (size_t)(colon - text.ptr);
        if (parts[i])
            *parts[i] = (struct bkt_str){text.ptr, len};
        text = (struct bkt_str){colon + 1, text.len - len - 1};
    }
    out->resource = text;
    return true;
}

static bool has_suffix(struct bkt_str text, struct bkt_str suffix)
{
    return text.len >= suffix.len &&
           memcmp(text.ptr + text.len - suffix.len, suffix.ptr, suffix.len) == 0;
}

/* The name in "accesspoint/name" or "accesspoint:name", to the end; empty when it is none. */
static struct bkt_str access_point_name(struct bkt_str resource)
{
    const size_t word_len = strlen("accesspoint/");
    if (!bkt_str_has_prefix(resource, BKT_STR("accesspoint/")) &&
        !bkt_str_has_prefix(resource, BKT_STR("accesspoint:")))
        return (struct bkt_str){"", 0};
    return (struct bkt_str){resource.ptr + word_len, resource.len - word_len};
}

static int check_arn(struct bkt_str bucket, struct bkt_error *err)
{
    char quoted[BKT_QUOTE_BYTES];
    bkt_quote(quoted, bucket);
    struct arn arn;
    if (!split_arn(bucket, &arn)) {
        return bkt_error_set(err, BKT_ECONFIG,
                             "bucket_name: %s: no whole ARN: an access point's is "
                             "arn:aws:s3:REGION:ACCOUNT:accesspoint/NAME",
                             quoted);
    }
    if (bkt_str_eq(arn.service, BKT_STR("s3-object-lambda"))) {
        return bkt_error_set(err, BKT_ECONFIG,
                             "bucket_name: %s: Object Lambda access points are not "
                             "supported: what they answer is not what the bucket lists",
                             quoted);
    }
    if (bkt_str_eq(arn.service, BKT_STR("s3express"))) {
        return bkt_error_set(err, BKT_ECONFIG,
                             "bucket_name: %s: directory buckets are not "
                             "supported",
                             quoted);
    }
    if (!bkt_str_eq(arn.service, BKT_STR("s3"))) {
        return bkt_error_set(err, BKT_ECONFIG,
                             "bucket_name: %s: no ARN of S3: access points of the "
                             "service s3 are supported",
                             quoted);
    }
    struct bkt_str name = access_point_name(arn.resource);
    if (name.len > 0 && arn.region.len == 0) {
        return bkt_error_set(err, BKT_ECONFIG,
                             "bucket_name: %s: multi-region access points are not "
                             "supported: name one of their buckets",
                             quoted);
    }
    if (name.len > 0 && arn.account.len > 0 && !memchr(name.ptr, '/', name.len))
        return BKT_OK;
    if (arn.region.len == 0 && arn.account.len == 0 && arn.resource.len > 0) {
        return bkt_error_set(err, BKT_ECONFIG,
                             "bucket_name: %s: a bucket goes by its name: write "
                             "%.*s",
                             quoted, BKT_STR_ARG(arn.resource));
    }
    return bkt_error_set(err, BKT_ECONFIG,
                         "bucket_name: %s: no access point: write "
                         "arn:aws:s3:REGION:ACCOUNT:accesspoint/NAME",
                         quoted);
}

int bkt_config_check_bucket(struct bkt_str bucket, struct bkt_error *err)
{
    enum { NAME_BYTES_MAX = 255 };
    char quoted[BKT_QUOTE_BYTES];
    bkt_quote(quoted, bucket);
    if (bucket.len > 0 && memchr(bucket.ptr, '@', bucket.len)) {
        return bkt_error_set(err, BKT_ECONFIG,
                             "bucket_name: there is an \"@\" in it: the name alone is wanted, "
                             "without user and password");
    }
    if (is_arn(bucket))
        return check_arn(bucket, err);
    if (bucket.len == 0)
        return bkt_error_set(err, BKT_ECONFIG, "bucket_name: must not be empty");
    if (has_suffix(bucket, BKT_STR("--x-s3")) || has_suffix(bucket, BKT_STR("--xa-s3"))) {
        return bkt_error_set(err, BKT_ECONFIG,
                             "bucket_name: %s: directory buckets (S3 Express One "
                             "Zone) are not supported",
                             quoted);
    }
    if (has_suffix(bucket, BKT_STR("--ol-s3"))) {
        return bkt_error_set(err, BKT_ECONFIG,
                             "bucket_name: %s: Object Lambda access points are not "
                             "supported: what they answer is not what the bucket lists",
                             quoted);
    }
    if (bkt_str_has_prefix(bucket, BKT_STR("s3://"))) {
        return bkt_error_set(err, BKT_ECONFIG,
                             "bucket_name: %s: the name alone is wanted, without "
                             "s3://",
                             quoted);
    }

    /* Other servers are laxer than AWS; what would change the meaning of a URL is refused. */
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    for (size_t i = 0; i < bucket.len; i++) {
        if (bucket.ptr[i] == '\0' || !strchr(letters, bucket.ptr[i])) {
            return bkt_error_set(err, BKT_ECONFIG,
                                 "bucket_name: %s: a bucket's name is made of "
                                 "letters, digits, \".\", \"-\" and \"_\"",
                                 quoted);
        }
    }
    if (bucket.len > NAME_BYTES_MAX || bucket.ptr[0] == '.') {
        return bkt_error_set(err, BKT_ECONFIG, "bucket_name: %s: no bucket has such a name",
                             quoted);
    }
    return BKT_OK;
}

/*
 * Where the bucket ends in what follows "s3://".  An ARN goes on to the end of the access point's
 * name, which comes after a "/" or ":" of its own.
 */
static size_t bucket_len(struct bkt_str rest)
{
    size_t start = 0;
    struct arn arn;
    if (is_arn(rest) && split_arn(rest, &arn) && access_point_name(arn.resource).len > 0)
        start = (size_t)(access_point_name(arn.resource).ptr - rest.ptr);
    const char *slash = rest.len > start ? memchr(rest.ptr + start, '/', rest.len - start) : NULL;
    return slash ? (size_t)(slash - rest.ptr) : rest.len;
}

/* The bucket and key in a URL of AWS's web servers: both address styles.  False: another host. */
static bool split_web_url(struct bkt_str rest, struct bkt_str *out_bucket, struct bkt_str *out_key)
{
    const char *slash = memchr(rest.ptr, '/', rest.len);
    size_t host_len = slash ? (size_t)(slash - rest.ptr) : rest.len;
    struct bkt_str host = {rest.ptr, host_len};
    struct bkt_str path = {rest.ptr + host_len + (slash != NULL),
                           rest.len - host_len - (slash != NULL)};
    if (!has_suffix(host, BKT_STR(".amazonaws.com")))
        return false;

    if (bkt_str_has_prefix(host, BKT_STR("s3.")) || bkt_str_has_prefix(host, BKT_STR("s3-"))) {
        const char *end = path.len > 0 ? memchr(path.ptr, '/', path.len) : NULL;
        size_t len = end ? (size_t)(end - path.ptr) : path.len;
        *out_bucket = (struct bkt_str){path.ptr, len};
        *out_key = end ? (struct bkt_str){end + 1, path.len - len - 1} : (struct bkt_str){"", 0};
        return len > 0;
    }
    for (size_t i = 1; i + 4 < host.len; i++) {
        if (memcmp(host.ptr + i, ".s3.", 4) == 0 || memcmp(host.ptr + i, ".s3-", 4) == 0) {
            *out_bucket = (struct bkt_str){host.ptr, i};
            *out_key = path;
            return true;
        }
    }
    return false;
}

/* `url` does not begin with "s3://": say what to write instead. */
static int fail_scheme(const char *url, struct bkt_error *err)
{
    char quoted[BKT_QUOTE_BYTES];
    bkt_quote(quoted, bkt_str_from(url));
    const char *colon = strstr(url, "://");
    if (colon && strchr(colon, '@'))
        return bkt_error_set(err, BKT_ECONFIG, "source %s: write s3://BUCKET/PREFIX", quoted);
    if (!colon) {
        /* Where it can be a bucket and a prefix that lack the scheme alone. */
        static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-/";
        bool is_name = url[0] != '\0' && url[0] != '/' && url[strspn(url, letters)] == '\0';
        return bkt_error_set(err, BKT_ECONFIG,
                             "source %s: write s3://%.200s, or the path of "
                             "a spec file (*.json)",
                             quoted, is_name ? url : "BUCKET/PREFIX");
    }

    static const char *const others[] = {"s3", "s3a", "s3n"};
    size_t len = (size_t)(colon - url);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (strlen(others[i]) == len && strncasecmp(url, others[i], len) == 0) {
            char right[BKT_QUOTE_BYTES];
            bkt_quote(right, bkt_str_from(colon + 3));
            return bkt_error_set(err, BKT_ECONFIG, "source %s: write \"s3://%s", quoted, right + 1);
        }
    }
    struct bkt_str bucket;
    struct bkt_str key;
    if (split_web_url(bkt_str_from(colon + 3), &bucket, &key)) {
        return bkt_error_set(err, BKT_ECONFIG, "source %s: write s3://%.*s/%.*s", quoted,
                             BKT_STR_ARG(bucket), BKT_STR_ARG(key));
    }
    if (strncasecmp(url, "http", 4) == 0) {
        return bkt_error_set(err, BKT_ECONFIG,
                             "source %s: write s3://BUCKET/PREFIX and give the "
                             "server with --endpoint-url",
                             quoted);
    }
    return bkt_error_set(err, BKT_ECONFIG, "source %s: write s3://BUCKET/PREFIX", quoted);
}

int bkt_config_source(struct bkt_config *config, const char *url, struct bkt_error *err)
{
    struct bkt_str text = bkt_str_from(url);
    struct bkt_str scheme = BKT_STR("s3://");
    if (!bkt_str_has_prefix(text, scheme))
        return fail_scheme(url, err);

    struct bkt_str rest = {url + scheme.len, text.len - scheme.len};
    size_t len = bucket_len(rest);
    int rc = bkt_config_check_bucket((struct bkt_str){rest.ptr, len}, err);
    if (rc) {
        char quoted[BKT_QUOTE_BYTES];
        return bkt_error_wrap(err, rc, "source %s", bkt_quote(quoted, text));
    }

    char *bucket = bkt_mem_strdup(rest.ptr, len);
    if (!bucket)
        return bkt_error_set(err, BKT_ENOMEM, "source: out of memory");
    rc = bkt_config_set(config, "prefix", rest.ptr + len + (len < rest.len), err);
    if (!rc)
        rc = bkt_config_set(config, "bucket_name", bucket, err);
    bkt_mem_free(bucket);
    return rc;
}
