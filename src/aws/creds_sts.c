#include "aws/creds_sts.h"

#include "aws/caller.h"
#include "aws/creds_http.h"
#include "core/percent.h"
#include "core/xml.h"

#include <stdio.h>

enum {
    FORM_BYTES_MAX = 128 << 10,
    URL_BYTES_MAX = 2048,
    ARN_BYTES_MIN = 20,
    ARN_BYTES_MAX = 2048,
    DURATION_MIN = 900,
    DURATION_MAX = 43200,
    TRIES = 3,
};

struct fields {
    struct bkt_str id;
    struct bkt_str secret;
    struct bkt_str token;
    struct bkt_str expiration;
    struct bkt_str code;
    struct bkt_str message;
};

/* Walk the document; names are unlike each other, so that where they stand does not matter. */
static int read_fields(struct bkt_str xml_text,
                       struct bkt_arena *arena,
                       struct fields *out,
                       struct bkt_error *err)
{
    const struct {
        const char *name;
        struct bkt_str *field;
    } wanted[] = {
        {"AccessKeyId", &out->id},     {"SecretAccessKey", &out->secret},
        {"SessionToken", &out->token}, {"Expiration", &out->expiration},
        {"Code", &out->code},          {"Message", &out->message},
    };
    struct bkt_xml xml;
    enum bkt_xml_token token = BKT_XML_START;
    int rc = bkt_xml_begin(&xml, xml_text, err);
    while (rc == BKT_OK) {
        rc = bkt_xml_next(&xml, &token, err);
        if (rc || token == BKT_XML_DONE)
            break;
        if (token != BKT_XML_START)
            continue;
        for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
            if (bkt_str_eq(xml.name, bkt_str_from(wanted[i].name))) {
                rc = bkt_xml_text(&xml, arena, wanted[i].field, err);
                *wanted[i].field = bkt_str_trim(*wanted[i].field);
                break;
            }
        }
    }
    return rc;
}

int bkt_sts_parse(struct bkt_str xml, struct bkt_creds *out_creds, struct bkt_error *err)
{
    struct bkt_arena arena = {0};
    struct fields f = {0};
    int64_t expires_ms = BKT_TIME_NONE;
    int rc = read_fields(xml, &arena, &f, err);
    if (rc)
        goto done;
    if (f.id.len == 0 || f.secret.len == 0 || f.token.len == 0) {
        rc = bkt_error_set(err, BKT_EPARSE, "the answer holds no %s",
                           f.id.len == 0       ? "AccessKeyId"
                           : f.secret.len == 0 ? "SecretAccessKey"
                                               : "SessionToken");
        goto done;
    }
    if (f.expiration.len > 0 && !bkt_time_parse_iso(f.expiration, &expires_ms)) {
        rc = bkt_error_set(err, BKT_EPARSE, "the answer's Expiration is no time");
        goto done;
    }
    rc = bkt_creds_keep(out_creds, f.id, f.secret, f.token, expires_ms, err);

done:
    bkt_arena_clear(&arena);
    return rc;
}

static int check_role(const struct bkt_sts_role *role, struct bkt_error *err)
{
    if (role->arn.len < ARN_BYTES_MIN || role->arn.len > ARN_BYTES_MAX ||
        !bkt_str_has_prefix(role->arn, BKT_STR("arn:"))) {
        return bkt_error_set(err, BKT_ECONFIG,
                             "role_arn is not of the form arn:aws:iam::123456789012:role/NAME");
    }
    uint64_t seconds;
    if (role->duration_seconds.len > 0 && (!bkt_str_to_uint(role->duration_seconds, &seconds) ||
                                           seconds < DURATION_MIN || seconds > DURATION_MAX)) {
        return bkt_error_set(err, BKT_ECONFIG, "duration_seconds must be from %d to %d",
                             DURATION_MIN, DURATION_MAX);
    }
    return BKT_OK;
}

