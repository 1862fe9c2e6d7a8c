/*
 * Messages by their shape: every one that the references name, what may stand around and inside
 * them, and where the limits are.
 */
#include "events/envelope.h"

#include "t_events.h"

#define RECORD_OF(key)                                                                          \
    "{\"eventVersion\":\"2.1\",\"eventSource\":\"aws:s3\",\"eventName\":\"ObjectCreated:Put\"," \
    "\"s3\":{\"bucket\":{\"name\":\"b\"},\"object\":{\"key\":\"" key "\"}}}"
#define NATIVE "{\"Records\":[" RECORD_OF("dir/a%2Bb+c") "]}"
#define TEST_EVENT                                                                                 \
    "{\"Service\":\"Amazon S3\",\"Event\":\"s3:TestEvent\",\"Time\":\"2024-03-01T10:00:00.000Z\"," \
    "\"Bucket\":\"b\",\"RequestId\":\"R\",\"HostId\":\"H\"}"
#define BRIDGE(type, key)                                                                 \
    "{\"version\":\"0\",\"id\":\"1\",\"detail-type\":\"" type "\",\"source\":\"aws.s3\"," \
    "\"detail\":{\"bucket\":{\"name\":\"b\"},\"object\":{\"key\":\"" key "\"},"           \
    "\"deletion-type\":\"Delete Marker Created\"}}"

struct shape_case {
    const char *name;
    const char *body;
    const char *expected;
};

static void expect_all(const struct shape_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        print_message("# %s\n", cases[i].name);
        t_expect(bkt_str_from(cases[i].body), BKT_KEY_QUEUED, cases[i].expected);
    }
}

static void shapes_are_told_apart(void **state)
{
    (void)state;
    static const struct shape_case cases[] = {
        {"native", NATIVE, "changed b dir/a+b c"},
        {"several records", "{\"Records\":[" RECORD_OF("x") "," RECORD_OF("y") "]}",
         "changed b x; changed b y"},
        {"a ping", "{\"Records\":null}", "ack: a ping"},
        {"no records", "{\"Records\":[]}", "ack: "},
        {"a test event", TEST_EVENT, "ack: a test event"},
        {"MinIO's webhook",
         "{\"EventName\":\"s3:ObjectCreated:Put\",\"Key\":\"b/x\",\"Records\":[" RECORD_OF(
             "x") "]}",
         "changed b x"},
        {"MinIO's list",
         "[{\"Event\":[" RECORD_OF("x") "," RECORD_OF("y") "],\"EventTime\":\"t\"}]",
         "changed b x; changed b y"},
        {"MinIO's list, two entries",
         "[{\"Event\":[" RECORD_OF("x") "],\"EventTime\":\"t\"},"
                                        "{\"Event\":[" RECORD_OF("y") "],\"EventTime\":\"t\"}]",
         "changed b x; changed b y"},
        {"[time, record]", "[\"t\"," RECORD_OF("x") "]", "changed b x"},
        {"[time, records]", "[\"t\",[" RECORD_OF("x") "]]", "changed b x"},
        {"[time, message]", "[\"t\"," NATIVE "]", "changed b dir/a+b c"},
        {"[[time, record], ...]", "[[\"t\"," RECORD_OF("x") "],[\"t\"," RECORD_OF("y") "]]",
         "changed b x; changed b y"},
        {"an empty list", "[]", "ack: "},
        {"foreign records", "{\"Records\":[{\"eventSource\":\"aws:sqs\",\"body\":\"x\"}]}",
         "poison: a record is of another service than S3"},
        {"Records of another type", "{\"Records\":{\"eventName\":\"ObjectCreated:Put\"}}",
         "poison: Records is no array"},
        {"another Event", "{\"Event\":\"s3:OtherEvent\"}",
         "poison: a JSON object of unknown shape"},
        {"an empty object", "{}", "poison: a JSON object of unknown shape"},
        {"somebody's job", "{\"job\":1,\"args\":[]}", "poison: a JSON object of unknown shape"},
        {"a list of others", "[1,2,3]", "poison: an array's element is no MinIO event"},
        {"a JSON string", "\"{}\"", "poison: JSON, but neither object nor array"},
        {"a number", "42", "poison: JSON, but neither object nor array"},
        {"text", "hello", "poison: line ..."},
        {"nothing", "", "poison: line ..."},
        {"white space", " \n", "poison: line ..."},
        {"half a message", "{\"Records\":[{\"eventName\":", "poison: line ..."},
        {"two messages", "{\"Records\":null}{\"Records\":null}", "poison: line ..."},
        {"base64", "eyJSZWNvcmRzIjpbXX0=", "poison: base64 text, not JSON"},
        {"base64 of a list", "W3siRXZlbnQiOltdfV0=", "poison: base64 text, not JSON"},
    };
    expect_all(cases, T_COUNT(cases));
}

