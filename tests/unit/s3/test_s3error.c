/*
 * Bodies of real servers and of the documentation, then those that are no error at all: what counts
 * is the class, above all that nothing but a 404 with its code says that a key is gone.
 */
#include "s3/s3error.h"

#include "core/time.h"

#include "data.h"

#define SAYS(code) "<Error><Code>" code "</Code></Error>"

static void bodies_of_real_servers(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int status;
        const char *code;
        enum bkt_s3error_class class;
    } cases[] = {
        {"minio-error-Anonymous", 403, "AccessDenied", BKT_S3ERROR_FORBIDDEN},
        {"minio-error-InvalidAccessKeyId", 403, "InvalidAccessKeyId", BKT_S3ERROR_FORBIDDEN},
        {"minio-error-InvalidRange", 416, "InvalidRange", BKT_S3ERROR_RANGE},
        {"minio-error-NoSuchBucket", 404, "NoSuchBucket", BKT_S3ERROR_NO_SUCH_BUCKET},
        {"minio-error-NoSuchBucketObject", 404, "NoSuchBucket", BKT_S3ERROR_NO_SUCH_BUCKET},
        {"minio-error-NoSuchKey", 404, "NoSuchKey", BKT_S3ERROR_NO_SUCH_KEY},
        {"minio-error-PreconditionFailed", 412, "PreconditionFailed", BKT_S3ERROR_PRECONDITION},
        {"minio-error-SignatureDoesNotMatch", 403, "SignatureDoesNotMatch", BKT_S3ERROR_FORBIDDEN},
        {"moto-error-InvalidRange", 416, "InvalidRange", BKT_S3ERROR_RANGE},
        {"moto-error-NoSuchBucket", 404, "NoSuchBucket", BKT_S3ERROR_NO_SUCH_BUCKET},
        {"moto-error-NoSuchBucketObject", 404, "NoSuchBucket", BKT_S3ERROR_NO_SUCH_BUCKET},
        {"moto-error-NoSuchKey", 404, "NoSuchKey", BKT_S3ERROR_NO_SUCH_KEY},
        {"moto-error-PreconditionFailed", 412, "PreconditionFailed", BKT_S3ERROR_PRECONDITION},
        {"s3mock-error-InvalidRange", 416, "InvalidRange", BKT_S3ERROR_RANGE},
        {"s3mock-error-NoSuchBucket", 404, "NoSuchBucket", BKT_S3ERROR_NO_SUCH_BUCKET},
        {"s3mock-error-NoSuchBucketObject", 404, "NoSuchBucket", BKT_S3ERROR_NO_SUCH_BUCKET},
        {"s3mock-error-NoSuchKey", 404, "NoSuchKey", BKT_S3ERROR_NO_SUCH_KEY},
        {"s3mock-error-PreconditionFailed", 412, "PreconditionFailed", BKT_S3ERROR_PRECONDITION},
        {"s3s-fs-error-Anonymous", 403, "AccessDenied", BKT_S3ERROR_FORBIDDEN},
        {"s3s-fs-error-InvalidAccessKeyId", 403, "NotSignedUp", BKT_S3ERROR_FORBIDDEN},
        {"s3s-fs-error-InvalidRange", 416, "InvalidRange", BKT_S3ERROR_RANGE},
        {"s3s-fs-error-NoSuchBucket", 404, "NoSuchBucket", BKT_S3ERROR_NO_SUCH_BUCKET},
        /* This server says so of a missing bucket. */
        {"s3s-fs-error-NoSuchBucketObject", 404, "NoSuchKey", BKT_S3ERROR_NO_SUCH_KEY},
        {"s3s-fs-error-NoSuchKey", 404, "NoSuchKey", BKT_S3ERROR_NO_SUCH_KEY},
        {"s3s-fs-error-SignatureDoesNotMatch", 403, "SignatureDoesNotMatch", BKT_S3ERROR_FORBIDDEN},
        {"versitygw-error-Anonymous", 403, "AccessDenied", BKT_S3ERROR_FORBIDDEN},
        /* An unknown access key, as a 404. */
        {"versitygw-error-InvalidAccessKeyId", 404, "XAdminUserNotFound", BKT_S3ERROR_PERMANENT},
        {"versitygw-error-InvalidRange", 416, "InvalidRange", BKT_S3ERROR_RANGE},
        {"versitygw-error-NoSuchBucket", 404, "NoSuchBucket", BKT_S3ERROR_NO_SUCH_BUCKET},
        {"versitygw-error-NoSuchBucketObject", 404, "NoSuchBucket", BKT_S3ERROR_NO_SUCH_BUCKET},
        {"versitygw-error-NoSuchKey", 404, "NoSuchKey", BKT_S3ERROR_NO_SUCH_KEY},
        {"versitygw-error-PreconditionFailed", 412, "PreconditionFailed", BKT_S3ERROR_PRECONDITION},
        {"versitygw-error-SignatureDoesNotMatch", 403, "SignatureDoesNotMatch",
         BKT_S3ERROR_FORBIDDEN},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# %s\n", cases[i].name);
        char name[128];
        (void)snprintf(name, sizeof(name), "s3/%s.xml", cases[i].name);
        struct bkt_buf file = t_read_data(name);
        struct bkt_s3error said;
        assert_true(bkt_s3error_parse(bkt_buf_str(&file), &said));
        assert_string_equal(said.code, cases[i].code);
        assert_int_equal(bkt_s3error_classify(cases[i].status, said.code), cases[i].class);
        bkt_buf_clear(&file);
    }
    assert_int_equal(bkt_mem_live(), 0);
}

