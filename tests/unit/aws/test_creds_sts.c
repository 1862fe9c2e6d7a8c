/*
 * Roles, with a service that answers from a script: who is asked for what, signed by whom, in which
 * order; circles; and what is said when the service refuses.
 */
#include "aws/creds_sts.h"

#include "creds_fixture.h"

#define ROLE "arn:aws:iam::123456789012:role/"
#define RESULT(id)                                                                             \
    "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n"               \
    " <AssumeRoleResult>\n <AssumedRoleUser><Arn>x</Arn></AssumedRoleUser>\n <Credentials>\n"  \
    "  <AccessKeyId>" id "</AccessKeyId>\n  <SecretAccessKey>\n   HUSH+/=&amp;\n  "            \
    "</SecretAccessKey>\n  <SessionToken>TOK-" id "</SessionToken>\n"                          \
    "  <Expiration>2024-03-01T11:00:00Z</Expiration>\n </Credentials>\n </AssumeRoleResult>\n" \
    "</AssumeRoleResponse>\n"
#define REFUSAL(code)                                                                     \
    "<ErrorResponse><Error><Type>Sender</Type><Code>" code "</Code><Message>no,\n really" \
    "</Message></Error><RequestId>r</RequestId></ErrorResponse>"

static void use(struct creds_fixture *f,
                const struct http_script_answer *answers,
                size_t count,
                const char *config)
{
    serve(f, answers, count);
    fake_env_set(&f->fake, "AWS_ENDPOINT_URL_STS", http_script_url(f->http));
    fake_env_write(&f->fake, ".aws/config", config);
}

static void one_role(void **state)
{
    struct creds_fixture *f = *state;
    static const struct http_script_answer answers[] = {{.body = RESULT("ASIA1")}};
    use(f, answers, 1,
        "[profile base]\naws_access_key_id = AKIDBASE\naws_secret_access_key = HUSH\n"
        "[profile r]\nrole_arn = " ROLE "R\nsource_profile = base\nexternal_id = a b+c\n"
        "role_session_name = me@x\nduration_seconds = 3600\nregion = eu-west-1\n");
    assert_int_equal(ask(f, bkt_creds_role_fetch, "r"), BKT_OK);
    assert_creds(f, "ASIA1", "HUSH+/=&", "TOK-ASIA1");
    assert_true(f->creds.expires_ms == f->now_ms + 3600 * 1000);
    assert_string_equal(f->creds.source, "role " ROLE "R");

    const char *request = http_script_request(f->http, 0);
    assert_non_null(strstr(request, "POST / HTTP/1.1\r\n"));
    assert_non_null(strstr(request, "Credential=AKIDBASE/20240301/eu-west-1/sts/aws4_request"));
    assert_non_null(strstr(request, "20240301T100000Z"));
    assert_non_null(strstr(request, "\r\n\r\nAction=AssumeRole&Version=2011-06-15&"
                                    "RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2FR&"
                                    "RoleSessionName=me%40x&DurationSeconds=3600&"
                                    "ExternalId=a%20b%2Bc"));
}

static void roles_in_a_row(void **state)
{
    struct creds_fixture *f = *state;
    static const struct http_script_answer answers[] = {
        {.match = "role%2FB", .body = RESULT("ASIAB")},
        {.match = "role%2FA", .body = RESULT("ASIAA")},
    };
    use(f, answers, 2,
        "[profile a]\nrole_arn = " ROLE "A\nsource_profile = b\n"
        "aws_access_key_id = IGNORED\naws_secret_access_key = HUSH\n"
        "[profile b]\nrole_arn = " ROLE "B\nsource_profile = c\n"
        "[profile c]\naws_access_key_id = AKIDC\naws_secret_access_key = HUSH\n"
        "role_arn = " ROLE "C\nsource_profile = a\n");
    assert_int_equal(ask(f, bkt_creds_role_fetch, "a"), BKT_OK);
    assert_creds(f, "ASIAA", "HUSH+/=&", "TOK-ASIAA");
    assert_non_null(strstr(http_script_request(f->http, 0), "Credential=AKIDC/"));
    assert_non_null(
        strstr(http_script_request(f->http, 0), "RoleSessionName=bucketable-1709287200"));
    assert_non_null(strstr(http_script_request(f->http, 1), "Credential=ASIAB/"));
    assert_non_null(strstr(http_script_request(f->http, 1), "TOK-ASIAB"));
    assert_int_equal(http_script_count(f->http), 2);
}

