/*
 * The caches that `aws sso login` and `aws login` leave, their refresh, and the portal.  The hashes
 * in the file names were made with sha1sum and sha256sum.
 */
#include "creds_fixture.h"

#include <unistd.h>

/* SHA-1 of "corp" and of "https://corp.example/start" */
#define SESSION_FILE ".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json"
#define LEGACY_FILE  ".aws/sso/cache/f7c9b39d0b4c7a7d82c79307585f77e1c5e74378.json"
/* SHA-256 of the login session below: the check value of the format's description. */
#define LOGIN_FILE \
    ".aws/login/cache/4b0ba8f99f075c0633e122fd73346ce203a3faf18ea0310eb2d29df1bab2e255.json"
#define PROFILE "sso_account_id = 123456789012\nsso_role_name = my role\n"
#define KEYS                                                                     \
    "{\"roleCredentials\":{\"accessKeyId\":\"A1\",\"secretAccessKey\":\"HUSH\"," \
    "\"sessionToken\":\"TOK\",\"expiration\":1709290800000}}"

static const char config[] =
    "[default]\nsso_session = corp\n" PROFILE
    "[sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://corp.example/start\n"
    "[profile old]\nsso_region = eu-west-1\nsso_start_url = https://corp.example/start\n" PROFILE
    "[profile same]\nsso_session = corp\nsso_region = eu-west-1\n" PROFILE
    "[profile unlike]\nsso_session = corp\nsso_region = eu-west-2\n" PROFILE
    "[profile lost]\nsso_session = nowhere\n" PROFILE
    "[profile half]\nsso_session = corp\nsso_account_id = 1\n"
    "[profile none]\nsso_session = corp\n";

/* A cached token that ends at a time of the day of the tests. */
static void cache(struct creds_fixture *f, const char *name, const char *ends_at)
{
    char text[512];
    (void)snprintf(text, sizeof(text),
                   "{\"startUrl\":\"https://corp.example/start\",\"region\":\"eu-west-1\","
                   "\"accessToken\":\"HUSH-OLD\",\"expiresAt\":\"2024-03-01T%s\","
                   "\"clientId\":\"HUSH-ID\",\"clientSecret\":\"HUSH-CS\","
                   "\"registrationExpiresAt\":\"2024-05-01T00:00:00Z\","
                   "\"refreshToken\":\"HUSH-R1\"}",
                   ends_at);
    fake_env_write(&f->fake, name, text);
}

static void use(struct creds_fixture *f, const struct http_script_answer *answers, size_t count)
{
    serve(f, answers, count);
    fake_env_set(&f->fake, "AWS_ENDPOINT_URL_SSO", http_script_url(f->http));
    fake_env_set(&f->fake, "AWS_ENDPOINT_URL_SSO_OIDC", http_script_url(f->http));
    fake_env_write(&f->fake, ".aws/config", config);
}

static void a_good_token(void **state)
{
    struct creds_fixture *f = *state;
    static const struct http_script_answer answers[] = {
        {.body = KEYS}, {.body = KEYS}, {.body = KEYS}};
    use(f, answers, T_COUNT(answers));
    cache(f, SESSION_FILE, "18:00:00Z");
    assert_int_equal(ask(f, bkt_creds_sso_fetch, "default"), BKT_OK);
    assert_creds(f, "A1", "HUSH", "TOK");
    assert_true(f->creds.expires_ms == f->now_ms + 3600 * 1000);
    assert_string_equal(f->creds.source, "SSO role my role of account 123456789012");
    const char *request = http_script_request(f->http, 0);
    assert_non_null(strstr(request, "GET /federation/credentials?role_name=my%20role&"
                                    "account_id=123456789012 HTTP"));
    assert_non_null(strstr(request, "x-amz-sso_bearer_token: HUSH-OLD\r\n"));
    assert_null(strstr(request, "Authorization"));

    assert_int_equal(ask(f, bkt_creds_sso_fetch, "same"), BKT_OK);
    cache(f, LEGACY_FILE, "18:00:00UTC");
    assert_int_equal(ask(f, bkt_creds_sso_fetch, "old"), BKT_OK);
    assert_int_equal(http_script_left(f->http), 0);
}

static void profiles(void **state)
{
    struct creds_fixture *f = *state;
    use(f, NULL, 0);
    assert_int_equal(ask(f, bkt_creds_sso_fetch, "none"), BKT_OK);
    assert_false(bkt_creds_are_set(&f->creds));
    assert_int_equal(ask(f, bkt_creds_sso_fetch, "half"), BKT_ECONFIG);
    assert_says(f, "profile half uses SSO and has no sso_role_name");
    assert_int_equal(ask(f, bkt_creds_sso_fetch, "lost"), BKT_ECONFIG);
    assert_says(f, "there is no section [sso-session nowhere]");
    assert_int_equal(ask(f, bkt_creds_sso_fetch, "unlike"), BKT_ECONFIG);
    assert_says(f, "sso_region of profile unlike is not that of its sso-session corp");
}

