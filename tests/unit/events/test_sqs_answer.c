/*
 * Answers of SQS, of ElasticMQ and moto where they differ, and what is no answer at all.
 */
#include "events/sqs_answer.h"

#include "t_events.h"

#define MESSAGE(body, md5)                                                                         \
    "{\"MessageId\":\"m\",\"ReceiptHandle\":\"r\",\"MD5OfBody\":\"" md5 "\",\"Body\":\"" body "\"" \
    "}"
#define HELLO_MD5 "5d41402abc4b2a76b9719d911017c592"

static void messages_are_read(void **state)
{
    (void)state;
    struct bkt_sqs_messages messages = {0};
    const char *answer = "{\"Messages\":[" MESSAGE("hello", HELLO_MD5) "]}";
    assert_int_equal(bkt_sqs_read_messages(bkt_str_from(answer), &messages, NULL), BKT_OK);
    assert_int_equal(messages.count, 1);
    assert_int_equal(messages.bad_count, 0);
    const struct bkt_sqs_message *message = &messages.messages[0];
    assert_string_equal(message->id.ptr, "m");
    assert_string_equal(message->receipt.ptr, "r");
    assert_string_equal(message->body.ptr, "hello");
    assert_int_equal(message->body.len, 5);
    assert_false(message->is_damaged);
    bkt_sqs_messages_clear(&messages);
    assert_int_equal(bkt_mem_live(), 0);
}

static void no_messages_have_many_spellings(void **state)
{
    (void)state;
    static const char *const answers[] = {"", "{}", "{\"Messages\":[]}", "{\"Messages\":null}"};
    struct bkt_sqs_messages messages = {.count = 7};
    for (size_t i = 0; i < T_COUNT(answers); i++) {
        int rc = bkt_sqs_read_messages(bkt_str_from(answers[i]), &messages, NULL);
        assert_int_equal(rc, BKT_OK);
        assert_int_equal(messages.count, 0);
    }
    bkt_sqs_messages_clear(&messages);
}

static void bodies_are_checked_against_their_md5(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *message;
        bool is_damaged;
    } cases[] = {
        {"right", MESSAGE("hello", HELLO_MD5), false},
        {"in upper case", MESSAGE("hello", "5D41402ABC4B2A76B9719D911017C592"), false},
        {"one bit off", MESSAGE("hellp", HELLO_MD5), true},
        {"cut off", MESSAGE("hello", "5d41402abc4b2a76b9719d911017c59"), true},
        {"empty", MESSAGE("hello", ""), true},
        {"after the unescaping", MESSAGE("\\u0068\\u0065l\\u006Co", HELLO_MD5), false},
        {"of the UTF-8", MESSAGE("\\u00fc", "c03410a5204b21cd8229ff754688d743"), false},
        {"of an empty body", MESSAGE("", "d41d8cd98f00b204e9800998ecf8427e"), false},
        {"not sent", "{\"ReceiptHandle\":\"r\",\"Body\":\"hello\"}", false},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# %s\n", cases[i].name);
        char answer[1024];
        (void)snprintf(answer, sizeof(answer), "{\"Messages\":[%s]}", cases[i].message);
        struct bkt_sqs_messages messages = {0};
        assert_int_equal(bkt_sqs_read_messages(bkt_str_from(answer), &messages, NULL), BKT_OK);
        assert_int_equal(messages.count, 1);
        assert_int_equal(messages.messages[0].is_damaged, cases[i].is_damaged);
        bkt_sqs_messages_clear(&messages);
    }
}

static void odd_messages_do_no_harm(void **state)
{
    (void)state;
    struct bkt_sqs_messages messages = {0};
    const char *answer = "{\"Messages\":[{\"Body\":\"b\"},{\"ReceiptHandle\":\"r\"},7,"
                         "{\"Body\":\"b\",\"ReceiptHandle\":\"r\",\"Attributes\":7}]}";
    assert_int_equal(bkt_sqs_read_messages(bkt_str_from(answer), &messages, NULL), BKT_OK);
    assert_int_equal(messages.count, 1);
    assert_int_equal(messages.bad_count, 3);
    assert_int_equal(messages.messages[0].id.len, 0);

    struct bkt_buf eleven = BKT_BUF_INIT(8192);
    assert_int_equal(bkt_buf_append(&eleven, BKT_STR("{\"Messages\":[0")), BKT_OK);
    for (int i = 0; i < 11; i++)
        assert_int_equal(bkt_buf_append(&eleven, BKT_STR("," MESSAGE("hello", HELLO_MD5))), BKT_OK);
    assert_int_equal(bkt_buf_append(&eleven, BKT_STR("]}")), BKT_OK);
    assert_int_equal(bkt_sqs_read_messages(bkt_buf_str(&eleven), &messages, NULL), BKT_OK);
    assert_int_equal(messages.count, BKT_SQS_BATCH_MAX);
    assert_int_equal(messages.bad_count, 2);
    bkt_buf_clear(&eleven);
    bkt_sqs_messages_clear(&messages);
    bkt_sqs_messages_clear(NULL);
    assert_int_equal(bkt_mem_live(), 0);
}

