#include "api/names.h"

#include "aws/partition.h"

#include <stdio.h>

/* The `i`-th part of an ARN, from 0; the last one takes the rest. */
static struct bkt_str arn_part(struct bkt_str arn, unsigned i)
{
    const char *at = arn.ptr;
    const char *end = arn.ptr + arn.len;
    for (; i > 0 && at; i--) {
        at = memchr(at, ':', (size_t)(end - at));
        at = at ? at + 1 : NULL;
    }
    if (!at)
        return (struct bkt_str){"", 0};
    const char *colon = memchr(at, ':', (size_t)(end - at));
    return (struct bkt_str){at, (size_t)((colon ? colon : end) - at)};
}

/* "https://sqs.eu-west-1.amazonaws.com/123456789012/name" */
static void arn_of_url(const char *url, struct bkt_names *out)
{
    struct bkt_endpoint_url parsed;
    if (bkt_endpoint_url_parse(bkt_str_from(url), "sqs_queue_url", &parsed, NULL) != BKT_OK)
        return;
    struct bkt_str region = bkt_region_of_host(parsed.host, "sqs");
    const char *slash =
        parsed.path.len > 1 ? memchr(parsed.path.ptr + 1, '/', parsed.path.len - 1) : NULL;
    if (region.len == 0 || !slash)
        return;
    const char *account = parsed.path.ptr + 1;
    const char *name = slash + 1;
    size_t name_len = (size_t)(parsed.path.ptr + parsed.path.len - name);
    (void)snprintf(out->queue_arn, sizeof(out->queue_arn), "arn:%s:sqs:%.*s:%.*s:%.*s",
                   bkt_partition_of_region(region)->id, BKT_STR_ARG(region), (int)(slash - account),
                   account, (int)name_len, name);
}

/* A bucket's name may have dots, which a Sid should not; no bucket has underscores. */
static void name_sid(const char *bucket, struct bkt_names *out)
{
    (void)snprintf(out->sid, sizeof(out->sid), "bucketable-s3-%s", bucket);
    for (char *c = out->sid; *c; c++) {
        if (*c == '.')
            *c = '_';
    }
}

void bkt_names_find(const struct bkt_settings *settings,
                    const char *region,
                    struct bkt_str queue_arn,
                    struct bkt_names *out)
{
    *out = (struct bkt_names){0};
    const char *bucket = settings->bucket_name;
    const struct bkt_partition *partition = bkt_partition_of_region(bkt_str_from(region));
    (void)snprintf(out->partition, sizeof(out->partition), "%s", partition->id);
    (void)snprintf(out->region, sizeof(out->region), "%s", region);
    if (strncmp(bucket, "arn:", 4) != 0) {
        (void)snprintf(out->bucket_arn, sizeof(out->bucket_arn), "arn:%s:s3:::%s", partition->id,
                       bucket);
    }
    name_sid(bucket, out);
    (void)snprintf(out->rule, sizeof(out->rule), "bucketable-%.50s", bucket);
    if (!settings->sqs_queue_url)
        return;

    (void)snprintf(out->queue_url, sizeof(out->queue_url), "%s", settings->sqs_queue_url);
    if (queue_arn.len > 0 && queue_arn.len < sizeof(out->queue_arn))
        (void)snprintf(out->queue_arn, sizeof(out->queue_arn), "%.*s", BKT_STR_ARG(queue_arn));
    else
        arn_of_url(settings->sqs_queue_url, out);
    struct bkt_str arn = bkt_str_from(out->queue_arn);
    struct bkt_str account = arn_part(arn, 4);
    struct bkt_str name =
        arn.len > 0 ? arn_part(arn, 5) : bkt_str_from(strrchr(settings->sqs_queue_url, '/') + 1);
    (void)snprintf(out->account, sizeof(out->account), "%.*s", BKT_STR_ARG(account));
    (void)snprintf(out->queue_name, sizeof(out->queue_name), "%.*s", BKT_STR_ARG(name));
    (void)snprintf(out->id, sizeof(out->id), "bucketable-%.*s-%.*s", BKT_STR_ARG(account),
                   BKT_STR_ARG(name));
}

/* What every match of `pattern` ends in: nothing special may stand in it. */
static struct bkt_str literal_tail(const char *pattern)
{
    size_t len = strlen(pattern);
    size_t at = len;
    while (at > 0 && !strchr("*?[]{},\\", pattern[at - 1]))
        at--;
    return (struct bkt_str){pattern + at, len - at};
}

struct bkt_str bkt_names_suffix(const struct bkt_settings *settings)
{
    const struct bkt_strings *patterns = &settings->included_patterns;
    if (patterns->count == 0)
        return (struct bkt_str){"", 0};
    struct bkt_str common = literal_tail(patterns->items[0]);
    for (size_t i = 1; i < patterns->count; i++) {
        struct bkt_str tail = literal_tail(patterns->items[i]);
        size_t len = 0;
        while (len < common.len && len < tail.len &&
               common.ptr[common.len - 1 - len] == tail.ptr[tail.len - 1 - len])
            len++;
        common = (struct bkt_str){common.ptr + common.len - len, len};
    }
    return common;
}

int bkt_names_append_objects(const struct bkt_settings *settings,
                             const struct bkt_names *names,
                             struct bkt_buf *out)
{
    bool is_access_point = names->bucket_arn[0] == '\0';
    int rc =
        bkt_buf_printf(out, "%s/%s", is_access_point ? settings->bucket_name : names->bucket_arn,
                       is_access_point ? "object/" : "");
    for (const char *c = settings->prefix; *c && rc == BKT_OK; c++) {
        rc = strchr("*?$", *c) ? bkt_buf_printf(out, "${%c}", *c) : bkt_buf_append_char(out, *c);
    }
    return rc ? rc : bkt_buf_append_char(out, '*');
}
