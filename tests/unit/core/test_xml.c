/*
 * Documents are told as a line of tokens: "(a" begins an element, ")" ends one, "." is the end of
 * the document.  What is well-formed and what is not is compared with expat elsewhere (the test and
 * the fuzzer of list pages); here are the reader's own promises.
 */
#include "core/xml.h"

#include "core/buf.h"

#include "t.h"

/* The tokens of `body`, or "!" for a failure where it comes. */
static void tell(const char *body, struct bkt_buf *out)
{
    struct bkt_xml xml;
    enum bkt_xml_token token = BKT_XML_START;
    bkt_buf_reset(out);
    int rc = bkt_xml_begin(&xml, bkt_str_from(body), NULL);
    while (rc == BKT_OK && (rc = bkt_xml_next(&xml, &token, NULL)) == BKT_OK) {
        if (token == BKT_XML_START)
            assert_int_equal(bkt_buf_printf(out, "(%.*s", BKT_STR_ARG(xml.name)), BKT_OK);
        else
            assert_int_equal(bkt_buf_append_char(out, token == BKT_XML_END ? ')' : '.'), BKT_OK);
        if (token == BKT_XML_DONE)
            return;
    }
    assert_int_equal(rc, BKT_EPARSE);
    assert_int_equal(bkt_buf_append_char(out, '!'), BKT_OK);
}

static void tokens(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"<a/>", "(a)."},
        {"<a></a>", "(a)."},
        {"<?xml version=\"1.0\"?>\n<a><b/>text<c>d</c></a>\n", "(a(b)(c))."},
        {"<n:a xmlns:n=\"u\"><n:b/></n:a>", "(a(b))."},
        {"<a\n x = '1'\ty=\"&lt;\" ><!-- <b> --><?p <b> ?><![CDATA[<b>]]></a >", "(a)."},
        {"<a>", "(a!"},
        {"<a/", "!"},
        {"", "!"},
        {"<a><b></a></b>", "(a(b!"},
        {"<a></ab>", "(a!"},
        {"<ab></a>", "(ab!"},
        {"<a/><b/>", "(a)!"},
        {"<a/>x", "(a)!"},
        {"<a>&unknown;</a>", "(a!"},
        {"<!DOCTYPE a><a/>", "!"},
        {"<a x='1' x='2'/>", "!"},
        {"</a>", "!"},
    };
    struct bkt_buf out = BKT_BUF_INIT(1024);
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# case %zu\n", i);
        tell(cases[i][0], &out);
        assert_string_equal(out.ptr, cases[i][1]);
    }
    bkt_buf_clear(&out);
}

static void text_of_an_element(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        const char *text; /* NULL: malformed */
    } cases[] = {
        {"<a>plain</a>", "plain"},
        {"<a/>", ""},
        {"<a></a>", ""},
        {"<a>&lt;&gt;&amp;&quot;&apos;</a>", "<>&\"'"},
        {"<a>&#65;&#x42;&#x000000043;</a>", "ABC"},
        {"<a>&#xe9;&#x20ac;&#x1F600;</a>", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"<a>1<![CDATA[<2>&amp;]]>3<!-- 4 -->5<?p 6?>7</a>", "1<2>&amp;357"},
        {"<a><![CDATA[]]]]><![CDATA[>]]></a>", "]]>"},
        {"<a>] ]] ]>]</a>", "] ]] ]>]"},
        {"<a>a long text with a ] and an &amp; somewhere in its middle</a>",
         "a long text with a ] and an & somewhere in its middle"},
        {"<a>x\r\ny\rz&#13;\n</a>", "x\ny\nz\r\n"},
        {"<a>\r</a>", "\n"},
        {"<a><![CDATA[\r\n\r]]></a>", "\n\n"},
        {"<a>x<b/></a>", NULL},
        {"<a>x", NULL},
        {"<a>x<", NULL},
        {"<a>]]></a>", NULL},
        {"<a>&#0;</a>", NULL},
        {"<a>&#55296;</a>", NULL},
        {"<a>&#4294967361;</a>", NULL},
        {"<a>&#x;</a>", NULL},
        {"<a>&#X41;</a>", NULL},
        {"<a>&amp</a>", NULL},
        {"<a>&AMP;</a>", NULL},
        {"<a>&</a>", NULL},
        {"<a><![CDATA[x]]</a>", NULL},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# case %zu\n", i);
        struct bkt_arena arena = {0};
        struct bkt_xml xml;
        enum bkt_xml_token token;
        struct bkt_str text;
        assert_int_equal(bkt_xml_begin(&xml, bkt_str_from(cases[i].body), NULL), BKT_OK);
        assert_int_equal(bkt_xml_next(&xml, &token, NULL), BKT_OK);
        int rc = bkt_xml_text(&xml, &arena, &text, NULL);
        assert_int_equal(rc, cases[i].text ? BKT_OK : BKT_EPARSE);
        if (rc == BKT_OK) {
            assert_true(bkt_str_eq(text, bkt_str_from(cases[i].text)));
            assert_int_equal(bkt_xml_next(&xml, &token, NULL), BKT_OK);
            assert_int_equal(token, BKT_XML_DONE);
        }
        bkt_arena_clear(&arena);
    }
}

