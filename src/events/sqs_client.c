#include "events/sqs_client.h"

#include "core/mem.h"
#include "events/mend.h"

#include <stdio.h>

enum { ANSWER_GRACE_MS = 10000 }; /* beyond the time that the server may take */

/* One request through its attempts. */
struct call {
    struct bkt_sqs_client *client;
    struct call *newer, *older;
    struct bkt_sqs_call asked;
    uint64_t id;
    uint64_t http_id;
    struct bkt_mended mended;
};

struct bkt_sqs_client {
    struct bkt_caller caller;
    struct bkt_http *http;
    char *queue_url;
    struct call *first;
    uint64_t last_id;
    bool was_reached; /* an answer has come from there: what fails now may pass */
};

int bkt_sqs_client_new(const struct bkt_sqs_client_options *options,
                       struct bkt_sqs_client **out_client,
                       struct bkt_error *err)
{
    struct bkt_caller_options caller = {
        .http = options->http,
        .no_sign_request = options->no_sign_request,
        .creds = options->creds,
        .creds_ctx = options->creds_ctx,
    };
    struct bkt_endpoint endpoint;
    struct bkt_str url = options->queue.queue_url;
    int rc = bkt_endpoint_sqs(&options->queue, &endpoint, err);
    if (rc)
        return rc;

    struct bkt_sqs_client *client = bkt_mem_calloc(1, sizeof(*client));
    char *url_copy = bkt_mem_strdup(url.ptr, url.len);
    if (!client || !url_copy) {
        bkt_mem_free(client);
        bkt_mem_free(url_copy);
        return bkt_error_set(err, BKT_ENOMEM, "open the queue: out of memory");
    }
    client->http = options->http;
    client->queue_url = url_copy;
    rc = bkt_caller_init(&client->caller, &caller, &endpoint, err);
    if (rc) {
        bkt_sqs_client_free(client);
        return rc;
    }
    *out_client = client;
    return BKT_OK;
}

static void call_free(struct call *call)
{
    if (call->older)
        call->older->newer = call->newer;
    else
        call->client->first = call->newer;
    if (call->newer)
        call->newer->older = call->older;
    bkt_buf_clear(&call->asked.body);
    bkt_mem_free(call);
}

void bkt_sqs_client_free(struct bkt_sqs_client *client)
{
    if (!client)
        return;
    while (client->first)
        bkt_sqs_client_cancel(client, client->first->id);
    bkt_caller_clear(&client->caller);
    bkt_mem_free(client->queue_url);
    bkt_mem_free(client);
}

void bkt_sqs_client_cancel(struct bkt_sqs_client *client, uint64_t id)
{
    for (struct call *call = client->first; call; call = call->newer) {
        if (call->id != id)
            continue;
        bkt_http_cancel(client->http, call->http_id);
        call_free(call);
        return;
    }
}

struct bkt_str bkt_sqs_client_queue_url(const struct bkt_sqs_client *client)
{
    return bkt_str_from(client->queue_url);
}

/* Words. */

struct action_words {
    const char *what;
    const char *permission;
};

static struct action_words words_of(enum bkt_sqs_action action)
{
    switch (action) {
    case BKT_SQS_RECEIVE:
        return (struct action_words){"receive messages from", "sqs:ReceiveMessage"};
    case BKT_SQS_DELETE_BATCH:
        return (struct action_words){"delete messages of", "sqs:DeleteMessage"};
    case BKT_SQS_VISIBILITY_BATCH:
        return (struct action_words){"keep messages of", "sqs:ChangeMessageVisibility"};
    case BKT_SQS_SEND_BATCH:
        return (struct action_words){"send messages to", "sqs:SendMessage"};
    case BKT_SQS_QUEUE_ATTRIBUTES:
        return (struct action_words){"read the attributes of", "sqs:GetQueueAttributes"};
    case BKT_SQS_SET_ATTRIBUTES:
        return (struct action_words){"set attributes of", "sqs:SetQueueAttributes"};
    }
    return (struct action_words){"call", "sqs:*"};
}

