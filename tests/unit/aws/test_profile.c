/* The two files as one set of profiles: which section means what, who wins, what is said. */
#include "aws/profile.h"

#include "../../fake/fake_env.h"
#include "t.h"

struct fixture {
    struct fake_env fake;
    struct bkt_profiles profiles;
    struct bkt_error err;
};

static int load(struct fixture *f, const char *config, const char *credentials, const char *option)
{
    if (config)
        fake_env_write(&f->fake, ".aws/config", config);
    if (credentials)
        fake_env_write(&f->fake, ".aws/credentials", credentials);
    return bkt_profiles_load(&f->fake.env, option, &f->profiles, &f->err);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    fake_env_init(&f->fake);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    bkt_profiles_clear(&f->profiles);
    fake_env_clear(&f->fake);
    free(f);
    return bkt_mem_live() == 0 ? 0 : -1;
}

static void section_names(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *config;
        const char *credentials;
        const char *profile;
        const char *key;
        const char *value; /* "" when there is none */
        bool exists;
    } cases[] = {
        {"[default]\nregion=a", NULL, "default", "region", "a", true},
        {NULL, "[default]\nregion=a", "default", "region", "a", true},
        {"[profile x]\nregion=a", NULL, "x", "region", "a", true},
        {"[profile \t x ]\nregion=a", NULL, "x", "region", "a", true},
        {"[profile\tx]\nregion=a", NULL, "x", "region", "a", true},
        {"[x]\nregion=a", NULL, "x", "region", "", false},
        {NULL, "[x]\nregion=a", "x", "region", "a", true},
        {NULL, "[profile x]\nregion=a", "x", "region", "", false},
        {NULL, "[profilex]\nregion=a", "profilex", "region", "a", true},
        {"[profilex]\nregion=a", NULL, "x", "region", "", false},
        {"[profile in valid]\nregion=a", "[in valid]\nregion=a", "in valid", "region", "", false},
        {"[profile]\nregion=a", NULL, "", "region", "", false},
        {"[default]\nregion=a\noutput=b\n[profile default]\nregion=c", NULL, "default", "region",
         "c", true},
        {"[profile default]\nregion=c\n[default]\nregion=a\noutput=b", NULL, "default", "output",
         "", true},
        {"[profile default]\nregion=c\n[default]\nregion=a", NULL, "default", "region", "c", true},
        {"[profile default]\nregion=c", "[default]\nregion=d", "default", "region", "d", true},
        {"[profile x]\nregion=a\noutput=o", "[x]\nregion=b", "x", "region", "b", true},
        {"[profile x]\nregion=a\noutput=o", "[x]\nregion=b", "x", "output", "o", true},
        {"[profile x]\nregion=a\n[profile y]\n[profile x]\nregion=b\n", NULL, "x", "region", "b",
         true},
        {"[sso-session x]\nsso_region=a", "[sso-session x]\nsso_region=b", "x", "sso_region", "",
         false},
    };

    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# case %zu\n", i);
        const char *config = cases[i].config ? cases[i].config : "";
        const char *credentials = cases[i].credentials ? cases[i].credentials : "";
        assert_int_equal(load(f, config, credentials, NULL), BKT_OK);
        struct bkt_str profile = bkt_str_from(cases[i].profile);
        assert_int_equal(bkt_profiles_has(&f->profiles, profile), cases[i].exists);
        assert_string_equal(bkt_profiles_get(&f->profiles, profile, cases[i].key).ptr,
                            cases[i].value);
        bkt_profiles_clear(&f->profiles);
    }
}

static void sessions_and_services(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(load(f,
                          "[sso-session s]\nsso_region = eu-west-1\n"
                          "[services v]\ns3 =\n  endpoint_url = http://a\nsqs =\n  # none\n",
                          NULL, NULL),
                     BKT_OK);
    struct bkt_str s = BKT_STR("s");
    struct bkt_str v = BKT_STR("v");
    assert_true(bkt_profiles_has_session(&f->profiles, s));
    assert_false(bkt_profiles_has_session(&f->profiles, v));
    assert_string_equal(bkt_profiles_session_get(&f->profiles, s, "sso_region").ptr, "eu-west-1");
    assert_true(bkt_profiles_has_services(&f->profiles, v));
    assert_string_equal(bkt_profiles_service_get(&f->profiles, v, "s3", "endpoint_url").ptr,
                        "http://a");
    assert_string_equal(bkt_profiles_service_get(&f->profiles, v, "sqs", "endpoint_url").ptr, "");
    assert_string_equal(bkt_profiles_service_get(&f->profiles, s, "s3", "endpoint_url").ptr, "");
}

