/*
 * The schema and the property table are held against each other: what one names, the other has, and
 * a spec file made of the schema's own defaults is taken.
 */
#include "api/config_int.h"

#include "core/json.h"

#include <cjson/cJSON.h>

#include "t.h"

enum { SCHEMA_BYTES_MAX = 64 << 10 };

static int collect(void *ctx, const char *bytes, size_t len)
{
    return bkt_buf_append(ctx, (struct bkt_str){bytes, len});
}

static struct cJSON *schema(void)
{
    struct bkt_buf text = BKT_BUF_INIT(SCHEMA_BYTES_MAX);
    struct cJSON *json = NULL;
    assert_int_equal(bkt_config_schema(collect, &text, NULL), BKT_OK);
    assert_int_equal(text.ptr[text.len - 1], '\n');
    assert_int_equal(bkt_json_parse(bkt_buf_str(&text), 16, &json, NULL), BKT_OK);
    bkt_buf_clear(&text);
    return json;
}

static const struct cJSON *fields_of(const struct cJSON *json, const char *section)
{
    const struct cJSON *object = bkt_json_get(bkt_json_get(json, "properties"), section);
    assert_true(cJSON_IsFalse(bkt_json_get(object, "additionalProperties")));
    return bkt_json_get(object, "properties");
}

static void every_property_is_in_the_schema(void **state)
{
    (void)state;
    struct cJSON *json = schema();
    const struct cJSON *sections[] = {fields_of(json, "source"), fields_of(json, "target")};
    int count = 0;
    const struct bkt_property *property;
    for (size_t i = 0; (property = bkt_property_at(i)) != NULL; i++) {
        print_message("# %s\n", property->name);
        if (property->section == BKT_SECTION_NONE)
            continue;
        const struct cJSON *field = bkt_json_get(sections[property->section], property->name);
        struct bkt_str description;
        assert_non_null(field);
        assert_true(bkt_json_get_string(field, "description", &description));
        assert_string_equal(description.ptr, property->help);
        assert_true(bkt_json_get(field, "type") || bkt_json_get(field, "enum"));
        assert_int_equal(bkt_json_get(field, "default") != NULL, property->default_text != NULL);
        count++;
    }
    assert_int_equal(count, cJSON_GetArraySize(sections[0]) + cJSON_GetArraySize(sections[1]));
    bkt_json_free(json);
}

static void the_defaults_are_a_spec_file(void **state)
{
    (void)state;
    struct cJSON *json = schema();
    static const char *const sections[] = {"source", "target"};
    struct cJSON *spec = cJSON_CreateObject();
    for (size_t i = 0; i < T_COUNT(sections); i++) {
        struct cJSON *section = cJSON_AddObjectToObject(spec, sections[i]);
        const struct cJSON *field;
        cJSON_ArrayForEach(field, fields_of(json, sections[i]))
        {
            const struct cJSON *value = bkt_json_get(field, "default");
            if (value)
                cJSON_AddItemToObject(section, field->string, cJSON_Duplicate(value, true));
        }
    }
    char *text = cJSON_PrintUnformatted(spec);
    struct bkt_config *config;
    struct bkt_error err = {0};
    assert_int_equal(bkt_config_new(&config, NULL), BKT_OK);
    assert_int_equal(bkt_config_load_spec(config, text, strlen(text), "defaults", &err), BKT_OK);
    bkt_config_free(config);
    cJSON_free(text);
    cJSON_Delete(spec);
    bkt_json_free(json);
}

static void an_option_is_the_name_with_dashes(void **state)
{
    (void)state;
    static const char *const others[][2] = {
        {"included_patterns", "include"},
        {"excluded_patterns", "exclude"},
    };
    const struct bkt_property *property;
    for (size_t i = 0; (property = bkt_property_at(i)) != NULL; i++) {
        print_message("# %s\n", property->name);
        char option[64] = "";
        assert_true(strlen(property->name) < sizeof(option));
        for (size_t j = 0; property->name[j] != '\0'; j++)
            option[j] = property->name[j] == '_' ? '-' : property->name[j];
        const char *want = option;
        for (size_t j = 0; j < T_COUNT(others); j++) {
            if (strcmp(property->name, others[j][0]) == 0)
                want = others[j][1];
        }
        assert_string_equal(property->option, want);
        assert_int_equal(property->placeholder == NULL, property->kind == BKT_PROPERTY_BOOL);
        assert_int_equal(property->help[strlen(property->help) - 1], '.');
        assert_true(strlen(bkt_property_group_title(property->group)) > 0);
        assert_ptr_equal(bkt_property_find(property->name), property);
    }
    assert_null(bkt_property_find("include"));
}

static int refuse(void *ctx, const char *bytes, size_t len)
{
    (void)ctx;
    (void)bytes;
    (void)len;
    return 77;
}

static int write_schema(void)
{
    struct bkt_buf text = BKT_BUF_INIT(SCHEMA_BYTES_MAX);
    struct bkt_error err;
    int rc = bkt_config_schema(collect, &text, &err);
    bkt_buf_clear(&text);
    return rc;
}

static void writing_can_fail(void **state)
{
    (void)state;
    assert_int_equal(bkt_config_schema(refuse, NULL, NULL), 77);
    T_TORTURE(write_schema());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_property_is_in_the_schema),
        cmocka_unit_test(the_defaults_are_a_spec_file),
        cmocka_unit_test(an_option_is_the_name_with_dashes),
        cmocka_unit_test(writing_can_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
