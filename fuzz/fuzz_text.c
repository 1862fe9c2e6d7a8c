/*
 * Decoding against the WHATWG Encoding standard's own decoders ("UTF-8 decoder", "shared UTF-16
 * decoder"), written down here byte by byte as it has them.
 */
#include "core/mem.h"
#include "core/text.h"
#include "table/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_BYTES_MAX = 1 << 16, ERROR_CODE = 0xFFFD };

struct reference {
    uint8_t text[INPUT_BYTES_MAX * 3 + 8];
    size_t len;
    size_t errors;
};

static void emit(struct reference *out, uint32_t code)
{
    if (code < 0x80) {
        out->text[out->len++] = (uint8_t)code;
        return;
    }
    unsigned more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const uint8_t leads[] = {0, 0xC0, 0xE0, 0xF0};
    out->text[out->len++] = (uint8_t)(leads[more] + (code >> 6 * more));
    while (more-- > 0)
        out->text[out->len++] = (uint8_t)(0x80 | (code >> 6 * more & 0x3F));
}

static void emit_error(struct reference *out)
{
    out->errors++;
    emit(out, ERROR_CODE);
}

static void whatwg_utf8(const uint8_t *data, size_t size, struct reference *out)
{
    uint32_t code = 0;
    unsigned seen = 0;
    unsigned needed = 0;
    uint8_t lower = 0x80;
    uint8_t upper = 0xBF;
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = data[i];
        if (needed == 0) {
            if (byte <= 0x7F) {
                emit(out, byte);
            } else if (byte >= 0xC2 && byte <= 0xDF) {
                needed = 1;
                code = byte & 0x1F;
            } else if (byte >= 0xE0 && byte <= 0xEF) {
                lower = byte == 0xE0 ? 0xA0 : lower;
                upper = byte == 0xED ? 0x9F : upper;
                needed = 2;
                code = byte & 0xF;
            } else if (byte >= 0xF0 && byte <= 0xF4) {
                lower = byte == 0xF0 ? 0x90 : lower;
                upper = byte == 0xF4 ? 0x8F : upper;
                needed = 3;
                code = byte & 0x7;
            } else {
                emit_error(out);
            }
            continue;
        }
        bool is_in_range = byte >= lower && byte <= upper;
        lower = 0x80;
        upper = 0xBF;
        if (!is_in_range) {
            needed = seen = 0;
            emit_error(out);
            i--; /* restore the byte */
            continue;
        }
        code = code << 6 | (byte & 0x3F);
        if (++seen == needed) {
            emit(out, code);
            needed = seen = 0;
        }
    }
    if (needed > 0)
        emit_error(out);
}

static void whatwg_utf16(const uint8_t *data, size_t size, bool big_endian, struct reference *out)
{
    int32_t lead_byte = -1;
    int32_t lead = -1;
    for (size_t i = 0; i < size; i++) {
        if (lead_byte < 0) {
            lead_byte = data[i];
            continue;
        }
        int32_t unit = big_endian ? lead_byte << 8 | data[i] : data[i] << 8 | lead_byte;
        lead_byte = -1;
        if (lead >= 0) {
            if (unit >= 0xDC00 && unit <= 0xDFFF) {
                emit(out, (uint32_t)(0x10000 + ((lead - 0xD800) << 10) + (unit - 0xDC00)));
                lead = -1;
                continue;
            }
            lead = -1;
            emit_error(out);
        }
        if (unit >= 0xD800 && unit <= 0xDBFF)
            lead = unit;
        else if (unit >= 0xDC00 && unit <= 0xDFFF)
            emit_error(out);
        else
            emit(out, (uint32_t)unit);
    }
    if (lead_byte >= 0 || lead >= 0)
        emit_error(out);
}

static void decode_as(enum bkt_text_errors text_errors,
                      const uint8_t *data,
                      size_t size,
                      const struct reference *want)
{
    struct bkt_buf body = BKT_BUF_INIT(INPUT_BYTES_MAX);
    struct bkt_decode_policy policy = {.text_errors = text_errors};
    struct bkt_decoded decoded;
    if (bkt_buf_append(&body, (struct bkt_str){(const char *)data, size}) != BKT_OK ||
        bkt_decode(policy, &body, &decoded, NULL) != BKT_OK)
        __builtin_trap();

    struct bkt_str text = {(const char *)want->text, want->len};
    struct bkt_str bytes = {(const char *)data, size};
    bool is_bad = want->errors > 0;
    bool is_replaced = is_bad && text_errors == BKT_TEXT_REPLACE;
    bool is_failed = is_bad && text_errors == BKT_TEXT_STRICT;
    bool is_raw = is_bad && text_errors == BKT_TEXT_BYTES;
    struct bkt_str content = is_raw ? bytes : is_failed ? (struct bkt_str){"", 0} : text;
    if (decoded.replaced != is_replaced || decoded.failed != is_failed ||
        decoded.is_bytes != is_raw || !bkt_str_eq(decoded.content, content))
        __builtin_trap();
    bkt_buf_clear(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct reference want;
    if (size > INPUT_BYTES_MAX)
        return 0;
    want.len = 0;
    want.errors = 0;
    if (size >= 2 && data[0] == 0xFF && data[1] == 0xFE)
        whatwg_utf16(data + 2, size - 2, false, &want);
    else if (size >= 2 && data[0] == 0xFE && data[1] == 0xFF)
        whatwg_utf16(data + 2, size - 2, true, &want);
    else if (size >= 3 && data[0] == 0xEF && data[1] == 0xBB && data[2] == 0xBF)
        whatwg_utf8(data + 3, size - 3, &want);
    else
        whatwg_utf8(data, size, &want);

    decode_as(BKT_TEXT_REPLACE, data, size, &want);
    decode_as(BKT_TEXT_STRICT, data, size, &want);
    decode_as(BKT_TEXT_BYTES, data, size, &want);
    return 0;
}
