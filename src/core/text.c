#include "core/text.h"

#include <bucketable/error.h>

static const char replacement[] = "\xEF\xBF\xBD"; /* U+FFFD */
enum { REPLACEMENT_LEN = 3 };

const char *bkt_encoding_name(enum bkt_encoding encoding)
{
    switch (encoding) {
    case BKT_ENCODING_UTF8:
        return "UTF-8";
    case BKT_ENCODING_UTF16LE:
        return "UTF-16LE";
    case BKT_ENCODING_UTF16BE:
        return "UTF-16BE";
    }
    return "UTF-8";
}

enum bkt_encoding bkt_text_sniff(struct bkt_str bytes, size_t *out_bom_len)
{
    static const struct {
        struct bkt_str bom;
        enum bkt_encoding encoding;
    } marks[] = {
        {{"\xEF\xBB\xBF", 3}, BKT_ENCODING_UTF8},
        {{"\xFF\xFE", 2}, BKT_ENCODING_UTF16LE},
        {{"\xFE\xFF", 2}, BKT_ENCODING_UTF16BE},
    };
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        if (bkt_str_has_prefix(bytes, marks[i].bom)) {
            *out_bom_len = marks[i].bom.len;
            return marks[i].encoding;
        }
    }
    *out_bom_len = 0;
    return BKT_ENCODING_UTF8;
}

/* How many bytes from `at` are ASCII, found 32 at a time. */
static size_t ascii_len(const unsigned char *at, const unsigned char *end)
{
    const uint64_t high_bits = 0x8080808080808080u;
    const unsigned char *start = at;
    while (end - at >= 32) {
        uint64_t words[4];
        memcpy(words, at, sizeof(words));
        if ((words[0] | words[1] | words[2] | words[3]) & high_bits)
            break;
        at += 32;
    }
    while (at < end && *at < 0x80)
        at++;
    return (size_t)(at - start);
}

static bool is_continuation(unsigned char byte)
{
    return (byte & 0xC0) == 0x80;
}

/*
 * What begins with a byte over 0x7F: the length of the well-formed sequence, or 0 and in
 * `*out_bad_len` the length of the maximal subpart.
 */
static size_t multibyte_len(const unsigned char *at, const unsigned char *end, size_t *out_bad_len)
{
    unsigned char lead = at[0];
    size_t left = (size_t)(end - at);
    *out_bad_len = 1;
    if (lead < 0xC2 || lead > 0xF4 || left < 2)
        return 0;

    /* The second byte alone tells overlong forms, surrogates and what is over U+10FFFF. */
    unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (at[1] < low || at[1] > high)
        return 0;
    if (lead < 0xE0)
        return 2;

    *out_bad_len = 2;
    if (left < 3 || !is_continuation(at[2]))
        return 0;
    if (lead < 0xF0)
        return 3;

    *out_bad_len = 3;
    return left < 4 || !is_continuation(at[3]) ? 0 : 4;
}

size_t bkt_utf8_sequence_len(struct bkt_str bytes)
{
    size_t bad_len = 0;
    const unsigned char *at = (const unsigned char *)bytes.ptr;
    return at[0] < 0x80 ? 1 : multibyte_len(at, at + bytes.len, &bad_len);
}

/* As bkt_utf8_valid_len(); `*out_bad_len` is the length of the subpart that comes after. */
static size_t valid_run(const unsigned char *start, const unsigned char *end, size_t *out_bad_len)
{
    const unsigned char *at = start;
    *out_bad_len = 0;
    while (at < end) {
        if (*at < 0x80) {
            at += ascii_len(at, end);
            continue;
        }
        size_t len = multibyte_len(at, end, out_bad_len);
        if (len == 0)
            return (size_t)(at - start);
        at += len;
    }
    *out_bad_len = 0;
    return (size_t)(at - start);
}

size_t bkt_utf8_valid_len(struct bkt_str bytes)
{
    if (bytes.len == 0)
        return 0;
    size_t bad_len = 0;
    const unsigned char *start = (const unsigned char *)bytes.ptr;
    return valid_run(start, start + bytes.len, &bad_len);
}

int bkt_utf8_repair(struct bkt_str bytes, struct bkt_buf *out)
{
    int rc = bkt_buf_reserve(out, bytes.len);
    if (rc || bytes.len == 0)
        return rc;

    const unsigned char *at = (const unsigned char *)bytes.ptr;
    const unsigned char *end = at + bytes.len;
    while (at < end) {
        size_t bad_len = 0;
        size_t good_len = valid_run(at, end, &bad_len);
        rc = bkt_buf_append(out, (struct bkt_str){(const char *)at, good_len});
        if (!rc && bad_len > 0)
            rc = bkt_buf_append(out, (struct bkt_str){replacement, REPLACEMENT_LEN});
        if (rc)
            return rc;
        at += good_len + bad_len;
    }
    return BKT_OK;
}

static unsigned unit_at(const unsigned char *at, bool big_endian)
{
    return big_endian ? (unsigned)at[0] << 8 | at[1] : (unsigned)at[1] << 8 | at[0];
}

size_t bkt_utf8_put(uint32_t code, char out[BKT_UTF8_CHAR_BYTES])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xE0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}

/*
 * Read one code point; returns the bytes it took.  `*out_code` is UINT32_MAX where there is none.
 * A high surrogate before an odd last byte takes that byte with it: the decoder of WHATWG has both
 * in hand when the input ends, and reports one error.
 */
static size_t next_utf16(const unsigned char *at, size_t left, bool big_endian, uint32_t *out_code)
{
    *out_code = UINT32_MAX;
    if (left < 2)
        return left;

    unsigned unit = unit_at(at, big_endian);
    if (unit < 0xD800 || unit > 0xDFFF) {
        *out_code = unit;
        return 2;
    }
    if (unit >= 0xDC00)
        return 2;
    if (left < 4)
        return left;

    unsigned low = unit_at(at + 2, big_endian);
    if (low < 0xDC00 || low > 0xDFFF)
        return 2;
    *out_code = 0x10000 + ((unit & 0x3FF) << 10 | (low & 0x3FF));
    return 4;
}

int bkt_utf16_to_utf8(struct bkt_str bytes,
                      bool big_endian,
                      struct bkt_buf *out,
                      size_t *out_bad_at)
{
    size_t bad_at = bytes.len;
    const unsigned char *in = (const unsigned char *)bytes.ptr;
    int rc = bkt_buf_reserve(out, bytes.len / 2);
    for (size_t at = 0; at < bytes.len && rc == BKT_OK;) {
        char text[BKT_UTF8_CHAR_BYTES];
        uint32_t code;
        size_t taken = next_utf16(in + at, bytes.len - at, big_endian, &code);
        if (code == UINT32_MAX && bad_at == bytes.len)
            bad_at = at;
        size_t len = bkt_utf8_put(code == UINT32_MAX ? 0xFFFD : code, text);
        rc = bkt_buf_append(out, (struct bkt_str){text, len});
        at += taken;
    }
    if (rc == BKT_OK)
        *out_bad_at = bad_at;
    return rc;
}
