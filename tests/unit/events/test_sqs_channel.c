/*
 * The SQS channel against a scripted queue: one attributes request, one receive that does not wait,
 * then long polls; what each message leads to, and what is deleted when.
 */
#include "events/sqs_channel.h"

#include "../../fake/http_script.h"
#include "channel_rig.h"
#include "core/json_write.h"
#include "core/time.h"

#define GET_ATTRIBUTES "AmazonSQS.GetQueueAttributes"
#define RECEIVE        "AmazonSQS.ReceiveMessage"
#define DELETE         "AmazonSQS.DeleteMessageBatch"
#define VISIBILITY     "AmazonSQS.ChangeMessageVisibilityBatch"
#define REFUSAL(code)  "{\"__type\":\"com.amazonaws.sqs#" code "\",\"message\":\"said so\"}"
#define ATTRIBUTES                                                                               \
    {                                                                                            \
        .match = GET_ATTRIBUTES, .again = true,                                                  \
        .body = "{\"Attributes\":{\"VisibilityTimeout\":\"40\",\"ApproximateNumberOfMessages\":" \
                "\"7\",\"RedrivePolicy\":\"{}\"}}"                                               \
    }
#define EMPTY_RECEIVE                  \
    {                                  \
        .match = RECEIVE, .body = "{}" \
    }
#define IDLE                                                     \
    {                                                            \
        .match = RECEIVE, .again = true, .end = HTTP_SCRIPT_MUTE \
    }
#define RECORD(bucket, key)                                                                    \
    "{\"eventVersion\":\"2.1\",\"eventSource\":\"aws:s3\",\"eventName\":\"Obj"                 \
    "ectCreated:Put\",\"s3\":{\"bucket\":{\"name\":\"" bucket "\"},\"object\":{\"key\":\"" key \
    "\"}}}"
#define EVENT(bucket, key) "{\"Records\":[" RECORD(bucket, key) "]}"
#define TEST_EVENT                                                                             \
    "{\"Service\":\"Amazon S3\",\"Event\":\"s3:TestEvent\",\"Time\":\"2024-03-01T10:00:00Z\"," \
    "\"Bucket\":\"docs\"}"

/* The answer to a receive, grown message by message. */
struct answer {
    struct bkt_buf text;
};

static void add_message(struct answer *answer,
                        const char *id,
                        const char *receipt,
                        const char *body)
{
    struct bkt_buf *text = &answer->text;
    if (text->max == 0)
        text->max = 8 << 20;
    if (text->len > 0)
        text->len -= 2; /* "]}" */
    int rc = bkt_buf_printf(text, "%s{\"MessageId\":\"%s\",\"ReceiptHandle\":\"%s\",\"Body\":",
                            text->len > 0 ? "," : "{\"Messages\":[", id, receipt);
    rc = rc ? rc : bkt_json_append_string(text, bkt_str_from(body));
    rc = rc ? rc : bkt_buf_append(text, BKT_STR("}]}"));
    assert_int_equal(rc, BKT_OK);
}

static struct http_script_answer receive_of(const struct answer *answer)
{
    return (struct http_script_answer){.match = RECEIVE, .body = answer->text.ptr};
}

/* A queue, its client and the channel. */
struct queue {
    struct rig rig;
    struct http_script *script;
    unsigned renewals;
    unsigned busy_count; /* so often are the credentials being fetched */
    struct bkt_sqs_channel_options options;
    struct bkt_str bucket;
    char url[128];
};

static int give_creds(void *ctx, bool renew, struct bkt_creds *out, struct bkt_error *err)
{
    struct queue *queue = ctx;
    if (queue->busy_count > 0) {
        queue->busy_count--;
        return bkt_error_set(err, BKT_EBUSY, "credentials are being fetched");
    }
    queue->renewals += renew;
    struct bkt_str id = queue->renewals > 0 ? BKT_STR("NEWID") : BKT_STR("OLDID");
    return bkt_creds_set(out, id, BKT_STR("secret"), BKT_STR(""));
}

