#include "core/json_write.h"

#include "core/text.h"

#include <bucketable/error.h>

#include <inttypes.h>

static const char hex_digits[] = "0123456789abcdef";

static bool is_plain(unsigned char byte)
{
    return byte >= 0x20 && byte != '"' && byte != '\\';
}

/* How many bytes of `text` from `at` stand for themselves, found 8 at a time. */
static size_t plain_len(struct bkt_str text, size_t at)
{
    const uint64_t ones = 0x0101010101010101u;
    const uint64_t high_bits = 0x80 * ones;
    size_t start = at;
    while (text.len - at >= 8) {
        uint64_t word;
        memcpy(&word, text.ptr + at, sizeof(word));
        /* A zero byte, or one of `word` under 0x20, leaves its high bit in the result. */
        uint64_t quote = word ^ '"' * ones;
        uint64_t backslash = word ^ '\\' * ones;
        if ((((word - 0x20 * ones) & ~word) | ((quote - ones) & ~quote) |
             ((backslash - ones) & ~backslash)) &
            high_bits)
            break;
        at += 8;
    }
    while (at < text.len && is_plain((unsigned char)text.ptr[at]))
        at++;
    return at - start;
}

static int append_escape(struct bkt_buf *buf, unsigned char byte)
{
    char escape[6] = {'\\', 'u', '0', '0', hex_digits[byte >> 4], hex_digits[byte & 15]};
    size_t len = 2;
    switch (byte) {
    case '"':
    case '\\':
        escape[1] = (char)byte;
        break;
    case '\n':
        escape[1] = 'n';
        break;
    case '\r':
        escape[1] = 'r';
        break;
    case '\t':
        escape[1] = 't';
        break;
    default:
        len = sizeof(escape);
        break;
    }
    return bkt_buf_append(buf, (struct bkt_str){escape, len});
}

int bkt_json_append_text_piece(struct bkt_buf *buf, struct bkt_str text)
{
    size_t at = 0;
    while (at < text.len) {
        size_t len = plain_len(text, at);
        int rc = bkt_buf_append(buf, (struct bkt_str){text.ptr + at, len});
        at += len;
        if (!rc && at < text.len)
            rc = append_escape(buf, (unsigned char)text.ptr[at++]);
        if (rc)
            return rc;
    }
    return BKT_OK;
}

/* `text` is UTF-8. */
static int append_quoted(struct bkt_buf *buf, struct bkt_str text)
{
    int rc = bkt_buf_append_char(buf, '"');
    if (!rc)
        rc = bkt_json_append_text_piece(buf, text);
    if (!rc)
        rc = bkt_buf_append_char(buf, '"');
    return rc;
}

int bkt_json_append_string(struct bkt_buf *buf, struct bkt_str text)
{
    if (bkt_utf8_valid_len(text) == text.len)
        return append_quoted(buf, text);

    struct bkt_buf repaired = BKT_BUF_INIT(SIZE_MAX / 2);
    int rc = bkt_utf8_repair(text, &repaired);
    if (!rc)
        rc = append_quoted(buf, bkt_buf_str(&repaired));
    bkt_buf_clear(&repaired);
    return rc;
}

int bkt_json_append_base64_piece(struct bkt_buf *buf, struct bkt_str bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *in = (const unsigned char *)bytes.ptr;
    size_t groups = bytes.len / 3 + (bytes.len % 3 != 0);
    if (groups > SIZE_MAX / 4)
        return BKT_ELIMIT;
    int rc = bkt_buf_reserve(buf, groups * 4);
    if (rc)
        return rc;

    char *out = buf->ptr + buf->len;
    size_t left = bytes.len;
    for (; left >= 3; left -= 3, in += 3) {
        *out++ = digits[in[0] >> 2];
        *out++ = digits[(in[0] & 3) << 4 | in[1] >> 4];
        *out++ = digits[(in[1] & 15) << 2 | in[2] >> 6];
        *out++ = digits[in[2] & 63];
    }
    if (left > 0) {
        unsigned second = left == 2 ? in[1] : 0;
        *out++ = digits[in[0] >> 2];
        *out++ = digits[(in[0] & 3) << 4 | second >> 4];
        char third = '=';
        if (left == 2)
            third = digits[(second & 15) << 2];
        *out++ = third;
        *out++ = '=';
    }
    *out = '\0';
    buf->len += groups * 4;
    return BKT_OK;
}

int bkt_json_append_base64(struct bkt_buf *buf, struct bkt_str bytes)
{
    /* All of it or nothing: there is room for the quotes too, or there is none. */
    if (bytes.len > SIZE_MAX / 4)
        return BKT_ELIMIT;
    int rc = bkt_buf_reserve(buf, (bytes.len + 2) / 3 * 4 + 2);
    if (!rc)
        rc = bkt_buf_append_char(buf, '"');
    if (!rc)
        rc = bkt_json_append_base64_piece(buf, bytes);
    if (!rc)
        rc = bkt_buf_append_char(buf, '"');
    return rc;
}

int bkt_json_append_field(struct bkt_buf *buf, const char *name, struct bkt_str value)
{
    if (bkt_utf8_valid_len(value) != value.len)
        return bkt_json_append_bytes_field(buf, name, value);

    int rc = bkt_buf_printf(buf, "\"%s\":", name);
    if (!rc)
        rc = append_quoted(buf, value);
    return rc;
}

int bkt_json_append_bytes_field(struct bkt_buf *buf, const char *name, struct bkt_str value)
{
    int rc = bkt_buf_printf(buf, "\"%s_base64\":", name);
    if (!rc)
        rc = bkt_json_append_base64(buf, value);
    return rc;
}

int bkt_json_append_uint_field(struct bkt_buf *buf, const char *name, uint64_t value)
{
    return bkt_buf_printf(buf, "\"%s\":%" PRIu64, name, value);
}
