#include "aws/sso_token.h"

#include "aws/creds_http.h"
#include "aws/creds_json.h"
#include "aws/endpoint.h"
#include "aws/token_cache.h"
#include "core/json.h"

#include <openssl/evp.h>
#include <stdio.h>

enum {
    URL_BYTES_MAX = 1024,
    REFRESH_WINDOW_MS = 15 * 60 * 1000,
    LIFE_S_MAX = 366 * 86400,
    TRIES = 3,
};

int bkt_sso_log_in(const struct bkt_sso *sso, const char *state, struct bkt_error *err)
{
    return bkt_error_set(err, BKT_ECREDS, "the SSO token %s; run: aws sso login --profile %.*s",
                         state, BKT_STR_ARG(sso->profile));
}

static bool time_of(const struct cJSON *json, const char *name, int64_t *out_ms)
{
    return bkt_time_parse_iso(bkt_token_cache_text(json, name), out_ms);
}

static bool can_refresh(const struct bkt_sso *sso, const struct cJSON *json, int64_t now_ms)
{
    int64_t registered_until_ms;
    return sso->session.len > 0 && bkt_token_cache_text(json, "refreshToken").len > 0 &&
           bkt_token_cache_text(json, "clientId").len > 0 &&
           bkt_token_cache_text(json, "clientSecret").len > 0 &&
           time_of(json, "registrationExpiresAt", &registered_until_ms) &&
           registered_until_ms > now_ms;
}

/* The new token in the place of the old one, in memory. */
static int take_answer(struct cJSON *cache,
                       struct bkt_str body,
                       int64_t now_ms,
                       struct bkt_error *err)
{
    struct cJSON *answer = NULL;
    int rc = bkt_json_parse(body, BKT_CREDS_JSON_DEPTH_MAX, &answer, err);
    if (rc)
        return rc;
    uint64_t seconds;
    char expires[BKT_TIME_ISO_BYTES];
    struct bkt_str token = bkt_token_cache_text(answer, "accessToken");
    struct bkt_str refresh = bkt_token_cache_text(answer, "refreshToken");
    if (token.len == 0 || !bkt_json_get_uint(answer, "expiresIn", &seconds) ||
        seconds > LIFE_S_MAX) {
        bkt_json_wipe(answer);
        return bkt_error_set(err, BKT_EPARSE, "the answer has no accessToken or expiresIn");
    }
    bkt_time_format_iso(now_ms + (int64_t)seconds * 1000, expires);
    bool done = bkt_token_cache_put(cache, "accessToken", token.ptr) &&
                bkt_token_cache_put(cache, "expiresAt", expires) &&
                (refresh.len == 0 || bkt_token_cache_put(cache, "refreshToken", refresh.ptr));
    bkt_json_wipe(answer);
    return done ? BKT_OK : bkt_error_set(err, BKT_ENOMEM, "%s", bkt_error_text(BKT_ENOMEM));
}

static int ask_for_refresh(const struct bkt_creds_ctx *ctx,
                           const struct bkt_sso *sso,
                           struct cJSON *cache,
                           struct bkt_error *err)
{
    static const char *const members[] = {"clientId", "clientSecret", "refreshToken"};
    struct bkt_buf question = BKT_BUF_SECRET(BKT_TOKEN_CACHE_BYTES_MAX);
    struct bkt_buf answer = BKT_BUF_SECRET(BKT_CREDS_ANSWER_BYTES_MAX);
    struct bkt_endpoint endpoint;
    struct bkt_str override;
    char url[URL_BYTES_MAX];
    int rc =
        bkt_endpoint_url_find(ctx->env, ctx->profiles, "sso_oidc", BKT_STR(""), &override, err);
    if (rc == BKT_OK) {
        rc = bkt_endpoint_service("oidc", "sso-oauth", sso->region, override,
                                  (struct bkt_endpoint_switches){0}, &endpoint, err);
    }
    if (rc)
        goto done;
    int url_len = snprintf(url, sizeof(url), "%s://%s%s/token", endpoint.scheme, endpoint.authority,
                           endpoint.base_path);
    if (url_len >= (int)sizeof(url))
        rc = bkt_error_set(err, BKT_ELIMIT, "the URL to refresh the SSO token is too long");
    if (rc == BKT_OK) {
        rc = bkt_token_cache_ask(cache, members, sizeof(members) / sizeof(members[0]), &question,
                                 err);
    }
    if (rc)
        goto done;
    const struct bkt_str headers[] = {BKT_STR("Content-Type: application/json")};
    const struct bkt_creds_request request = {
        .what = "refresh the SSO token",
        .method = "POST",
        .url = url,
        .headers = headers,
        .header_count = 1,
        .body = bkt_buf_str(&question),
        .tries = TRIES,
    };
    rc = bkt_creds_http(ctx, &request, NULL, &answer, err);
    if (rc == BKT_OK)
        rc = take_answer(cache, bkt_buf_str(&answer), bkt_creds_now(ctx), err);

done:
    bkt_buf_wipe(&question);
    bkt_buf_wipe(&answer);
    return rc;
}

