#include "s3/list_page.h"

#include "core/time.h"
#include "core/xml.h"
#include "s3/key.h"

enum { CAPACITY_FIRST = 1024 }; /* a page of S3 has at most 1000 keys */

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

/* Room for one more; the array moves to a larger piece of the arena. */
static int make_room(struct reader *reader)
{
    size_t count = reader->object_count;
    if (count < reader->object_cap)
        return BKT_OK;
    if (count == BKT_LIST_PAGE_COUNT_MAX)
        return bkt_error_set(reader->err, BKT_ELIMIT, "list answer: more than %d keys in a page",
                             BKT_LIST_PAGE_COUNT_MAX);
    size_t cap = count == 0 ? CAPACITY_FIRST : count * 2;
    if (cap > BKT_LIST_PAGE_COUNT_MAX)
        cap = BKT_LIST_PAGE_COUNT_MAX;
    struct bkt_object *objects = bkt_arena_alloc(reader->arena, cap * sizeof(*objects));
    if (!objects)
        return fail_memory(reader);
    if (count > 0)
        memcpy(objects, reader->objects, count * sizeof(*objects));
    reader->objects = objects;
    reader->object_cap = cap;
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
            object->etag = bkt_bare_etag(text);
        return rc;
    }
    if (bkt_str_eq(name, BKT_STR("Size"))) {
        rc = text_once(reader, seen, SEEN_SIZE, &text);
        if (rc == BKT_OK && !bkt_str_to_uint(text, &object->size))
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
    int rc = make_room(reader);
    if (rc)
        return rc;
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

/* The element of `<ListBucketResult>` that has just begun. */
static int root_element(struct reader *reader)
{
    struct bkt_str name = reader->xml.name;
    struct bkt_str text = BKT_STR("");
    int rc;

    if (bkt_str_eq(name, BKT_STR("Contents")))
        return contents(reader);
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
    return BKT_OK;
}

static int check_end(const struct reader *reader)
{
    if (!(reader->seen & SEEN_TRUNCATED))
        return fail(reader, "no IsTruncated: it does not say whether more follows");
    if (reader->is_truncated && reader->token.len == 0)
        return fail(reader, "more follows, but there is no NextContinuationToken");
    return BKT_OK;
}

int bkt_list_page_parse(struct bkt_str body,
                        struct bkt_arena *arena,
                        struct bkt_page *out_page,
                        struct bkt_error *err)
{
    struct reader reader;
    reader.arena = arena;
    reader.objects = NULL;
    reader.object_count = 0;
    reader.object_cap = 0;
    reader.seen = 0;
    reader.is_truncated = false;
    reader.url_encoded = false;
    reader.token = BKT_STR("");
    reader.err = err;

    int rc = document(&reader, body);
    if (rc == BKT_OK)
        rc = decode_keys(&reader);
    if (rc == BKT_OK)
        rc = check_end(&reader);
    if (rc) {
        if (err && (rc == BKT_EPARSE || rc == BKT_ES3))
            err->retriable = true;
        return rc;
    }
    *out_page = (struct bkt_page){
        .objects = reader.objects,
        .object_count = reader.object_count,
        .is_truncated = reader.is_truncated,
        .next_token = reader.is_truncated ? reader.token : BKT_STR(""),
    };
    return BKT_OK;
}
