#include "core/object.h"

#include "core/mem.h"

static struct bkt_str put(char **at, struct bkt_str text)
{
    char *copy = *at;
    if (text.len > 0)
        memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    *at += text.len + 1;
    return (struct bkt_str){copy, text.len};
}

struct bkt_str bkt_bare_etag(struct bkt_str etag)
{
    if (bkt_str_has_prefix(etag, BKT_STR("W/")))
        etag = (struct bkt_str){etag.ptr + 2, etag.len - 2};
    if (etag.len >= 2 && etag.ptr[0] == '"' && etag.ptr[etag.len - 1] == '"')
        etag = (struct bkt_str){etag.ptr + 1, etag.len - 2};
    return etag;
}

char *bkt_object_dup(const struct bkt_object *object,
                     const struct bkt_object_extra *extra,
                     struct bkt_object *out_object,
                     struct bkt_object_extra *out_extra)
{
    size_t bytes = object->key.len + object->etag.len + object->storage_class.len +
                   extra->version_id.len + extra->content_type.len + extra->metadata.len + 6;
    char *block = bkt_mem_alloc(bytes);
    if (!block)
        return NULL;

    struct bkt_object copy = *object;
    struct bkt_object_extra extra_copy = *extra;
    char *at = block;
    copy.key = put(&at, object->key);
    copy.etag = put(&at, object->etag);
    copy.storage_class = put(&at, object->storage_class);
    extra_copy.version_id = put(&at, extra->version_id);
    extra_copy.content_type = put(&at, extra->content_type);
    extra_copy.metadata = put(&at, extra->metadata);
    *out_object = copy;
    *out_extra = extra_copy;
    return block;
}

void bkt_object_refine_time(struct bkt_object *read, int64_t listed_ms)
{
    if (read->last_modified_ms / 1000 == listed_ms / 1000)
        read->last_modified_ms = listed_ms;
}

unsigned bkt_class_mark(struct bkt_str storage_class)
{
    if (storage_class.len == 0 || bkt_str_eq(storage_class, BKT_STR("STANDARD")))
        return 0;
    uint32_t hash = 2166136261u; /* FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/ */
    for (size_t i = 0; i < storage_class.len; i++)
        hash = (hash ^ (unsigned char)storage_class.ptr[i]) * 16777619u;
    unsigned mark = hash & BKT_CLASS_MARK_BITS;
    return mark ? mark : 1u << 8;
}
