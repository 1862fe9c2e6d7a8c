/*
 * The SQS channel against a scripted queue: one attributes request, one receive that does not wait,
 * then long polls; what each message leads to, and every way in which that may fail.
 */
#include "sqs_rig.h"

/* Starting. */

static void a_receive_that_does_not_wait_comes_before_ready(void **state)
{
    (void)state;
    const struct http_script_answer answers[] = {ATTRIBUTES, EMPTY_RECEIVE, IDLE};
    struct queue queue;
    open_queue(&queue, answers, T_COUNT(answers));
    RIG_UNTIL(&queue.rig, queue.rig.ready_count == 1);
    assert_int_equal(asked(&queue, RECEIVE, "\"WaitTimeSeconds\":0"), 1);
    RIG_UNTIL(&queue.rig, asked(&queue, RECEIVE, "\"WaitTimeSeconds\":20") == 1);
    rig_settle_down(&queue.rig);
    assert_int_equal(http_script_count(queue.script), 3); /* one long poll on an empty queue */
    assert_int_equal(asked(&queue, "POST / HTTP/1.1", "\"QueueUrl\":\"http://127.0.0.1:"), 3);
    assert_int_equal(
        asked(&queue, "content-type: application/x-amz-json-1.0", "/eu-west-1/sqs/aws4_request"),
        3);
    assert_int_equal(queue.rig.trouble_count, 0);
    assert_int_equal(queue.rig.ready_count, 1);
    assert_int_equal(rig_stats(&queue.rig).depth, 7);
    close_queue(&queue);
}

static void what_is_missing_is_said_at_start(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int status;
        const char *attributes; /* the answer's body, NULL: as it should be */
        const char *receive;
        bool is_retriable;
        const char *words[3];
    } cases[] = {
        {"no queue",
         400,
         REFUSAL("QueueDoesNotExist"),
         "{}",
         false,
         {"read the attributes of the queue http://127.0.0.1:", "400 QueueDoesNotExist: said so",
          "check sqs_queue_url, and sqs_region (eu-west-1 now)"}},
        {"no permission to receive",
         403,
         NULL,
         REFUSAL("AccessDenied"),
         false,
         {"receive messages from the queue http://", "403 AccessDenied: said so",
          "allow sqs:ReceiveMessage on the queue"}},
        {"no key",
         403,
         NULL,
         REFUSAL("InvalidClientTokenId"),
         false,
         {"InvalidClientTokenId", "check the credentials", ""}},
        {"another secret",
         403,
         NULL,
         REFUSAL("InvalidSignatureException"),
         false,
         {"InvalidSignatureException", "check the secret key", ""}},
        {"an encrypted queue",
         400,
         NULL,
         REFUSAL("KmsAccessDenied"),
         false,
         {"KmsAccessDenied", "allow kms:Decrypt on the queue's key", ""}},
        {"a server in trouble", 503, "<html>", "{}", true, {": 503", "", ""}},
        {"a queue too busy",
         403,
         NULL,
         REFUSAL("RequestThrottled"),
         true,
         {"RequestThrottled", "", ""}},
        {"garbage", 200, NULL, "<html>", true, {"receive messages from the queue", "", ""}},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# %s\n", cases[i].name);
        const struct http_script_answer refused = {
            .match = cases[i].attributes ? GET_ATTRIBUTES : RECEIVE,
            .status = cases[i].status,
            .body = cases[i].attributes ? cases[i].attributes : cases[i].receive};
        const struct http_script_answer answers[] = {refused, ATTRIBUTES, IDLE};
        struct queue queue;
        open_queue(&queue, answers, T_COUNT(answers));
        RIG_UNTIL(&queue.rig, queue.rig.trouble_count == 1);
        assert_int_equal(queue.rig.trouble.retriable, cases[i].is_retriable);
        for (size_t j = 0; j < T_COUNT(cases[i].words); j++)
            assert_non_null(strstr(queue.rig.trouble.message, cases[i].words[j]));
        assert_null(strstr(queue.rig.trouble.message, "secret\""));
        assert_int_equal(queue.rig.ready_count, 0);
        close_queue(&queue);
    }
}

