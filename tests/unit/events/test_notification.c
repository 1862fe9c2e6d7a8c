/*
 * Records one at a time: what each event name means, which key is meant, which records cannot be
 * understood; and that what we write is read back as it was.
 */
#include "events/notification.h"

#include "t_events.h"

static void every_name_has_its_meaning(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum bkt_event_kind kind;
    } cases[] = {
        /* S3 */
        {"ObjectCreated:Put", BKT_EVENT_CHANGED},
        {"ObjectCreated:Post", BKT_EVENT_CHANGED},
        {"ObjectCreated:Copy", BKT_EVENT_CHANGED},
        {"ObjectCreated:CompleteMultipartUpload", BKT_EVENT_CHANGED},
        {"ObjectRemoved:Delete", BKT_EVENT_CHANGED},
        {"ObjectRemoved:DeleteMarkerCreated", BKT_EVENT_CHANGED},
        {"LifecycleExpiration:Delete", BKT_EVENT_CHANGED},
        {"LifecycleExpiration:DeleteMarkerCreated", BKT_EVENT_CHANGED},
        {"ObjectRestore:Post", BKT_EVENT_NOTHING},
        {"ObjectRestore:Completed", BKT_EVENT_CHANGED},
        {"ObjectRestore:Delete", BKT_EVENT_NOTHING},
        {"ObjectTagging:Put", BKT_EVENT_METADATA},
        {"ObjectTagging:Delete", BKT_EVENT_METADATA},
        {"ObjectAcl:Put", BKT_EVENT_METADATA},
        {"ObjectAnnotation:Put", BKT_EVENT_METADATA},
        {"ObjectAnnotation:Delete", BKT_EVENT_METADATA},
        {"LifecycleTransition", BKT_EVENT_METADATA},
        {"IntelligentTiering", BKT_EVENT_METADATA},
        {"ReducedRedundancyLostObject", BKT_EVENT_CHANGED},
        {"Replication:OperationFailedReplication", BKT_EVENT_NOTHING},
        {"Replication:OperationNotTracked", BKT_EVENT_NOTHING},
        {"Replication:OperationMissedThreshold", BKT_EVENT_NOTHING},
        {"Replication:OperationReplicatedAfterThreshold", BKT_EVENT_NOTHING},
        /* MinIO */
        {"s3:ObjectCreated:Put", BKT_EVENT_CHANGED},
        {"s3:ObjectCreated:PutTagging", BKT_EVENT_METADATA},
        {"s3:ObjectCreated:DeleteTagging", BKT_EVENT_METADATA},
        {"s3:ObjectCreated:PutRetention", BKT_EVENT_METADATA},
        {"s3:ObjectCreated:PutLegalHold", BKT_EVENT_METADATA},
        {"s3:ObjectRemoved:Delete", BKT_EVENT_CHANGED},
        {"s3:ObjectRemoved:NoOP", BKT_EVENT_CHANGED},
        {"s3:ObjectRemoved:DeleteAllVersions", BKT_EVENT_CHANGED},
        {"s3:LifecycleDelMarkerExpiration:Delete", BKT_EVENT_CHANGED},
        {"s3:LifecycleExpiration:Delete", BKT_EVENT_CHANGED},
        {"s3:ObjectAccessed:Get", BKT_EVENT_NOTHING},
        {"s3:ObjectAccessed:Head", BKT_EVENT_NOTHING},
        {"s3:ObjectAccessed:Attributes", BKT_EVENT_NOTHING},
        {"s3:BucketCreated:*", BKT_EVENT_NOTHING},
        {"s3:BucketRemoved:*", BKT_EVENT_NOTHING},
        {"s3:Replication:OperationCompletedReplication", BKT_EVENT_NOTHING},
        {"s3:ObjectTransition:Failed", BKT_EVENT_NOTHING},
        {"s3:ObjectTransition:Complete", BKT_EVENT_METADATA},
        {"s3:ObjectRestore:Completed", BKT_EVENT_CHANGED},
        {"s3:Scanner:ManyVersions", BKT_EVENT_NOTHING},
        {"s3:Scanner:BigPrefix", BKT_EVENT_NOTHING},
        /* Ceph: three parts */
        {"ObjectLifecycle:Expiration:Current", BKT_EVENT_CHANGED},
        {"ObjectLifecycle:Expiration:NonCurrent", BKT_EVENT_CHANGED},
        {"ObjectLifecycle:Expiration:DeleteMarker", BKT_EVENT_CHANGED},
        {"ObjectLifecycle:Transition:Current", BKT_EVENT_METADATA},
        {"ObjectSynced:Create", BKT_EVENT_CHANGED},
        /* Names to come, and names that only begin like known ones */
        {"ObjectCreated:Append", BKT_EVENT_CHANGED},
        {"ObjectCreated", BKT_EVENT_CHANGED},
        {"ObjectCreated:PutTaggingToo", BKT_EVENT_CHANGED},
        {"ObjectRenamed:Put", BKT_EVENT_CHANGED},
        {"Replicationist:Put", BKT_EVENT_CHANGED},
        {":", BKT_EVENT_CHANGED},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# %s\n", cases[i].name);
        assert_int_equal(bkt_event_kind_of(cases[i].name), cases[i].kind);
    }
}

