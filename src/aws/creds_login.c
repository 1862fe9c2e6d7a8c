#include "aws/creds_http.h"
#include "aws/creds_json.h"
#include "aws/dpop.h"
#include "aws/endpoint.h"
#include "aws/token_cache.h"
#include "core/json.h"

#include <cjson/cJSON.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <sys/random.h>

enum {
    URL_BYTES_MAX = BKT_ENDPOINT_AUTHORITY_BYTES + BKT_ENDPOINT_PATH_BYTES + 32,
    PROOF_BYTES_MAX = 8 << 10,
    REFRESH_WINDOW_MS = 5 * 60 * 1000,
    LIFE_S_MAX = 366 * 86400,
};

static int find_file(const struct bkt_creds_ctx *ctx,
                     struct bkt_str session,
                     struct bkt_buf *path,
                     struct bkt_error *err)
{
    struct bkt_str directory = bkt_env_get(ctx->env, "AWS_LOGIN_CACHE_DIRECTORY");
    if (directory.len == 0)
        directory = BKT_STR("~/.aws/login/cache");
    return bkt_token_cache_path(ctx->env, directory, session, EVP_sha256(), path, err);
}

static int log_in_again(struct bkt_str profile, const char *state, struct bkt_error *err)
{
    return bkt_error_set(err, BKT_ECREDS, "the login session %s; run: aws login --profile %.*s",
                         state, BKT_STR_ARG(profile));
}

/* The file's text, and the keys in it. */
static int load(const char *path,
                struct bkt_str profile,
                struct bkt_buf *text,
                struct bkt_creds *out_creds,
                struct bkt_error *err)
{
    bool exists = false;
    int rc = bkt_file_read(path, text, &exists, err);
    if (rc)
        return rc;
    if (!exists)
        return log_in_again(profile, "has no cached keys", err);
    rc = bkt_creds_json_parse(bkt_buf_str(text), BKT_CREDS_JSON_LOGIN, out_creds, err);
    return rc ? bkt_error_wrap(err, rc, "%s", path) : BKT_OK;
}

/* The sign-in service has hosts of its own shape in each partition. */
static int make_url(const struct bkt_creds_ctx *ctx,
                    struct bkt_str profile,
                    char url[URL_BYTES_MAX],
                    struct bkt_error *err)
{
    struct bkt_endpoint endpoint;
    struct bkt_str override;
    struct bkt_str region = bkt_profiles_get(ctx->profiles, profile, "region");
    if (region.len == 0)
        region = bkt_creds_region(ctx);
    int rc = bkt_endpoint_url_find(ctx->env, ctx->profiles, "signin", BKT_STR(""), &override, err);
    if (rc == BKT_OK) {
        rc = bkt_endpoint_service("signin", "signin", region, override,
                                  (struct bkt_endpoint_switches){0}, &endpoint, err);
    }
    if (rc)
        return rc;
    if (override.len > 0) {
        (void)snprintf(url, URL_BYTES_MAX, "%s://%s%s/v1/token", endpoint.scheme,
                       endpoint.authority, endpoint.base_path);
        return BKT_OK;
    }
    struct bkt_str partition = bkt_str_from(bkt_partition_of_region(region)->id);
    const char *host = bkt_str_eq(partition, BKT_STR("aws-cn")) ? "signin.amazonaws.cn"
                       : bkt_str_eq(partition, BKT_STR("aws-us-gov"))
                           ? "signin.amazonaws-us-gov.com"
                           : "signin.aws.amazon.com";
    (void)snprintf(url, URL_BYTES_MAX, "https://%.*s.%s/v1/token", BKT_STR_ARG(region), host);
    return BKT_OK;
}

