#include "s3/list_page.h"

#include "core/escape.h"
#include "core/time.h"
#include "core/xml.h"
#include "s3/key.h"

enum { CAPACITY_FIRST = 1024 }; /* a page of S3 has at most 1000 keys */
enum { KEY_SHOWN_BYTES = 200 };

/* What must not be there twice. */
enum {
    SEEN_KEY = 1 << 0,
    SEEN_SIZE = 1 << 1,
    SEEN_ETAG = 1 << 2,
    SEEN_LAST_MODIFIED = 1 << 3,
    SEEN_STORAGE_CLASS = 1 << 4,
    SEEN_TRUNCATED = 1 << 5,
    SEEN_TOKEN = 1 << 6,
    SEEN_ENCODING = 1 << 7,
};

struct reader {
    struct bkt_xml xml;
    struct bkt_arena *arena;
    struct bkt_object *objects;
    size_t object_count;
    size_t object_cap;
    struct bkt_str *prefixes;
    size_t prefix_count;
    size_t prefix_cap;
    unsigned seen;
    bool is_truncated;
    bool url_encoded;
    struct bkt_str token;
    struct bkt_error *err;
};

static int fail(const struct reader *reader, const char *what)
{
    (void)bkt_error_set(reader->err, BKT_EPARSE, "list answer, byte %zu: %s",
                        (size_t)(reader->xml.at - reader->xml.begin), what);
    return BKT_EPARSE;
}

static int fail_memory(const struct reader *reader)
{
    return bkt_error_set(reader->err, BKT_ENOMEM, "read a list answer: out of memory");
}

/* Room for one more of `count` items; the array moves to a larger piece of the arena. */
static int make_room(
    struct reader *reader, void **items, size_t item_size, size_t count, size_t *cap)
{
    if (count < *cap)
        return BKT_OK;
    if (count == BKT_LIST_PAGE_COUNT_MAX) {
        return bkt_error_set(reader->err, BKT_ELIMIT, "list answer: more than %d keys in a page",
                             (int)BKT_LIST_PAGE_COUNT_MAX);
    }
    size_t more = *cap == 0 ? CAPACITY_FIRST : *cap * 2;
    if (more > BKT_LIST_PAGE_COUNT_MAX)
        more = BKT_LIST_PAGE_COUNT_MAX;
    void *moved = bkt_arena_alloc(reader->arena, more * item_size);
    if (!moved)
        return fail_memory(reader);
    if (count > 0)
        memcpy(moved, *items, count * item_size);
    *items = moved;
    *cap = more;
    return BKT_OK;
}

/* The text of an element that may be there once. */
static int text_once(struct reader *reader, unsigned *seen, unsigned bit, struct bkt_str *out)
{
    if (*seen & bit)
        return fail(reader, "an element that may be there once is there twice");
    *seen |= bit;
    return bkt_xml_text(&reader->xml, reader->arena, out, reader->err);
}

static bool parse_size(struct bkt_str text, uint64_t *out_size)
{
    uint64_t size = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        unsigned digit = (unsigned)(text.ptr[i] - '0');
        if (size > (UINT64_MAX - digit) / 10)
            return false;
        size = size * 10 + digit;
    }
    *out_size = size;
    return text.len > 0;
}

/* `W/"x"`, `"x"` and `x` are the tag x; events carry it bare. */
static struct bkt_str strip_etag(struct bkt_str etag)
{
    if (bkt_str_has_prefix(etag, BKT_STR("W/")))
        etag = (struct bkt_str){etag.ptr + 2, etag.len - 2};
    if (etag.len >= 2 && etag.ptr[0] == '"' && etag.ptr[etag.len - 1] == '"')
        etag = (struct bkt_str){etag.ptr + 1, etag.len - 2};
    return etag;
}

