#include "aws/sigv4_canonical.h"

#include "core/ascii.h"
#include "core/percent.h"

#include <stdlib.h>

/* A header on its way into the canonical request. */
struct entry {
    char name[BKT_SIGV4_NAME_BYTES_MAX];
    size_t name_len;
    struct bkt_str value;
};

struct parameter {
    struct bkt_str name;
    struct bkt_str value;
};

static int fail_append(struct bkt_error *err, int rc)
{
    if (rc == BKT_ENOMEM)
        return bkt_error_set(err, rc, "sign a request: out of memory");
    return bkt_error_set(err, rc, "sign a request: path, query and headers are over %d bytes",
                         (int)BKT_SIGV4_CANONICAL_BYTES_MAX);
}

/*
 * RFC 3986, section 5.2.4, and no empty segments; each segment is encoded again, so that what is
 * cut off at the last slash is always one whole segment.
 */
static int append_normalized_path(struct bkt_buf *out, struct bkt_str path)
{
    size_t begin = out->len;
    int rc = BKT_OK;
    bool open = true; /* the path so far ends in a slash that is not written yet */

    for (size_t i = 0; i < path.len && rc == BKT_OK;) {
        const char *end = memchr(path.ptr + i, '/', path.len - i);
        size_t next = end ? (size_t)(end - path.ptr) : path.len;
        struct bkt_str segment = {path.ptr + i, next - i};
        i = next + (end != NULL);

        open =
            end != NULL || bkt_str_eq(segment, BKT_STR(".")) || bkt_str_eq(segment, BKT_STR(".."));
        if (segment.len == 0 || bkt_str_eq(segment, BKT_STR(".")))
            continue;
        if (bkt_str_eq(segment, BKT_STR(".."))) {
            while (out->len > begin && out->ptr[--out->len] != '/')
                ;
            continue;
        }
        rc = bkt_buf_append_char(out, '/');
        if (rc == BKT_OK)
            rc = bkt_percent_encode(out, segment, BKT_PERCENT_KEEP_SLASH);
    }
    if (rc == BKT_OK && (open || out->len == begin))
        rc = bkt_buf_append_char(out, '/');
    return rc;
}

static int append_path(struct bkt_buf *out, const struct bkt_sigv4_request *request)
{
    if (request->path.len == 0)
        return bkt_buf_append_char(out, '/');
    if (request->path_mode == BKT_SIGV4_PATH_NORMALIZED)
        return append_normalized_path(out, request->path);
    return bkt_buf_append(out, request->path);
}

/* Names first, then values: as joined text `Param-3=` would come before `Param=`. */
static int compare_parameters(const void *a, const void *b)
{
    const struct parameter *left = a;
    const struct parameter *right = b;
    int order = bkt_str_cmp(left->name, right->name);
    return order ? order : bkt_str_cmp(left->value, right->value);
}

static int append_query(struct bkt_buf *out, struct bkt_str query, struct bkt_error *err)
{
    struct parameter parameters[BKT_SIGV4_PARAMETERS_MAX];
    size_t count = 0;

    while (query.len > 0) {
        const char *amp = memchr(query.ptr, '&', query.len);
        struct bkt_str pair = {query.ptr, amp ? (size_t)(amp - query.ptr) : query.len};
        size_t used = pair.len + (amp != NULL);
        query = bkt_str_skip(query, used);
        if (pair.len == 0)
            continue;
        if (count == BKT_SIGV4_PARAMETERS_MAX) {
            return bkt_error_set(err, BKT_ELIMIT, "sign a request: more than %d query parameters",
                                 (int)BKT_SIGV4_PARAMETERS_MAX);
        }
        const char *equals = memchr(pair.ptr, '=', pair.len);
        size_t name_len = equals ? (size_t)(equals - pair.ptr) : pair.len;
        struct bkt_str value = {pair.ptr + name_len + 1, equals ? pair.len - name_len - 1 : 0};
        parameters[count++] = (struct parameter){{pair.ptr, name_len}, value};
    }
    qsort(parameters, count, sizeof(parameters[0]), compare_parameters);

    int rc = BKT_OK;
    for (size_t i = 0; i < count && rc == BKT_OK; i++) {
        rc = i > 0 ? bkt_buf_append_char(out, '&') : BKT_OK;
        if (rc == BKT_OK)
            rc = bkt_buf_append(out, parameters[i].name);
        if (rc == BKT_OK)
            rc = bkt_buf_append_char(out, '=');
        if (rc == BKT_OK && parameters[i].value.len > 0)
            rc = bkt_buf_append(out, parameters[i].value);
    }
    return rc ? fail_append(err, rc) : BKT_OK;
}

