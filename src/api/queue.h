/*
 * The event queue of a configuration: where it is, and questions to it, each waited for.
 *
 * Threads: one, like the asker's.
 */
#ifndef API_QUEUE_H
#define API_QUEUE_H

#include "api/asker.h"
#include "events/sqs_client.h"

struct cJSON;

/* How to reach the queue that sqs_queue_url names; views of the bucket's settings. */
BKT_MUST_CHECK int bkt_queue_client_options(struct bkt_bucket *bucket,
                                            struct bkt_sqs_client_options *out_options,
                                            struct bkt_error *err);

/* All-zero is closed. */
struct bkt_queue {
    struct bkt_asker *asker; /* borrowed */
    struct bkt_sqs_client *client;
};

BKT_MUST_CHECK int bkt_queue_open(struct bkt_queue *queue,
                                  struct bkt_asker *asker,
                                  struct bkt_error *err);
void bkt_queue_close(struct bkt_queue *queue);

/*
 * Ask, some times where that may help.  `body` is taken over.  The server's refusal, and that there
 * is no answer, are failures of this call; `err` then has the permission that is missing in it.
 * `out_failure` may be NULL.
 */
BKT_MUST_CHECK int bkt_queue_ask(struct bkt_queue *queue,
                                 enum bkt_sqs_action action,
                                 struct bkt_buf *body,
                                 struct bkt_buf *out_answer,
                                 struct bkt_sqs_failure *out_failure,
                                 struct bkt_error *err);

/* All attributes, an object of strings; ended with bkt_json_free(). */
BKT_MUST_CHECK int bkt_queue_attributes(struct bkt_queue *queue,
                                        struct cJSON **out_attributes,
                                        struct bkt_sqs_failure *out_failure,
                                        struct bkt_error *err);

/* An attribute, or an empty view. */
struct bkt_str bkt_queue_attribute(const struct cJSON *attributes, const char *name);

#endif
