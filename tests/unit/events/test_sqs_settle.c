/*
 * What the SQS channel holds: deleted when it is settled, ten at a time, and kept invisible to
 * others until then.
 */
#include "sqs_rig.h"

static void a_message_is_deleted_when_it_is_settled(void **state)
{
    (void)state;
    struct answer first = {0};
    add_message(&first, "m1", "receipt-1",
                "{\"Records\":[" RECORD("docs", "a%2Fb+c") "," RECORD("docs", "d") "," RECORD(
                    "docs", "d") "," RECORD("other", "x") "]}");
    add_message(&first, "m2", "receipt-2", EVENT("docs", "e"));
    const struct http_script_answer answers[] = {
        ATTRIBUTES,
        receive_of(&first),
        {.match = DELETE, .body = "{\"Successful\":[{\"Id\":\"0\"}]}"},
        IDLE};
    struct queue queue;
    open_queue(&queue, answers, T_COUNT(answers));
    RIG_UNTIL(&queue.rig, queue.rig.change_count == 2);
    assert_string_equal(queue.rig.changed, "a/b c d; e; ");
    rig_settle_down(&queue.rig);
    assert_int_equal(asked(&queue, DELETE, ""), 0);
    assert_int_equal(rig_stats(&queue.rig).unsettled, 2);
    assert_true(is_drained(&queue));

    settle(&queue, 0);
    assert_false(is_drained(&queue));
    assert_int_equal(queue.rig.channel.ops->wait_ms(queue.rig.channel.self, queue.rig.now_ms), 0);
    RIG_UNTIL(&queue.rig, is_drained(&queue));
    assert_int_equal(asked(&queue, DELETE, "receipt-1"), 1);
    assert_int_equal(asked(&queue, DELETE, "receipt-2"), 0);
    assert_int_equal(rig_stats(&queue.rig).acknowledged, 1);
    assert_int_equal(rig_stats(&queue.rig).received, 2);
    assert_int_equal(rig_stats(&queue.rig).unsettled, 1);

    settle(&queue, 0); /* twice, and a token that never was: nothing */
    queue.rig.channel.ops->settle(queue.rig.channel.self, 12345);
    assert_true(is_drained(&queue));
    close_queue(&queue);
    bkt_buf_clear(&first.text);
}

/* A delete with the older receipt "succeeds" and may delete nothing. */
static void a_message_that_comes_while_it_is_deleted_is_deleted_again(void **state)
{
    (void)state;
    struct answer first = {0};
    struct answer second = {0};
    add_message(&first, "m1", "receipt-old", EVENT("docs", "k"));
    add_message(&second, "m1", "receipt-new", EVENT("docs", "k"));
    struct http_script_answer again = receive_of(&second);
    again.delay_ms = 20;
    const struct http_script_answer answers[] = {
        ATTRIBUTES,
        receive_of(&first),
        again,
        {.match = "receipt-old", .body = "{\"Successful\":[{\"Id\":\"0\"}]}", .delay_ms = 150},
        {.match = "receipt-new", .body = "{\"Successful\":[{\"Id\":\"0\"}]}"},
        IDLE};
    struct queue queue;
    open_options(&queue, answers, T_COUNT(answers));
    queue.rig.settle_at_once = true;
    open_channel(&queue);
    RIG_UNTIL(&queue.rig, asked(&queue, DELETE, "receipt-old") == 1);
    RIG_UNTIL(&queue.rig, is_drained(&queue));
    assert_int_equal(asked(&queue, DELETE, "receipt-new"), 1);
    assert_int_equal(queue.rig.change_count, 1);
    assert_int_equal(rig_stats(&queue.rig).acknowledged, 1);
    close_queue(&queue);
    bkt_buf_clear(&first.text);
    bkt_buf_clear(&second.text);
}

