/*
 * A queue's access policy: whether it lets a service send, and that our statement comes and goes
 * without touching the others.
 */
#include "t.h"

#include "events/queue_policy.h"

#define QUEUE  "arn:aws:sqs:eu-west-1:123456789012:docs"
#define BUCKET "arn:aws:s3:::my-docs"

static const struct bkt_policy_grant grant = {
    .sid = {"bucketable-s3-my-docs", 21},
    .service = "s3.amazonaws.com",
    .action = "sqs:SendMessage",
    .resource = {QUEUE, sizeof(QUEUE) - 1},
    .source_arn = {BUCKET, sizeof(BUCKET) - 1},
    .account = {"123456789012", 12},
};

#define OURS                                                                              \
    "{\"Sid\":\"bucketable-s3-my-docs\",\"Effect\":\"Allow\",\"Principal\":{\"Service\":" \
    "\"s3.amazonaws.com\"},\"Action\":\"sqs:SendMessage\",\"Resource\":\"" QUEUE          \
    "\",\"Condition\":{\"ArnLike\":{\"aws:SourceArn\":\"" BUCKET                          \
    "\"},\"StringEquals\":{\"aws:SourceAccount\":\"123456789012\"}}}"
#define OWNER                                                                     \
    "{\"Sid\":\"__owner_statement\",\"Effect\":\"Allow\",\"Principal\":{\"AWS\":" \
    "\"arn:aws:iam::123456789012:root\"},\"Action\":\"SQS:*\",\"Resource\":\"" QUEUE "\"}"
#define HEAD "{\"Version\":\"2012-10-17\",\"Statement\":["

static void adding_and_removing_leaves_the_others_alone(void **state)
{
    (void)state;
    static const struct {
        const char *before;
        const char *with;
        const char *without; /* "": nothing is left */
        bool is_changed;
    } cases[] = {
        {"", HEAD OURS "]}", "", true},
        {HEAD "]}", HEAD OURS "]}", "", true},
        {HEAD OWNER "]}", HEAD OWNER "," OURS "]}", HEAD OWNER "]}", true},
        {HEAD OURS "," OWNER "]}", HEAD OURS "," OWNER "]}", HEAD OWNER "]}", false},
        /* Twice the same Sid, and one object in place of an array. */
        {HEAD OURS "," OURS "]}", HEAD OURS "]}", "", true},
        {"{\"Version\":\"2008-10-17\",\"Id\":\"x\",\"Statement\":" OWNER "}",
         "{\"Version\":\"2008-10-17\",\"Id\":\"x\",\"Statement\":[" OWNER "," OURS "]}",
         "{\"Version\":\"2008-10-17\",\"Id\":\"x\",\"Statement\":[" OWNER "]}", true},
        /* Ours, of another bucket once. */
        {HEAD "{\"Sid\":\"bucketable-s3-my-docs\",\"Effect\":\"Allow\"}]}", HEAD OURS "]}", "",
         true},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# case %zu\n", i);
        struct bkt_buf with = BKT_BUF_INIT(BKT_POLICY_BYTES_MAX);
        struct bkt_buf twice = BKT_BUF_INIT(BKT_POLICY_BYTES_MAX);
        struct bkt_buf without = BKT_BUF_INIT(BKT_POLICY_BYTES_MAX);
        bool is_changed;
        assert_int_equal(
            bkt_policy_add(bkt_str_from(cases[i].before), &grant, &with, &is_changed, NULL),
            BKT_OK);
        assert_string_equal(with.ptr, cases[i].with);
        assert_int_equal(is_changed, cases[i].is_changed);

        assert_int_equal(bkt_policy_add(bkt_buf_str(&with), &grant, &twice, &is_changed, NULL),
                         BKT_OK);
        assert_string_equal(twice.ptr, with.ptr);
        assert_false(is_changed);

        assert_int_equal(
            bkt_policy_remove(bkt_buf_str(&with), grant.sid, &without, &is_changed, NULL), BKT_OK);
        assert_true(bkt_str_eq(bkt_buf_str(&without), bkt_str_from(cases[i].without)));
        assert_true(is_changed);
        bkt_buf_clear(&with);
        bkt_buf_clear(&twice);
        bkt_buf_clear(&without);
    }
}

#define ALLOW(principal, action, resource, condition)                                     \
    "{\"Statement\":{\"Effect\":\"Allow\",\"Principal\":" principal ",\"Action\":" action \
    ",\"Resource\":\"" resource "\"" condition "}}"
#define S3                       "{\"Service\":\"s3.amazonaws.com\"}"
#define SEND                     "\"SQS:SendMessage\""
#define IF(operator, key, value) ",\"Condition\":{\"" operator"\":{\"" key "\":" value "}}"

