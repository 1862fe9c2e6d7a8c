/* Programs that hand out keys: how their lines are split, what they may do wrong. */
#include "aws/words.h"

#include "creds_fixture.h"

static void splitting(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *words; /* joined by | */
        const char *message;
    } cases[] = {
        {"a b  c", "a|b|c", NULL},
        {"\ta\tb \n", "a|b", NULL},
        {"'a b' \"c d\"", "a b|c d", NULL},
        {"a\\ b", "a b", NULL},
        {"'a\\b'", "a\\b", NULL},
        {"\"a\\\"b\\\\c\\d\"", "a\"b\\c\\d", NULL},
        {"a'b'\"c\"d", "abcd", NULL},
        {"'' x", "|x", NULL},
        {"$HOME `x` | y; #z", "$HOME|`x`|||y;|#z", NULL},
        {"'a", NULL, "the command ends inside a quotation or with a backslash"},
        {"\"a\\\"", NULL, "the command ends inside a quotation or with a backslash"},
        {"a\\", NULL, "the command ends inside a quotation or with a backslash"},
        {" ", NULL, "the command is empty"},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# %s\n", cases[i].line[0] == '\t' ? "tabs" : cases[i].line);
        struct bkt_arena arena = {0};
        struct bkt_error err;
        char **words;
        char joined[256] = "";
        int rc = bkt_words_split(bkt_str_from(cases[i].line), &arena, &words, &err);
        assert_int_equal(rc, cases[i].words ? BKT_OK : BKT_ECONFIG);
        for (size_t w = 0; rc == BKT_OK && words[w]; w++) {
            size_t len = strlen(joined);
            (void)snprintf(joined + len, sizeof(joined) - len, "%s%s", w ? "|" : "", words[w]);
        }
        assert_string_equal(rc == BKT_OK ? joined : err.message,
                            rc == BKT_OK ? cases[i].words : cases[i].message);
        bkt_arena_clear(&arena);
    }
}

/* A program of the test: `text` is the body of a shell script. */
static void program(struct creds_fixture *f, const char *text)
{
    char config[512];
    fake_env_write(&f->fake, "program", text);
    (void)snprintf(config, sizeof(config),
                   "[default]\ncredential_process = /bin/sh '%s/program' \"a b\" $HOME\n",
                   f->fake.home);
    fake_env_write(&f->fake, ".aws/config", config);
}

#define GOOD "{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"HUSH\""

static void good_output(void **state)
{
    struct creds_fixture *f = *state;
    fake_env_write(&f->fake, ".aws/config", "[default]\nregion = x\n");
    assert_int_equal(ask(f, bkt_creds_process_fetch, "default"), BKT_OK);
    assert_false(bkt_creds_are_set(&f->creds));

    program(f, "echo '" GOOD ",\"Expiration\":\"2024-03-01T10:00:00Z\"}'; echo noise >&2\n");
    assert_int_equal(ask(f, bkt_creds_process_fetch, "default"), BKT_OK);
    assert_creds(f, "A", "HUSH", NULL);
    assert_true(f->creds.expires_ms == f->now_ms);
    assert_string_equal(f->creds.source, "credential_process of profile default");

    /* No shell has seen the line. */
    program(f, "test \"$1\" = 'a b' && test \"$2\" = '$HOME' && echo '" GOOD "}'\n");
    assert_int_equal(ask(f, bkt_creds_process_fetch, "default"), BKT_OK);
    assert_true(f->creds.expires_ms == BKT_TIME_NONE);

    /* What stays in the background, its pipes open, is not waited for. */
    program(f, "sleep 1000 &\necho $! > \"${0%program}pid\"; echo '" GOOD "}'\n");
    assert_int_equal(ask(f, bkt_creds_process_fetch, "default"), BKT_OK);
    assert_creds(f, "A", "HUSH", NULL);
    program(f, "kill $(cat \"${0%program}pid\"); echo '" GOOD "}'\n");
    assert_int_equal(ask(f, bkt_creds_process_fetch, "default"), BKT_OK);
}

static void failures(void **state)
{
    struct creds_fixture *f = *state;
    static const struct {
        const char *text;
        int rc;
        const char *message;
    } cases[] = {
        {"echo HUSH; echo 'vault is locked' >&2; exit 3", BKT_ECREDS,
         "profile default: it ended with status 3: vault is locked"},
        {"kill -9 $$", BKT_ECREDS, "it was ended by signal 9"},
        {"echo HUSH", BKT_EPARSE, "its output: line 1, column 1"},
        {"true", BKT_EPARSE, "its output: line 1, column 1"},
        {"echo '{\"Version\":1,\"SecretAccessKey\":\"HUSH\"}'", BKT_EPARSE,
         "the JSON has no AccessKeyId"},
        {"echo '{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"HUSH\"}'", BKT_EPARSE,
         "its JSON is not of \"Version\": 1"},
        {"while :; do echo HUSHHUSHHUSHHUSHHUSHHUSHHUSHHUSHHUSHHUSHHUSHHUSHHUSH; done", BKT_ELIMIT,
         "it writes more than 65536 bytes"},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# %s\n", cases[i].message);
        program(f, cases[i].text);
        assert_int_equal(ask(f, bkt_creds_process_fetch, "default"), cases[i].rc);
        assert_says(f, cases[i].message);
    }
    fake_env_write(&f->fake, ".aws/config", "[default]\ncredential_process = /nonexistent/x\n");
    assert_int_equal(ask(f, bkt_creds_process_fetch, "default"), BKT_ECREDS);
    assert_says(f, "start /nonexistent/x: No such file or directory");
}

static void only_the_end_of_long_words_is_told(void **state)
{
    struct creds_fixture *f = *state;
    program(f, "i=0; while [ $i -lt 500 ]; do echo line $i >&2; i=$((i+1)); done; exit 1\n");
    assert_int_equal(ask(f, bkt_creds_process_fetch, "default"), BKT_ECREDS);
    assert_says(f, "line 498 line 499");
    assert_null(strstr(f->err.message, "line 100"));
}

/* The limit is one of real time; a program that never ends shows that it is kept. */
static void a_program_that_does_not_end(void **state)
{
    struct creds_fixture *f = *state;
    f->ctx.process_timeout_ms = 50;
    program(f, "sleep 1000\n");
    assert_int_equal(ask(f, bkt_creds_process_fetch, "default"), BKT_ECREDS);
    assert_says(f, "it has not ended after 1 s");
}

static void programs_survive_oom(void **state)
{
    struct creds_fixture *f = *state;
    program(f, "echo '" GOOD "}'\n");
    T_TORTURE(ask_and_forget(f, bkt_creds_process_fetch, "default"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splitting),
        cmocka_unit_test_setup_teardown(good_output, creds_fixture_setup, creds_fixture_teardown),
        cmocka_unit_test_setup_teardown(failures, creds_fixture_setup, creds_fixture_teardown),
        cmocka_unit_test_setup_teardown(only_the_end_of_long_words_is_told, creds_fixture_setup,
                                        creds_fixture_teardown),
        cmocka_unit_test_setup_teardown(a_program_that_does_not_end, creds_fixture_setup,
                                        creds_fixture_teardown),
        cmocka_unit_test_setup_teardown(programs_survive_oom, creds_fixture_setup,
                                        creds_fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