static void members_are_read(void **state)
{
    (void)state;
    struct bkt_s3error said;
    assert_true(bkt_s3error_parse(
        BKT_STR("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                "<Error><Code>AuthorizationHeaderMalformed</Code><Message>The &#39;x&#39;\nis wrong"
                "</Message><Region>eu-west-1</Region><Endpoint>s3.amazonaws.com</Endpoint>"
                "<Bucket>b</Bucket><BucketName>c</BucketName><RequestId>R</RequestId>"
                "<HostId>H</HostId><StorageClass>GLACIER</StorageClass>"
                "<ServerTime>2024-03-01T10:00:00Z</ServerTime><Other><Code>no</Code></Other>"
                "</Error>"),
        &said));
    assert_string_equal(said.code, "AuthorizationHeaderMalformed");
    assert_string_equal(said.message, "The 'x' is wrong");
    assert_string_equal(said.region, "eu-west-1");
    assert_string_equal(said.endpoint, "s3.amazonaws.com");
    assert_string_equal(said.bucket, "b");
    assert_string_equal(said.request_id, "R");
    assert_string_equal(said.host_id, "H");
    assert_string_equal(said.storage_class, "GLACIER");
    assert_int_equal(said.server_time_ms, INT64_C(1709287200000));

    /* The query protocol of STS and SQS. */
    assert_true(bkt_s3error_parse(
        BKT_STR("<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error>"
                "<Type>Sender</Type><Code>ExpiredTokenException</Code><Message>m</Message></Error>"
                "<RequestId>R</RequestId></ErrorResponse>"),
        &said));
    assert_string_equal(said.code, "ExpiredTokenException");
    assert_string_equal(said.message, "m");
    assert_string_equal(said.request_id, "R");
    assert_int_equal(said.server_time_ms, BKT_TIME_NONE);
}

static void what_is_no_error_has_no_code(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "",
        "   ",
        "Not Found",
        "<!DOCTYPE html><html><body><Error><Code>NoSuchKey</Code></Error></body></html>",
        "<html><head><title>404 Not Found</title></head></html>",
        "{\"Code\":\"NoSuchKey\"}",
        "<Errors><Error><Code>NoSuchKey</Code></Error></Errors>",
        "<Error><Message>no code</Message></Error>",
        "<Error><Code/></Error>",
        "<Error><Code>No Such Key</Code></Error>",
        "<Error><Code>NoSuchKey&#10;</Code></Error>",
        "<Error><Code>NoSuchKey",
        "<Error><Wrap><Code>NoSuchKey</Code></Wrap></Error>",
        "<ListBucketResult><Code>NoSuchKey</Code></ListBucketResult>",
        "\xff\xfe<Error><Code>NoSuchKey</Code></Error>",
    };
    for (size_t i = 0; i < T_COUNT(bodies); i++) {
        print_message("# case %zu\n", i);
        struct bkt_s3error said;
        assert_false(bkt_s3error_parse(bkt_str_from(bodies[i]), &said));
        assert_string_equal(said.code, "");
        assert_int_equal(bkt_s3error_classify(404, said.code), BKT_S3ERROR_PERMANENT);
    }
}

