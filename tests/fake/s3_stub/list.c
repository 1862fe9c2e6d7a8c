#include "list.h"

#include "request.h"
#include "stamp.h"

enum { PAGE_MAX = 1000, ENTRY_BYTES = 320 };

struct params {
    struct stub_text prefix;
    struct stub_text delimiter;
    struct stub_text start_after; /* or V1's marker */
    struct stub_text token;
    struct stub_text encoding;
    uint64_t max_keys;
    bool v2;
    bool has_token;
    bool has_start_after;
    bool has_delimiter;
    bool url; /* encoding-type=url */
};

/* A page in the making. */
struct page {
    struct stub_text entries; /* Contents and CommonPrefixes in key order */
    size_t contents_end;      /* behind the last </Contents> */
    size_t first_end;
    size_t last_begin;
    size_t count;
    bool truncated;
    bool at_prefix; /* the last entry is a common prefix */
    char last[1024];
    size_t last_len;
};

unsigned stub_lie_parse(const char *name)
{
#define X(lie, bit)              \
    if (strcmp(name, #lie) == 0) \
        return 1u << (bit);
    STUB_LIE_MAP(X)
#undef X
    return 0;
}

static void params_clear(struct params *params)
{
    stub_text_clear(&params->prefix);
    stub_text_clear(&params->delimiter);
    stub_text_clear(&params->start_after);
    stub_text_clear(&params->token);
    stub_text_clear(&params->encoding);
}

/*
 * A token is the last entry in hexadecimal, after `k` for a key or `p` for a common prefix.  Its
 * ending is there to make a client that does not encode tokens fail, as it would with AWS.
 */
static void put_token(struct stub_text *out, const struct page *page)
{
    stub_text_add(out, page->at_prefix ? "p" : "k", 1);
    for (size_t i = 0; i < page->last_len; i++) {
        char hex[16];
        stub_hex64(hex, (unsigned char)page->last[i]);
        stub_text_add(out, hex + 14, 2);
    }
    stub_text_lit(out, "+/==");
}

static bool read_token(struct bkt_str token, struct page *page)
{
    if (token.len < 5 || token.len % 2 == 0 || token.len > sizeof(page->last) * 2 ||
        (token.ptr[0] != 'k' && token.ptr[0] != 'p') ||
        memcmp(token.ptr + token.len - 4, "+/==", 4) != 0)
        return false;
    struct stub_text escaped = {0};
    struct stub_text bytes = {0};
    for (size_t i = 1; i + 4 < token.len; i += 2) {
        stub_text_lit(&escaped, "%");
        stub_text_add(&escaped, token.ptr + i, 2);
    }
    stub_percent_decode(&bytes, stub_text_str(&escaped), false);
    bool ok = bytes.len == (token.len - 5) / 2;
    if (ok) {
        memcpy(page->last, bytes.ptr != NULL ? bytes.ptr : "", bytes.len);
        page->last_len = bytes.len;
        page->at_prefix = token.ptr[0] == 'p';
    }
    stub_text_clear(&escaped);
    stub_text_clear(&bytes);
    return ok;
}

static bool is_plain(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || c == '/' ||
           c == '-' || c == '_' || c == '.' || c == '*';
}

/* How many bytes at the beginning need no encoding, in a URL or in XML. */
static size_t plain_len(struct bkt_str in)
{
    static bool plain[256];
    if (!plain['a']) {
        for (unsigned c = 0; c < 256; c++)
            plain[c] = is_plain((unsigned char)c);
    }
    size_t len = 0;
    while (len < in.len && plain[(unsigned char)in.ptr[len]])
        len++;
    return len;
}

/* Form-style, as AWS and MinIO encode keys: space is `+`, and `/ - _ . *` stay. */
static void url_encode(struct stub_text *out, struct bkt_str in)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < in.len; i++) {
        unsigned char c = (unsigned char)in.ptr[i];
        char escape[3] = {'%', digits[c >> 4], digits[c & 15]};
        if (is_plain(c))
            stub_text_add(out, in.ptr + i, 1);
        else if (c == ' ')
            stub_text_lit(out, "+");
        else
            stub_text_add(out, escape, sizeof(escape));
    }
}

static void put_key(struct stub_text *out, const struct params *params, struct bkt_str key)
{
    size_t plain = plain_len(key);
    stub_text_add(out, key.ptr, plain);
    key.ptr += plain;
    key.len -= plain;
    if (params->url)
        url_encode(out, key);
    else
        stub_xml_escape(out, key);
}