/* The element of `<Contents>` that has just begun. */
static int content_element(struct reader *reader, struct bkt_object *object, unsigned *seen)
{
    struct bkt_str name = reader->xml.name;
    struct bkt_str text = BKT_STR("");
    int rc;

    if (bkt_str_eq(name, BKT_STR("Key")))
        return text_once(reader, seen, SEEN_KEY, &object->key);
    if (bkt_str_eq(name, BKT_STR("StorageClass")))
        return text_once(reader, seen, SEEN_STORAGE_CLASS, &object->storage_class);
    if (bkt_str_eq(name, BKT_STR("ETag"))) {
        rc = text_once(reader, seen, SEEN_ETAG, &text);
        if (rc == BKT_OK)
            object->etag = strip_etag(text);
        return rc;
    }
    if (bkt_str_eq(name, BKT_STR("Size"))) {
        rc = text_once(reader, seen, SEEN_SIZE, &text);
        if (rc == BKT_OK && !parse_size(text, &object->size))
            rc = fail(reader, "a size that is no number");
        return rc;
    }
    if (bkt_str_eq(name, BKT_STR("LastModified"))) {
        rc = text_once(reader, seen, SEEN_LAST_MODIFIED, &text);
        if (rc == BKT_OK && !bkt_time_parse_iso(text, &object->last_modified_ms))
            rc = fail(reader, "a time of last modification that is none");
        return rc;
    }
    return bkt_xml_skip(&reader->xml, reader->err);
}

static int contents(struct reader *reader)
{
    void *items = reader->objects;
    int rc = make_room(reader, &items, sizeof(struct bkt_object), reader->object_count,
                       &reader->object_cap);
    if (rc)
        return rc;
    reader->objects = items;

    struct bkt_object *object = &reader->objects[reader->object_count];
    *object = (struct bkt_object){.last_modified_ms = BKT_TIME_NONE};
    unsigned seen = 0;
    for (;;) {
        enum bkt_xml_token token;
        rc = bkt_xml_next(&reader->xml, &token, reader->err);
        if (rc)
            return rc;
        if (token == BKT_XML_END)
            break;
        rc = content_element(reader, object, &seen);
        if (rc)
            return rc;
    }
    if (object->key.len == 0)
        return fail(reader, "an object without a key");
    if (!(seen & SEEN_SIZE))
        return fail(reader, "an object without a size");
    reader->object_count++;
    return BKT_OK;
}

static int common_prefixes(struct reader *reader)
{
    for (;;) {
        enum bkt_xml_token token;
        int rc = bkt_xml_next(&reader->xml, &token, reader->err);
        if (rc || token == BKT_XML_END)
            return rc;
        if (!bkt_str_eq(reader->xml.name, BKT_STR("Prefix"))) {
            rc = bkt_xml_skip(&reader->xml, reader->err);
            if (rc)
                return rc;
            continue;
        }
        void *items = reader->prefixes;
        rc = make_room(reader, &items, sizeof(struct bkt_str), reader->prefix_count,
                       &reader->prefix_cap);
        if (rc)
            return rc;
        reader->prefixes = items;
        rc = bkt_xml_text(&reader->xml, reader->arena, &reader->prefixes[reader->prefix_count],
                          reader->err);
        if (rc)
            return rc;
        if (reader->prefixes[reader->prefix_count++].len == 0)
            return fail(reader, "an empty common prefix");
    }
}

/* The element of `<ListBucketResult>` that has just begun. */
static int root_element(struct reader *reader)
{
    struct bkt_str name = reader->xml.name;
    struct bkt_str text = BKT_STR("");
    int rc;

    if (bkt_str_eq(name, BKT_STR("Contents")))
        return contents(reader);
    if (bkt_str_eq(name, BKT_STR("CommonPrefixes")))
        return common_prefixes(reader);
    if (bkt_str_eq(name, BKT_STR("NextContinuationToken")))
        return text_once(reader, &reader->seen, SEEN_TOKEN, &reader->token);
    if (bkt_str_eq(name, BKT_STR("IsTruncated"))) {
        rc = text_once(reader, &reader->seen, SEEN_TRUNCATED, &text);
        if (rc)
            return rc;
        reader->is_truncated = bkt_str_eq(text, BKT_STR("true"));
        if (!reader->is_truncated && !bkt_str_eq(text, BKT_STR("false")))
            return fail(reader, "IsTruncated is neither true nor false");
        return BKT_OK;
    }
    if (bkt_str_eq(name, BKT_STR("EncodingType"))) {
        rc = text_once(reader, &reader->seen, SEEN_ENCODING, &text);
        if (rc)
            return rc;
        reader->url_encoded = bkt_str_eq(text, BKT_STR("url"));
        if (!reader->url_encoded && text.len > 0)
            return fail(reader, "an unknown EncodingType");
        return BKT_OK;
    }
    return bkt_xml_skip(&reader->xml, reader->err);
}