static void a_megabyte_of_escapes_is_a_body(void **state)
{
    (void)state;
    enum { BODY_LEN = 1 << 20, ESCAPE_LEN = 6 };
    struct bkt_buf answer = BKT_BUF_INIT(BKT_SQS_ANSWER_BYTES_MAX);
    assert_int_equal(bkt_buf_append(&answer, BKT_STR("{\"Messages\":[{\"Body\":\"")), BKT_OK);
    for (int i = 0; i < BODY_LEN; i++)
        assert_int_equal(bkt_buf_append(&answer, BKT_STR("\\u0041")), BKT_OK);
    assert_int_equal(bkt_buf_append(&answer, BKT_STR("\",\"ReceiptHandle\":\"r\"}]}")), BKT_OK);

    struct bkt_sqs_messages messages = {0};
    assert_int_equal(bkt_sqs_read_messages(bkt_buf_str(&answer), &messages, NULL), BKT_OK);
    assert_int_equal(messages.messages[0].body.len, BODY_LEN);
    bkt_sqs_messages_clear(&messages);
    bkt_buf_clear(&answer);
}

static void what_is_no_answer_says_nothing(void **state)
{
    (void)state;
    static const char *const answers[] = {
        "<html>502</html>", "[]", "null", "{\"Messages\":", "{\"Messages\":{}}", "{\"Messages\":7}",
    };
    struct bkt_sqs_messages messages = {0};
    for (size_t i = 0; i < T_COUNT(answers); i++) {
        print_message("# %s\n", answers[i]);
        struct bkt_error err = {0};
        int rc = bkt_sqs_read_messages(bkt_str_from(answers[i]), &messages, &err);
        assert_int_equal(rc, BKT_EPARSE);
        assert_int_equal(err.code, BKT_EPARSE);
        assert_true(err.message[0] != '\0');
        assert_int_equal(messages.count, 0);
    }
    bkt_sqs_messages_clear(&messages);

    struct bkt_sqs_batch_result result = {.code = "as before"};
    assert_int_equal(bkt_sqs_read_batch(BKT_STR("<html>"), 1, &result, NULL), BKT_EPARSE);
    assert_int_equal(bkt_sqs_read_batch(BKT_STR("{\"Failed\":{}}"), 1, &result, NULL), BKT_EPARSE);
    assert_string_equal(result.code, "as before");
}