static int make_proof(const struct bkt_creds_ctx *ctx,
                      const struct cJSON *cache,
                      const char *url,
                      struct bkt_buf *header,
                      struct bkt_error *err)
{
    unsigned char random[16];
    char id[2 * sizeof(random) + 1];
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return bkt_error_set(err, BKT_EIO, "the system gives no random numbers");
    bkt_hex(random, sizeof(random), id);
    struct bkt_dpop dpop = {
        .key = bkt_token_cache_text(cache, "dpopKey"),
        .method = "POST",
        .url = url,
        .now_s = bkt_creds_now(ctx) / 1000,
        .id = id,
    };
    int rc = bkt_buf_append(header, BKT_STR("DPoP: "));
    return rc ? bkt_error_set(err, rc, "%s", bkt_error_text(rc))
              : bkt_dpop_append(&dpop, header, err);
}

/* One try: the token that is sent is good for one use, and so is the proof. */
static int ask(const struct bkt_creds_ctx *ctx,
               struct bkt_str profile,
               const struct cJSON *cache,
               struct bkt_buf *answer,
               struct bkt_error *err)
{
    struct bkt_buf header = BKT_BUF_SECRET(PROOF_BYTES_MAX);
    static const char *const members[] = {"clientId", "refreshToken"};
    struct bkt_buf body = BKT_BUF_SECRET(BKT_TOKEN_CACHE_BYTES_MAX);
    char url[URL_BYTES_MAX];
    int rc = make_url(ctx, profile, url, err);
    if (rc == BKT_OK)
        rc = bkt_token_cache_ask(cache, members, sizeof(members) / sizeof(members[0]), &body, err);
    if (rc == BKT_OK)
        rc = make_proof(ctx, cache, url, &header, err);
    if (rc)
        goto done;
    const struct bkt_str headers[] = {BKT_STR("Content-Type: application/json"),
                                      bkt_buf_str(&header)};
    const struct bkt_creds_request request = {
        .what = "refresh the login session",
        .method = "POST",
        .url = url,
        .headers = headers,
        .header_count = 2,
        .body = bkt_buf_str(&body),
        .tries = 1,
    };
    rc = bkt_creds_http(ctx, &request, NULL, answer, err);

done:
    bkt_buf_wipe(&header);
    bkt_buf_wipe(&body);
    return rc;
}

/* {"accessToken":{...},"expiresIn","refreshToken"}: the keys, and the cache as it is from now on.
 */
static int take_answer(struct cJSON *cache,
                       struct bkt_str body,
                       int64_t now_ms,
                       struct bkt_creds *out_creds,
                       struct bkt_error *err)
{
    struct cJSON *answer = NULL;
    struct bkt_creds creds = {0};
    uint64_t seconds;
    char expires[BKT_TIME_ISO_BYTES];
    int rc = bkt_creds_json_parse(body, BKT_CREDS_JSON_LOGIN, &creds, err);
    if (rc == BKT_OK)
        rc = bkt_json_parse(body, BKT_CREDS_JSON_DEPTH_MAX, &answer, err);
    if (rc)
        goto done;
    struct bkt_str refresh = bkt_token_cache_text(answer, "refreshToken");
    struct cJSON *keys = cJSON_GetObjectItemCaseSensitive(cache, "accessToken");
    if (refresh.len == 0 || !bkt_json_get_uint(answer, "expiresIn", &seconds) ||
        seconds > LIFE_S_MAX) {
        rc = bkt_error_set(err, BKT_EPARSE, "the answer has no refreshToken or expiresIn");
        goto done;
    }
    creds.expires_ms = now_ms + (int64_t)seconds * 1000;
    bkt_time_format_iso(creds.expires_ms, expires);
    if (!bkt_token_cache_put(keys, "accessKeyId", creds.access_key_id) ||
        !bkt_token_cache_put(keys, "secretAccessKey", creds.secret_access_key) ||
        !bkt_token_cache_put(keys, "sessionToken", creds.session_token) ||
        !bkt_token_cache_put(keys, "expiresAt", expires) ||
        !bkt_token_cache_put(cache, "refreshToken", refresh.ptr)) {
        rc = bkt_error_set(err, BKT_ENOMEM, "%s", bkt_error_text(BKT_ENOMEM));
        goto done;
    }
    bkt_creds_clear(out_creds);
    *out_creds = creds;
    creds = (struct bkt_creds){0};

done:
    bkt_json_wipe(answer);
    bkt_creds_clear(&creds);
    return rc;
}

