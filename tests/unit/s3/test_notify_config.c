/*
 * The notification configuration of a bucket: what is told to whom, and that adding ours and taking
 * it away again leaves everything else byte for byte.
 */
#include "t.h"

#include "s3/notify_config.h"

#define QUEUE "arn:aws:sqs:eu-west-1:123456789012:docs"
#define OTHER "arn:aws:sqs:eu-west-1:123456789012:other"
#define ROOT  "<NotificationConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
#define END   "</NotificationConfiguration>"

#define QUEUE_ENTRY(id, arn, events, filter)                                  \
    "<QueueConfiguration><Id>" id "</Id><Queue>" arn "</Queue>" events filter \
    "</QueueConfiguration>"
#define EVENT(name) "<Event>s3:" name "</Event>"
#define FILTER(name, value)                                                                 \
    "<Filter><S3Key><FilterRule><Name>" name "</Name><Value>" value "</Value></FilterRule>" \
    "</S3Key></Filter>"
#define ALL_EVENTS EVENT("ObjectCreated:*") EVENT("ObjectRemoved:*") EVENT("LifecycleExpiration:*")

static const struct bkt_notify_want want = {
    .kind = BKT_NOTIFY_QUEUE,
    .id = {"bucketable-docs", 15},
    .arn = {QUEUE, sizeof(QUEUE) - 1},
    .prefix = {"docs/", 5},
};

static void read_config(const char *xml, struct bkt_notify_config *config)
{
    struct bkt_error err = {0};
    int rc = bkt_notify_read(bkt_str_from(xml), config, &err);
    if (rc)
        print_message("# %s\n", err.message);
    assert_int_equal(rc, BKT_OK);
}

static void how_a_family_of_events_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *xml;
        enum bkt_notify_state created;
        enum bkt_notify_state removed;
    } cases[] = {
        {"", BKT_NOTIFY_MISSING, BKT_NOTIFY_MISSING},
        {ROOT END, BKT_NOTIFY_MISSING, BKT_NOTIFY_MISSING},
        {"<NotificationConfiguration/>", BKT_NOTIFY_MISSING, BKT_NOTIFY_MISSING},
        {ROOT QUEUE_ENTRY("a", QUEUE, EVENT("ObjectCreated:*"), "") END, BKT_NOTIFY_COVERED,
         BKT_NOTIFY_MISSING},
        {ROOT QUEUE_ENTRY("a", QUEUE, EVENT("ObjectCreated:Put"), "") END, BKT_NOTIFY_PARTLY,
         BKT_NOTIFY_MISSING},
        {ROOT QUEUE_ENTRY("a", QUEUE, EVENT("ObjectRemoved:*"), FILTER("Prefix", "do")) END,
         BKT_NOTIFY_MISSING, BKT_NOTIFY_COVERED},
        {ROOT QUEUE_ENTRY("a", QUEUE, EVENT("ObjectRemoved:*"), FILTER("prefix", "docs/x")) END,
         BKT_NOTIFY_MISSING, BKT_NOTIFY_PARTLY},
        {ROOT QUEUE_ENTRY("a", QUEUE, EVENT("ObjectRemoved:*"), FILTER("prefix", "docs%2F")) END,
         BKT_NOTIFY_MISSING, BKT_NOTIFY_COVERED},
        {ROOT QUEUE_ENTRY("a", QUEUE, EVENT("ObjectRemoved:*"), FILTER("suffix", ".md")) END,
         BKT_NOTIFY_MISSING, BKT_NOTIFY_PARTLY},
        {ROOT QUEUE_ENTRY("a", QUEUE, EVENT("ObjectRemoved:*"), FILTER("prefix", "img/")) END,
         BKT_NOTIFY_MISSING, BKT_NOTIFY_MISSING},
        {ROOT QUEUE_ENTRY("a", OTHER, EVENT("ObjectCreated:*"), "") END, BKT_NOTIFY_ELSEWHERE,
         BKT_NOTIFY_MISSING},
        {ROOT "<TopicConfiguration><Topic>" QUEUE
              "</Topic>" EVENT("ObjectCreated:*") "</TopicConfiguration>" END,
         BKT_NOTIFY_ELSEWHERE, BKT_NOTIFY_MISSING},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# case %zu\n", i);
        struct bkt_notify_config config;
        const struct bkt_notify_entry *entry;
        read_config(cases[i].xml, &config);
        assert_int_equal(bkt_notify_look(&config, &want, BKT_NOTIFY_CREATED, true, &entry),
                         cases[i].created);
        assert_int_equal(bkt_notify_look(&config, &want, BKT_NOTIFY_REMOVED, true, &entry),
                         cases[i].removed);
        bkt_notify_clear(&config);
    }
}