/* The code comes first; a key with control characters behind it does no harm. */
static void what_comes_before_the_damage_counts(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "<Error><Code>NoSuchKey</Code><Key>a\x01</Key></Error>",
        "<Error><Code>NoSuchKey</Code><Key>a&#x1;</Key></Error>",
        "<Error><Code>NoSuchKey</Code><Mess",
        "<Error><Code>NoSuchKey</Code></Error> and more",
    };
    for (size_t i = 0; i < T_COUNT(bodies); i++) {
        print_message("# case %zu\n", i);
        struct bkt_s3error said;
        assert_true(bkt_s3error_parse(bkt_str_from(bodies[i]), &said));
        assert_string_equal(said.code, "NoSuchKey");
    }
}

static void texts_are_fit_to_print(void **state)
{
    (void)state;
    struct bkt_s3error said;
    assert_true(bkt_s3error_parse(BKT_STR("<Error><Code>X</Code><Message>a\tb\r\nc\x7f\xc2\x9b"
                                          "d\xc2\xa0\xc3\xa9</Message></Error>"),
                                  &said));
    assert_string_equal(said.message, "a b c   d\xc2\xa0\xc3\xa9");

    /* Cut at a character's boundary, whatever the offset. */
    for (int shift = 0; shift < 4; shift++) {
        struct bkt_buf body = BKT_BUF_INIT(1 << 20);
        assert_int_equal(bkt_buf_printf(&body, "<Error><Code>X</Code><Message>%.*s", shift, "aaa"),
                         BKT_OK);
        for (int i = 0; i < 1000; i++)
            assert_int_equal(bkt_buf_append(&body, BKT_STR("\xf0\x9f\x98\x80")), BKT_OK);
        assert_int_equal(bkt_buf_append(&body, BKT_STR("</Message></Error>")), BKT_OK);
        assert_true(bkt_s3error_parse(bkt_buf_str(&body), &said));
        size_t len = strlen(said.message);
        assert_in_range(len, sizeof(said.message) - 4, sizeof(said.message) - 1);
        assert_int_equal((len - (size_t)shift) % 4, 0);
        bkt_buf_clear(&body);
    }
}

static void classes(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *code;
        enum bkt_s3error_class class;
    } cases[] = {
        {200, "", BKT_S3ERROR_TRANSIENT},
        {200, "InternalError", BKT_S3ERROR_TRANSIENT},
        {200, "SlowDown", BKT_S3ERROR_THROTTLED},
        {200, "NoSuchKey", BKT_S3ERROR_TRANSIENT},
        {200, "Whatever", BKT_S3ERROR_TRANSIENT},
        {301, "", BKT_S3ERROR_WRONG_REGION},
        {301, "PermanentRedirect", BKT_S3ERROR_WRONG_REGION},
        {307, "TemporaryRedirect", BKT_S3ERROR_WRONG_REGION},
        {400, "", BKT_S3ERROR_PERMANENT},
        {400, "AuthorizationHeaderMalformed", BKT_S3ERROR_WRONG_REGION},
        {400, "ExpiredToken", BKT_S3ERROR_EXPIRED_CREDS},
        {400, "InvalidToken", BKT_S3ERROR_EXPIRED_CREDS},
        {400, "TokenRefreshRequired", BKT_S3ERROR_EXPIRED_CREDS},
        {400, "RequestTimeout", BKT_S3ERROR_TRANSIENT},
        {400, "KeyTooLongError", BKT_S3ERROR_PERMANENT},
        {403, "", BKT_S3ERROR_FORBIDDEN},
        {403, "Unheard", BKT_S3ERROR_FORBIDDEN},
        {403, "InvalidObjectState", BKT_S3ERROR_ARCHIVED},
        {403, "RequestTimeTooSkewed", BKT_S3ERROR_CLOCK_SKEW},
        {404, "", BKT_S3ERROR_PERMANENT},
        {404, "NoSuchVersion", BKT_S3ERROR_NO_SUCH_KEY},
        {404, "nosuchkey", BKT_S3ERROR_PERMANENT},
        {403, "NoSuchKey", BKT_S3ERROR_FORBIDDEN},
        {503, "NoSuchKey", BKT_S3ERROR_TRANSIENT},
        {405, "MethodNotAllowed", BKT_S3ERROR_PERMANENT},
        {408, "", BKT_S3ERROR_TRANSIENT},
        {409, "OperationAborted", BKT_S3ERROR_TRANSIENT},
        {429, "", BKT_S3ERROR_THROTTLED},
        {500, "", BKT_S3ERROR_TRANSIENT},
        {501, "NotImplemented", BKT_S3ERROR_PERMANENT},
        {502, "", BKT_S3ERROR_TRANSIENT},
        {503, "", BKT_S3ERROR_TRANSIENT},
        {503, "SlowDown", BKT_S3ERROR_THROTTLED},
        {503, "SlowDownRead", BKT_S3ERROR_THROTTLED},
        {503, "XMinioServerNotInitialized", BKT_S3ERROR_TRANSIENT},
        {520, "", BKT_S3ERROR_TRANSIENT},
        /* The first and the last of the table. */
        {500, "AccessDenied", BKT_S3ERROR_FORBIDDEN},
        {400, "TransactionInProgressException", BKT_S3ERROR_THROTTLED},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# %d %s\n", cases[i].status, cases[i].code);
        assert_int_equal(bkt_s3error_classify(cases[i].status, cases[i].code), cases[i].class);
    }
}

