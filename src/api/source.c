#include <bucketable/source.h>

#include "api/bucket.h"
#include "core/escape.h"
#include "core/mem.h"
#include "core/time.h"
#include "table/lister.h"

#include <stdatomic.h>
#include <stdio.h>

struct bkt_source {
    struct bkt_bucket bucket;
    atomic_bool is_stopped;

    /* The answer that is being waited for. */
    bool is_answered;
    struct bkt_s3_page *page;
    enum bkt_s3_answer answer;
    struct bkt_buf body;
    uint64_t size;
    struct bkt_error err;
};

int bkt_source_new(const struct bkt_config *config,
                   struct bkt_source **out_source,
                   struct bkt_error *err)
{
    struct bkt_source *source = bkt_mem_calloc(1, sizeof(*source));
    if (!source)
        return bkt_error_set(err, BKT_ENOMEM, "open the bucket: out of memory");
    atomic_init(&source->is_stopped, false);
    int rc = bkt_config_check(config, BKT_CONFIG_SOURCE, NULL, NULL, err);
    if (rc == BKT_OK)
        rc = bkt_bucket_open(&source->bucket, config, err);
    if (rc) {
        bkt_source_free(source);
        return rc;
    }
    *out_source = source;
    return BKT_OK;
}

void bkt_source_free(struct bkt_source *source)
{
    if (!source)
        return;
    bkt_bucket_close(&source->bucket);
    bkt_s3_page_free(source->page);
    bkt_buf_clear(&source->body);
    bkt_mem_free(source);
}

void bkt_source_stop(struct bkt_source *source)
{
    atomic_store(&source->is_stopped, true);
    if (source->bucket.http)
        bkt_http_wakeup(source->bucket.http);
}

static int wait_for_answer(struct bkt_source *source, struct bkt_error *err)
{
    while (!source->is_answered) {
        if (atomic_load(&source->is_stopped))
            return bkt_error_set(err, BKT_ECANCELED, "stopped");
        int64_t now_ms = bkt_time_monotonic_ms();
        bkt_s3_tick(source->bucket.s3, now_ms);
        int rc =
            bkt_http_run_once(source->bucket.http, bkt_s3_wait_ms(source->bucket.s3, now_ms), err);
        if (rc)
            return rc;
    }
    source->is_answered = false;
    return BKT_OK;
}

static void on_page(void *ctx, uint64_t id, struct bkt_s3_page *page, const struct bkt_error *err)
{
    (void)id;
    struct bkt_source *source = ctx;
    source->is_answered = true;
    source->page = page;
    if (!page)
        source->err = *err;
}

static int fetch_page(struct bkt_source *source,
                      const struct bkt_list_request *request,
                      struct bkt_error *err)
{
    struct bkt_s3_list list = {
        .prefix = request->prefix,
        .start_after = request->start_after,
        .token = request->token,
        .on_page = on_page,
        .ctx = source,
    };
    int rc = bkt_s3_list(source->bucket.s3, &list, err);
    if (rc == BKT_OK)
        rc = wait_for_answer(source, err);
    if (rc == BKT_OK && !source->page) {
        rc = source->err.code;
        if (err)
            *err = source->err;
    }
    return rc;
}

static int tell(const struct bkt_object *object, bkt_listed_fn *fn, void *ctx)
{
    char modified[BKT_TIME_ISO_BYTES] = "";
    if (object->last_modified_ms != BKT_TIME_NONE)
        bkt_time_format_iso(object->last_modified_ms, modified);
    char etag[256];
    (void)snprintf(etag, sizeof(etag), "%.*s", BKT_STR_ARG(object->etag));
    struct bkt_listed listed = {
        .key = object->key.ptr,
        .key_len = object->key.len,
        .etag = etag,
        .size = object->size,
        .last_modified_ms = object->last_modified_ms,
        .last_modified = modified,
    };
    return fn(ctx, &listed);
}

/* Check the page in with the lister and tell its rows. */
static int walk_page(struct bkt_source *source,
                     struct bkt_lister *lister,
                     size_t chain,
                     bkt_listed_fn *fn,
                     void *ctx,
                     struct bkt_error *err)
{
    struct bkt_arena arena = {0};
    struct bkt_covered covered;
    struct bkt_page page = {
        .objects = source->page->page.objects,
        .object_count = source->page->page.object_count,
        .is_truncated = source->page->page.is_truncated,
        .next_token = source->page->page.next_token,
    };
    int rc = bkt_lister_page(lister, chain, &page, &arena, &covered, err);
    for (size_t i = covered.skip; rc == BKT_OK && i < page.object_count; i++) {
        const struct bkt_object *object = &page.objects[i];
        if (bkt_filter_matches(source->bucket.filter, object->key, object->size, NULL))
            rc = tell(object, fn, ctx);
    }
    bkt_arena_clear(&arena);
    bkt_s3_page_free(source->page);
    source->page = NULL;
    return rc;
}

