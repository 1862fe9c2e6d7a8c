#include "api/config_int.h"

#include "core/json.h"
#include "core/text.h"

#include <cjson/cJSON.h>

#include <inttypes.h>
#include <stdio.h>

enum { SPEC_BYTES_MAX = 1 << 20, SPEC_DEPTH_MAX = 16 };

static int fail_type(const struct bkt_property *property,
                     const struct cJSON *json,
                     const char *wanted,
                     struct bkt_error *err)
{
    return bkt_error_set(err, BKT_ECONFIG, "%s: %s is wanted, not %s", property->name, wanted,
                         bkt_json_type_text(json));
}

static const char *wanted_type(enum bkt_property_kind kind)
{
    switch (kind) {
    case BKT_PROPERTY_BOOL:
        return "true or false";
    case BKT_PROPERTY_STRING:
    case BKT_PROPERTY_ENUM:
        return "a string";
    case BKT_PROPERTY_UINT:
        return "a whole number";
    case BKT_PROPERTY_SIZE:
        return "a whole number of bytes or a string like \"10MB\"";
    case BKT_PROPERTY_DURATION:
        return "a string like \"30s\"";
    case BKT_PROPERTY_DELETES:
        return "a whole number or a string like \"50%\"";
    case BKT_PROPERTY_LIST:
    case BKT_PROPERTY_SET:
        return "a list of strings";
    }
    return "another type";
}

static int take_list(struct bkt_config *config,
                     const struct bkt_property *property,
                     const struct cJSON *json,
                     struct bkt_error *err)
{
    const char *wanted = wanted_type(property->kind);
    if (!cJSON_IsArray(json))
        return fail_type(property, json, wanted, err);

    int rc = bkt_config_clear_list(config, property->name, err);
    const struct cJSON *item;
    cJSON_ArrayForEach(item, json)
    {
        struct bkt_str text;
        if (rc)
            break;
        if (!bkt_json_as_string(item, &text)) {
            rc = fail_type(property, item, "a string in the list", err);
        } else {
            rc = bkt_config_add(config, property->name, text.ptr, err);
        }
    }
    return rc;
}

/* The texts of JSON's types that a property of this kind may have besides a string. */
static bool scalar_text(enum bkt_property_kind kind,
                        const struct cJSON *json,
                        char number[24],
                        const char **out_text)
{
    bool has_numbers =
        kind == BKT_PROPERTY_UINT || kind == BKT_PROPERTY_SIZE || kind == BKT_PROPERTY_DELETES;
    uint64_t value;
    if (cJSON_IsBool(json) && (kind == BKT_PROPERTY_BOOL || kind == BKT_PROPERTY_ENUM)) {
        *out_text = cJSON_IsTrue(json) ? "true" : "false";
        return true;
    }
    if (has_numbers && bkt_json_as_uint(json, &value)) {
        (void)snprintf(number, 24, "%" PRIu64, value);
        *out_text = number;
        return true;
    }
    struct bkt_str text;
    if (kind == BKT_PROPERTY_BOOL || kind == BKT_PROPERTY_UINT || !bkt_json_as_string(json, &text))
        return false;
    *out_text = text.ptr;
    return true;
}

static int take_field(struct bkt_config *config,
                      const struct bkt_property *property,
                      const struct cJSON *json,
                      struct bkt_error *err)
{
    if (property->kind == BKT_PROPERTY_LIST || property->kind == BKT_PROPERTY_SET)
        return take_list(config, property, json, err);

    char number[24];
    const char *text = NULL;
    if (cJSON_IsNumber(json) && property->kind == BKT_PROPERTY_DURATION) {
        return bkt_error_set(err, BKT_ECONFIG, "%s: a duration needs a unit: a string like \"30s\"",
                             property->name);
    }
    if (!scalar_text(property->kind, json, number, &text))
        return fail_type(property, json, wanted_type(property->kind), err);
    return bkt_config_set(config, property->name, text, err);
}

static const char *section_name(enum bkt_property_section section)
{
    return section == BKT_SECTION_SOURCE ? "source" : "target";
}

static int fail_unknown(const char *name, enum bkt_property_section section, struct bkt_error *err)
{
    char quoted[BKT_QUOTE_BYTES];
    bkt_quote(quoted, bkt_str_from(name));
    const struct bkt_property *property = bkt_property_find(name);
    if (property && property->section == BKT_SECTION_NONE) {
        return bkt_error_set(err, BKT_ECONFIG,
                             "%s is no field of spec files: give it on the command line, --%s",
                             quoted, property->option);
    }
    if (property) {
        return bkt_error_set(err, BKT_ECONFIG, "the field %s belongs into \"%s\"", quoted,
                             section_name(property->section));
    }
    const char *nearest = bkt_config_nearest_name(name, section);
    if (nearest) {
        return bkt_error_set(err, BKT_ECONFIG, "unknown field %s; is \"%s\" meant?", quoted,
                             nearest);
    }
    return bkt_error_set(err, BKT_ECONFIG, "unknown field %s", quoted);
}