/* From the first byte of the body to the last. */
static int document(struct reader *reader, struct bkt_str body)
{
    enum bkt_xml_token token;
    int rc = bkt_xml_begin(&reader->xml, body, reader->err);
    if (rc)
        return rc;
    rc = bkt_xml_next(&reader->xml, &token, reader->err);
    if (rc)
        return rc;
    if (bkt_str_eq(reader->xml.name, BKT_STR("Error")))
        return bkt_error_set(reader->err, BKT_ES3, "list answer: the server says Error");
    if (!bkt_str_eq(reader->xml.name, BKT_STR("ListBucketResult")))
        return fail(reader, "the root is not ListBucketResult");

    for (;;) {
        rc = bkt_xml_next(&reader->xml, &token, reader->err);
        if (rc)
            return rc;
        if (token == BKT_XML_END)
            break;
        rc = root_element(reader);
        if (rc)
            return rc;
    }
    return bkt_xml_next(&reader->xml, &token, reader->err); /* nothing follows: DONE or an error */
}

/* Only now is it known whether keys are encoded. */
static int decode_keys(struct reader *reader)
{
    if (!reader->url_encoded)
        return BKT_OK;
    for (size_t i = 0; i < reader->object_count; i++) {
        struct bkt_str *key = &reader->objects[i].key;
        if (bkt_key_decode(reader->arena, *key, key))
            return fail_memory(reader);
    }
    for (size_t i = 0; i < reader->prefix_count; i++) {
        struct bkt_str *prefix = &reader->prefixes[i];
        if (bkt_key_decode(reader->arena, *prefix, prefix))
            return fail_memory(reader);
    }
    return BKT_OK;
}

static int fail_order(const struct reader *reader, struct bkt_str before, struct bkt_str key)
{
    char shown[2][KEY_SHOWN_BYTES];
    bkt_escape(before, shown[0], sizeof(shown[0]));
    bkt_escape(key, shown[1], sizeof(shown[1]));
    return bkt_error_set(reader->err, BKT_EUNSUPPORTED,
                         "list answer: keys are not in ascending order: \"%s\" comes behind \"%s\"",
                         shown[1], shown[0]);
}

static int check_page(const struct reader *reader, enum bkt_list_order order)
{
    if (!(reader->seen & SEEN_TRUNCATED))
        return fail(reader, "no IsTruncated: it does not say whether more follows");
    if (reader->is_truncated && reader->token.len == 0)
        return fail(reader, "more follows, but there is no NextContinuationToken");
    if (order == BKT_LIST_ANY_ORDER)
        return BKT_OK;

    for (size_t i = 1; i < reader->object_count; i++) {
        if (bkt_str_cmp(reader->objects[i - 1].key, reader->objects[i].key) >= 0)
            return fail_order(reader, reader->objects[i - 1].key, reader->objects[i].key);
    }
    for (size_t i = 1; i < reader->prefix_count; i++) {
        if (bkt_str_cmp(reader->prefixes[i - 1], reader->prefixes[i]) >= 0)
            return fail_order(reader, reader->prefixes[i - 1], reader->prefixes[i]);
    }
    return BKT_OK;
}

int bkt_list_page_parse(struct bkt_str body,
                        enum bkt_list_order order,
                        struct bkt_arena *arena,
                        struct bkt_list_page *out_page,
                        struct bkt_error *err)
{
    struct reader reader;
    reader.arena = arena;
    reader.objects = NULL;
    reader.object_count = 0;
    reader.object_cap = 0;
    reader.prefixes = NULL;
    reader.prefix_count = 0;
    reader.prefix_cap = 0;
    reader.seen = 0;
    reader.is_truncated = false;
    reader.url_encoded = false;
    reader.token = BKT_STR("");
    reader.err = err;

    int rc = document(&reader, body);
    if (rc == BKT_OK)
        rc = decode_keys(&reader);
    if (rc == BKT_OK)
        rc = check_page(&reader, order);
    if (rc) {
        if (err && (rc == BKT_EPARSE || rc == BKT_ES3))
            err->retriable = true;
        return rc;
    }
    *out_page = (struct bkt_list_page){
        .objects = reader.objects,
        .object_count = reader.object_count,
        .common_prefixes = reader.prefixes,
        .common_prefix_count = reader.prefix_count,
        .is_truncated = reader.is_truncated,
        .next_token = reader.is_truncated ? reader.token : BKT_STR(""),
        .url_encoded = reader.url_encoded,
    };
    return BKT_OK;
}