static void eventbridge_keys_are_raw(void **state)
{
    (void)state;
    static const struct shape_case cases[] = {
        {"created", BRIDGE("Object Created", "dir/a+b c%2F%20%%%.txt"),
         "changed b dir/a+b c%2F%20%%%.txt"},
        {"deleted", BRIDGE("Object Deleted", "x"), "changed b x"},
        {"restore begun", BRIDGE("Object Restore Initiated", "x"), "nothing b x"},
        {"restored", BRIDGE("Object Restore Completed", "x"), "changed b x"},
        {"restored copy gone", BRIDGE("Object Restore Expired", "x"), "nothing b x"},
        {"class", BRIDGE("Object Storage Class Changed", "x"), "metadata b x"},
        {"tier", BRIDGE("Object Access Tier Changed", "x"), "metadata b x"},
        {"ACL", BRIDGE("Object ACL Updated", "x"), "metadata b x"},
        {"tags", BRIDGE("Object Tags Added", "x"), "metadata b x"},
        {"no tags", BRIDGE("Object Tags Deleted", "x"), "metadata b x"},
        {"a type to come", BRIDGE("Object Renamed", "x"), "changed b x"},
        {"CloudTrail", BRIDGE("AWS API Call via CloudTrail", "x"),
         "poison: an EventBridge event that is of no object"},
        {"no key",
         "{\"detail-type\":\"Object Created\",\"source\":\"aws.s3\",\"detail\":{"
         "\"bucket\":{\"name\":\"b\"},\"object\":{}}}",
         "poison: an EventBridge event without detail.bucket.name or detail.object.key"},
        {"no detail", "{\"detail-type\":\"Object Created\",\"source\":\"aws.s3\"}",
         "poison: an EventBridge event without detail.bucket.name or detail.object.key"},
        {"another service", "{\"detail-type\":\"x\",\"source\":\"aws.ec2\",\"detail\":{}}",
         "poison: a JSON object of unknown shape"},
    };
    expect_all(cases, T_COUNT(cases));
}

/* `message` inside `depth` SNS notifications; free() it. */
static char *wrap_in_sns(const char *message, unsigned depth)
{
    enum { BODY_BYTES_MAX = 1 << 16 };
    char *body = malloc(BODY_BYTES_MAX);
    assert_non_null(body);
    (void)snprintf(body, BODY_BYTES_MAX, "%s", message);
    for (unsigned i = 0; i < depth; i++) {
        char *inner = strdup(body);
        assert_non_null(inner);
        size_t len = (size_t)snprintf(
            body, BODY_BYTES_MAX, "{\"Type\":\"Notification\",\"MessageId\":\"m\",\"Message\":\"");
        for (const char *c = inner; *c != '\0'; c++) {
            assert_true(len + 8 < BODY_BYTES_MAX);
            if (*c == '"' || *c == '\\')
                body[len++] = '\\';
            body[len++] = *c;
        }
        (void)snprintf(body + len, BODY_BYTES_MAX - len, "\"}");
        free(inner);
    }
    return body;
}

static void sns_is_peeled_three_times(void **state)
{
    (void)state;
    static const struct {
        const char *message;
        unsigned depth;
        const char *expected;
    } cases[] = {
        {NATIVE, 1, "changed b dir/a+b c"},
        {NATIVE, 2, "changed b dir/a+b c"},
        {NATIVE, 3, "changed b dir/a+b c"},
        {NATIVE, 4, "poison: SNS messages more than 3 deep"},
        {"\xEF\xBB\xBF " NATIVE "\n", 1, "changed b dir/a+b c"},
        {TEST_EVENT, 1, "ack: a test event"},
        {TEST_EVENT, 3, "ack: a test event"},
        {"{\"Records\":null}", 1, "ack: a ping"},
        {BRIDGE("Object Created", "a+b"), 1, "changed b a+b"},
        {"{\"Records\":[{}," RECORD_OF("x") "]}", 2, "changed b x !a record has no eventName"},
        {"not for us", 1, "poison: line ..."},
        {"{\"alarm\":1}", 1, "poison: a JSON object of unknown shape"},
        {"", 1, "poison: line ..."},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# case %zu, %u deep\n", i, cases[i].depth);
        char *body = wrap_in_sns(cases[i].message, cases[i].depth);
        t_expect(bkt_str_from(body), BKT_KEY_QUEUED, cases[i].expected);
        free(body);
    }

    t_expect(BKT_STR("{\"Type\":\"SubscriptionConfirmation\",\"Message\":\"You have chosen\","
                     "\"SubscribeURL\":\"https://x\"}"),
             BKT_KEY_QUEUED, "ack: a confirmation of an SNS subscription");
    t_expect(BKT_STR("{\"Type\":\"UnsubscribeConfirmation\",\"Message\":\"m\"}"), BKT_KEY_QUEUED,
             "ack: a confirmation of an SNS subscription");
    t_expect(BKT_STR("{\"Type\":\"Other\",\"Message\":\"m\"}"), BKT_KEY_QUEUED,
             "poison: an SNS message of unknown Type");
    t_expect(BKT_STR("{\"Type\":\"Notification\",\"Message\":{}}"), BKT_KEY_QUEUED,
             "poison: a JSON object of unknown shape");
}