static void a_suffix_that_all_rows_have_hides_none(void **state)
{
    (void)state;
    struct bkt_notify_config config;
    const struct bkt_notify_entry *entry;
    struct bkt_notify_want only_md = want;
    only_md.suffix = BKT_STR(".md");
    read_config(ROOT QUEUE_ENTRY("a", QUEUE, EVENT("ObjectCreated:*"), FILTER("Suffix", "md")) END,
                &config);
    assert_int_equal(bkt_notify_look(&config, &only_md, BKT_NOTIFY_CREATED, true, &entry),
                     BKT_NOTIFY_COVERED);
    assert_true(bkt_str_eq(entry->suffix, BKT_STR("md")));
    bkt_notify_clear(&config);
}

/* What the others have is theirs: comments inside, elements and attributes that nobody knows. */
#define FOREIGN                                                                                  \
    "<QueueConfiguration a='1'><Id>x</Id><!-- c --><Queue>" OTHER                                \
    "</Queue><Event>s3:ObjectTagging:*</Event><New><Deep>&lt;</Deep></New></QueueConfiguration>" \
    "<Unknown><QueueConfiguration/></Unknown>"
#define OURS QUEUE_ENTRY("bucketable-docs", QUEUE, ALL_EVENTS, FILTER("prefix", "docs/"))

static void adding_and_removing_leaves_the_others_alone(void **state)
{
    (void)state;
    static const struct {
        const char *before;
        const char *with; /* ours */
        const char *without;
        bool is_changed;
    } cases[] = {
        {"", ROOT OURS END, ROOT END, true},
        {"<NotificationConfiguration/>", ROOT OURS END, ROOT END, true},
        {ROOT FOREIGN END, ROOT FOREIGN OURS END, ROOT FOREIGN END, true},
        {"<GetBucketNotificationResponse>" FOREIGN "</GetBucketNotificationResponse>",
         ROOT FOREIGN OURS END, ROOT FOREIGN END, true},
        {"<?xml version=\"1.0\"?><n:NotificationConfiguration xmlns:n='u'>" FOREIGN
         "</n:NotificationConfiguration>",
         "<n:NotificationConfiguration xmlns:n='u'>" FOREIGN OURS "</n:NotificationConfiguration>",
         "<n:NotificationConfiguration xmlns:n='u'>" FOREIGN "</n:NotificationConfiguration>",
         true},
        {ROOT OURS FOREIGN END, ROOT FOREIGN OURS END, ROOT FOREIGN END, false},
        /* As S3 gives it back: other order, other case. */
        {ROOT QUEUE_ENTRY("bucketable-docs", QUEUE,
                          EVENT("LifecycleExpiration:*") EVENT("ObjectRemoved:*")
                              EVENT("ObjectCreated:*"),
                          FILTER("Prefix", "docs/")) END,
         ROOT OURS END, ROOT END, false},
        /* Another prefix than last time. */
        {ROOT QUEUE_ENTRY("bucketable-docs", QUEUE, ALL_EVENTS, FILTER("Prefix", "old/")) END,
         ROOT OURS END, ROOT END, true},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# case %zu\n", i);
        struct bkt_notify_config config, again;
        struct bkt_buf with = BKT_BUF_INIT(1 << 16);
        struct bkt_buf without = BKT_BUF_INIT(1 << 16);
        bool is_changed;
        read_config(cases[i].before, &config);
        assert_int_equal(bkt_notify_add(&config, &want, &with, &is_changed, NULL), BKT_OK);
        assert_string_equal(with.ptr, cases[i].with);
        assert_int_equal(is_changed, cases[i].is_changed);

        read_config(with.ptr, &again);
        struct bkt_buf twice = BKT_BUF_INIT(1 << 16);
        assert_int_equal(bkt_notify_add(&again, &want, &twice, &is_changed, NULL), BKT_OK);
        assert_string_equal(twice.ptr, with.ptr);
        assert_false(is_changed);
        assert_int_equal(bkt_notify_remove(&again, want.id, &without, &is_changed, NULL), BKT_OK);
        assert_string_equal(without.ptr, cases[i].without);
        assert_true(is_changed);
        bkt_notify_clear(&config);
        bkt_notify_clear(&again);
        bkt_buf_clear(&with);
        bkt_buf_clear(&without);
        bkt_buf_clear(&twice);
    }
}