static void of_a_batch_only_what_may_succeed_is_tried_again(void **state)
{
    (void)state;
    struct answer first = {0};
    add_message(&first, "m1", "receipt-1", EVENT("docs", "a"));
    add_message(&first, "m2", "receipt-2", EVENT("docs", "b"));
    add_message(&first, "m3", "receipt-3", EVENT("docs", "c"));
    const struct http_script_answer answers[] = {
        ATTRIBUTES,
        receive_of(&first),
        {.match = "receipt-1",
         .body = "{\"Successful\":[{\"Id\":\"0\"}],\"Failed\":[{\"Id\":\"1\",\"SenderFault\":true,"
                 "\"Code\":\"ReceiptHandleIsInvalid\"},{\"Id\":\"2\",\"SenderFault\":false,"
                 "\"Code\":\"InternalError\"}]}"},
        {.match = DELETE, .body = "{\"Successful\":[{\"Id\":\"0\"}]}"},
        IDLE};
    struct queue queue;
    open_options(&queue, answers, T_COUNT(answers));
    queue.rig.settle_at_once = true;
    open_channel(&queue);
    RIG_UNTIL(&queue.rig, rig_stats(&queue.rig).acknowledged == 1);
    rig_settle_down(&queue.rig);
    assert_int_equal(asked(&queue, DELETE, ""), 1); /* backing off */
    assert_false(is_drained(&queue));
    queue.rig.now_ms += 2000;
    RIG_UNTIL(&queue.rig, is_drained(&queue));
    assert_int_equal(asked(&queue, DELETE, "receipt-3"), 2);
    assert_int_equal(asked(&queue, DELETE, "receipt-2"), 1);
    assert_int_equal(rig_stats(&queue.rig).acknowledged, 2);
    close_queue(&queue);
    bkt_buf_clear(&first.text);
}

static void messages_that_may_not_be_deleted_are_kept_and_told(void **state)
{
    (void)state;
    struct answer first = {0};
    add_message(&first, "m1", "receipt-1", EVENT("docs", "a"));
    const struct http_script_answer answers[] = {
        ATTRIBUTES,
        receive_of(&first),
        {.match = DELETE, .status = 403, .body = REFUSAL("AccessDenied")},
        {.match = DELETE, .status = 403, .body = REFUSAL("AccessDenied")},
        {.match = DELETE, .body = "{\"Successful\":[{\"Id\":\"0\"}]}"},
        IDLE};
    struct queue queue;
    open_options(&queue, answers, T_COUNT(answers));
    queue.rig.settle_at_once = true;
    open_channel(&queue);
    RIG_UNTIL(&queue.rig, queue.rig.trouble_count == 1);
    assert_non_null(strstr(queue.rig.trouble.message, "allow sqs:DeleteMessage on the queue"));
    assert_int_equal(queue.rig.ready_count, 1);
    rig_settle_down(&queue.rig);
    queue.rig.now_ms += 2000;
    RIG_UNTIL(&queue.rig, asked(&queue, DELETE, "") == 2);
    rig_settle_down(&queue.rig);
    assert_int_equal(queue.rig.trouble_count, 1); /* the same is not told twice */
    queue.rig.now_ms += 4000;
    RIG_UNTIL(&queue.rig, is_drained(&queue));
    assert_int_equal(queue.rig.relief_count, 1);
    close_queue(&queue);
    bkt_buf_clear(&first.text);
}

static void one_commit_is_deleted_ten_at_a_time(void **state)
{
    (void)state;
    struct answer first = {0};
    struct answer second = {0};
    char text[32];
    for (int i = 0; i < 10; i++) {
        (void)snprintf(text, sizeof(text), "a%d", i);
        add_message(&first, text, text, EVENT("docs", "a"));
        (void)snprintf(text, sizeof(text), "b%d", i);
        add_message(&second, text, text, EVENT("docs", "b"));
    }
    const char *all = "{\"Successful\":[{\"Id\":\"0\"},{\"Id\":\"1\"},{\"Id\":\"2\"},{\"Id\":\"3\"}"
                      ",{\"Id\":\"4\"},{\"Id\":\"5\"},{\"Id\":\"6\"},{\"Id\":\"7\"},{\"Id\":\"8\"},"
                      "{\"Id\":\"9\"}]}";
    struct http_script_answer waited_for = receive_of(&second);
    waited_for.match = "\"WaitTimeSeconds\":20"; /* of the two that are under way then */
    const struct http_script_answer answers[] = {ATTRIBUTES,
                                                 receive_of(&first),
                                                 waited_for,
                                                 {.match = DELETE, .body = all, .again = true},
                                                 IDLE};
    struct queue queue;
    open_queue(&queue, answers, T_COUNT(answers));
    RIG_UNTIL(&queue.rig, queue.rig.change_count == 20);
    /* Full answers: more polls at a time. */
    RIG_UNTIL(&queue.rig, asked(&queue, RECEIVE, "") >= 2 + 4);
    assert_int_equal(asked(&queue, RECEIVE, "\"WaitTimeSeconds\":20"), 2); /* one at a time */
    for (unsigned i = 0; i < 20; i++)
        settle(&queue, i);
    RIG_UNTIL(&queue.rig, is_drained(&queue));
    assert_int_equal(asked(&queue, DELETE, ""), 2);
    assert_int_equal(rig_stats(&queue.rig).acknowledged, 20);
    close_queue(&queue);
    bkt_buf_clear(&first.text);
    bkt_buf_clear(&second.text);
}

