#include "events/sqs_protocol.h"

#include "core/json_write.h"

#include <assert.h>
#include <stdio.h>

const char *bkt_sqs_target(enum bkt_sqs_action action)
{
    switch (action) {
    case BKT_SQS_RECEIVE:
        return "AmazonSQS.ReceiveMessage";
    case BKT_SQS_DELETE_BATCH:
        return "AmazonSQS.DeleteMessageBatch";
    case BKT_SQS_VISIBILITY_BATCH:
        return "AmazonSQS.ChangeMessageVisibilityBatch";
    case BKT_SQS_SEND_BATCH:
        return "AmazonSQS.SendMessageBatch";
    case BKT_SQS_QUEUE_ATTRIBUTES:
        return "AmazonSQS.GetQueueAttributes";
    case BKT_SQS_SET_ATTRIBUTES:
        return "AmazonSQS.SetQueueAttributes";
    }
    return "";
}

static int open_with_queue(struct bkt_buf *buf, struct bkt_str queue_url)
{
    int rc = bkt_buf_append(buf, BKT_STR("{\"QueueUrl\":"));
    return rc ? rc : bkt_json_append_string(buf, queue_url);
}

int bkt_sqs_write_receive(struct bkt_buf *buf,
                          struct bkt_str queue_url,
                          const struct bkt_sqs_receive *receive)
{
    assert(receive->messages_max >= 1 && receive->messages_max <= BKT_SQS_BATCH_MAX);
    assert(receive->wait_s <= BKT_SQS_WAIT_S_MAX);

    int rc = open_with_queue(buf, queue_url);
    if (!rc) {
        rc = bkt_buf_printf(buf, ",\"MaxNumberOfMessages\":%u,\"WaitTimeSeconds\":%u",
                            receive->messages_max, receive->wait_s);
    }
    if (!rc && receive->visibility_s >= 0)
        rc = bkt_buf_printf(buf, ",\"VisibilityTimeout\":%d", receive->visibility_s);
    return rc ? rc : bkt_buf_append_char(buf, '}');
}

/* One entry a value: {"Id":"0","NAME":"value" ...; `extra`, text for all of them, comes after. */
static int write_batch(struct bkt_buf *buf,
                       struct bkt_str queue_url,
                       const char *name,
                       const struct bkt_str *values,
                       size_t count,
                       const char *extra)
{
    assert(count >= 1 && count <= BKT_SQS_BATCH_MAX);

    int rc = open_with_queue(buf, queue_url);
    if (!rc)
        rc = bkt_buf_append(buf, BKT_STR(",\"Entries\":["));
    for (size_t i = 0; i < count && rc == BKT_OK; i++) {
        rc = bkt_buf_printf(buf, "%s{\"Id\":\"%zu\",\"%s\":", i > 0 ? "," : "", i, name);
        if (!rc)
            rc = bkt_json_append_string(buf, values[i]);
        if (!rc)
            rc = bkt_buf_printf(buf, "%s}", extra);
    }
    return rc ? rc : bkt_buf_append(buf, BKT_STR("]}"));
}

int bkt_sqs_write_delete(struct bkt_buf *buf,
                         struct bkt_str queue_url,
                         const struct bkt_str *receipts,
                         size_t count)
{
    return write_batch(buf, queue_url, "ReceiptHandle", receipts, count, "");
}

int bkt_sqs_write_visibility(struct bkt_buf *buf,
                             struct bkt_str queue_url,
                             const struct bkt_str *receipts,
                             size_t count,
                             unsigned visibility_s)
{
    assert(visibility_s <= BKT_SQS_VISIBILITY_S_MAX);

    char extra[48];
    (void)snprintf(extra, sizeof(extra), ",\"VisibilityTimeout\":%u", visibility_s);
    return write_batch(buf, queue_url, "ReceiptHandle", receipts, count, extra);
}

int bkt_sqs_write_send(struct bkt_buf *buf,
                       struct bkt_str queue_url,
                       const struct bkt_str *bodies,
                       size_t count)
{
    return write_batch(buf, queue_url, "MessageBody", bodies, count, "");
}

int bkt_sqs_write_queue_attributes(struct bkt_buf *buf, struct bkt_str queue_url)
{
    int rc = open_with_queue(buf, queue_url);
    return rc ? rc : bkt_buf_append(buf, BKT_STR(",\"AttributeNames\":[\"All\"]}"));
}

int bkt_sqs_write_set_attribute(struct bkt_buf *buf,
                                struct bkt_str queue_url,
                                const char *name,
                                struct bkt_str value)
{
    int rc = open_with_queue(buf, queue_url);
    if (!rc)
        rc = bkt_buf_printf(buf, ",\"Attributes\":{\"%s\":", name);
    if (!rc)
        rc = bkt_json_append_string(buf, value);
    return rc ? rc : bkt_buf_append(buf, BKT_STR("}}"));
}