static int add(struct bkt_buf *form, const char *name, struct bkt_str value)
{
    if (value.len == 0)
        return BKT_OK;
    int rc = bkt_buf_printf(form, "%s%s=", form->len > 0 ? "&" : "", name);
    return rc ? rc : bkt_percent_encode(form, value, BKT_PERCENT_ENCODE_SLASH);
}

static int make_form(const struct bkt_sts_role *role, int64_t now_ms, struct bkt_buf *form)
{
    char session[64];
    struct bkt_str name = role->session_name;
    if (name.len == 0) {
        (void)snprintf(session, sizeof(session), "bucketable-%lld", (long long)(now_ms / 1000));
        name = bkt_str_from(session);
    }
    const struct {
        const char *name;
        struct bkt_str value;
    } pairs[] = {
        {"Action", role->signer ? BKT_STR("AssumeRole") : BKT_STR("AssumeRoleWithWebIdentity")},
        {"Version", BKT_STR("2011-06-15")},
        {"RoleArn", role->arn},
        {"RoleSessionName", name},
        {"DurationSeconds", role->duration_seconds},
        {"ExternalId", role->external_id},
        {"WebIdentityToken", role->web_token},
    };
    int rc = BKT_OK;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]) && rc == BKT_OK; i++)
        rc = add(form, pairs[i].name, pairs[i].value);
    return rc;
}

static int find_endpoint(const struct bkt_creds_ctx *ctx,
                         struct bkt_str region,
                         struct bkt_endpoint *out,
                         struct bkt_error *err)
{
    struct bkt_str url;
    int rc = bkt_endpoint_url_find(ctx->env, ctx->profiles, "sts", BKT_STR(""), &url, err);
    if (rc)
        return rc;
    struct bkt_endpoint_switches switches = bkt_endpoint_switches_find(ctx->env, ctx->profiles);
    if (url.len > 0)
        switches = (struct bkt_endpoint_switches){0};
    return bkt_endpoint_service("sts", "sts", region.len > 0 ? region : bkt_creds_region(ctx), url,
                                switches, out, err);
}

enum { LINES_MAX = 1 + BKT_SIGV4_LINES_MAX };

/* Each try is signed anew by its caller: here for one. */
static int sign(const struct bkt_sts_role *role,
                const struct bkt_endpoint *endpoint,
                const char *path,
                struct bkt_str form,
                int64_t now_ms,
                struct bkt_sigv4_lines *lines,
                struct bkt_error *err)
{
    struct bkt_sigv4 *signer;
    char hash[BKT_SIGV4_HASH_BYTES];
    int rc = bkt_sigv4_new(&signer, err);
    if (rc)
        return rc;
    rc = bkt_sigv4_hash(signer, form, hash, err);
    struct bkt_sigv4_identity identity = bkt_caller_identity(role->signer, endpoint);
    const struct bkt_sigv4_header headers[] = {
        {BKT_STR("Content-Type"), BKT_STR("application/x-www-form-urlencoded; charset=utf-8")},
        {BKT_STR("Host"), bkt_str_from(endpoint->authority)},
    };
    const struct bkt_sigv4_request request = {
        .method = BKT_STR("POST"),
        .path = bkt_str_from(path),
        .path_mode = BKT_SIGV4_PATH_NORMALIZED,
        .headers = headers,
        .header_count = sizeof(headers) / sizeof(headers[0]),
        .payload_hash = bkt_str_from(hash),
        .time_ms = now_ms,
    };
    if (rc == BKT_OK)
        rc = bkt_sigv4_sign_lines(signer, &identity, &request, lines, err);
    bkt_sigv4_free(signer);
    return rc;
}

