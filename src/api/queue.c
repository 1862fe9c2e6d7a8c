#include "api/queue.h"

#include "core/json.h"

#include <cjson/cJSON.h>

enum { TRIES = 3, PAUSE_MS = 400, JSON_DEPTH_MAX = 8 };

/*
 * An endpoint that was set for SQS itself wins.  One set for all services counts only where the
 * queue is one of AWS's own: a queue elsewhere is where its URL says, whatever serves the bucket.
 */
static int find_endpoint(const struct bkt_bucket *bucket,
                         struct bkt_str *out_url,
                         struct bkt_error *err)
{
    const struct bkt_settings *settings = bucket->settings;
    const struct bkt_env *env = bkt_env_process();
    struct bkt_endpoint_url queue;
    int rc =
        bkt_endpoint_url_parse(bkt_str_from(settings->sqs_queue_url), "sqs_queue_url", &queue, err);
    if (rc)
        return rc;
    bool is_set = settings->sqs_endpoint_url || bkt_env_get(env, "AWS_ENDPOINT_URL_SQS").len > 0;
    *out_url = (struct bkt_str){"", 0};
    if (!is_set && !bkt_host_is_aws(queue.host))
        return BKT_OK;
    return bkt_endpoint_url_find(env, &bucket->profiles, "sqs",
                                 bkt_str_from(settings->sqs_endpoint_url), out_url, err);
}

int bkt_queue_client_options(struct bkt_bucket *bucket,
                             struct bkt_sqs_client_options *out_options,
                             struct bkt_error *err)
{
    const struct bkt_settings *settings = bucket->settings;
    struct bkt_sqs_client_options options = {
        .http = bucket->http,
        .queue =
            {
                .queue_url = bkt_str_from(settings->sqs_queue_url),
                .region_option = bkt_str_from(settings->sqs_region),
                .region = bkt_str_from(bkt_s3_region(bucket->s3)),
                .switches = bkt_endpoint_switches_find(bkt_env_process(), &bucket->profiles),
            },
        .no_sign_request = settings->no_sign_request,
        .creds = bkt_bucket_queue_creds,
        .creds_ctx = bucket,
    };
    int rc = find_endpoint(bucket, &options.queue.endpoint_url, err);
    if (rc == BKT_OK)
        *out_options = options;
    return rc;
}

int bkt_queue_open(struct bkt_queue *queue, struct bkt_asker *asker, struct bkt_error *err)
{
    struct bkt_sqs_client_options options;
    *queue = (struct bkt_queue){.asker = asker};
    int rc = bkt_queue_client_options(&asker->bucket, &options, err);
    return rc ? rc : bkt_sqs_client_new(&options, &queue->client, err);
}

void bkt_queue_close(struct bkt_queue *queue)
{
    bkt_sqs_client_free(queue->client);
    *queue = (struct bkt_queue){0};
}

struct question {
    bool is_answered;
    bool is_refused;
    int rc;
    struct bkt_buf *answer;
    struct bkt_sqs_failure failure;
};

static void on_done(void *ctx, const struct bkt_str *answer, const struct bkt_sqs_failure *failure)
{
    struct question *question = ctx;
    question->is_answered = true;
    question->is_refused = failure != NULL;
    if (failure)
        question->failure = *failure;
    else
        question->rc = bkt_buf_append(question->answer, *answer);
}

static int ask_once(struct bkt_queue *queue,
                    enum bkt_sqs_action action,
                    struct bkt_str body,
                    struct question *question,
                    struct bkt_error *err)
{
    struct bkt_sqs_call call = {
        .action = action,
        .body = BKT_BUF_INIT(BKT_SQS_BODY_BYTES_MAX),
        .on_done = on_done,
        .ctx = question,
    };
    int rc = bkt_buf_append(&call.body, body);
    if (rc)
        return bkt_error_set(err, rc, "ask the queue: %s", bkt_error_text(rc));
    uint64_t id;
    rc = bkt_sqs_client_start(queue->client, &call, &id, &question->failure);
    if (rc) {
        question->is_refused = true;
        return BKT_OK;
    }
    rc = bkt_asker_wait(queue->asker, &question->is_answered, err);
    if (rc) /* it points to what is on the caller's stack */
        bkt_sqs_client_cancel(queue->client, id);
    else if (question->rc)
        rc = bkt_error_set(err, question->rc, "ask the queue: %s", bkt_error_text(question->rc));
    return rc;
}

int bkt_queue_ask(struct bkt_queue *queue,
                  enum bkt_sqs_action action,
                  struct bkt_buf *body,
                  struct bkt_buf *out_answer,
                  struct bkt_sqs_failure *out_failure,
                  struct bkt_error *err)
{
    struct question question = {.answer = out_answer};
    int rc = BKT_OK;
    for (int i = 0; i < TRIES && rc == BKT_OK; i++) {
        if (i > 0)
            rc = bkt_asker_pause(queue->asker, PAUSE_MS, err);
        question = (struct question){.answer = out_answer};
        if (rc == BKT_OK)
            rc = ask_once(queue, action, bkt_buf_str(body), &question, err);
        if (!question.is_refused || !question.failure.err.retriable)
            break;
    }
    bkt_buf_clear(body);
    if (rc || !question.is_refused)
        return rc;
    if (err)
        *err = question.failure.err;
    if (out_failure)
        *out_failure = question.failure;
    return question.failure.err.code;
}

int bkt_queue_attributes(struct bkt_queue *queue,
                         struct cJSON **out_attributes,
                         struct bkt_sqs_failure *out_failure,
                         struct bkt_error *err)
{
    struct bkt_buf body = BKT_BUF_INIT(BKT_SQS_BODY_BYTES_MAX);
    struct bkt_buf answer = BKT_BUF_INIT(BKT_SQS_BODY_BYTES_MAX);
    struct cJSON *json = NULL;
    int rc = bkt_sqs_write_queue_attributes(&body, bkt_sqs_client_queue_url(queue->client));
    if (rc)
        (void)bkt_error_set(err, rc, "ask the queue: %s", bkt_error_text(rc));
    if (rc == BKT_OK)
        rc = bkt_queue_ask(queue, BKT_SQS_QUEUE_ATTRIBUTES, &body, &answer, out_failure, err);
    if (rc == BKT_OK)
        rc = bkt_json_parse(bkt_buf_str(&answer), JSON_DEPTH_MAX, &json, err);
    if (rc == BKT_OK) {
        struct cJSON *found = cJSON_DetachItemFromObjectCaseSensitive(json, "Attributes");
        if (cJSON_IsObject(found)) {
            *out_attributes = found;
        } else {
            bkt_json_free(found);
            rc = bkt_error_set(err, BKT_EPARSE, "GetQueueAttributes: no Attributes in the answer");
        }
    }
    bkt_json_free(json);
    bkt_buf_clear(&body);
    bkt_buf_clear(&answer);
    return rc;
}

struct bkt_str bkt_queue_attribute(const struct cJSON *attributes, const char *name)
{
    struct bkt_str text = {"", 0};
    (void)bkt_json_get_string(attributes, name, &text);
    return text;
}
