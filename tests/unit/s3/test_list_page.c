/*
 * Pages of real servers are compared with what expat makes of them (list_oracle.h); then come the
 * ways in which a page can lie, each of which must be an error and never a shorter list.
 */
#include "s3/list_page.h"

#include "data.h"
#include "list_oracle.h"

#define KEY(key)     "<Contents><Key>" key "</Key><Size>1</Size></Contents>"
#define NOT_CUT      "<IsTruncated>false</IsTruncated>"
#define PAGE(inside) "<ListBucketResult>" inside "</ListBucketResult>"

static int parse(const char *body, struct bkt_error *err)
{
    struct bkt_arena arena = {0};
    struct bkt_page page;
    int rc = bkt_list_page_parse(bkt_str_from(body), &arena, &page, err);
    bkt_arena_clear(&arena);
    return rc;
}

/* Ours and expat's answer to the same bytes; returns ours. */
static int compare(struct bkt_str body, size_t *out_count)
{
    struct oracle *oracle = oracle_calloc(1, sizeof(*oracle));
    struct bkt_arena arena = {0};
    struct bkt_page page = {0};
    struct bkt_error err = {0};
    int rc = bkt_list_page_parse(body, &arena, &page, &err);
    if (!oracle_read(oracle, body)) {
        assert_int_equal(rc, BKT_EPARSE);
    } else {
        assert_int_equal(rc, oracle_page(oracle));
        assert_true(rc != BKT_OK || oracle_same_page(oracle, &page));
    }
    *out_count = page.object_count;
    oracle_free(oracle);
    free(oracle);
    bkt_arena_clear(&arena);
    return rc;
}

static void pages_of_real_servers(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int rc;
        size_t count;
    } cases[] = {
        {"s3/minio-list-odd-keys-url.xml", BKT_OK, 22},
        {"s3/moto-list-odd-keys-url.xml", BKT_OK, 26},
        {"s3/versitygw-list-odd-keys-url.xml", BKT_OK, 25},
        {"s3/s3mock-list-odd-keys-url.xml", BKT_OK, 26},
        /* A key holds U+0001, which XML 1.0 has no way to say. */
        {"s3/minio-list-odd-keys-raw.xml", BKT_EPARSE, 0},
        {"s3/moto-list-odd-keys-raw.xml", BKT_EPARSE, 0},
        {"s3/s3s-fs-list-odd-keys-raw.xml", BKT_EPARSE, 0},
        {"s3/s3s-fs-list-odd-keys-url.xml", BKT_EPARSE, 0},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# %s\n", cases[i].name);
        struct bkt_buf file = t_read_data(cases[i].name);
        size_t count;
        assert_int_equal(compare(bkt_buf_str(&file), &count), cases[i].rc);
        assert_int_equal(count, cases[i].count);
        bkt_buf_clear(&file);
    }
}

/* The page that Amazon's documentation describes, with the traps in its key. */
static void the_members_of_a_page(void **state)
{
    (void)state;
    static const char body[] =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name>"
        "<Prefix>dir/</Prefix><KeyCount>1</KeyCount><MaxKeys>1</MaxKeys>\n"
        "<IsTruncated>true</IsTruncated>"
        "<NextContinuationToken>1ab+/c==</NextContinuationToken>\n"
        "<Contents><Key>dir/a%2Bb+%C3%A9.txt</Key><LastModified>2024-03-01T10:00:00.123Z"
        "</LastModified><ETag>&quot;5d41402abc4b2a76b9719d911017c592&quot;</ETag>\n"
        "<Size>18446744073709551615</Size><Owner><ID>o</ID><Key>not this</Key></Owner>"
        "<StorageClass>GLACIER</StorageClass></Contents>"
        "<CommonPrefixes><Prefix>not asked for</Prefix></CommonPrefixes>"
        "<EncodingType>url</EncodingType></ListBucketResult>\n";
    struct bkt_arena arena = {0};
    struct bkt_page page;
    assert_int_equal(bkt_list_page_parse(bkt_str_from(body), &arena, &page, NULL), BKT_OK);
    assert_true(page.is_truncated);
    assert_true(bkt_str_eq(page.next_token, BKT_STR("1ab+/c==")));
    assert_int_equal(page.object_count, 1);
    const struct bkt_object *object = &page.objects[0];
    assert_true(bkt_str_eq(object->key, BKT_STR("dir/a+b \xc3\xa9.txt")));
    assert_true(bkt_str_eq(object->etag, BKT_STR("5d41402abc4b2a76b9719d911017c592")));
    assert_true(bkt_str_eq(object->storage_class, BKT_STR("GLACIER")));
    assert_true(object->size == UINT64_MAX);
    assert_int_equal(object->last_modified_ms, INT64_C(1709287200123));
    bkt_arena_clear(&arena);
}