static void what_stands_around_and_inside_is_bytes(void **state)
{
    (void)state;
    static const struct shape_case cases[] = {
        {"a byte-order mark", "\xEF\xBB\xBF" NATIVE, "changed b dir/a+b c"},
        {"white space", "\r\n\t " NATIVE " \r\n", "changed b dir/a+b c"},
        {"a mark, then white space", "\xEF\xBB\xBF \n" NATIVE "\n", "changed b dir/a+b c"},
        {"U+0000 in a raw key", BRIDGE("Object Created", "a\\u0000b"), "changed b a\\0b"},
        {"two of them at the end", BRIDGE("Object Created", "a\\u0000\\u0000"),
         "changed b a\\0\\0"},
        {"a backslash before u0000", BRIDGE("Object Created", "a\\\\u0000"), "changed b a\\u0000"},
        {"U+0000 elsewhere", "{\"note\":\"\\u0000\",\"Records\":[" RECORD_OF("x") "]}",
         "changed b x"},
        {"U+0000 in a name is another name", "{\"Records\\u0000\":[" RECORD_OF("x") "]}",
         "poison: a JSON object of unknown shape"},
        {"half a surrogate pair in metadata",
         "{\"note\":\"\\ud83d \\ude00\",\"Records\":[" RECORD_OF("x") "]}", "changed b x"},
        {"half a pair in a key", BRIDGE("Object Created", "a\\ud83d"), "changed b a\xEF\xBF\xBD"},
        {"high after high", BRIDGE("Object Created", "\\ud83d\\ud83d\\ude00"),
         "changed b \xEF\xBF\xBD\xF0\x9F\x98\x80"},
        {"a whole pair", BRIDGE("Object Created", "\\uD83D\\uDE00"), "changed b \xF0\x9F\x98\x80"},
        {"an escape that is none", BRIDGE("Object Created", "a\\u12G4b"), "poison: byte ..."},
        {"an escape cut off", "{\"Records\":\"\\u00", "poison: byte ..."},
        {"a backslash at the end", "{\"Records\":\"\\", "poison: line ..."},
        {"Java's spelling of U+0000 is not UTF-8", BRIDGE("Object Created", "a\xC0\x80"),
         "poison: byte ..."},
    };
    expect_all(cases, T_COUNT(cases));

    static const char with_nul[] = "{\"Records\":null}\0";
    t_expect((struct bkt_str){with_nul, sizeof(with_nul) - 1}, BKT_KEY_QUEUED,
             "poison: byte 16 is not UTF-8 text");
    t_expect((struct bkt_str){NULL, 0}, BKT_KEY_QUEUED, "poison: line ...");
}

static void depth_and_length_have_limits(void **state)
{
    (void)state;
    static char nested[1 << 20];
    memset(nested, '[', sizeof(nested));
    t_expect((struct bkt_str){nested, BKT_ENVELOPE_DEPTH_MAX + 1}, BKT_KEY_QUEUED,
             "poison: line ...");
    t_expect((struct bkt_str){nested, 100000}, BKT_KEY_QUEUED, "poison: line ...");
    t_expect((struct bkt_str){nested, sizeof(nested)}, BKT_KEY_QUEUED,
             "poison: more than 200000 JSON values");
    memset(nested, '[', BKT_ENVELOPE_DEPTH_MAX);
    memset(nested + BKT_ENVELOPE_DEPTH_MAX, ']', BKT_ENVELOPE_DEPTH_MAX);
    t_expect((struct bkt_str){nested, (size_t)2 * BKT_ENVELOPE_DEPTH_MAX}, BKT_KEY_QUEUED,
             "poison: an array's element is no MinIO event");

    static char wide[(1 << 20) + 1];
    memset(wide, ' ', sizeof(wide));
    memcpy(wide, NATIVE, sizeof(NATIVE) - 1);
    t_expect((struct bkt_str){wide, sizeof(wide) - 1}, BKT_KEY_QUEUED, "changed b dir/a+b c");
    t_expect((struct bkt_str){wide, sizeof(wide)}, BKT_KEY_QUEUED,
             "poison: 1048577 bytes, more than 1048576");

    memset(wide, ',', sizeof(wide));
    wide[0] = '[';
    t_expect((struct bkt_str){wide, sizeof(wide) - 1}, BKT_KEY_QUEUED,
             "poison: more than 200000 JSON values");

    struct bkt_envelope envelope = {0};
    int rc = bkt_envelope_read(&envelope, BKT_STR("{\"Records\":null}"), 10, BKT_KEY_QUEUED);
    assert_int_equal(rc, BKT_OK);
    assert_true(envelope.is_poison);
    assert_string_equal(envelope.reason, "16 bytes, more than 10");
    bkt_envelope_clear(&envelope);
}

