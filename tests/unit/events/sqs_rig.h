/* The SQS channel between a scripted queue and an owner that writes down what it is told. */
#ifndef TESTS_SQS_RIG_H
#define TESTS_SQS_RIG_H

#include "events/sqs_channel.h"

#include "../../fake/http_script.h"
#include "channel_rig.h"
#include "core/json_write.h"

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

static inline void add_message(struct answer *answer,
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

static inline struct http_script_answer receive_of(const struct answer *answer)
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
    char url[128];
};

static inline int give_creds(void *ctx, bool renew, struct bkt_creds *out, struct bkt_error *err)
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

static inline void open_options(struct queue *queue,
                                const struct http_script_answer *answers,
                                size_t count)
{
    memset(queue, 0, sizeof(*queue));
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
        .scope = {.bucket = BKT_STR("docs")},
        .seed = 1,
    };
}

static inline void open_channel(struct queue *queue)
{
    struct bkt_channel_owner owner = rig_owner(&queue->rig);
    assert_int_equal(bkt_sqs_channel_new(&queue->options, &owner, &queue->rig.channel, NULL),
                     BKT_OK);
}

static inline void open_queue(struct queue *queue,
                              const struct http_script_answer *answers,
                              size_t count)
{
    open_options(queue, answers, count);
    open_channel(queue);
}

static inline void close_queue(struct queue *queue)
{
    rig_close(&queue->rig);
    http_script_stop(queue->script);
}

/* How many requests so far have both in them. */
static inline unsigned asked(const struct queue *queue, const char *action, const char *detail)
{
    unsigned count = 0;
    size_t total = http_script_count(queue->script);
    for (size_t i = 0; i < total; i++) {
        const char *request = http_script_request(queue->script, i);
        count += strstr(request, action) && strstr(request, detail);
    }
    return count;
}

static inline void settle(struct queue *queue, unsigned index)
{
    queue->rig.channel.ops->settle(queue->rig.channel.self, queue->rig.tokens[index]);
}

static inline bool is_drained(const struct queue *queue)
{
    return queue->rig.channel.ops->is_drained(queue->rig.channel.self);
}

#endif