static void no_token(void **state)
{
    struct creds_fixture *f = *state;
    static const struct http_script_answer answers[] = {
        {.status = 401, .body = "{\"message\":\"Session token not found or invalid\"}"},
        {.status = 403, .body = "{\"message\":\"No access\"}"},
    };
    use(f, answers, T_COUNT(answers));
    assert_int_equal(ask(f, bkt_creds_sso_fetch, "old"), BKT_ECREDS);
    assert_says(f, "the SSO token is not in the cache; run: aws sso login --profile old");
    fake_env_write(&f->fake, LEGACY_FILE, "{\"accessToken\":\"HUSH\"");
    assert_int_equal(ask(f, bkt_creds_sso_fetch, "old"), BKT_ECREDS);
    assert_says(f, "cannot be read; run: aws sso login --profile old");
    fake_env_write(&f->fake, LEGACY_FILE,
                   "{\"accessToken\":\"HUSH\\nX: y\",\"expiresAt\":\"2024-03-01T18:00:00Z\"}");
    assert_int_equal(ask(f, bkt_creds_sso_fetch, "old"), BKT_ECREDS);
    assert_says(f, "cannot be read; run: aws sso login --profile old");

    /* The older form has no refresh. */
    cache(f, LEGACY_FILE, "09:59:59Z");
    assert_int_equal(ask(f, bkt_creds_sso_fetch, "old"), BKT_ECREDS);
    assert_says(f, "the SSO token has expired; run: aws sso login --profile old");
    assert_int_equal(http_script_count(f->http), 0);

    cache(f, LEGACY_FILE, "10:00:01Z");
    assert_int_equal(ask(f, bkt_creds_sso_fetch, "old"), BKT_ECREDS);
    assert_says(f, "is not accepted any more; run: aws sso login --profile old");
    assert_int_equal(ask(f, bkt_creds_sso_fetch, "old"), BKT_ECREDS);
    assert_says(f, "ask the SSO portal for a role's keys: HTTP 403 No access");
}

/* A file that was written back: for nobody else to read, and with all of these in it. */
static void assert_file(const struct creds_fixture *f,
                        const char *name,
                        const char *const *parts,
                        size_t count)
{
    char path[256];
    struct stat st;
    struct bkt_buf text = BKT_BUF_INIT(4096);
    bool exists;
    (void)snprintf(path, sizeof(path), "%s/%s", f->fake.home, name);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(bkt_file_read(path, &text, &exists, NULL), BKT_OK);
    for (size_t i = 0; i < count; i++)
        assert_non_null(strstr(text.ptr, parts[i]));
    bkt_buf_clear(&text);
}

static void refresh(void **state)
{
    struct creds_fixture *f = *state;
    static const struct http_script_answer answers[] = {
        {.match = "POST /token HTTP",
         .body = "{\"accessToken\":\"HUSH-NEW\",\"expiresIn\":28800,\"refreshToken\":\"HUSH-R2\"}"},
        {.match = "x-amz-sso_bearer_token: HUSH-NEW\r\n", .body = KEYS},
        {.match = "x-amz-sso_bearer_token: HUSH-NEW\r\n", .body = KEYS},
    };
    use(f, answers, T_COUNT(answers));
    cache(f, SESSION_FILE, "09:00:00Z");
    assert_int_equal(ask(f, bkt_creds_sso_fetch, "default"), BKT_OK);
    const char *request = http_script_request(f->http, 0);
    assert_non_null(strstr(request, "Content-Type: application/json\r\n"));
    assert_non_null(strstr(request, "{\"grantType\":\"refresh_token\",\"clientId\":\"HUSH-ID\","
                                    "\"clientSecret\":\"HUSH-CS\",\"refreshToken\":\"HUSH-R1\"}"));

    /* The next one finds the new token in the file, beside all that was there. */
    assert_int_equal(ask(f, bkt_creds_sso_fetch, "default"), BKT_OK);
    assert_int_equal(http_script_left(f->http), 0);
    static const char *const parts[] = {"\"refreshToken\":\"HUSH-R2\"",
                                        "\"expiresAt\":\"2024-03-01T18:00:00Z\"",
                                        "\"clientId\":\"HUSH-ID\""};
    assert_file(f, SESSION_FILE, parts, T_COUNT(parts));
}

