/* Who is asked first, who is passed over, and what is said when nobody knows. */
#include "aws/creds_chain.h"

#include "../../fake/fake_env.h"
#include "t.h"

struct fixture {
    struct fake_env fake;
    struct bkt_creds creds;
    struct bkt_error err;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    fake_env_init(&f->fake);
    fake_env_set(&f->fake, "AWS_EC2_METADATA_DISABLED", "true");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    bkt_creds_clear(&f->creds);
    fake_env_clear(&f->fake);
    free(f);
    return bkt_mem_live() == 0 ? 0 : -1;
}

static int fetch(struct fixture *f, const char *profile)
{
    struct bkt_creds_provider chain;
    int rc = bkt_creds_chain_new(
        &(struct bkt_creds_chain_options){.env = &f->fake.env, .profile = profile}, &chain,
        &f->err);
    if (rc)
        return rc;
    bkt_creds_clear(&f->creds);
    rc = chain.fetch(chain.self, &f->creds, &f->err);
    chain.free(chain.self);
    return rc;
}

static void environment(void **state)
{
    struct fixture *f = *state;
    fake_env_write(&f->fake, ".aws/credentials",
                   "[default]\naws_access_key_id = FILE\naws_secret_access_key = S\n");
    fake_env_set(&f->fake, "AWS_ACCESS_KEY_ID", " AKIDENV\n");
    fake_env_set(&f->fake, "AWS_SECRET_ACCESS_KEY", "HUSH");
    assert_int_equal(fetch(f, NULL), BKT_OK);
    assert_string_equal(f->creds.access_key_id, "AKIDENV");
    assert_string_equal(f->creds.secret_access_key, "HUSH");
    assert_null(f->creds.session_token);
    assert_true(f->creds.expires_ms == BKT_TIME_NONE);
    assert_string_equal(f->creds.source, "environment");

    /* An empty token is no token; the older name of it comes first. */
    fake_env_set(&f->fake, "AWS_SESSION_TOKEN", "");
    assert_int_equal(fetch(f, NULL), BKT_OK);
    assert_null(f->creds.session_token);
    fake_env_set(&f->fake, "AWS_SESSION_TOKEN", "T1");
    assert_int_equal(fetch(f, NULL), BKT_OK);
    assert_string_equal(f->creds.session_token, "T1");
    fake_env_set(&f->fake, "AWS_SECURITY_TOKEN", "T2");
    fake_env_set(&f->fake, "AWS_CREDENTIAL_EXPIRATION", "2024-03-01T10:00:00Z");
    assert_int_equal(fetch(f, NULL), BKT_OK);
    assert_string_equal(f->creds.session_token, "T2");
    assert_true(f->creds.expires_ms == 1709287200000);

    fake_env_set(&f->fake, "AWS_CREDENTIAL_EXPIRATION", "tomorrow");
    assert_int_equal(fetch(f, NULL), BKT_ECREDS);

    /* AWS_PROFILE does not switch the variables off, a profile by option does. */
    fake_env_set(&f->fake, "AWS_CREDENTIAL_EXPIRATION", "");
    fake_env_set(&f->fake, "AWS_PROFILE", "default");
    assert_int_equal(fetch(f, NULL), BKT_OK);
    assert_string_equal(f->creds.access_key_id, "AKIDENV");
    assert_int_equal(fetch(f, "default"), BKT_OK);
    assert_string_equal(f->creds.access_key_id, "FILE");

    fake_env_set(&f->fake, "AWS_SECRET_ACCESS_KEY", " ");
    assert_int_equal(fetch(f, NULL), BKT_ECREDS);
    assert_string_equal(f->err.message, "credentials: environment: AWS_ACCESS_KEY_ID is set and "
                                        "AWS_SECRET_ACCESS_KEY is not; set both or neither");
}