/* Is there a second member of the name that `member` has?  Objects are small: fields of a spec. */
static bool is_repeated(const struct cJSON *member)
{
    for (const struct cJSON *other = member->next; other; other = other->next) {
        if (strcmp(other->string, member->string) == 0)
            return true;
    }
    return false;
}

static int take_section(struct bkt_config *config,
                        enum bkt_property_section section,
                        const struct cJSON *json,
                        struct bkt_error *err)
{
    if (!cJSON_IsObject(json)) {
        return bkt_error_set(err, BKT_ECONFIG, "an object is wanted, not %s",
                             bkt_json_type_text(json));
    }
    const struct cJSON *member;
    cJSON_ArrayForEach(member, json)
    {
        const struct bkt_property *property = bkt_property_find(member->string);
        if (!property || property->section != section)
            return fail_unknown(member->string, section, err);
        if (is_repeated(member)) {
            return bkt_error_set(err, BKT_ECONFIG, "the field \"%s\" is given twice",
                                 property->name);
        }
        int rc = take_field(config, property, member, err);
        if (rc)
            return rc;
    }
    return BKT_OK;
}

static int take_member(struct bkt_config *config, const struct cJSON *member, struct bkt_error *err)
{
    char quoted[BKT_QUOTE_BYTES];
    bkt_quote(quoted, bkt_str_from(member->string));
    if (is_repeated(member))
        return bkt_error_set(err, BKT_ECONFIG, "the field %s is given twice", quoted);

    for (int section = BKT_SECTION_SOURCE; section <= BKT_SECTION_TARGET; section++) {
        const char *name = section_name((enum bkt_property_section)section);
        if (strcmp(member->string, name) != 0)
            continue;
        int rc = take_section(config, (enum bkt_property_section)section, member, err);
        return rc ? bkt_error_wrap(err, rc, "\"%s\"", name) : BKT_OK;
    }
    /* Editors look there for the schema that completes and checks what is typed. */
    if (strcmp(member->string, "$schema") == 0)
        return BKT_OK;

    const struct bkt_property *property = bkt_property_find(member->string);
    if (property && property->section != BKT_SECTION_NONE) {
        return bkt_error_set(err, BKT_ECONFIG, "the field %s belongs into \"%s\"", quoted,
                             section_name(property->section));
    }
    return bkt_error_set(err, BKT_ECONFIG, "unknown field %s; there are \"source\" and \"target\"",
                         quoted);
}

static int take_spec(struct bkt_config *config, const struct cJSON *json, struct bkt_error *err)
{
    if (!cJSON_IsObject(json)) {
        return bkt_error_set(err, BKT_ECONFIG,
                             "an object like {\"source\": {...}, \"target\": {...}} is wanted, not "
                             "%s",
                             bkt_json_type_text(json));
    }
    int rc = BKT_OK;
    const struct cJSON *member;
    cJSON_ArrayForEach(member, json)
    {
        rc = take_member(config, member, err);
        if (rc)
            break;
    }
    return rc;
}

static int parse_spec(struct bkt_str text, struct cJSON **out_json, struct bkt_error *err)
{
    if (text.len > SPEC_BYTES_MAX)
        return bkt_error_set(err, BKT_ECONFIG, "a spec file has at most %d bytes", SPEC_BYTES_MAX);
    size_t valid_len = bkt_utf8_valid_len(text);
    if (valid_len < text.len)
        return bkt_error_set(err, BKT_ECONFIG, "not valid UTF-8 at byte %zu", valid_len);

    int rc = bkt_json_parse(text, SPEC_DEPTH_MAX, out_json, err);
    if (!rc || rc == BKT_ENOMEM)
        return rc;
    if (err)
        err->code = BKT_ECONFIG;
    return BKT_ECONFIG;
}

int bkt_config_load_spec(struct bkt_config *config,
                         const char *json,
                         size_t json_len,
                         const char *file_name,
                         struct bkt_error *err)
{
    struct bkt_str text = {json, json_len};
    if (bkt_str_has_prefix(text, BKT_STR("\xEF\xBB\xBF")))
        text = (struct bkt_str){json + 3, json_len - 3};

    struct cJSON *parsed = NULL;
    bkt_config_begin_layer(config);
    int rc = parse_spec(text, &parsed, err);
    if (!rc)
        rc = take_spec(config, parsed, err);
    bkt_config_begin_layer(config);
    bkt_json_wipe(parsed);
    return rc ? bkt_error_wrap(err, rc, "spec file %s", file_name) : BKT_OK;
}
