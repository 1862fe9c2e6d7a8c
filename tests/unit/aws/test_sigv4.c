/*
 * The published vectors: the signing test suite of aws-c-auth (credentials, region, service and
 * time in `suite`), the worked examples of the Amazon S3 API Reference and of the IAM User Guide;
 * then requests of our own kind, whose signatures an independent signer computed.
 */
#include "aws/sigv4.h"

#include <bucketable/error.h>

#include "t.h"

#include <stdio.h>
#include <stdlib.h>

/* BKT_STR() is no constant expression; tables want one. */
#define TEXT(literal)                \
    {                                \
        literal, sizeof(literal) - 1 \
    }

#define SUITE_TIME_MS INT64_C(1440938160000) /* 2015-08-30T12:36:00Z */
#define GUIDE_TIME_MS INT64_C(1369353600000) /* 2013-05-24T00:00:00Z */
#define SUITE_TOKEN   "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"
#define FORM_HASH     "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e"
#define PUT_HASH      "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"
#define SQS_HASH      "c7092b5cef7d6a40522bd74b7bc272961e7b639c5d6c8e08e50115839530fdae"
#define EMPTY_HASH    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static const struct bkt_sigv4_identity suite = {
    TEXT("AKIDEXAMPLE"), TEXT("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"), {0}, TEXT("us-east-1"),
    TEXT("service"),
};

