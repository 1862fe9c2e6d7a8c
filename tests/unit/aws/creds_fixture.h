/* A home, an environment, loaded profiles and a scripted server for tests of one source. */
#ifndef TESTS_AWS_CREDS_FIXTURE_H
#define TESTS_AWS_CREDS_FIXTURE_H

#include "aws/creds_source.h"

#include "../../fake/fake_env.h"
#include "../../fake/http_script.h"
#include "t.h"

enum { NOW_S = 1709287200 }; /* 2024-03-01T10:00:00Z */

struct creds_fixture {
    struct fake_env fake;
    struct bkt_profiles profiles;
    struct bkt_creds_ctx ctx;
    struct bkt_creds creds;
    struct bkt_error err;
    char why[BKT_CREDS_WHY_BYTES];
    struct http_script *http;
    int64_t now_ms;
};

static inline int64_t creds_fixture_now(void *ctx)
{
    return ((struct creds_fixture *)ctx)->now_ms;
}

static inline int creds_fixture_setup(void **state)
{
    struct creds_fixture *f = calloc(1, sizeof(*f));
    fake_env_init(&f->fake);
    f->now_ms = (int64_t)NOW_S * 1000;
    f->ctx = (struct bkt_creds_ctx){
        .env = &f->fake.env,
        .profiles = &f->profiles,
        .now_ms = creds_fixture_now,
        .now_ctx = f,
    };
    *state = f;
    return 0;
}

static inline int creds_fixture_teardown(void **state)
{
    struct creds_fixture *f = *state;
    bkt_creds_clear(&f->creds);
    bkt_profiles_clear(&f->profiles);
    http_script_stop(f->http);
    fake_env_clear(&f->fake);
    free(f);
    return bkt_mem_live() == 0 ? 0 : -1;
}

static inline void serve(struct creds_fixture *f,
                         const struct http_script_answer *answers,
                         size_t count)
{
    http_script_stop(f->http);
    f->http = http_script_start(answers, count);
}

/* Ask one source for a profile of the files as they are now. */
static inline int ask(struct creds_fixture *f, bkt_creds_source_fn *fetch, const char *profile)
{
    bkt_creds_clear(&f->creds);
    bkt_profiles_clear(&f->profiles);
    f->why[0] = '\0';
    f->err = (struct bkt_error){0};
    int rc = bkt_profiles_load(&f->fake.env, NULL, &f->profiles, &f->err);
    if (rc)
        return rc;
    rc = fetch(&f->ctx, bkt_str_from(profile), &f->creds, f->why, &f->err);
    /* Secrets of these tests are all called so, and no message may have one. */
    assert_null(strstr(f->err.message, "HUSH"));
    assert_null(strstr(f->why, "HUSH"));
    assert_null(strchr(f->err.message, '\n'));
    return rc;
}

static inline void assert_creds(const struct creds_fixture *f,
                                const char *id,
                                const char *secret,
                                const char *token)
{
    assert_true(bkt_creds_are_set(&f->creds));
    assert_string_equal(f->creds.access_key_id, id);
    assert_string_equal(f->creds.secret_access_key, secret);
    if (token)
        assert_string_equal(f->creds.session_token, token);
    else
        assert_null(f->creds.session_token);
}

/* The same, leaving no memory behind: for T_TORTURE. */
static inline int ask_and_forget(struct creds_fixture *f,
                                 bkt_creds_source_fn *fetch,
                                 const char *profile)
{
    int rc = ask(f, fetch, profile);
    bkt_creds_clear(&f->creds);
    bkt_profiles_clear(&f->profiles);
    return rc;
}

#define assert_says(f, part) assert_non_null(strstr((f)->err.message, part))

#endif
