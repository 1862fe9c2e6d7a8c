/*
 * UTF-8 repair is held against the examples of the Unicode standard (section 3.9, tables 3-8 to
 * 3-11), and the fast validation against its slow self: the same bytes at every offset of a block.
 */
#include "core/text.h"

#include <bucketable/error.h>

#include "t.h"

#define FFFD "\xEF\xBF\xBD"

static const struct {
    const char *name;
    struct bkt_str bytes;
    size_t valid_len;
    struct bkt_str repaired;
} utf8_cases[] = {
    {"nothing", {"", 0}, 0, {"", 0}},
    {"ASCII and a NUL", {"a\0b", 3}, 3, {"a\0b", 3}},
    {"two, three, four bytes",
     {"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", 9},
     9,
     {"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", 9}},
    {"the last code point", {"\xF4\x8F\xBF\xBF", 4}, 4, {"\xF4\x8F\xBF\xBF", 4}},
    {"over the last code point", {"\xF4\x90\x80\x80", 4}, 0, {FFFD FFFD FFFD FFFD, 12}},
    {"before and after the surrogates",
     {"\xED\x9F\xBF\xEE\x80\x80", 6},
     6,
     {"\xED\x9F\xBF\xEE\x80\x80", 6}},
    {"a lone continuation", {"a\x80z", 3}, 1, {"a" FFFD "z", 5}},
    {"cut off at the end", {"a\xF0\x9F\x98", 4}, 1, {"a" FFFD, 4}},
    {"cut off by a letter", {"\xE2\x82z", 3}, 0, {FFFD "z", 4}},
    {"a mark is a character", {"\xEF\xBB\xBFx", 4}, 4, {"\xEF\xBB\xBFx", 4}},
    /* Table 3-8: overlong forms. */
    {"overlong",
     {"\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41", 9},
     0,
     {FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD "A", 25}},
    /* Table 3-9: surrogates. */
    {"surrogates",
     {"\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41", 9},
     0,
     {FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD "A", 25}},
    /* Table 3-10: bytes that never occur, and beginnings that cannot go on. */
    {"other ill-formed",
     {"\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42", 9},
     0,
     {FFFD FFFD FFFD FFFD FFFD "A" FFFD FFFD "B", 23}},
    /* Table 3-11: truncated sequences are one each. */
    {"truncated", {"\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", 9}, 0, {FFFD FFFD FFFD FFFD "A", 13}},
};

static void repair_puts_one_mark_for_each_maximal_subpart(void **state)
{
    (void)state;
    for (size_t i = 0; i < T_COUNT(utf8_cases); i++) {
        print_message("# %s\n", utf8_cases[i].name);
        assert_int_equal(bkt_utf8_valid_len(utf8_cases[i].bytes), utf8_cases[i].valid_len);
        struct bkt_buf out = BKT_BUF_INIT(100);
        assert_int_equal(bkt_utf8_repair(utf8_cases[i].bytes, &out), BKT_OK);
        assert_int_equal(out.len, utf8_cases[i].repaired.len);
        assert_memory_equal(bkt_buf_str(&out).ptr, utf8_cases[i].repaired.ptr, out.len);
        bkt_buf_clear(&out);
    }
}

/* Character by character one comes as far as the text is well-formed. */
static void a_text_is_a_sequence_of_characters(void **state)
{
    (void)state;
    for (size_t i = 0; i < T_COUNT(utf8_cases); i++) {
        print_message("# %s\n", utf8_cases[i].name);
        struct bkt_str rest = utf8_cases[i].bytes;
        while (rest.len > 0 && bkt_utf8_sequence_len(rest) > 0)
            rest = bkt_str_skip(rest, bkt_utf8_sequence_len(rest));
        assert_int_equal(utf8_cases[i].bytes.len - rest.len, utf8_cases[i].valid_len);
    }
    static const struct {
        uint32_t code;
        const char *text;
    } codes[] = {
        {0x7f, "\x7f"},
        {0x80, "\xc2\x80"},
        {0x7ff, "\xdf\xbf"},
        {0x800, "\xe0\xa0\x80"},
        {0xffff, "\xef\xbf\xbf"},
        {0x10000, "\xf0\x90\x80\x80"},
        {0x10ffff, "\xf4\x8f\xbf\xbf"},
    };
    for (size_t i = 0; i < T_COUNT(codes); i++) {
        char text[BKT_UTF8_CHAR_BYTES];
        assert_int_equal(bkt_utf8_put(codes[i].code, text), strlen(codes[i].text));
        assert_memory_equal(text, codes[i].text, strlen(codes[i].text));
    }
}

static void validation_finds_the_same_at_every_offset(void **state)
{
    (void)state;
    for (size_t i = 0; i < T_COUNT(utf8_cases); i++) {
        for (size_t before = 0; before < 70; before++) {
            char block[160];
            memset(block, 'x', sizeof(block));
            struct bkt_str bytes = utf8_cases[i].bytes;
            memcpy(block + before, bytes.ptr, bytes.len);
            bool is_valid = utf8_cases[i].valid_len == bytes.len;
            size_t want = is_valid ? sizeof(block) : before + utf8_cases[i].valid_len;
            struct bkt_str whole = {block, sizeof(block)};
            assert_int_equal(bkt_utf8_valid_len(whole), want);
        }
    }
}

