#include "core/json_write.h"

#include "core/text.h"

#include <bucketable/error.h>

#include <inttypes.h>

static const char hex_digits[] = "0123456789abcdef";

static bool is_plain(unsigned char byte)
{
    return byte >= 0x20 && byte != '"' && byte != '\\';
}

/* Found 8 at a time. */
size_t bkt_json_plain_len(struct bkt_str text, size_t at)
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

size_t bkt_json_escape(unsigned char byte, char out[BKT_JSON_ESCAPE_BYTES])
{
    static const char named[] = "\"\"\\\\\nn\rr\tt";
    out[0] = '\\';
    for (size_t i = 0; i + 1 < sizeof(named); i += 2) {
        if (byte == (unsigned char)named[i]) {
            out[1] = named[i + 1];
            return 2;
        }
    }
    memcpy(out + 1, "u00", 3);
    out[4] = hex_digits[byte >> 4];
    out[5] = hex_digits[byte & 15];
    return BKT_JSON_ESCAPE_BYTES;
}

static int append_escape(struct bkt_buf *buf, unsigned char byte)
{
    char escape[BKT_JSON_ESCAPE_BYTES];
    size_t len = bkt_json_escape(byte, escape);
    return bkt_buf_append(buf, (struct bkt_str){escape, len});
}

int bkt_json_append_text_piece(struct bkt_buf *buf, struct bkt_str text)
{
    size_t at = 0;
    while (at < text.len) {
        size_t len = bkt_json_plain_len(text, at);
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

size_t bkt_json_base64(struct bkt_str bytes, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *in = (const unsigned char *)bytes.ptr;
    char *start = out;
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
    return (size_t)(out - start);
}

int bkt_json_append_base64_piece(struct bkt_buf *buf, struct bkt_str bytes)
{
    size_t groups = bytes.len / 3 + (bytes.len % 3 != 0);
    if (groups > SIZE_MAX / 4)
        return BKT_ELIMIT;
    int rc = bkt_buf_reserve(buf, groups * 4);
    if (rc)
        return rc;
    buf->len += bkt_json_base64(bytes, buf->ptr + buf->len);
    buf->ptr[buf->len] = '\0';
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