/* A failure is not told: the token at hand is good, only the next run has to refresh again. */
static void write_back(const char *path, const struct cJSON *cache)
{
    struct bkt_token_cache_file file;
    if (bkt_token_cache_open(path, &file))
        (void)bkt_token_cache_replace(&file, path, cache);
}

static int choose(const struct bkt_creds_ctx *ctx,
                  const struct bkt_sso *sso,
                  const char *path,
                  struct cJSON *cache,
                  struct bkt_buf *out_token,
                  struct bkt_error *err)
{
    int64_t now_ms = bkt_creds_now(ctx);
    int64_t expires_ms;
    if (bkt_token_cache_text(cache, "accessToken").len == 0 ||
        !time_of(cache, "expiresAt", &expires_ms))
        return bkt_sso_log_in(sso, "in the cache cannot be read", err);
    if (expires_ms - now_ms < REFRESH_WINDOW_MS && can_refresh(sso, cache, now_ms)) {
        struct bkt_error refresh_err;
        int rc = ask_for_refresh(ctx, sso, cache, &refresh_err);
        if (rc == BKT_OK) {
            expires_ms = INT64_MAX;
            write_back(path, cache);
        } else if (expires_ms <= now_ms) {
            char state[600];
            (void)snprintf(state, sizeof(state), "has expired and was not refreshed (%.500s)",
                           refresh_err.message);
            return bkt_sso_log_in(sso, state, err);
        }
    }
    if (expires_ms <= now_ms)
        return bkt_sso_log_in(sso, "has expired", err);
    int rc = bkt_buf_append(out_token, bkt_token_cache_text(cache, "accessToken"));
    return rc ? bkt_error_set(err, rc, "keep the SSO token: %s", bkt_error_text(rc)) : BKT_OK;
}

int bkt_sso_token(const struct bkt_creds_ctx *ctx,
                  const struct bkt_sso *sso,
                  struct bkt_buf *out_token,
                  struct bkt_error *err)
{
    struct bkt_buf path = BKT_BUF_INIT(BKT_TOKEN_CACHE_PATH_BYTES_MAX);
    struct bkt_buf text = BKT_BUF_SECRET(BKT_TOKEN_CACHE_BYTES_MAX);
    struct cJSON *cache = NULL;
    bool exists = false;
    struct bkt_str name = sso->session.len > 0 ? sso->session : sso->start_url;
    int rc =
        bkt_token_cache_path(ctx->env, BKT_STR("~/.aws/sso/cache"), name, EVP_sha1(), &path, err);
    if (rc == BKT_OK)
        rc = bkt_file_read(path.ptr, &text, &exists, err);
    if (rc)
        goto done;
    if (!exists) {
        rc = bkt_sso_log_in(sso, "is not in the cache", err);
        goto done;
    }
    rc = bkt_json_parse(bkt_buf_str(&text), BKT_CREDS_JSON_DEPTH_MAX, &cache, err);
    if (rc && rc != BKT_ENOMEM)
        rc = bkt_sso_log_in(sso, "in the cache cannot be read", err);
    if (rc)
        goto done;
    rc = choose(ctx, sso, path.ptr, cache, out_token, err);

done:
    bkt_json_wipe(cache);
    bkt_buf_clear(&path);
    bkt_buf_wipe(&text);
    return rc;
}
