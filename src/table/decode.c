#include "table/decode.h"

#include "core/text.h"

#include <stdio.h>

/*
 * A decode number: which rules made the content.  0 is no rules at all.  A change of the rules
 * themselves takes the next RULES, and every row is read again.
 */
enum {
    RULES = 1,
    RULES_SHIFT = 8,
    TEXT_ERRORS_SHIFT = 4,
    TEXT_ERRORS_MASK = 15,
    BINARY = 1 << 0,
    RAW = 1 << 1, /* text was wanted, and the bytes were kept since they could not be decoded */
};

static uint32_t decode_number(struct bkt_decode_policy policy)
{
    uint32_t number = RULES << RULES_SHIFT;
    if (policy.binary)
        return number | BINARY;
    return number | (uint32_t)policy.text_errors << TEXT_ERRORS_SHIFT;
}

/* Text as it comes out, before the policy has its say. */
struct text {
    struct bkt_buf converted; /* in use when `is_converted` */
    bool is_converted;
    size_t bom_len;
    size_t bad_at; /* in the object, mark included; its length when all is well */
    enum bkt_encoding encoding;
};

static int convert(struct bkt_str bytes, bool repair, struct text *text)
{
    text->encoding = bkt_text_sniff(bytes, &text->bom_len);
    struct bkt_str rest = bytes;
    if (text->bom_len > 0)
        rest = (struct bkt_str){bytes.ptr + text->bom_len, bytes.len - text->bom_len};

    size_t bad_at = rest.len;
    int rc = BKT_OK;
    if (text->encoding == BKT_ENCODING_UTF8) {
        bad_at = bkt_utf8_valid_len(rest);
        text->is_converted = bad_at < rest.len && repair;
        if (text->is_converted)
            rc = bkt_utf8_repair(rest, &text->converted);
    } else {
        text->is_converted = true;
        rc = bkt_utf16_to_utf8(rest, text->encoding == BKT_ENCODING_UTF16BE, &text->converted,
                               &bad_at);
    }
    text->bad_at = text->bom_len + bad_at;
    return rc;
}

int bkt_decode(struct bkt_decode_policy policy,
               struct bkt_buf *body,
               struct bkt_decoded *out_decoded,
               struct bkt_error *err)
{
    struct bkt_str bytes = bkt_buf_str(body);
    struct bkt_decoded decoded = {.content = bytes, .decode = decode_number(policy)};
    if (policy.binary) {
        decoded.is_bytes = true;
        *out_decoded = decoded;
        return BKT_OK;
    }

    struct text text = {.converted = BKT_BUF_INIT(SIZE_MAX / 2)};
    int rc = convert(bytes, policy.text_errors == BKT_TEXT_REPLACE, &text);
    if (rc) {
        bkt_buf_clear(&text.converted);
        return bkt_error_set(err, rc, "decode %zu bytes: %s", bytes.len, bkt_error_text(rc));
    }

    bool is_good = text.bad_at == bytes.len;
    if (!is_good && policy.text_errors == BKT_TEXT_BYTES) {
        decoded.is_bytes = true;
        decoded.decode |= RAW;
    } else if (!is_good && policy.text_errors == BKT_TEXT_STRICT) {
        decoded.failed = true;
        decoded.content = (struct bkt_str){"", 0};
        (void)snprintf(decoded.reason, sizeof(decoded.reason), "not valid %s at byte %zu",
                       bkt_encoding_name(text.encoding), text.bad_at);
    } else if (text.is_converted) {
        decoded.replaced = !is_good;
        text.converted.max = body->max > text.converted.len ? body->max : text.converted.len;
        bkt_buf_clear(body);
        *body = text.converted;
        text.converted = BKT_BUF_INIT(0);
        decoded.content = bkt_buf_str(body);
    } else {
        decoded.content = (struct bkt_str){bytes.ptr + text.bom_len, bytes.len - text.bom_len};
    }
    bkt_buf_clear(&text.converted);
    *out_decoded = decoded;
    return BKT_OK;
}

uint32_t bkt_decode_plain(struct bkt_decode_policy policy)
{
    return decode_number(policy);
}

bool bkt_decode_is_current(uint32_t decode,
                           bool replaced,
                           bool failed,
                           struct bkt_decode_policy policy)
{
    if (decode >> RULES_SHIFT != RULES || ((decode & BINARY) != 0) != policy.binary)
        return false;
    if (policy.binary)
        return true;
    bool is_same = (decode >> TEXT_ERRORS_SHIFT & TEXT_ERRORS_MASK) == (uint32_t)policy.text_errors;
    bool is_plain = !replaced && !failed && !(decode & RAW);
    return is_same || is_plain;
}

bool bkt_decode_may_be(
    uint32_t decode, bool replaced, uint64_t size, bool is_bytes, uint64_t content_len)
{
    enum { UTF8_MARK_BYTES = 3, UTF16_MARK_BYTES = 2, UTF16_UNIT_BYTES = 2, UTF8_UNIT_MAX = 3 };
    if (decode & (BINARY | RAW))
        return is_bytes && content_len == size;
    if (is_bytes)
        return false;
    if (replaced || content_len == size || content_len + UTF8_MARK_BYTES == size)
        return true;
    /* A unit of UTF-16 is one to three bytes of UTF-8; half of a pair, two. */
    if (size < UTF16_MARK_BYTES || size % UTF16_UNIT_BYTES != 0)
        return false;
    uint64_t units = (size - UTF16_MARK_BYTES) / UTF16_UNIT_BYTES;
    return content_len >= units && content_len / UTF8_UNIT_MAX <= units;
}