int bkt_source_walk(struct bkt_source *source, bkt_listed_fn *fn, void *ctx, struct bkt_error *err)
{
    struct bkt_lister *lister;
    int rc = bkt_lister_new(source->bucket.filter, &lister, err);
    if (rc)
        return rc;
    struct bkt_list_request request;
    while (rc == BKT_OK && bkt_lister_next(lister, 0, &request)) {
        rc = fetch_page(source, &request, err);
        if (rc == BKT_OK)
            rc = walk_page(source, lister, request.chain, fn, ctx, err);
    }
    bkt_lister_free(lister);
    return rc;
}

static bool on_size(void *ctx, uint64_t id, uint64_t size)
{
    (void)id;
    struct bkt_source *source = ctx;
    return size <= source->bucket.settings->max_file_size;
}

static void on_object(void *ctx, uint64_t id, struct bkt_s3_object *object)
{
    (void)id;
    struct bkt_source *source = ctx;
    source->is_answered = true;
    source->answer = object->answer;
    source->size = object->object.size;
    if (object->answer == BKT_S3_FAILED)
        source->err = *object->err;
    bkt_buf_clear(&source->body);
    source->body = *object->body;
    *object->body = BKT_BUF_INIT(0);
}

/* Which rule keeps a key from being a row, for people. */
static int say_rule(const struct bkt_settings *settings,
                    struct bkt_str key,
                    const struct bkt_verdict *verdict,
                    struct bkt_error *err)
{
    char shown[256];
    bkt_escape(key, shown, sizeof(shown));
    switch (verdict->rule) {
    case BKT_RULE_ROW:
        break;
    case BKT_RULE_PREFIX:
        return bkt_error_set(err, BKT_ENOROW,
                             "%s is no row: it does not begin with the prefix \"%s\"", shown,
                             settings->prefix);
    case BKT_RULE_DIRECTORY_MARKER:
        return bkt_error_set(err, BKT_ENOROW,
                             "%s is no row: a key that ends in / marks a directory", shown);
    case BKT_RULE_SIZE:
        return bkt_error_set(err, BKT_ENOROW,
                             "%s is no row: it is larger than max_file_size, %llu bytes", shown,
                             (unsigned long long)settings->max_file_size);
    case BKT_RULE_NOT_INCLUDED:
        return bkt_error_set(err, BKT_ENOROW, "%s is no row: no included pattern matches it",
                             shown);
    case BKT_RULE_EXCLUDED:
        return bkt_error_set(err, BKT_ENOROW,
                             "%s is no row: the excluded pattern \"%s\" matches %s", shown,
                             settings->excluded_patterns.items[verdict->pattern],
                             verdict->matched_len == key.len ? "it" : "a directory of it");
    }
    return BKT_OK;
}

static int write_content(struct bkt_source *source,
                         bkt_write_fn *write,
                         void *ctx,
                         struct bkt_error *err)
{
    const struct bkt_settings *settings = source->bucket.settings;
    struct bkt_decode_policy policy = {
        .binary = settings->binary,
        .text_errors = (enum bkt_text_errors)settings->text_errors,
    };
    struct bkt_decoded decoded;
    int rc = bkt_decode(policy, &source->body, &decoded, err);
    if (rc)
        return rc;
    if (decoded.failed)
        return bkt_error_set(err, BKT_ENOROW, "it is no row: %s", decoded.reason);
    return write(ctx, decoded.content.ptr, decoded.content.len);
}

int bkt_source_read(struct bkt_source *source,
                    const char *key,
                    size_t key_len,
                    bkt_write_fn *write,
                    void *ctx,
                    struct bkt_error *err)
{
    const struct bkt_settings *settings = source->bucket.settings;
    struct bkt_str name = {key, key_len};
    struct bkt_verdict verdict;
    if (!bkt_filter_matches(source->bucket.filter, name, 0, &verdict))
        return say_rule(settings, name, &verdict, err);

    struct bkt_s3_get get = {
        .key = name, .on_size = on_size, .on_object = on_object, .ctx = source};
    int rc = bkt_s3_get(source->bucket.s3, &get, err);
    if (rc == BKT_OK)
        rc = wait_for_answer(source, err);
    if (rc)
        return rc;
    char shown[256];
    bkt_escape(name, shown, sizeof(shown));
    switch (source->answer) {
    case BKT_S3_OBJECT:
    case BKT_S3_STOPPED:
        if (!bkt_filter_matches(source->bucket.filter, name, source->size, &verdict))
            return say_rule(settings, name, &verdict, err);
        rc = write_content(source, write, ctx, err);
        bkt_buf_clear(&source->body);
        return rc;
    case BKT_S3_NO_SUCH_KEY:
    case BKT_S3_NOT_MODIFIED:
        return bkt_error_set(err, BKT_ENOROW, "%s is no row: the bucket has no such object", shown);
    case BKT_S3_FAILED:
        break;
    }
    if (err)
        *err = source->err;
    return source->err.code;
}
