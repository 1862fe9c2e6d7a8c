#include "aws/creds_json.h"

#include "aws/creds_source.h"
#include "core/json.h"
#include "core/mem.h"

#include <cjson/cJSON.h>
#include <stdio.h>

struct names {
    const char *object; /* the member that holds the others; NULL: the document itself */
    const char *id;
    const char *secret;
    const char *token;
    const char *expires;
    bool must_have_token;
};

static const struct names forms[] = {
    [BKT_CREDS_JSON_PROCESS] = {NULL, "AccessKeyId", "SecretAccessKey", "SessionToken",
                                "Expiration", false},
    [BKT_CREDS_JSON_CONTAINER] = {NULL, "AccessKeyId", "SecretAccessKey", "Token", "Expiration",
                                  true},
    [BKT_CREDS_JSON_INSTANCE] = {NULL, "AccessKeyId", "SecretAccessKey", "Token", "Expiration",
                                 true},
    [BKT_CREDS_JSON_SSO] = {"roleCredentials", "accessKeyId", "secretAccessKey", "sessionToken",
                            "expiration", true},
    [BKT_CREDS_JSON_LOGIN] = {"accessToken", "accessKeyId", "secretAccessKey", "sessionToken",
                              "expiresAt", true},
};

/* A member's text, the name in any case. */
static struct bkt_str text_of(const struct cJSON *object, const char *name)
{
    struct bkt_str text = {0};
    const cJSON *member = cJSON_GetObjectItem(object, name);
    return member && bkt_json_as_string(member, &text) ? text : (struct bkt_str){0};
}

void bkt_creds_json_error(struct bkt_str text, char *out, size_t size)
{
    struct cJSON *json = NULL;
    out[0] = '\0';
    if (bkt_json_parse(text, BKT_CREDS_JSON_DEPTH_MAX, &json, NULL))
        return;
    struct bkt_str code = text_of(json, "code");
    struct bkt_str message = text_of(json, "message");
    if (code.len == 0)
        code = text_of(json, "error");
    if (code.len == 0)
        code = text_of(json, "__type");
    if (message.len == 0)
        message = text_of(json, "error_description");
    char code_text[64];
    char message_text[200];
    bkt_creds_printable(code, code_text, sizeof(code_text));
    bkt_creds_printable(message, message_text, sizeof(message_text));
    (void)snprintf(out, size, "%s%s%s", code_text, code.len > 0 && message.len > 0 ? ": " : "",
                   message_text);
    bkt_json_wipe(json);
}

/* Seconds since 1970 with a `Z`, or milliseconds as a number. */
static bool expiry_of(const struct cJSON *object, const char *name, int64_t *out_ms)
{
    uint64_t ms;
    struct bkt_str text;
    const cJSON *member = cJSON_GetObjectItem(object, name);
    *out_ms = BKT_TIME_NONE;
    if (!member || cJSON_IsNull(member))
        return true;
    if (bkt_json_as_uint(member, &ms)) {
        *out_ms = (int64_t)ms;
        return true;
    }
    return bkt_json_as_string(member, &text) && bkt_time_parse_iso(text, out_ms);
}

static int check_envelope(const struct cJSON *json,
                          enum bkt_creds_json_form form,
                          struct bkt_error *err)
{
    uint64_t version;
    if (form == BKT_CREDS_JSON_PROCESS &&
        (!bkt_json_get_uint(json, "Version", &version) || version != 1))
        return bkt_error_set(err, BKT_EPARSE, "its JSON is not of \"Version\": 1");
    if (form == BKT_CREDS_JSON_INSTANCE &&
        !bkt_str_eq_nocase(text_of(json, "Code"), BKT_STR("Success"))) {
        char code[64];
        bkt_creds_printable(text_of(json, "Code"), code, sizeof(code));
        return bkt_error_set(err, BKT_ECREDS, "the answer is Code %s, not Success",
                             code[0] ? code : "(none)");
    }
    return BKT_OK;
}

static int convert(const struct cJSON *json,
                   enum bkt_creds_json_form form,
                   struct bkt_creds *out,
                   struct bkt_error *err)
{
    const struct names *names = &forms[form];
    int rc = check_envelope(json, form, err);
    if (rc)
        return rc;
    const struct cJSON *object = names->object ? cJSON_GetObjectItem(json, names->object) : json;
    if (!cJSON_IsObject(object)) {
        return bkt_error_set(err, BKT_EPARSE, "the JSON has no object %s",
                             names->object ? names->object : "in it");
    }

    struct bkt_str id = text_of(object, names->id);
    struct bkt_str secret = text_of(object, names->secret);
    struct bkt_str token = text_of(object, names->token);
    int64_t expires_ms;
    const char *missing = id.len == 0                                ? names->id
                          : secret.len == 0                          ? names->secret
                          : names->must_have_token && token.len == 0 ? names->token
                                                                     : NULL;
    if (missing)
        return bkt_error_set(err, BKT_EPARSE, "the JSON has no %s", missing);
    if (!expiry_of(object, names->expires, &expires_ms))
        return bkt_error_set(err, BKT_EPARSE, "its %s is no time", names->expires);
    return bkt_creds_keep(out, id, secret, token, expires_ms, err);
}

int bkt_creds_json_parse(struct bkt_str text,
                         enum bkt_creds_json_form form,
                         struct bkt_creds *out,
                         struct bkt_error *err)
{
    struct cJSON *json = NULL;
    int rc = bkt_json_parse(text, BKT_CREDS_JSON_DEPTH_MAX, &json, err);
    if (rc)
        return rc;
    rc = cJSON_IsObject(json) ? convert(json, form, out, err)
                              : bkt_error_set(err, BKT_EPARSE, "the JSON is no object");
    bkt_json_wipe(json);
    return rc;
}
