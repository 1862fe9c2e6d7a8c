#include "api/source_int.h"

#include "api/walker.h"
#include "core/escape.h"
#include "core/mem.h"

#include <stdio.h>

int bkt_source_new(const struct bkt_config *config,
                   struct bkt_source **out_source,
                   struct bkt_error *err)
{
    struct bkt_source *source = bkt_mem_calloc(1, sizeof(*source));
    if (!source)
        return bkt_error_set(err, BKT_ENOMEM, "open the bucket: out of memory");
    int rc = bkt_config_check(config, BKT_CONFIG_SOURCE, NULL, NULL, err);
    if (rc == BKT_OK)
        rc = bkt_asker_open(&source->asker, config, err);
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
    bkt_asker_close(&source->asker);
    bkt_mem_free(source);
}

void bkt_source_stop(struct bkt_source *source)
{
    bkt_asker_stop(&source->asker);
}

void bkt_source_set_interrupt(struct bkt_source *source, bool (*fn)(void *ctx), void *ctx)
{
    source->asker.is_interrupted = fn;
    source->asker.interrupt_ctx = ctx;
}

struct bkt_listed bkt_listed_show(const struct bkt_object *object, struct bkt_listed_texts *texts)
{
    struct bkt_str class = object->storage_class;
    if (class.len == 0)
        class = BKT_STR("STANDARD");
    (void)snprintf(texts->etag, sizeof(texts->etag), "%.*s", BKT_STR_ARG(object->etag));
    (void)snprintf(texts->storage_class, sizeof(texts->storage_class), "%.*s", BKT_STR_ARG(class));
    texts->last_modified[0] = '\0';
    if (object->last_modified_ms != BKT_TIME_NONE)
        bkt_time_format_iso(object->last_modified_ms, texts->last_modified);
    return (struct bkt_listed){
        .key = object->key.ptr,
        .key_len = object->key.len,
        .etag = texts->etag,
        .size = object->size,
        .last_modified_ms = object->last_modified_ms,
        .last_modified = texts->last_modified,
        .storage_class = texts->storage_class,
    };
}

struct telling {
    bkt_listed_fn *fn;
    void *ctx;
};

static int tell(void *ctx,
                enum bkt_difference difference,
                const struct bkt_object *object,
                const struct bkt_state_row *row,
                struct bkt_error *err)
{
    (void)difference;
    (void)row;
    (void)err;
    const struct telling *telling = ctx;
    struct bkt_listed_texts texts;
    struct bkt_listed listed = bkt_listed_show(object, &texts);
    return telling->fn(telling->ctx, &listed);
}

static int walk_source(struct bkt_source *source,
                       bkt_listed_fn *fn,
                       void *ctx,
                       struct bkt_error *err)
{
    struct bkt_merge_counts counts = {0};
    struct telling telling = {fn, ctx};
    return bkt_walk_bucket(&source->asker, &counts, tell, &telling, err);
}

