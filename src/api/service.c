#include "api/service.h"

#include "core/time.h"

#include <stdio.h>

enum { TRIES = 3, PAUSE_MS = 400, ANSWER_BYTES_MAX = 4 << 20 };

static int open_caller(struct bkt_service *service,
                       struct bkt_asker *asker,
                       const struct bkt_endpoint *endpoint,
                       struct bkt_error *err)
{
    struct bkt_caller_options options = {
        .http = asker->bucket.http,
        .no_sign_request = asker->bucket.settings->no_sign_request,
        .creds = bkt_bucket_queue_creds,
        .creds_ctx = &asker->bucket,
    };
    service->asker = asker;
    return bkt_caller_init(&service->caller, &options, endpoint, err);
}

static int find_url(const struct bkt_asker *asker,
                    const char *name,
                    struct bkt_str *out_url,
                    struct bkt_error *err)
{
    const struct bkt_settings *settings = asker->bucket.settings;
    bool is_s3 = strcmp(name, "s3") == 0;
    struct bkt_str option = bkt_str_from(is_s3 ? settings->endpoint_url : NULL);
    return bkt_endpoint_url_find(bkt_env_process(), &asker->bucket.profiles, name, option, out_url,
                                 err);
}

int bkt_service_open_bucket(struct bkt_service *service,
                            struct bkt_asker *asker,
                            struct bkt_error *err)
{
    const struct bkt_bucket *bucket = &asker->bucket;
    struct bkt_endpoint_s3_request request = {
        .bucket = bkt_str_from(bucket->settings->bucket_name),
        .region = bkt_str_from(bkt_s3_region(bucket->s3)),
        .path_style = (enum bkt_path_style)bucket->settings->force_path_style,
        .switches = bkt_endpoint_switches_find(bkt_env_process(), &bucket->profiles),
    };
    struct bkt_endpoint endpoint;
    int rc = find_url(asker, "s3", &request.endpoint_url, err);
    if (rc == BKT_OK)
        rc = bkt_endpoint_s3(&request, &endpoint, err);
    return rc ? rc : open_caller(service, asker, &endpoint, err);
}

int bkt_service_open_sts(struct bkt_service *service,
                         struct bkt_asker *asker,
                         struct bkt_error *err)
{
    struct bkt_str url;
    struct bkt_endpoint endpoint;
    int rc = find_url(asker, "sts", &url, err);
    if (rc == BKT_OK && url.len == 0)
        rc = find_url(asker, "s3", &url, err);
    if (rc == BKT_OK) {
        rc = bkt_endpoint_service(
            "sts", "sts", bkt_str_from(bkt_s3_region(asker->bucket.s3)), url,
            bkt_endpoint_switches_find(bkt_env_process(), &asker->bucket.profiles), &endpoint, err);
    }
    return rc ? rc : open_caller(service, asker, &endpoint, err);
}

void bkt_service_close(struct bkt_service *service)
{
    bkt_caller_clear(&service->caller);
    *service = (struct bkt_service){0};
}

bool bkt_service_is_aws(const struct bkt_service *service)
{
    struct bkt_str host = bkt_str_from(service->caller.endpoint.authority);
    const char *colon = memchr(host.ptr, ':', host.len);
    if (colon)
        host.len = (size_t)(colon - host.ptr);
    return bkt_host_is_aws(host);
}

struct question {
    struct bkt_service *service;
    struct bkt_service_answer *answer;
    struct bkt_http_response *response; /* inside on_done() alone */
    bool is_answered;
    bool may_pass; /* there was no answer, or none for now */
    bool is_expired;
    bool is_skewed;
    int rc; /* of what only we can fail with */
};

static void take_refusal(struct question *question, const struct bkt_http_response *response)
{
    struct bkt_service_answer *answer = question->answer;
    (void)bkt_s3error_parse(bkt_buf_str(response->body), &answer->said);
    answer->class = bkt_s3error_classify(answer->status, answer->said.code);
    bkt_s3error_describe(&answer->said, answer->status, question->service->caller.endpoint.region,
                         &answer->err);
    question->may_pass = answer->err.retriable;
    question->is_expired = answer->class == BKT_S3ERROR_EXPIRED_CREDS;
    question->is_skewed = answer->class == BKT_S3ERROR_CLOCK_SKEW;
    if (question->is_skewed)
        (void)bkt_caller_adopt_clock(&question->service->caller, response);
}