/* New keys in `creds`, and in the file; on failure both are as they were. */
static int refresh(const struct bkt_creds_ctx *ctx,
                   struct bkt_str profile,
                   const char *path,
                   struct bkt_str text,
                   struct bkt_creds *creds,
                   struct bkt_error *err)
{
    struct bkt_buf answer = BKT_BUF_SECRET(BKT_CREDS_ANSWER_BYTES_MAX);
    struct bkt_token_cache_file file;
    struct cJSON *cache = NULL;
    int rc = bkt_json_parse(text, BKT_CREDS_JSON_DEPTH_MAX, &cache, err);
    if (rc)
        return rc;
    if (!bkt_token_cache_open(path, &file)) {
        bkt_json_wipe(cache);
        return bkt_error_set(err, BKT_EIO, "the folder of %s cannot be written", path);
    }
    rc = ask(ctx, profile, cache, &answer, err);
    if (rc == BKT_OK)
        rc = take_answer(cache, bkt_buf_str(&answer), bkt_creds_now(ctx), creds, err);
    if (rc == BKT_OK)
        (void)bkt_token_cache_replace(&file, path, cache); /* the keys are good all the same */
    else
        bkt_token_cache_drop(&file);
    bkt_json_wipe(cache);
    bkt_buf_wipe(&answer);
    return rc;
}

static bool lasts(const struct bkt_creds *creds, int64_t until_ms)
{
    return creds->expires_ms == BKT_TIME_NONE || creds->expires_ms > until_ms;
}

static int read_session(const struct bkt_creds_ctx *ctx,
                        struct bkt_str session,
                        struct bkt_str profile,
                        struct bkt_creds *out_creds,
                        struct bkt_error *err)
{
    struct bkt_buf path = BKT_BUF_INIT(BKT_TOKEN_CACHE_PATH_BYTES_MAX);
    struct bkt_buf text = BKT_BUF_SECRET(BKT_TOKEN_CACHE_BYTES_MAX);
    int64_t now_ms = bkt_creds_now(ctx);
    int rc = find_file(ctx, session, &path, err);
    if (rc == BKT_OK)
        rc = load(path.ptr, profile, &text, out_creds, err);
    if (rc || lasts(out_creds, now_ms + REFRESH_WINDOW_MS))
        goto done;
    struct bkt_error why = {0};
    rc = refresh(ctx, profile, path.ptr, bkt_buf_str(&text), out_creds, &why);
    if (rc == BKT_OK || lasts(out_creds, now_ms)) {
        rc = BKT_OK;
        goto done;
    }
    /* Another program may have used the token up, and have left new keys. */
    bkt_buf_reset(&text);
    bkt_creds_clear(out_creds);
    rc = load(path.ptr, profile, &text, out_creds, err);
    if (rc == BKT_OK && !lasts(out_creds, now_ms)) {
        char state[600];
        (void)snprintf(state, sizeof(state), "has expired and was not refreshed (%.500s)",
                       why.message);
        rc = log_in_again(profile, state, err);
    }

done:
    bkt_buf_clear(&path);
    bkt_buf_wipe(&text);
    return rc;
}

int bkt_creds_login_fetch(const struct bkt_creds_ctx *ctx,
                          struct bkt_str profile,
                          struct bkt_creds *out_creds,
                          char why[BKT_CREDS_WHY_BYTES],
                          struct bkt_error *err)
{
    struct bkt_str session = bkt_profiles_get(ctx->profiles, profile, "login_session");
    if (session.len == 0)
        return bkt_creds_none(why, "no login_session");
    int rc = read_session(ctx, session, profile, out_creds, err);
    return rc ? rc : bkt_creds_found(out_creds, "aws login of profile %.*s", BKT_STR_ARG(profile));
}