static void expect_key(const char *source,
                       const char *key,
                       enum bkt_key_form form,
                       const char *expected)
{
    char body[1024];
    char line[1024];
    (void)snprintf(body, sizeof(body),
                   "{\"Records\":[{%s\"eventName\":\"ObjectCreated:Put\",\"s3\":{\"bucket\":{"
                   "\"name\":\"b\"},\"object\":{\"key\":\"%s\"}}}]}",
                   source, key);
    (void)snprintf(line, sizeof(line), "changed b %s", expected);
    t_expect(bkt_str_from(body), form, line);
}

#define AWS   "\"eventSource\":\"aws:s3\","
#define MINIO "\"eventSource\":\"minio:s3\","
#define CEPH  "\"eventSource\":\"ceph:s3\","
#define OTHER "\"eventSource\":\"acme:s3\","

static void keys_are_decoded_as_their_sender_encodes(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *source;
        const char *key; /* as it stands in the JSON */
        const char *expected;
    } cases[] = {
        {"S3 leaves the slash", AWS, "dir/a%2Bb+%C3%A9.txt", "dir/a+b \xC3\xA9.txt"},
        {"or not", AWS, "dir%2Fa%2Bb+%C3%A9.txt", "dir/a+b \xC3\xA9.txt"},
        {"MinIO does not", MINIO, "dir%2Fa%2Bb+%C3%A9.txt", "dir/a+b \xC3\xA9.txt"},
        {"lower-case hex", AWS, "a%2bb%c3%a9", "a+b\xC3\xA9"},
        {"once only", AWS, "a%2541", "a%41"},
        {"a NUL", AWS, "a%00b", "a\\0b"},
        {"line ends", AWS, "tab%09cr%0Dnl%0A", "tab\tcr\rnl\n"},
        {"odd paths stay", AWS, "x//y/../.", "x//y/../."},
        {"a leading slash stays", AWS, "/lead", "/lead"},
        {"both hex digits of %2F", AWS, "%2f%2F", "//"},
        {"%%, a lone % and % at the end are kept, and doubted", AWS, "+%%25%4", " %%%4 or +%%25%4"},
        {"no hex digits", AWS, "50%+off%zz", "50% off%zz or 50%+off%zz"},
        {"the % alone changes nothing", AWS, "100%", "100%"},
        /* Senders that say aws:s3 and encode nothing. */
        {"a raw space", AWS, "a b+c", "a b c or a b+c"},
        {"raw UTF-8", AWS, "\xC3\xA9+c", "\xC3\xA9 c or \xC3\xA9+c"},
        {"raw UTF-8, nothing to decode", AWS, "\xC3\xA9.txt", "\xC3\xA9.txt"},
        {"a raw ampersand", MINIO, "a&b%20c", "a&b c or a&b%20c"},
        {"a raw control character", AWS, "a\\u0001+", "a\x01  or a\x01+"},
        {"Ceph is raw", CEPH, "a+b%20c", "a+b%20c"},
        {"an unknown sender", OTHER, "a+b", "a b or a+b"},
        {"no sender", "", "a+b", "a b or a+b"},
        {"no sender, nothing to decode", "", "a-b", "a-b"},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# %s\n", cases[i].name);
        expect_key(cases[i].source, cases[i].key, BKT_KEY_QUEUED, cases[i].expected);
    }
}

