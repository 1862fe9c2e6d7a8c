#include "aws/creds.h"

#include "core/mem.h"

static int set_text(char **slot, struct bkt_str text)
{
    *slot = NULL;
    if (text.len == 0)
        return BKT_OK;
    *slot = bkt_mem_strdup(text.ptr, text.len);
    return *slot ? BKT_OK : BKT_ENOMEM;
}

int bkt_creds_set(struct bkt_creds *creds,
                  struct bkt_str id,
                  struct bkt_str secret,
                  struct bkt_str token)
{
    struct bkt_creds made = {.expires_ms = BKT_TIME_NONE};
    int rc = set_text(&made.access_key_id, id);
    if (rc == BKT_OK)
        rc = set_text(&made.secret_access_key, secret);
    if (rc == BKT_OK)
        rc = set_text(&made.session_token, token);
    if (rc) {
        bkt_creds_clear(&made);
        return rc;
    }
    bkt_creds_clear(creds);
    *creds = made;
    return BKT_OK;
}

int bkt_creds_copy(const struct bkt_creds *from, struct bkt_creds *out)
{
    int rc =
        bkt_creds_set(out, bkt_str_from(from->access_key_id), bkt_str_from(from->secret_access_key),
                      bkt_str_from(from->session_token));
    if (rc)
        return rc;
    out->expires_ms = from->expires_ms;
    out->outlives_expiry = from->outlives_expiry;
    memcpy(out->source, from->source, sizeof(out->source));
    return BKT_OK;
}

static void clear_text(char **slot)
{
    if (*slot)
        bkt_mem_wipe(*slot, strlen(*slot));
    bkt_mem_free(*slot);
    *slot = NULL;
}

void bkt_creds_clear(struct bkt_creds *creds)
{
    clear_text(&creds->access_key_id);
    clear_text(&creds->secret_access_key);
    clear_text(&creds->session_token);
    *creds = (struct bkt_creds){0};
}