static void records_past_the_limit_are_bad_ones(void **state)
{
    (void)state;
    static const char record[] = "{\"eventName\":\"X\",\"s3\":{\"bucket\":{\"name\":\"b\"},"
                                 "\"object\":{\"key\":\"k\"}}}";
    struct bkt_buf body = BKT_BUF_INIT(1 << 20);
    assert_int_equal(bkt_buf_append(&body, BKT_STR("{\"Records\":[")), BKT_OK);
    for (int i = 0; i <= BKT_ENVELOPE_RECORDS_MAX; i++) {
        int rc = bkt_buf_printf(&body, "%s%s", i > 0 ? "," : "", record);
        assert_int_equal(rc, BKT_OK);
    }
    assert_int_equal(bkt_buf_append(&body, BKT_STR("]}")), BKT_OK);

    struct bkt_envelope envelope = {0};
    int read_rc = bkt_envelope_read(&envelope, bkt_buf_str(&body), body.len, BKT_KEY_QUEUED);
    assert_int_equal(read_rc, BKT_OK);
    assert_true(envelope.is_poison);
    assert_int_equal(envelope.list.count, BKT_ENVELOPE_RECORDS_MAX);
    assert_int_equal(envelope.list.bad_count, 1);
    assert_string_equal(envelope.reason, "more than 10000 records");
    bkt_envelope_clear(&envelope);
    bkt_buf_clear(&body);
    assert_int_equal(bkt_mem_live(), 0);
}

static void an_envelope_is_read_again(void **state)
{
    (void)state;
    struct bkt_envelope envelope = {0};
    static const struct {
        const char *body;
        const char *expected;
    } cases[] = {
        {"{\"Records\":[{}," RECORD_OF("x") "]}", "changed b x !a record has no eventName"},
        {"nonsense", "poison: line ..."},
        {NATIVE, "changed b dir/a+b c"},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        int rc = bkt_envelope_read(&envelope, bkt_str_from(cases[i].body),
                                   BKT_ENVELOPE_BODY_BYTES_MAX, BKT_KEY_QUEUED);
        assert_int_equal(rc, BKT_OK);
        struct t_line line = {0};
        t_line_add_envelope(&line, &envelope);
        t_assert_line(line.text, cases[i].expected);
    }
    bkt_envelope_clear(&envelope);
    bkt_envelope_clear(&envelope);
    bkt_envelope_clear(NULL);
    assert_int_equal(bkt_mem_live(), 0);
}

static int read_and_drop(const char *body)
{
    struct bkt_envelope envelope = {0};
    int rc = bkt_envelope_read(&envelope, bkt_str_from(body), BKT_ENVELOPE_BODY_BYTES_MAX,
                               BKT_KEY_QUEUED);
    bkt_envelope_clear(&envelope);
    return rc;
}

static void out_of_memory_is_an_error(void **state)
{
    (void)state;
    char *wrapped = wrap_in_sns(NATIVE, 3);
    T_TORTURE(read_and_drop(wrapped));
    T_TORTURE(read_and_drop(BRIDGE("Object Created", "a\\u0000b")));
    T_TORTURE(read_and_drop("[[\"t\"," RECORD_OF("a b") "],{\"Event\":[{}]}]"));
    free(wrapped);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_are_told_apart),
        cmocka_unit_test(eventbridge_keys_are_raw),
        cmocka_unit_test(sns_is_peeled_three_times),
        cmocka_unit_test(what_stands_around_and_inside_is_bytes),
        cmocka_unit_test(depth_and_length_have_limits),
        cmocka_unit_test(records_past_the_limit_are_bad_ones),
        cmocka_unit_test(an_envelope_is_read_again),
        cmocka_unit_test(out_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