static void batches_fail_entry_by_entry(void **state)
{
    (void)state;
    /* `expected`: d done, r retry, x refused. */
    static const struct {
        const char *answer;
        const char *expected;
        const char *code;
    } cases[] = {
        {"{\"Successful\":[{\"Id\":\"0\"},{\"Id\":\"1\"}],\"Failed\":[]}", "dd", ""},
        {"{\"Successful\":[{\"Id\":\"0\"},{\"Id\":\"1\"}]}", "dd", ""},
        {"{\"Successful\":[{\"Id\":\"0\"}],\"Failed\":[{\"Id\":\"1\",\"SenderFault\":true,"
         "\"Code\":\"ReceiptHandleIsInvalid\",\"Message\":\"m\"}]}",
         "dx", "ReceiptHandleIsInvalid"},
        {"{\"Failed\":[{\"Id\":\"1\",\"SenderFault\":false,\"Code\":\"InternalError\"}]}", "rr",
         "InternalError"},
        {"{\"Failed\":[{\"Id\":\"0\",\"SenderFault\":true,\"Code\":"
         "\"AWS.SimpleQueueService.MessageNotInflight\"},{\"Id\":\"1\",\"SenderFault\":\"true\","
         "\"Code\":\"X\"}]}",
         "xx", "AWS.SimpleQueueService.MessageNotInflight"},
        /* What is refused for good tells more than what may pass. */
        {"{\"Failed\":[{\"Id\":\"0\",\"Code\":\"InternalError\"},{\"Id\":\"1\",\"SenderFault\":"
         "true,"
         "\"Code\":\"X\"}]}",
         "rx", "X"},
        /* Throttled is not refused, whoever's fault it is. */
        {"{\"Failed\":[{\"Id\":\"0\",\"SenderFault\":true,\"Code\":\"RequestThrottled\"}],"
         "\"Successful\":[{\"Id\":\"1\"}]}",
         "rd", "RequestThrottled"},
        {"{\"Failed\":[{\"Id\":\"0\",\"Code\":\"NoFaultNamed\"}]}", "rr", "NoFaultNamed"},
        /* In both lists */
        {"{\"Failed\":[{\"Id\":\"0\",\"SenderFault\":true,\"Code\":\"X\"}],"
         "\"Successful\":[{\"Id\":\"0\"},{\"Id\":\"1\"}]}",
         "xd", "X"},
        /* Ids that nobody gave */
        {"{\"Successful\":[{\"Id\":\"2\"},{\"Id\":\"-1\"},{\"Id\":\"x\"},{\"Id\":\"\"},{},7,"
         "{\"Id\":\"99999999999999999999\"},{\"Id\":\"1\"}]}",
         "rd", ""},
        {"{}", "rr", ""},
        {"", "rr", ""},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# %s\n", cases[i].answer);
        struct bkt_sqs_batch_result result;
        int rc = bkt_sqs_read_batch(bkt_str_from(cases[i].answer), 2, &result, NULL);
        assert_int_equal(rc, BKT_OK);
        for (size_t entry = 0; entry < 2; entry++)
            assert_int_equal("rdx"[result.entries[entry]], cases[i].expected[entry]);
        assert_string_equal(result.code, cases[i].code);
        assert_int_equal(bkt_mem_live(), 0);
    }
}

static void queues_are_described(void **state)
{
    (void)state;
    struct bkt_sqs_queue queue = {0};
    int rc = bkt_sqs_read_queue(BKT_STR("{\"Attributes\":{\"VisibilityTimeout\":\"30\","
                                        "\"ApproximateNumberOfMessages\":\"5\",\"RedrivePolicy\":"
                                        "\"{\\\"maxReceiveCount\\\":3}\"}}"),
                                &queue, NULL);
    assert_int_equal(rc, BKT_OK);
    assert_int_equal(queue.visibility_s, 30);
    assert_int_equal(queue.message_count, 5);
    assert_true(queue.has_redrive_policy);

    assert_int_equal(bkt_sqs_read_queue(BKT_STR("{}"), &queue, NULL), BKT_OK);
    assert_int_equal(queue.visibility_s, -1);
    assert_int_equal(queue.message_count, -1);
    assert_false(queue.has_redrive_policy);
    assert_int_equal(bkt_mem_live(), 0);
}

static int read_all(void)
{
    struct bkt_sqs_messages messages = {0};
    struct bkt_sqs_batch_result result;
    struct bkt_sqs_queue queue = {0};

    int rc = bkt_sqs_read_messages(
        BKT_STR("{\"Messages\":[" MESSAGE("a", "") "," MESSAGE("b", "") "]}"), &messages, NULL);
    rc = rc ? rc : bkt_sqs_read_batch(BKT_STR("{\"Failed\":[{}]}"), 1, &result, NULL);
    rc = rc ? rc
            : bkt_sqs_read_queue(BKT_STR("{\"Attributes\":{\"QueueArn\":\"a\"}}"), &queue, NULL);
    bkt_sqs_messages_clear(&messages);
    return rc;
}

static void out_of_memory_is_an_error(void **state)
{
    (void)state;
    T_TORTURE(read_all());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_read),
        cmocka_unit_test(no_messages_have_many_spellings),
        cmocka_unit_test(bodies_are_checked_against_their_md5),
        cmocka_unit_test(odd_messages_do_no_harm),
        cmocka_unit_test(a_megabyte_of_escapes_is_a_body),
        cmocka_unit_test(what_is_no_answer_says_nothing),
        cmocka_unit_test(batches_fail_entry_by_entry),
        cmocka_unit_test(queues_are_described),
        cmocka_unit_test(out_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