static void a_mark_names_the_encoding(void **state)
{
    (void)state;
    static const struct {
        struct bkt_str bytes;
        enum bkt_encoding encoding;
        size_t bom_len;
    } cases[] = {
        {{"", 0}, BKT_ENCODING_UTF8, 0},
        {{"\xEF\xBB\xBFx", 4}, BKT_ENCODING_UTF8, 3},
        {{"\xEF\xBB", 2}, BKT_ENCODING_UTF8, 0},
        {{"\xFF\xFEx\0", 4}, BKT_ENCODING_UTF16LE, 2},
        {{"\xFF\xFE", 2}, BKT_ENCODING_UTF16LE, 2},
        {{"\xFF\xFE\0\0", 4}, BKT_ENCODING_UTF16LE, 2}, /* and not UTF-32 */
        {{"\xFE\xFF\0x", 4}, BKT_ENCODING_UTF16BE, 2},
        {{"\xFF", 1}, BKT_ENCODING_UTF8, 0},
        {{"\0\0\xFE\xFF", 4}, BKT_ENCODING_UTF8, 0},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        size_t bom_len = 99;
        assert_int_equal(bkt_text_sniff(cases[i].bytes, &bom_len), cases[i].encoding);
        assert_int_equal(bom_len, cases[i].bom_len);
    }
    assert_string_equal(bkt_encoding_name(BKT_ENCODING_UTF8), "UTF-8");
    assert_string_equal(bkt_encoding_name(BKT_ENCODING_UTF16LE), "UTF-16LE");
    assert_string_equal(bkt_encoding_name(BKT_ENCODING_UTF16BE), "UTF-16BE");
}

static void utf16_is_converted_in_both_orders(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct bkt_str big_endian;
        struct bkt_str text;
        size_t bad_at;
    } cases[] = {
        {"nothing", {"", 0}, {"", 0}, 0},
        {"one, two, three bytes", {"\0A\x00\xE9\x20\xAC", 6}, {"A\xC3\xA9\xE2\x82\xAC", 6}, 6},
        {"a NUL", {"\0\0", 2}, {"\0", 1}, 2},
        {"a pair", {"\xD8\x3D\xDE\x00", 4}, {"\xF0\x9F\x98\x80", 4}, 4},
        {"the first and the last pair",
         {"\xD8\x00\xDC\x00\xDB\xFF\xDF\xFF", 8},
         {"\xF0\x90\x80\x80\xF4\x8F\xBF\xBF", 8},
         8},
        {"a high half alone", {"\xD8\x3D\0A", 4}, {FFFD "A", 4}, 0},
        {"a low half alone", {"\0A\xDE\x00", 4}, {"A" FFFD, 4}, 2},
        {"halves in the wrong order", {"\xDE\x00\xD8\x3D", 4}, {FFFD FFFD, 6}, 0},
        {"two high halves, one low",
         {"\xD8\x3D\xD8\x3D\xDE\x00", 6},
         {FFFD "\xF0\x9F\x98\x80", 7},
         0},
        {"an odd byte", {"\0A\0", 3}, {"A" FFFD, 4}, 2},
        {"a high half at the end", {"\0A\xD8\x3D", 4}, {"A" FFFD, 4}, 2},
        {"a high half and an odd byte are one", {"\xD8\x3D\xDE", 3}, {FFFD, 3}, 0},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        for (int big_endian = 0; big_endian <= 1; big_endian++) {
            print_message("# %s, %s\n", cases[i].name, big_endian ? "BE" : "LE");
            char bytes[16];
            size_t len = cases[i].big_endian.len;
            for (size_t j = 0; j < len; j++) {
                size_t from = big_endian || (j | 1) >= len ? j : j ^ 1;
                bytes[j] = cases[i].big_endian.ptr[from];
            }
            struct bkt_buf out = BKT_BUF_INIT(100);
            size_t bad_at = 99;
            struct bkt_str in = {bytes, len};
            assert_int_equal(bkt_utf16_to_utf8(in, big_endian, &out, &bad_at), BKT_OK);
            assert_int_equal(out.len, cases[i].text.len);
            assert_memory_equal(bkt_buf_str(&out).ptr, cases[i].text.ptr, out.len);
            assert_int_equal(bad_at, cases[i].bad_at);
            bkt_buf_clear(&out);
        }
    }
}

static void conversions_stop_at_the_ceiling(void **state)
{
    (void)state;
    struct bkt_buf out = BKT_BUF_INIT(5);
    assert_int_equal(bkt_utf8_repair(BKT_STR("\x80\x80"), &out), BKT_ELIMIT);
    bkt_buf_reset(&out);
    size_t bad_at = 0;
    assert_int_equal(bkt_utf16_to_utf8(BKT_STR("\x20\xAC\x20\xAC"), true, &out, &bad_at),
                     BKT_ELIMIT);
    bkt_buf_clear(&out);
}

static int convert_much(void)
{
    struct bkt_buf out = BKT_BUF_INIT(10000);
    size_t bad_at = 0;
    int rc = BKT_OK;
    for (int i = 0; i < 100 && rc == BKT_OK; i++)
        rc = bkt_utf8_repair(BKT_STR("abc\x80\xFF\xE2\x82"), &out);
    for (int i = 0; i < 100 && rc == BKT_OK; i++)
        rc = bkt_utf16_to_utf8(BKT_STR("\x20\xAC\xDE\x00\x20"), true, &out, &bad_at);
    bkt_buf_clear(&out);
    return rc;
}

static void conversions_survive_oom(void **state)
{
    (void)state;
    T_TORTURE(convert_much());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repair_puts_one_mark_for_each_maximal_subpart),
        cmocka_unit_test(a_text_is_a_sequence_of_characters),
        cmocka_unit_test(validation_finds_the_same_at_every_offset),
        cmocka_unit_test(a_mark_names_the_encoding),
        cmocka_unit_test(utf16_is_converted_in_both_orders),
        cmocka_unit_test(conversions_stop_at_the_ceiling),
        cmocka_unit_test(conversions_survive_oom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