static void put_contents(struct stub_text *out,
                         const struct params *params,
                         unsigned lies,
                         const struct stub_object *object)
{
    stub_text_room(out, ENTRY_BYTES + 3 * object->key.len);
    stub_text_lit(out, "<Contents><Key>");
    put_key(out, params, object->key);
    stub_text_lit(out, "</Key>");
    if (!(lies & STUB_LIE_no_last_modified)) {
        char iso[STUB_STAMP_ISO_BYTES];
        stub_stamp_iso(object->modified_ms, iso);
        stub_text_lit(out, "<LastModified>");
        stub_text_add(out, iso, sizeof(iso) - 1);
        stub_text_lit(out, "</LastModified>");
    }
    if (lies & STUB_LIE_unquoted_etag) {
        stub_text_lit(out, "<ETag>");
        stub_text_add(out, object->etag, STUB_ETAG_LEN);
        stub_text_lit(out, "</ETag>");
    } else if (!(lies & STUB_LIE_no_etag)) {
        stub_text_lit(out, "<ETag>&quot;");
        stub_text_add(out, object->etag, STUB_ETAG_LEN);
        stub_text_lit(out, "&quot;</ETag>");
    }
    if (!(lies & STUB_LIE_no_size)) {
        stub_text_lit(out, "<Size>");
        out->len += stub_decimal(stub_text_room(out, 20), object->content.size);
        stub_text_lit(out, "</Size>");
    }
    stub_text_lit(out, "<StorageClass>STANDARD</StorageClass></Contents>");
}

static void remember(struct page *page, struct bkt_str key, bool prefix)
{
    page->last_len = key.len < sizeof(page->last) ? key.len : sizeof(page->last);
    memcpy(page->last, key.ptr, page->last_len);
    page->at_prefix = prefix;
}

static void note_entry(struct page *page, size_t begin)
{
    page->last_begin = begin;
    if (page->count == 0)
        page->first_end = page->entries.len;
    page->count++;
}

/* To the first key that does not begin with `prefix`; false when none can follow. */
static bool seek_past(struct stub_cursor *cursor,
                      const struct stub_bucket *bucket,
                      struct bkt_str prefix)
{
    struct stub_text next = {0};
    stub_text_add_str(&next, prefix);
    while (next.len > 0 && (unsigned char)next.ptr[next.len - 1] == 0xff)
        next.len--;
    bool more = next.len > 0;
    if (more) {
        next.ptr[next.len - 1] = (char)((unsigned char)next.ptr[next.len - 1] + 1);
        stub_cursor_seek(cursor, bucket, stub_text_str(&next));
    }
    stub_text_clear(&next);
    return more;
}

/* Just behind `after`, but not before `prefix`. */
static void seek_after(struct stub_cursor *cursor,
                       const struct stub_bucket *bucket,
                       struct bkt_str prefix,
                       struct bkt_str after)
{
    if (bkt_str_cmp(after, prefix) < 0) {
        stub_cursor_seek(cursor, bucket, prefix);
        return;
    }
    struct stub_text next = {0};
    stub_text_add_str(&next, after);
    stub_text_add(&next, "", 1); /* the key's direct successor ends in a NUL more */
    stub_cursor_seek(cursor, bucket, stub_text_str(&next));
    stub_text_clear(&next);
}

/* The key up to and with the first delimiter behind the prefix, or an empty view. */
static struct bkt_str common_prefix(struct bkt_str key, size_t prefix_len, struct bkt_str delimiter)
{
    const char *at =
        memmem(key.ptr + prefix_len, key.len - prefix_len, delimiter.ptr, delimiter.len);
    if (at == NULL)
        return BKT_STR("");
    return (struct bkt_str){key.ptr, (size_t)(at - key.ptr) + delimiter.len};
}

static bool seek_start(const struct stub_list *list,
                       const struct params *params,
                       struct page *page,
                       struct stub_cursor *cursor)
{
    struct bkt_str prefix = stub_text_str(&params->prefix);
    struct bkt_str after = BKT_STR("");
    bool have_after = params->has_token;
    if (have_after && page->at_prefix)
        return seek_past(cursor, list->bucket, (struct bkt_str){page->last, page->last_len});
    if (have_after) {
        after = (struct bkt_str){page->last, page->last_len};
    } else if (params->has_start_after && !(list->lies & STUB_LIE_ignore_start_after)) {
        after = stub_text_str(&params->start_after);
        have_after = after.len > 0;
    }
    if (have_after)
        seek_after(cursor, list->bucket, prefix, after);
    else
        stub_cursor_seek(cursor, list->bucket, prefix);
    return true;
}

