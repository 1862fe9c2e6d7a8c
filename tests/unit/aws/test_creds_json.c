/* Documents of each form, whole, with something missing, and with something odd. */
#include "aws/creds_json.h"

#include "t.h"

static const char process[] =
    "{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"HUSH\",\"SessionToken\":\"T\","
    "\"Expiration\":\"2024-03-01T10:00:00Z\"}";

static void forms(void **state)
{
    (void)state;
    enum { AT = 1709287200 };
    static const struct {
        enum bkt_creds_json_form form;
        const char *text;
        const char *message; /* NULL: A, HUSH, T and the time */
    } cases[] = {
        {BKT_CREDS_JSON_PROCESS, process, NULL},
        {BKT_CREDS_JSON_PROCESS,
         "{\"Version\":2,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"HUSH\"}",
         "its JSON is not of \"Version\": 1"},
        {BKT_CREDS_JSON_PROCESS, "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"HUSH\"}",
         "its JSON is not of \"Version\": 1"},
        {BKT_CREDS_JSON_PROCESS, "{\"Version\":1,\"SecretAccessKey\":\"HUSH\"}",
         "the JSON has no AccessKeyId"},
        {BKT_CREDS_JSON_PROCESS, "{\"Version\":1,\"AccessKeyId\":\"A\"}",
         "the JSON has no SecretAccessKey"},
        {BKT_CREDS_JSON_PROCESS,
         "{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"HUSH\",\"Expiration\":"
         "\"HUSH\"}",
         "its Expiration is no time"},
        {BKT_CREDS_JSON_PROCESS, "HUSH", "line 1, column 1"},
        {BKT_CREDS_JSON_PROCESS, "[\"HUSH\"]", "the JSON is no object"},
        {BKT_CREDS_JSON_PROCESS,
         "{\"Version\":1,\"AccessKeyId\":\"A\\nX\",\"SecretAccessKey\":\"HUSH\"}",
         "the access key id or the session token holds a blank or a control character"},
        {BKT_CREDS_JSON_CONTAINER,
         "{\"RoleArn\":\"r\",\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"HUSH\",\"Token\":\"T\","
         "\"Expiration\":\"2024-03-01T10:00:00Z\"}",
         NULL},
        {BKT_CREDS_JSON_CONTAINER,
         "{\"accesskeyid\":\"A\",\"SECRETACCESSKEY\":\"HUSH\",\"token\":\"T\","
         "\"expiration\":\"2024-03-01T10:00:00.000Z\"}",
         NULL},
        {BKT_CREDS_JSON_CONTAINER, "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"HUSH\"}",
         "the JSON has no Token"},
        {BKT_CREDS_JSON_INSTANCE,
         "{\"Code\":\"Success\",\"LastUpdated\":\"x\",\"Type\":\"AWS-HMAC\",\"AccessKeyId\":\"A\","
         "\"SecretAccessKey\":\"HUSH\",\"Token\":\"T\",\"Expiration\":\"2024-03-01T10:00:00Z\"}",
         NULL},
        {BKT_CREDS_JSON_INSTANCE, "{\"Code\":\"AssumeRoleUnauthorizedAccess\"}",
         "the answer is Code AssumeRoleUnauthorizedAccess, not Success"},
        {BKT_CREDS_JSON_INSTANCE, "{}", "the answer is Code (none), not Success"},
        {BKT_CREDS_JSON_SSO,
         "{\"roleCredentials\":{\"accessKeyId\":\"A\",\"secretAccessKey\":\"HUSH\","
         "\"sessionToken\":\"T\",\"expiration\":1709287200000}}",
         NULL},
        {BKT_CREDS_JSON_SSO, "{}", "the JSON has no object roleCredentials"},
        {BKT_CREDS_JSON_LOGIN,
         "{\"accessToken\":{\"accessKeyId\":\"A\",\"secretAccessKey\":\"HUSH\","
         "\"sessionToken\":\"T\",\"accountId\":\"1\",\"expiresAt\":\"2024-03-01T10:00:00Z\"},"
         "\"refreshToken\":\"HUSH\"}",
         NULL},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# case %zu\n", i);
        struct bkt_creds creds = {0};
        struct bkt_error err = {0};
        int rc = bkt_creds_json_parse(bkt_str_from(cases[i].text), cases[i].form, &creds, &err);
        assert_null(strstr(err.message, "HUSH"));
        if (cases[i].message) {
            assert_int_not_equal(rc, BKT_OK);
            assert_non_null(strstr(err.message, cases[i].message));
            assert_null(creds.access_key_id);
        } else {
            assert_int_equal(rc, BKT_OK);
            assert_string_equal(creds.access_key_id, "A");
            assert_string_equal(creds.secret_access_key, "HUSH");
            assert_string_equal(creds.session_token, "T");
            assert_true(creds.expires_ms == (int64_t)AT * 1000);
        }
        bkt_creds_clear(&creds);
        assert_int_equal(bkt_mem_live(), 0);
    }
}

static void without_expiration_it_never_ends(void **state)
{
    (void)state;
    struct bkt_creds creds = {0};
    assert_int_equal(bkt_creds_json_parse(
                         BKT_STR("{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\","
                                 "\"SessionToken\":\"\",\"Expiration\":null}"),
                         BKT_CREDS_JSON_PROCESS, &creds, NULL),
                     BKT_OK);
    assert_true(creds.expires_ms == BKT_TIME_NONE);
    assert_null(creds.session_token);
    bkt_creds_clear(&creds);
}

static void error_documents(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *words;
    } cases[] = {
        {"{\"code\":\"E\",\"message\":\"m\\nn\"}", "E: m n"},
        {"{\"Code\":\"E\"}", "E"},
        {"{\"error\":\"invalid_grant\",\"error_description\":\"d\"}", "invalid_grant: d"},
        {"<html>", ""},
        {"", ""},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        char words[300];
        bkt_creds_json_error(bkt_str_from(cases[i].text), words, sizeof(words));
        assert_string_equal(words, cases[i].words);
    }
}

static int parse_some(void)
{
    struct bkt_creds creds = {0};
    int rc = bkt_creds_json_parse(bkt_str_from(process), BKT_CREDS_JSON_PROCESS, &creds, NULL);
    bkt_creds_clear(&creds);
    return rc;
}

static void parse_survives_oom(void **state)
{
    (void)state;
    T_TORTURE(parse_some());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms),
        cmocka_unit_test(without_expiration_it_never_ends),
        cmocka_unit_test(error_documents),
        cmocka_unit_test(parse_survives_oom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