static void refresh_that_fails(void **state)
{
    struct creds_fixture *f = *state;
    static const struct http_script_answer answers[] = {
        {.match = "POST", .status = 400, .body = "{\"error\":\"invalid_grant\"}"},
        {.match = "x-amz-sso_bearer_token: HUSH-OLD\r\n", .body = KEYS},
        {.match = "POST", .status = 400, .body = "{\"error\":\"invalid_grant\"}"},
    };
    use(f, answers, T_COUNT(answers));
    /* It has ten minutes left: good enough. */
    cache(f, SESSION_FILE, "10:10:00Z");
    assert_int_equal(ask(f, bkt_creds_sso_fetch, "default"), BKT_OK);
    cache(f, SESSION_FILE, "09:10:00Z");
    assert_int_equal(ask(f, bkt_creds_sso_fetch, "default"), BKT_ECREDS);
    assert_says(f, "has expired and was not refreshed (refresh the SSO token: HTTP 400 "
                   "invalid_grant); run: aws sso login --profile default");
    assert_int_equal(http_script_left(f->http), 0);
}

static const char login_config[] =
    "[default]\nlogin_session = arn:aws:sts::012345678910:assumed-role/Admin/admin \n"
    "[profile none]\n";

static void login_sessions(void **state)
{
    struct creds_fixture *f = *state;
    static const char text[] =
        "{\"accessToken\":{\"accessKeyId\":\"A1\",\"secretAccessKey\":\"HUSH\","
        "\"sessionToken\":\"TOK\",\"accountId\":\"1\",\"expiresAt\":\"2024-03-01T10:10:00Z\"},"
        "\"refreshToken\":\"HUSH\",\"dpopKey\":\"HUSH\",\"clientId\":\"c\"}";
    fake_env_write(&f->fake, ".aws/config", login_config);
    assert_int_equal(ask(f, bkt_creds_login_fetch, "none"), BKT_OK);
    assert_false(bkt_creds_are_set(&f->creds));
    assert_int_equal(ask(f, bkt_creds_login_fetch, "default"), BKT_ECREDS);
    assert_says(f, "the login session has no cached keys; run: aws login --profile default");

    fake_env_write(&f->fake, LOGIN_FILE, text);
    assert_int_equal(ask(f, bkt_creds_login_fetch, "default"), BKT_OK);
    assert_creds(f, "A1", "HUSH", "TOK");
    f->now_ms += 10 * 60 * 1000;
    assert_int_equal(ask(f, bkt_creds_login_fetch, "default"), BKT_ECREDS);
    assert_says(f, "the login session has expired and was not refreshed (the key is no private key "
                   "on P-256); run: aws login --profile default");

    char directory[128];
    (void)snprintf(directory, sizeof(directory), "%s/elsewhere", f->fake.home);
    fake_env_set(&f->fake, "AWS_LOGIN_CACHE_DIRECTORY", directory);
    assert_int_equal(ask(f, bkt_creds_login_fetch, "default"), BKT_ECREDS);
    assert_says(f, "has no cached keys");
}

/* Made for this test with `openssl ecparam -name prime256v1 -genkey`. */
#define LOGIN_KEY                                                         \
    "-----BEGIN EC PRIVATE KEY-----\\n"                                   \
    "MHcCAQEEIBfMWlj0oMLanq23jv6nc+gQtJuBmle8kr6nnenwSWz8oAoGCCqGSM49\\n" \
    "AwEHoUQDQgAEDw0lxd5oITWc4IpxJuNRhYW9AcATczMevgQRYuIYELVUZVnq/rkz\\n" \
    "9/elOA8p/XHUl/+9T8vqCPH373J/3tE9Rg==\\n"                             \
    "-----END EC PRIVATE KEY-----\\n"

static void login(struct creds_fixture *f, const char *id, const char *ends_at)
{
    char text[1024];
    (void)snprintf(text, sizeof(text),
                   "{\"accessToken\":{\"accessKeyId\":\"%s\",\"secretAccessKey\":\"HUSH\","
                   "\"sessionToken\":\"TOK\",\"accountId\":\"1\","
                   "\"expiresAt\":\"2024-03-01T%s\"},\"tokenType\":\"aws_sigv4\","
                   "\"refreshToken\":\"HUSH-R1\",\"dpopKey\":\"" LOGIN_KEY
                   "\",\"clientId\":\"client\"}",
                   id, ends_at);
    fake_env_write(&f->fake, LOGIN_FILE, text);
}