static void visibility_is_extended_at_half_time_while_unsettled(void **state)
{
    (void)state;
    struct answer first = {0};
    add_message(&first, "m1", "receipt-1", EVENT("docs", "a"));
    add_message(&first, "m2", "receipt-2", EVENT("docs", "b"));
    const struct http_script_answer answers[] = {
        ATTRIBUTES,
        receive_of(&first),
        {.match = VISIBILITY, .status = 500},
        {.match = VISIBILITY, .body = "{\"Successful\":[{\"Id\":\"0\"}]}", .again = true},
        {.match = DELETE, .body = "{\"Successful\":[{\"Id\":\"0\"}]}"},
        IDLE};
    struct queue queue;
    open_queue(&queue, answers, T_COUNT(answers));
    RIG_UNTIL(&queue.rig, queue.rig.change_count == 2);
    settle(&queue, 1);
    RIG_UNTIL(&queue.rig, is_drained(&queue));
    rig_settle_down(&queue.rig);
    queue.rig.now_ms += 19999;
    rig_settle_down(&queue.rig);
    assert_int_equal(asked(&queue, VISIBILITY, ""), 0);
    queue.rig.now_ms += 1;
    RIG_UNTIL(&queue.rig, asked(&queue, VISIBILITY, "receipt-1") == 1);
    rig_settle_down(&queue.rig);
    queue.rig.now_ms += 2000; /* that failed: again, well before the other half has passed */
    RIG_UNTIL(&queue.rig, asked(&queue, VISIBILITY, "receipt-1") == 2);
    assert_int_equal(asked(&queue, VISIBILITY, "\"VisibilityTimeout\":40"), 2);
    assert_int_equal(asked(&queue, VISIBILITY, "receipt-2"), 0);
    rig_settle_down(&queue.rig);

    /* Twelve hours after the receive SQS extends no more. */
    queue.rig.now_ms += 12 * 3600 * 1000 - 22000 - 10000;
    RIG_UNTIL(&queue.rig, asked(&queue, VISIBILITY, "\"VisibilityTimeout\":9") == 1);
    rig_settle_down(&queue.rig);
    queue.rig.now_ms += 3600 * 1000;
    rig_settle_down(&queue.rig);
    assert_int_equal(asked(&queue, VISIBILITY, ""), 3);
    assert_int_equal(rig_stats(&queue.rig).unsettled, 1);
    close_queue(&queue);
    bkt_buf_clear(&first.text);
}

static void stopping_receives_no_more_and_deletes_what_is_settled(void **state)
{
    (void)state;
    struct answer first = {0};
    add_message(&first, "m1", "receipt-1", EVENT("docs", "a"));
    add_message(&first, "m2", "receipt-2", EVENT("docs", "b"));
    const struct http_script_answer answers[] = {
        ATTRIBUTES,
        receive_of(&first),
        {.match = DELETE, .body = "{\"Successful\":[{\"Id\":\"0\"}]}"},
        IDLE};
    struct queue queue;
    open_queue(&queue, answers, T_COUNT(answers));
    RIG_UNTIL(&queue.rig, asked(&queue, RECEIVE, "") == 2);
    queue.rig.channel.ops->stop(queue.rig.channel.self);
    settle(&queue, 0);
    assert_false(is_drained(&queue));
    RIG_UNTIL(&queue.rig, is_drained(&queue));
    assert_int_equal(asked(&queue, DELETE, "receipt-1"), 1);
    queue.rig.now_ms += 3600 * 1000;
    rig_settle_down(&queue.rig);
    assert_int_equal(asked(&queue, RECEIVE, ""), 2);
    assert_int_equal(asked(&queue, VISIBILITY, ""), 0);
    assert_int_equal(queue.rig.channel.ops->wait_ms(queue.rig.channel.self, queue.rig.now_ms), -1);
    close_queue(&queue);
    bkt_buf_clear(&first.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_deleted_when_it_is_settled),
        cmocka_unit_test(a_message_that_comes_while_it_is_deleted_is_deleted_again),
        cmocka_unit_test(of_a_batch_only_what_may_succeed_is_tried_again),
        cmocka_unit_test(messages_that_may_not_be_deleted_are_kept_and_told),
        cmocka_unit_test(one_commit_is_deleted_ten_at_a_time),
        cmocka_unit_test(visibility_is_extended_at_half_time_while_unsettled),
        cmocka_unit_test(stopping_receives_no_more_and_deletes_what_is_settled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