static void attributes_may_be_secret(void **state)
{
    (void)state;
    const struct http_script_answer answers[] = {
        {.match = GET_ATTRIBUTES, .status = 403, .body = REFUSAL("AccessDenied"), .again = true},
        EMPTY_RECEIVE,
        IDLE,
    };
    struct queue queue;
    open_queue(&queue, answers, T_COUNT(answers));
    RIG_UNTIL(&queue.rig, queue.rig.ready_count == 1);
    assert_int_equal(queue.rig.trouble_count, 0);
    assert_int_equal(queue.rig.warn_count, 1);
    assert_non_null(strstr(queue.rig.warning, "allow sqs:GetQueueAttributes on the queue"));
    assert_int_equal(asked(&queue, RECEIVE, "\"VisibilityTimeout\":30"), 1);
    queue.rig.now_ms += 3600 * 1000;
    rig_settle_down(&queue.rig);
    assert_int_equal(asked(&queue, GET_ATTRIBUTES, ""), 1);
    assert_int_equal(rig_stats(&queue.rig).depth, -1);
    close_queue(&queue);
}

/* Messages. */

static void what_means_nothing_is_deleted_at_once(void **state)
{
    (void)state;
    struct answer first = {0};
    add_message(&first, "m1", "receipt-1", TEST_EVENT);
    add_message(&first, "m2", "receipt-2", EVENT("other", "x"));
    add_message(&first, "m3", "receipt-3", EVENT("docs", "x"));
    for (int keep = 0; keep < 2; keep++) {
        print_message("# %s\n", keep ? "leaving others' messages" : "on a queue of our own");
        const struct http_script_answer answers[] = {
            ATTRIBUTES,
            receive_of(&first),
            {.match = DELETE, .body = "{\"Successful\":[{\"Id\":\"0\"},{\"Id\":\"1\"}]}"},
            IDLE};
        struct queue queue;
        open_options(&queue, answers, T_COUNT(answers));
        queue.options.keep_foreign_messages = keep;
        open_channel(&queue);
        RIG_UNTIL(&queue.rig, queue.rig.change_count == 1);
        RIG_UNTIL(&queue.rig, is_drained(&queue));
        assert_int_equal(asked(&queue, DELETE, "receipt-1"), 1);
        assert_int_equal(asked(&queue, DELETE, "receipt-2"), !keep);
        assert_int_equal(asked(&queue, DELETE, "receipt-3"), 0);
        assert_int_equal(rig_stats(&queue.rig).irrelevant, keep ? 1 : 2);
        assert_int_equal(rig_stats(&queue.rig).unsettled, 1);
        close_queue(&queue);
    }
    bkt_buf_clear(&first.text);
}

static void poison_is_left_and_harms_nobody(void **state)
{
    (void)state;
    struct answer first = {0};
    add_message(&first, "m1", "receipt-1", "hello");
    add_message(&first, "m2", "receipt-2", "hello");
    add_message(&first, "m3", "receipt-3", EVENT("docs", "good"));
    add_message(&first, "m4", "receipt-4",
                "{\"Records\":[" RECORD("docs", "half") ",{\"eventVersion\":\"9.0\"}]}");
    const struct http_script_answer answers[] = {
        ATTRIBUTES,
        receive_of(&first),
        {.match = DELETE, .body = "{\"Successful\":[{\"Id\":\"0\"}]}"},
        IDLE};
    struct queue queue;
    open_options(&queue, answers, T_COUNT(answers));
    queue.rig.settle_at_once = true;
    open_channel(&queue);
    RIG_UNTIL(&queue.rig, queue.rig.change_count == 2);
    assert_string_equal(queue.rig.changed, "good; half; ");
    RIG_UNTIL(&queue.rig, is_drained(&queue));
    assert_int_equal(asked(&queue, DELETE, ""), 1);
    assert_int_equal(asked(&queue, DELETE, "receipt-3"), 1);
    assert_int_equal(asked(&queue, DELETE, "receipt-4"), 0);
    assert_int_equal(rig_stats(&queue.rig).poison, 3);
    assert_int_equal(rig_stats(&queue.rig).unsettled, 0);
    assert_int_equal(queue.rig.warn_count, 2); /* each kind once */
    assert_int_equal(queue.rig.trouble_count, 0);
    close_queue(&queue);
    bkt_buf_clear(&first.text);
}

