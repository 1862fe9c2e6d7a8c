/* Spec files: every type that a field may have, and the words for each that it may not. */
#include "api/config_int.h"

#include "t.h"

static int load(const char *json, struct bkt_config **out_config, struct bkt_error *err)
{
    *out_config = NULL;
    int rc = bkt_config_new(out_config, err);
    return rc ? rc : bkt_config_load_spec(*out_config, json, strlen(json), "s.json", err);
}

static void all_types_are_taken(void **state)
{
    (void)state;
    static const char json[] =
        "\xEF\xBB\xBF{\"$schema\": \"x.json\", \"source\": {"
        "\"bucket_name\": \"my-docs\", \"prefix\": \"docs/\\u00e9\", \"binary\": true,"
        "\"included_patterns\": [\"**/*.md\", \"a\"], \"excluded_patterns\": [],"
        "\"max_file_size\": 10485760, \"memory_limit\": \"64MiB\", \"force_path_style\": true,"
        "\"columns\": [\"etag\", \"size\"], \"refresh_interval\": \"5m\", \"max_deletes\": 0,"
        "\"get_concurrency\": 8, \"text_errors\": \"strict\"},"
        "\"target\": {\"url\": \"docs.db\", \"table\": \"t\"}}\n";
    struct bkt_config *config;
    struct bkt_error err = {0};
    assert_int_equal(load(json, &config, &err), BKT_OK);
    const struct bkt_settings *settings = bkt_config_settings(config);
    assert_string_equal(settings->bucket_name, "my-docs");
    assert_string_equal(settings->prefix, "docs/\xC3\xA9");
    assert_true(settings->binary);
    assert_int_equal(settings->included_patterns.count, 2);
    assert_int_equal(settings->excluded_patterns.count, 0);
    assert_int_equal(settings->max_file_size, 10485760);
    assert_int_equal(settings->memory_limit, 64 << 20);
    assert_int_equal(settings->force_path_style, BKT_PATH_STYLE_TRUE);
    assert_int_equal(settings->columns, 3);
    assert_int_equal(settings->refresh_interval, 300000);
    assert_false(settings->max_deletes.is_percent);
    assert_int_equal(settings->max_deletes.number, 0);
    assert_int_equal(settings->get_concurrency, 8);
    assert_int_equal(settings->text_errors, BKT_TEXT_STRICT);
    assert_string_equal(settings->url, "docs.db");
    assert_string_equal(settings->table, "t");
    bkt_config_free(config);
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *message;
    } cases[] = {
        {"", "line 1, column 1: no JSON: it is empty"},
        {"{\n  \"source\" {}}", "line 2, column 12: no JSON"},
        {"{} x", "line 1, column 4: something follows the end of the JSON"},
        {"{\"source\":{\"prefix\":\"\xFF\"}}", "not valid UTF-8 at byte 21"},
        {"{\"source\":{\"prefix\":\"a\\u0000b\"}}",
         "line 1, column 23: U+0000 is not allowed in a string"},
        {"[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", "line 1, column 17: nested too deeply"},
        {"[]", "an object like {\"source\": {...}, \"target\": {...}} is wanted, not a list"},
        {"{\"sauce\":{}}", "unknown field \"sauce\"; there are \"source\" and \"target\""},
        {"{\"prefix\":\"x\"}", "the field \"prefix\" belongs into \"source\""},
        {"{\"source\":{},\"source\":{}}", "the field \"source\" is given twice"},
        {"{\"source\":[]}", "\"source\": an object is wanted, not a list"},
        {"{\"source\":{\"bucket\":\"b\"}}", "\"source\": unknown field \"bucket\""},
        {"{\"source\":{\"bucketname\":\"b\"}}",
         "\"source\": unknown field \"bucketname\"; is \"bucket_name\" meant?"},
        {"{\"source\":{\"include\":[]}}", "\"source\": unknown field \"include\""},
        {"{\"source\":{\"table\":\"b\"}}",
         "\"source\": the field \"table\" belongs into \"target\""},
        {"{\"target\":{\"state\":\"b\"}}",
         "\"target\": \"state\" is no field of spec files: give it on "
         "the command line, --state"},
        {"{\"source\":{\"prefix\":\"a\",\"prefix\":\"a\"}}",
         "\"source\": the field \"prefix\" is given twice"},
        {"{\"source\":{\"included_patterns\":[],\"included_patterns\":[]}}",
         "\"source\": the field \"included_patterns\" is given twice"},
        {"{\"source\":{\"prefix\":null}}", "\"source\": prefix: a string is wanted, not null"},
        {"{\"source\":{\"prefix\":1}}", "\"source\": prefix: a string is wanted, not a number"},
        {"{\"source\":{\"binary\":\"true\"}}",
         "\"source\": binary: true or false is wanted, not a string"},
        {"{\"source\":{\"binary\":1}}",
         "\"source\": binary: true or false is wanted, not a number"},
        {"{\"source\":{\"included_patterns\":\"*.md\"}}",
         "\"source\": included_patterns: a list of strings is wanted, not a string"},
        {"{\"source\":{\"included_patterns\":[\"a\",1]}}",
         "\"source\": included_patterns: a string in the list is wanted, not a number"},
        {"{\"source\":{\"columns\":[\"etags\"]}}",
         "\"source\": columns: \"etags\": some of etag, size, last_modified, version_id, "
         "storage_class, content_type, metadata are wanted"},
        {"{\"source\":{\"list_concurrency\":\"16\"}}",
         "\"source\": list_concurrency: a whole number is wanted, not a string"},
        {"{\"source\":{\"list_concurrency\":1.5}}",
         "\"source\": list_concurrency: a whole number is wanted, not a number"},
        {"{\"source\":{\"list_concurrency\":1000}}",
         "\"source\": list_concurrency: \"1000\": 1 to 256 is allowed"},
        {"{\"source\":{\"max_file_size\":-1}}",
         "\"source\": max_file_size: a whole number of bytes or a string like \"10MB\" is wanted, "
         "not a number"},
        {"{\"source\":{\"max_file_size\":true}}",
         "\"source\": max_file_size: a whole number of bytes or a string like \"10MB\" is wanted, "
         "not true"},
        {"{\"source\":{\"refresh_interval\":30}}",
         "\"source\": refresh_interval: a duration needs a unit: a string like \"30s\""},
        {"{\"source\":{\"max_deletes\":0.5}}", "\"source\": max_deletes: a whole number or a "
                                               "string like \"50%\" is wanted, not a number"},
        {"{\"source\":{\"text_errors\":true}}",
         "\"source\": text_errors: \"true\": one of replace, strict, bytes is wanted"},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# case %zu\n", i);
        struct bkt_config *config;
        struct bkt_error err = {0};
        assert_int_equal(load(cases[i].json, &config, &err), BKT_ECONFIG);
        assert_int_equal(err.code, BKT_ECONFIG);
        assert_memory_equal(err.message, "spec file s.json: ", 18);
        assert_string_equal(err.message + 18, cases[i].message);
        assert_null(strchr(err.message, '\n'));
        bkt_config_free(config);
    }
}

static void a_file_without_end_is_refused(void **state)
{
    (void)state;
    size_t len = ((size_t)1 << 20) + 1;
    char *json = bkt_mem_alloc(len);
    assert_non_null(json);
    memset(json, ' ', len);
    struct bkt_config *config;
    struct bkt_error err;
    assert_int_equal(bkt_config_new(&config, &err), BKT_OK);
    assert_int_equal(bkt_config_load_spec(config, json, len, "s.json", &err), BKT_ECONFIG);
    assert_string_equal(err.message, "spec file s.json: a spec file has at most 1048576 bytes");
    bkt_config_free(config);
    bkt_mem_free(json);
}

static int load_and_free(void)
{
    struct bkt_config *config;
    struct bkt_error err;
    int rc = load("{\"source\":{\"bucket_name\":\"b\",\"included_patterns\":[\"a\",\"b\",\"c\"],"
                  "\"columns\":[\"etag\"]},\"target\":{\"url\":\"docs.db\"}}",
                  &config, &err);
    bkt_config_free(config);
    return rc;
}

static void loading_survives_oom(void **state)
{
    (void)state;
    T_TORTURE(load_and_free());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_types_are_taken),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(a_file_without_end_is_refused),
        cmocka_unit_test(loading_survives_oom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