static const struct bkt_sigv4_identity guide = {
    TEXT("AKIAIOSFODNN7EXAMPLE"),
    TEXT("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    {0},
    TEXT("us-east-1"),
    TEXT("s3"),
};

#define SUITE_HOST                       \
    {"Host", "example.amazonaws.com"},   \
    {                                    \
        "X-Amz-Date", "20150830T123600Z" \
    }
#define GUIDE_HOST                              \
    {"Host", "examplebucket.s3.amazonaws.com"}, \
    {                                           \
        "x-amz-date", "20130524T000000Z"        \
    }

struct vector {
    const char *name;
    const char *method;
    const char *path;
    const char *query;
    const char *headers[8][2];
    const char *payload_hash;
    const char *service;        /* NULL: the identity's */
    const char *canonical_hash; /* NULL: not published */
    const char *signature;
};

/* Signs with `signer` and returns the hex text after "Signature=", which lives in `out`. */
static const char *sign(struct bkt_sigv4 *signer,
                        const struct bkt_sigv4_identity *identity,
                        enum bkt_sigv4_path mode,
                        int64_t time_ms,
                        const struct vector *vector,
                        struct bkt_buf *out)
{
    struct bkt_sigv4_header headers[8];
    size_t count = 0;
    for (; count < T_COUNT(headers) && vector->headers[count][0]; count++) {
        headers[count].name = bkt_str_from(vector->headers[count][0]);
        headers[count].value = bkt_str_from(vector->headers[count][1]);
    }
    struct bkt_sigv4_identity who = *identity;
    if (vector->service)
        who.service = bkt_str_from(vector->service);
    struct bkt_sigv4_request request = {
        bkt_str_from(vector->method),
        bkt_str_from(vector->path),
        bkt_str_from(vector->query),
        mode,
        headers,
        count,
        bkt_str_from(vector->payload_hash ? vector->payload_hash : EMPTY_HASH),
        time_ms,
    };
    struct bkt_error err;
    bkt_buf_reset(out);
    assert_int_equal(bkt_sigv4_sign(signer, &who, &request, out, &err), BKT_OK);
    const char *signature = strstr(out->ptr, "Signature=");
    assert_non_null(signature);
    return signature + strlen("Signature=");
}

static void check(const struct bkt_sigv4_identity *identity,
                  enum bkt_sigv4_path mode,
                  int64_t time_ms,
                  const struct vector *vectors,
                  size_t count)
{
    struct bkt_buf out = BKT_BUF_INIT(4096);
    struct bkt_sigv4 *signer;
    assert_int_equal(bkt_sigv4_new(&signer, NULL), BKT_OK);
    for (size_t i = 0; i < count; i++) {
        print_message("# %s\n", vectors[i].name);
        assert_string_equal(sign(signer, identity, mode, time_ms, &vectors[i], &out),
                            vectors[i].signature);
        unsigned char key[BKT_SIGV4_KEY_BYTES];
        char canonical_hash[BKT_SIGV4_HASH_BYTES];
        bkt_sigv4_peek(signer, key, canonical_hash);
        if (vectors[i].canonical_hash)
            assert_string_equal(canonical_hash, vectors[i].canonical_hash);
    }
    bkt_sigv4_free(signer);
    bkt_buf_clear(&out);
    assert_int_equal(bkt_mem_live(), 0);
}

#define VANILLA "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"

/* The suite's service is not S3: paths are normalized and encoded twice. */
static void test_suite(void **state)
{
    (void)state;
    static const struct vector vectors[] = {
        {"get-vanilla", "GET", "/", "", {SUITE_HOST}, .signature = VANILLA},
        {"no path is the root", "GET", "", "", {SUITE_HOST}, .signature = VANILLA},
        {"get-relative", "GET", "/example/..", "", {SUITE_HOST}, .signature = VANILLA},
        {"get-relative-relative",
         "GET",
         "/example1/example2/../..",
         "",
         {SUITE_HOST},
         .signature = VANILLA},
        {"get-slash-dot-slash", "GET", "/./", "", {SUITE_HOST}, .signature = VANILLA},
        {"get-slash", "GET", "//", "", {SUITE_HOST}, .signature = VANILLA},
        {"above the root", "GET", "/../../..", "", {SUITE_HOST}, .signature = VANILLA},
        {"get-header-key-duplicate",
         "GET",
         "/",
         "",
         {{"Host", "example.amazonaws.com"},
          {"My-Header1", "value2"},
          {"My-Header1", "value2"},
          {"My-Header1", "value1"},
          {"X-Amz-Date", "20150830T123600Z"}},
         .signature = "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
        {"get-header-value-multiline",
         "GET",
         "/",
         "",
         {{"Host", "example.amazonaws.com"},
          {"My-Header1", "value1\n  value2\n     value3"},
          {"X-Amz-Date", "20150830T123600Z"}},
         .signature = "cfd34249e4b1c8d6b91ef74165d41a32e5fab3306300901bb65a51a73575eefd"},
        {"get-header-value-trim",
         "GET",
         "/",
         "",
         {{"Host", "example.amazonaws.com"},
          {"My-Header1", " value1"},
          {"My-Header2", " \"a   b   c\""},
          {"X-Amz-Date", "20150830T123600Z"}},
         .signature = "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
        {"get-utf8",
         "GET",
         "/\xe1\x88\xb4",
         "",
         {SUITE_HOST},
         .signature = "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
        {"get-vanilla-query-order-encoded",
         "GET",
         "/",
         "Param-3=Value3&Param=Value2&%E1%88%B4=Value1",
         {SUITE_HOST},
         .signature = "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac"},
        {"get-vanilla-with-session-token",
         "GET",
         "/",
         "",
         {SUITE_HOST, {"X-Amz-Security-Token", SUITE_TOKEN}},
         .signature = "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8"},
        {"post-x-www-form-urlencoded",
         "POST",
         "/",
         "",
         {{"Content-Type", "application/x-www-form-urlencoded"},
          SUITE_HOST,
          {"Content-Length", "13"},
          {"x-amz-content-sha256", FORM_HASH}},
         .payload_hash = FORM_HASH,
         .signature = "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b"},
    };
    check(&suite, BKT_SIGV4_PATH_NORMALIZED, SUITE_TIME_MS, vectors, T_COUNT(vectors));

    static const struct vector as_sent[] = {
        {"get-slashes-unnormalized",
         "GET",
         "//example//",
         "",
         {SUITE_HOST},
         .signature = "87cca117541a147f6df867677d98a7d80dff226d2bfca9e4ffa899665623c7e5"},
    };
    check(&suite, BKT_SIGV4_PATH_AS_SENT, SUITE_TIME_MS, as_sent, T_COUNT(as_sent));
}

static void s3_examples(void **state)
{
    (void)state;
    static const struct vector vectors[] = {
        {"GET with a range",
         "GET",
         "/test.txt",
         "",
         {GUIDE_HOST, {"Range", "bytes=0-9"}, {"x-amz-content-sha256", EMPTY_HASH}},
         .canonical_hash = "7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972",
         .signature = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
        {"PUT",
         "PUT",
         "/test%24file.text",
         "",
         {GUIDE_HOST,
          {"Date", "Fri, 24 May 2013 00:00:00 GMT"},
          {"x-amz-storage-class", "REDUCED_REDUNDANCY"},
          {"x-amz-content-sha256", PUT_HASH}},
         .payload_hash = PUT_HASH,
         .canonical_hash = "9e0e90d9c76de8fa5b200d8c849cd5b8dc7a3be3951ddb7f6a76b4158342019d",
         .signature = "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
        {"a parameter without a value",
         "GET",
         "/",
         "lifecycle",
         {GUIDE_HOST, {"x-amz-content-sha256", EMPTY_HASH}},
         .canonical_hash = "9766c798316ff2757b517bc739a67f6213b4ab36dd5da2f94eaebf79c77395ca",
         .signature = "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
        {"a listing",
         "GET",
         "/",
         "prefix=J&max-keys=2",
         {GUIDE_HOST, {"x-amz-content-sha256", EMPTY_HASH}},
         .canonical_hash = "df57d21db20da04d7fa30298dd4488ba3a2b47ca3a489c74750e0f1e7df1b9b7",
         .signature = "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
        {"key a+b c%2F/../~\xc3\xa9 stays as it is",
         "GET",
         "/a%2Bb%20c%252F/../~%C3%A9",
         "",
         {GUIDE_HOST, {"x-amz-content-sha256", EMPTY_HASH}},
         .signature = "b39bf27326663310b05d084e6e1cfb52c295524e3902a4ad4770eaa3b59a01ba"},
        {"a whole listing",
         "GET",
         "/",
         "list-type=2&encoding-type=url&delimiter=%2F&prefix=a%20b%2Bc%2F"
         "&continuation-token=1ueGcxLPRx1Tr%2FXYExHnhbYLgveDs2J%2Fwm36Hy4vbOwM%3D"
         "&start-after=a%20b%2Bc%2F%C3%A9~%2A",
         {GUIDE_HOST, {"x-amz-content-sha256", EMPTY_HASH}},
         .signature = "10ea8559f13640a4dd51f82d7a7ca85d4fb27981b5f84bec6422cabe52059bd2"},
        {"requester pays, with a token, unsigned payload",
         "GET",
         "/test.txt",
         "",
         {GUIDE_HOST,
          {"x-amz-content-sha256", "UNSIGNED-PAYLOAD"},
          {"x-amz-security-token", "TOKEN+/="},
          {"x-amz-request-payer", "requester"}},
         .payload_hash = "UNSIGNED-PAYLOAD",
         .signature = "9c168d633d13f3f5df898682c1ea109fd856f0e8e7161d1d8e6e9e6294f63757"},
        {"path style",
         "GET",
         "/bkt/dir//x%20y.txt",
         "",
         {{"host", "127.0.0.1:9000"},
          {"x-amz-date", "20130524T000000Z"},
          {"x-amz-content-sha256", EMPTY_HASH}},
         .signature = "fa9bb931fd20974360018ee9f3d77ccd12aa33ace230cfcea54796177b1f9a39"},
    };
    check(&guide, BKT_SIGV4_PATH_AS_SENT, GUIDE_TIME_MS, vectors, T_COUNT(vectors));
}

static void other_services(void **state)
{
    (void)state;
    static const struct vector sqs[] = {
        {"SQS",
         "POST",
         "/",
         "",
         {{"host", "sqs.us-east-1.amazonaws.com"},
          {"content-type", "application/x-amz-json-1.0"},
          {"x-amz-date", "20130524T000000Z"},
          {"x-amz-target", "AmazonSQS.ReceiveMessage"}},
         SQS_HASH,
         "sqs",
         NULL,
         "20936e7033b2e3db146f75bb8a760875b20e5608a39a674d86e0bc74ce27ec56"},
    };
    check(&guide, BKT_SIGV4_PATH_NORMALIZED, GUIDE_TIME_MS, sqs, T_COUNT(sqs));

    static const struct vector iam[] = {
        {"IAM",
         "GET",
         "/",
         "Action=ListUsers&Version=2010-05-08",
         {{"host", "iam.amazonaws.com"},
          {"content-type", "application/x-www-form-urlencoded; charset=utf-8"},
          {"x-amz-date", "20150830T123600Z"}},
         NULL,
         "iam",
         "f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59",
         "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"},
    };
    check(&suite, BKT_SIGV4_PATH_NORMALIZED, SUITE_TIME_MS, iam, T_COUNT(iam));
}

static void paths_are_normalized(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"/a/b/", "/a/b"},        {"/a//b", "/a/b"},           {"/a/./b", "/a/b"},
        {"/a/c/../b", "/a/b"},    {"/../a/b", "/a/b"},         {"/a/b/c/..", "/a/b/"},
        {"/a/b/.", "/a/b/"},      {"/a/b/c/d/../..", "/a/b/"}, {"/a%20b", "/a%2520b"},
        {"/a/b/..c", "/a/b/..c"},
    };
    struct bkt_sigv4 *signer;
    struct bkt_buf left = BKT_BUF_INIT(4096);
    struct bkt_buf right = BKT_BUF_INIT(4096);
    assert_int_equal(bkt_sigv4_new(&signer, NULL), BKT_OK);
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# %s\n", cases[i][0]);
        struct vector given = {.method = "GET", .path = cases[i][0], .query = ""};
        struct vector wanted = {.method = "GET", .path = cases[i][1], .query = ""};
        const char *a = sign(signer, &suite, BKT_SIGV4_PATH_NORMALIZED, 0, &given, &left);
        const char *b = sign(signer, &suite, BKT_SIGV4_PATH_AS_SENT, 0, &wanted, &right);
        if (i == 0) /* a slash at the end is part of the path */
            assert_string_not_equal(a, b);
        else
            assert_string_equal(a, b);
    }
    bkt_sigv4_free(signer);
    bkt_buf_clear(&left);
    bkt_buf_clear(&right);
}

/* As names and values, not as joined text; sent in one order, signed in another. */
static void parameters_are_sorted(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"b=2&b=1&a=3", "a=3&b=1&b=2"}, {"b&a", "a=&b="},  {"a-b=1&a=2", "a=2&a-b=1"},
        {"a=b=&a=b", "a=b&a=b="},       {"&&a=1&", "a=1"},
    };
    struct bkt_sigv4 *signer;
    struct bkt_buf left = BKT_BUF_INIT(4096);
    struct bkt_buf right = BKT_BUF_INIT(4096);
    assert_int_equal(bkt_sigv4_new(&signer, NULL), BKT_OK);
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# %s\n", cases[i][0]);
        struct vector given = {.method = "GET", .path = "/", .query = cases[i][0]};
        struct vector sorted = {.method = "GET", .path = "/", .query = cases[i][1]};
        assert_string_equal(sign(signer, &guide, BKT_SIGV4_PATH_AS_SENT, 0, &given, &left),
                            sign(signer, &guide, BKT_SIGV4_PATH_AS_SENT, 0, &sorted, &right));
    }
    bkt_sigv4_free(signer);
    bkt_buf_clear(&left);
    bkt_buf_clear(&right);
}

static void assert_key(const struct bkt_sigv4 *signer, const char *hex)
{
    unsigned char key[BKT_SIGV4_KEY_BYTES];
    char canonical_hash[BKT_SIGV4_HASH_BYTES];
    char text[2 * BKT_SIGV4_KEY_BYTES + 1];
    bkt_sigv4_peek(signer, key, canonical_hash);
    for (size_t i = 0; i < sizeof(key); i++)
        (void)snprintf(text + 2 * i, 3, "%02x", key[i]);
    assert_string_equal(text, hex);
}

/* One signer through changing dates, regions, services and secrets answers as a new one would. */
static void the_derived_key_follows(void **state)
{
    (void)state;
    static const struct vector request = {.method = "GET", .path = "/", .query = ""};
    struct bkt_buf kept = BKT_BUF_INIT(4096);
    struct bkt_buf fresh = BKT_BUF_INIT(4096);
    struct bkt_sigv4 *signer;
    assert_int_equal(bkt_sigv4_new(&signer, NULL), BKT_OK);

    struct bkt_sigv4_identity iam = suite;
    iam.service = BKT_STR("iam");
    (void)sign(signer, &iam, BKT_SIGV4_PATH_AS_SENT, SUITE_TIME_MS, &request, &kept);
    assert_key(signer, "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
    (void)sign(signer, &iam, BKT_SIGV4_PATH_AS_SENT, INT64_C(1329264000000), &request, &kept);
    assert_key(signer, "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d");

    const struct {
        const char *name;
        struct bkt_str secret, region, service;
        int64_t time_ms;
    } cases[] = {
        {"first", BKT_STR("s"), BKT_STR("us-east-1"), BKT_STR("s3"), 86399999},
        {"again", BKT_STR("s"), BKT_STR("us-east-1"), BKT_STR("s3"), 86399999},
        {"a millisecond later it is tomorrow", BKT_STR("s"), BKT_STR("us-east-1"), BKT_STR("s3"),
         86400000},
        {"and yesterday again", BKT_STR("s"), BKT_STR("us-east-1"), BKT_STR("s3"), 86399000},
        {"another region", BKT_STR("s"), BKT_STR("eu-west-1"), BKT_STR("s3"), 86399000},
        {"one that the last begins with", BKT_STR("s"), BKT_STR("eu-west"), BKT_STR("s3"),
         86399000},
        {"another service", BKT_STR("s"), BKT_STR("eu-west"), BKT_STR("sqs"), 86399000},
        {"another secret", BKT_STR("t"), BKT_STR("eu-west"), BKT_STR("sqs"), 86399000},
        {"no region", BKT_STR("t"), {0}, BKT_STR("sqs"), 86399000},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# %s\n", cases[i].name);
        struct bkt_sigv4_identity who = {
            BKT_STR("ID"), cases[i].secret, {0}, cases[i].region, cases[i].service};
        struct bkt_sigv4 *other;
        assert_int_equal(bkt_sigv4_new(&other, NULL), BKT_OK);
        (void)sign(signer, &who, BKT_SIGV4_PATH_AS_SENT, cases[i].time_ms, &request, &kept);
        (void)sign(other, &who, BKT_SIGV4_PATH_AS_SENT, cases[i].time_ms, &request, &fresh);
        assert_string_equal(kept.ptr, fresh.ptr);
        assert_non_null(
            strstr(kept.ptr, cases[i].time_ms < 86400000 ? "/19700101/" : "/19700102/"));
        bkt_sigv4_free(other);
    }
    bkt_sigv4_free(signer);
    bkt_buf_clear(&kept);
    bkt_buf_clear(&fresh);
    assert_int_equal(bkt_mem_live(), 0);
}

/* The hot path adds its headers and comes to what the long way comes to. */
static void lines_are_what_was_signed(void **state)
{
    (void)state;
    static const struct bkt_sigv4_header headers[] = {
        {TEXT("host"), TEXT("examplebucket.s3.amazonaws.com")},
        {TEXT("x-amz-request-payer"), TEXT("requester")},
    };
    struct bkt_sigv4_request request = {
        .method = BKT_STR("GET"),
        .path = BKT_STR("/test.txt"),
        .headers = headers,
        .header_count = 2,
        .payload_hash = BKT_SIGV4_UNSIGNED,
        .time_ms = GUIDE_TIME_MS,
    };
    struct bkt_sigv4_identity who = guide;
    who.session_token = BKT_STR("TOKEN+/=");
    struct bkt_sigv4_lines lines = BKT_SIGV4_LINES_INIT;
    struct bkt_sigv4 *signer;
    assert_int_equal(bkt_sigv4_new(&signer, NULL), BKT_OK);

    static const char *const wanted[] = {
        "x-amz-content-sha256: UNSIGNED-PAYLOAD",
        "x-amz-date: 20130524T000000Z",
        "x-amz-security-token: TOKEN+/=",
        "Authorization: AWS4-HMAC-SHA256 "
        "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
        "SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-request-payer;"
        "x-amz-security-token, "
        "Signature=9c168d633d13f3f5df898682c1ea109fd856f0e8e7161d1d8e6e9e6294f63757",
    };
    assert_int_equal(bkt_sigv4_sign_lines(signer, &who, &request, &lines, NULL), BKT_OK);
    assert_int_equal(lines.count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_true(bkt_str_eq(lines.lines[i], bkt_str_from(wanted[i])));

    /* An empty token is none: no line, nothing signed. */
    who.session_token = BKT_STR("");
    assert_int_equal(bkt_sigv4_sign_lines(signer, &who, &request, &lines, NULL), BKT_OK);
    assert_int_equal(lines.count, 3);
    assert_null(strstr(lines.text.ptr, "token"));

    bkt_sigv4_lines_clear(&lines);
    bkt_sigv4_free(signer);
    assert_int_equal(bkt_mem_live(), 0);
}

static void bodies_are_hashed(void **state)
{
    (void)state;
    struct bkt_sigv4 *signer;
    char hex[BKT_SIGV4_HASH_BYTES];
    assert_int_equal(bkt_sigv4_new(&signer, NULL), BKT_OK);
    assert_int_equal(bkt_sigv4_hash(signer, BKT_STR("Welcome to Amazon S3."), hex, NULL), BKT_OK);
    assert_string_equal(hex, PUT_HASH);
    assert_int_equal(bkt_sigv4_hash(signer, (struct bkt_str){0}, hex, NULL), BKT_OK);
    assert_string_equal(hex, EMPTY_HASH);
    assert_true(bkt_str_eq(BKT_SIGV4_EMPTY_HASH, bkt_str_from(EMPTY_HASH)));
    bkt_sigv4_free(signer);
}

static int sign_once(const struct bkt_sigv4_request *request)
{
    struct bkt_sigv4_lines lines = BKT_SIGV4_LINES_INIT;
    struct bkt_sigv4 *signer = NULL;
    int rc = bkt_sigv4_new(&signer, NULL);
    if (rc == BKT_OK)
        rc = bkt_sigv4_sign_lines(signer, &guide, request, &lines, NULL);
    assert_true(rc == BKT_OK || lines.count == 0);
    bkt_sigv4_lines_clear(&lines);
    bkt_sigv4_free(signer);
    return rc;
}

static void limits_are_errors(void **state)
{
    (void)state;
    static const char long_name[BKT_SIGV4_NAME_BYTES_MAX + 1] = "x";
    struct bkt_sigv4_header headers[BKT_SIGV4_HEADERS_MAX];
    for (size_t i = 0; i < T_COUNT(headers); i++)
        headers[i] = (struct bkt_sigv4_header){BKT_STR("a"), BKT_STR("b")};
    struct bkt_sigv4_request request = {
        .method = BKT_STR("GET"), .headers = headers, .payload_hash = BKT_SIGV4_EMPTY_HASH};

    request.header_count = BKT_SIGV4_HEADERS_MAX - 2;
    assert_int_equal(sign_once(&request), BKT_OK);
    request.header_count++;
    assert_int_equal(sign_once(&request), BKT_ELIMIT);

    request.header_count = 1;
    headers[0].name = (struct bkt_str){long_name, sizeof(long_name)};
    assert_int_equal(sign_once(&request), BKT_ELIMIT);
    headers[0].name = BKT_STR("a");

    char query[2 * BKT_SIGV4_PARAMETERS_MAX + 2];
    for (size_t i = 0; i < sizeof(query); i++)
        query[i] = i % 2 ? '&' : 'a';
    request.query = (struct bkt_str){query, 2 * BKT_SIGV4_PARAMETERS_MAX};
    assert_int_equal(sign_once(&request), BKT_OK);
    request.query.len++;
    assert_int_equal(sign_once(&request), BKT_ELIMIT);
    request.query.len = 0;

    char *path = calloc(1, BKT_SIGV4_CANONICAL_BYTES_MAX);
    request.path = (struct bkt_str){path, BKT_SIGV4_CANONICAL_BYTES_MAX};
    assert_int_equal(sign_once(&request), BKT_ELIMIT);
    free(path);
}

static void memory_runs_out(void **state)
{
    (void)state;
    static const struct bkt_sigv4_header headers[] = {{TEXT("host"), TEXT("h")}};
    struct bkt_sigv4_request request = {.method = BKT_STR("GET"),
                                        .path = BKT_STR("/a//b"),
                                        .query = BKT_STR("b=1&a"),
                                        .path_mode = BKT_SIGV4_PATH_NORMALIZED,
                                        .headers = headers,
                                        .header_count = 1,
                                        .payload_hash = BKT_SIGV4_EMPTY_HASH};
    T_TORTURE(sign_once(&request));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suite),
        cmocka_unit_test(s3_examples),
        cmocka_unit_test(other_services),
        cmocka_unit_test(paths_are_normalized),
        cmocka_unit_test(parameters_are_sorted),
        cmocka_unit_test(the_derived_key_follows),
        cmocka_unit_test(lines_are_what_was_signed),
        cmocka_unit_test(bodies_are_hashed),
        cmocka_unit_test(limits_are_errors),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
