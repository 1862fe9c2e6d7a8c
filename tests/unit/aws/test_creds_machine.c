/*
 * Keys that the machine gives: the container's service and the instance's metadata service, and the
 * region from the latter.
 */
#include "aws/region.h"

#include "creds_fixture.h"

#define KEYS(id)                                                                 \
    "\"AccessKeyId\":\"" id "\",\"SecretAccessKey\":\"HUSH\",\"Token\":\"TOK\"," \
    "\"Expiration\":\"2024-03-01T16:00:00Z\"}"
#define ROLES "/latest/meta-data/iam/security-credentials/"

static void container_urls(void **state)
{
    struct creds_fixture *f = *state;
    static const struct {
        const char *full;
        const char *message;
    } cases[] = {
        {"http://example.com/x", "plain http, and its host is neither"},
        {"http://169.254.170.3/x", "plain http, and its host is neither"},
        {"http://[fd00:ec2::24]/x", "plain http, and its host is neither"},
        {"http://127.0.0.1.example.com/x", "plain http, and its host is neither"},
        {"http://127.0.0.1@example.com/x", "must not hold a user name"},
        {"ftp://127.0.0.1/x", "must begin with http:// or https://"},
        {"127.0.0.1/x", "has no scheme; write http://127.0.0.1/x"},
        {"http://127.0.0.1/a b", "AWS_CONTAINER_CREDENTIALS_FULL_URI is not valid"},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# %s\n", cases[i].full);
        fake_env_set(&f->fake, "AWS_CONTAINER_CREDENTIALS_FULL_URI", cases[i].full);
        assert_int_equal(ask(f, bkt_creds_ecs_fetch, "default"), BKT_ECONFIG);
        assert_says(f, cases[i].message);
    }
    fake_env_set(&f->fake, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "@example.com/x");
    assert_int_equal(ask(f, bkt_creds_ecs_fetch, "default"), BKT_ECONFIG);
    assert_says(f, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is not valid");
}

static void container(void **state)
{
    struct creds_fixture *f = *state;
    static const struct http_script_answer answers[] = {
        {.match = "GET /relative?x=1 HTTP", .body = "{" KEYS("A1")},
        {.match = "GET /full?y=2 HTTP", .status = 500},
        {.match = "GET /full?y=2 HTTP", .body = "{" KEYS("A2")},
        {.match = "Authorization: from-variable\r\n", .body = "{" KEYS("A3")},
        {.match = "Authorization: Bearer of file\r\n", .body = "{" KEYS("A4")},
        {.status = 404, .body = "{\"code\":\"NoRole\",\"message\":\"none\"}"},
        {.body = "{\"AccessKeyId\":\"A\"}"},
    };
    serve(f, answers, T_COUNT(answers));
    assert_int_equal(ask(f, bkt_creds_ecs_fetch, "default"), BKT_OK);
    assert_false(bkt_creds_are_set(&f->creds));

    f->ctx.container_host = http_script_url(f->http);
    char full[128];
    (void)snprintf(full, sizeof(full), "%s/full?y=2", http_script_url(f->http));
    fake_env_set(&f->fake, "AWS_CONTAINER_CREDENTIALS_FULL_URI", full);
    fake_env_set(&f->fake, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/relative?x=1");
    assert_int_equal(ask(f, bkt_creds_ecs_fetch, "default"), BKT_OK);
    assert_creds(f, "A1", "HUSH", "TOK");
    assert_true(f->creds.expires_ms == f->now_ms + 6 * 3600 * 1000);
    assert_non_null(strstr(http_script_request(f->http, 0), "Accept: application/json\r\n"));
    assert_null(strstr(http_script_request(f->http, 0), "Authorization"));

    fake_env_set(&f->fake, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "");
    assert_int_equal(ask(f, bkt_creds_ecs_fetch, "default"), BKT_OK);
    assert_string_equal(f->creds.access_key_id, "A2");

    fake_env_set(&f->fake, "AWS_CONTAINER_AUTHORIZATION_TOKEN", "from-variable");
    assert_int_equal(ask(f, bkt_creds_ecs_fetch, "default"), BKT_OK);
    assert_string_equal(f->creds.access_key_id, "A3");

    /* The file wins and is read anew; a line end in it is an error, not trimmed away. */
    fake_env_set(&f->fake, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "~/token");
    assert_int_equal(ask(f, bkt_creds_ecs_fetch, "default"), BKT_ECREDS);
    assert_says(f, "token does not exist");
    fake_env_write(&f->fake, "token", "HUSH\n");
    assert_int_equal(ask(f, bkt_creds_ecs_fetch, "default"), BKT_ECREDS);
    assert_says(f, "holds a line end or another control character");
    fake_env_write(&f->fake, "token", "Bearer of file");
    assert_int_equal(ask(f, bkt_creds_ecs_fetch, "default"), BKT_OK);
    assert_string_equal(f->creds.access_key_id, "A4");

    assert_int_equal(ask(f, bkt_creds_ecs_fetch, "default"), BKT_ECREDS);
    assert_says(f, "ask the container's credentials service: HTTP 404 NoRole: none");
    assert_int_equal(ask(f, bkt_creds_ecs_fetch, "default"), BKT_EPARSE);
    assert_says(f, "the JSON has no SecretAccessKey");
}

static void use_imds(struct creds_fixture *f,
                     const struct http_script_answer *answers,
                     size_t count)
{
    serve(f, answers, count);
    fake_env_set(&f->fake, "AWS_EC2_METADATA_SERVICE_ENDPOINT", http_script_url(f->http));
}

static void instance(void **state)
{
    struct creds_fixture *f = *state;
    static const struct http_script_answer answers[] = {
        {.match = "PUT /latest/api/token HTTP", .body = "TOKEN1"},
        {.match = "GET " ROLES " HTTP", .body = "my role\nother\n"},
        {.match = "GET " ROLES "my%20role HTTP", .body = "{\"Code\":\"Success\"," KEYS("A1")},
    };
    use_imds(f, answers, T_COUNT(answers));
    assert_int_equal(ask(f, bkt_creds_imds_fetch, "default"), BKT_OK);
    assert_creds(f, "A1", "HUSH", "TOK");
    assert_true(f->creds.outlives_expiry);
    assert_string_equal(f->creds.source, "role of the instance");
    assert_non_null(
        strstr(http_script_request(f->http, 0), "X-aws-ec2-metadata-token-ttl-seconds: 21600\r\n"));
    assert_non_null(
        strstr(http_script_request(f->http, 1), "X-aws-ec2-metadata-token: TOKEN1\r\n"));
    assert_non_null(
        strstr(http_script_request(f->http, 2), "X-aws-ec2-metadata-token: TOKEN1\r\n"));
}

static void instance_with_trouble(void **state)
{
    struct creds_fixture *f = *state;
    static const struct http_script_answer answers[] = {
        {.match = "PUT", .body = "TOKEN1"},
        {.match = "GET " ROLES " HTTP", .status = 401},
        {.match = "PUT", .body = "TOKEN2"},
        {.match = "metadata-token: TOKEN2", .status = 503},
        {.match = "metadata-token: TOKEN2", .body = "r"},
        {.match = "GET " ROLES "r HTTP",
         .body = "{\"Code\":\"Success\",\"AccessKeyId\":\"OLD\",\"SecretAccessKey\":\"HUSH\","
                 "\"Token\":\"T\",\"Expiration\":\"2024-03-01T09:00:00Z\"}"},
    };
    use_imds(f, answers, T_COUNT(answers));
    assert_int_equal(ask(f, bkt_creds_imds_fetch, "default"), BKT_OK);
    assert_string_equal(f->creds.access_key_id, "OLD");
    /* Expired keys are used, and asked for again in ten minutes. */
    assert_true(f->creds.expires_ms == f->now_ms + 10 * 60 * 1000);
    assert_int_equal(http_script_left(f->http), 0);
}

static void instance_answers(void **state)
{
    struct creds_fixture *f = *state;
    static const struct {
        struct http_script_answer answers[3];
        int rc;
        const char *words; /* of the error, or of why it is not configured */
    } cases[] = {
        {{{.body = "T"}, {.status = 404}}, BKT_OK, "the instance has no role"},
        {{{.body = "T"}, {.body = ""}}, BKT_OK, "the instance has no role"},
        {{{.status = 404}}, BKT_OK, "gives no tokens (HTTP 404)"},
        {{{.status = 405}}, BKT_OK, "gives no tokens (HTTP 405)"},
        {{{.status = 400}}, BKT_ECREDS, "get a token of the instance's metadata service: HTTP 400"},
        {{{.status = 403}}, BKT_OK, "gives no tokens (HTTP 403)"},
        {{{.end = HTTP_SCRIPT_CUT}}, BKT_OK, "no answer at http://127.0.0.1:"},
        {{{.body = "HU SH"}}, BKT_EPARSE, "its token holds an odd character"},
        {{{.body = "T"}, {.body = "r"}, {.body = "{\"Code\":\"Failed\"}"}},
         BKT_ECREDS,
         "the answer is Code Failed, not Success"},
        {{{.body = "T"}, {.body = "r"}, {.status = 404}},
         BKT_ECREDS,
         "get the keys of the instance's role: HTTP 404"},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# %s\n", cases[i].words);
        use_imds(f, cases[i].answers, T_COUNT(cases[i].answers));
        assert_int_equal(ask(f, bkt_creds_imds_fetch, "default"), cases[i].rc);
        assert_non_null(strstr(cases[i].rc ? f->err.message : f->why, cases[i].words));
        if (cases[i].rc == BKT_OK)
            assert_false(bkt_creds_are_set(&f->creds));
    }
}

static void instance_settings(void **state)
{
    struct creds_fixture *f = *state;
    fake_env_set(&f->fake, "AWS_EC2_METADATA_DISABLED", "TRUE");
    assert_int_equal(ask(f, bkt_creds_imds_fetch, "default"), BKT_OK);
    assert_string_equal(f->why, "AWS_EC2_METADATA_DISABLED is true");
    fake_env_set(&f->fake, "AWS_EC2_METADATA_DISABLED", "");
    fake_env_set(&f->fake, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv5");
    assert_int_equal(ask(f, bkt_creds_imds_fetch, "default"), BKT_ECONFIG);
    assert_says(f, "must be IPv4 or IPv6");

    /* The endpoint beats the mode; the environment beats the profile. */
    static const struct http_script_answer answers[] = {{.match = "PUT", .status = 404}};
    serve(f, answers, 1);
    char config[256];
    (void)snprintf(config, sizeof(config), "[default]\nec2_metadata_service_endpoint = %s/\n",
                   http_script_url(f->http));
    fake_env_write(&f->fake, ".aws/config", config);
    assert_int_equal(ask(f, bkt_creds_imds_fetch, "default"), BKT_OK);
    assert_int_equal(http_script_left(f->http), 0);
    fake_env_set(&f->fake, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "169.254.169.254");
    assert_int_equal(ask(f, bkt_creds_imds_fetch, "default"), BKT_ECONFIG);
    assert_says(f, "write http://169.254.169.254");
}

static int region(struct creds_fixture *f, const char *option, const char *url, char *out)
{
    bkt_profiles_clear(&f->profiles);
    assert_int_equal(bkt_profiles_load(&f->fake.env, NULL, &f->profiles, NULL), BKT_OK);
    const struct bkt_region_request request = {
        .env = &f->fake.env,
        .profiles = &f->profiles,
        .option = bkt_str_from(option),
        .endpoint_url = bkt_str_from(url),
        .service = "s3",
    };
    return bkt_region_find(&request, out, &f->err);
}

static void regions(void **state)
{
    struct creds_fixture *f = *state;
    char out[BKT_REGION_BYTES];
    static const struct http_script_answer answers[] = {
        {.match = "PUT", .body = "T"},
        {.match = "GET /latest/meta-data/placement/region HTTP", .body = "eu-north-1"},
        {.match = "PUT", .body = "T"},
        {.match = "GET", .body = "evil.com/\n"},
    };
    use_imds(f, answers, T_COUNT(answers));
    assert_int_equal(region(f, "", "", out), BKT_OK);
    assert_string_equal(out, "eu-north-1");
    assert_int_equal(region(f, "", "", out), BKT_ECONFIG);
    assert_says(f, "set --region, AWS_REGION or the profile's region");
    assert_says(f, "the region is no valid name");
    fake_env_set(&f->fake, "AWS_EC2_METADATA_DISABLED", "true");
    assert_int_equal(region(f, "", "", out), BKT_ECONFIG);
    assert_says(f, "AWS_EC2_METADATA_DISABLED is true");

    assert_int_equal(region(f, "", "http://localhost:9000", out), BKT_OK);
    assert_string_equal(out, "us-east-1");
    assert_int_equal(region(f, "", "https://s3.eu-west-3.amazonaws.com", out), BKT_OK);
    assert_string_equal(out, "eu-west-3");
    assert_int_equal(region(f, "", "https://x.eu-west-3.amazonaws.com", out), BKT_ECONFIG);

    fake_env_write(&f->fake, ".aws/config", "[default]\nregion = from-profile\n");
    assert_int_equal(region(f, "", "http://localhost:9000", out), BKT_OK);
    assert_string_equal(out, "from-profile");
    fake_env_set(&f->fake, "AWS_DEFAULT_REGION", "from-default");
    assert_int_equal(region(f, "", "", out), BKT_OK);
    assert_string_equal(out, "from-default");
    fake_env_set(&f->fake, "AWS_REGION", "from-env");
    assert_int_equal(region(f, "", "", out), BKT_OK);
    assert_string_equal(out, "from-env");
    assert_int_equal(region(f, "from-option", "", out), BKT_OK);
    assert_string_equal(out, "from-option");
    fake_env_set(&f->fake, "AWS_REGION", "evil.com/");
    assert_int_equal(region(f, "", "", out), BKT_ECONFIG);
    assert_says(f, "AWS_REGION: the region is no valid name");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(container_urls, creds_fixture_setup,
                                        creds_fixture_teardown),
        cmocka_unit_test_setup_teardown(container, creds_fixture_setup, creds_fixture_teardown),
        cmocka_unit_test_setup_teardown(instance, creds_fixture_setup, creds_fixture_teardown),
        cmocka_unit_test_setup_teardown(instance_with_trouble, creds_fixture_setup,
                                        creds_fixture_teardown),
        cmocka_unit_test_setup_teardown(instance_answers, creds_fixture_setup,
                                        creds_fixture_teardown),
        cmocka_unit_test_setup_teardown(instance_settings, creds_fixture_setup,
                                        creds_fixture_teardown),
        cmocka_unit_test_setup_teardown(regions, creds_fixture_setup, creds_fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