static void what_others_tell_our_queue_is_not_told_twice(void **state)
{
    (void)state;
    struct bkt_notify_config config;
    struct bkt_buf out = BKT_BUF_INIT(1 << 16);
    bool is_changed;
    read_config(ROOT QUEUE_ENTRY("console", QUEUE,
                                 EVENT("ObjectCreated:*") EVENT("ObjectRemoved:*"), "") END,
                &config);
    assert_int_equal(bkt_notify_add(&config, &want, &out, &is_changed, NULL), BKT_OK);
    assert_true(is_changed);
    assert_string_equal(
        out.ptr,
        ROOT QUEUE_ENTRY("console", QUEUE, EVENT("ObjectCreated:*") EVENT("ObjectRemoved:*"), "")
            QUEUE_ENTRY("bucketable-docs", QUEUE, EVENT("LifecycleExpiration:*"),
                        FILTER("prefix", "docs/")) END);
    bkt_notify_clear(&config);
    bkt_buf_clear(&out);

    read_config(ROOT QUEUE_ENTRY("console", QUEUE, ALL_EVENTS, "") END, &config);
    assert_int_equal(bkt_notify_add(&config, &want, &out, &is_changed, NULL), BKT_OK);
    assert_false(is_changed);
    assert_string_equal(out.ptr, ROOT QUEUE_ENTRY("console", QUEUE, ALL_EVENTS, "") END);
    bkt_notify_clear(&config);
    bkt_buf_clear(&out);
}

static void what_stands_in_the_way_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *xml;
        const char *words;
    } cases[] = {
        {ROOT QUEUE_ENTRY("theirs", OTHER, EVENT("ObjectCreated:*"), "") END, "--sns"},
        {ROOT QUEUE_ENTRY("theirs", OTHER, EVENT("ObjectRemoved:Delete"),
                          FILTER("prefix", "docs/a")) END,
         "--eventbridge"},
        {ROOT QUEUE_ENTRY("theirs", QUEUE, EVENT("ObjectCreated:Put"), "") END, "widen"},
        {ROOT QUEUE_ENTRY("theirs", QUEUE, EVENT("ObjectCreated:*"), FILTER("suffix", "x")) END,
         "widen"},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        struct bkt_notify_config config;
        struct bkt_buf out = BKT_BUF_INIT(1 << 16);
        struct bkt_error err = {0};
        bool is_changed;
        read_config(cases[i].xml, &config);
        assert_int_equal(bkt_notify_add(&config, &want, &out, &is_changed, &err), BKT_ECONFIG);
        assert_non_null(strstr(err.message, "\"theirs\""));
        assert_non_null(strstr(err.message, cases[i].words));
        assert_int_equal(out.len, 0);
        bkt_notify_clear(&config);
        bkt_buf_clear(&out);
    }
}

static void eventbridge_is_a_switch(void **state)
{
    (void)state;
    struct bkt_notify_config config;
    struct bkt_buf out = BKT_BUF_INIT(1 << 16);
    struct bkt_buf twice = BKT_BUF_INIT(1 << 16);
    bool is_changed;
    read_config(ROOT FOREIGN END, &config);
    assert_int_equal(bkt_notify_add_eventbridge(&config, &out, &is_changed, NULL), BKT_OK);
    assert_true(is_changed);
    bkt_notify_clear(&config);
    read_config(out.ptr, &config);
    assert_int_equal(bkt_notify_add_eventbridge(&config, &twice, &is_changed, NULL), BKT_OK);
    assert_false(is_changed);
    assert_string_equal(twice.ptr, out.ptr);
    bkt_notify_clear(&config);
    bkt_buf_clear(&out);
    bkt_buf_clear(&twice);
}

