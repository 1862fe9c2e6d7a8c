#include "aws/creds_source.h"

static int fetch(const struct bkt_creds_ctx *ctx,
                 enum bkt_profile_file file,
                 struct bkt_str profile,
                 struct bkt_creds *out_creds,
                 char why[BKT_CREDS_WHY_BYTES],
                 struct bkt_error *err)
{
    const struct bkt_profiles *profiles = ctx->profiles;
    const char *path = profiles->path[file] ? profiles->path[file] : "";
    struct bkt_str id = bkt_profiles_get_in(profiles, file, profile, "aws_access_key_id");
    struct bkt_str secret = bkt_profiles_get_in(profiles, file, profile, "aws_secret_access_key");
    struct bkt_str token = bkt_profiles_get_in(profiles, file, profile, "aws_security_token");
    if (token.len == 0)
        token = bkt_profiles_get_in(profiles, file, profile, "aws_session_token");

    if (id.len == 0 && secret.len == 0)
        return bkt_creds_none(why, "no aws_access_key_id");
    if (id.len == 0 || secret.len == 0) {
        return bkt_error_set(
            err, BKT_ECREDS, "profile %.*s in %s has %s without %s; both must be in the same file",
            BKT_STR_ARG(profile), path, id.len ? "aws_access_key_id" : "aws_secret_access_key",
            id.len ? "aws_secret_access_key" : "aws_access_key_id");
    }

    int rc = bkt_creds_keep(out_creds, id, secret, token, BKT_TIME_NONE, err);
    return rc ? rc : bkt_creds_found(out_creds, "profile %.*s in %s", BKT_STR_ARG(profile), path);
}

int bkt_creds_credentials_file_fetch(const struct bkt_creds_ctx *ctx,
                                     struct bkt_str profile,
                                     struct bkt_creds *out_creds,
                                     char why[BKT_CREDS_WHY_BYTES],
                                     struct bkt_error *err)
{
    return fetch(ctx, BKT_PROFILE_CREDENTIALS, profile, out_creds, why, err);
}

int bkt_creds_config_file_fetch(const struct bkt_creds_ctx *ctx,
                                struct bkt_str profile,
                                struct bkt_creds *out_creds,
                                char why[BKT_CREDS_WHY_BYTES],
                                struct bkt_error *err)
{
    return fetch(ctx, BKT_PROFILE_CONFIG, profile, out_creds, why, err);
}