static void a_damaged_body_is_not_read(void **state)
{
    (void)state;
    const char *body = "{\"Messages\":[{\"MessageId\":\"m\",\"ReceiptHandle\":\"r\",\"Body\":"
                       "\"{\\\"Event\\\":\\\"s3:TestEvent\\\"}\",\"MD5OfBody\":"
                       "\"00000000000000000000000000000000\"}]}";
    const struct http_script_answer answers[] = {
        ATTRIBUTES, {.match = RECEIVE, .body = body}, IDLE};
    struct queue queue;
    open_queue(&queue, answers, T_COUNT(answers));
    RIG_UNTIL(&queue.rig, rig_stats(&queue.rig).poison == 1);
    rig_settle_down(&queue.rig);
    assert_int_equal(asked(&queue, DELETE, ""), 0);
    close_queue(&queue);
}

static void a_message_that_comes_twice_is_told_once(void **state)
{
    (void)state;
    struct answer first = {0};
    struct answer second = {0};
    add_message(&first, "m1", "receipt-old", EVENT("docs", "k"));
    add_message(&second, "m1", "receipt-new", EVENT("docs", "k"));
    const struct http_script_answer answers[] = {
        ATTRIBUTES,
        receive_of(&first),
        receive_of(&second),
        {.match = DELETE, .body = "{\"Successful\":[{\"Id\":\"0\"}]}"},
        IDLE};
    struct queue queue;
    open_queue(&queue, answers, T_COUNT(answers));
    RIG_UNTIL(&queue.rig, rig_stats(&queue.rig).received == 2);
    assert_int_equal(queue.rig.change_count, 1);
    settle(&queue, 0);
    RIG_UNTIL(&queue.rig, is_drained(&queue));
    assert_int_equal(asked(&queue, DELETE, "receipt-new"), 1);
    assert_int_equal(asked(&queue, DELETE, "receipt-old"), 0);
    close_queue(&queue);
    bkt_buf_clear(&first.text);
    bkt_buf_clear(&second.text);
}

/* Trouble. */

static void later_trouble_is_told_once_and_survived(void **state)
{
    (void)state;
    struct answer last = {0};
    add_message(&last, "m1", "receipt-1", EVENT("docs", "a"));
    const struct http_script_answer answers[] = {
        ATTRIBUTES,
        EMPTY_RECEIVE,
        {.match = RECEIVE, .status = 503},
        {.match = RECEIVE, .status = 503},
        {.match = RECEIVE, .status = 400, .body = REFUSAL("QueueDoesNotExist")},
        receive_of(&last),
        IDLE};
    struct queue queue;
    open_queue(&queue, answers, T_COUNT(answers));
    RIG_UNTIL(&queue.rig, queue.rig.trouble_count == 1);
    assert_true(queue.rig.trouble.retriable);
    rig_settle_down(&queue.rig);
    queue.rig.now_ms += 999;
    rig_settle_down(&queue.rig);
    assert_int_equal(asked(&queue, RECEIVE, ""), 2); /* back-off begins with a second */
    queue.rig.now_ms += 1001;
    RIG_UNTIL(&queue.rig, asked(&queue, RECEIVE, "") == 3);
    rig_settle_down(&queue.rig);
    assert_int_equal(queue.rig.trouble_count, 1);
    queue.rig.now_ms += 4000;
    RIG_UNTIL(&queue.rig, queue.rig.trouble_count == 2); /* another reason is told */
    rig_settle_down(&queue.rig);
    assert_int_equal(queue.rig.relief_count, 0);
    queue.rig.now_ms += 30000;
    RIG_UNTIL(&queue.rig, queue.rig.change_count == 1);
    assert_int_equal(queue.rig.relief_count, 1);
    assert_int_equal(queue.rig.ready_count, 2);
    assert_int_equal(queue.rig.gap_count, 0); /* a queue keeps what nobody fetched */
    /* The receive after trouble does not wait, so that its end is noticed. */
    assert_int_equal(asked(&queue, RECEIVE, "\"WaitTimeSeconds\":0"), 4);
    close_queue(&queue);
    bkt_buf_clear(&last.text);
}

