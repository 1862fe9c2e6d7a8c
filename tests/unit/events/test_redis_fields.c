/* What two looks at a hash tell: against a table of plain arrays, on random hashes. */
#include "events/redis_fields.h"

#include "t.h"

#include <stdio.h>
#include <stdlib.h>

static bool see(struct bkt_redis_fields *fields, const char *name, const char *value)
{
    bool is_changed;
    assert_int_equal(
        bkt_redis_fields_see(fields, bkt_str_from(name), bkt_str_from(value), &is_changed), BKT_OK);
    return is_changed;
}

static void come_changed_gone(void **state)
{
    (void)state;
    struct bkt_redis_fields fields = {0};
    struct bkt_str names[4];
    bool is_nameless;
    bkt_redis_fields_begin(&fields);
    assert_true(see(&fields, "a", "1"));
    assert_true(see(&fields, "b", "1"));
    assert_false(see(&fields, "a", "1")); /* HSCAN may tell one twice */
    assert_int_equal(bkt_redis_fields_sweep(&fields, names, 4, &is_nameless), 0);

    bkt_redis_fields_begin(&fields);
    assert_true(see(&fields, "a", "2"));
    assert_true(see(&fields, "", ""));
    assert_int_equal(bkt_redis_fields_sweep(&fields, names, 4, &is_nameless), 1);
    assert_string_equal(names[0].ptr, "b");
    assert_false(is_nameless);
    bkt_mem_free((void *)(uintptr_t)names[0].ptr);
    assert_int_equal(fields.count, 2);
    bkt_redis_fields_clear(&fields);
    assert_int_equal(bkt_mem_live(), 0);
}

static void beyond_the_limit_only_the_fact_is_known(void **state)
{
    (void)state;
    struct bkt_redis_fields fields = {.named_max = 1};
    struct bkt_str names[4];
    bool is_nameless;
    bkt_redis_fields_begin(&fields);
    (void)see(&fields, "named", "1");
    (void)see(&fields, "nameless", "1");
    bkt_redis_fields_begin(&fields);
    (void)see(&fields, "named", "1");
    assert_int_equal(bkt_redis_fields_sweep(&fields, names, 4, &is_nameless), 0);
    assert_true(is_nameless);
    assert_int_equal(fields.count, 1);
    bkt_redis_fields_clear(&fields);
}

static void many_looks_agree_with_plain_arrays(void **state)
{
    (void)state;
    enum { NAMES = 700, LOOKS = 60 };
    static int held[NAMES]; /* the value, 0: not there */
    static int now[NAMES];
    struct bkt_redis_fields fields = {0};
    unsigned seed = 7;
    for (int look = 0; look < LOOKS; look++) {
        bkt_redis_fields_begin(&fields);
        for (int i = 0; i < NAMES; i++) {
            char name[16];
            char value[16];
            now[i] = rand_r(&seed) % 3 == 0 ? rand_r(&seed) % 3 : held[i];
            (void)snprintf(name, sizeof(name), "field %d", i);
            (void)snprintf(value, sizeof(value), "%d", now[i]);
            if (now[i] != 0)
                assert_int_equal(see(&fields, name, value), now[i] != held[i]);
        }
        size_t found;
        struct bkt_str gone[16];
        do {
            bool is_nameless;
            found = bkt_redis_fields_sweep(&fields, gone, T_COUNT(gone), &is_nameless);
            for (size_t k = 0; k < found; k++) {
                int i = atoi(gone[k].ptr + 6);
                assert_true(held[i] != 0 && now[i] == 0);
                held[i] = 0;
                bkt_mem_free((void *)(uintptr_t)gone[k].ptr);
            }
        } while (found == T_COUNT(gone));
        for (int i = 0; i < NAMES; i++) {
            assert_false(held[i] != 0 && now[i] == 0); /* all that went was told */
            held[i] = now[i];
        }
    }
    bkt_redis_fields_clear(&fields);
    assert_int_equal(bkt_mem_live(), 0);
}

static int look_once(void)
{
    struct bkt_redis_fields fields = {0};
    int rc = BKT_OK;
    bkt_redis_fields_begin(&fields);
    for (int i = 0; i < 300 && rc == BKT_OK; i++) {
        bool is_changed;
        rc = bkt_redis_fields_see(&fields, (struct bkt_str){(const char *)&i, sizeof(i)},
                                  BKT_STR("v"), &is_changed);
    }
    bkt_redis_fields_clear(&fields);
    return rc;
}

static void out_of_memory_is_an_error(void **state)
{
    (void)state;
    T_TORTURE(look_once());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(come_changed_gone),
        cmocka_unit_test(beyond_the_limit_only_the_fact_is_known),
        cmocka_unit_test(many_looks_agree_with_plain_arrays),
        cmocka_unit_test(out_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
