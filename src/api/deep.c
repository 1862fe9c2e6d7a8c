#include "api/deep.h"

#include "core/mem.h"
#include "table/decode.h"

#include <stdio.h>

enum { ENTRIES_MAX = 1000, WHY_BYTES = 512 };

struct entry {
    char *key;
    size_t key_len;
    int tag;
    bool is_compared;
    struct bkt_buf content;
    bool content_is_bytes;
    bool is_answered;
    enum bkt_s3_answer answer;
    struct bkt_buf body;
    char why[WHY_BYTES];
};

struct bkt_deep {
    struct bkt_asker *asker;
    struct bkt_decode_policy policy;
    bkt_deep_fn *fn;
    void *ctx;
    struct entry *entries; /* ENTRIES_MAX of them; they do not move while they are read */
    size_t count;
    size_t reading_max;
    size_t reading;     /* of the entries, asked for since the last flush */
    uint64_t bytes_max; /* contents and objects */
    uint64_t bytes;
};

int bkt_deep_new(struct bkt_asker *asker,
                 bkt_deep_fn *fn,
                 void *ctx,
                 struct bkt_deep **out_deep,
                 struct bkt_error *err)
{
    const struct bkt_settings *settings = asker->bucket.settings;
    struct bkt_deep *deep = bkt_mem_calloc(1, sizeof(*deep));
    if (deep)
        deep->entries = bkt_mem_calloc(ENTRIES_MAX, sizeof(*deep->entries));
    if (!deep || !deep->entries) {
        bkt_mem_free(deep);
        return bkt_error_set(err, BKT_ENOMEM, "compare contents: out of memory");
    }
    deep->asker = asker;
    deep->policy = (struct bkt_decode_policy){
        .binary = settings->binary,
        .text_errors = (enum bkt_text_errors)settings->text_errors,
    };
    deep->fn = fn;
    deep->ctx = ctx;
    deep->reading_max = settings->get_concurrency;
    deep->bytes_max = settings->memory_limit;
    *out_deep = deep;
    return BKT_OK;
}

static void forget(struct bkt_deep *deep)
{
    for (size_t i = 0; i < deep->count; i++) {
        struct entry *entry = &deep->entries[i];
        bkt_mem_free(entry->key);
        bkt_buf_clear(&entry->content);
        bkt_buf_clear(&entry->body);
        *entry = (struct entry){0};
    }
    deep->count = 0;
    deep->reading = 0;
    deep->bytes = 0;
}

void bkt_deep_free(struct bkt_deep *deep)
{
    if (!deep)
        return;
    /* What is still under way would answer an entry that is gone. */
    bkt_s3_cancel_all(deep->asker->bucket.s3);
    forget(deep);
    bkt_mem_free(deep->entries);
    bkt_mem_free(deep);
}

static void on_object(void *ctx, uint64_t id, struct bkt_s3_object *object)
{
    (void)id;
    struct entry *entry = ctx;
    entry->is_answered = true;
    entry->answer = object->answer;
    if (object->answer == BKT_S3_FAILED)
        (void)snprintf(entry->why, sizeof(entry->why), "%.*s", WHY_BYTES - 1, object->err->message);
    entry->body = *object->body;
    *object->body = BKT_BUF_INIT(0);
}

/* NULL when memory is out, and `err` says so. */
static struct entry *add(struct bkt_deep *deep, int tag, struct bkt_str key, struct bkt_error *err)
{
    struct entry *entry = &deep->entries[deep->count];
    *entry = (struct entry){.key_len = key.len, .tag = tag};
    entry->key = bkt_mem_strdup(key.ptr, key.len);
    if (!entry->key) {
        (void)bkt_error_set(err, BKT_ENOMEM, "compare contents: out of memory");
        return NULL;
    }
    deep->count++;
    return entry;
}

int bkt_deep_compare(struct bkt_deep *deep,
                     int tag,
                     struct bkt_str key,
                     struct bkt_buf *content,
                     bool content_is_bytes,
                     uint64_t size,
                     struct bkt_error *err)
{
    uint64_t bytes = content->len + size;
    bool is_full = deep->count == ENTRIES_MAX || deep->reading == deep->reading_max ||
                   (deep->bytes > 0 && bytes > deep->bytes_max) ||
                   (bytes <= deep->bytes_max && deep->bytes > deep->bytes_max - bytes);
    int rc = is_full ? bkt_deep_flush(deep, err) : BKT_OK;
    if (rc)
        return rc;
    struct entry *entry = add(deep, tag, key, err);
    if (!entry)
        return BKT_ENOMEM;
    entry->is_compared = true;
    entry->content = *content;
    entry->content_is_bytes = content_is_bytes;
    *content = BKT_BUF_INIT(content->max);
    deep->bytes += bytes;
    deep->reading++;
    struct bkt_s3_get get = {
        .key = {entry->key, entry->key_len},
        .size_hint = size,
        .on_object = on_object,
        .ctx = entry,
    };
    return bkt_s3_get(deep->asker->bucket.s3, &get, err);
}

int bkt_deep_pass(struct bkt_deep *deep, int tag, struct bkt_str key, struct bkt_error *err)
{
    int rc = deep->count == ENTRIES_MAX ? bkt_deep_flush(deep, err) : BKT_OK;
    if (rc)
        return rc;
    return add(deep, tag, key, err) ? BKT_OK : BKT_ENOMEM;
}

static int compare(const struct bkt_deep *deep,
                   struct entry *entry,
                   enum bkt_deep_result *out_result,
                   struct bkt_error *err)
{
    struct bkt_decoded decoded;
    switch (entry->answer) {
    case BKT_S3_OBJECT:
        break;
    case BKT_S3_NO_SUCH_KEY:
    case BKT_S3_NOT_MODIFIED:
        *out_result = BKT_DEEP_GONE;
        return BKT_OK;
    case BKT_S3_STOPPED:
    case BKT_S3_FAILED:
        *out_result = BKT_DEEP_FAILED;
        return BKT_OK;
    }
    int rc = bkt_decode(deep->policy, &entry->body, &decoded, err);
    if (rc)
        return rc;
    bool is_bytes = decoded.is_bytes || deep->policy.binary;
    *out_result = BKT_DEEP_OTHER;
    if (decoded.failed) {
        (void)snprintf(entry->why, sizeof(entry->why), "%s", decoded.reason);
        *out_result = BKT_DEEP_FAILED;
    } else if (is_bytes == entry->content_is_bytes &&
               bkt_str_eq(decoded.content, bkt_buf_str(&entry->content))) {
        *out_result = BKT_DEEP_SAME;
    }
    return BKT_OK;
}

int bkt_deep_flush(struct bkt_deep *deep, struct bkt_error *err)
{
    int rc = BKT_OK;
    for (size_t i = 0; i < deep->count && rc == BKT_OK; i++) {
        struct entry *entry = &deep->entries[i];
        enum bkt_deep_result result = BKT_DEEP_PASSED;
        if (entry->is_compared)
            rc = bkt_asker_wait(deep->asker, &entry->is_answered, err);
        if (rc == BKT_OK && entry->is_compared)
            rc = compare(deep, entry, &result, err);
        if (rc == BKT_OK) {
            rc = deep->fn(deep->ctx, result, entry->tag,
                          (struct bkt_str){entry->key, entry->key_len}, entry->why, err);
        }
        bkt_buf_clear(&entry->content);
        bkt_buf_clear(&entry->body);
    }
    if (rc)
        bkt_s3_cancel_all(deep->asker->bucket.s3);
    forget(deep);
    return rc;
}