static void on_done(void *ctx,
                    int rc,
                    struct bkt_http_response *response,
                    const struct bkt_error *err)
{
    struct question *question = ctx;
    struct bkt_service_answer *answer = question->answer;
    question->is_answered = true;
    if (rc) {
        answer->err = *err;
        question->may_pass = err->retriable;
        question->rc = rc == BKT_ENOMEM ? rc : BKT_OK;
        return;
    }
    answer->status = response->status;
    struct bkt_str region = bkt_http_header_get(response, "x-amz-bucket-region");
    (void)snprintf(answer->region, sizeof(answer->region), "%.*s", BKT_STR_ARG(region));
    int64_t server_ms;
    answer->has_date = bkt_time_parse_http(bkt_http_header_get(response, "date"), &server_ms);
    answer->skew_ms = answer->has_date ? server_ms - bkt_time_wall_ms() : 0;
    if (bkt_service_is_ok(answer)) {
        answer->body = *response->body;
        *response->body = BKT_BUF_INIT(0);
    } else {
        take_refusal(question, response);
    }
}

static int ask_once(struct bkt_service *service,
                    const struct bkt_service_call *call,
                    struct question *question,
                    struct bkt_error *err)
{
    struct bkt_sigv4_header type = {BKT_STR("content-type"), bkt_str_from(call->content_type)};
    struct bkt_call http_call = {
        .http =
            {
                .method = call->method,
                .body = call->body,
                .body_bytes_max = ANSWER_BYTES_MAX,
                .on_done = on_done,
                .ctx = question,
            },
        .headers = &type,
        .header_count = call->content_type ? 1 : 0,
        .query = call->query,
    };
    /* An object is asked for at a path of its own. */
    struct bkt_endpoint *endpoint = &service->caller.endpoint;
    size_t base_len = strlen(endpoint->base_path);
    if (base_len + call->path.len >= sizeof(endpoint->base_path))
        return bkt_error_set(&question->answer->err, BKT_ELIMIT, "the key is too long to try it");
    (void)snprintf(endpoint->base_path + base_len, sizeof(endpoint->base_path) - base_len, "%.*s",
                   BKT_STR_ARG(call->path));
    uint64_t id;
    int rc = bkt_caller_start(&service->caller, &http_call, &id, &question->answer->err);
    endpoint->base_path[base_len] = '\0';
    if (rc) {
        question->may_pass = question->answer->err.retriable;
        return rc == BKT_ENOMEM ? bkt_error_set(err, rc, "ask the server: out of memory") : BKT_OK;
    }
    rc = bkt_asker_wait(service->asker, &question->is_answered, err);
    if (rc)
        bkt_http_cancel(service->asker->bucket.http, id);
    else if (question->rc)
        rc = bkt_error_set(err, question->rc, "ask the server: %s", bkt_error_text(question->rc));
    return rc;
}

int bkt_service_ask(struct bkt_service *service,
                    const struct bkt_service_call *call,
                    struct bkt_service_answer *out_answer,
                    struct bkt_error *err)
{
    int rc = BKT_OK;
    for (int i = 0; i < TRIES && rc == BKT_OK; i++) {
        struct question question = {.service = service, .answer = out_answer};
        *out_answer = (struct bkt_service_answer){0};
        rc = ask_once(service, call, &question, err);
        if (rc || bkt_service_is_ok(out_answer))
            break;
        if (question.is_expired && bkt_caller_renew(&service->caller, &out_answer->err) != BKT_OK)
            break;
        if (question.may_pass && i + 1 < TRIES)
            rc = bkt_asker_pause(service->asker, PAUSE_MS, err);
        else if (!question.is_expired && !question.is_skewed)
            break;
    }
    if (rc)
        bkt_service_answer_clear(out_answer);
    return rc;
}

void bkt_service_answer_clear(struct bkt_service_answer *answer)
{
    bkt_buf_clear(&answer->body);
    *answer = (struct bkt_service_answer){0};
}
