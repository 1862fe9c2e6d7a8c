#include "aws/creds_source.h"

int bkt_creds_env_fetch(const struct bkt_creds_ctx *ctx,
                        struct bkt_str profile,
                        struct bkt_creds *out_creds,
                        char why[BKT_CREDS_WHY_BYTES],
                        struct bkt_error *err)
{
    (void)profile;
    struct bkt_str id = bkt_env_get(ctx->env, "AWS_ACCESS_KEY_ID");
    struct bkt_str secret = bkt_env_get(ctx->env, "AWS_SECRET_ACCESS_KEY");
    struct bkt_str token = bkt_env_get(ctx->env, "AWS_SECURITY_TOKEN");
    struct bkt_str expiration = bkt_env_get(ctx->env, "AWS_CREDENTIAL_EXPIRATION");
    if (token.len == 0)
        token = bkt_env_get(ctx->env, "AWS_SESSION_TOKEN");

    if (id.len == 0)
        return bkt_creds_none(why, "AWS_ACCESS_KEY_ID is not set");
    if (secret.len == 0) {
        return bkt_error_set(err, BKT_ECREDS,
                             "AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not; set both "
                             "or neither");
    }
    int64_t expires_ms = BKT_TIME_NONE;
    if (expiration.len > 0 && !bkt_time_parse_iso(expiration, &expires_ms)) {
        return bkt_error_set(err, BKT_ECREDS,
                             "AWS_CREDENTIAL_EXPIRATION is no time like 2024-03-01T10:00:00Z");
    }

    int rc = bkt_creds_keep(out_creds, id, secret, token, expires_ms, err);
    return rc ? rc : bkt_creds_found(out_creds, "environment");
}