static void keys_of_the_listen_stream_are_raw(void **state)
{
    (void)state;
    expect_key(MINIO, "docs/sp ace+plus%41/\xC3\xBC=x\\u0026y.txt", BKT_KEY_RAW,
               "docs/sp ace+plus%41/\xC3\xBC=x&y.txt");
    expect_key(AWS, "a+b%20c", BKT_KEY_RAW, "a+b%20c");
    expect_key(MINIO, "a\\u0000b", BKT_KEY_RAW, "a\\0b");
}

#define S3     "\"s3\":{\"bucket\":{\"name\":\"b\"},\"object\":{\"key\":\"k\"}}"
#define NAME   "\"eventName\":\"ObjectCreated:Put\","
#define RECORD "{" AWS NAME S3 "}"

static void records_are_understood_or_named(void **state)
{
    (void)state;
    static const struct {
        const char *record;
        const char *expected;
    } cases[] = {
        {"{\"eventVersion\":\"2.0\"," AWS NAME S3 "}", "changed b k"},
        {"{\"eventVersion\":\"2.6\"," AWS NAME S3 "}", "changed b k"},
        {"{\"eventVersion\":\"2.10\"," AWS NAME S3 "}", "changed b k"},
        {"{\"eventVersion\":\"2\"," AWS NAME S3 "}", "changed b k"},
        {RECORD, "changed b k"},
        {"{\"eventVersion\":\"3.0\"," AWS NAME S3 "}",
         "poison: a record has an eventVersion other than 2.x"},
        {"{\"eventVersion\":\"20.1\"," AWS NAME S3 "}",
         "poison: a record has an eventVersion other than 2.x"},
        {"{\"eventVersion\":2.1," AWS NAME S3 "}",
         "poison: a record has an eventVersion other than 2.x"},
        {"{\"eventSource\":\"aws:sqs\"," NAME S3 "}",
         "poison: a record is of another service than S3"},
        {"{\"eventSource\":7," NAME S3 "}", "poison: a record is of another service than S3"},
        {"{" AWS S3 "}", "poison: a record has no eventName"},
        {"{" AWS "\"eventName\":\"\"," S3 "}", "poison: a record has no eventName"},
        {"{" AWS NAME "\"s3\":{\"object\":{\"key\":\"k\"}}}",
         "poison: a record has no s3.bucket.name"},
        {"{" AWS NAME "\"s3\":{\"bucket\":{\"name\":\"\"},\"object\":{\"key\":\"k\"}}}",
         "poison: a record has no s3.bucket.name"},
        {"{" AWS NAME "\"s3\":{\"bucket\":{\"name\":\"b\"},\"object\":{\"key\":\"\"}}}",
         "poison: a record has no s3.object.key"},
        {"{" AWS NAME "\"s3\":{\"bucket\":{\"name\":\"b\"},\"object\":{\"key\":5}}}",
         "poison: a record has no s3.object.key"},
        {"{" AWS NAME "\"s3\":\"k\"}", "poison: a record has no s3.bucket.name"},
        {"7", "poison: a record is no object"},
        {"null", "poison: a record is no object"},
        {"[" RECORD "]", "poison: a record is no object"},
        /* A bucket's event has no key. */
        {"{" MINIO "\"eventName\":\"s3:BucketCreated:*\",\"s3\":{\"bucket\":{\"name\":\"b\"},"
         "\"object\":{\"key\":\"\"}}}",
         "nothing b "},
        /* Good ones are not lost with bad ones. */
        {RECORD ",{}," RECORD, "changed b k; changed b k !a record has no eventName"},
        {"{}," RECORD ",7", "changed b k !a record has no eventName"},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# %s\n", cases[i].record);
        char body[1024];
        (void)snprintf(body, sizeof(body), "{\"Records\":[%s]}", cases[i].record);
        t_expect(bkt_str_from(body), BKT_KEY_QUEUED, cases[i].expected);
    }
}

static void write_one(struct bkt_buf *buf, struct bkt_str key)
{
    const struct bkt_notification event = {
        .bucket = BKT_STR("my-docs"),
        .key = key,
        .region = BKT_STR("eu-west-1"),
        .etag = BKT_STR("5d41402abc4b2a76b9719d911017c592"),
        .size = 5,
        .time_ms = 1709287200123,
    };
    assert_int_equal(bkt_notification_write(buf, &event), BKT_OK);
}