/* What to do about it; "" when there is nothing to say. */
static void advise(const struct call *call,
                   const struct bkt_sqs_error *said,
                   char *out,
                   size_t out_size)
{
    const char *permission = words_of(call->asked.action).permission;
    const char *region = call->client->caller.endpoint.region;
    out[0] = '\0';
    if (said->fault == BKT_SQS_FAULT_NO_QUEUE) {
        (void)snprintf(out, out_size, "; check sqs_queue_url, and sqs_region (%s now)", region);
    } else if (said->fault == BKT_SQS_FAULT_EXPIRED) {
        (void)snprintf(out, out_size, "; the credentials have expired, get new ones");
    } else if (said->fault == BKT_SQS_FAULT_SKEW) {
        (void)snprintf(out, out_size, "; set this machine's clock right");
    } else if (said->fault != BKT_SQS_FAULT_DENIED) {
        return;
    } else if (strstr(said->code, "Kms") || strstr(said->code, "KMS")) {
        (void)snprintf(out, out_size, "; allow kms:Decrypt on the queue's key");
    } else if (strstr(said->code, "Access") || said->code[0] == '\0') {
        (void)snprintf(out, out_size, "; allow %s on the queue", permission);
    } else if (strstr(said->code, "Signature")) {
        (void)snprintf(out, out_size, "; check the secret key, and sqs_region (%s now)", region);
    } else {
        (void)snprintf(out, out_size, "; check the credentials, and the permission %s", permission);
    }
}

static void describe_refusal(const struct call *call,
                             int http_status,
                             const struct bkt_sqs_error *said,
                             struct bkt_sqs_failure *out)
{
    char advice[192];
    advise(call, said, advice, sizeof(advice));
    bool may_pass =
        said->fault == BKT_SQS_FAULT_THROTTLED || said->fault == BKT_SQS_FAULT_TRANSIENT;
    *out = (struct bkt_sqs_failure){.fault = said->fault};
    (void)snprintf(out->cause, sizeof(out->cause), "%s", said->code);
    if (said->code[0] == '\0')
        (void)snprintf(out->cause, sizeof(out->cause), "HTTP %d", http_status);
    (void)bkt_error_set(&out->err, BKT_ES3, "%s the queue %s: %d%s%s%s%s%s",
                        words_of(call->asked.action).what, call->client->queue_url, http_status,
                        said->code[0] ? " " : "", said->code, said->message[0] ? ": " : "",
                        said->message, advice);
    out->err.http_status = http_status;
    out->err.retriable = may_pass;
}

static void describe_no_answer(const struct call *call,
                               const struct bkt_error *why,
                               struct bkt_sqs_failure *out)
{
    bool is_network = why->code == BKT_ENET || why->code == BKT_ELIMIT;
    bool is_creds = why->code == BKT_ECREDS;
    *out = (struct bkt_sqs_failure){.fault = BKT_SQS_FAULT_TRANSIENT, .err = *why};
    (void)snprintf(out->cause, sizeof(out->cause), "%s",
                   is_network ? "network" : bkt_error_name(why->code));
    if (is_creds)
        out->fault = BKT_SQS_FAULT_DENIED;
    out->err.retriable = why->retriable || (is_network && call->client->was_reached);
    (void)bkt_error_wrap(&out->err, why->code, "%s the queue %s", words_of(call->asked.action).what,
                         call->client->queue_url);
}

void bkt_sqs_client_garbled(const struct bkt_sqs_client *client,
                            enum bkt_sqs_action action,
                            struct bkt_sqs_failure *failure)
{
    struct bkt_error err = failure->err;
    (void)bkt_error_wrap(&err, err.code, "%s the queue %s", words_of(action).what,
                         client->queue_url);
    err.retriable = true;
    *failure =
        (struct bkt_sqs_failure){.fault = BKT_SQS_FAULT_TRANSIENT, .cause = "garbled", .err = err};
}

/* Attempts. */

static bkt_http_done_fn on_done;