int bkt_source_walk(struct bkt_source *source, bkt_listed_fn *fn, void *ctx, struct bkt_error *err)
{
    int rc = bkt_guard_enter(&source->guard, "bkt_source_walk()", err);
    if (rc)
        return rc;
    rc = walk_source(source, fn, ctx, err);
    bkt_guard_leave(&source->guard);
    return rc;
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

/* What the bucket answered, held against the rules: BKT_OK when it is an object to decode. */
static int judge(const struct bkt_bucket *bucket,
                 const struct bkt_asked *asked,
                 struct bkt_str key,
                 struct bkt_error *err)
{
    struct bkt_verdict verdict;
    char shown[256];
    switch (asked->answer) {
    case BKT_S3_OBJECT:
    case BKT_S3_STOPPED:
        if (bkt_filter_matches(bucket->filter, key, asked->object.size, &verdict))
            return BKT_OK;
        return say_rule(bucket->settings, key, &verdict, err);
    case BKT_S3_NO_SUCH_KEY:
    case BKT_S3_NOT_MODIFIED:
        break;
    case BKT_S3_FAILED:
        if (err)
            *err = asked->err;
        return asked->err.code;
    }
    bkt_escape(key, shown, sizeof(shown));
    int rc = bkt_error_set(err, BKT_ENOROW, "%s is no row: the bucket has no such object", shown);
    if (err)
        err->http_status = 404;
    return rc;
}

int bkt_asked_show(const struct bkt_settings *settings,
                   struct bkt_asked *asked,
                   struct bkt_asked_row *row,
                   struct bkt_error *err)
{
    struct bkt_decode_policy policy = {
        .binary = settings->binary,
        .text_errors = (enum bkt_text_errors)settings->text_errors,
    };
    int rc = bkt_decode(policy, &asked->body, &row->decoded, err);
    if (rc || row->decoded.failed)
        return rc;
    row->change = (struct bkt_change){
        .op = BKT_CHANGE_UPSERT,
        .object = asked->object,
        .extra = asked->extra,
        .content = row->decoded.content,
        .content_is_bytes = row->decoded.is_bytes,
    };
    bkt_show(&row->change, settings->columns, settings->binary, &row->shown);
    return BKT_OK;
}

int bkt_source_show(const struct bkt_source *source,
                    struct bkt_asked *asked,
                    struct bkt_str key,
                    struct bkt_asked_row *row,
                    struct bkt_error *err)
{
    int rc = judge(&source->asker.bucket, asked, key, err);
    if (rc == BKT_OK)
        rc = bkt_asked_show(source->asker.bucket.settings, asked, row, err);
    if (rc == BKT_OK && row->decoded.failed) {
        char shown[256];
        bkt_escape(key, shown, sizeof(shown));
        return bkt_error_set(err, BKT_ETEXT, "%s is no row: %s", shown, row->decoded.reason);
    }
    return rc;
}

static int read_source_row(struct bkt_source *source,
                           const char *key,
                           size_t key_len,
                           bkt_row_fn *fn,
                           void *ctx,
                           struct bkt_error *err)
{
    const struct bkt_bucket *bucket = &source->asker.bucket;
    const struct bkt_settings *settings = bucket->settings;
    struct bkt_str name = {key, key_len};
    struct bkt_verdict verdict;
    if (!bkt_filter_matches(bucket->filter, name, 0, &verdict))
        return say_rule(settings, name, &verdict, err);

    struct bkt_asked asked;
    int rc = bkt_asker_object(&source->asker, name, settings->max_file_size, &asked, err);
    if (rc)
        return rc;
    struct bkt_asked_row row;
    rc = bkt_source_show(source, &asked, name, &row, err);
    if (rc == BKT_OK)
        rc = fn(ctx, &row.shown.row);
    bkt_asked_clear(&asked);
    return rc;
}

int bkt_source_row(struct bkt_source *source,
                   const char *key,
                   size_t key_len,
                   bkt_row_fn *fn,
                   void *ctx,
                   struct bkt_error *err)
{
    int rc = bkt_guard_enter(&source->guard, "bkt_source_row()", err);
    if (rc)
        return rc;
    rc = read_source_row(source, key, key_len, fn, ctx, err);
    bkt_guard_leave(&source->guard);
    return rc;
}

struct writing {
    bkt_write_fn *write;
    void *ctx;
};

static int write_content(void *ctx, const struct bkt_row *row)
{
    const struct writing *writing = ctx;
    return writing->write(writing->ctx, row->content, row->content_len);
}

int bkt_source_read(struct bkt_source *source,
                    const char *key,
                    size_t key_len,
                    bkt_write_fn *write,
                    void *ctx,
                    struct bkt_error *err)
{
    struct writing writing = {write, ctx};
    return bkt_source_row(source, key, key_len, write_content, &writing, err);
}