static void selection(void **state)
{
    struct fixture *f = *state;
    const char *config = "[profile a]\n[profile b]\n[profile c]\n";
    assert_int_equal(load(f, config, NULL, NULL), BKT_OK);
    assert_string_equal(f->profiles.name, "default");
    assert_false(f->profiles.by_option);
    bkt_profiles_clear(&f->profiles);

    fake_env_set(&f->fake, "AWS_DEFAULT_PROFILE", "a");
    assert_int_equal(load(f, config, NULL, ""), BKT_OK);
    assert_string_equal(f->profiles.name, "a");
    bkt_profiles_clear(&f->profiles);

    fake_env_set(&f->fake, "AWS_PROFILE", "b");
    assert_int_equal(load(f, config, NULL, NULL), BKT_OK);
    assert_string_equal(f->profiles.name, "b");
    assert_false(f->profiles.by_option);
    bkt_profiles_clear(&f->profiles);

    assert_int_equal(load(f, config, NULL, "c"), BKT_OK);
    assert_string_equal(f->profiles.name, "c");
    assert_true(f->profiles.by_option);
}

static void a_missing_profile_names_its_neighbors(void **state)
{
    struct fixture *f = *state;
    const char *config = "[default]\n[profile work]\n[profile home]\n[profile work]\n";
    assert_int_equal(load(f, config, "[ci]\n", "wrok"), BKT_ECONFIG);
    assert_non_null(strstr(f->err.message, "profile wrok is neither in /"));
    assert_non_null(strstr(f->err.message, "did you mean work?"));

    assert_int_equal(load(f, NULL, NULL, "production"), BKT_ECONFIG);
    assert_non_null(strstr(f->err.message, "; there are: default, work, home, ci"));

    assert_int_equal(load(f, "[work]\n[profile home]\n", "", "work"), BKT_ECONFIG);
    assert_non_null(strstr(f->err.message, "; in the former write [profile work] instead of "
                                           "[work]"));

    assert_int_equal(load(f, "", "", "production"), BKT_ECONFIG);
    assert_non_null(strstr(f->err.message, "there are no profiles"));
}

static void more_profiles_than_an_error_can_hold(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(load(f,
                          "[profile a]\n[profile b]\n[profile c]\n[profile d]\n[profile e]\n"
                          "[profile f]\n[profile g]\n[profile h]\n[profile i]\n",
                          NULL, "production"),
                     BKT_ECONFIG);
    assert_non_null(strstr(f->err.message, "a, b, c, d, e, f, g, h and more"));
}

static void places(void **state)
{
    struct fixture *f = *state;
    fake_env_write(&f->fake, "elsewhere/c", "[profile x]\nregion = r\n");
    fake_env_write(&f->fake, "elsewhere/k", "[x]\noutput = o\n");
    fake_env_set(&f->fake, "AWS_CONFIG_FILE", "~/elsewhere/c");
    fake_env_set(&f->fake, "AWS_SHARED_CREDENTIALS_FILE", "~/elsewhere/k");
    assert_int_equal(load(f, "[profile y]\n", NULL, "x"), BKT_OK);
    assert_string_equal(bkt_profiles_get(&f->profiles, BKT_STR("x"), "region").ptr, "r");
    assert_string_equal(bkt_profiles_get(&f->profiles, BKT_STR("x"), "output").ptr, "o");
    bkt_profiles_clear(&f->profiles);

    fake_env_set(&f->fake, "AWS_CONFIG_FILE", "/dev/null");
    fake_env_set(&f->fake, "AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials");
    assert_int_equal(load(f, NULL, NULL, NULL), BKT_OK);
    bkt_profiles_clear(&f->profiles);

    fake_env_set(&f->fake, "HOME", "");
    fake_env_set(&f->fake, "AWS_CONFIG_FILE", "");
    assert_int_equal(load(f, NULL, NULL, NULL), BKT_OK);
    bkt_profiles_clear(&f->profiles);
    fake_env_set(&f->fake, "AWS_CONFIG_FILE", "~/x");
    assert_int_equal(load(f, NULL, NULL, NULL), BKT_ECONFIG);
    assert_string_equal(f->err.message, "find ~/x: HOME is not set");
}

static void errors_name_file_and_line(void **state)
{
    struct fixture *f = *state;
    char expected[256];
    assert_int_equal(load(f, "[default]\nregion us-east-1\n", NULL, NULL), BKT_ECONFIG);
    assert_true(snprintf(expected, sizeof(expected),
                         "%s/.aws/config: line 2: no '=' (a property is written: name = value)",
                         f->fake.home) > 0);
    assert_string_equal(f->err.message, expected);
}

static int load_some(struct fixture *f)
{
    int rc = bkt_profiles_load(&f->fake.env, "x", &f->profiles, &f->err);
    bkt_profiles_clear(&f->profiles);
    return rc;
}

static void load_survives_oom(void **state)
{
    struct fixture *f = *state;
    fake_env_write(&f->fake, ".aws/config", "[profile x]\nregion = r\n s\n");
    T_TORTURE(load_some(f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(section_names, setup, teardown),
        cmocka_unit_test_setup_teardown(sessions_and_services, setup, teardown),
        cmocka_unit_test_setup_teardown(selection, setup, teardown),
        cmocka_unit_test_setup_teardown(a_missing_profile_names_its_neighbors, setup, teardown),
        cmocka_unit_test_setup_teardown(more_profiles_than_an_error_can_hold, setup, teardown),
        cmocka_unit_test_setup_teardown(places, setup, teardown),
        cmocka_unit_test_setup_teardown(errors_name_file_and_line, setup, teardown),
        cmocka_unit_test_setup_teardown(load_survives_oom, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
