/*
 * Where ranges are cut: inside, at keys that are UTF-8, and about where the keys to come would be
 * halved if they were like those before.
 */
#include "table/split.h"

#include "core/text.h"
#include "t.h"

#include <bucketable/error.h>

#include <math.h>
#include <stdlib.h>

static struct bkt_alphabet alphabet_of(const char *text)
{
    struct bkt_alphabet alphabet = {0};
    bkt_alphabet_see(&alphabet, bkt_str_from(text));
    return alphabet;
}

static void pages_are_counted_by_their_width(void **state)
{
    (void)state;
    static const struct {
        const char *alphabet, *first, *last, *up_to;
        double low, high;
    } cases[] = {
        {"0123456789", "0000", "0999", "9999", 8, 13},
        {"0123456789", "3000", "3999", "7999", 3.5, 5.5},
        {"0123456789", "3000", "3999", "4100", 0, 0.5},
        {"0123456789", "x/y/3000", "x/y/3999", "x/y/7999", 3.5, 5.5},
        {"0123456789abcdef", "00000000", "00ffffff", "ffffffff", 200, 500},
        /* Nothing is known of what lies between these and the end. */
        {"0123456789", "0000000000000000000000", "0000000000000000000999", "", 1e17, HUGE_VAL},
        /* The same key, and one that is beyond all digits. */
        {"a", "a", "a", "b", 1e50, HUGE_VAL},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        struct bkt_alphabet alphabet = alphabet_of(cases[i].alphabet);
        struct bkt_split_range range = {bkt_str_from(cases[i].first), bkt_str_from(cases[i].last),
                                        bkt_str_from(cases[i].up_to)};
        double pages = bkt_split_pages(&alphabet, &range);
        if (!(pages >= cases[i].low && pages <= cases[i].high))
            fail_msg("%s..%s up to %s: %g pages", cases[i].first, cases[i].last, cases[i].up_to,
                     pages);
    }
}

static void cuts_go_where_the_scales_say(void **state)
{
    (void)state;
    static const struct {
        const char *alphabet, *first, *last, *up_to;
        double lean;
        const char *low, *high;
    } cases[] = {
        /* The middle of what is behind the page that is asked for already. */
        {"0123456789", "0000", "0999", "9999", 0.5, "58", "62"},
        {"0123456789", "a/0000", "a/0999", "a/9999", 0.5, "a/58", "a/62"},
        /* Half the digits between the page's and those of the whole. */
        {"0123456789", "000000000000000000", "000000000000000999", "999999999999999999", 0.5,
         "00000001", "000001"},
        /* The upper end of the scale, and the lower one. */
        {"0123456789", "000000000000000000", "000000000000000999", "999999999999999999", 1, "3",
         "6"},
        {"0123456789", "000000000000000000", "000000000000000999", "999999999999999999", 0,
         "000000000000001", "000000000000003"},
        /* Nothing is known of the bytes between. */
        {"az", "a", "aa", "z", 0.5, "b", "y"},
    };
    struct bkt_buf key = BKT_BUF_INIT(4096);
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        struct bkt_alphabet alphabet = alphabet_of(cases[i].alphabet);
        struct bkt_split_range range = {bkt_str_from(cases[i].first), bkt_str_from(cases[i].last),
                                        bkt_str_from(cases[i].up_to)};
        bool found = false;
        assert_int_equal(bkt_split_cut(&alphabet, &range, cases[i].lean, &key, &found), BKT_OK);
        assert_true(found);
        struct bkt_str cut = bkt_buf_str(&key);
        if (bkt_str_cmp(cut, bkt_str_from(cases[i].low)) < 0 ||
            bkt_str_cmp(cut, bkt_str_from(cases[i].high)) > 0)
            fail_msg("%s..%s up to %s: %s", cases[i].first, cases[i].last, cases[i].up_to, key.ptr);
    }
    bkt_buf_clear(&key);
}