static int send_call(struct call *call, struct bkt_error *err)
{
    struct bkt_sigv4_header headers[] = {
        {BKT_STR("content-type"), BKT_STR(BKT_SQS_CONTENT_TYPE)},
        {BKT_STR("x-amz-target"), bkt_str_from(bkt_sqs_target(call->asked.action))},
        {BKT_STR("x-amzn-query-mode"), BKT_STR("true")},
    };
    uint32_t limit_ms = call->asked.wait_s * 1000 + ANSWER_GRACE_MS;
    struct bkt_call http_call = {
        .http =
            {
                .method = "POST",
                .body = bkt_buf_str(&call->asked.body),
                .body_bytes_max = BKT_SQS_ANSWER_BYTES_MAX,
                .stall_timeout_ms = limit_ms,
                .total_timeout_ms = limit_ms * 2, /* ten large messages on a slow line */
                .on_done = on_done,
                .ctx = call,
            },
        .headers = headers,
        .header_count = sizeof(headers) / sizeof(headers[0]),
    };
    return bkt_caller_start(&call->client->caller, &http_call, &call->http_id, err);
}

static void end(struct call *call, const struct bkt_str *answer, const struct bkt_sqs_failure *why)
{
    struct bkt_sqs_call asked = call->asked;
    asked.body = (struct bkt_buf){0};
    call_free(call);
    asked.on_done(asked.ctx, answer, why);
}

static void end_without_answer(struct call *call, const struct bkt_error *why)
{
    struct bkt_sqs_failure failure;
    describe_no_answer(call, why, &failure);
    end(call, NULL, &failure);
}

static void refused(struct call *call, const struct bkt_http_response *response)
{
    struct bkt_sqs_refusal refusal = {
        .http_status = response->status,
        .error_type = bkt_http_header_get(response, "x-amzn-errortype"),
        .query_error = bkt_http_header_get(response, "x-amzn-query-error"),
        .body = bkt_buf_str(response->body),
    };
    struct bkt_sqs_error said;
    bkt_sqs_read_error(&refusal, &said);

    struct bkt_error err = {0};
    struct bkt_sqs_failure failure;
    switch (bkt_mend(&call->client->caller, &call->mended, &said, response, &err)) {
    case BKT_MEND_NOTHING:
        describe_refusal(call, response->status, &said, &failure);
        end(call, NULL, &failure);
        return;
    case BKT_MEND_DONE:
        if (send_call(call, &err) == BKT_OK)
            return;
        break;
    case BKT_MEND_FAILED:
        break;
    }
    end_without_answer(call, &err);
}

static void on_done(void *ctx,
                    int rc,
                    struct bkt_http_response *response,
                    const struct bkt_error *err)
{
    struct call *call = ctx;
    call->http_id = 0;
    if (rc) {
        end_without_answer(call, err);
        return;
    }
    call->client->was_reached = true;
    if (response->status != 200) {
        refused(call, response);
        return;
    }
    struct bkt_str body = bkt_buf_str(response->body);
    end(call, &body, NULL);
}

int bkt_sqs_client_start(struct bkt_sqs_client *client,
                         struct bkt_sqs_call *call,
                         uint64_t *out_id,
                         struct bkt_sqs_failure *failure)
{
    struct bkt_error err = {0};
    struct call unborn = {.client = client, .asked = *call};
    struct call *op = bkt_mem_alloc(sizeof(*op));
    if (!op) {
        int rc = bkt_error_set(&err, BKT_ENOMEM, "out of memory");
        bkt_buf_clear(&call->body);
        describe_no_answer(&unborn, &err, failure);
        return rc;
    }
    *op = unborn;
    op->id = ++client->last_id;
    op->newer = client->first;
    if (client->first)
        client->first->older = op;
    client->first = op;
    call->body = (struct bkt_buf){0};

    int rc = send_call(op, &err);
    if (rc) {
        describe_no_answer(op, &err, failure);
        call_free(op);
        return rc;
    }
    if (out_id)
        *out_id = op->id;
    return BKT_OK;
}