static void login_is_refreshed(void **state)
{
    struct creds_fixture *f = *state;
    static const struct http_script_answer answers[] = {
        {.match = "POST /v1/token HTTP",
         .body = "{\"accessToken\":{\"accessKeyId\":\"A2\",\"secretAccessKey\":\"HUSH2\","
                 "\"sessionToken\":\"TOK2\"},\"tokenType\":\"aws_sigv4\",\"expiresIn\":900,"
                 "\"refreshToken\":\"HUSH-R2\"}"},
    };
    serve(f, answers, T_COUNT(answers));
    fake_env_set(&f->fake, "AWS_ENDPOINT_URL_SIGNIN", http_script_url(f->http));
    fake_env_write(&f->fake, ".aws/config", login_config);
    login(f, "A1", "10:05:01Z");
    assert_int_equal(ask(f, bkt_creds_login_fetch, "default"), BKT_OK);
    assert_creds(f, "A1", "HUSH", "TOK");
    assert_int_equal(http_script_count(f->http), 0);

    login(f, "A1", "10:05:00Z");
    assert_int_equal(ask(f, bkt_creds_login_fetch, "default"), BKT_OK);
    assert_creds(f, "A2", "HUSH2", "TOK2");
    assert_true(f->creds.expires_ms == f->now_ms + 900 * 1000);
    const char *request = http_script_request(f->http, 0);
    assert_non_null(strstr(request, "Content-Type: application/json\r\n"));
    assert_non_null(strstr(request, "\r\nDPoP: eyJ0eXAiOiJkcG9wK2p3dCIs"));
    assert_non_null(strstr(request, "{\"grantType\":\"refresh_token\",\"clientId\":\"client\","
                                    "\"refreshToken\":\"HUSH-R1\"}"));

    /* The next one finds the new keys in the file, beside all that was there. */
    assert_int_equal(ask(f, bkt_creds_login_fetch, "default"), BKT_OK);
    assert_creds(f, "A2", "HUSH2", "TOK2");
    assert_int_equal(http_script_count(f->http), 1);
    static const char *const parts[] = {
        "\"accountId\":\"1\",\"expiresAt\":\"2024-03-01T10:15:00Z\"",
        "\"refreshToken\":\"HUSH-R2\"", "\"dpopKey\":\"-----BEGIN EC PRIVATE KEY-----\\n"};
    assert_file(f, LOGIN_FILE, parts, T_COUNT(parts));
}

static void login_that_is_not_refreshed(void **state)
{
    struct creds_fixture *f = *state;
    static const struct http_script_answer answers[] = {
        {.status = 503},
        {.status = 400,
         .body = "{\"error\":\"TOKEN_EXPIRED\",\"message\":\"Refresh token has expired\"}"},
        {.body = "{\"accessToken\":{\"accessKeyId\":\"A2\",\"secretAccessKey\":\"HUSH2\","
                 "\"sessionToken\":\"TOK2\"},\"expiresIn\":900}"},
    };
    serve(f, answers, T_COUNT(answers));
    fake_env_set(&f->fake, "AWS_ENDPOINT_URL_SIGNIN", http_script_url(f->http));
    fake_env_write(&f->fake, ".aws/config", login_config);
    /* It has a minute left: good enough. */
    login(f, "A1", "10:01:00Z");
    assert_int_equal(ask(f, bkt_creds_login_fetch, "default"), BKT_OK);
    assert_creds(f, "A1", "HUSH", "TOK");
    assert_int_equal(http_script_count(f->http), 1);

    login(f, "A1", "09:59:00Z");
    assert_int_equal(ask(f, bkt_creds_login_fetch, "default"), BKT_ECREDS);
    assert_says(f,
                "the login session has expired and was not refreshed (refresh the login session: "
                "HTTP 400 TOKEN_EXPIRED: Refresh token has expired); run: aws login --profile "
                "default");
    assert_int_equal(ask(f, bkt_creds_login_fetch, "default"), BKT_ECREDS);
    assert_says(f, "(the answer has no refreshToken or expiresIn); run: aws login");
    assert_int_equal(http_script_left(f->http), 0);

    /* Nothing but the cache itself lies in its folder. */
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/" LOGIN_FILE, f->fake.home);
    (void)unlink(path);
    *strrchr(path, '/') = '\0';
    assert_int_equal(rmdir(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_good_token, creds_fixture_setup, creds_fixture_teardown),
        cmocka_unit_test_setup_teardown(profiles, creds_fixture_setup, creds_fixture_teardown),
        cmocka_unit_test_setup_teardown(no_token, creds_fixture_setup, creds_fixture_teardown),
        cmocka_unit_test_setup_teardown(refresh, creds_fixture_setup, creds_fixture_teardown),
        cmocka_unit_test_setup_teardown(refresh_that_fails, creds_fixture_setup,
                                        creds_fixture_teardown),
        cmocka_unit_test_setup_teardown(login_sessions, creds_fixture_setup,
                                        creds_fixture_teardown),
        cmocka_unit_test_setup_teardown(login_is_refreshed, creds_fixture_setup,
                                        creds_fixture_teardown),
        cmocka_unit_test_setup_teardown(login_that_is_not_refreshed, creds_fixture_setup,
                                        creds_fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