static void messages_say_what_to_do(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *body;
        const char *message;
        bool retriable;
    } cases[] = {
        {403, "<Error><Code>Odd</Code><Message>No.</Message><RequestId>R1</RequestId></Error>",
         "HTTP 403 Odd: No. (request R1)", false},
        {503, "", "HTTP 503", true},
        {503, SAYS("SlowDown"), "HTTP 503 SlowDown", true},
        {404, "<html></html>",
         "HTTP 404; not an answer of S3: is this the endpoint of an S3 service?", false},
        {400, "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>",
         "HTTP 400 AuthorizationHeaderMalformed; the bucket is in eu-west-1, not in us-east-1: set "
         "the region",
         false},
        {301, "<Error><Code>PermanentRedirect</Code><Endpoint>e.example</Endpoint></Error>",
         "HTTP 301 PermanentRedirect; the bucket is served by e.example: set the endpoint or its "
         "region",
         false},
        {301, "", "HTTP 301; another region or endpoint serves this bucket", false},
        {403,
         "<Error><Code>InvalidObjectState</Code><StorageClass>DEEP_ARCHIVE</StorageClass></Error>",
         "HTTP 403 InvalidObjectState; it is in DEEP_ARCHIVE: restore the object, or exclude it",
         false},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        struct bkt_s3error said;
        struct bkt_error err = {0};
        (void)bkt_s3error_parse(bkt_str_from(cases[i].body), &said);
        bkt_s3error_describe(&said, cases[i].status, "us-east-1", &err);
        assert_string_equal(err.message, cases[i].message);
        assert_int_equal(err.code, BKT_ES3);
        assert_int_equal(err.http_status, cases[i].status);
        assert_int_equal(err.retriable, cases[i].retriable);
        bkt_s3error_describe(&said, cases[i].status, "us-east-1", NULL);
    }
}

/* Without memory the code may be lost, which is a failure to be shown; never more than that. */
static void memory_runs_out(void **state)
{
    (void)state;
    struct bkt_s3error said;
    bkt_mem_fail_at(0);
    assert_false(bkt_s3error_parse(BKT_STR("<Error><Code>No&#83;uchKey</Code></Error>"), &said));
    assert_true(bkt_mem_failed());
    bkt_mem_fail_at(-1);
    assert_int_equal(bkt_mem_live(), 0);
    assert_true(bkt_s3error_parse(BKT_STR("<Error><Code>No&#83;uchKey</Code></Error>"), &said));
    assert_string_equal(said.code, "NoSuchKey");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_of_real_servers),
        cmocka_unit_test(members_are_read),
        cmocka_unit_test(what_is_no_error_has_no_code),
        cmocka_unit_test(what_comes_before_the_damage_counts),
        cmocka_unit_test(texts_are_fit_to_print),
        cmocka_unit_test(classes),
        cmocka_unit_test(messages_say_what_to_do),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
