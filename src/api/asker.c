#include "api/asker.h"

#include "core/mem.h"
#include "core/time.h"

enum { INTERRUPT_MS = 50 };

struct page_question {
    bool is_answered;
    struct bkt_s3_page *page; /* NULL: it failed */
    struct bkt_error err;
};

int bkt_asker_open(struct bkt_asker *asker, const struct bkt_config *config, struct bkt_error *err)
{
    atomic_init(&asker->is_stopped, false);
    return bkt_bucket_open(&asker->bucket, config, err);
}

void bkt_asker_close(struct bkt_asker *asker)
{
    bkt_bucket_close(&asker->bucket);
}

void bkt_asker_stop(struct bkt_asker *asker)
{
    atomic_store(&asker->is_stopped, true);
    if (asker->bucket.http)
        bkt_http_wakeup(asker->bucket.http);
}

static bool is_interrupted(struct bkt_asker *asker, int64_t now_ms)
{
    if (!asker->is_interrupted || now_ms - asker->asked_interrupt_ms < INTERRUPT_MS)
        return false;
    asker->asked_interrupt_ms = now_ms;
    return asker->is_interrupted(asker->interrupt_ctx);
}

int bkt_asker_turn(struct bkt_asker *asker, int timeout_ms, struct bkt_error *err)
{
    if (atomic_load(&asker->is_stopped))
        return bkt_error_set(err, BKT_ECANCELED, "stopped");
    int64_t now_ms = bkt_time_monotonic_ms();
    if (is_interrupted(asker, now_ms))
        return bkt_error_set(err, BKT_ECANCELED, "interrupted");
    int wait_ms = bkt_s3_wait_ms(asker->bucket.s3, now_ms);
    if (asker->is_interrupted && (timeout_ms < 0 || timeout_ms > INTERRUPT_MS))
        timeout_ms = INTERRUPT_MS;
    if (timeout_ms >= 0 && (wait_ms < 0 || wait_ms > timeout_ms))
        wait_ms = timeout_ms;
    int rc = bkt_http_run_once(asker->bucket.http, wait_ms, err);
    /* Last: a try that cannot even be started ends here, and the caller must not wait for it. */
    if (rc == BKT_OK)
        bkt_s3_tick(asker->bucket.s3, bkt_time_monotonic_ms());
    return rc;
}

int bkt_asker_wait(struct bkt_asker *asker, const bool *is_done, struct bkt_error *err)
{
    int rc = BKT_OK;
    while (rc == BKT_OK && !*is_done)
        rc = bkt_asker_turn(asker, -1, err);
    return rc;
}

int bkt_asker_pause(struct bkt_asker *asker, int pause_ms, struct bkt_error *err)
{
    int64_t until_ms = bkt_time_monotonic_ms() + pause_ms;
    int rc = BKT_OK;
    while (rc == BKT_OK) {
        int64_t left_ms = until_ms - bkt_time_monotonic_ms();
        if (atomic_load(&asker->is_stopped))
            return bkt_error_set(err, BKT_ECANCELED, "stopped");
        if (left_ms <= 0)
            break;
        rc = bkt_http_run_once(asker->bucket.http, (int)left_ms, err);
    }
    return rc;
}

static void on_page(void *ctx, uint64_t id, struct bkt_s3_page *page, const struct bkt_error *err)
{
    (void)id;
    struct page_question *question = ctx;
    question->is_answered = true;
    question->page = page;
    if (!page)
        question->err = *err;
}

static int ask_page(struct bkt_asker *asker,
                    struct bkt_s3_list *list,
                    struct bkt_s3_page **out_page,
                    struct bkt_error *err)
{
    struct page_question question = {.is_answered = false};
    list->on_page = on_page;
    list->ctx = &question;
    int rc = bkt_s3_list(asker->bucket.s3, list, err);
    if (rc == BKT_OK)
        rc = bkt_asker_wait(asker, &question.is_answered, err);
    if (rc) {
        bkt_s3_cancel(asker->bucket.s3, &question);
        return rc;
    }
    if (!question.page) {
        if (err)
            *err = question.err;
        return question.err.code;
    }
    *out_page = question.page;
    return BKT_OK;
}

int bkt_asker_page(struct bkt_asker *asker,
                   const struct bkt_list_request *request,
                   struct bkt_s3_page **out_page,
                   struct bkt_error *err)
{
    struct bkt_s3_list list = {
        .prefix = request->prefix,
        .start_after = request->start_after,
        .token = request->token,
    };
    return ask_page(asker, &list, out_page, err);
}

int bkt_asker_find(struct bkt_asker *asker,
                   struct bkt_str key,
                   struct bkt_s3_page **out_page,
                   struct bkt_error *err)
{
    struct bkt_s3_list list = {.prefix = key, .max_keys = 1};
    return ask_page(asker, &list, out_page, err);
}

static bool on_size(void *ctx, uint64_t id, uint64_t size)
{
    (void)id;
    const struct bkt_question *question = ctx;
    return size <= question->bytes_max;
}

static void on_object(void *ctx, uint64_t id, struct bkt_s3_object *object)
{
    (void)id;
    struct bkt_question *question = ctx;
    struct bkt_asked *asked = &question->asked;
    question->is_answered = true;
    asked->answer = object->answer;
    if (object->answer == BKT_S3_FAILED)
        asked->err = *object->err;
    if (object->answer == BKT_S3_OBJECT &&
        !bkt_checksum_matches(&object->checksum, bkt_buf_str(object->body))) {
        asked->answer = BKT_S3_FAILED;
        (void)bkt_error_set(&asked->err, BKT_ES3,
                            "the %zu bytes that were read do not match their %s; try again",
                            object->body->len, bkt_checksum_name(object->checksum.kind));
    }
    asked->strings = bkt_object_dup(&object->object, &object->extra, &asked->object, &asked->extra);
    question->lacks_memory = !asked->strings;
    asked->body = *object->body;
    *object->body = BKT_BUF_INIT(0);
}

int bkt_asker_start(struct bkt_asker *asker,
                    struct bkt_str key,
                    uint64_t size_hint,
                    struct bkt_question *question,
                    struct bkt_error *err)
{
    struct bkt_s3_get get = {
        .key = key,
        .size_hint = size_hint,
        .on_size = on_size,
        .on_object = on_object,
        .ctx = question,
    };
    return bkt_s3_get(asker->bucket.s3, &get, err);
}

int bkt_asker_object(struct bkt_asker *asker,
                     struct bkt_str key,
                     uint64_t bytes_max,
                     struct bkt_asked *out_asked,
                     struct bkt_error *err)
{
    struct bkt_question question = {.bytes_max = bytes_max};
    int rc = bkt_asker_start(asker, key, 0, &question, err);
    if (rc == BKT_OK)
        rc = bkt_asker_wait(asker, &question.is_answered, err);
    if (rc == BKT_OK && question.lacks_memory)
        rc = bkt_error_set(err, BKT_ENOMEM, "read an object: out of memory");
    if (rc) {
        bkt_s3_cancel(asker->bucket.s3, &question);
        bkt_asked_clear(&question.asked);
        return rc;
    }
    *out_asked = question.asked;
    return BKT_OK;
}

void bkt_asked_clear(struct bkt_asked *asked)
{
    bkt_mem_free(asked->strings);
    bkt_buf_clear(&asked->body);
    *asked = (struct bkt_asked){0};
}