/* The service's code and words; whether the same question may be answered later. */
static int refused(int status, struct bkt_str body, bool *out_transient, struct bkt_error *err)
{
    static const char *const transient[] = {"IDPCommunicationError", "Throttling",
                                            "ThrottlingException", "RequestLimitExceeded"};
    struct bkt_arena arena = {0};
    struct fields f = {0};
    char code[64];
    char message[300];
    if (read_fields(body, &arena, &f, NULL))
        f = (struct fields){0};
    bkt_creds_printable(f.code, code, sizeof(code));
    bkt_creds_printable(f.message, message, sizeof(message));
    bkt_arena_clear(&arena);

    bool is_transient = status == 429 || status >= 500;
    for (size_t i = 0; i < sizeof(transient) / sizeof(transient[0]); i++)
        is_transient = is_transient || strcmp(code, transient[i]) == 0;
    int rc = bkt_error_set(err, is_transient ? BKT_ENET : BKT_ECREDS, "HTTP %d %s%s%s", status,
                           code[0] ? code : "without a code", message[0] ? ": " : "", message);
    if (err) {
        err->http_status = status;
        err->retriable = is_transient;
    }
    *out_transient = is_transient;
    return rc;
}

static int ask_once(const struct bkt_creds_ctx *ctx,
                    const struct bkt_sts_role *role,
                    const struct bkt_endpoint *endpoint,
                    struct bkt_creds *out_creds,
                    bool *out_transient,
                    struct bkt_error *err)
{
    struct bkt_buf form = BKT_BUF_SECRET(FORM_BYTES_MAX);
    struct bkt_buf body = BKT_BUF_SECRET(BKT_CREDS_ANSWER_BYTES_MAX);
    struct bkt_sigv4_lines lines = BKT_SIGV4_LINES_INIT;
    struct bkt_str headers[LINES_MAX] = {
        BKT_STR("Content-Type: application/x-www-form-urlencoded; charset=utf-8")};
    char path[BKT_ENDPOINT_PATH_BYTES + 1];
    char url[URL_BYTES_MAX];
    int64_t now_ms = bkt_creds_now(ctx);
    int status;
    *out_transient = false;

    (void)snprintf(path, sizeof(path), "%s/", endpoint->base_path);
    (void)snprintf(url, sizeof(url), "%s://%s%s", endpoint->scheme, endpoint->authority, path);
    int rc = make_form(role, now_ms, &form);
    if (rc) {
        (void)bkt_error_set(err, rc, "%s", bkt_error_text(rc));
        goto done;
    }
    if (role->signer) {
        rc = sign(role, endpoint, path, bkt_buf_str(&form), now_ms, &lines, err);
        if (rc)
            goto done;
        memcpy(headers + 1, lines.lines, lines.count * sizeof(headers[0]));
    }
    const struct bkt_creds_request request = {
        .what = "ask STS",
        .method = "POST",
        .url = url,
        .headers = headers,
        .header_count = 1 + lines.count,
        .body = bkt_buf_str(&form),
        .tries = 1, /* each has a signature of its own time */
    };
    rc = bkt_creds_http(ctx, &request, &status, &body, err);
    *out_transient = rc == BKT_ENET;
    if (rc == BKT_OK && status != 200) {
        rc = refused(status, bkt_buf_str(&body), out_transient, err);
    } else if (rc == BKT_OK) {
        rc = bkt_sts_parse(bkt_buf_str(&body), out_creds, err);
    }

done:
    bkt_sigv4_lines_clear(&lines);
    bkt_buf_wipe(&form);
    bkt_buf_wipe(&body);
    return rc;
}

int bkt_sts_assume(const struct bkt_creds_ctx *ctx,
                   const struct bkt_sts_role *role,
                   struct bkt_creds *out_creds,
                   struct bkt_error *err)
{
    struct bkt_endpoint endpoint;
    bool is_transient = true;
    int rc = check_role(role, err);
    if (rc == BKT_OK)
        rc = find_endpoint(ctx, role->region, &endpoint, err);
    if (rc)
        return rc;
    for (int i = 0; i < TRIES && is_transient; i++) {
        if (i > 0)
            bkt_creds_pause(ctx);
        rc = ask_once(ctx, role, &endpoint, out_creds, &is_transient, err);
    }
    if (rc) {
        return bkt_error_wrap(err, rc, "assume role %.*s at %s", BKT_STR_ARG(role->arn),
                              endpoint.authority);
    }
    return bkt_creds_found(out_creds, "role %.*s", BKT_STR_ARG(role->arn));
}
