/* Keys come back as they went in, and an empty spool needs no file. */
#include "api/spool.h"

#include "t.h"

static void keys_come_back_in_order(void **state)
{
    (void)state;
    static char long_key[5000];
    memset(long_key, 'k', sizeof(long_key));
    const struct bkt_str keys[] = {
        {"a", 1}, {"", 0}, {"b\0c\n", 4}, {long_key, sizeof(long_key)}, {"\xff", 1}};
    struct bkt_spool spool = {0};
    for (size_t i = 0; i < T_COUNT(keys); i++)
        assert_int_equal(bkt_spool_add(&spool, keys[i], NULL), BKT_OK);
    assert_int_equal(bkt_spool_rewind(&spool, NULL), BKT_OK);

    struct bkt_str key;
    bool has_key;
    for (size_t i = 0; i < T_COUNT(keys); i++) {
        assert_int_equal(bkt_spool_next(&spool, &key, &has_key, NULL), BKT_OK);
        assert_true(has_key);
        assert_true(bkt_str_eq(key, keys[i]));
    }
    assert_int_equal(bkt_spool_next(&spool, &key, &has_key, NULL), BKT_OK);
    assert_false(has_key);
    bkt_spool_clear(&spool);
    assert_int_equal(bkt_mem_live(), 0);
}

static void nothing_was_kept(void **state)
{
    (void)state;
    struct bkt_spool spool = {0};
    struct bkt_str key;
    bool has_key = true;
    assert_int_equal(bkt_spool_rewind(&spool, NULL), BKT_OK);
    assert_int_equal(bkt_spool_next(&spool, &key, &has_key, NULL), BKT_OK);
    assert_false(has_key);
    assert_null(spool.file);
    bkt_spool_clear(&spool);
}

static void names_have_a_limit(void **state)
{
    (void)state;
    struct bkt_spool spool = {0};
    struct bkt_str key = {"", (size_t)2 << 20};
    assert_int_equal(bkt_spool_add(&spool, key, NULL), BKT_ELIMIT);
    bkt_spool_clear(&spool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_come_back_in_order),
        cmocka_unit_test(nothing_was_kept),
        cmocka_unit_test(names_have_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