static void keys_in_their_spellings(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *raw; /* without EncodingType */
        const char *url; /* with it */
    } cases[] = {
        {"100%25+x", "100%25+x", "100% x"},
        {"a&amp;b&lt;&gt;&quot;&apos;", "a&b<>\"'", "a&b<>\"'"},
        {"&#37;41", "%41", "A"},
        {"a&#x9;&#10;&#xD;b", "a\t\n\rb", "a\t\n\rb"},
        {"line\r\nend\rs", "line\nend\ns", "line\nend\ns"},
        {"<![CDATA[<&>]]>&amp;<!-- no -->]", "<&>&]", "<&>&]"},
        {"a//b/./../", "a//b/./../", "a//b/./../"},
        {" led ", " led ", " led "},
        {"%01", "%01", "\x01"},
        {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
        {"100%", "100%", "100%"},
    };
    for (size_t i = 0; i < 2 * T_COUNT(cases); i++) {
        bool is_url = i % 2;
        const char *wanted = is_url ? cases[i / 2].url : cases[i / 2].raw;
        print_message("# case %zu\n", i / 2);
        struct bkt_arena arena = {0};
        struct bkt_buf body = BKT_BUF_INIT(1024);
        struct bkt_page page;
        assert_int_equal(bkt_buf_printf(&body, PAGE(KEY("%s") NOT_CUT "%s"), cases[i / 2].text,
                                        is_url ? "<EncodingType>url</EncodingType>" : ""),
                         BKT_OK);
        assert_int_equal(bkt_list_page_parse(bkt_buf_str(&body), &arena, &page, NULL), BKT_OK);
        assert_true(bkt_str_eq(page.objects[0].key, bkt_str_from(wanted)));
        assert_int_equal(page.objects[0].last_modified_ms, BKT_TIME_NONE);
        assert_int_equal(page.objects[0].etag.len, 0);
        bkt_buf_clear(&body);
        bkt_arena_clear(&arena);
    }
}

static void tags_lose_their_quotes(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"\"x\"", "x"}, {"&#34;x&#34;", "x"}, {"W/\"x\"", "x"}, {"x-2", "x-2"},
        {"", ""},       {"\"", "\""},         {"\"\"", ""},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        struct bkt_arena arena = {0};
        struct bkt_buf body = BKT_BUF_INIT(1024);
        struct bkt_page page;
        assert_int_equal(bkt_buf_printf(&body,
                                        PAGE("<Contents><ETag>%s</ETag><Size>0</Size><Key>k</Key>"
                                             "</Contents>" NOT_CUT),
                                        cases[i][0]),
                         BKT_OK);
        assert_int_equal(bkt_list_page_parse(bkt_buf_str(&body), &arena, &page, NULL), BKT_OK);
        assert_true(bkt_str_eq(page.objects[0].etag, bkt_str_from(cases[i][1])));
        bkt_buf_clear(&body);
        bkt_arena_clear(&arena);
    }
}

static void pages_that_are_fine(void **state)
{
    (void)state;
    static const char *const cases[] = {
        PAGE(NOT_CUT),
        PAGE("<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"),
        PAGE("<NextContinuationToken/>" NOT_CUT),
        PAGE(NOT_CUT "<EncodingType></EncodingType>" KEY("a") KEY("b")),
        PAGE(NOT_CUT KEY("a") "<CommonPrefixes/>" KEY("b")),
        "<s3:ListBucketResult xmlns:s3='u'><s3:IsTruncated a='1' b=\"&amp;\">false"
        "</s3:IsTruncated ></s3:ListBucketResult>\n<!-- x --><?pi?>\n",
        "\xef\xbb\xbf<?xml version='1.0'?>" PAGE(NOT_CUT),
        /* In any order: bkt_page_check_keys() looks at that. */
        PAGE(NOT_CUT KEY("b") KEY("a")),
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# case %zu\n", i);
        size_t count;
        assert_int_equal(compare(bkt_str_from(cases[i]), &count), BKT_OK);
    }
}