static void a_profile_may_be_its_own_source(void **state)
{
    struct creds_fixture *f = *state;
    static const struct http_script_answer answers[] = {{.body = RESULT("ASIA1")}};
    use(f, answers, 1,
        "[profile a]\nrole_arn = " ROLE "A\nsource_profile = a\n"
        "aws_access_key_id = AKIDOWN\naws_secret_access_key = HUSH\n");
    assert_int_equal(ask(f, bkt_creds_role_fetch, "a"), BKT_OK);
    assert_non_null(strstr(http_script_request(f->http, 0), "Credential=AKIDOWN/"));
}

static void credential_sources(void **state)
{
    struct creds_fixture *f = *state;
    static const struct http_script_answer answers[] = {
        {.match = "POST / ", .body = RESULT("ASIA1")},
        {.match = "GET /ecs ",
         .body = "{\"AccessKeyId\":\"AKIDECS\",\"SecretAccessKey\":\"HUSH\",\"Token\":\"HUSH\"}"},
        {.match = "POST / ", .body = RESULT("ASIA2")},
    };
    use(f, answers, 3,
        "[profile a]\nrole_arn = " ROLE "A\ncredential_source = Environment\n"
        "[profile b]\nrole_arn = " ROLE "A\ncredential_source = EcsContainer\n"
        "[profile c]\nrole_arn = " ROLE "A\ncredential_source = environment\n"
        "[profile d]\nrole_arn = " ROLE "A\ncredential_source = Ec2InstanceMetadata\n");
    assert_int_equal(ask(f, bkt_creds_role_fetch, "a"), BKT_ECREDS);
    assert_says(f, "source Environment of profile a has no credentials "
                   "(AWS_ACCESS_KEY_ID is not set)");
    fake_env_set(&f->fake, "AWS_ACCESS_KEY_ID", "AKIDENV");
    fake_env_set(&f->fake, "AWS_SECRET_ACCESS_KEY", "HUSH");
    assert_int_equal(ask(f, bkt_creds_role_fetch, "a"), BKT_OK);
    assert_non_null(strstr(http_script_request(f->http, 0), "Credential=AKIDENV/"));

    f->ctx.container_host = http_script_url(f->http);
    fake_env_set(&f->fake, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/ecs");
    assert_int_equal(ask(f, bkt_creds_role_fetch, "b"), BKT_OK);
    assert_non_null(strstr(http_script_request(f->http, 2), "Credential=AKIDECS/"));

    assert_int_equal(ask(f, bkt_creds_role_fetch, "c"), BKT_ECONFIG);
    assert_says(f, "must be Environment, Ec2InstanceMetadata or EcsContainer");
    fake_env_set(&f->fake, "AWS_EC2_METADATA_DISABLED", "true");
    assert_int_equal(ask(f, bkt_creds_role_fetch, "d"), BKT_ECREDS);
    assert_says(f, "AWS_EC2_METADATA_DISABLED is true");
}

static void what_is_refused_without_asking(void **state)
{
    struct creds_fixture *f = *state;
    static const struct {
        const char *config;
        const char *message;
    } cases[] = {
        {"[profile p]\nrole_arn = " ROLE "A\n", "neither source_profile nor credential_source"},
        {"[profile p]\nrole_arn = " ROLE "A\nsource_profile = p\ncredential_source = Environment\n",
         "both source_profile and credential_source"},
        {"[profile p]\nrole_arn = " ROLE "A\nsource_profile = q\n",
         "source_profile of profile p: profile q is neither in"},
        {"[profile p]\nrole_arn = " ROLE "A\nsource_profile = p\n",
         "source_profile goes in a circle: profile p comes back to p"},
        {"[profile p]\nrole_arn = " ROLE "A\nsource_profile = q\n"
         "[profile q]\nrole_arn = " ROLE "A\nsource_profile = r\n"
         "[profile r]\nrole_arn = " ROLE "A\nsource_profile = q\n",
         "source_profile goes in a circle: profile r comes back to q"},
        {"[profile p]\nrole_arn = " ROLE "A\nsource_profile = q\n[profile q]\nregion = x\n",
         "source q of profile p has no credentials"},
        {"[profile p]\nrole_arn = " ROLE "A\nsource_profile = p\nmfa_serial = arn:mfa\n"
         "aws_access_key_id = A\naws_secret_access_key = HUSH\n",
         "asks for a code (mfa_serial)"},
        {"[profile p]\nrole_arn = " ROLE "A\nsource_profile = p\nduration_seconds = 1h\n"
         "aws_access_key_id = A\naws_secret_access_key = HUSH\n",
         "duration_seconds must be from 900 to 43200"},
        {"[profile p]\nrole_arn = " ROLE "A\nsource_profile = p\nduration_seconds = 899\n"
         "aws_access_key_id = A\naws_secret_access_key = HUSH\n",
         "duration_seconds must be from 900 to 43200"},
        {"[profile p]\nrole_arn = R\nsource_profile = p\n"
         "aws_access_key_id = A\naws_secret_access_key = HUSH\n",
         "role_arn is not of the form"},
        {"[profile p]\nrole_arn = " ROLE "A\nsource_profile = p\nregion = evil.com/\n"
         "aws_access_key_id = A\naws_secret_access_key = HUSH\n",
         "the region is no valid name"},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# %s\n", cases[i].message);
        fake_env_write(&f->fake, ".aws/config", cases[i].config);
        int rc = ask(f, bkt_creds_role_fetch, "p");
        assert_true(rc == BKT_ECONFIG || rc == BKT_ECREDS);
        assert_says(f, cases[i].message);
    }
}

static void refusals(void **state)
{
    struct creds_fixture *f = *state;
    static const struct http_script_answer answers[] = {
        {.status = 403, .body = REFUSAL("AccessDenied")},
        {.status = 400, .body = REFUSAL("Throttling")},
        {.status = 500, .body = "<html>"},
        {.body = RESULT("ASIA1")},
        {.status = 503, .body = ""},
        {.status = 503, .body = ""},
        {.status = 503, .body = ""},
        {.body = "<AssumeRoleResponse/>"},
        {.end = HTTP_SCRIPT_CUT},
        {.body = RESULT("ASIA2")},
    };
    use(f, answers, T_COUNT(answers),
        "[profile p]\nrole_arn = " ROLE "A\nsource_profile = p\n"
        "aws_access_key_id = A\naws_secret_access_key = HUSH\n");
    assert_int_equal(ask(f, bkt_creds_role_fetch, "p"), BKT_ECREDS);
    assert_says(f, "assume role " ROLE "A at 127.0.0.1:");
    assert_says(f, "HTTP 403 AccessDenied: no,  really");
    assert_int_equal(f->err.http_status, 403);
    assert_int_equal(http_script_count(f->http), 1);

    assert_int_equal(ask(f, bkt_creds_role_fetch, "p"), BKT_OK);
    assert_int_equal(http_script_count(f->http), 4);

    assert_int_equal(ask(f, bkt_creds_role_fetch, "p"), BKT_ENET);
    assert_true(f->err.retriable);
    assert_says(f, "HTTP 503 without a code");
    assert_int_equal(http_script_count(f->http), 7);

    assert_int_equal(ask(f, bkt_creds_role_fetch, "p"), BKT_EPARSE);
    assert_says(f, "the answer holds no AccessKeyId");

    assert_int_equal(ask(f, bkt_creds_role_fetch, "p"), BKT_OK);
    assert_string_equal(f->creds.access_key_id, "ASIA2");
}

static void web_identity(void **state)
{
    struct creds_fixture *f = *state;
    static const struct http_script_answer answers[] = {
        {.match = "WebIdentityToken=one%2Btoken", .body = RESULT("ASIA1")},
        {.match = "WebIdentityToken=two", .body = RESULT("ASIA2")},
        {.status = 400, .body = REFUSAL("IDPCommunicationError")},
        {.body = RESULT("ASIA3")},
        {.status = 400, .body = REFUSAL("ExpiredTokenException")},
    };
    use(f, answers, T_COUNT(answers), "[default]\nregion = eu-west-1\n");
    assert_int_equal(ask(f, bkt_creds_web_fetch, "default"), BKT_OK);
    assert_false(bkt_creds_are_set(&f->creds));
    assert_string_equal(f->why, "no AWS_WEB_IDENTITY_TOKEN_FILE");

    fake_env_set(&f->fake, "AWS_WEB_IDENTITY_TOKEN_FILE", "~/token");
    assert_int_equal(ask(f, bkt_creds_web_fetch, "default"), BKT_ECONFIG);
    assert_says(f, "set AWS_ROLE_ARN or role_arn");
    fake_env_set(&f->fake, "AWS_ROLE_ARN", ROLE "W");
    fake_env_set(&f->fake, "AWS_ROLE_SESSION_NAME", "pod");
    assert_int_equal(ask(f, bkt_creds_web_fetch, "default"), BKT_ECREDS);
    assert_says(f, "token does not exist");
    fake_env_write(&f->fake, "token", "\n");
    assert_int_equal(ask(f, bkt_creds_web_fetch, "default"), BKT_ECREDS);
    assert_says(f, "token is empty");

    /* The file is read anew each time; the request is not signed. */
    fake_env_write(&f->fake, "token", "one+token\n");
    assert_int_equal(ask(f, bkt_creds_web_fetch, "default"), BKT_OK);
    assert_creds(f, "ASIA1", "HUSH+/=&", "TOK-ASIA1");
    const char *request = http_script_request(f->http, 0);
    assert_null(strstr(request, "Authorization"));
    assert_non_null(strstr(request, "Action=AssumeRoleWithWebIdentity&"));
    assert_non_null(strstr(request, "RoleSessionName=pod&"));
    fake_env_write(&f->fake, "token", "two");
    assert_int_equal(ask(f, bkt_creds_web_fetch, "default"), BKT_OK);
    assert_string_equal(f->creds.access_key_id, "ASIA2");

    assert_int_equal(ask(f, bkt_creds_web_fetch, "default"), BKT_OK);
    assert_string_equal(f->creds.access_key_id, "ASIA3");
    assert_int_equal(ask(f, bkt_creds_web_fetch, "default"), BKT_ECREDS);
    assert_says(f, "ExpiredTokenException");
}

static void web_identity_as_the_source_of_a_role(void **state)
{
    struct creds_fixture *f = *state;
    static const struct http_script_answer answers[] = {
        {.match = "AssumeRoleWithWebIdentity", .body = RESULT("ASIAW")},
        {.match = "Credential=ASIAW/", .body = RESULT("ASIAR")},
    };
    use(f, answers, 2,
        "[profile r]\nrole_arn = " ROLE "R\nsource_profile = w\n"
        "[profile w]\nrole_arn = " ROLE "W\nweb_identity_token_file = ~/token\n");
    fake_env_write(&f->fake, "token", "HUSH");
    /* What the environment says of web identities is not for the source of another profile. */
    fake_env_set(&f->fake, "AWS_WEB_IDENTITY_TOKEN_FILE", "/nonexistent");
    assert_int_equal(ask(f, bkt_creds_role_fetch, "r"), BKT_OK);
    assert_creds(f, "ASIAR", "HUSH+/=&", "TOK-ASIAR");
    assert_int_equal(http_script_left(f->http), 0);

    assert_int_equal(ask(f, bkt_creds_role_fetch, "w"), BKT_OK);
    assert_false(bkt_creds_are_set(&f->creds));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_role, creds_fixture_setup, creds_fixture_teardown),
        cmocka_unit_test_setup_teardown(roles_in_a_row, creds_fixture_setup,
                                        creds_fixture_teardown),
        cmocka_unit_test_setup_teardown(a_profile_may_be_its_own_source, creds_fixture_setup,
                                        creds_fixture_teardown),
        cmocka_unit_test_setup_teardown(credential_sources, creds_fixture_setup,
                                        creds_fixture_teardown),
        cmocka_unit_test_setup_teardown(what_is_refused_without_asking, creds_fixture_setup,
                                        creds_fixture_teardown),
        cmocka_unit_test_setup_teardown(refusals, creds_fixture_setup, creds_fixture_teardown),
        cmocka_unit_test_setup_teardown(web_identity, creds_fixture_setup, creds_fixture_teardown),
        cmocka_unit_test_setup_teardown(web_identity_as_the_source_of_a_role, creds_fixture_setup,
                                        creds_fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
