#include "api/config_int.h"

#include "core/json_write.h"

enum { SCHEMA_BYTES_MAX = 256 << 10 };

static const char size_pattern[] = "^[0-9]+(\\\\.[0-9]+)?([kKmMgGtTpPeE][iI]?)?[bB]?$";

/* `"enum":[...]` of the property's values. */
static int append_values(struct bkt_buf *out, const struct bkt_property *property)
{
    int rc = bkt_buf_printf(out, "\"enum\":[");
    for (size_t i = 0; rc == BKT_OK; i++) {
        struct bkt_str value = bkt_property_value_at(property, i);
        if (value.len == 0)
            break;
        rc = bkt_buf_printf(out, "%s\"%.*s\"", i > 0 ? "," : "", BKT_STR_ARG(value));
        /* A switch with a third position may be written as JSON's own true and false too. */
        if (!rc && (bkt_str_eq(value, BKT_STR("true")) || bkt_str_eq(value, BKT_STR("false"))))
            rc = bkt_buf_printf(out, ",%.*s", BKT_STR_ARG(value));
    }
    if (!rc)
        rc = bkt_buf_append_char(out, ']');
    return rc;
}

static int append_type(struct bkt_buf *out, const struct bkt_config_property *property)
{
    const unsigned long long min = property->min;
    const unsigned long long max = property->max;
    int rc;
    switch (property->public.kind) {
    case BKT_PROPERTY_BOOL:
        return bkt_buf_printf(out, "\"type\":\"boolean\"");
    case BKT_PROPERTY_STRING:
        return bkt_buf_printf(out, "\"type\":\"string\"");
    case BKT_PROPERTY_UINT:
        return bkt_buf_printf(out, "\"type\":\"integer\",\"minimum\":%llu,\"maximum\":%llu", min,
                              max);
    case BKT_PROPERTY_SIZE:
        return bkt_buf_printf(out,
                              "\"type\":[\"integer\",\"string\"],\"minimum\":%llu,\"pattern\":"
                              "\"%s\"",
                              min, size_pattern);
    case BKT_PROPERTY_DURATION:
        return bkt_buf_printf(out, "\"type\":\"string\",\"pattern\":"
                                   "\"^[0-9]+(\\\\.[0-9]+)?(ms|[sSmMhHdD])$\"");
    case BKT_PROPERTY_DELETES:
        return bkt_buf_printf(out, "\"type\":[\"integer\",\"string\"],\"minimum\":0,\"pattern\":"
                                   "\"^[0-9]+%%?$\"");
    case BKT_PROPERTY_ENUM:
        return append_values(out, &property->public);
    case BKT_PROPERTY_LIST:
        return bkt_buf_printf(out, "\"type\":\"array\",\"items\":{\"type\":\"string\"}");
    case BKT_PROPERTY_SET:
        rc = bkt_buf_printf(out, "\"type\":\"array\",\"items\":{");
        if (!rc)
            rc = append_values(out, &property->public);
        return rc ? rc : bkt_buf_append_char(out, '}');
    }
    return BKT_OK;
}

/* `"default":...`, in the type that a spec file would have it in. */
static int append_default(struct bkt_buf *out, const struct bkt_property *property)
{
    if (!property->default_text)
        return BKT_OK;
    bool is_bare = property->kind == BKT_PROPERTY_BOOL || property->kind == BKT_PROPERTY_UINT;
    int rc = bkt_buf_printf(out, ",\"default\":");
    if (rc)
        return rc;
    struct bkt_str text = bkt_str_from(property->default_text);
    return is_bare ? bkt_buf_append(out, text) : bkt_json_append_string(out, text);
}

static int append_property(struct bkt_buf *out, const struct bkt_config_property *property)
{
    int rc = bkt_buf_printf(out, "\"%s\":{\"description\":", property->public.name);
    if (!rc)
        rc = bkt_json_append_string(out, bkt_str_from(property->public.help));
    if (!rc)
        rc = bkt_buf_append_char(out, ',');
    if (!rc)
        rc = append_type(out, property);
    if (!rc)
        rc = append_default(out, &property->public);
    if (!rc)
        rc = bkt_buf_append_char(out, '}');
    return rc;
}