static void every_lie_is_an_error(void **state)
{
    (void)state;
    static const char *const cases[] = {
        /* Not a list. */
        "",
        "   ",
        "<html><body>502</body></html>",
        "{\"Contents\":[]}",
        "<ListAllMyBucketsResult/>",
        /* It does not say whether more follows, or how. */
        PAGE(""),
        PAGE(KEY("a")),
        "<ListBucketResult/>",
        PAGE("<IsTruncated/>"),
        PAGE("<IsTruncated>no</IsTruncated>"),
        PAGE("<IsTruncated>False</IsTruncated>"),
        PAGE("<IsTruncated>true</IsTruncated>"),
        PAGE("<IsTruncated>true</IsTruncated><NextContinuationToken/>"),
        PAGE("<X>" NOT_CUT "</X>"),
        PAGE(NOT_CUT "<IsTruncated>true</IsTruncated>"),
        PAGE("<IsTruncated>true</IsTruncated><NextContinuationToken>a</NextContinuationToken>"
             "<NextContinuationToken>b</NextContinuationToken>"),
        /* Objects that are none. */
        PAGE(NOT_CUT "<Contents/>"),
        PAGE(NOT_CUT "<Contents><Size>1</Size></Contents>"),
        PAGE(NOT_CUT "<Contents><Key/><Size>1</Size></Contents>"),
        PAGE(NOT_CUT "<Contents><Key>a</Key></Contents>"),
        PAGE(NOT_CUT "<Contents><Key>a</Key><Size/></Contents>"),
        PAGE(NOT_CUT "<Contents><Key>a</Key><Size>-1</Size></Contents>"),
        PAGE(NOT_CUT "<Contents><Key>a</Key><Size>1e3</Size></Contents>"),
        PAGE(NOT_CUT "<Contents><Key>a</Key><Size>18446744073709551616</Size></Contents>"),
        PAGE(NOT_CUT "<Contents><Key>a</Key><Key>b</Key><Size>1</Size></Contents>"),
        PAGE(NOT_CUT "<Contents><Key>a</Key><Size>1</Size><Size>1</Size></Contents>"),
        PAGE(NOT_CUT "<Contents><Key>a<b/></Key><Size>1</Size></Contents>"),
        PAGE(NOT_CUT "<Contents><Key>a</Key><Size>1</Size><LastModified>now</LastModified>"
                     "</Contents>"),
        PAGE(NOT_CUT "<EncodingType>base64</EncodingType>"),
        PAGE(NOT_CUT "<EncodingType>url</EncodingType><EncodingType/>"),
        /* Not the end, or not all. */
        PAGE(NOT_CUT) "x",
        PAGE(NOT_CUT) "<x/>",
        PAGE(NOT_CUT) PAGE(NOT_CUT),
        "x" PAGE(NOT_CUT),
        /* Not XML 1.0. */
        " <?xml version='1.0'?>" PAGE(NOT_CUT),
        "<?xml version='1.0' encoding='ISO-8859-1'?>" PAGE(NOT_CUT),
        "<!DOCTYPE x>" PAGE(NOT_CUT),
        "<!DOCTYPE x [<!ENTITY e 'x'>]>" PAGE(NOT_CUT KEY("&e;")),
        PAGE(NOT_CUT KEY("&nbsp;")),
        PAGE(NOT_CUT KEY("a & b")),
        PAGE(NOT_CUT KEY("&#1;")),
        PAGE(NOT_CUT KEY("&#xFFFE;")),
        PAGE(NOT_CUT KEY("&#xD800;")),
        PAGE(NOT_CUT KEY("&#x110000;")),
        PAGE(NOT_CUT KEY("&#;")),
        PAGE(NOT_CUT KEY("\x01")),
        PAGE(NOT_CUT KEY("\xff")),
        PAGE(NOT_CUT KEY("\xc0\xaf")),
        PAGE(NOT_CUT KEY("\xed\xa0\x80")),
        PAGE(NOT_CUT KEY("\xef\xbf\xbf")),
        PAGE(NOT_CUT KEY("\xc3")),
        PAGE(NOT_CUT KEY("a]]>")),
        PAGE(NOT_CUT "<Contents><Key>a</key><Size>1</Size></Contents>"),
        PAGE(NOT_CUT "<a b=1/>"),
        PAGE(NOT_CUT "<a b='1' b='2'/>"),
        PAGE(NOT_CUT "<a b='<'/>"),
        PAGE(NOT_CUT "<!-- a -- b -->"),
        PAGE(NOT_CUT "<1/>"),
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# case %zu\n", i);
        struct bkt_error err = {0};
        assert_int_equal(parse(cases[i], &err), BKT_EPARSE);
        assert_true(err.retriable);
    }
}

