#include "core/percent.h"

#include "core/ascii.h"

#include <bucketable/error.h>

/* Bit 0: itself in a query; bit 1: itself in a path. */
static const unsigned char literal[256] = {
    ['-'] = 3, ['.'] = 3, ['_'] = 3, ['~'] = 3, ['/'] = 2, ['0'] = 3, ['1'] = 3, ['2'] = 3,
    ['3'] = 3, ['4'] = 3, ['5'] = 3, ['6'] = 3, ['7'] = 3, ['8'] = 3, ['9'] = 3, ['A'] = 3,
    ['B'] = 3, ['C'] = 3, ['D'] = 3, ['E'] = 3, ['F'] = 3, ['G'] = 3, ['H'] = 3, ['I'] = 3,
    ['J'] = 3, ['K'] = 3, ['L'] = 3, ['M'] = 3, ['N'] = 3, ['O'] = 3, ['P'] = 3, ['Q'] = 3,
    ['R'] = 3, ['S'] = 3, ['T'] = 3, ['U'] = 3, ['V'] = 3, ['W'] = 3, ['X'] = 3, ['Y'] = 3,
    ['Z'] = 3, ['a'] = 3, ['b'] = 3, ['c'] = 3, ['d'] = 3, ['e'] = 3, ['f'] = 3, ['g'] = 3,
    ['h'] = 3, ['i'] = 3, ['j'] = 3, ['k'] = 3, ['l'] = 3, ['m'] = 3, ['n'] = 3, ['o'] = 3,
    ['p'] = 3, ['q'] = 3, ['r'] = 3, ['s'] = 3, ['t'] = 3, ['u'] = 3, ['v'] = 3, ['w'] = 3,
    ['x'] = 3, ['y'] = 3, ['z'] = 3,
};

int bkt_percent_encode(struct bkt_buf *buf, struct bkt_str bytes, enum bkt_percent_slash slash)
{
    static const char digits[] = "0123456789ABCDEF";
    unsigned char mask = slash == BKT_PERCENT_KEEP_SLASH ? 2 : 1;

    size_t encoded_len = bytes.len;
    for (size_t i = 0; i < bytes.len; i++) {
        if (!(literal[(unsigned char)bytes.ptr[i]] & mask))
            encoded_len += 2;
    }
    /* Also when the sum has wrapped: three times the length of a view in memory may. */
    if (encoded_len < bytes.len)
        return BKT_ELIMIT;
    int rc = bkt_buf_reserve(buf, encoded_len);
    if (rc)
        return rc;

    char *out = buf->ptr + buf->len;
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char byte = (unsigned char)bytes.ptr[i];
        if (literal[byte] & mask) {
            *out++ = (char)byte;
            continue;
        }
        *out++ = '%';
        *out++ = digits[byte >> 4];
        *out++ = digits[byte & 15];
    }
    *out = '\0';
    buf->len += encoded_len;
    return BKT_OK;
}

size_t bkt_percent_decode_form(char *out, struct bkt_str text)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.ptr[i];
        if (byte == '+') {
            byte = ' ';
        } else if (byte == '%' && text.len - i > 2) {
            int high = bkt_hex_value(text.ptr[i + 1]);
            int low = bkt_hex_value(text.ptr[i + 2]);
            if (high >= 0 && low >= 0) {
                byte = (char)(high << 4 | low);
                i += 2;
            }
        }
        out[len++] = byte;
    }
    return len;
}

bool bkt_percent_is_encoded(struct bkt_str text)
{
    return text.len > 0 &&
           (memchr(text.ptr, '%', text.len) != NULL || memchr(text.ptr, '+', text.len) != NULL);
}
