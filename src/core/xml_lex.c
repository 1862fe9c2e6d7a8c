#include "core/xml_lex.h"

#include <string.h>

/* Non-zero when a byte is a control character or beyond ASCII. */
static inline uint64_t unusual_bytes(uint64_t word)
{
    return ((word - BKT_XML_LEX_EACH(0x20)) | word) & BKT_XML_LEX_HIGH_BITS;
}

static const char *skip_usual(const char *p, const char *end)
{
    enum { BLOCK = 4 * BKT_XML_LEX_WORD };
    while (end - p >= BLOCK) {
        uint64_t unusual = 0;
        for (const char *word = p; word < p + BLOCK; word += BKT_XML_LEX_WORD)
            unusual |= unusual_bytes(bkt_xml_lex_load(word));
        if (unusual)
            break;
        p += BLOCK;
    }
    while (p < end && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x80)
        p++;
    return p;
}

/* Bytes of the character beyond ASCII at `p`; 0 when it is none, or none that XML has. */
static size_t multibyte_len(const char *p, const char *end)
{
    size_t len = bkt_utf8_sequence_len((struct bkt_str){p, (size_t)(end - p)});
    /* U+FFFE and U+FFFF are the two of the basic plane that XML excludes. */
    bool is_excluded = len == 3 && p[0] == '\xef' && p[1] == '\xbf' && (unsigned char)p[2] > 0xbd;
    return is_excluded ? 0 : len;
}

const char *bkt_xml_lex_bad_char(const char *p, const char *end, bool *out_has_cr)
{
    *out_has_cr = false;
    while ((p = skip_usual(p, end)) < end) {
        if ((unsigned char)*p >= 0x80) {
            size_t len = multibyte_len(p, end);
            if (len == 0)
                return p;
            p += len;
            continue;
        }
        if (*p == '\r') {
            *out_has_cr = true;
        } else if (*p != '\t' && *p != '\n') {
            return p;
        }
        p++;
    }
    return NULL;
}

enum {
    NAME_CHAR = BKT_XML_LEX_NAME_CHAR,
    LETTER = BKT_XML_LEX_NAME_CHAR | BKT_XML_LEX_NAME_START,
};

const unsigned char bkt_xml_lex_classes[256] = {
    ['-'] = NAME_CHAR, ['.'] = NAME_CHAR, ['_'] = LETTER,    [':'] = LETTER,    ['0'] = NAME_CHAR,
    ['1'] = NAME_CHAR, ['2'] = NAME_CHAR, ['3'] = NAME_CHAR, ['4'] = NAME_CHAR, ['5'] = NAME_CHAR,
    ['6'] = NAME_CHAR, ['7'] = NAME_CHAR, ['8'] = NAME_CHAR, ['9'] = NAME_CHAR, ['A'] = LETTER,
    ['B'] = LETTER,    ['C'] = LETTER,    ['D'] = LETTER,    ['E'] = LETTER,    ['F'] = LETTER,
    ['G'] = LETTER,    ['H'] = LETTER,    ['I'] = LETTER,    ['J'] = LETTER,    ['K'] = LETTER,
    ['L'] = LETTER,    ['M'] = LETTER,    ['N'] = LETTER,    ['O'] = LETTER,    ['P'] = LETTER,
    ['Q'] = LETTER,    ['R'] = LETTER,    ['S'] = LETTER,    ['T'] = LETTER,    ['U'] = LETTER,
    ['V'] = LETTER,    ['W'] = LETTER,    ['X'] = LETTER,    ['Y'] = LETTER,    ['Z'] = LETTER,
    ['a'] = LETTER,    ['b'] = LETTER,    ['c'] = LETTER,    ['d'] = LETTER,    ['e'] = LETTER,
    ['f'] = LETTER,    ['g'] = LETTER,    ['h'] = LETTER,    ['i'] = LETTER,    ['j'] = LETTER,
    ['k'] = LETTER,    ['l'] = LETTER,    ['m'] = LETTER,    ['n'] = LETTER,    ['o'] = LETTER,
    ['p'] = LETTER,    ['q'] = LETTER,    ['r'] = LETTER,    ['s'] = LETTER,    ['t'] = LETTER,
    ['u'] = LETTER,    ['v'] = LETTER,    ['w'] = LETTER,    ['x'] = LETTER,    ['y'] = LETTER,
    ['z'] = LETTER,
};

static bool is_xml_char(uint32_t code)
{
    if (code < 0x20)
        return code == '\t' || code == '\n' || code == '\r';
    return code <= 0xd7ff || (code >= 0xe000 && code <= 0xfffd) ||
           (code >= 0x10000 && code <= 0x10ffff);
}

/* `p` is behind the `&#`. */
static const char *number_reference(const char *p,
                                    const char *end,
                                    char out[BKT_UTF8_CHAR_BYTES],
                                    size_t *out_len)
{
    int base = 10;
    if (p < end && *p == 'x') {
        base = 16;
        p++;
    }
    const char *digits = p;
    uint32_t code = 0;
    for (; p < end; p++) {
        int digit = bkt_hex_value(*p);
        if (digit < 0 || digit >= base)
            break;
        code = code * (uint32_t)base + (uint32_t)digit;
        if (code > 0x10ffff)
            return NULL;
    }
    if (p == digits || p == end || *p != ';' || !is_xml_char(code))
        return NULL;
    *out_len = bkt_utf8_put(code, out);
    return p + 1;
}

const char *bkt_xml_lex_reference(const char *p,
                                  const char *end,
                                  char out[BKT_UTF8_CHAR_BYTES],
                                  size_t *out_len)
{
    size_t left = (size_t)(end - p);
    if (left > 2 && p[1] == '#')
        return number_reference(p + 2, end, out, out_len);
    *out_len = 1;
    if (left >= 6 && memcmp(p, "&quot;", 6) == 0) {
        out[0] = '"';
        return p + 6;
    }
    if (left >= 5 && memcmp(p, "&amp;", 5) == 0) {
        out[0] = '&';
        return p + 5;
    }
    if (left >= 6 && memcmp(p, "&apos;", 6) == 0) {
        out[0] = '\'';
        return p + 6;
    }
    if (left >= 4 && (memcmp(p, "&lt;", 4) == 0 || memcmp(p, "&gt;", 4) == 0)) {
        out[0] = p[1] == 'l' ? '<' : '>';
        return p + 4;
    }
    return NULL;
}
