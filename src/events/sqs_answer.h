/*
 * What SQS answers; see sqs_protocol.h for the requests.
 *
 * Answers with status 200 are read by the function of their request, all others by sqs_error.h.
 * BKT_EPARSE, BKT_ELIMIT and BKT_ENOMEM are the failures: an answer that is not what was asked for
 * says nothing about any message, so the request may be made again.
 */
#ifndef EVENTS_SQS_ANSWER_H
#define EVENTS_SQS_ANSWER_H

#include "core/arena.h"
#include "events/sqs_protocol.h"

struct bkt_sqs_message {
    struct bkt_str id;
    struct bkt_str receipt;
    struct bkt_str body;
    bool is_damaged; /* MD5OfBody is another: not to be read, not to be deleted */
};

/* All-zero is valid.  Reading into it again drops what it held and keeps its memory. */
struct bkt_sqs_messages {
    struct bkt_sqs_message messages[BKT_SQS_BATCH_MAX];
    size_t count;
    size_t bad_count; /* without body or receipt, or more than BKT_SQS_BATCH_MAX: they come again */
    struct bkt_arena arena;
};
BKT_MUST_CHECK int bkt_sqs_read_messages(struct bkt_str answer,
                                         struct bkt_sqs_messages *messages,
                                         struct bkt_error *err);
void bkt_sqs_messages_clear(struct bkt_sqs_messages *messages);

enum bkt_sqs_entry_status {
    BKT_SQS_ENTRY_RETRY, /* the server's fault, throttled, or not mentioned at all */
    BKT_SQS_ENTRY_DONE,
    BKT_SQS_ENTRY_REFUSED, /* the same entry would be refused again */
};

struct bkt_sqs_batch_result {
    enum bkt_sqs_entry_status entries[BKT_SQS_BATCH_MAX]; /* by the index in the request */
    char code[96];     /* of the first refused entry, else the first failure; "": there is none */
    char message[256]; /* printable */
};
/* `count` is how many entries the request had. */
BKT_MUST_CHECK int bkt_sqs_read_batch(struct bkt_str answer,
                                      size_t count,
                                      struct bkt_sqs_batch_result *out_result,
                                      struct bkt_error *err);

/* What a consumer wants to know of its queue; -1 where the answer does not tell. */
struct bkt_sqs_queue {
    int64_t visibility_s;
    int64_t message_count;   /* approximate: waiting */
    bool has_redrive_policy; /* poison moves to a dead-letter queue by itself */
};
BKT_MUST_CHECK int bkt_sqs_read_queue(struct bkt_str answer,
                                      struct bkt_sqs_queue *out_queue,
                                      struct bkt_error *err);

#endif