static void a_server_that_is_gone_comes_back(void **state)
{
    (void)state;
    const struct http_script_answer answers[] = {
        ATTRIBUTES,
        EMPTY_RECEIVE,
        {.match = RECEIVE, .body = "{}", .end = HTTP_SCRIPT_CUT},
        EMPTY_RECEIVE,
        IDLE};
    struct queue queue;
    open_queue(&queue, answers, T_COUNT(answers));
    RIG_UNTIL(&queue.rig, queue.rig.trouble_count == 1);
    assert_int_equal(queue.rig.trouble.code, BKT_ENET);
    assert_true(queue.rig.trouble.retriable);
    rig_settle_down(&queue.rig);
    queue.rig.now_ms += 2000;
    RIG_UNTIL(&queue.rig, queue.rig.ready_count == 2);
    close_queue(&queue);
}

static void expired_credentials_are_renewed(void **state)
{
    (void)state;
    const struct http_script_answer answers[] = {
        {.match = GET_ATTRIBUTES, .status = 403, .body = REFUSAL("ExpiredTokenException")},
        ATTRIBUTES,
        EMPTY_RECEIVE,
        IDLE};
    struct queue queue;
    open_options(&queue, answers, T_COUNT(answers));
    queue.busy_count = 2; /* they are still being fetched: that is no trouble */
    open_channel(&queue);
    for (int i = 0; i < 3; i++) {
        rig_settle_down(&queue.rig);
        queue.rig.now_ms += 100;
    }
    RIG_UNTIL(&queue.rig, queue.rig.ready_count == 1);
    assert_int_equal(queue.renewals, 1);
    assert_int_equal(queue.rig.trouble_count, 0);
    assert_int_equal(asked(&queue, GET_ATTRIBUTES, "Credential=OLDID/"), 1);
    assert_int_equal(asked(&queue, GET_ATTRIBUTES, "Credential=NEWID/"), 1);
    close_queue(&queue);
}

static void credentials_that_stay_expired_are_trouble(void **state)
{
    (void)state;
    const struct http_script_answer answers[] = {{.match = GET_ATTRIBUTES,
                                                  .status = 403,
                                                  .body = REFUSAL("ExpiredTokenException"),
                                                  .again = true}};
    struct queue queue;
    open_queue(&queue, answers, T_COUNT(answers));
    RIG_UNTIL(&queue.rig, queue.rig.trouble_count == 1);
    assert_false(queue.rig.trouble.retriable);
    assert_non_null(strstr(queue.rig.trouble.message, "the credentials have expired"));
    assert_int_equal(queue.renewals, 1); /* once a request */
    close_queue(&queue);
}

static void the_servers_clock_is_adopted(void **state)
{
    (void)state;
    static const char *const bodies[] = {REFUSAL("RequestExpired"),
                                         REFUSAL("InvalidSignatureException")};
    for (size_t i = 0; i < T_COUNT(bodies); i++) {
        const struct http_script_answer answers[] = {
            {.match = GET_ATTRIBUTES,
             .status = 403,
             .headers = "Date: Fri, 01 Mar 2024 10:00:00 GMT\r\n",
             .body = bodies[i]},
            ATTRIBUTES,
            EMPTY_RECEIVE,
            IDLE};
        struct queue queue;
        open_queue(&queue, answers, T_COUNT(answers));
        RIG_UNTIL(&queue.rig, queue.rig.ready_count == 1);
        assert_int_equal(asked(&queue, RECEIVE, "/20240301/"), asked(&queue, RECEIVE, ""));
        assert_int_equal(queue.rig.trouble_count, 0);
        close_queue(&queue);
    }
}

/* Bounds and the end. */

static void no_more_is_received_than_can_be_worked_on(void **state)
{
    (void)state;
    struct bkt_buf body = BKT_BUF_INIT(1 << 20);
    assert_int_equal(bkt_buf_append(&body, BKT_STR("{\"Records\":[")), BKT_OK);
    for (int i = 0; i < BKT_CHANNEL_UNSETTLED_MAX; i++) {
        assert_int_equal(bkt_buf_printf(&body,
                                        "%s{\"eventVersion\":\"2.1\",\"eventSource\":"
                                        "\"aws:s3\",\"eventName\":\"ObjectCreated:Put\","
                                        "\"s3\":{\"bucket\":{\"name\":\"docs\"},\"object\":"
                                        "{\"key\":\"k%d\"}}}",
                                        i > 0 ? "," : "", i),
                         BKT_OK);
    }
    assert_int_equal(bkt_buf_append(&body, BKT_STR("]}")), BKT_OK);
    struct answer first = {0};
    add_message(&first, "m1", "receipt-1", body.ptr);
    const struct http_script_answer answers[] = {
        ATTRIBUTES,
        receive_of(&first),
        {.match = DELETE, .body = "{\"Successful\":[{\"Id\":\"0\"}]}"},
        IDLE};
    struct queue queue;
    open_queue(&queue, answers, T_COUNT(answers));
    RIG_UNTIL(&queue.rig, queue.rig.change_count == 1);
    rig_settle_down(&queue.rig);
    assert_int_equal(asked(&queue, RECEIVE, ""), 1);
    settle(&queue, 0);
    RIG_UNTIL(&queue.rig, asked(&queue, RECEIVE, "") == 2);
    close_queue(&queue);
    bkt_buf_clear(&first.text);
    bkt_buf_clear(&body);
}