static void open_options(struct queue *queue,
                         const struct http_script_answer *answers,
                         size_t count)
{
    *queue = (struct queue){.bucket = BKT_STR("docs")};
    queue->script = http_script_start(answers, count);
    (void)snprintf(queue->url, sizeof(queue->url), "%s/123456789012/q",
                   http_script_url(queue->script));
    queue->rig.now_ms = 1000000;
    assert_int_equal(bkt_http_new(NULL, &queue->rig.http, NULL), BKT_OK);
    queue->options = (struct bkt_sqs_channel_options){
        .client =
            {
                .http = queue->rig.http,
                .queue = {.queue_url = bkt_str_from(queue->url), .region = BKT_STR("eu-west-1")},
                .creds = give_creds,
                .creds_ctx = queue,
            },
        .scope = {.buckets = &queue->bucket, .bucket_count = 1},
        .seed = 1,
    };
}

static void open_channel(struct queue *queue)
{
    struct bkt_channel_owner owner = rig_owner(&queue->rig);
    assert_int_equal(bkt_sqs_channel_new(&queue->options, &owner, &queue->rig.channel, NULL),
                     BKT_OK);
}

static void open_queue(struct queue *queue, const struct http_script_answer *answers, size_t count)
{
    open_options(queue, answers, count);
    open_channel(queue);
}

static void close_queue(struct queue *queue)
{
    rig_close(&queue->rig);
    http_script_stop(queue->script);
}

/* How many requests so far have both in them. */
static unsigned asked(const struct queue *queue, const char *action, const char *detail)
{
    unsigned count = 0;
    size_t total = http_script_count(queue->script);
    for (size_t i = 0; i < total; i++) {
        const char *request = http_script_request(queue->script, i);
        count += strstr(request, action) && strstr(request, detail);
    }
    return count;
}

static void settle(struct queue *queue, unsigned index)
{
    queue->rig.channel.ops->settle(queue->rig.channel.self, queue->rig.tokens[index]);
}

static bool is_drained(const struct queue *queue)
{
    return queue->rig.channel.ops->is_drained(queue->rig.channel.self);
}

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

/* Deleting. */

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

/* Visibility. */

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
    struct queue queue = {.bucket = BKT_STR("docs")};
    queue.options = (struct bkt_sqs_channel_options){
        .client = {.queue = {.queue_url = BKT_STR("http://127.0.0.1:1/1/q"),
                             .region = BKT_STR("us-east-1")}},
        .scope = {.buckets = &queue.bucket, .bucket_count = 1},
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
        cmocka_unit_test(a_message_is_deleted_when_it_is_settled),
        cmocka_unit_test(what_means_nothing_is_deleted_at_once),
        cmocka_unit_test(poison_is_left_and_harms_nobody),
        cmocka_unit_test(a_damaged_body_is_not_read),
        cmocka_unit_test(a_message_that_comes_twice_is_told_once),
        cmocka_unit_test(a_message_that_comes_while_it_is_deleted_is_deleted_again),
        cmocka_unit_test(of_a_batch_only_what_may_succeed_is_tried_again),
        cmocka_unit_test(messages_that_may_not_be_deleted_are_kept_and_told),
        cmocka_unit_test(one_commit_is_deleted_ten_at_a_time),
        cmocka_unit_test(visibility_is_extended_at_half_time_while_unsettled),
        cmocka_unit_test(later_trouble_is_told_once_and_survived),
        cmocka_unit_test(a_server_that_is_gone_comes_back),
        cmocka_unit_test(expired_credentials_are_renewed),
        cmocka_unit_test(credentials_that_stay_expired_are_trouble),
        cmocka_unit_test(the_servers_clock_is_adopted),
        cmocka_unit_test(no_more_is_received_than_can_be_worked_on),
        cmocka_unit_test(stopping_receives_no_more_and_deletes_what_is_settled),
        cmocka_unit_test(out_of_memory_is_an_error),
        cmocka_unit_test(messages_that_memory_is_short_for_come_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