static void whether_the_bucket_may_send(void **state)
{
    (void)state;
    static const struct {
        const char *policy;
        enum bkt_policy_answer answer;
    } cases[] = {
        {"", BKT_POLICY_NO},
        {HEAD OWNER "]}", BKT_POLICY_NO},
        {HEAD OURS "]}", BKT_POLICY_YES},
        {ALLOW(S3, SEND, QUEUE, ""), BKT_POLICY_YES},
        {ALLOW("\"*\"", "[\"sqs:ReceiveMessage\",\"sqs:Send*\"]", "*", ""), BKT_POLICY_YES},
        {ALLOW("{\"AWS\":\"*\"}", SEND, QUEUE, IF("ArnLike", "aws:SourceArn", "\"arn:*:my-*\"")),
         BKT_POLICY_YES},
        {ALLOW(S3, SEND, QUEUE, IF("ArnEquals", "AWS:sourcearn", "[\"x\",\"" BUCKET "\"]")),
         BKT_POLICY_YES},
        {ALLOW(S3, SEND, QUEUE, IF("ArnLike", "aws:SourceArn", "\"arn:aws:s3:::other\"")),
         BKT_POLICY_NO},
        {ALLOW(S3, SEND, QUEUE, IF("StringEquals", "aws:SourceAccount", "\"999999999999\"")),
         BKT_POLICY_NO},
        {ALLOW(S3, SEND, QUEUE, IF("IpAddress", "aws:SourceIp", "\"10.0.0.0/8\"")),
         BKT_POLICY_PERHAPS},
        {ALLOW(S3, "\"sqs:ReceiveMessage\"", QUEUE, ""), BKT_POLICY_NO},
        {ALLOW(S3, SEND, "arn:aws:sqs:eu-west-1:123456789012:other", ""), BKT_POLICY_NO},
        {ALLOW("{\"Service\":\"sns.amazonaws.com\"}", SEND, QUEUE, ""), BKT_POLICY_NO},
        /* The usual demand for TLS denies a service nothing; a plain denial does. */
        {HEAD OURS ",{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":\"sqs:*\",\"Resource\":"
                   "\"*\",\"Condition\":{\"Bool\":{\"aws:SecureTransport\":\"false\"}}}]}",
         BKT_POLICY_YES},
        {HEAD OURS ",{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":\"sqs:*\",\"Resource\":"
                   "\"*\"}]}",
         BKT_POLICY_NO},
        {HEAD OURS ",{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":\"sqs:*\",\"Resource\":"
                   "\"*\",\"Condition\":{\"Null\":{\"aws:x\":\"true\"}}}]}",
         BKT_POLICY_PERHAPS},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# case %zu\n", i);
        enum bkt_policy_answer answer;
        assert_int_equal(bkt_policy_allows(bkt_str_from(cases[i].policy), &grant, &answer, NULL),
                         BKT_OK);
        assert_int_equal(answer, cases[i].answer);
    }
}

static void which_services_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *policy;
        bool names;
    } cases[] = {
        {"", false},
        {ALLOW("{\"Service\":\"sns.amazonaws.com\"}", SEND, QUEUE, ""), true},
        {ALLOW("{\"Service\":[\"x\",\"sns.amazonaws.com\"]}", "\"sqs:*\"", QUEUE,
               IF("ArnEquals", "aws:SourceArn", "\"arn:aws:sns:eu-west-1:1:topic\"")),
         true},
        {ALLOW(S3, SEND, QUEUE, IF("StringLike", "aws:x", "\"sns.amazonaws.com\"")), false},
        {ALLOW("{\"Service\":\"sns.amazonaws.com\"}", "\"sqs:ReceiveMessage\"", QUEUE, ""), false},
        {ALLOW("\"*\"", SEND, QUEUE, ""), false},
        {HEAD "{\"Effect\":\"Deny\",\"Principal\":{\"Service\":\"sns.amazonaws.com\"},"
              "\"Action\":" SEND ",\"Resource\":\"*\"}]}",
         false},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# case %zu\n", i);
        bool names;
        assert_int_equal(bkt_policy_names(bkt_str_from(cases[i].policy), "sns.amazonaws.com",
                                          grant.action, &names, NULL),
                         BKT_OK);
        assert_int_equal(names, cases[i].names);
    }
}

static void wildcards(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool fold, is_like;
    } cases[] = {
        {"", "", false, true},
        {"*", "", false, true},
        {"a*b*c", "aXXbYYc", false, true},
        {"a*b*c", "aXXcYYb", false, false},
        {"a?c", "abc", false, true},
        {"a?c", "ac", false, false},
        {"SQS:*", "sqs:x", true, true},
        {"SQS:*", "sqs:x", false, false},
        {"**a", "bba", false, true},
        {"a", "ab", false, false},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# case %zu\n", i);
        assert_int_equal(
            bkt_policy_like(cases[i].pattern, bkt_str_from(cases[i].text), cases[i].fold),
            cases[i].is_like);
    }
}

static void what_is_no_policy_is_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {"x", "[]", "1", "{\"Statement\":1}", "{\"Statement\":[1]}"};
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        struct bkt_buf out = BKT_BUF_INIT(BKT_POLICY_BYTES_MAX);
        bool is_changed;
        assert_int_equal(bkt_policy_add(bkt_str_from(cases[i]), &grant, &out, &is_changed, NULL),
                         BKT_EPARSE);
        bkt_buf_clear(&out);
    }
}

static int add(void)
{
    struct bkt_buf out = BKT_BUF_INIT(BKT_POLICY_BYTES_MAX);
    bool is_changed;
    int rc = bkt_policy_add(BKT_STR(HEAD OWNER "]}"), &grant, &out, &is_changed, NULL);
    bkt_buf_clear(&out);
    return rc;
}

static void memory_runs_out(void **state)
{
    (void)state;
    T_TORTURE(add());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adding_and_removing_leaves_the_others_alone),
        cmocka_unit_test(whether_the_bucket_may_send),
        cmocka_unit_test(which_services_are_named),
        cmocka_unit_test(wildcards),
        cmocka_unit_test(what_is_no_policy_is_refused),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