static void collect(const struct stub_list *list, const struct params *params, struct page *page)
{
    struct stub_cursor cursor;
    struct stub_object object;
    struct bkt_str prefix = stub_text_str(&params->prefix);
    struct bkt_str delimiter = stub_text_str(&params->delimiter);
    if (params->max_keys == 0 || !seek_start(list, params, page, &cursor))
        return;
    while (stub_cursor_next(&cursor, &object) && bkt_str_has_prefix(object.key, prefix)) {
        if (page->count == params->max_keys) {
            page->truncated = true;
            return;
        }
        size_t begin = page->entries.len;
        struct bkt_str group = BKT_STR("");
        if (params->has_delimiter)
            group = common_prefix(object.key, prefix.len, delimiter);
        if (group.len > 0) {
            stub_text_lit(&page->entries, "<CommonPrefixes><Prefix>");
            put_key(&page->entries, params, group);
            stub_text_lit(&page->entries, "</Prefix></CommonPrefixes>");
        } else {
            put_contents(&page->entries, params, list->lies, &object);
            page->contents_end = page->entries.len;
        }
        remember(page, group.len > 0 ? group : object.key, group.len > 0);
        note_entry(page, begin);
        if (group.len > 0 && !seek_past(&cursor, list->bucket, group))
            return;
    }
}

static void add_foreign(struct page *page, const struct params *params)
{
    struct stub_object object = {.key = BKT_STR("!outside-the-prefix"),
                                 .content = {.size = 7},
                                 .modified_ms = INT64_C(1704067200000)};
    memset(object.etag, '0', sizeof(object.etag));
    struct stub_text entries = {0};
    put_contents(&entries, params, 0, &object);
    stub_text_add_str(&entries, stub_text_str(&page->entries));
    stub_text_clear(&page->entries);
    page->entries = entries;
    page->contents_end = entries.len;
    page->count++;
}

/* The first entry goes to the end. */
static void rotate(struct page *page)
{
    struct stub_text entries = {0};
    struct bkt_str all = stub_text_str(&page->entries);
    stub_text_add(&entries, all.ptr + page->first_end, all.len - page->first_end);
    stub_text_add(&entries, all.ptr, page->first_end);
    stub_text_clear(&page->entries);
    page->entries = entries;
}

static void repeat_last(struct page *page)
{
    struct stub_text last = {0};
    stub_text_add(&last, page->entries.ptr + page->last_begin,
                  page->entries.len - page->last_begin);
    stub_text_add_str(&page->entries, stub_text_str(&last));
    stub_text_clear(&last);
    page->contents_end = page->entries.len;
    page->count++;
}

/* `start` is the page as it was before anything was collected: where the client stands. */
static void tell_lies(unsigned lies,
                      const struct params *params,
                      const struct page *start,
                      struct page *page)
{
    if (page->count > 1 && (lies & STUB_LIE_unsorted))
        rotate(page);
    if (page->count > 0 && (lies & STUB_LIE_duplicate_key))
        repeat_last(page);
    if (lies & STUB_LIE_outside_prefix)
        add_foreign(page, params);
    if (lies & STUB_LIE_empty_page_truncated) {
        page->entries.len = 0;
        page->contents_end = 0;
        page->count = 0;
    }
    if (lies & (STUB_LIE_empty_page_truncated | STUB_LIE_repeated_token)) {
        page->truncated = true;
        page->at_prefix = start->at_prefix;
        page->last_len = start->last_len;
        memcpy(page->last, start->last, start->last_len);
    }
    if (lies & STUB_LIE_never_truncated)
        page->truncated = false;
    if (lies & STUB_LIE_missing_token)
        page->truncated = true;
}

static void put_element(struct stub_text *out,
                        const char *name,
                        const struct params *params,
                        struct bkt_str value)
{
    stub_text_printf(out, "<%s>", name);
    put_key(out, params, value);
    stub_text_printf(out, "</%s>", name);
}

