/* Boundaries cut what was listed into equal parts, whatever the order it came in. */
#include "table/boundaries.h"

#include "t.h"

#include <bucketable/error.h>

#include <stdio.h>
#include <stdlib.h>

enum { PAGE_KEYS = 1000 };

/* `pages` pages whose ends are numbered, in an order of no meaning. */
static void gather(struct bkt_boundaries *boundaries, size_t pages)
{
    for (size_t i = 0; i < pages; i++) {
        char key[32];
        size_t number = i * 7919 % pages; /* a prime that divides none of the counts */
        int len = snprintf(key, sizeof(key), "%08zu", number);
        assert_int_equal(
            bkt_boundaries_add(boundaries, (struct bkt_str){key, (size_t)len}, PAGE_KEYS), BKT_OK);
    }
}

static void parts_are_equal(void **state)
{
    (void)state;
    static const struct {
        size_t pages;
        size_t count_min, count_max;
        size_t part_max; /* pages */
    } cases[] = {
        {0, 0, 0, 0},         {1, 0, 0, 1},           {2, 0, 0, 2},        {3, 1, 1, 2},
        {10, 4, 4, 2},        {100, 49, 49, 2},       {1000, 249, 256, 4}, {4096, 200, 256, 20},
        {4097, 200, 256, 21}, {50000, 200, 256, 300},
    };
    for (size_t c = 0; c < T_COUNT(cases); c++) {
        struct bkt_boundaries boundaries = {0};
        struct bkt_buf bytes = BKT_BUF_INIT(1 << 20);
        struct bkt_arena arena = {0};
        const struct bkt_str *keys;
        size_t count;
        gather(&boundaries, cases[c].pages);
        assert_int_equal(bkt_boundaries_write(&boundaries, &bytes), BKT_OK);
        assert_int_equal(bkt_boundaries_read(bkt_buf_str(&bytes), &arena, &keys, &count), BKT_OK);
        assert_in_range(count, cases[c].count_min, cases[c].count_max);
        size_t before = 0;
        for (size_t i = 0; i <= count; i++) {
            char text[32] = "";
            if (i < count)
                memcpy(text, keys[i].ptr, keys[i].len);
            size_t at = i < count ? strtoul(text, NULL, 10) + 1 : cases[c].pages;
            /* The last part takes what would have been less than one. */
            assert_true(at - before <= cases[c].part_max + (i == count ? cases[c].part_max : 0));
            before = at;
        }
        bkt_arena_clear(&arena);
        bkt_buf_clear(&bytes);
        bkt_boundaries_clear(&boundaries);
    }
    assert_int_equal(bkt_mem_live(), 0);
}

static void garbage_is_cut_short(void **state)
{
    (void)state;
    const struct {
        struct bkt_str bytes;
        size_t count;
    } cases[] = {
        {{"", 0}, 0},
        {{"\0\1a\0\1b", 6}, 2},
        {{"\0\1a\0\1a", 6}, 1},
        {{"\0\1b\0\1a", 6}, 1},
        {{"\0\1a\0", 4}, 1},
        {{"\0\1a\0\2b", 6}, 1},
        {{"\xff\xff"
          "a",
          3},
         0},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        struct bkt_arena arena = {0};
        const struct bkt_str *keys;
        size_t count;
        assert_int_equal(bkt_boundaries_read(cases[i].bytes, &arena, &keys, &count), BKT_OK);
        assert_int_equal(count, cases[i].count);
        bkt_arena_clear(&arena);
    }
}

static int round_trip(void)
{
    struct bkt_boundaries boundaries = {0};
    struct bkt_buf bytes = BKT_BUF_INIT(1 << 20);
    struct bkt_arena arena = {0};
    const struct bkt_str *keys;
    size_t count;
    int rc = BKT_OK;
    for (size_t i = 0; i < 20 && rc == BKT_OK; i++) {
        char key = (char)('a' + i);
        rc = bkt_boundaries_add(&boundaries, (struct bkt_str){&key, 1}, PAGE_KEYS);
    }
    if (rc == BKT_OK)
        rc = bkt_boundaries_write(&boundaries, &bytes);
    if (rc == BKT_OK)
        rc = bkt_boundaries_read(bkt_buf_str(&bytes), &arena, &keys, &count);
    bkt_arena_clear(&arena);
    bkt_buf_clear(&bytes);
    bkt_boundaries_clear(&boundaries);
    return rc;
}

static void out_of_memory_leaves_nothing(void **state)
{
    (void)state;
    T_TORTURE(round_trip());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_equal),
        cmocka_unit_test(garbage_is_cut_short),
        cmocka_unit_test(out_of_memory_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