static void an_error_after_200_is_told_apart(void **state)
{
    (void)state;
    struct bkt_error err = {0};
    assert_int_equal(
        parse("<?xml version=\"1.0\"?><Error><Code>InternalError</Code></Error>", &err), BKT_ES3);
    assert_true(err.retriable);
}

/* A connection that ends early, at every byte of a real page. */
static void every_truncation_is_an_error(void **state)
{
    (void)state;
    static const char *const names[] = {"s3/minio-list-odd-keys-url.xml",
                                        "s3/versitygw-list-odd-keys-url.xml"};
    for (size_t i = 0; i < T_COUNT(names); i++) {
        struct bkt_buf file = t_read_data(names[i]);
        while (file.len > 0 && file.ptr[file.len - 1] != '>')
            file.len--;
        struct bkt_arena arena = {0};
        for (size_t len = 0; len < file.len; len++) {
            /* A copy of its own, so that a sanitizer sees a read past the end. */
            char *cut = oracle_calloc(1, len + 1);
            char *begin = cut + 1;
            memcpy(begin, file.ptr, len);
            struct bkt_page page;
            int rc = bkt_list_page_parse((struct bkt_str){begin, len}, &arena, &page, NULL);
            assert_int_equal(rc, BKT_EPARSE);
            bkt_arena_reset(&arena);
            free(cut);
        }
        bkt_arena_clear(&arena);
        bkt_buf_clear(&file);
    }
}

static void the_number_of_keys_is_limited(void **state)
{
    (void)state;
    struct bkt_buf body = BKT_BUF_INIT(64 << 20);
    struct bkt_arena arena = {0};
    struct bkt_page page;
    assert_int_equal(bkt_buf_append(&body, BKT_STR("<ListBucketResult>" NOT_CUT)), BKT_OK);
    for (unsigned i = 0; i < BKT_LIST_PAGE_COUNT_MAX; i++)
        assert_int_equal(bkt_buf_printf(&body, KEY("%06u"), i), BKT_OK);
    size_t len = body.len;
    assert_int_equal(bkt_buf_append(&body, BKT_STR("</ListBucketResult>")), BKT_OK);
    assert_int_equal(bkt_list_page_parse(bkt_buf_str(&body), &arena, &page, NULL), BKT_OK);
    assert_int_equal(page.object_count, BKT_LIST_PAGE_COUNT_MAX);

    body.len = len;
    assert_int_equal(bkt_buf_append(&body, BKT_STR(KEY("x") "</ListBucketResult>")), BKT_OK);
    assert_int_equal(bkt_list_page_parse(bkt_buf_str(&body), &arena, &page, NULL), BKT_ELIMIT);
    bkt_arena_clear(&arena);
    bkt_buf_clear(&body);
}

static void memory_runs_out(void **state)
{
    (void)state;
    /* A key longer than an arena's first piece, beside the list of objects. */
    struct bkt_buf body = BKT_BUF_INIT(1 << 20);
    assert_int_equal(bkt_buf_append(&body, BKT_STR("<ListBucketResult><Contents><Key>+")), BKT_OK);
    for (int i = 0; i < 50000; i++)
        assert_int_equal(bkt_buf_append(&body, BKT_STR("&amp;")), BKT_OK);
    assert_int_equal(
        bkt_buf_append(&body, BKT_STR("</Key><Size>1</Size></Contents>" NOT_CUT "<EncodingType>url"
                                      "</EncodingType></ListBucketResult>")),
        BKT_OK);
    char *text = strdup(body.ptr);
    bkt_buf_clear(&body);
    T_TORTURE(parse(text, NULL));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_of_real_servers),
        cmocka_unit_test(the_members_of_a_page),
        cmocka_unit_test(keys_in_their_spellings),
        cmocka_unit_test(tags_lose_their_quotes),
        cmocka_unit_test(pages_that_are_fine),
        cmocka_unit_test(every_lie_is_an_error),
        cmocka_unit_test(an_error_after_200_is_told_apart),
        cmocka_unit_test(every_truncation_is_an_error),
        cmocka_unit_test(the_number_of_keys_is_limited),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
