#include "s3/s3_int.h"

#include "core/json_write.h"
#include "core/mem.h"
#include "core/time.h"
#include "s3/list_page.h"

#include <strings.h>

enum { METADATA_BYTES_MAX = 64 << 10 };

static void free_owner(void *owner)
{
    bkt_s3_page_free(owner);
}

void bkt_s3_page_free(struct bkt_s3_page *page)
{
    if (!page)
        return;
    bkt_buf_clear(&page->body);
    bkt_arena_clear(&page->arena);
    bkt_mem_free(page);
}

int s3_answer_page(const struct s3_op *op,
                   struct bkt_http_response *response,
                   struct bkt_s3_page **out_page,
                   struct bkt_error *err)
{
    struct bkt_s3_page *page = bkt_mem_calloc(1, sizeof(*page));
    if (!page)
        return bkt_error_set(err, BKT_ENOMEM, "read a listing: out of memory");
    page->body = *response->body;
    *response->body = BKT_BUF_INIT(response->body->max);
    int rc = bkt_list_page_parse(bkt_buf_str(&page->body), &page->arena, &page->page, err);
    if (rc == BKT_OK)
        rc = bkt_page_check_keys(&page->page, op->prefix, err);
    if (rc) {
        /* Give the body back: an <Error> in it says more. */
        *response->body = page->body;
        page->body = (struct bkt_buf){0};
        bkt_s3_page_free(page);
        return rc;
    }
    page->page.owner = page;
    page->page.free = free_owner;
    *out_page = page;
    return BKT_OK;
}

/* {"name":"value",...} of the x-amz-meta-* headers; empty when there are none. */
static int append_metadata(const struct bkt_http_response *response, struct bkt_buf *out)
{
    static const struct bkt_str prefix = {"x-amz-meta-", sizeof("x-amz-meta-") - 1};
    int rc = BKT_OK;
    for (size_t i = 0; i < response->header_count && rc == BKT_OK; i++) {
        struct bkt_str name = response->headers[i].name;
        if (name.len <= prefix.len || strncasecmp(name.ptr, prefix.ptr, prefix.len) != 0)
            continue;
        char lower[256];
        size_t len = name.len - prefix.len;
        if (len > sizeof(lower))
            len = sizeof(lower);
        for (size_t j = 0; j < len; j++) {
            char c = name.ptr[prefix.len + j];
            lower[j] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
        }
        rc = bkt_buf_append_char(out, out->len == 0 ? '{' : ',');
        if (rc == BKT_OK)
            rc = bkt_json_append_string(out, (struct bkt_str){lower, len});
        if (rc == BKT_OK)
            rc = bkt_buf_append_char(out, ':');
        if (rc == BKT_OK)
            rc = bkt_json_append_string(out, response->headers[i].value);
    }
    if (rc == BKT_OK && out->len > 0)
        rc = bkt_buf_append_char(out, '}');
    return rc;
}

/* Whether a header says that something which speaks S3, or its kin, has answered. */
static bool is_from_s3(const struct bkt_http_response *response)
{
    static const char *const prefixes[] = {"x-amz", "x-goog", "x-oss", "x-cos", "x-obs"};
    for (size_t i = 0; i < response->header_count; i++) {
        struct bkt_str name = response->headers[i].name;
        for (size_t j = 0; j < sizeof(prefixes) / sizeof(prefixes[0]); j++) {
            size_t len = strlen(prefixes[j]);
            if (name.len > len && strncasecmp(name.ptr, prefixes[j], len) == 0)
                return true;
        }
    }
    return false;
}

static bool is_object(const struct s3_op *op, const struct bkt_http_response *response)
{
    if (bkt_http_header_get(response, "etag").len == 0) {
        /* Every S3 tells the ETag, but for some small servers. */
        return is_from_s3(response) && bkt_http_header_get(response, "last-modified").len > 0;
    }
    /* Web servers give their pages an ETag, too. */
    bool is_html =
        bkt_str_has_prefix(bkt_http_header_get(response, "content-type"), BKT_STR("text/html"));
    return !is_html || is_from_s3(response) || response->body->len == op->size_hint;
}

/*
 * Proxies and portals answer 200 with a page of their own, and S3 itself may put an <Error> behind
 * a 200.
 */
static int check_is_object(const struct s3_op *op,
                           const struct bkt_http_response *response,
                           struct bkt_error *err)
{
    if (is_object(op, response))
        return BKT_OK;
    struct bkt_s3error said;
    if (bkt_s3error_parse(bkt_buf_str(response->body), &said))
        (void)bkt_error_set(err, BKT_ES3, "200 with the error %s: %s", said.code, said.message);
    else
        (void)bkt_error_set(err, BKT_ES3,
                            "200, but no object of S3: its ETag or other headers are missing (is "
                            "there a proxy in between?)");
    err->retriable = true;
    return BKT_ES3;
}

int s3_answer_object(const struct s3_op *op,
                     struct bkt_http_response *response,
                     struct bkt_s3_object *out_object,
                     struct bkt_buf *metadata,
                     struct bkt_error *err)
{
    struct bkt_s3_object object = {
        .answer = response->status == 304 ? BKT_S3_NOT_MODIFIED : BKT_S3_OBJECT,
        .body = response->body,
        .checksum = op->checksum,
    };
    if (response->status != 304) {
        int rc = check_is_object(op, response, err);
        if (rc)
            return rc;
    }
    object.object.key = op->key;
    object.object.etag = bkt_bare_etag(bkt_http_header_get(response, "etag"));
    object.object.storage_class = bkt_http_header_get(response, "x-amz-storage-class");
    object.object.size = response->body->len;
    struct bkt_str modified = bkt_http_header_get(response, "last-modified");
    if (!bkt_time_parse_http(modified, &object.object.last_modified_ms))
        object.object.last_modified_ms = BKT_TIME_NONE;
    object.extra.version_id = bkt_http_header_get(response, "x-amz-version-id");
    object.extra.content_type = bkt_http_header_get(response, "content-type");

    *metadata = BKT_BUF_INIT(METADATA_BYTES_MAX);
    int rc = append_metadata(response, metadata);
    if (rc)
        return bkt_error_set(err, rc, "read the object's metadata: %s", bkt_error_text(rc));
    object.extra.metadata = bkt_buf_str(metadata);
    *out_object = object;
    return BKT_OK;
}