static int append_section(struct bkt_buf *out, const char *name, enum bkt_property_section section)
{
    int rc = bkt_buf_printf(out,
                            ",\n\"%s\":{\"type\":\"object\",\"additionalProperties\":false,"
                            "\"properties\":{",
                            name);
    const char *comma = "";
    const struct bkt_config_property *property;
    for (size_t i = 0; !rc && (property = bkt_config_property_at(i)) != NULL; i++) {
        if (property->public.section != section)
            continue;
        rc = bkt_buf_printf(out, "%s\n  ", comma);
        if (!rc)
            rc = append_property(out, property);
        comma = ",";
    }
    if (!rc)
        rc = bkt_buf_printf(out, "}}");
    return rc;
}

int bkt_config_schema(bkt_write_fn *write, void *ctx, struct bkt_error *err)
{
    struct bkt_buf out = BKT_BUF_INIT(SCHEMA_BYTES_MAX);
    int rc = bkt_buf_printf(&out, "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\n"
                                  "\"title\":\"bucketable spec file\",\n"
                                  "\"type\":\"object\",\"additionalProperties\":false,\n"
                                  "\"properties\":{\"$schema\":{\"type\":\"string\"}");
    if (!rc)
        rc = append_section(&out, "source", BKT_SECTION_SOURCE);
    if (!rc)
        rc = append_section(&out, "target", BKT_SECTION_TARGET);
    if (!rc)
        rc = bkt_buf_printf(&out, "}}\n");
    if (rc) {
        (void)bkt_error_set(err, rc, "schema: %s", bkt_error_text(rc));
    } else {
        rc = write(ctx, out.ptr, out.len);
    }
    bkt_buf_clear(&out);
    return rc;
}

static int append_patterns(struct bkt_buf *out,
                           const char *name,
                           const struct bkt_strings *patterns)
{
    int rc = bkt_buf_printf(out, ",\"%s\":[", name);
    for (size_t i = 0; i < patterns->count && !rc; i++) {
        if (i > 0)
            rc = bkt_buf_append_char(out, ',');
        if (!rc)
            rc = bkt_json_append_string(out, bkt_str_from(patterns->items[i]));
    }
    if (!rc)
        rc = bkt_buf_append_char(out, ']');
    return rc;
}

int bkt_config_fingerprint(const struct bkt_settings *settings, struct bkt_buf *out)
{
    static const char *const text_errors[] = {"replace", "strict", "bytes"};
    int rc = bkt_buf_append_char(out, '{');
    if (!rc)
        rc = bkt_json_append_field(out, "prefix", bkt_str_from(settings->prefix));
    if (!rc)
        rc = bkt_buf_printf(out, ",\"binary\":%s", settings->binary ? "true" : "false");
    /* Bytes are not decoded: no policy makes a difference. */
    if (!rc && !settings->binary)
        rc = bkt_buf_printf(out, ",\"text_errors\":\"%s\"", text_errors[settings->text_errors]);
    if (!rc)
        rc = append_patterns(out, "included_patterns", &settings->included_patterns);
    if (!rc)
        rc = append_patterns(out, "excluded_patterns", &settings->excluded_patterns);
    if (!rc && settings->max_file_size != BKT_SIZE_NONE) {
        rc = bkt_buf_append_char(out, ',');
        if (!rc)
            rc = bkt_json_append_uint_field(out, "max_file_size", settings->max_file_size);
    }
    if (!rc)
        rc = bkt_buf_append_char(out, ',');
    if (!rc)
        rc = bkt_json_append_uint_field(out, "columns", settings->columns);
    if (!rc)
        rc = bkt_buf_append_char(out, '}');
    return rc;
}
