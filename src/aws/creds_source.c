#include "aws/creds_source.h"

#include "core/ascii.h"

#include <stdarg.h>
#include <stdio.h>

int64_t bkt_creds_now(const struct bkt_creds_ctx *ctx)
{
    return ctx->now_ms ? ctx->now_ms(ctx->now_ctx) : bkt_time_wall_ms();
}

struct bkt_str bkt_creds_region(const struct bkt_creds_ctx *ctx)
{
    struct bkt_str region = bkt_str_from(ctx->region);
    if (region.len == 0)
        region = bkt_env_get(ctx->env, "AWS_REGION");
    if (region.len == 0)
        region = bkt_env_get(ctx->env, "AWS_DEFAULT_REGION");
    return region.len > 0 ? region : BKT_STR("us-east-1");
}

int bkt_creds_found(struct bkt_creds *creds, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(creds->source, sizeof(creds->source), fmt, args);
    va_end(args);
    return BKT_OK;
}

int bkt_creds_none(char why[BKT_CREDS_WHY_BYTES], const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(why, BKT_CREDS_WHY_BYTES, fmt, args);
    va_end(args);
    return BKT_OK;
}

bool bkt_creds_is_word(struct bkt_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!bkt_is_word_byte(text.ptr[i]))
            return false;
    }
    return true;
}

int bkt_creds_keep(struct bkt_creds *out,
                   struct bkt_str id,
                   struct bkt_str secret,
                   struct bkt_str token,
                   int64_t expires_ms,
                   struct bkt_error *err)
{
    if (!bkt_creds_is_word(id) || !bkt_creds_is_word(token)) {
        return bkt_error_set(err, BKT_ECREDS,
                             "the access key id or the session token holds a blank or a control "
                             "character");
    }
    int rc = bkt_creds_set(out, id, secret, token);
    if (rc)
        return bkt_error_set(err, rc, "keep credentials: %s", bkt_error_text(rc));
    out->expires_ms = expires_ms;
    return BKT_OK;
}

void bkt_creds_printable(struct bkt_str text, char *out, size_t size)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len && len + 1 < size; i++) {
        char c = text.ptr[i];
        if (c < ' ' || c >= 0x7f)
            c = ' ';
        out[len++] = c;
    }
    out[len] = '\0';
}
