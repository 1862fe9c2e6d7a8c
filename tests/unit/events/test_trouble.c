/* What an owner is told: each trouble once, its end once, kinds of warnings once. */
#include "events/trouble.h"

#include "t.h"

#include <stdio.h>

struct told {
    unsigned troubles, reliefs;
};

static void on_trouble(void *ctx, const struct bkt_error *err)
{
    struct told *told = ctx;
    if (err)
        told->troubles++;
    else
        told->reliefs++;
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
    struct bkt_once once = {0};
    char kind[16];
    unsigned told = 0;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 100; i++) {
            (void)snprintf(kind, sizeof(kind), "kind %d", i);
            told += bkt_once(&once, kind);
        }
    }
    assert_int_equal(told, BKT_ONCE_KINDS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_of_state_are_told_once),
        cmocka_unit_test(kinds_are_told_once_and_not_without_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
