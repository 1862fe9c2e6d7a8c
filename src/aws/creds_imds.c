#include "aws/creds_http.h"
#include "aws/creds_json.h"
#include "aws/imds.h"
#include "core/percent.h"

enum { ROLE_PATH_BYTES_MAX = 400, EXTENSION_MS = 10 * 60 * 1000 };

static const char list_path[] = "/latest/meta-data/iam/security-credentials/";

/* The role's name may change between two answers, so that it is asked for each time. */
static int find_role(struct bkt_imds *imds,
                     struct bkt_buf *path,
                     bool *out_has_role,
                     struct bkt_error *err)
{
    struct bkt_buf body = BKT_BUF_SECRET(4096);
    int status;
    *out_has_role = false;
    int rc = bkt_imds_get(imds, list_path, &status, &body, err);
    if (rc || status == 404)
        goto done;
    if (status != 200) {
        rc = bkt_creds_http_refused("list the instance's roles", status, BKT_STR(""), err);
        goto done;
    }
    struct bkt_str role = bkt_str_trim(bkt_buf_str(&body));
    const char *lf = role.len > 0 ? memchr(role.ptr, '\n', role.len) : NULL;
    if (lf)
        role = bkt_str_trim((struct bkt_str){role.ptr, (size_t)(lf - role.ptr)});
    if (role.len == 0)
        goto done;
    rc = bkt_buf_append(path, bkt_str_from(list_path));
    if (rc == BKT_OK)
        rc = bkt_percent_encode(path, role, BKT_PERCENT_ENCODE_SLASH);
    if (rc)
        (void)bkt_error_set(err, rc, "the instance's role: %s", bkt_error_text(rc));
    *out_has_role = rc == BKT_OK;

done:
    bkt_buf_clear(&body);
    return rc;
}

/*
 * Static stability: keys that the service hands out past their time are what there is, and S3 may
 * well take them; they are asked for again in ten minutes.
 */
static void extend_if_expired(const struct bkt_creds_ctx *ctx, struct bkt_creds *creds)
{
    int64_t now_ms = bkt_creds_now(ctx);
    creds->outlives_expiry = true;
    if (creds->expires_ms != BKT_TIME_NONE && creds->expires_ms <= now_ms)
        creds->expires_ms = now_ms + EXTENSION_MS;
}

static int ask(struct bkt_imds *imds,
               struct bkt_creds *out_creds,
               char why[BKT_CREDS_WHY_BYTES],
               struct bkt_error *err)
{
    struct bkt_buf path = BKT_BUF_INIT(ROLE_PATH_BYTES_MAX);
    struct bkt_buf body = BKT_BUF_SECRET(BKT_CREDS_ANSWER_BYTES_MAX);
    bool has_role;
    int status;
    int rc = find_role(imds, &path, &has_role, err);
    if (rc)
        goto done;
    if (!has_role) {
        rc = bkt_creds_none(why, "the instance has no role");
        goto done;
    }
    rc = bkt_imds_get(imds, path.ptr, &status, &body, err);
    if (rc == BKT_OK && status != 200) {
        rc = bkt_creds_http_refused("get the keys of the instance's role", status,
                                    bkt_buf_str(&body), err);
    } else if (rc == BKT_OK) {
        rc = bkt_creds_json_parse(bkt_buf_str(&body), BKT_CREDS_JSON_INSTANCE, out_creds, err);
    }
    if (rc)
        goto done;
    extend_if_expired(imds->ctx, out_creds);
    rc = bkt_creds_found(out_creds, "role of the instance");

done:
    bkt_buf_clear(&path);
    bkt_buf_wipe(&body);
    return rc;
}

int bkt_creds_imds_fetch(const struct bkt_creds_ctx *ctx,
                         struct bkt_str profile,
                         struct bkt_creds *out_creds,
                         char why[BKT_CREDS_WHY_BYTES],
                         struct bkt_error *err)
{
    (void)profile;
    struct bkt_imds imds;
    bool is_there;
    int rc = bkt_imds_open(ctx, &imds, &is_there, why, err);
    if (rc || !is_there)
        return rc;
    rc = ask(&imds, out_creds, why, err);
    bkt_imds_clear(&imds);
    return rc;
}