static void written_records_look_like_those_of_s3(void **state)
{
    (void)state;
    struct bkt_buf buf = BKT_BUF_INIT(4096);
    write_one(&buf, BKT_STR("dir/a+b \xC3\xA9.txt"));
    assert_string_equal(buf.ptr,
                        "{\"Records\":[{\"eventVersion\":\"2.1\",\"eventSource\":\"aws:s3\","
                        "\"awsRegion\":\"eu-west-1\",\"eventTime\":\"2024-03-01T10:00:00.123Z\","
                        "\"eventName\":\"ObjectCreated:Put\",\"s3\":{\"s3SchemaVersion\":\"1.0\","
                        "\"bucket\":{\"name\":\"my-docs\"},"
                        "\"object\":{\"key\":\"dir/a%2Bb+%C3%A9.txt\",\"size\":5,"
                        "\"eTag\":\"5d41402abc4b2a76b9719d911017c592\"}}}]}");
    bkt_buf_clear(&buf);
}

static void every_key_comes_back(void **state)
{
    (void)state;
    for (int first = 0; first < 256; first++) {
        for (int second = 0; second < 256; second++) {
            const char bytes[] = {(char)first, (char)second, '/', 'x'};
            struct bkt_str key = {bytes, sizeof(bytes)};
            struct bkt_buf buf = BKT_BUF_INIT(4096);
            write_one(&buf, key);

            struct bkt_envelope envelope = {0};
            int rc = bkt_envelope_read(&envelope, bkt_buf_str(&buf), buf.len, BKT_KEY_QUEUED);
            assert_int_equal(rc, BKT_OK);
            assert_int_equal(envelope.list.count, 1);
            assert_int_equal(envelope.list.bad_count, 0);
            assert_int_equal(envelope.list.events[0].kind, BKT_EVENT_CHANGED);
            assert_true(bkt_str_eq(envelope.list.events[0].key, key));
            assert_int_equal(envelope.list.events[0].key_other.len, 0);
            bkt_envelope_clear(&envelope);
            bkt_buf_clear(&buf);
        }
    }
    assert_int_equal(bkt_mem_live(), 0);
}

static int write_and_drop(void)
{
    struct bkt_buf buf = BKT_BUF_INIT(4096);
    const struct bkt_notification event = {
        .bucket = BKT_STR("b"), .key = BKT_STR("a b\xFF"), .etag = BKT_STR("\"")};
    int rc = bkt_notification_write(&buf, &event);
    bkt_buf_clear(&buf);
    return rc;
}

static int list_and_drop(void)
{
    struct bkt_event_list list = {0};
    const struct bkt_event event = {
        .bucket = BKT_STR("b"), .key = BKT_STR("k"), .key_other = BKT_STR("l")};
    int rc = BKT_OK;
    for (int i = 0; i < 100 && rc == BKT_OK; i++)
        rc = bkt_event_list_add(&list, &event);
    if (rc == BKT_OK)
        assert_int_equal(list.count, 100);
    bkt_event_list_clear(&list);
    return rc;
}

static void out_of_memory_is_an_error(void **state)
{
    (void)state;
    T_TORTURE(write_and_drop());
    T_TORTURE(list_and_drop());
}

static void written_records_stop_at_the_ceiling(void **state)
{
    (void)state;
    const struct bkt_notification event = {.bucket = BKT_STR("b"), .key = BKT_STR("k")};
    struct bkt_buf whole = BKT_BUF_INIT(4096);
    assert_int_equal(bkt_notification_write(&whole, &event), BKT_OK);
    for (size_t max = 0; max < whole.len; max++) {
        struct bkt_buf buf = BKT_BUF_INIT(max);
        assert_int_equal(bkt_notification_write(&buf, &event), BKT_ELIMIT);
        bkt_buf_clear(&buf);
    }
    bkt_buf_clear(&whole);
    assert_int_equal(bkt_mem_live(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_has_its_meaning),
        cmocka_unit_test(keys_are_decoded_as_their_sender_encodes),
        cmocka_unit_test(keys_of_the_listen_stream_are_raw),
        cmocka_unit_test(records_are_understood_or_named),
        cmocka_unit_test(written_records_look_like_those_of_s3),
        cmocka_unit_test(every_key_comes_back),
        cmocka_unit_test(out_of_memory_is_an_error),
        cmocka_unit_test(written_records_stop_at_the_ceiling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
