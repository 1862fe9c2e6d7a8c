#include "aws/region.h"

#include "aws/endpoint.h"
#include "aws/imds.h"

#include <stdio.h>

/* Where the configured one comes from, for the message; an empty view when there is none. */
static struct bkt_str configured(const struct bkt_region_request *request, const char **out_from)
{
    static const char *const variables[] = {"AWS_REGION", "AWS_DEFAULT_REGION"};
    *out_from = "the option";
    struct bkt_str region = request->option;
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]) && region.len == 0; i++) {
        *out_from = variables[i];
        region = bkt_env_get(request->env, variables[i]);
    }
    if (region.len == 0) {
        *out_from = "the profile";
        region =
            bkt_profiles_get(request->profiles, bkt_str_from(request->profiles->name), "region");
    }
    return region;
}

static int take(struct bkt_str region,
                const char *from,
                char out_region[BKT_REGION_BYTES],
                struct bkt_error *err)
{
    int rc = bkt_region_check(region, err);
    if (rc)
        return bkt_error_wrap(err, rc, "%s", from);
    (void)snprintf(out_region, BKT_REGION_BYTES, "%.*s", BKT_STR_ARG(region));
    return BKT_OK;
}

static int of_endpoint(const struct bkt_region_request *request,
                       char out_region[BKT_REGION_BYTES],
                       struct bkt_error *err)
{
    struct bkt_endpoint_url url;
    int rc = bkt_endpoint_url_parse(request->endpoint_url, "endpoint_url", &url, err);
    if (rc)
        return rc;
    struct bkt_str region = bkt_region_of_host(url.host, request->service);
    if (region.len == 0 && bkt_host_is_aws(url.host)) {
        return bkt_error_set(err, BKT_ECONFIG,
                             "no region is set, and the endpoint's name does not tell it; set "
                             "--region or AWS_REGION");
    }
    /* The name that other servers go by unless they are told another. */
    return take(region.len > 0 ? region : BKT_STR("us-east-1"), "the endpoint", out_region, err);
}

/* Whatever goes wrong there only means that the region is not known. */
static bool of_instance(const struct bkt_region_request *request,
                        char out_region[BKT_REGION_BYTES],
                        char why[BKT_CREDS_WHY_BYTES])
{
    const struct bkt_creds_ctx ctx = {
        .env = request->env, .profiles = request->profiles, .http = request->http};
    struct bkt_imds imds;
    struct bkt_error err = {0};
    struct bkt_buf body = BKT_BUF_INIT(1024);
    bool is_there = false;
    int status = 0;
    int rc = bkt_imds_open(&ctx, &imds, &is_there, why, &err);
    if (rc == BKT_OK && is_there) {
        rc = bkt_imds_get(&imds, "/latest/meta-data/placement/region", &status, &body, &err);
        bkt_imds_clear(&imds);
        if (rc == BKT_OK && status == 200) {
            rc = take(bkt_str_trim(bkt_buf_str(&body)), "the instance", out_region, &err);
        } else if (rc == BKT_OK) {
            rc = bkt_error_set(&err, BKT_ENET, "the instance's metadata: HTTP %d", status);
        }
    }
    if (rc)
        (void)bkt_creds_none(why, "%.200s", err.message);
    bkt_buf_clear(&body);
    return rc == BKT_OK && is_there;
}

int bkt_region_find(const struct bkt_region_request *request,
                    char out_region[BKT_REGION_BYTES],
                    struct bkt_error *err)
{
    const char *from;
    char why[BKT_CREDS_WHY_BYTES] = "";
    struct bkt_str region = configured(request, &from);
    if (region.len > 0)
        return take(region, from, out_region, err);
    if (request->endpoint_url.len > 0)
        return of_endpoint(request, out_region, err);
    if (of_instance(request, out_region, why))
        return BKT_OK;
    return bkt_error_set(err, BKT_ECONFIG,
                         "no region is set; set --region, AWS_REGION or the profile's region "
                         "(instance metadata: %s)",
                         why);
}
