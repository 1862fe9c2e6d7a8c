#include "aws/creds_json.h"
#include "aws/creds_source.h"

#include <openssl/evp.h>
#include <stdio.h>

enum { PATH_BYTES_MAX = 4096, CACHE_BYTES_MAX = 256 << 10 };

/* DIRECTORY/<hex SHA-256 of the session's name>.json */
static int find_file(const struct bkt_creds_ctx *ctx,
                     struct bkt_str session,
                     struct bkt_buf *path,
                     struct bkt_error *err)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned hash_len = 0;
    struct bkt_str directory = bkt_env_get(ctx->env, "AWS_LOGIN_CACHE_DIRECTORY");
    if (directory.len == 0)
        directory = BKT_STR("~/.aws/login/cache");
    if (EVP_Digest(session.ptr, session.len, hash, &hash_len, EVP_sha256(), NULL) != 1)
        return bkt_error_set(err, BKT_ENOMEM, "hash the login session's name");
    int rc = bkt_path_expand(ctx->env, directory, path, err);
    if (rc)
        return rc;
    rc = bkt_buf_append_char(path, '/');
    for (unsigned i = 0; i < hash_len && rc == BKT_OK; i++)
        rc = bkt_buf_printf(path, "%02x", hash[i]);
    if (rc == BKT_OK)
        rc = bkt_buf_append(path, BKT_STR(".json"));
    if (rc)
        (void)bkt_error_set(err, rc, "the login cache's file name: %s", bkt_error_text(rc));
    return rc;
}

static int log_in_again(struct bkt_str profile, const char *state, struct bkt_error *err)
{
    return bkt_error_set(err, BKT_ECREDS, "the login session %s; run: aws login --profile %.*s",
                         state, BKT_STR_ARG(profile));
}

static int read_session(const struct bkt_creds_ctx *ctx,
                        struct bkt_str session,
                        struct bkt_str profile,
                        struct bkt_creds *out_creds,
                        struct bkt_error *err)
{
    struct bkt_buf path = BKT_BUF_INIT(PATH_BYTES_MAX);
    struct bkt_buf text = BKT_BUF_INIT(CACHE_BYTES_MAX);
    bool exists = false;
    int rc = find_file(ctx, session, &path, err);
    if (rc == BKT_OK)
        rc = bkt_file_read(path.ptr, &text, &exists, err);
    if (rc)
        goto done;
    if (!exists) {
        rc = log_in_again(profile, "has no cached keys", err);
        goto done;
    }
    rc = bkt_creds_json_parse(bkt_buf_str(&text), BKT_CREDS_JSON_LOGIN, out_creds, err);
    if (rc) {
        (void)bkt_error_wrap(err, rc, "%s", path.ptr);
    } else if (out_creds->expires_ms != BKT_TIME_NONE &&
               out_creds->expires_ms <= bkt_creds_now(ctx)) {
        rc = log_in_again(profile, "has expired", err);
    }

done:
    bkt_buf_clear(&path);
    bkt_buf_wipe(&text);
    return rc;
}

int bkt_creds_login_fetch(const struct bkt_creds_ctx *ctx,
                          struct bkt_str profile,
                          struct bkt_creds *out_creds,
                          enum bkt_creds_answer *out_answer,
                          char why[BKT_CREDS_WHY_BYTES],
                          struct bkt_error *err)
{
    struct bkt_str session = bkt_profiles_get(ctx->profiles, profile, "login_session");
    if (session.len == 0) {
        *out_answer = BKT_CREDS_NOT_CONFIGURED;
        bkt_creds_why(why, "no login_session");
        return BKT_OK;
    }
    int rc = read_session(ctx, session, profile, out_creds, err);
    if (rc)
        return rc;
    (void)snprintf(out_creds->source, sizeof(out_creds->source), "aws login of profile %.*s",
                   BKT_STR_ARG(profile));
    *out_answer = BKT_CREDS_FOUND;
    return BKT_OK;
}
