#include "events/event_keys.h"

#include "core/mem.h"

#include <stdlib.h>

int bkt_event_scope_copy(const struct bkt_event_scope *scope, struct bkt_event_scope *out_copy)
{
    char *name = bkt_mem_strdup(scope->bucket.ptr, scope->bucket.len);
    if (!name)
        return BKT_ENOMEM;
    *out_copy = *scope;
    out_copy->bucket.ptr = name;
    return BKT_OK;
}

void bkt_event_scope_clear(struct bkt_event_scope *scope)
{
    bkt_mem_free((void *)(uintptr_t)scope->bucket.ptr); /* its own copy */
    *scope = (struct bkt_event_scope){.want_metadata = false};
}

bool bkt_event_scope_has(const struct bkt_event_scope *scope, struct bkt_str bucket)
{
    return scope->bucket.len == 0 || bkt_str_eq(scope->bucket, bucket);
}

static int compare(const void *a, const void *b)
{
    return bkt_str_cmp(*(const struct bkt_str *)a, *(const struct bkt_str *)b);
}

static int reserve(struct bkt_event_keys *keys, size_t count)
{
    if (count <= keys->cap)
        return BKT_OK;
    struct bkt_str *moved = bkt_mem_realloc(keys->keys, count * sizeof(*moved));
    if (!moved)
        return BKT_ENOMEM;
    keys->keys = moved;
    keys->cap = count;
    return BKT_OK;
}

static void keep_one_of_each(struct bkt_event_keys *keys)
{
    if (keys->count < 2)
        return;
    qsort(keys->keys, keys->count, sizeof(*keys->keys), compare);
    size_t kept = 1;
    for (size_t i = 1; i < keys->count; i++) {
        if (!bkt_str_eq(keys->keys[i], keys->keys[kept - 1]))
            keys->keys[kept++] = keys->keys[i];
    }
    keys->count = kept;
}

int bkt_event_keys_read(struct bkt_event_keys *keys,
                        const struct bkt_event *events,
                        size_t count,
                        const struct bkt_event_scope *scope)
{
    keys->count = 0;
    keys->has_foreign = false;
    int rc = reserve(keys, count * 2);
    if (rc)
        return rc;

    for (size_t i = 0; i < count; i++) {
        const struct bkt_event *event = &events[i];
        bool is_wanted = event->kind == BKT_EVENT_CHANGED ||
                         (event->kind == BKT_EVENT_METADATA && scope->want_metadata);
        if (!bkt_event_scope_has(scope, event->bucket)) {
            keys->has_foreign = true;
            continue;
        }
        if (!is_wanted)
            continue;
        keys->keys[keys->count++] = event->key;
        if (event->key_other.len > 0)
            keys->keys[keys->count++] = event->key_other;
    }
    keep_one_of_each(keys);
    return BKT_OK;
}

void bkt_event_keys_clear(struct bkt_event_keys *keys)
{
    bkt_mem_free(keys->keys);
    *keys = (struct bkt_event_keys){0};
}
