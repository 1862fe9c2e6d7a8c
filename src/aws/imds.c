#include "aws/imds.h"

#include "aws/creds_http.h"
#include "aws/endpoint.h"
#include "core/mem.h"

#include <stdio.h>

enum {
    TIMEOUT_S_MAX = 60,
    TRIES_MAX = 10,
    GET_TRIES_MIN = 3, /* once it has given a token, it is there */
};

static const char what[] = "ask the instance's metadata service";

static int find_base(const struct bkt_creds_ctx *ctx, struct bkt_imds *imds, struct bkt_error *err)
{
    struct bkt_str base =
        bkt_profiles_setting(ctx->profiles, ctx->env, "AWS_EC2_METADATA_SERVICE_ENDPOINT",
                             "ec2_metadata_service_endpoint");
    struct bkt_str mode =
        bkt_profiles_setting(ctx->profiles, ctx->env, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
                             "ec2_metadata_service_endpoint_mode");
    struct bkt_endpoint_url url;
    if (base.len == 0 && bkt_str_eq_nocase(mode, BKT_STR("IPv6"))) {
        base = BKT_STR("http://[fd00:ec2::254]");
    } else if (base.len == 0 && (mode.len == 0 || bkt_str_eq_nocase(mode, BKT_STR("IPv4")))) {
        base = BKT_STR("http://169.254.169.254");
    } else if (base.len == 0) {
        return bkt_error_set(err, BKT_ECONFIG,
                             "ec2_metadata_service_endpoint_mode must be IPv4 or IPv6");
    }
    while (base.len > 0 && base.ptr[base.len - 1] == '/')
        base.len--;
    int rc = bkt_endpoint_url_parse(base, "ec2_metadata_service_endpoint", &url, err);
    if (rc)
        return rc;
    if (base.len >= BKT_IMDS_URL_BYTES / 2)
        return bkt_error_set(err, BKT_ECONFIG, "ec2_metadata_service_endpoint is too long");
    (void)snprintf(imds->base, sizeof(imds->base), "%.*s", BKT_STR_ARG(base));
    return BKT_OK;
}

/* A whole number of the environment between 1 and `max`, or `otherwise`. */
static uint32_t number(const struct bkt_env *env,
                       const char *name,
                       uint32_t max,
                       uint32_t otherwise)
{
    uint64_t value;
    if (!bkt_str_to_uint(bkt_env_get(env, name), &value) || value == 0 || value > max)
        return otherwise;
    return (uint32_t)value;
}

static int get_token(struct bkt_imds *imds, int *out_status, struct bkt_error *err)
{
    char url[BKT_IMDS_URL_BYTES + 32];
    const struct bkt_str headers[] = {BKT_STR("X-aws-ec2-metadata-token-ttl-seconds: 21600")};
    struct bkt_buf body = BKT_BUF_SECRET(BKT_IMDS_TOKEN_BYTES - 64);
    (void)snprintf(url, sizeof(url), "%s/latest/api/token", imds->base);
    const struct bkt_creds_request request = {
        .what = what,
        .method = "PUT",
        .url = url,
        .headers = headers,
        .header_count = 1,
        .connect_timeout_ms = imds->timeout_ms,
        .total_timeout_ms = imds->timeout_ms,
        .tries = imds->tries,
        .is_local = true,
    };
    int rc = bkt_creds_http(imds->ctx, &request, out_status, &body, err);
    struct bkt_str token = bkt_str_trim(bkt_buf_str(&body));
    if (rc == BKT_OK && *out_status == 200 && !bkt_creds_is_word(token))
        rc = bkt_error_set(err, BKT_EPARSE, "%s: its token holds an odd character", what);
    if (rc == BKT_OK) {
        (void)snprintf(imds->token_header, sizeof(imds->token_header),
                       "X-aws-ec2-metadata-token: %.*s", BKT_STR_ARG(token));
    }
    bkt_buf_wipe(&body);
    return rc;
}

int bkt_imds_open(const struct bkt_creds_ctx *ctx,
                  struct bkt_imds *out,
                  bool *out_there,
                  char why[BKT_CREDS_WHY_BYTES],
                  struct bkt_error *err)
{
    struct bkt_imds imds = {.ctx = ctx};
    struct bkt_error asked = {0};
    int status;
    *out_there = false;
    if (bkt_env_get_bool(ctx->env, "AWS_EC2_METADATA_DISABLED"))
        return bkt_creds_none(why, "AWS_EC2_METADATA_DISABLED is true");
    int rc = find_base(ctx, &imds, err);
    if (rc)
        return rc;
    imds.timeout_ms = 1000 * number(ctx->env, "AWS_METADATA_SERVICE_TIMEOUT", TIMEOUT_S_MAX, 1);
    imds.tries = number(ctx->env, "AWS_METADATA_SERVICE_NUM_ATTEMPTS", TRIES_MAX, 1);

    rc = get_token(&imds, &status, &asked);
    if (rc == BKT_ENET)
        return bkt_creds_none(why, "no answer at %.100s", imds.base);
    if (rc) {
        if (err)
            *err = asked;
        return rc;
    }
    /* Switched off for the instance (403), or another cloud's service, which knows no tokens. */
    if (status == 403 || status == 404 || status == 405)
        return bkt_creds_none(why, "%.100s gives no tokens (HTTP %d)", imds.base, status);
    if (status != 200) {
        return bkt_creds_http_refused("get a token of the instance's metadata service", status,
                                      BKT_STR(""), err);
    }
    *out = imds;
    *out_there = true;
    return BKT_OK;
}

static int get_once(struct bkt_imds *imds,
                    const char *url,
                    int *out_status,
                    struct bkt_buf *out_body,
                    struct bkt_error *err)
{
    const struct bkt_str headers[] = {bkt_str_from(imds->token_header)};
    const struct bkt_creds_request request = {
        .what = what,
        .method = "GET",
        .url = url,
        .headers = headers,
        .header_count = 1,
        .connect_timeout_ms = imds->timeout_ms,
        .total_timeout_ms = imds->timeout_ms,
        .tries = imds->tries > GET_TRIES_MIN ? imds->tries : GET_TRIES_MIN,
        .is_local = true,
    };
    return bkt_creds_http(imds->ctx, &request, out_status, out_body, err);
}

int bkt_imds_get(struct bkt_imds *imds,
                 const char *path,
                 int *out_status,
                 struct bkt_buf *out_body,
                 struct bkt_error *err)
{
    char url[BKT_IMDS_URL_BYTES * 2];
    int token_status;
    int len = snprintf(url, sizeof(url), "%s%s", imds->base, path);
    if (len < 0 || (size_t)len >= sizeof(url))
        return bkt_error_set(err, BKT_ELIMIT, "%s: the path is too long", what);
    int rc = get_once(imds, url, out_status, out_body, err);
    if (rc || *out_status != 401)
        return rc;
    rc = get_token(imds, &token_status, err);
    if (rc)
        return rc;
    if (token_status != 200)
        return bkt_creds_http_refused(what, token_status, BKT_STR(""), err);
    return get_once(imds, url, out_status, out_body, err);
}

void bkt_imds_clear(struct bkt_imds *imds)
{
    bkt_mem_wipe(imds->token_header, sizeof(imds->token_header));
}
