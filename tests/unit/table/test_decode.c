/*
 * Every policy over the same objects, then the question that a changed spec asks: which rows would
 * come out the same?
 */
#include "table/decode.h"

#include "t.h"

#define FFFD "\xEF\xBF\xBD"

static const struct bkt_decode_policy replace = {.text_errors = BKT_TEXT_REPLACE};
static const struct bkt_decode_policy strict = {.text_errors = BKT_TEXT_STRICT};
static const struct bkt_decode_policy bytes = {.text_errors = BKT_TEXT_BYTES};
static const struct bkt_decode_policy binary = {.binary = true};

enum outcome { TEXT, REPLACED, BYTES, FAILED };

static void policies_decide(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const struct bkt_decode_policy *policy;
        struct bkt_str object;
        enum outcome outcome;
        struct bkt_str content;
        const char *reason;
    } cases[] = {
        {"empty", &replace, {"", 0}, TEXT, {"", 0}, ""},
        {"UTF-8", &strict, {"h\xC3\xA9", 3}, TEXT, {"h\xC3\xA9", 3}, ""},
        {"U+0000 is content", &strict, {"a\0b", 3}, TEXT, {"a\0b", 3}, ""},
        {"a mark goes", &strict, {"\xEF\xBB\xBFx", 4}, TEXT, {"x", 1}, ""},
        {"a mark alone", &strict, {"\xEF\xBB\xBF", 3}, TEXT, {"", 0}, ""},
        {"one mark goes, not two",
         &strict,
         {"\xEF\xBB\xBF\xEF\xBB\xBF", 6},
         TEXT,
         {"\xEF\xBB\xBF", 3},
         ""},
        {"UTF-16LE", &strict, {"\xFF\xFEh\0\xE9\0", 6}, TEXT, {"h\xC3\xA9", 3}, ""},
        {"UTF-16BE", &bytes, {"\xFE\xFF\0h\0\xE9", 6}, TEXT, {"h\xC3\xA9", 3}, ""},
        {"a mark of UTF-16 alone", &strict, {"\xFF\xFE", 2}, TEXT, {"", 0}, ""},
        {"replaced", &replace, {"a\x80z", 3}, REPLACED, {"a" FFFD "z", 5}, ""},
        {"replaced after a mark", &replace, {"\xEF\xBB\xBF\x80", 4}, REPLACED, {FFFD, 3}, ""},
        {"U+FFFD of the object's own", &replace, {FFFD, 3}, TEXT, {FFFD, 3}, ""},
        {"half a pair", &replace, {"\xFF\xFE\x3D\xD8", 4}, REPLACED, {FFFD, 3}, ""},
        {"strict", &strict, {"a\x80z", 3}, FAILED, {"", 0}, "not valid UTF-8 at byte 1"},
        {"strict counts the mark",
         &strict,
         {"\xEF\xBB\xBF"
          "a\x80",
          5},
         FAILED,
         {"", 0},
         "not valid UTF-8 at byte 4"},
        {"strict UTF-16",
         &strict,
         {"\xFE\xFF\0a\0", 5},
         FAILED,
         {"", 0},
         "not valid UTF-16BE at byte 4"},
        {"bytes keep the mark",
         &bytes,
         {"\xEF\xBB\xBF\x80", 4},
         BYTES,
         {"\xEF\xBB\xBF\x80", 4},
         ""},
        {"bytes of UTF-16", &bytes, {"\xFF\xFEx", 3}, BYTES, {"\xFF\xFEx", 3}, ""},
        {"binary", &binary, {"\xEF\xBB\xBFx", 4}, BYTES, {"\xEF\xBB\xBFx", 4}, ""},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# %s\n", cases[i].name);
        struct bkt_buf body = BKT_BUF_INIT(100);
        assert_int_equal(bkt_buf_append(&body, cases[i].object), BKT_OK);
        struct bkt_decoded decoded;
        assert_int_equal(bkt_decode(*cases[i].policy, &body, &decoded, NULL), BKT_OK);
        assert_int_equal(decoded.replaced, cases[i].outcome == REPLACED);
        assert_int_equal(decoded.is_bytes, cases[i].outcome == BYTES);
        assert_int_equal(decoded.failed, cases[i].outcome == FAILED);
        assert_true(bkt_str_eq(decoded.content, cases[i].content));
        assert_string_equal(decoded.reason, cases[i].reason);
        assert_true(bkt_decode_is_current(decoded.decode, decoded.replaced, decoded.failed,
                                          *cases[i].policy));
        bkt_buf_clear(&body);
    }
}

static void good_text_is_not_copied(void **state)
{
    (void)state;
    struct bkt_buf body = BKT_BUF_INIT(100);
    assert_int_equal(bkt_buf_append(&body, BKT_STR("\xEF\xBB\xBFtext")), BKT_OK);
    const char *before = body.ptr;
    struct bkt_decoded decoded;
    assert_int_equal(bkt_decode(strict, &body, &decoded, NULL), BKT_OK);
    assert_ptr_equal(decoded.content.ptr, before + 3);
    bkt_buf_clear(&body);
}

/* A body may grow past its ceiling when it is repaired: the ceiling was for what came in. */
static void repair_may_outgrow_the_body(void **state)
{
    (void)state;
    struct bkt_buf body = BKT_BUF_INIT(2);
    assert_int_equal(bkt_buf_append(&body, BKT_STR("\x80\x80")), BKT_OK);
    struct bkt_decoded decoded;
    assert_int_equal(bkt_decode(replace, &body, &decoded, NULL), BKT_OK);
    assert_int_equal(decoded.content.len, 6);
    assert_true(body.len <= body.max);
    bkt_buf_clear(&body);
}

