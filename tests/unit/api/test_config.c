/*
 * Properties by name: defaults, values, what is refused and in which words, and which of two layers
 * wins.
 */
#include "api/config_int.h"

#include "table/table_target.h"

#include "t.h"

static struct bkt_config *new_config(void)
{
    struct bkt_config *config = NULL;
    assert_int_equal(bkt_config_new(&config, NULL), BKT_OK);
    return config;
}

static void defaults_are_those_of_the_manual(void **state)
{
    (void)state;
    struct bkt_config *config = new_config();
    const struct bkt_settings *settings = bkt_config_settings(config);
    assert_null(settings->bucket_name);
    assert_string_equal(settings->prefix, "");
    assert_string_equal(settings->table, "objects");
    assert_false(settings->binary);
    assert_int_equal(settings->text_errors, BKT_TEXT_REPLACE);
    assert_int_equal(settings->columns, 0);
    assert_true(settings->max_file_size == BKT_SIZE_NONE);
    assert_int_equal(settings->refresh_interval, 0);
    assert_int_equal(settings->retry_time, 60000);
    assert_int_equal(settings->memory_limit, 256 << 20);
    assert_int_equal(settings->list_concurrency, 16);
    assert_int_equal(settings->get_concurrency, 64);
    assert_true(settings->max_deletes.is_percent);
    assert_int_equal(settings->max_deletes.number, 50);
    assert_int_equal(settings->force_path_style, BKT_PATH_STYLE_AUTO);
    assert_int_equal(settings->large_objects, BKT_LARGE_OBJECTS_FAIL);
    bkt_config_free(config);
    bkt_config_free(NULL);
}

static void values_are_kept(void **state)
{
    (void)state;
    static const char *const values[][2] = {
        {"bucket_name", "b"},
        {"prefix", "p/"},
        {"prefix", ""},
        {"binary", "true"},
        {"request_payer", NULL},
        {"max_file_size", "4GiB"},
        {"text_errors", "bytes"},
        {"force_path_style", "false"},
        {"refresh_interval", "5m"},
        {"max_deletes", "7"},
        {"list_concurrency", "1"},
        {"large_objects", "reference"},
        {"prefix", "q/"},
    };
    struct bkt_config *config = new_config();
    for (size_t i = 0; i < T_COUNT(values); i++)
        assert_int_equal(bkt_config_set(config, values[i][0], values[i][1], NULL), BKT_OK);

    const struct bkt_settings *settings = bkt_config_settings(config);
    assert_string_equal(settings->bucket_name, "b");
    assert_string_equal(settings->prefix, "q/");
    assert_true(settings->binary);
    assert_true(settings->request_payer);
    assert_true(settings->max_file_size == (uint64_t)4 << 30);
    assert_int_equal(settings->text_errors, BKT_TEXT_BYTES);
    assert_int_equal(settings->force_path_style, BKT_PATH_STYLE_FALSE);
    assert_int_equal(settings->refresh_interval, 300000);
    assert_false(settings->max_deletes.is_percent);
    assert_int_equal(settings->max_deletes.number, 7);
    assert_int_equal(settings->list_concurrency, 1);
    assert_int_equal(settings->large_objects, BKT_LARGE_OBJECTS_REFERENCE);
    assert_string_equal(bkt_config_string(config, "bucket_name"), "b");
    assert_null(bkt_config_string(config, "region"));
    assert_null(bkt_config_string(config, "binary"));
    assert_null(bkt_config_string(config, "nothing"));
    bkt_config_free(config);
}

