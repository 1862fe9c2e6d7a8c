#include "aws/creds_http.h"
#include "aws/creds_json.h"
#include "aws/endpoint.h"

#include <arpa/inet.h>
#include <stdio.h>

enum {
    URL_BYTES_MAX = 2048,
    TOKEN_BYTES_MAX = 16 << 10,
    PATH_BYTES_MAX = 4096,
    CONNECT_TIMEOUT_MS = 2000,
    TOTAL_TIMEOUT_MS = 5000,
    TRIES = 3,
};

/* Addresses that only the host itself or its container agent can have. */
static bool is_near(const struct bkt_endpoint_url *url)
{
    char text[64];
    unsigned char v4[4];
    unsigned char v6[16];
    static const unsigned char loopback[16] = {[15] = 1};
    static const unsigned char eks[16] = {0xfd, 0x00, 0x0e, 0xc2, [15] = 0x23};
    if (bkt_str_eq_nocase(url->host, BKT_STR("localhost")))
        return true;
    if (url->host.len >= sizeof(text))
        return false;
    (void)snprintf(text, sizeof(text), "%.*s", BKT_STR_ARG(url->host));
    if (url->is_ipv6) {
        return inet_pton(AF_INET6, text, v6) == 1 &&
               (memcmp(v6, loopback, 16) == 0 || memcmp(v6, eks, 16) == 0);
    }
    if (inet_pton(AF_INET, text, v4) != 1)
        return false;
    return v4[0] == 127 || strcmp(text, "169.254.170.2") == 0 ||
           strcmp(text, "169.254.170.23") == 0;
}

static bool is_url_text(struct bkt_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] >= 0x7f || text.ptr[i] == '#')
            return false;
    }
    return text.len > 0 && text.len < URL_BYTES_MAX / 2;
}

static int check_full(struct bkt_str full, struct bkt_error *err)
{
    struct bkt_endpoint_url url;
    struct bkt_str before_query = full;
    const char *mark = memchr(full.ptr, '?', full.len);
    if (mark)
        before_query.len = (size_t)(mark - full.ptr);
    int rc = bkt_endpoint_url_parse(before_query, "AWS_CONTAINER_CREDENTIALS_FULL_URI", &url, err);
    if (rc)
        return rc;
    if (!url.https && !is_near(&url)) {
        return bkt_error_set(err, BKT_ECONFIG,
                             "AWS_CONTAINER_CREDENTIALS_FULL_URI is plain http, and its host is "
                             "neither this machine nor a container agent's address; use https");
    }
    return BKT_OK;
}

static int make_url(const struct bkt_creds_ctx *ctx,
                    struct bkt_str relative,
                    struct bkt_str full,
                    char url[URL_BYTES_MAX],
                    struct bkt_error *err)
{
    const char *host = ctx->container_host ? ctx->container_host : "http://169.254.170.2";
    struct bkt_str text = relative.len > 0 ? relative : full;
    if (!is_url_text(text) || (relative.len > 0 && relative.ptr[0] != '/')) {
        return bkt_error_set(err, BKT_ECONFIG, "AWS_CONTAINER_CREDENTIALS_%s_URI is not valid",
                             relative.len > 0 ? "RELATIVE" : "FULL");
    }
    if (relative.len > 0) {
        (void)snprintf(url, URL_BYTES_MAX, "%s%.*s", host, BKT_STR_ARG(relative));
        return BKT_OK;
    }
    (void)snprintf(url, URL_BYTES_MAX, "%.*s", BKT_STR_ARG(full));
    return check_full(full, err);
}

/* The Authorization header, or nothing.  Not trimmed: a line end in it means a broken file. */
static int read_token(const struct bkt_creds_ctx *ctx,
                      struct bkt_buf *header,
                      struct bkt_error *err)
{
    struct bkt_str file = bkt_env_get(ctx->env, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *literal = ctx->env->get(ctx->env->ctx, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
    if (file.len == 0 && (!literal || literal[0] == '\0'))
        return BKT_OK;

    struct bkt_buf path = BKT_BUF_INIT(PATH_BYTES_MAX);
    bool exists = true;
    int rc = bkt_buf_append(header, BKT_STR("Authorization: "));
    size_t start = header->len;
    if (rc == BKT_OK && file.len == 0)
        rc = bkt_buf_append(header, bkt_str_from(literal));
    if (rc) {
        (void)bkt_error_set(err, rc, "keep the container's token: %s", bkt_error_text(rc));
        goto done;
    }
    if (file.len > 0) {
        rc = bkt_path_expand(ctx->env, file, &path, err);
        if (rc == BKT_OK)
            rc = bkt_file_read(path.ptr, header, &exists, err);
        if (rc == BKT_OK && !exists)
            rc = bkt_error_set(err, BKT_ECREDS, "the token file %s does not exist", path.ptr);
        if (rc)
            goto done;
    }
    for (size_t i = start; i < header->len; i++) {
        if ((unsigned char)header->ptr[i] < ' ' || header->ptr[i] == 0x7f) {
            rc = bkt_error_set(err, BKT_ECREDS,
                               "the container's authorization token holds a line end or another "
                               "control character");
            goto done;
        }
    }

done:
    bkt_buf_clear(&path);
    return rc;
}

static int ask(const struct bkt_creds_ctx *ctx,
               const char *url,
               struct bkt_creds *out_creds,
               struct bkt_error *err)
{
    struct bkt_buf token = BKT_BUF_SECRET(TOKEN_BYTES_MAX);
    struct bkt_buf body = BKT_BUF_SECRET(BKT_CREDS_ANSWER_BYTES_MAX);
    int rc = read_token(ctx, &token, err);
    if (rc)
        goto done;
    const struct bkt_str headers[] = {BKT_STR("Accept: application/json"), bkt_buf_str(&token)};
    const struct bkt_creds_request request = {
        .what = "ask the container's credentials service",
        .method = "GET",
        .url = url,
        .headers = headers,
        .header_count = token.len > 0 ? 2 : 1,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .total_timeout_ms = TOTAL_TIMEOUT_MS,
        .tries = TRIES,
        .is_local = true,
    };
    rc = bkt_creds_http(ctx, &request, NULL, &body, err);
    if (rc == BKT_OK)
        rc = bkt_creds_json_parse(bkt_buf_str(&body), BKT_CREDS_JSON_CONTAINER, out_creds, err);

done:
    bkt_buf_wipe(&token);
    bkt_buf_wipe(&body);
    return rc;
}

int bkt_creds_ecs_fetch(const struct bkt_creds_ctx *ctx,
                        struct bkt_str profile,
                        struct bkt_creds *out_creds,
                        char why[BKT_CREDS_WHY_BYTES],
                        struct bkt_error *err)
{
    (void)profile;
    struct bkt_str relative = bkt_env_get(ctx->env, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    struct bkt_str full = bkt_env_get(ctx->env, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
    char url[URL_BYTES_MAX];
    if (relative.len == 0 && full.len == 0)
        return bkt_creds_none(why, "no AWS_CONTAINER_CREDENTIALS_..._URI");
    int rc = make_url(ctx, relative, full, url, err);
    if (rc == BKT_OK)
        rc = ask(ctx, url, out_creds, err);
    return rc ? rc : bkt_creds_found(out_creds, "container credentials service");
}