static void text_is_a_view_where_it_can_be(void **state)
{
    (void)state;
    static const char body[] = "<a>some text</a>";
    struct bkt_xml xml;
    enum bkt_xml_token token;
    struct bkt_str text;
    assert_int_equal(bkt_xml_begin(&xml, bkt_str_from(body), NULL), BKT_OK);
    assert_int_equal(bkt_xml_next(&xml, &token, NULL), BKT_OK);
    assert_int_equal(bkt_xml_text(&xml, NULL, &text, NULL), BKT_OK);
    assert_ptr_equal(text.ptr, body + 3);
}

static void skip_takes_an_element_with_all_in_it(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "<r><a/><b/></r>",
        "<r><a></a><b/></r>",
        "<r><a>x<a><a/></a>&lt;<!-- --></a><b/></r>",
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        struct bkt_xml xml;
        enum bkt_xml_token token;
        assert_int_equal(bkt_xml_begin(&xml, bkt_str_from(cases[i]), NULL), BKT_OK);
        assert_int_equal(bkt_xml_next(&xml, &token, NULL), BKT_OK);
        assert_int_equal(bkt_xml_next(&xml, &token, NULL), BKT_OK);
        assert_int_equal(bkt_xml_skip(&xml, NULL), BKT_OK);
        assert_int_equal(bkt_xml_next(&xml, &token, NULL), BKT_OK);
        assert_int_equal(token, BKT_XML_START);
        assert_true(bkt_str_eq(xml.name, BKT_STR("b")));
    }
}

static void depth_and_attributes_are_limited(void **state)
{
    (void)state;
    struct bkt_buf body = BKT_BUF_INIT(4096);
    struct bkt_buf out = BKT_BUF_INIT(4096);
    for (int over = 0; over < 2; over++) {
        bkt_buf_reset(&body);
        for (int i = 0; i < BKT_XML_DEPTH_MAX + over; i++)
            assert_int_equal(bkt_buf_append(&body, BKT_STR("<a>")), BKT_OK);
        for (int i = 0; i < BKT_XML_DEPTH_MAX + over; i++)
            assert_int_equal(bkt_buf_append(&body, BKT_STR("</a>")), BKT_OK);
        tell(body.ptr, &out);
        assert_int_equal(out.ptr[out.len - 1], over ? '!' : '.');

        bkt_buf_reset(&body);
        assert_int_equal(bkt_buf_append(&body, BKT_STR("<a")), BKT_OK);
        for (int i = 0; i < BKT_XML_ATTRIBUTES_MAX + over; i++)
            assert_int_equal(bkt_buf_printf(&body, " x%d=''", i), BKT_OK);
        assert_int_equal(bkt_buf_append(&body, BKT_STR("/>")), BKT_OK);
        tell(body.ptr, &out);
        assert_string_equal(out.ptr, over ? "!" : "(a).");
    }
    bkt_buf_clear(&body);
    bkt_buf_clear(&out);
}