static void keys_in_files(void **state)
{
    struct fixture *f = *state;
    fake_env_write(&f->fake, ".aws/config",
                   "[profile a]\naws_access_key_id = C\naws_secret_access_key = CS\n"
                   "aws_session_token = CT\n"
                   "[profile b]\naws_access_key_id = C\naws_secret_access_key = CS\n"
                   "[profile c]\naws_access_key_id = HUSH\n"
                   "[profile d]\naws_access_key_id = C\naws_secret_access_key = CS\n");
    fake_env_write(&f->fake, ".aws/credentials",
                   "[b]\naws_access_key_id = K\naws_secret_access_key = KS\n"
                   "[d]\naws_secret_access_key = HUSH\n");
    assert_int_equal(fetch(f, "a"), BKT_OK);
    assert_string_equal(f->creds.access_key_id, "C");
    assert_string_equal(f->creds.session_token, "CT");
    assert_non_null(strstr(f->creds.source, "profile a in /"));

    assert_int_equal(fetch(f, "b"), BKT_OK);
    assert_string_equal(f->creds.access_key_id, "K");
    assert_string_equal(f->creds.secret_access_key, "KS");

    /* Half a pair is an error, also when the other file has the other half. */
    assert_int_equal(fetch(f, "c"), BKT_ECREDS);
    assert_non_null(strstr(f->err.message, "aws_access_key_id without aws_secret_access_key"));
    assert_null(strstr(f->err.message, "HUSH"));
    assert_int_equal(fetch(f, "d"), BKT_ECREDS);
    assert_non_null(strstr(f->err.message, "aws_secret_access_key without aws_access_key_id"));
    assert_null(strstr(f->err.message, "HUSH"));
}

static void files_are_read_anew(void **state)
{
    struct fixture *f = *state;
    struct bkt_creds_provider chain;
    assert_int_equal(
        bkt_creds_chain_new(&(struct bkt_creds_chain_options){.env = &f->fake.env}, &chain, NULL),
        BKT_OK);
    for (int i = 0; i < 2; i++) {
        fake_env_write(&f->fake, ".aws/credentials",
                       i == 0 ? "[default]\naws_access_key_id=A\naws_secret_access_key=S\n"
                              : "[default]\naws_access_key_id=B\naws_secret_access_key=S\n");
        bkt_creds_clear(&f->creds);
        assert_int_equal(chain.fetch(chain.self, &f->creds, NULL), BKT_OK);
        assert_string_equal(f->creds.access_key_id, i == 0 ? "A" : "B");
    }
    chain.free(chain.self);
}

static void a_profile_that_is_not_there(void **state)
{
    struct fixture *f = *state;
    fake_env_set(&f->fake, "AWS_ACCESS_KEY_ID", "A");
    fake_env_set(&f->fake, "AWS_SECRET_ACCESS_KEY", "S");
    fake_env_set(&f->fake, "AWS_PROFILE", "nowhere");
    assert_int_equal(fetch(f, NULL), BKT_ECONFIG);
    assert_non_null(strstr(f->err.message, "credentials: profile nowhere is neither in"));
}

static void nothing_anywhere(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fetch(f, NULL), BKT_ECREDS);
    assert_non_null(strstr(f->err.message, "no credentials found"));
    assert_non_null(strstr(f->err.message, "environment: AWS_ACCESS_KEY_ID is not set"));
    assert_non_null(strstr(f->err.message, "profile default: not in the AWS files"));

    fake_env_write(&f->fake, ".aws/config", "[default]\nregion = x\n");
    assert_int_equal(fetch(f, NULL), BKT_ECREDS);
    assert_non_null(strstr(f->err.message, "config file: no aws_access_key_id"));
    assert_null(strchr(f->err.message, '\n'));
}

static int fetch_some(struct fixture *f)
{
    int rc = fetch(f, "a");
    bkt_creds_clear(&f->creds);
    return rc;
}

static void fetch_survives_oom(void **state)
{
    struct fixture *f = *state;
    fake_env_write(&f->fake, ".aws/config",
                   "[profile a]\naws_access_key_id = C\naws_secret_access_key = CS\n"
                   "aws_session_token = CT\n");
    T_TORTURE(fetch_some(f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(environment, setup, teardown),
        cmocka_unit_test_setup_teardown(keys_in_files, setup, teardown),
        cmocka_unit_test_setup_teardown(files_are_read_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(a_profile_that_is_not_there, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_anywhere, setup, teardown),
        cmocka_unit_test_setup_teardown(fetch_survives_oom, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
