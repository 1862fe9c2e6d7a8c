/* What is taken for JSON, what is refused and where, and how members are asked for. */
#include "core/json.h"

#include "t.h"

static int parse_only(const char *text, struct bkt_error *err)
{
    struct cJSON *json = NULL;
    int rc = bkt_json_parse(bkt_str_from(text), 4, &json, err);
    bkt_json_free(json);
    return rc;
}

static void texts_are_taken_or_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int rc;
        const char *message;
    } cases[] = {
        {"{}", BKT_OK, ""},
        {" [1, \"a\\u00e9\\\\u0000\"] \r\n\t", BKT_OK, ""},
        {"[[[[1]]]]", BKT_OK, ""},
        {"\"[[[[[[{{{\"", BKT_OK, ""},
        {"\"\\\"[[[[[[{{{\"", BKT_OK, ""},
        {"[[[[[1]]]]]", BKT_ELIMIT, "line 1, column 5: nested too deeply"},
        {"", BKT_EPARSE, "line 1, column 1: no JSON: it is empty"},
        {"{\n \"a\" 1}", BKT_EPARSE, "line 2, column 6: no JSON"},
        {"{} {}", BKT_EPARSE, "line 1, column 4: something follows the end of the JSON"},
        {"{\"a\":", BKT_EPARSE, NULL},
        {"{\"a", BKT_EPARSE, NULL},
        {"{\"k\": \"x\\u0000y\"}", BKT_EPARSE,
         "line 1, column 9: U+0000 is not allowed in a string"},
        {"[\"\\ud83d\\uDE00\"]", BKT_OK, ""},
        {"[\"\\u12G4\"]", BKT_EPARSE, "line 1, column 3: \\u without four hexadecimal digits"},
        {"[\"\\u 041\"]", BKT_EPARSE, "line 1, column 3: \\u without four hexadecimal digits"},
        {"[\"\\u12", BKT_EPARSE, "line 1, column 3: \\u without four hexadecimal digits"},
        {"{\"k\\u0000\": 1}", BKT_EPARSE, "line 1, column 4: U+0000 is not allowed in a string"},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# case %zu\n", i);
        struct bkt_error err = {0};
        assert_int_equal(parse_only(cases[i].text, &err), cases[i].rc);
        if (cases[i].message)
            assert_string_equal(err.message, cases[i].message);
    }
}

static void members_are_asked_for_by_type(void **state)
{
    (void)state;
    struct cJSON *json = NULL;
    struct bkt_str text =
        BKT_STR("{\"s\":\"x\",\"S\":\"y\",\"n\":9007199254740992,\"h\":1.5,\"m\":-1,"
                "\"e\":1e300,\"t\":true,\"z\":null,\"l\":[],\"o\":{}}");
    assert_int_equal(bkt_json_parse(text, 4, &json, NULL), BKT_OK);

    struct bkt_str string;
    uint64_t number = 0;
    bool flag = false;
    assert_true(bkt_json_get_string(json, "s", &string));
    assert_true(bkt_str_eq(string, BKT_STR("x")));
    assert_true(bkt_json_get_string(json, "S", &string));
    assert_true(bkt_str_eq(string, BKT_STR("y")));
    assert_false(bkt_json_get_string(json, "n", &string));
    assert_false(bkt_json_get_string(json, "absent", &string));
    assert_true(bkt_json_get_uint(json, "n", &number));
    assert_true(number == UINT64_C(9007199254740992));
    static const char *const no_uints[] = {"h", "m", "e", "s", "z", "absent"};
    for (size_t i = 0; i < T_COUNT(no_uints); i++)
        assert_false(bkt_json_get_uint(json, no_uints[i], &number));
    assert_true(bkt_json_get_bool(json, "t", &flag));
    assert_true(flag);
    assert_false(bkt_json_get_bool(json, "n", &flag));

    assert_null(bkt_json_get(bkt_json_get(json, "l"), "s"));
    assert_null(bkt_json_get(NULL, "s"));
    static const char *const types[][2] = {{"s", "a string"}, {"n", "a number"},
                                           {"t", "true"},     {"z", "null"},
                                           {"l", "a list"},   {"o", "an object"}};
    for (size_t i = 0; i < T_COUNT(types); i++)
        assert_string_equal(bkt_json_type_text(bkt_json_get(json, types[i][0])), types[i][1]);
    bkt_json_free(json);
}

static int parse_and_free(void)
{
    struct cJSON *json = NULL;
    int rc = bkt_json_parse(BKT_STR("{\"a\":[1,2]}"), 4, &json, NULL);
    bkt_json_free(json);
    return rc;
}

static void parse_survives_oom(void **state)
{
    (void)state;
    T_TORTURE(parse_and_free());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_taken_or_refused),
        cmocka_unit_test(members_are_asked_for_by_type),
        cmocka_unit_test(parse_survives_oom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