static void it_is_told_as_the_aws_cli_takes_it(void **state)
{
    (void)state;
    struct bkt_notify_config config;
    struct bkt_buf out = BKT_BUF_INIT(1 << 16);
    read_config(ROOT "<TopicConfiguration><Topic>t</Topic>" EVENT(
                    "ObjectAcl:Put") "</TopicConfiguration>" OURS "<EventBridgeConfiguration/>" END,
                &config);
    assert_int_equal(bkt_notify_write_json(&config, &out), BKT_OK);
    assert_string_equal(
        out.ptr,
        "{\"QueueConfigurations\":[{\"Id\":\"bucketable-docs\",\"QueueArn\":\"" QUEUE
        "\",\"Events\":[\"s3:ObjectCreated:*\",\"s3:ObjectRemoved:*\","
        "\"s3:LifecycleExpiration:*\"],\"Filter\":{\"Key\":{\"FilterRules\":"
        "[{\"Name\":\"prefix\",\"Value\":\"docs/\"}]}}}],\"TopicConfigurations\":[{\"Id\":\"\","
        "\"TopicArn\":\"t\",\"Events\":[\"s3:ObjectAcl:Put\"]}],\"EventBridgeConfiguration\":{}}");
    bkt_notify_clear(&config);
    bkt_buf_clear(&out);
}

static void a_filter_ends_before_what_servers_read_differently(void **state)
{
    (void)state;
    assert_true(bkt_str_eq(bkt_notify_filter_prefix(BKT_STR("a/b c/d")), BKT_STR("a/b")));
    assert_true(bkt_str_eq(bkt_notify_filter_prefix(BKT_STR("a+b")), BKT_STR("a")));
    assert_true(bkt_str_eq(bkt_notify_filter_prefix(BKT_STR("\xc3\xa9/")), BKT_STR("")));
    assert_true(
        bkt_str_eq(bkt_notify_filter_prefix(BKT_STR("a-._!*'()/9")), BKT_STR("a-._!*'()/9")));
}

static void what_is_no_configuration_is_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {"<Error><Code>AccessDenied</Code></Error>",
                                        "<html>",
                                        "x",
                                        ROOT,
                                        ROOT END "x",
                                        ROOT "<QueueConfiguration>" END};
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        struct bkt_notify_config config;
        assert_int_equal(bkt_notify_read(bkt_str_from(cases[i]), &config, NULL), BKT_EPARSE);
    }
}

static int round_trip(void)
{
    struct bkt_notify_config config;
    struct bkt_buf out = BKT_BUF_INIT(1 << 16);
    bool is_changed;
    int rc = bkt_notify_read(BKT_STR(ROOT FOREIGN END), &config, NULL);
    if (rc == BKT_OK)
        rc = bkt_notify_add(&config, &want, &out, &is_changed, NULL);
    if (rc == BKT_OK)
        rc = bkt_notify_write_json(&config, &out);
    bkt_notify_clear(&config);
    bkt_buf_clear(&out);
    return rc;
}

static void memory_runs_out(void **state)
{
    (void)state;
    T_TORTURE(round_trip());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(how_a_family_of_events_is_told),
        cmocka_unit_test(a_suffix_that_all_rows_have_hides_none),
        cmocka_unit_test(adding_and_removing_leaves_the_others_alone),
        cmocka_unit_test(what_others_tell_our_queue_is_not_told_twice),
        cmocka_unit_test(what_stands_in_the_way_is_named),
        cmocka_unit_test(eventbridge_is_a_switch),
        cmocka_unit_test(it_is_told_as_the_aws_cli_takes_it),
        cmocka_unit_test(a_filter_ends_before_what_servers_read_differently),
        cmocka_unit_test(what_is_no_configuration_is_refused),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
