/* Request bodies, byte for byte as SQS's JSON protocol wants them. */
#include "events/sqs_protocol.h"

#include "t_events.h"

#define URL "https://sqs.eu-west-1.amazonaws.com/123456789012/my-docs"

static void expect(struct bkt_buf *buf, int rc, const char *expected)
{
    assert_int_equal(rc, BKT_OK);
    assert_string_equal(buf->ptr, expected);
    bkt_buf_reset(buf);
}

static void bodies_are_what_sqs_wants(void **state)
{
    (void)state;
    const struct bkt_str url = BKT_STR(URL);
    const struct bkt_str receipts[] = {BKT_STR("AQEB+/=="), BKT_STR("a\"b\\c")};
    struct bkt_buf buf = BKT_BUF_INIT(4096);

    const struct bkt_sqs_receive plain = {.messages_max = 10, .wait_s = 20, .visibility_s = -1};
    expect(&buf, bkt_sqs_write_receive(&buf, url, &plain),
           "{\"QueueUrl\":\"" URL "\",\"MaxNumberOfMessages\":10,\"WaitTimeSeconds\":20}");
    const struct bkt_sqs_receive full = {.messages_max = 1, .wait_s = 0, .visibility_s = 0};
    expect(&buf, bkt_sqs_write_receive(&buf, url, &full),
           "{\"QueueUrl\":\"" URL "\",\"MaxNumberOfMessages\":1,\"WaitTimeSeconds\":0,"
           "\"VisibilityTimeout\":0}");
    expect(&buf, bkt_sqs_write_delete(&buf, url, receipts, 2),
           "{\"QueueUrl\":\"" URL "\",\"Entries\":[{\"Id\":\"0\",\"ReceiptHandle\":\"AQEB+/==\"},"
           "{\"Id\":\"1\",\"ReceiptHandle\":\"a\\\"b\\\\c\"}]}");
    expect(&buf, bkt_sqs_write_visibility(&buf, url, receipts, 1, 43200),
           "{\"QueueUrl\":\"" URL "\",\"Entries\":[{\"Id\":\"0\",\"ReceiptHandle\":\"AQEB+/==\","
           "\"VisibilityTimeout\":43200}]}");
    expect(&buf, bkt_sqs_write_send(&buf, url, receipts, 2),
           "{\"QueueUrl\":\"" URL "\",\"Entries\":[{\"Id\":\"0\",\"MessageBody\":\"AQEB+/==\"},"
           "{\"Id\":\"1\",\"MessageBody\":\"a\\\"b\\\\c\"}]}");
    expect(&buf, bkt_sqs_write_queue_attributes(&buf, url),
           "{\"QueueUrl\":\"" URL "\",\"AttributeNames\":[\"All\"]}");
    expect(&buf,
           bkt_sqs_write_set_attribute(&buf, BKT_STR("http://q/1"), "Policy", BKT_STR("{\"a\":1}")),
           "{\"QueueUrl\":\"http://q/1\",\"Attributes\":{\"Policy\":\"{\\\"a\\\":1}\"}}");
    bkt_buf_clear(&buf);
    assert_int_equal(bkt_mem_live(), 0);
}

static void a_batch_has_room_for_ten(void **state)
{
    (void)state;
    struct bkt_str receipts[BKT_SQS_BATCH_MAX];
    for (size_t i = 0; i < T_COUNT(receipts); i++)
        receipts[i] = BKT_STR("r");
    struct bkt_buf buf = BKT_BUF_INIT(4096);
    assert_int_equal(bkt_sqs_write_delete(&buf, BKT_STR(URL), receipts, T_COUNT(receipts)), BKT_OK);
    assert_non_null(strstr(buf.ptr, ",{\"Id\":\"9\",\"ReceiptHandle\":\"r\"}]}"));
    bkt_buf_clear(&buf);
}

static void every_action_has_a_target(void **state)
{
    (void)state;
    assert_string_equal(bkt_sqs_target(BKT_SQS_RECEIVE), "AmazonSQS.ReceiveMessage");
    assert_string_equal(bkt_sqs_target(BKT_SQS_DELETE_BATCH), "AmazonSQS.DeleteMessageBatch");
    assert_string_equal(bkt_sqs_target(BKT_SQS_VISIBILITY_BATCH),
                        "AmazonSQS.ChangeMessageVisibilityBatch");
    assert_string_equal(bkt_sqs_target(BKT_SQS_SEND_BATCH), "AmazonSQS.SendMessageBatch");
    assert_string_equal(bkt_sqs_target(BKT_SQS_QUEUE_ATTRIBUTES), "AmazonSQS.GetQueueAttributes");
    assert_string_equal(bkt_sqs_target(BKT_SQS_SET_ATTRIBUTES), "AmazonSQS.SetQueueAttributes");
}

static int write_all(size_t max)
{
    const struct bkt_str url = BKT_STR(URL);
    const struct bkt_str receipt = BKT_STR("r");
    const struct bkt_sqs_receive receive = {.messages_max = 10, .wait_s = 20};
    struct bkt_buf buf = BKT_BUF_INIT(max);

    int rc = bkt_sqs_write_receive(&buf, url, &receive);
    rc = rc ? rc : bkt_sqs_write_delete(&buf, url, &receipt, 1);
    rc = rc ? rc : bkt_sqs_write_visibility(&buf, url, &receipt, 1, 30);
    rc = rc ? rc : bkt_sqs_write_send(&buf, url, &receipt, 1);
    rc = rc ? rc : bkt_sqs_write_queue_attributes(&buf, url);
    rc = rc ? rc : bkt_sqs_write_set_attribute(&buf, url, "Policy", receipt);
    bkt_buf_clear(&buf);
    return rc;
}

static void memory_and_ceilings_are_errors(void **state)
{
    (void)state;
    T_TORTURE(write_all(4096));
    size_t max = 0;
    while (write_all(max) == BKT_ELIMIT)
        max++;
    assert_true(max > 500 && max < 4096);
    assert_int_equal(write_all(max), BKT_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_are_what_sqs_wants),
        cmocka_unit_test(a_batch_has_room_for_ten),
        cmocka_unit_test(every_action_has_a_target),
        cmocka_unit_test(memory_and_ceilings_are_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
