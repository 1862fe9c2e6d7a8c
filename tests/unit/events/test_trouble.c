/* What an owner is told: each trouble once, its end once, kinds of warnings once. */
#include "events/trouble.h"

#include "t.h"

#include <stdio.h>

struct told {
    unsigned troubles, reliefs, warnings;
    char line[1024];
};

static void on_trouble(void *ctx, const struct bkt_error *err)
{
    struct told *told = ctx;
    if (err)
        told->troubles++;
    else
        told->reliefs++;
}

static void on_warning(void *ctx, const char *line)
{
    struct told *told = ctx;
    told->warnings++;
    (void)snprintf(told->line, sizeof(told->line), "%s", line);
}

static void changes_of_state_are_told_once(void **state)
{
    (void)state;
    struct told told = {0};
    struct bkt_channel_owner owner = {.ctx = &told, .trouble = on_trouble};
    struct bkt_trouble trouble = {0};
    struct bkt_error err = {0};

    bkt_trouble_off(&trouble, &owner, 0);
    assert_int_equal(told.reliefs, 0);
    bkt_trouble_on(&trouble, &owner, 0, "network", &err);
    bkt_trouble_on(&trouble, &owner, 0, "network", &err);
    assert_int_equal(told.troubles, 1);
    bkt_trouble_on(&trouble, &owner, 0, "AccessDenied", &err);
    assert_int_equal(told.troubles, 2);
    bkt_trouble_on(&trouble, &owner, 1, "AccessDenied", &err);
    assert_int_equal(told.troubles, 3);
    bkt_trouble_off(&trouble, &owner, 0);
    assert_int_equal(told.reliefs, 0); /* the other one is still on */
    bkt_trouble_off(&trouble, &owner, 1);
    bkt_trouble_off(&trouble, &owner, 1);
    assert_int_equal(told.reliefs, 1);
    bkt_trouble_on(&trouble, &owner, 0, "network", &err);
    assert_int_equal(told.troubles, 4);
}

static void kinds_are_told_once_and_not_without_end(void **state)
{
    (void)state;
    struct told told = {0};
    struct bkt_channel_owner owner = {.ctx = &told, .warn = on_warning};
    struct bkt_warned warned = {0};
    char kind[16];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 100; i++) {
            (void)snprintf(kind, sizeof(kind), "kind %d", i);
            bkt_warn_once(&warned, &owner, kind, "it is %s", kind);
        }
    }
    assert_int_equal(told.warnings, BKT_WARNED_KINDS_MAX);
    assert_string_equal(told.line, "it is kind 15");
}

static void a_warning_is_one_printable_line(void **state)
{
    (void)state;
    struct told told = {0};
    struct bkt_channel_owner owner = {.ctx = &told, .warn = on_warning};
    struct bkt_warned warned = {0};
    bkt_warn_once(&warned, &owner, "said", "the server said %s", "\x1b[2Jno\nnever \xC3\xBC");
    assert_string_equal(told.line, "the server said \\x1b[2Jno\\nnever \xC3\xBC");
    owner.warn = NULL;
    bkt_warn_once(&warned, &owner, "other", "nobody hears it");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_of_state_are_told_once),
        cmocka_unit_test(kinds_are_told_once_and_not_without_end),
        cmocka_unit_test(a_warning_is_one_printable_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
