/*
 * The JSON that SQS speaks (AWS JSON 1.0): bodies of requests, and what answers say.
 *
 * A request is `POST /` to the queue's host with the content type and the X-Amz-Target below,
 * signed for the service `sqs`.  With `x-amzn-query-mode: true` errors come with their older name
 * as well. Servers differ: ElasticMQ sends an empty `Messages`, AWS none; either list of a batch's
 * result may be missing; bodies of success may be empty; a proxy's error is HTML.
 *
 * Sources: SQS API Reference (ReceiveMessage, DeleteMessageBatch, ChangeMessageVisibilityBatch,
 * SendMessageBatch, GetQueueAttributes, Common Error Types); Smithy, "AWS JSON 1.0
 * protocol".
 */
#ifndef EVENTS_SQS_PROTOCOL_H
#define EVENTS_SQS_PROTOCOL_H

#include "core/buf.h"

#include <bucketable/error.h>

#define BKT_SQS_CONTENT_TYPE "application/x-amz-json-1.0"

enum {
    BKT_SQS_BATCH_MAX = 10,               /* messages of one request */
    BKT_SQS_WAIT_S_MAX = 20,              /* a long poll */
    BKT_SQS_VISIBILITY_S_MAX = 12 * 3600, /* from the receive on */
    BKT_SQS_BODY_BYTES_MAX = 1 << 20,     /* of a message, and of a batch of them */
    BKT_SQS_ANSWER_BYTES_MAX = 64 << 20,  /* ten bodies, each byte escaped as \u00XX */
};

enum bkt_sqs_action {
    BKT_SQS_RECEIVE,
    BKT_SQS_DELETE_BATCH,
    BKT_SQS_VISIBILITY_BATCH,
    BKT_SQS_SEND_BATCH,
    BKT_SQS_QUEUE_ATTRIBUTES,
    BKT_SQS_SET_ATTRIBUTES,
};

/* The value of X-Amz-Target: "AmazonSQS.ReceiveMessage". */
const char *bkt_sqs_target(enum bkt_sqs_action action);

/*
 * Request bodies, appended to `buf`; BKT_ELIMIT at its ceiling, BKT_ENOMEM.  The entries of a batch
 * (1 to BKT_SQS_BATCH_MAX) get their index as Id; `receipts` are the latest receive's handles.
 */
struct bkt_sqs_receive {
    unsigned messages_max; /* 1 to BKT_SQS_BATCH_MAX */
    unsigned wait_s;       /* 0 to BKT_SQS_WAIT_S_MAX */
    int visibility_s;      /* -1: the queue's own */
};
BKT_MUST_CHECK int bkt_sqs_write_receive(struct bkt_buf *buf,
                                         struct bkt_str queue_url,
                                         const struct bkt_sqs_receive *receive);
BKT_MUST_CHECK int bkt_sqs_write_delete(struct bkt_buf *buf,
                                        struct bkt_str queue_url,
                                        const struct bkt_str *receipts,
                                        size_t count);
/* `visibility_s` counts from now; 0 gives the messages back at once. */
BKT_MUST_CHECK int bkt_sqs_write_visibility(struct bkt_buf *buf,
                                            struct bkt_str queue_url,
                                            const struct bkt_str *receipts,
                                            size_t count,
                                            unsigned visibility_s);
BKT_MUST_CHECK int bkt_sqs_write_send(struct bkt_buf *buf,
                                      struct bkt_str queue_url,
                                      const struct bkt_str *bodies,
                                      size_t count);
/* All attributes. */
BKT_MUST_CHECK int bkt_sqs_write_queue_attributes(struct bkt_buf *buf, struct bkt_str queue_url);
/* One attribute; the others stay. */
BKT_MUST_CHECK int bkt_sqs_write_set_attribute(struct bkt_buf *buf,
                                               struct bkt_str queue_url,
                                               const char *name,
                                               struct bkt_str value);
#endif