static int open_and_close(const struct queue *queue)
{
    struct bkt_channel channel;
    struct rig rig = {0};
    struct bkt_channel_owner owner = rig_owner(&rig);
    int rc = bkt_sqs_channel_new(&queue->options, &owner, &channel, NULL);
    if (rc == BKT_OK)
        channel.ops->free(channel.self);
    return rc;
}

static void out_of_memory_is_an_error(void **state)
{
    (void)state;
    struct queue queue;
    queue.options = (struct bkt_sqs_channel_options){
        .client = {.queue = {.queue_url = BKT_STR("http://127.0.0.1:1/1/q"),
                             .region = BKT_STR("us-east-1")}},
        .scope = {.bucket = BKT_STR("docs")},
    };
    T_TORTURE(open_and_close(&queue));
    queue.options.client.queue.queue_url = BKT_STR("sqs.eu-west-1.amazonaws.com/1/q");
    assert_int_equal(open_and_close(&queue), BKT_ECONFIG);
    assert_int_equal(bkt_mem_live(), 0);
}

/* Whatever allocation fails while messages are taken: nothing is lost, nothing is deleted. */
static void messages_that_memory_is_short_for_come_again(void **state)
{
    (void)state;
    struct answer first = {0};
    add_message(&first, "m1", "receipt-1", EVENT("docs", "a"));
    struct http_script_answer delivery = receive_of(&first);
    delivery.again = true;
    const struct http_script_answer answers[] = {ATTRIBUTES, EMPTY_RECEIVE, delivery};
    bool has_failed = true;
    for (long n = 0; has_failed; n++) {
        struct queue queue;
        open_queue(&queue, answers, T_COUNT(answers));
        RIG_UNTIL(&queue.rig, queue.rig.ready_count == 1);
        bkt_mem_fail_at(n);
        for (int i = 0; i < RIG_TURNS_MAX && !bkt_mem_failed() && !queue.rig.change_count; i++)
            rig_turn(&queue.rig);
        has_failed = bkt_mem_failed();
        bkt_mem_fail_at(-1);
        for (int i = 0; i < RIG_TURNS_MAX && queue.rig.change_count == 0; i++) {
            queue.rig.now_ms += 1000;
            rig_turn(&queue.rig);
        }
        assert_int_equal(queue.rig.change_count, 1);
        assert_int_equal(asked(&queue, DELETE, ""), 0);
        close_queue(&queue);
    }
    bkt_buf_clear(&first.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_receive_that_does_not_wait_comes_before_ready),
        cmocka_unit_test(what_is_missing_is_said_at_start),
        cmocka_unit_test(attributes_may_be_secret),
        cmocka_unit_test(what_means_nothing_is_deleted_at_once),
        cmocka_unit_test(poison_is_left_and_harms_nobody),
        cmocka_unit_test(a_damaged_body_is_not_read),
        cmocka_unit_test(a_message_that_comes_twice_is_told_once),
        cmocka_unit_test(later_trouble_is_told_once_and_survived),
        cmocka_unit_test(a_server_that_is_gone_comes_back),
        cmocka_unit_test(expired_credentials_are_renewed),
        cmocka_unit_test(credentials_that_stay_expired_are_trouble),
        cmocka_unit_test(the_servers_clock_is_adopted),
        cmocka_unit_test(no_more_is_received_than_can_be_worked_on),
        cmocka_unit_test(out_of_memory_is_an_error),
        cmocka_unit_test(messages_that_memory_is_short_for_come_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