static void no_room_no_cut(void **state)
{
    (void)state;
    static const struct bkt_str cases[][2] = {
        {{"a", 1}, {"a\0", 2}},
        {{"a", 1}, {"a", 1}},
        {{"ab", 2}, {"ab\x01", 3}},
    };
    struct bkt_alphabet alphabet = alphabet_of("ab");
    struct bkt_buf key = BKT_BUF_INIT(4096);
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        struct bkt_split_range range = {cases[i][0], cases[i][0], cases[i][1]};
        bool found = true;
        assert_int_equal(bkt_split_cut(&alphabet, &range, 0.5, &key, &found), BKT_OK);
        assert_false(found);
    }
    bkt_buf_clear(&key);
}

/* Keys of few characters, so that they share beginnings; `0` to `f` and some beyond ASCII. */
static struct bkt_str random_key(char *out)
{
    static const char *const characters[] = {"0",
                                             "1",
                                             "9",
                                             "a",
                                             "f",
                                             "/",
                                             "-",
                                             " ",
                                             "\xc3\xa9",
                                             "\xe6\x97\xa5",
                                             "~",
                                             "\xed\x9f\xbf",
                                             "\xf0\x9f\x98\x80",
                                             "\xef\xbf\xbd"};
    size_t len = 0;
    size_t count = 1 + (size_t)rand() % 12;
    for (size_t i = 0; i < count; i++) {
        const char *character = characters[(size_t)rand() % T_COUNT(characters)];
        size_t bytes = strlen(character);
        memcpy(out + len, character, bytes);
        len += bytes;
    }
    return (struct bkt_str){out, len};
}

static void swap_to_order(struct bkt_str *a, struct bkt_str *b)
{
    struct bkt_str c = *a;
    if (bkt_str_cmp(*a, *b) > 0) {
        *a = *b;
        *b = c;
    }
}

static void every_cut_is_inside_and_utf8(void **state)
{
    (void)state;
    srand(1);
    struct bkt_buf key = BKT_BUF_INIT(4096);
    size_t cuts = 0;
    for (int round = 0; round < 20000; round++) {
        char texts[3][64];
        struct bkt_str keys[3];
        struct bkt_alphabet alphabet = {0};
        for (size_t i = 0; i < 3; i++) {
            keys[i] = random_key(texts[i]);
            if (rand() % 4)
                bkt_alphabet_see(&alphabet, keys[i]);
        }
        swap_to_order(&keys[0], &keys[1]);
        swap_to_order(&keys[1], &keys[2]);
        swap_to_order(&keys[0], &keys[1]);
        if (bkt_str_eq(keys[1], keys[2]))
            continue;
        struct bkt_split_range range = {keys[0], keys[1], keys[2]};
        double pages = bkt_split_pages(&alphabet, &range);
        assert_true(pages >= 0);
        bool found = false;
        double lean = (double)(rand() % 101) / 100;
        assert_int_equal(bkt_split_cut(&alphabet, &range, lean, &key, &found), BKT_OK);
        if (!found)
            continue;
        cuts++;
        struct bkt_str cut = bkt_buf_str(&key);
        assert_true(bkt_str_cmp(cut, keys[1]) > 0);
        assert_true(bkt_str_cmp(cut, keys[2]) < 0);
        assert_true(cut.len < 256);
        assert_true(bkt_utf8_valid_len(cut) == cut.len);
    }
    assert_true(cuts > 10000);
    bkt_buf_clear(&key);
}

static int cut_once(void)
{
    struct bkt_alphabet alphabet = alphabet_of("0123456789");
    struct bkt_split_range range = {BKT_STR("a/0000"), BKT_STR("a/0999"), BKT_STR("a/9999")};
    struct bkt_buf key = BKT_BUF_INIT(4096);
    bool found = false;
    int rc = bkt_split_cut(&alphabet, &range, 0.5, &key, &found);
    bkt_buf_clear(&key);
    return rc;
}

static void out_of_memory_is_said(void **state)
{
    (void)state;
    T_TORTURE(cut_once());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_are_counted_by_their_width),
        cmocka_unit_test(cuts_go_where_the_scales_say),
        cmocka_unit_test(no_room_no_cut),
        cmocka_unit_test(every_cut_is_inside_and_utf8),
        cmocka_unit_test(out_of_memory_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
