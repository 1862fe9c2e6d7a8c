/* Spellings and what they mean; everything that is not wholly such a spelling is refused. */
#include "api/config_value.h"

#include "t.h"

#define NO UINT64_MAX

struct number_case {
    const char *text;
    uint64_t value; /* NO: refused */
};

typedef bool read_fn(struct bkt_str text, uint64_t *out_value, const char **out_why);

static void expect(read_fn *read, const struct number_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        print_message("# \"%s\"\n", cases[i].text);
        uint64_t value = 12345;
        const char *why = NULL;
        bool is_read = read(bkt_str_from(cases[i].text), &value, &why);
        assert_int_equal(is_read, cases[i].value != NO);
        if (is_read)
            assert_true(value == cases[i].value);
        else
            assert_non_null(why);
    }
}

static void sizes_have_units(void **state)
{
    (void)state;
    static const struct number_case cases[] = {
        {"0", 0},
        {"10485760", 10485760},
        {"10B", 10},
        {"10kB", 10000},
        {"10KB", 10000},
        {"10MB", 10000000},
        {"10mb", 10000000},
        {"10MiB", 10485760},
        {"4GiB", 4294967296},
        {"4gib", 4294967296},
        {"1.5GB", 1500000000},
        {"1.5KiB", 1536},
        {"0.1KB", 100},
        {"0.3333333333333KB", 333},
        {"2TB", 2000000000000},
        {"1EiB", 1152921504606846976},
        {"15EiB", 17293822569102704640u},
        {"15.999999999EiB", 18446744072556630111u},
        {"16EiB", NO},
        {"18446744073709551614", 18446744073709551614u},
        {"18446744073709551616", NO},
        {"99999999999999999999999999", NO},
        {"", NO},
        {"MB", NO},
        {"-1", NO},
        {"+1", NO},
        {" 1", NO},
        {"1 ", NO},
        {"1 MB", NO},
        {"10M", NO},
        {"10MBs", NO},
        {"10XB", NO},
        {"1.MB", NO},
        {".5MB", NO},
        {"1.5", NO},
        {"1.5B", NO},
        {"1..5MB", NO},
        {"1e3", NO},
        {"0x10", NO},
        {"1,5MB", NO},
    };
    expect(bkt_value_size, cases, T_COUNT(cases));
}

static void durations_need_a_unit(void **state)
{
    (void)state;
    static const struct number_case cases[] = {
        {"250ms", 250},
        {"30s", 30000},
        {"5m", 300000},
        {"2h", 7200000},
        {"1d", 86400000},
        {"1.5s", 1500},
        {"0s", 0},
        {"30S", 30000},
        {"30", NO},
        {"s", NO},
        {"", NO},
        {"-5s", NO},
        {"5s5", NO},
        {"1m30s", NO},
        {"5 s", NO},
        {"5sec", NO},
        {"999999999999999999d", NO},
    };
    expect(bkt_value_duration, cases, T_COUNT(cases));
}

static void numbers_are_decimal(void **state)
{
    (void)state;
    static const struct number_case cases[] = {
        {"0", 0},
        {"007", 7},
        {"18446744073709551614", 18446744073709551614u},
        {"", NO},
        {"-1", NO},
        {"1x", NO},
        {"1.0", NO},
        {"18446744073709551616", NO},
    };
    expect(bkt_value_uint, cases, T_COUNT(cases));
}

static void deletes_are_a_count_or_a_percentage(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_read;
        bool is_percent;
        uint64_t number;
    } cases[] = {
        {"0", true, false, 0},     {"100", true, false, 100}, {"50%", true, true, 50},
        {"0%", true, true, 0},     {"100%", true, true, 100}, {"101%", false, false, 0},
        {"", false, false, 0},     {"%", false, false, 0},    {"-1", false, false, 0},
        {"50 %", false, false, 0}, {"5%%", false, false, 0},  {"1.5%", false, false, 0},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# case %zu\n", i);
        struct bkt_deletes deletes = {0};
        const char *why = NULL;
        assert_int_equal(bkt_value_deletes(bkt_str_from(cases[i].text), &deletes, &why),
                         cases[i].is_read);
        assert_int_equal(deletes.is_percent, cases[i].is_percent);
        assert_int_equal(deletes.number, cases[i].number);
    }
}

static void a_quote_is_one_line_and_short(void **state)
{
    (void)state;
    char out[BKT_QUOTE_BYTES];
    assert_string_equal(bkt_quote(out, BKT_STR("a b")), "\"a b\"");
    assert_string_equal(bkt_quote(out, BKT_STR("a\nb\x7F")), "\"a\\x0ab\\x7f\"");
    assert_string_equal(bkt_quote(out, BKT_STR("")), "\"\"");
    assert_string_equal(bkt_quote(out, BKT_STR("x://u:p@w@h/d")), "\"x://u:***@h/d\"");
    assert_string_equal(bkt_quote(out, BKT_STR("x://u:@h")), "\"x://u:@h\"");
    assert_string_equal(bkt_quote(out, BKT_STR("x://u@h:1")), "\"x://u@h:1\"");
    assert_string_equal(bkt_quote(out, BKT_STR("://:p@")), "\"://:***@\"");
    assert_string_equal(bkt_quote(out, BKT_STR("a:b@c")), "\"a:b@c\"");

    char text[4000];
    for (size_t len = 90; len < 300; len++) {
        for (size_t i = 0; i < len; i++)
            text[i] = (i + len) % 2 == 0 ? '\xC3' : '\xA9';
        bkt_quote(out, (struct bkt_str){text + (len % 2), len - (len % 2)});
        size_t quoted_len = strlen(out);
        assert_true(quoted_len < BKT_QUOTE_BYTES);
        assert_int_equal(out[quoted_len - 1], '"');
        /* What is left is whole characters. */
        size_t end = quoted_len - 1;
        while (out[end - 1] == '.')
            end--;
        assert_int_equal((unsigned char)out[end - 1], 0xA9);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_have_units),
        cmocka_unit_test(durations_need_a_unit),
        cmocka_unit_test(numbers_are_decimal),
        cmocka_unit_test(deletes_are_a_count_or_a_percentage),
        cmocka_unit_test(a_quote_is_one_line_and_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
