#include "aws/creds_sts.h"

enum { TOKEN_BYTES_MAX = 64 << 10, PATH_BYTES_MAX = 4096 };

static struct bkt_str setting(const struct bkt_creds_ctx *ctx,
                              struct bkt_str profile,
                              const char *variable,
                              const char *key)
{
    bool by_environment = !ctx->is_hop && !ctx->profiles->by_option;
    struct bkt_str value = by_environment ? bkt_env_get(ctx->env, variable) : BKT_STR("");
    return value.len > 0 ? value : bkt_profiles_get(ctx->profiles, profile, key);
}

static int read_token(const struct bkt_creds_ctx *ctx,
                      struct bkt_str file,
                      struct bkt_buf *token,
                      struct bkt_error *err)
{
    struct bkt_buf path = BKT_BUF_INIT(PATH_BYTES_MAX);
    bool exists = false;
    int rc = bkt_path_expand(ctx->env, file, &path, err);
    if (rc == BKT_OK)
        rc = bkt_file_read(path.ptr, token, &exists, err);
    if (rc == BKT_OK && !exists) {
        rc = bkt_error_set(err, BKT_ECREDS, "the token file %s does not exist", path.ptr);
    } else if (rc == BKT_OK && bkt_str_trim(bkt_buf_str(token)).len == 0) {
        rc = bkt_error_set(err, BKT_ECREDS, "the token file %s is empty", path.ptr);
    }
    bkt_buf_clear(&path);
    return rc;
}

int bkt_creds_web_fetch(const struct bkt_creds_ctx *ctx,
                        struct bkt_str profile,
                        struct bkt_creds *out_creds,
                        char why[BKT_CREDS_WHY_BYTES],
                        struct bkt_error *err)
{
    struct bkt_str file =
        setting(ctx, profile, "AWS_WEB_IDENTITY_TOKEN_FILE", "web_identity_token_file");
    if (file.len == 0)
        return bkt_creds_none(why, "no AWS_WEB_IDENTITY_TOKEN_FILE");
    struct bkt_sts_role role = {
        .arn = setting(ctx, profile, "AWS_ROLE_ARN", "role_arn"),
        .session_name = setting(ctx, profile, "AWS_ROLE_SESSION_NAME", "role_session_name"),
        .region = bkt_profiles_get(ctx->profiles, profile, "region"),
    };
    if (role.arn.len == 0) {
        return bkt_error_set(err, BKT_ECONFIG,
                             "there is a token file and no role; set AWS_ROLE_ARN or role_arn");
    }

    struct bkt_buf token = BKT_BUF_SECRET(TOKEN_BYTES_MAX);
    int rc = read_token(ctx, file, &token, err);
    role.web_token = bkt_str_trim(bkt_buf_str(&token));
    if (rc == BKT_OK)
        rc = bkt_sts_assume(ctx, &role, out_creds, err);
    bkt_buf_wipe(&token);
    return rc;
}
