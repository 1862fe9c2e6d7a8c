/* The forms of a target, and that no password is shown. */
#include "api/target_url.h"

#include "t.h"

static void targets_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        enum bkt_target_kind kind;
        const char *rest;
        const char *topic;
    } cases[] = {
        {"docs.db", BKT_TARGET_SQLITE, "docs.db", ""},
        {"/a/b:c.db", BKT_TARGET_SQLITE, "/a/b:c.db", ""},
        {"./a:b", BKT_TARGET_SQLITE, "./a:b", ""},
        {"sqlite:docs.db", BKT_TARGET_SQLITE, "docs.db", ""},
        {"sqlite:kafka:x", BKT_TARGET_SQLITE, "kafka:x", ""},
        {"sqlite:/abs.db", BKT_TARGET_SQLITE, "/abs.db", ""},
        {"postgresql://", BKT_TARGET_POSTGRES, "postgresql://", ""},
        {"postgres://u:p@h/db", BKT_TARGET_POSTGRES, "postgres://u:p@h/db", ""},
        {"kafka://b1:9092,b2:9092/topic", BKT_TARGET_KAFKA, "b1:9092,b2:9092", "topic"},
        {"jsonl:-", BKT_TARGET_JSONL, "-", ""},
        {"jsonl:changes.jsonl", BKT_TARGET_JSONL, "changes.jsonl", ""},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# case %zu\n", i);
        struct bkt_target_url target;
        assert_int_equal(bkt_target_url_parse(cases[i].url, &target, NULL), BKT_OK);
        assert_int_equal(target.kind, cases[i].kind);
        assert_true(bkt_str_eq(target.rest, bkt_str_from(cases[i].rest)));
        assert_true(bkt_str_eq(target.topic, bkt_str_from(cases[i].topic)));
    }
}

static void what_is_no_target_is_told_how_to_be_one(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        const char *message; /* a part of it */
    } cases[] = {
        {"", "must not be empty"},
        {"mysql://u:secret@h/db", "no kind of target is called \"mysql\""},
        {"a:b", "sqlite:FILE"},
        {"sqlite:", "write sqlite:FILE"},
        {"sqlite:///abs.db", "is \"/abs.db\" meant?"},
        {"jsonl:", "write jsonl:FILE"},
        {"postgresql:db", "write postgresql://USER@HOST/DATABASE"},
        {"kafka:b/t", "write kafka://BROKER"},
        {"kafka://b:9092", "no topic"},
        {"kafka:///t", "no broker"},
        {"kafka://b/", "is no topic"},
        {"kafka://b/t/u", "is no topic"},
        {"kafka://b/..", "is no topic"},
        {"kafka://u:secret@b/t", "--kafka-option"},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# case %zu\n", i);
        struct bkt_target_url target;
        struct bkt_error err = {0};
        assert_int_equal(bkt_target_url_parse(cases[i].url, &target, &err), BKT_ECONFIG);
        print_message("# %s\n", err.message);
        assert_non_null(strstr(err.message, cases[i].message));
        assert_null(strstr(err.message, "secret"));
    }
}

static void a_printable_url_has_no_password(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"docs.db", "docs.db"},
        {"", ""},
        {"postgresql://", "postgresql://"},
        {"postgresql://h:5432/db", "postgresql://h:5432/db"},
        {"postgresql://u@h/db", "postgresql://u@h/db"},
        {"postgresql://u:pw@h:5432/db", "postgresql://u:***@h:5432/db"},
        {"postgresql://u:p@w/x?y@h/db", "postgresql://u:***@h/db"},
        {"redis://:pw@h", "redis://:***@h"},
        {"postgresql://h/db?a=b&password=pw&c=d", "postgresql://h/db?a=b&password=***&c=d"},
        {"postgresql://h/db?sslpassword=p%40w", "postgresql://h/db?sslpassword=***"},
        {"postgresql://h/db?password=p@w", "postgresql://h/db?password=***"},
        {"postgresql://h/db?password", "postgresql://h/db?password"},
        {"x:p@h", "x:p@h"},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# case %zu\n", i);
        struct bkt_buf out = BKT_BUF_INIT(100);
        assert_int_equal(bkt_url_printable(bkt_str_from(cases[i][0]), &out), BKT_OK);
        assert_string_equal(bkt_buf_str(&out).ptr, cases[i][1]);
        bkt_buf_clear(&out);
    }
}

static int print_one(void)
{
    struct bkt_buf out = BKT_BUF_INIT(100);
    int rc = bkt_url_printable(BKT_STR("postgresql://u:p@h/db?a=b&password=pw"), &out);
    bkt_buf_clear(&out);
    return rc;
}

static void printing_survives_oom(void **state)
{
    (void)state;
    T_TORTURE(print_one());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_are_told_apart),
        cmocka_unit_test(what_is_no_target_is_told_how_to_be_one),
        cmocka_unit_test(a_printable_url_has_no_password),
        cmocka_unit_test(printing_survives_oom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
