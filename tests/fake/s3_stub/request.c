#include "request.h"

#include <strings.h>

static struct bkt_str between(const char *from, const char *to)
{
    return (struct bkt_str){from, (size_t)(to - from)};
}

static struct bkt_str trim(struct bkt_str text)
{
    while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t')) {
        text.ptr++;
        text.len--;
    }
    while (text.len > 0 && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
        text.len--;
    return text;
}

static bool name_is(struct bkt_str name, struct bkt_str lower)
{
    return name.len == lower.len && strncasecmp(name.ptr, lower.ptr, name.len) == 0;
}

static bool parse_number(struct bkt_str text, uint64_t *out)
{
    uint64_t value = 0;
    if (text.len == 0 || text.len > 18)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(text.ptr[i] - '0');
    }
    *out = value;
    return true;
}

static bool parse_request_line(struct bkt_str line, struct stub_request *request)
{
    const char *end = line.ptr + line.len;
    const char *space = memchr(line.ptr, ' ', line.len);
    if (space == NULL)
        return false;
    const char *target = space + 1;
    const char *target_end = memchr(target, ' ', (size_t)(end - target));
    if (target_end == NULL || target == target_end || end - target_end != 9 ||
        memcmp(target_end, " HTTP/1.", 8) != 0)
        return false;
    request->close = target_end[8] == '0';
    request->method = between(line.ptr, space);
    request->target = between(target, target_end);
    const char *mark = memchr(target, '?', request->target.len);
    request->path = between(target, mark != NULL ? mark : target_end);
    request->query = mark != NULL ? between(mark + 1, target_end) : BKT_STR("");
    return true;
}

/* What concerns the connection rather than S3. */
static bool note_header(struct stub_request *request, const struct stub_header *header)
{
    struct bkt_str name = header->name;
    if (name_is(name, BKT_STR("content-length")))
        return parse_number(header->value, &request->body_len);
    if (name_is(name, BKT_STR("transfer-encoding")))
        return false; /* no S3 client sends a body of unknown length */
    if (name_is(name, BKT_STR("connection")) && name_is(header->value, BKT_STR("close")))
        request->close = true;
    if (name_is(name, BKT_STR("expect")) && name_is(header->value, BKT_STR("100-continue")))
        request->expects_100 = true;
    return true;
}

enum stub_parse stub_request_parse(struct bkt_str in, struct stub_request *out_request)
{
    const char *end = memmem(in.ptr, in.len, "\r\n\r\n", 4);
    if (end == NULL)
        return in.len > STUB_HEAD_BYTES_MAX ? STUB_PARSE_BAD : STUB_PARSE_MORE;
    out_request->header_count = 0;
    out_request->body = BKT_STR("");
    out_request->body_len = 0;
    out_request->expects_100 = false;
    out_request->head_len = (size_t)(end - in.ptr) + 4;

    const char *line_end = memchr(in.ptr, '\r', out_request->head_len);
    if (!parse_request_line(between(in.ptr, line_end), out_request))
        return STUB_PARSE_BAD;
    while (line_end < end) {
        const char *line = line_end + 2;
        line_end = memchr(line, '\r', (size_t)(end + 2 - line));
        const char *colon = memchr(line, ':', (size_t)(line_end - line));
        if (colon == NULL || out_request->header_count == STUB_HEADERS_MAX)
            return STUB_PARSE_BAD;
        struct stub_header *header = &out_request->headers[out_request->header_count++];
        header->name = between(line, colon);
        header->value = trim(between(colon + 1, line_end));
        if (!note_header(out_request, header))
            return STUB_PARSE_BAD;
    }
    return out_request->body_len > STUB_BODY_BYTES_MAX ? STUB_PARSE_BAD : STUB_PARSE_DONE;
}

struct bkt_str stub_request_header(const struct stub_request *request, struct bkt_str name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (name_is(request->headers[i].name, name))
            return request->headers[i].value;
    }
    return BKT_STR("");
}

bool stub_query_get(struct bkt_str query, struct bkt_str name, struct stub_text *out)
{
    const char *at = query.ptr;
    const char *end = query.ptr + query.len;
    while (at < end) {
        const char *stop = memchr(at, '&', (size_t)(end - at));
        if (stop == NULL)
            stop = end;
        const char *equals = memchr(at, '=', (size_t)(stop - at));
        const char *name_end = equals != NULL ? equals : stop;
        if (bkt_str_eq(between(at, name_end), name)) {
            out->len = 0;
            if (equals != NULL)
                stub_percent_decode(out, between(equals + 1, stop), true);
            return true;
        }
        at = stop + 1;
    }
    return false;
}

uint64_t stub_query_number(struct bkt_str query, struct bkt_str name, uint64_t otherwise)
{
    struct stub_text text = {0};
    uint64_t value = otherwise;
    if (stub_query_get(query, name, &text) && !parse_number(stub_text_str(&text), &value))
        value = otherwise;
    stub_text_clear(&text);
    return value;
}

void stub_response_reset(struct stub_response *response)
{
    struct stub_text headers = response->headers;
    struct stub_text body = response->body;
    headers.len = 0;
    body.len = 0;
    *response = (struct stub_response){.status = 200,
                                       .headers = headers,
                                       .body = body,
                                       .reset_at = STUB_NEVER,
                                       .cut_at = STUB_NEVER,
                                       .stall_at = STUB_NEVER};
}

void stub_response_clear(struct stub_response *response)
{
    stub_text_clear(&response->headers);
    stub_text_clear(&response->body);
}
