/* Strings are compared byte for byte; base64 with the vectors of RFC 4648, section 10. */
#include "core/json_write.h"

#include <bucketable/error.h>

#include "t.h"

static void expect(struct bkt_buf *out, int rc, const char *want)
{
    assert_int_equal(rc, BKT_OK);
    assert_string_equal(out->ptr, want);
    assert_int_equal(out->len, strlen(want));
    bkt_buf_clear(out);
}

static void strings_are_escaped(void **state)
{
    (void)state;
    static const struct {
        struct bkt_str text;
        const char *json;
    } cases[] = {
        {{"", 0}, "\"\""},
        {{"plain /\x7F", 8}, "\"plain /\x7F\""},
        {{"\"\\", 2}, "\"\\\"\\\\\""},
        {{"a\0b", 3}, "\"a\\u0000b\""},
        {{"\n\r\t", 3}, "\"\\n\\r\\t\""},
        {{"\x01\b\f\x1f", 4}, "\"\\u0001\\u0008\\u000c\\u001f\""},
        {{"\xC3\xA9\xE2\x80\xA8\xF0\x9F\x98\x80", 9}, "\"\xC3\xA9\xE2\x80\xA8\xF0\x9F\x98\x80\""},
        {{"a\x80\"", 3}, "\"a\xEF\xBF\xBD\\\"\""},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        struct bkt_buf out = BKT_BUF_INIT(100);
        expect(&out, bkt_json_append_string(&out, cases[i].text), cases[i].json);
    }
}

/* The same byte at every place of a longer text. */
static void every_byte_is_escaped_wherever_it_stands(void **state)
{
    (void)state;
    for (int byte = 0; byte < 0x80; byte++) {
        for (size_t at = 0; at < 20; at++) {
            char text[20];
            char want[32] = "\"";
            memset(text, 'x', sizeof(text));
            text[at] = (char)byte;
            struct bkt_buf one = BKT_BUF_INIT(100);
            struct bkt_buf all = BKT_BUF_INIT(100);
            assert_int_equal(bkt_json_append_string(&one, (struct bkt_str){text + at, 1}), BKT_OK);
            memset(want + 1, 'x', at);
            memcpy(want + 1 + at, one.ptr + 1, one.len - 2);
            memset(want + at + one.len - 1, 'x', sizeof(text) - at - 1);
            memcpy(want + sizeof(text) + one.len - 2, "\"", 2);
            assert_int_equal(bkt_json_append_string(&all, (struct bkt_str){text, sizeof(text)}),
                             BKT_OK);
            assert_string_equal(all.ptr, want);
            bool is_plain = byte >= 0x20 && byte != '"' && byte != '\\';
            assert_int_equal(one.len == 3, is_plain);
            bkt_buf_clear(&one);
            bkt_buf_clear(&all);
        }
    }
}

static void base64_is_padded(void **state)
{
    (void)state;
    static const struct {
        struct bkt_str bytes;
        const char *json;
    } cases[] = {
        {{"", 0}, "\"\""},
        {{"f", 1}, "\"Zg==\""},
        {{"fo", 2}, "\"Zm8=\""},
        {{"foo", 3}, "\"Zm9v\""},
        {{"foob", 4}, "\"Zm9vYg==\""},
        {{"fooba", 5}, "\"Zm9vYmE=\""},
        {{"foobar", 6}, "\"Zm9vYmFy\""},
        {{"\xFB\xFF\xBF\0", 4}, "\"+/+/AA==\""},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        struct bkt_buf out = BKT_BUF_INIT(100);
        expect(&out, bkt_json_append_base64(&out, cases[i].bytes), cases[i].json);
    }
}

static void a_field_that_is_no_text_is_base64(void **state)
{
    (void)state;
    struct bkt_buf out = BKT_BUF_INIT(100);
    expect(&out, bkt_json_append_field(&out, "filename", BKT_STR("a/\xC3\xA9")),
           "\"filename\":\"a/\xC3\xA9\"");
    expect(&out, bkt_json_append_field(&out, "filename", BKT_STR("a/\xE9")),
           "\"filename_base64\":\"YS/p\"");
    expect(&out, bkt_json_append_bytes_field(&out, "content", BKT_STR("foo")),
           "\"content_base64\":\"Zm9v\"");
    expect(&out, bkt_json_append_uint_field(&out, "size", UINT64_MAX),
           "\"size\":18446744073709551615");
}

static void the_ceiling_holds(void **state)
{
    (void)state;
    struct bkt_buf out = BKT_BUF_INIT(7);
    assert_int_equal(bkt_json_append_string(&out, BKT_STR("123456")), BKT_ELIMIT);
    bkt_buf_clear(&out);
    assert_int_equal(bkt_json_append_base64(&out, BKT_STR("123456")), BKT_ELIMIT);
    assert_int_equal(out.len, 0);
    bkt_buf_clear(&out);
}

static int write_all(void)
{
    struct bkt_buf out = BKT_BUF_INIT(10000);
    int rc = BKT_OK;
    for (int i = 0; i < 20 && !rc; i++) {
        rc = bkt_json_append_field(&out, "name", BKT_STR("\n\n\n\n\"\"\"\""));
        if (!rc)
            rc = bkt_json_append_field(&out, "name", BKT_STR("\xFF\xFF"));
        if (!rc)
            rc = bkt_json_append_string(&out, BKT_STR("\xFF\xFF"));
    }
    bkt_buf_clear(&out);
    return rc;
}

static void writing_survives_oom(void **state)
{
    (void)state;
    T_TORTURE(write_all());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_are_escaped),
        cmocka_unit_test(every_byte_is_escaped_wherever_it_stands),
        cmocka_unit_test(base64_is_padded),
        cmocka_unit_test(a_field_that_is_no_text_is_base64),
        cmocka_unit_test(the_ceiling_holds),
        cmocka_unit_test(writing_survives_oom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