static void put_head(struct stub_text *out,
                     const struct stub_list *list,
                     const struct params *params,
                     const struct page *page)
{
    stub_text_lit(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult");
    if (!(list->lies & STUB_LIE_no_namespace))
        stub_text_lit(out, " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"");
    stub_text_lit(out, "><Name>");
    stub_xml_escape(out, list->bucket_name);
    stub_text_lit(out, "</Name>");
    put_element(out, "Prefix", params, stub_text_str(&params->prefix));
    if (params->has_delimiter)
        put_element(out, "Delimiter", params, stub_text_str(&params->delimiter));
    if (!params->v2)
        put_element(out, "Marker", params, stub_text_str(&params->start_after));
    else if (params->has_start_after)
        put_element(out, "StartAfter", params, stub_text_str(&params->start_after));
    if (params->has_token) {
        stub_text_lit(out, "<ContinuationToken>");
        stub_xml_escape(out, stub_text_str(&params->token));
        stub_text_lit(out, "</ContinuationToken>");
    }
    if (params->v2)
        stub_text_printf(out, "<KeyCount>%zu</KeyCount>", page->count);
    stub_text_printf(out, "<MaxKeys>%llu</MaxKeys>", (unsigned long long)params->max_keys);
    if (params->url)
        stub_text_lit(out, "<EncodingType>url</EncodingType>");
    if (!(list->lies & STUB_LIE_no_is_truncated))
        stub_text_printf(out, "<IsTruncated>%s</IsTruncated>", page->truncated ? "true" : "false");
    if (page->truncated && !(list->lies & STUB_LIE_missing_token)) {
        struct stub_text token = {0};
        if (params->v2)
            put_token(&token, page);
        stub_text_add(out, params->v2 ? "<NextContinuationToken>" : "<NextMarker>",
                      params->v2 ? 23 : 12);
        if (params->v2)
            stub_xml_escape(out, stub_text_str(&token));
        else
            put_key(out, params, (struct bkt_str){page->last, page->last_len});
        stub_text_add(out, params->v2 ? "</NextContinuationToken>" : "</NextMarker>",
                      params->v2 ? 24 : 13);
        stub_text_clear(&token);
    }
}

static const char *read_params(const struct stub_list *list,
                               struct params *params,
                               struct page *page)
{
    struct bkt_str query = list->query;
    struct stub_text type = {0};
    params->v2 = stub_query_get(query, BKT_STR("list-type"), &type) &&
                 bkt_str_eq(stub_text_str(&type), BKT_STR("2"));
    stub_text_clear(&type);
    if (!(list->lies & STUB_LIE_ignore_prefix))
        stub_query_get(query, BKT_STR("prefix"), &params->prefix);
    params->has_delimiter = stub_query_get(query, BKT_STR("delimiter"), &params->delimiter) &&
                            params->delimiter.len > 0;
    params->has_start_after = stub_query_get(
        query, params->v2 ? BKT_STR("start-after") : BKT_STR("marker"), &params->start_after);
    params->has_token =
        params->v2 && stub_query_get(query, BKT_STR("continuation-token"), &params->token);
    params->max_keys = stub_query_number(query, BKT_STR("max-keys"), PAGE_MAX);
    if (params->max_keys > PAGE_MAX)
        params->max_keys = PAGE_MAX;
    if (list->lies & STUB_LIE_short_page)
        params->max_keys = (params->max_keys + 2) / 3;
    if (stub_query_get(query, BKT_STR("encoding-type"), &params->encoding)) {
        if (!bkt_str_eq(stub_text_str(&params->encoding), BKT_STR("url")))
            return "Invalid Encoding Method specified in Request";
        params->url = !(list->lies & STUB_LIE_ignore_encoding_type);
    }
    if (params->has_token && !read_token(stub_text_str(&params->token), page))
        return "The continuation token provided is incorrect";
    return NULL;
}

bool stub_list_page(const struct stub_list *list, struct stub_text *out, const char **out_wrong)
{
    struct params params = {0};
    struct page page = {0};

    *out_wrong = read_params(list, &params, &page);
    if (*out_wrong == NULL && !(list->lies & STUB_LIE_empty_body)) {
        struct page start = page;
        collect(list, &params, &page);
        if (list->lies != 0)
            tell_lies(list->lies, &params, &start, &page);
        put_head(out, list, &params, &page);
        if (list->lies & STUB_LIE_cut_after_contents) {
            stub_text_add(out, page.entries.ptr, page.contents_end);
        } else {
            stub_text_add_str(out, stub_text_str(&page.entries));
            stub_text_lit(out, "</ListBucketResult>");
        }
    }
    stub_text_clear(&page.entries);
    params_clear(&params);
    return *out_wrong == NULL;
}
