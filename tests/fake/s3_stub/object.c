#include "object.h"

#include "stamp.h"

#include <strings.h>

enum { KEY_BYTES_MAX = 1024 };

/* Whether a list of entity tags, or `*`, names this one (RFC 9110, section 13.1). */
static bool names_etag(struct bkt_str list, const char etag[STUB_ETAG_LEN])
{
    if (bkt_str_eq(list, BKT_STR("*")))
        return true;
    return list.len >= STUB_ETAG_LEN && memmem(list.ptr, list.len, etag, STUB_ETAG_LEN) != NULL;
}

/* 200, 304 or 412.  An If-Match that holds silences If-Unmodified-Since, and so on. */
static int check_conditions(const struct stub_request *request, const struct stub_object *object)
{
    struct bkt_str if_match = stub_request_header(request, BKT_STR("if-match"));
    struct bkt_str if_none = stub_request_header(request, BKT_STR("if-none-match"));
    int64_t modified = object->modified_ms / 1000 * 1000;
    int64_t since;
    if (if_match.len > 0 && !names_etag(if_match, object->etag))
        return 412;
    if (if_match.len == 0 &&
        stub_stamp_parse_http(stub_request_header(request, BKT_STR("if-unmodified-since")),
                              &since) &&
        modified > since)
        return 412;
    if (if_none.len > 0)
        return names_etag(if_none, object->etag) ? 304 : 200;
    if (stub_stamp_parse_http(stub_request_header(request, BKT_STR("if-modified-since")), &since) &&
        modified <= since)
        return 304;
    return 200;
}

enum range { RANGE_NONE, RANGE_PART, RANGE_BEYOND };

static bool read_digits(struct bkt_str *text, uint64_t *out)
{
    size_t used = 0;
    uint64_t value = 0;
    while (used < text->len && used < 18 && text->ptr[used] >= '0' && text->ptr[used] <= '9')
        value = value * 10 + (uint64_t)(text->ptr[used++] - '0');
    text->ptr += used;
    text->len -= used;
    *out = value;
    return used > 0;
}

/* A single range of bytes; anything else is ignored, as the RFC allows and S3 does. */
static enum range read_range(struct bkt_str text, uint64_t size, uint64_t *from, uint64_t *to)
{
    if (!bkt_str_has_prefix(text, BKT_STR("bytes=")))
        return RANGE_NONE;
    text.ptr += 6;
    text.len -= 6;
    uint64_t first;
    uint64_t last;
    bool has_first = read_digits(&text, &first);
    if (text.len == 0 || text.ptr[0] != '-')
        return RANGE_NONE;
    text.ptr++;
    text.len--;
    bool has_last = read_digits(&text, &last);
    if (text.len > 0 || (!has_first && !has_last) || (has_first && has_last && last < first))
        return RANGE_NONE;
    if (!has_first) {
        if (last == 0 || size == 0)
            return RANGE_BEYOND;
        *from = last < size ? size - last : 0;
        *to = size;
        return RANGE_PART;
    }
    if (first >= size)
        return RANGE_BEYOND;
    *from = first;
    *to = has_last && last < size ? last + 1 : size;
    return RANGE_PART;
}

static void put_object_headers(struct stub_text *out, const struct stub_object *object)
{
    char modified[STUB_STAMP_HTTP_BYTES];
    stub_stamp_http(object->modified_ms, modified);
    stub_text_lit(out, "Last-Modified: ");
    stub_text_add(out, modified, sizeof(modified) - 1);
    stub_text_lit(out, "\r\nETag: \"");
    stub_text_add(out, object->etag, STUB_ETAG_LEN);
    stub_text_lit(out, "\"\r\nAccept-Ranges: bytes\r\n");
    if (object->headers.len > 0)
        stub_text_add_str(out, object->headers);
    else
        stub_text_lit(out, "Content-Type: binary/octet-stream\r\n");
}

static void put_content(struct stub_response *response,
                        const struct stub_object *object,
                        uint64_t from,
                        uint64_t to)
{
    if (object->real != NULL) {
        stub_text_add(&response->body, object->real + from, (size_t)(to - from));
        return;
    }
    response->content = object->content;
    response->content_from = from;
    response->content_to = to;
}

