/* The words that parsers are written in. */
#include "core/str.h"

#include "core/ascii.h"

#include "t.h"

#include <ctype.h>

static void affixes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *affix;
        bool is_prefix;
        bool is_suffix;
    } cases[] = {
        {"", "", true, true},       {"a", "", true, true},       {"", "a", false, false},
        {"abab", "ab", true, true}, {"abc", "ab", true, false},  {"abc", "bc", false, true},
        {"abc", "abc", true, true}, {"bc", "abc", false, false},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# %s, %s\n", cases[i].text, cases[i].affix);
        struct bkt_str text = bkt_str_from(cases[i].text);
        struct bkt_str affix = bkt_str_from(cases[i].affix);
        assert_int_equal(bkt_str_has_prefix(text, affix), cases[i].is_prefix);
        assert_int_equal(bkt_str_has_suffix(text, affix), cases[i].is_suffix);
    }
    struct bkt_str none = {0};
    assert_true(bkt_str_has_prefix(none, none) && bkt_str_has_suffix(none, none));
}

static void places(void **state)
{
    (void)state;
    struct bkt_str text = BKT_STR("name=a=b");
    assert_int_equal(bkt_str_find(text, '='), 4);
    assert_int_equal(bkt_str_find(text, '?'), text.len);
    assert_int_equal(bkt_str_find((struct bkt_str){0}, '='), 0);
    assert_true(bkt_str_eq(bkt_str_skip(text, 5), BKT_STR("a=b")));
    assert_int_equal(bkt_str_skip(text, text.len).len, 0);
}

static void white_space_at_both_ends_goes(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", ""}, {" \t\r\n", ""}, {"a", "a"}, {"\n a b\t", "a b"}, {"\v a \xa0", "\v a \xa0"},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++)
        assert_true(bkt_str_eq(bkt_str_trim(bkt_str_from(cases[i][0])), bkt_str_from(cases[i][1])));
}

static void case_is_that_of_ascii(void **state)
{
    (void)state;
    assert_true(bkt_str_eq_nocase(BKT_STR("Content-LENGTH"), BKT_STR("cONTENT-length")));
    assert_true(bkt_str_eq_nocase(BKT_STR(""), (struct bkt_str){0}));
    assert_false(bkt_str_eq_nocase(BKT_STR("a"), BKT_STR("ab")));
    assert_false(bkt_str_eq_nocase(BKT_STR("@[`{"), BKT_STR("`{@[")));
    assert_false(bkt_str_eq_nocase(BKT_STR("\xc3\x84"), BKT_STR("\xc3\xa4")));
}

static void whole_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
        uint64_t value;
    } cases[] = {
        {"0", true, 0},
        {"0042", true, 42},
        {"18446744073709551615", true, UINT64_MAX},
        {"18446744073709551616", false, 7},
        {"99999999999999999999", false, 7},
        {"", false, 7},
        {"-1", false, 7},
        {"+1", false, 7},
        {" 1", false, 7},
        {"1x", false, 7},
        {"\xb2", false, 7},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# %s\n", cases[i].text);
        uint64_t value = 7;
        assert_int_equal(bkt_str_to_uint(bkt_str_from(cases[i].text), &value), cases[i].good);
        assert_true(value == cases[i].value);
    }
}

/* Against the C locale's own functions, byte for byte. */
static void every_byte_is_of_its_class(void **state)
{
    (void)state;
    static const char digits[] = "0123456789abcdef";
    for (int byte = 0; byte < 256; byte++) {
        char c = (char)byte;
        bool is_ascii = byte < 0x80;
        const char *digit = byte ? strchr(digits, bkt_to_lower(c)) : NULL;
        assert_int_equal(bkt_hex_value(c), digit ? digit - digits : -1);
        assert_int_equal(bkt_is_digit(c), byte >= '0' && byte <= '9');
        assert_int_equal(bkt_is_alnum(c), is_ascii && isalnum(byte) != 0);
        assert_int_equal(bkt_to_lower(c), is_ascii ? (char)tolower(byte) : c);
        assert_int_equal(bkt_is_word_byte(c), byte > ' ' && byte != 0x7f);
        assert_int_equal(bkt_is_space(c), byte && strchr(" \t\r\n", byte));
        assert_int_equal(bkt_is_blank(c), byte && strchr(" \t", byte));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(affixes),
        cmocka_unit_test(places),
        cmocka_unit_test(white_space_at_both_ends_goes),
        cmocka_unit_test(case_is_that_of_ascii),
        cmocka_unit_test(whole_numbers),
        cmocka_unit_test(every_byte_is_of_its_class),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