static bool is_space(char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

/* Outer white space goes, an inner run of it (a folded line too) is one space. */
static int append_value(struct bkt_buf *out, struct bkt_str value)
{
    while (value.len > 0 && is_space(value.ptr[0]))
        value = bkt_str_skip(value, 1);
    while (value.len > 0 && is_space(value.ptr[value.len - 1]))
        value.len--;

    int rc = bkt_buf_reserve(out, value.len);
    if (rc || value.len == 0)
        return rc;
    char *end = out->ptr + out->len;
    for (size_t i = 0; i < value.len; i++) {
        char byte = value.ptr[i];
        if (!is_space(byte)) {
            *end++ = byte;
        } else if (end[-1] != ' ') {
            *end++ = ' ';
        }
    }
    *end = '\0';
    out->len = (size_t)(end - out->ptr);
    return BKT_OK;
}

static int compare_names(const struct entry *a, const struct entry *b)
{
    return bkt_str_cmp((struct bkt_str){a->name, a->name_len},
                       (struct bkt_str){b->name, b->name_len});
}

/*
 * Lower-case names in order, equal ones as they came: an insertion sort is stable, and free where
 * the caller already sorted.
 */
static int sort_headers(const struct bkt_sigv4_request *request,
                        struct entry *entries,
                        size_t order[BKT_SIGV4_HEADERS_MAX],
                        struct bkt_error *err)
{
    if (request->header_count > BKT_SIGV4_HEADERS_MAX) {
        (void)bkt_error_set(err, BKT_ELIMIT, "sign a request: more than %d headers",
                            (int)BKT_SIGV4_HEADERS_MAX);
        return BKT_ELIMIT;
    }
    for (size_t i = 0; i < request->header_count; i++) {
        struct bkt_str name = request->headers[i].name;
        if (name.len > BKT_SIGV4_NAME_BYTES_MAX) {
            (void)bkt_error_set(err, BKT_ELIMIT, "sign a request: a header's name is too long");
            return BKT_ELIMIT;
        }
        for (size_t k = 0; k < name.len; k++)
            entries[i].name[k] = bkt_to_lower(name.ptr[k]);
        entries[i].name_len = name.len;
        entries[i].value = request->headers[i].value;

        size_t at = i;
        for (; at > 0 && compare_names(&entries[order[at - 1]], &entries[i]) > 0; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    return BKT_OK;
}

static int append_header(struct bkt_buf *out,
                         struct bkt_buf *names,
                         const struct entry *entry,
                         bool same_name)
{
    struct bkt_str name = {entry->name, entry->name_len};
    int rc;

    if (same_name) {
        out->len--; /* the line goes on */
        rc = bkt_buf_append_char(out, ',');
    } else {
        rc = names->len == 0 ? BKT_OK : bkt_buf_append_char(names, ';');
        if (rc == BKT_OK)
            rc = bkt_buf_append(names, name);
        if (rc == BKT_OK)
            rc = bkt_buf_append(out, name);
        if (rc == BKT_OK)
            rc = bkt_buf_append_char(out, ':');
    }
    if (rc == BKT_OK)
        rc = append_value(out, entry->value);
    return rc ? rc : bkt_buf_append_char(out, '\n');
}

static int append_headers(const struct bkt_sigv4_request *request,
                          struct bkt_buf *out,
                          struct bkt_buf *names,
                          struct bkt_error *err)
{
    struct entry entries[BKT_SIGV4_HEADERS_MAX];
    size_t order[BKT_SIGV4_HEADERS_MAX];
    int rc = sort_headers(request, entries, order, err);
    if (rc)
        return rc;

    for (size_t i = 0; i < request->header_count && rc == BKT_OK; i++) {
        const struct entry *entry = &entries[order[i]];
        bool same = i > 0 && compare_names(&entries[order[i - 1]], entry) == 0;
        rc = append_header(out, names, entry, same);
    }
    return rc ? fail_append(err, rc) : BKT_OK;
}

int bkt_sigv4_canonical(const struct bkt_sigv4_request *request,
                        struct bkt_buf *out,
                        struct bkt_buf *names,
                        struct bkt_error *err)
{
    int rc = bkt_buf_append(out, request->method);
    if (rc == BKT_OK)
        rc = bkt_buf_append_char(out, '\n');
    if (rc == BKT_OK)
        rc = append_path(out, request);
    if (rc == BKT_OK)
        rc = bkt_buf_append_char(out, '\n');
    if (rc)
        return fail_append(err, rc);

    rc = append_query(out, request->query, err);
    if (rc)
        return rc;
    rc = bkt_buf_append_char(out, '\n');
    if (rc)
        return fail_append(err, rc);

    rc = append_headers(request, out, names, err);
    if (rc)
        return rc;
    rc = bkt_buf_append_char(out, '\n');
    if (rc == BKT_OK)
        rc = bkt_buf_append(out, bkt_buf_str(names));
    if (rc == BKT_OK)
        rc = bkt_buf_append_char(out, '\n');
    if (rc == BKT_OK)
        rc = bkt_buf_append(out, request->payload_hash);
    return rc ? fail_append(err, rc) : BKT_OK;
}