struct stub_failure stub_object_get(const struct stub_bucket *bucket,
                                    struct bkt_str key,
                                    const struct stub_request *request,
                                    struct stub_response *response)
{
    struct stub_object object;
    if (!stub_bucket_find(bucket, key, &object))
        return (struct stub_failure){404, "NoSuchKey", "The specified key does not exist."};
    int status = check_conditions(request, &object);
    if (status == 412)
        return (struct stub_failure){412, "PreconditionFailed",
                                     "At least one of the pre-conditions you specified did not "
                                     "hold"};
    uint64_t from = 0;
    uint64_t to = object.content.size;
    enum range range = RANGE_NONE;
    struct bkt_str header = stub_request_header(request, BKT_STR("range"));
    if (header.len > 0 && status == 200)
        range = read_range(header, object.content.size, &from, &to);
    if (range == RANGE_BEYOND) {
        stub_text_printf(&response->headers, "Content-Range: bytes */%llu\r\n",
                         (unsigned long long)object.content.size);
        return (struct stub_failure){416, "InvalidRange", "The requested range is not satisfiable"};
    }
    put_object_headers(&response->headers, &object);
    response->status = status;
    if (range == RANGE_PART) {
        response->status = 206;
        stub_text_printf(&response->headers, "Content-Range: bytes %llu-%llu/%llu\r\n",
                         (unsigned long long)from, (unsigned long long)to - 1,
                         (unsigned long long)object.content.size);
    }
    if (status == 200)
        put_content(response, &object, from, to);
    return (struct stub_failure){0};
}

static bool is_kept(struct bkt_str name)
{
    static const char *const kept[] = {"content-type",     "content-encoding",
                                       "content-language", "content-disposition",
                                       "cache-control",    "expires"};
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        if (name.len == strlen(kept[i]) && strncasecmp(name.ptr, kept[i], name.len) == 0)
            return true;
    }
    return name.len > 11 && strncasecmp(name.ptr, "x-amz-meta-", 11) == 0;
}

struct stub_failure stub_object_put(struct stub_bucket *bucket,
                                    struct bkt_str key,
                                    const struct stub_request *request,
                                    int64_t now_ms,
                                    struct stub_response *response)
{
    struct stub_object object;
    struct bkt_str hash = stub_request_header(request, BKT_STR("x-amz-content-sha256"));
    if (stub_request_header(request, BKT_STR("x-amz-copy-source")).len > 0 ||
        bkt_str_has_prefix(hash, BKT_STR("STREAMING-")))
        return (struct stub_failure){501, "NotImplemented",
                                     "The stub neither copies nor reads signed chunks"};
    if (key.len > KEY_BYTES_MAX)
        return (struct stub_failure){400, "KeyTooLongError", "Your key is too long"};
    if (stub_request_header(request, BKT_STR("if-none-match")).len > 0 &&
        stub_bucket_find(bucket, key, &object))
        return (struct stub_failure){412, "PreconditionFailed", "The object exists"};

    struct stub_text headers = {0};
    bool typed = false;
    for (size_t i = 0; i < request->header_count; i++) {
        const struct stub_header *header = &request->headers[i];
        if (!is_kept(header->name))
            continue;
        typed = typed ||
                (header->name.len == 12 && strncasecmp(header->name.ptr, "content-type", 12) == 0);
        stub_text_add_str(&headers, header->name);
        stub_text_lit(&headers, ": ");
        stub_text_add_str(&headers, header->value);
        stub_text_lit(&headers, "\r\n");
    }
    if (!typed)
        stub_text_lit(&headers, "Content-Type: binary/octet-stream\r\n");
    stub_bucket_put(bucket, key, request->body, stub_text_str(&headers), now_ms);
    stub_text_clear(&headers);
    if (stub_bucket_find(bucket, key, &object))
        stub_text_printf(&response->headers, "ETag: \"%.32s\"\r\n", object.etag);
    return (struct stub_failure){0};
}

struct stub_failure stub_object_delete(struct stub_bucket *bucket,
                                       struct bkt_str key,
                                       struct stub_response *response)
{
    stub_bucket_delete(bucket, key);
    response->status = 204;
    return (struct stub_failure){0};
}
