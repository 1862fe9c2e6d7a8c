#include "aws/creds_http.h"
#include "aws/creds_json.h"
#include "aws/endpoint.h"
#include "aws/sso_token.h"
#include "core/percent.h"

#include <stdio.h>

enum {
    URL_BYTES_MAX = 2048,
    TOKEN_BYTES_MAX = 32 << 10,
    TRIES = 3,
};

/* From the session's section where there is one; what the profile says besides must be the same. */
static int session_value(const struct bkt_creds_ctx *ctx,
                         const struct bkt_sso *sso,
                         const char *key,
                         struct bkt_str *out,
                         struct bkt_error *err)
{
    struct bkt_str own = bkt_profiles_get(ctx->profiles, sso->profile, key);
    *out = own;
    if (sso->session.len == 0)
        return BKT_OK;
    *out = bkt_profiles_session_get(ctx->profiles, sso->session, key);
    if (own.len > 0 && !bkt_str_eq(own, *out)) {
        return bkt_error_set(err, BKT_ECONFIG,
                             "%s of profile %.*s is not that of its sso-session %.*s", key,
                             BKT_STR_ARG(sso->profile), BKT_STR_ARG(sso->session));
    }
    return BKT_OK;
}

static int find_sso(const struct bkt_creds_ctx *ctx, struct bkt_sso *sso, struct bkt_error *err)
{
    sso->session = bkt_profiles_get(ctx->profiles, sso->profile, "sso_session");
    if (sso->session.len > 0 && !bkt_profiles_has_session(ctx->profiles, sso->session)) {
        return bkt_error_set(err, BKT_ECONFIG,
                             "profile %.*s names sso_session = %.*s, and there is no section "
                             "[sso-session %.*s]",
                             BKT_STR_ARG(sso->profile), BKT_STR_ARG(sso->session),
                             BKT_STR_ARG(sso->session));
    }
    int rc = session_value(ctx, sso, "sso_region", &sso->region, err);
    if (rc == BKT_OK)
        rc = session_value(ctx, sso, "sso_start_url", &sso->start_url, err);
    if (rc)
        return rc;
    const char *missing = sso->account_id.len == 0  ? "sso_account_id"
                          : sso->role_name.len == 0 ? "sso_role_name"
                          : sso->region.len == 0    ? "sso_region"
                          : sso->start_url.len == 0 ? "sso_start_url"
                                                    : NULL;
    if (missing) {
        return bkt_error_set(err, BKT_ECONFIG, "profile %.*s uses SSO and has no %s",
                             BKT_STR_ARG(sso->profile), missing);
    }
    return BKT_OK;
}

static int make_url(const struct bkt_creds_ctx *ctx,
                    const struct bkt_sso *sso,
                    struct bkt_buf *url,
                    struct bkt_error *err)
{
    struct bkt_endpoint endpoint;
    struct bkt_str override;
    int rc = bkt_endpoint_url_find(ctx->env, ctx->profiles, "sso", BKT_STR(""), &override, err);
    if (rc == BKT_OK) {
        rc = bkt_endpoint_service("portal.sso", "awsssoportal", sso->region, override,
                                  (struct bkt_endpoint_switches){0}, &endpoint, err);
    }
    if (rc)
        return rc;
    rc = bkt_buf_printf(url, "%s://%s%s/federation/credentials?role_name=", endpoint.scheme,
                        endpoint.authority, endpoint.base_path);
    rc = rc ? rc : bkt_percent_encode(url, sso->role_name, BKT_PERCENT_ENCODE_SLASH);
    rc = rc ? rc : bkt_buf_append(url, BKT_STR("&account_id="));
    rc = rc ? rc : bkt_percent_encode(url, sso->account_id, BKT_PERCENT_ENCODE_SLASH);
    return rc ? bkt_error_set(err, rc, "the SSO portal's URL: %s", bkt_error_text(rc)) : BKT_OK;
}

/* The token goes into a header line: nothing in it may end the line. */
static int make_header(const struct bkt_creds_ctx *ctx,
                       const struct bkt_sso *sso,
                       struct bkt_buf *header,
                       struct bkt_error *err)
{
    int rc = bkt_buf_append(header, BKT_STR("x-amz-sso_bearer_token: "));
    if (rc)
        return bkt_error_set(err, rc, "keep the SSO token: %s", bkt_error_text(rc));
    size_t start = header->len;
    rc = bkt_sso_token(ctx, sso, header, err);
    if (rc == BKT_OK && !bkt_creds_is_word(bkt_str_skip(bkt_buf_str(header), start)))
        rc = bkt_sso_log_in(sso, "in the cache cannot be read", err);
    return rc;
}

static int ask(const struct bkt_creds_ctx *ctx,
               const struct bkt_sso *sso,
               struct bkt_creds *out_creds,
               struct bkt_error *err)
{
    struct bkt_buf url = BKT_BUF_INIT(URL_BYTES_MAX);
    struct bkt_buf header = BKT_BUF_SECRET(TOKEN_BYTES_MAX);
    struct bkt_buf body = BKT_BUF_SECRET(BKT_CREDS_ANSWER_BYTES_MAX);
    int status;
    int rc = make_url(ctx, sso, &url, err);
    if (rc == BKT_OK)
        rc = make_header(ctx, sso, &header, err);
    if (rc)
        goto done;
    const struct bkt_str headers[] = {bkt_buf_str(&header)};
    const struct bkt_creds_request request = {
        .what = "ask the SSO portal for a role's keys",
        .method = "GET",
        .url = url.ptr,
        .headers = headers,
        .header_count = 1,
        .tries = TRIES,
    };
    rc = bkt_creds_http(ctx, &request, &status, &body, err);
    if (rc == BKT_OK && status == 401) {
        rc = bkt_sso_log_in(sso, "is not accepted any more", err);
    } else if (rc == BKT_OK && status != 200) {
        rc = bkt_creds_http_refused(request.what, status, bkt_buf_str(&body), err);
    } else if (rc == BKT_OK) {
        rc = bkt_creds_json_parse(bkt_buf_str(&body), BKT_CREDS_JSON_SSO, out_creds, err);
    }

done:
    bkt_buf_clear(&url);
    bkt_buf_wipe(&header);
    bkt_buf_wipe(&body);
    return rc;
}

int bkt_creds_sso_fetch(const struct bkt_creds_ctx *ctx,
                        struct bkt_str profile,
                        struct bkt_creds *out_creds,
                        char why[BKT_CREDS_WHY_BYTES],
                        struct bkt_error *err)
{
    struct bkt_sso sso = {
        .profile = profile,
        .account_id = bkt_profiles_get(ctx->profiles, profile, "sso_account_id"),
        .role_name = bkt_profiles_get(ctx->profiles, profile, "sso_role_name"),
    };
    if (sso.account_id.len == 0 && sso.role_name.len == 0)
        return bkt_creds_none(why, "no sso_account_id");
    int rc = find_sso(ctx, &sso, err);
    if (rc == BKT_OK)
        rc = ask(ctx, &sso, out_creds, err);
    return rc ? rc
              : bkt_creds_found(out_creds, "SSO role %.*s of account %.*s",
                                BKT_STR_ARG(sso.role_name), BKT_STR_ARG(sso.account_id));
}
