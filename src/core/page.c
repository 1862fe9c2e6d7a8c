#include "core/page.h"

#include "core/escape.h"

enum { KEY_SHOWN_BYTES = 200 };

static int fail_prefix(struct bkt_error *err)
{
    (void)bkt_error_set(err, BKT_EPARSE,
                        "a listed key does not begin with the prefix that was asked for");
    if (err)
        err->retriable = true;
    return BKT_EPARSE;
}

static int fail_order(struct bkt_str before, struct bkt_str key, struct bkt_error *err)
{
    char shown[2][KEY_SHOWN_BYTES];
    bkt_escape(before, shown[0], sizeof(shown[0]));
    bkt_escape(key, shown[1], sizeof(shown[1]));
    return bkt_error_set(err, BKT_EUNSUPPORTED,
                         "the listing is not in the order of the keys: \"%s\" comes behind \"%s\" "
                         "(directory buckets and some servers do so; they cannot be followed)",
                         shown[1], shown[0]);
}

int bkt_page_check_keys(const struct bkt_page *page, struct bkt_str prefix, struct bkt_error *err)
{
    for (size_t i = 0; i < page->object_count; i++) {
        struct bkt_str key = page->objects[i].key;
        if (key.len == 0 || key.len > BKT_KEY_BYTES_MAX)
            return bkt_error_set(err, BKT_EPARSE,
                                 "a listed key has %zu bytes; S3 keys have 1 to %d", key.len,
                                 BKT_KEY_BYTES_MAX);
        if (!bkt_str_has_prefix(key, prefix))
            return fail_prefix(err);
        if (i > 0 && bkt_str_cmp(page->objects[i - 1].key, key) >= 0)
            return fail_order(page->objects[i - 1].key, key, err);
    }
    return BKT_OK;
}