static void bad_values_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *value;
        const char *message;
    } cases[] = {
        {"prefx", "x", "no property \"prefx\"; is prefix meant?"},
        {"include_patterns", "x", "no property \"include_patterns\"; is included_patterns meant?"},
        {"xyzzy", "x", "no property \"xyzzy\""},
        {"", "x", "no property \"\""},
        {"binary", "yes", "binary: \"yes\": true or false is wanted"},
        {"prefix", NULL, "prefix: a value is wanted"},
        {"region", "", "region: \"\": must not be empty"},
        {"max_file_size", "-1", "max_file_size: \"-1\": a size is wanted: 10485760, 10MB or 10MiB"},
        {"max_file_size", "10EB", "max_file_size: \"10EB\": 0 to 9223372036854775807 is allowed"},
        {"memory_limit", "1MB", "memory_limit: \"1MB\": 16MiB to 1048576MiB is allowed"},
        {"refresh_interval", "30",
         "refresh_interval: \"30\": a duration needs a unit: ms, s, m, h or d"},
        {"refresh_interval", "0s", "refresh_interval: \"0s\": 100ms to 31622400s is allowed"},
        {"list_concurrency", "0", "list_concurrency: \"0\": 1 to 256 is allowed"},
        {"list_concurrency", "257", "list_concurrency: \"257\": 1 to 256 is allowed"},
        {"max_deletes", "half",
         "max_deletes: \"half\": a count of rows or a percentage from 0% to 100% is wanted"},
        {"text_errors", "ignore",
         "text_errors: \"ignore\": one of replace, strict, bytes is wanted"},
        {"text_errors", "", "text_errors: \"\": one of replace, strict, bytes is wanted"},
        {"columns", "etag", "columns: is a list: its items are added one by one"},
        {"url", "", "url: must not be empty"}, /* a secret: never quoted */
    };
    struct bkt_config *config = new_config();
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# case %zu\n", i);
        struct bkt_error err = {0};
        assert_int_equal(bkt_config_set(config, cases[i].name, cases[i].value, &err), BKT_ECONFIG);
        assert_string_equal(err.message, cases[i].message);
    }
    struct bkt_error err;
    assert_int_equal(bkt_config_add(config, "prefix", "x", &err), BKT_ECONFIG);
    assert_string_equal(err.message, "prefix: is no list");
    assert_int_equal(bkt_config_add(config, "columns", "etag,tag", &err), BKT_ECONFIG);
    assert_string_equal(err.message,
                        "columns: \"tag\": some of etag, size, last_modified, version_id, "
                        "storage_class, content_type, metadata are wanted");
    assert_int_equal(bkt_config_settings(config)->columns, 0);
    bkt_config_free(config);
}

static void columns_have_the_bits_of_the_table(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        unsigned bit;
    } cases[] = {
        {"etag", BKT_COLUMN_ETAG},
        {"size", BKT_COLUMN_SIZE},
        {"last_modified", BKT_COLUMN_LAST_MODIFIED},
        {"version_id", BKT_COLUMN_VERSION_ID},
        {"storage_class", BKT_COLUMN_STORAGE_CLASS},
        {"content_type", BKT_COLUMN_CONTENT_TYPE},
        {"metadata", BKT_COLUMN_METADATA},
    };
    assert_int_equal(T_COUNT(cases), BKT_COLUMN_COUNT);
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        struct bkt_config *config = new_config();
        assert_int_equal(bkt_config_add(config, "columns", cases[i].name, NULL), BKT_OK);
        assert_int_equal(bkt_config_settings(config)->columns, cases[i].bit);
        bkt_config_free(config);
    }
    struct bkt_config *config = new_config();
    assert_int_equal(bkt_config_add(config, "columns", "etag, size", NULL), BKT_OK);
    assert_int_equal(bkt_config_add(config, "columns", "metadata,", NULL), BKT_OK);
    assert_int_equal(bkt_config_settings(config)->columns,
                     BKT_COLUMN_ETAG | BKT_COLUMN_SIZE | BKT_COLUMN_METADATA);
    bkt_config_free(config);
}

static void a_later_layer_takes_the_place_of_a_list(void **state)
{
    (void)state;
    static const char spec[] =
        "{\"source\":{\"bucket_name\":\"b\",\"prefix\":\"p\",\"columns\":[\"etag\"],"
        "\"included_patterns\":[\"a\",\"b\"],\"excluded_patterns\":[\"c\"]}}";
    struct bkt_config *config = new_config();
    const struct bkt_settings *settings = bkt_config_settings(config);
    assert_int_equal(bkt_config_add(config, "excluded_patterns", "before", NULL), BKT_OK);
    assert_int_equal(bkt_config_load_spec(config, spec, strlen(spec), "x.json", NULL), BKT_OK);
    assert_int_equal(settings->included_patterns.count, 2);
    assert_int_equal(settings->excluded_patterns.count, 1);
    assert_string_equal(settings->excluded_patterns.items[0], "c");

    static const char *const more[] = {"x", "y", "z"};
    for (size_t i = 0; i < T_COUNT(more); i++)
        assert_int_equal(bkt_config_add(config, "included_patterns", more[i], NULL), BKT_OK);
    assert_int_equal(settings->included_patterns.count, 3);
    for (size_t i = 0; i < T_COUNT(more); i++)
        assert_string_equal(settings->included_patterns.items[i], more[i]);
    assert_int_equal(settings->excluded_patterns.count, 1);

    assert_int_equal(settings->columns, BKT_COLUMN_ETAG);
    assert_int_equal(bkt_config_add(config, "columns", "", NULL), BKT_OK);
    assert_int_equal(settings->columns, 0);
    assert_int_equal(bkt_config_set(config, "prefix", "q", NULL), BKT_OK);
    assert_string_equal(settings->prefix, "q");
    bkt_config_free(config);
}