static uint32_t number_of(struct bkt_decode_policy policy, struct bkt_str object)
{
    struct bkt_buf body = BKT_BUF_INIT(100);
    assert_int_equal(bkt_buf_append(&body, object), BKT_OK);
    struct bkt_decoded decoded;
    assert_int_equal(bkt_decode(policy, &body, &decoded, NULL), BKT_OK);
    bkt_buf_clear(&body);
    return decoded.decode;
}

static void a_row_is_current_when_it_would_come_out_the_same(void **state)
{
    (void)state;
    const struct bkt_str good = BKT_STR("good");
    const struct bkt_str bad = BKT_STR("\x80");
    const struct {
        const char *name;
        struct bkt_decode_policy made;
        struct bkt_str object;
        bool replaced;
        bool failed;
        struct bkt_decode_policy now;
        bool is_current;
    } cases[] = {
        {"good text, replace to strict", replace, good, false, false, strict, true},
        {"good text, strict to bytes", strict, good, false, false, bytes, true},
        {"good text, text to binary", strict, good, false, false, binary, false},
        {"binary to text", binary, good, false, false, replace, false},
        {"binary stays", binary, bad, false, false, binary, true},
        {"replaced stays", replace, bad, true, false, replace, true},
        {"replaced to strict", replace, bad, true, false, strict, false},
        {"replaced to bytes", replace, bad, true, false, bytes, false},
        {"raw bytes stay", bytes, bad, false, false, bytes, true},
        {"raw bytes to replace", bytes, bad, false, false, replace, false},
        {"raw bytes to strict", bytes, bad, false, false, strict, false},
        {"failed stays failed", strict, bad, false, true, strict, true},
        {"failed to replace", strict, bad, false, true, replace, false},
        {"failed to binary", strict, bad, false, true, binary, false},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# %s\n", cases[i].name);
        uint32_t decode = number_of(cases[i].made, cases[i].object);
        assert_int_equal(
            bkt_decode_is_current(decode, cases[i].replaced, cases[i].failed, cases[i].now),
            cases[i].is_current);
    }
    assert_false(bkt_decode_is_current(0, false, false, replace));
}

static int decode_bad(struct bkt_str object)
{
    struct bkt_buf body = BKT_BUF_INIT(100);
    struct bkt_decoded decoded;
    struct bkt_error err;
    int rc = bkt_buf_append(&body, object);
    if (!rc)
        rc = bkt_decode(replace, &body, &decoded, &err);
    bkt_buf_clear(&body);
    return rc;
}

static void decode_survives_oom(void **state)
{
    (void)state;
    T_TORTURE(decode_bad(BKT_STR("a\x80")));
    T_TORTURE(decode_bad(BKT_STR("\xFF\xFE"
                                 "a\0b")));
}

/* Whatever a policy makes of an object, its length is one that may be. */
static void lengths_that_may_be(void **state)
{
    (void)state;
    static const struct bkt_decode_policy *const policies[] = {&replace, &strict, &bytes, &binary};
    static const struct bkt_str objects[] = {
        {"", 0},
        {"plain", 5},
        {"a\x80z", 3},
        {"\xEF\xBB\xBFx", 4},
        {"\xFF\xFE", 2},
        {"\xFF\xFEh\0\xE9\0", 6},
        {"\xFE\xFF\x4E\x2D", 4},
        {"\xFE\xFF\xD8\x3D\xDE\0", 6},
        {"\xFE\xFF\0", 3},
    };
    for (size_t i = 0; i < T_COUNT(policies) * T_COUNT(objects); i++) {
        struct bkt_str object = objects[i / T_COUNT(policies)];
        struct bkt_buf body = BKT_BUF_INIT(100);
        struct bkt_decoded decoded;
        assert_int_equal(bkt_buf_append(&body, object), BKT_OK);
        assert_int_equal(bkt_decode(*policies[i % T_COUNT(policies)], &body, &decoded, NULL),
                         BKT_OK);
        if (!decoded.failed) {
            assert_true(bkt_decode_may_be(decoded.decode, decoded.replaced, object.len,
                                          decoded.is_bytes, decoded.content.len));
        }
        bkt_buf_clear(&body);
    }
}

static void lengths_that_cannot_be(void **state)
{
    (void)state;
    struct bkt_buf body = BKT_BUF_INIT(100);
    struct bkt_decoded text;
    struct bkt_decoded raw;
    assert_int_equal(bkt_decode(replace, &body, &text, NULL), BKT_OK);
    assert_int_equal(bkt_decode(binary, &body, &raw, NULL), BKT_OK);
    assert_false(bkt_decode_may_be(raw.decode, false, 100, true, 97));
    assert_false(bkt_decode_may_be(raw.decode, false, 100, false, 100));
    assert_false(bkt_decode_may_be(text.decode, false, 100, true, 100));
    assert_false(bkt_decode_may_be(text.decode, false, 101, false, 100));
    assert_false(bkt_decode_may_be(text.decode, false, 100, false, 48));
    assert_false(bkt_decode_may_be(text.decode, false, 100, false, 150));
    assert_false(bkt_decode_may_be(text.decode, false, 0, false, 1));
    assert_true(bkt_decode_may_be(text.decode, true, 100, false, 150));
    bkt_buf_clear(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(policies_decide),
        cmocka_unit_test(good_text_is_not_copied),
        cmocka_unit_test(repair_may_outgrow_the_body),
        cmocka_unit_test(a_row_is_current_when_it_would_come_out_the_same),
        cmocka_unit_test(decode_survives_oom),
        cmocka_unit_test(lengths_that_may_be),
        cmocka_unit_test(lengths_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
