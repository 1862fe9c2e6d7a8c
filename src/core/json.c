#include "core/json.h"

#include "core/ascii.h"
#include "core/mem.h"

#include <cjson/cJSON.h>

static int fail_at(struct bkt_str text, size_t at, const char *what, struct bkt_error *err)
{
    size_t line = 1;
    size_t column = 1;
    for (size_t i = 0; i < at && i < text.len; i++) {
        column++;
        if (text.ptr[i] == '\n') {
            line++;
            column = 1;
        }
    }
    return bkt_error_set(err, BKT_EPARSE, "line %zu, column %zu: %s", line, column, what);
}

/*
 * Look at the escape whose backslash is at `at`. cJSON takes \u with any four characters, and makes
 * U+0000 of those that are no hexadecimal digits, which then ends the string.
 */
static int check_escape(struct bkt_str text, size_t at, struct bkt_error *err)
{
    struct bkt_str rest = bkt_str_skip(text, at);
    if (!bkt_str_has_prefix(rest, BKT_STR("\\u")))
        return BKT_OK;
    bool is_zero = true;
    for (size_t i = 2; i < 6; i++) {
        if (i >= rest.len || bkt_hex_value(rest.ptr[i]) < 0)
            return fail_at(text, at, "\\u without four hexadecimal digits", err);
        is_zero = is_zero && rest.ptr[i] == '0';
    }
    return is_zero ? fail_at(text, at, "U+0000 is not allowed in a string", err) : BKT_OK;
}

/* Look for what cJSON would take and we do not, in one pass that knows strings from the rest. */
static int prescan(struct bkt_str text, unsigned depth_max, struct bkt_error *err)
{
    unsigned depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (in_string && c == '\\') {
            int rc = check_escape(text, i, err);
            if (rc)
                return rc;
            i++;
        } else if (c == '"') {
            in_string = !in_string;
        } else if (!in_string && (c == '{' || c == '[')) {
            if (++depth > depth_max) {
                (void)fail_at(text, i, "nested too deeply", err);
                if (err)
                    err->code = BKT_ELIMIT;
                return BKT_ELIMIT;
            }
        } else if (!in_string && (c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return BKT_OK;
}

/*
 * cJSON does not tell a mistake from memory that is out. A mistake is found again; and where
 * there is no room for as many bytes as the text has, that is the likelier reason.
 */
static int parse_copy(const char *copy,
                      struct bkt_str text,
                      struct cJSON **out_json,
                      size_t *out_at,
                      struct bkt_error *err)
{
    const char *end = NULL;
    cJSON *json = cJSON_ParseWithLengthOpts(copy, text.len, &end, false);
    if (!json)
        json = cJSON_ParseWithLengthOpts(copy, text.len, &end, false);
    *out_at = end ? (size_t)(end - copy) : 0;
    *out_json = json;
    if (json)
        return BKT_OK;

    void *probe = bkt_mem_alloc(text.len);
    if (!probe)
        return bkt_error_set(err, BKT_ENOMEM, "read JSON: out of memory");
    bkt_mem_free(probe);
    return fail_at(text, *out_at, "no JSON", err);
}

int bkt_json_parse(struct bkt_str text,
                   unsigned depth_max,
                   struct cJSON **out_json,
                   struct bkt_error *err)
{
    int rc = prescan(text, depth_max, err);
    if (rc)
        return rc;
    if (text.len == 0)
        return fail_at(text, 0, "no JSON: it is empty", err);

    /* A copy that ends in a NUL: cJSON before 1.7.18 may look one byte past the end. */
    char *copy = bkt_mem_strdup(text.ptr, text.len);
    if (!copy)
        return bkt_error_set(err, BKT_ENOMEM, "read JSON: out of memory");
    cJSON *json = NULL;
    size_t at = 0;
    rc = parse_copy(copy, text, &json, &at, err);
    bkt_mem_wipe(copy, text.len); /* it may be keys */
    bkt_mem_free(copy);
    if (rc)
        return rc;

    while (at < text.len && text.ptr[at] != '\0' && strchr(" \t\r\n", text.ptr[at]))
        at++;
    if (at < text.len) {
        cJSON_Delete(json);
        return fail_at(text, at, "something follows the end of the JSON", err);
    }
    *out_json = json;
    return BKT_OK;
}

void bkt_json_free(struct cJSON *json)
{
    cJSON_Delete(json);
}

static void wipe_texts(cJSON *json)
{
    for (; json; json = json->next) {
        if (json->valuestring)
            bkt_mem_wipe(json->valuestring, strlen(json->valuestring));
        wipe_texts(json->child);
    }
}

void bkt_json_wipe(struct cJSON *json)
{
    wipe_texts(json);
    cJSON_Delete(json);
}

const struct cJSON *bkt_json_get(const struct cJSON *object, const char *name)
{
    return cJSON_IsObject(object) ? cJSON_GetObjectItemCaseSensitive(object, name) : NULL;
}

bool bkt_json_as_string(const struct cJSON *json, struct bkt_str *out_text)
{
    if (!cJSON_IsString(json))
        return false;
    *out_text = bkt_str_from(json->valuestring);
    return true;
}

bool bkt_json_as_uint(const struct cJSON *json, uint64_t *out_value)
{
    const double most = 9007199254740992.0; /* 2^53 */
    if (!cJSON_IsNumber(json) || !(json->valuedouble >= 0) || json->valuedouble > most)
        return false;
    uint64_t value = (uint64_t)json->valuedouble;
    if ((double)value < json->valuedouble)
        return false;
    *out_value = value;
    return true;
}

bool bkt_json_get_string(const struct cJSON *object, const char *name, struct bkt_str *out_text)
{
    return bkt_json_as_string(bkt_json_get(object, name), out_text);
}

bool bkt_json_get_uint(const struct cJSON *object, const char *name, uint64_t *out_value)
{
    return bkt_json_as_uint(bkt_json_get(object, name), out_value);
}

bool bkt_json_get_bool(const struct cJSON *object, const char *name, bool *out_value)
{
    const struct cJSON *json = bkt_json_get(object, name);
    if (!cJSON_IsBool(json))
        return false;
    *out_value = cJSON_IsTrue(json);
    return true;
}

const char *bkt_json_type_text(const struct cJSON *json)
{
    if (cJSON_IsString(json))
        return "a string";
    if (cJSON_IsNumber(json))
        return "a number";
    if (cJSON_IsBool(json))
        return cJSON_IsTrue(json) ? "true" : "false";
    if (cJSON_IsArray(json))
        return "a list";
    if (cJSON_IsObject(json))
        return "an object";
    return "null";
}