static void the_fingerprint_holds_what_decides_rows(void **state)
{
    (void)state;
    struct bkt_config *config = new_config();
    struct bkt_buf out = BKT_BUF_INIT(1000);
    static const char *const indifferent[][2] = {
        {"region", "eu-west-1"}, {"endpoint_url", "http://h"},
        {"profile", "p"},        {"get_concurrency", "3"},
        {"max_deletes", "1"},    {"sqs_queue_url", "https://h/1/q"},
        {"bucket_name", "b"},    {"table", "t"},
        {"url", "docs.db"},
    };
    for (size_t i = 0; i < T_COUNT(indifferent); i++)
        assert_int_equal(bkt_config_set(config, indifferent[i][0], indifferent[i][1], NULL),
                         BKT_OK);
    assert_int_equal(bkt_config_fingerprint(bkt_config_settings(config), &out), BKT_OK);
    assert_string_equal(out.ptr,
                        "{\"prefix\":\"\",\"binary\":false,\"text_errors\":\"replace\","
                        "\"included_patterns\":[],\"excluded_patterns\":[],\"columns\":0}");

    bkt_buf_reset(&out);
    assert_int_equal(bkt_config_set(config, "prefix", "p\xFF", NULL), BKT_OK);
    assert_int_equal(bkt_config_set(config, "binary", "true", NULL), BKT_OK);
    assert_int_equal(bkt_config_set(config, "max_file_size", "1KiB", NULL), BKT_OK);
    assert_int_equal(bkt_config_add(config, "included_patterns", "b", NULL), BKT_OK);
    assert_int_equal(bkt_config_add(config, "included_patterns", "a\"", NULL), BKT_OK);
    assert_int_equal(bkt_config_add(config, "excluded_patterns", "c", NULL), BKT_OK);
    assert_int_equal(bkt_config_add(config, "columns", "size", NULL), BKT_OK);
    assert_int_equal(bkt_config_fingerprint(bkt_config_settings(config), &out), BKT_OK);
    assert_string_equal(out.ptr,
                        "{\"prefix_base64\":\"cP8=\",\"binary\":true,"
                        "\"included_patterns\":[\"b\",\"a\\\"\"],\"excluded_patterns\":[\"c\"],"
                        "\"max_file_size\":1024,\"columns\":2}");
    bkt_buf_clear(&out);
    bkt_config_free(config);
}

static int configure(void)
{
    struct bkt_config *config = NULL;
    struct bkt_buf out = BKT_BUF_INIT(1000);
    struct bkt_error err;
    int rc = bkt_config_new(&config, &err);
    if (!rc)
        rc = bkt_config_set(config, "prefix", "abc", &err);
    for (int i = 0; i < 5 && !rc; i++)
        rc = bkt_config_add(config, "included_patterns", "*.md", &err);
    if (!rc) {
        bkt_config_begin_layer(config);
        rc = bkt_config_add(config, "included_patterns", "*.txt", &err);
    }
    if (!rc)
        rc = bkt_config_source(config, "s3://bucket/prefix", &err);
    if (!rc)
        rc = bkt_config_fingerprint(bkt_config_settings(config), &out);
    bkt_buf_clear(&out);
    bkt_config_free(config);
    return rc;
}

static void configuring_survives_oom(void **state)
{
    (void)state;
    T_TORTURE(configure());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_manual),
        cmocka_unit_test(values_are_kept),
        cmocka_unit_test(bad_values_are_named),
        cmocka_unit_test(columns_have_the_bits_of_the_table),
        cmocka_unit_test(a_later_layer_takes_the_place_of_a_list),
        cmocka_unit_test(the_fingerprint_holds_what_decides_rows),
        cmocka_unit_test(configuring_survives_oom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
