#include "aws/endpoint.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_plain(const char *text)
{
    for (; *text; text++) {
        if (*text <= ' ' || *text >= 0x7f || *text == '@' || *text == '?' || *text == '#')
            return false;
    }
    return true;
}

/* An authority is a host and a port, whatever went in: nothing that ends it, no user part. */
static void check(const struct bkt_endpoint *endpoint)
{
    if (!is_plain(endpoint->authority) || strchr(endpoint->authority, '/') ||
        endpoint->authority[0] == '\0' || strstr(endpoint->base_path, "/../") ||
        !bkt_region_is_valid(bkt_str_from(endpoint->region)))
        __builtin_trap();
    for (const char *c = endpoint->base_path; *c; c++) {
        if (*c <= ' ' || *c >= 0x7f || *c == '?' || *c == '#')
            __builtin_trap();
    }
}

/* The next line, for a bucket, a region and a URL. */
static struct bkt_str take_line(struct bkt_str *rest)
{
    const char *lf = rest->len > 0 ? memchr(rest->ptr, '\n', rest->len) : NULL;
    size_t len = lf ? (size_t)(lf - rest->ptr) : rest->len;
    struct bkt_str line = {rest->ptr, len};
    len += lf != NULL;
    *rest = (struct bkt_str){rest->ptr + len, rest->len - len};
    return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bkt_str rest = {(const char *)data, size};
    struct bkt_endpoint endpoint;
    struct bkt_endpoint_s3_request s3 = {
        .path_style = (enum bkt_path_style)(size % 3),
        .switches = {.fips = size % 5 == 0, .dualstack = size % 7 == 0},
    };
    s3.bucket = take_line(&rest);
    s3.region = take_line(&rest);
    s3.endpoint_url = take_line(&rest);
    struct bkt_endpoint_sqs_request sqs = {
        .queue_url = s3.bucket, .region = s3.region, .endpoint_url = s3.endpoint_url};
    if (bkt_endpoint_s3(&s3, &endpoint, NULL) == BKT_OK)
        check(&endpoint);
    if (bkt_endpoint_sqs(&sqs, &endpoint, NULL) == BKT_OK)
        check(&endpoint);
    return 0;
}
