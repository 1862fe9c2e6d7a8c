#include "aws/endpoint.h"

#include <stdio.h>

int bkt_region_check(struct bkt_str region, struct bkt_error *err)
{
    if (bkt_region_is_valid(region))
        return BKT_OK;
    return bkt_error_set(err, BKT_ECONFIG,
                         "the region is no valid name (letters, digits and -, such as us-east-1)");
}

int bkt_endpoint_from_url(const struct bkt_endpoint_url *url,
                          struct bkt_str region,
                          const char *service,
                          struct bkt_endpoint *out,
                          struct bkt_error *err)
{
    int rc = bkt_region_check(region, err);
    if (rc)
        return rc;
    char port[8] = "";
    if (url->port > 0)
        (void)snprintf(port, sizeof(port), ":%u", url->port);
    *out = (struct bkt_endpoint){0};
    (void)snprintf(out->scheme, sizeof(out->scheme), "%s", url->https ? "https" : "http");
    (void)snprintf(out->authority, sizeof(out->authority), "%s%.*s%s%s", url->is_ipv6 ? "[" : "",
                   BKT_STR_ARG(url->host), url->is_ipv6 ? "]" : "", port);
    (void)snprintf(out->base_path, sizeof(out->base_path), "%.*s", BKT_STR_ARG(url->path));
    (void)snprintf(out->region, sizeof(out->region), "%.*s", BKT_STR_ARG(region));
    (void)snprintf(out->service, sizeof(out->service), "%s", service);
    return BKT_OK;
}

int bkt_endpoint_refuse_switches(struct bkt_endpoint_switches switches, struct bkt_error *err)
{
    if (!switches.fips && !switches.dualstack)
        return BKT_OK;
    return bkt_error_set(err, BKT_ECONFIG, "%s cannot be used together with an endpoint URL",
                         switches.fips ? "use_fips_endpoint" : "use_dualstack_endpoint");
}

int bkt_endpoint_service(const char *host_prefix,
                         const char *service,
                         struct bkt_str region,
                         struct bkt_str endpoint_url,
                         struct bkt_endpoint_switches switches,
                         struct bkt_endpoint *out,
                         struct bkt_error *err)
{
    int rc;
    if (endpoint_url.len > 0) {
        struct bkt_endpoint_url url;
        rc = bkt_endpoint_refuse_switches(switches, err);
        if (rc == BKT_OK)
            rc = bkt_endpoint_url_parse(endpoint_url, "the endpoint URL", &url, err);
        return rc ? rc : bkt_endpoint_from_url(&url, region, service, out, err);
    }
    rc = bkt_region_check(region, err);
    if (rc)
        return rc;

    const struct bkt_partition *partition = bkt_partition_of_region(region);
    bool is_gov = bkt_str_eq(bkt_str_from(partition->id), BKT_STR("aws-us-gov"));
    bool is_global = bkt_str_eq(region, BKT_STR("aws-global"));
    /* GovCloud's plain hosts are FIPS hosts already. */
    bool fips = switches.fips && !(is_gov && !switches.dualstack);
    *out = (struct bkt_endpoint){0};
    (void)snprintf(out->scheme, sizeof(out->scheme), "https");
    (void)snprintf(out->authority, sizeof(out->authority), "%s%s%s%.*s.%s", host_prefix,
                   fips ? "-fips" : "", is_global ? "" : ".", is_global ? 0 : (int)region.len,
                   region.ptr, switches.dualstack ? partition->dual_suffix : partition->suffix);
    (void)snprintf(out->region, sizeof(out->region), "%.*s",
                   BKT_STR_ARG(is_global ? BKT_STR("us-east-1") : region));
    (void)snprintf(out->service, sizeof(out->service), "%s", service);
    return BKT_OK;
}

int bkt_endpoint_sqs(const struct bkt_endpoint_sqs_request *request,
                     struct bkt_endpoint *out,
                     struct bkt_error *err)
{
    struct bkt_endpoint_url queue = {0};
    struct bkt_str region = request->region_option;
    int rc;
    if (request->queue_url.len > 0) {
        rc = bkt_endpoint_url_parse(request->queue_url, "the queue's URL", &queue, err);
        if (rc)
            return rc;
        if (region.len == 0)
            region = bkt_region_of_host(queue.host, "sqs");
    }
    if (region.len == 0)
        region = request->region;
    if (request->endpoint_url.len > 0 || request->queue_url.len == 0) {
        return bkt_endpoint_service("sqs", "sqs", region, request->endpoint_url, request->switches,
                                    out, err);
    }

    /* Requests go to the root of the host that the queue's URL names; the rest names the queue. */
    queue.path = BKT_STR("");
    if (region.len == 0)
        region = BKT_STR("us-east-1");
    return bkt_endpoint_from_url(&queue, region, "sqs", out, err);
}