static void errors_carry_the_position(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        const char *message;
    } cases[] = {
        {"<a>\x01</a>", "XML, byte 3: not a character of XML 1.0 in UTF-8"},
        {"<a>secret&no;</a>", "XML, byte 9: not a reference to a character of XML"},
        {"<a><b></a>", "XML, byte 6: an end tag that does not match its start tag"},
        {"<a>", "XML, byte 3: the document ends early"},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        struct bkt_xml xml;
        struct bkt_error err;
        enum bkt_xml_token token = BKT_XML_START;
        int rc = bkt_xml_begin(&xml, bkt_str_from(cases[i].body), &err);
        while (rc == BKT_OK && token != BKT_XML_DONE)
            rc = bkt_xml_next(&xml, &token, &err);
        assert_int_equal(rc, BKT_EPARSE);
        assert_string_equal(err.message, cases[i].message);
    }
}

/* The scanning of eight bytes at a time, with each special byte at each place. */
static void words_hide_nothing(void **state)
{
    (void)state;
    for (size_t at = 0; at < 70; at++) {
        char body[128] = "<a>";
        memset(body + 3, 'x', 70);
        memcpy(body + 73, "</a>", 4);
        struct bkt_buf out = BKT_BUF_INIT(64);
        static const char bad[] = {'\x01', '\x1f', '\x80', '\xff', '&', '<'};
        for (size_t i = 0; i < sizeof(bad); i++) {
            body[3 + at] = bad[i];
            tell(body, &out);
            assert_int_equal(out.ptr[out.len - 1], '!');
        }
        static const char good[] = {' ', '\t', '\n', '\r', ']', '>', '\x7f', '~'};
        for (size_t i = 0; i < sizeof(good); i++) {
            body[3 + at] = good[i];
            tell(body, &out);
            assert_string_equal(out.ptr, "(a).");
        }
        bkt_buf_clear(&out);
    }
}

static void an_element_may_be_taken_as_it_stands(void **state)
{
    (void)state;
    static const char body[] = "<r xmlns=\"u\">\n<p:a b='1'><c>&lt;</c></p:a><d /><e></e></r>";
    struct bkt_xml xml;
    enum bkt_xml_token token;
    struct bkt_str bytes;
    assert_int_equal(bkt_xml_begin(&xml, bkt_str_from(body), NULL), BKT_OK);
    assert_int_equal(bkt_xml_next(&xml, &token, NULL), BKT_OK);
    assert_true(bkt_str_eq(bkt_xml_tag(&xml), BKT_STR("<r xmlns=\"u\">")));
    static const char *const wanted[] = {"<p:a b='1'><c>&lt;</c></p:a>", "<d />", "<e></e>"};
    for (size_t i = 0; i < T_COUNT(wanted); i++) {
        assert_int_equal(bkt_xml_next(&xml, &token, NULL), BKT_OK);
        assert_int_equal(token, BKT_XML_START);
        assert_int_equal(bkt_xml_verbatim(&xml, &bytes, NULL), BKT_OK);
        assert_true(bkt_str_eq(bytes, bkt_str_from(wanted[i])));
    }
    assert_int_equal(bkt_xml_next(&xml, &token, NULL), BKT_OK);
    assert_int_equal(token, BKT_XML_END);
}

static int read_text(void)
{
    struct bkt_arena arena = {0};
    struct bkt_xml xml;
    enum bkt_xml_token token;
    struct bkt_str text;
    int rc = bkt_xml_begin(&xml, BKT_STR("<a>&amp;</a>"), NULL);
    if (rc == BKT_OK)
        rc = bkt_xml_next(&xml, &token, NULL);
    if (rc == BKT_OK)
        rc = bkt_xml_text(&xml, &arena, &text, NULL);
    bkt_arena_clear(&arena);
    return rc;
}

static void memory_runs_out(void **state)
{
    (void)state;
    T_TORTURE(read_text());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens),
        cmocka_unit_test(text_of_an_element),
        cmocka_unit_test(text_is_a_view_where_it_can_be),
        cmocka_unit_test(skip_takes_an_element_with_all_in_it),
        cmocka_unit_test(an_element_may_be_taken_as_it_stands),
        cmocka_unit_test(depth_and_attributes_are_limited),
        cmocka_unit_test(errors_carry_the_position),
        cmocka_unit_test(words_hide_nothing),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
