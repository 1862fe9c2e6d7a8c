/*
 * The character level of core/xml: what may stand in a document, and where a run of it ends.
 * Private to xml.c.
 *
 * Cursors are pointers with an `end`; a function that returns a pointer returns NULL for
 * "malformed".
 */
#ifndef CORE_XML_LEX_H
#define CORE_XML_LEX_H

#include "core/ascii.h"
#include "core/text.h"

#include <endian.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/*
 * The first byte that begins no character of XML 1.0 (section 2.2), or NULL.  `*out_has_cr` says
 * whether a carriage return was passed.
 */
const char *bkt_xml_lex_bad_char(const char *p, const char *end, bool *out_has_cr);

/*
 * Past the reference at `p` (an `&`), whose 1 to 4 bytes go to `out`; NULL when it is malformed, no
 * character of XML, or an entity that XML itself does not define.
 */
const char *bkt_xml_lex_reference(const char *p,
                                  const char *end,
                                  char out[BKT_UTF8_CHAR_BYTES],
                                  size_t *out_len);

/* Eight bytes at a time: the first byte in memory is the lowest of the word. */
#define BKT_XML_LEX_EACH(byte) (UINT64_C(0x0101010101010101) * (byte))
#define BKT_XML_LEX_HIGH_BITS  BKT_XML_LEX_EACH(0x80)

enum { BKT_XML_LEX_WORD = sizeof(uint64_t) };

static inline uint64_t bkt_xml_lex_load(const char *p)
{
    uint64_t word;
    memcpy(&word, p, BKT_XML_LEX_WORD);
    return le64toh(word);
}

/*
 * Where the first of `<`, `&` and `]` stands in the block at `p`, or BKT_XML_LEX_BLOCK.  Half of a
 * list page passes through here.
 */
#ifdef __SSE2__
enum { BKT_XML_LEX_BLOCK = sizeof(__m128i) };

static inline size_t bkt_xml_lex_special(const char *p)
{
    __m128i bytes;
    memcpy(&bytes, p, sizeof(bytes));
    __m128i hits = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('<')),
                                _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('&')),
                                             _mm_cmpeq_epi8(bytes, _mm_set1_epi8(']'))));
    unsigned mask = (unsigned)_mm_movemask_epi8(hits);
    return mask ? (size_t)__builtin_ctz(mask) : BKT_XML_LEX_BLOCK;
}
#else
enum { BKT_XML_LEX_BLOCK = BKT_XML_LEX_WORD };

/* Marks the bytes equal to `byte` with their high bit; exact up to and including the first. */
static inline uint64_t bkt_xml_lex_marks(uint64_t word, unsigned char byte)
{
    word ^= BKT_XML_LEX_EACH(byte);
    return (word - BKT_XML_LEX_EACH(0x01)) & ~word & BKT_XML_LEX_HIGH_BITS;
}

static inline size_t bkt_xml_lex_special(const char *p)
{
    uint64_t word = bkt_xml_lex_load(p);
    uint64_t marks =
        bkt_xml_lex_marks(word, '<') | bkt_xml_lex_marks(word, '&') | bkt_xml_lex_marks(word, ']');
    return marks ? (size_t)__builtin_ctzll(marks) / 8 : BKT_XML_LEX_BLOCK;
}
#endif

/* The first of `<`, `&` and `]`, or `end`. */
static inline const char *bkt_xml_lex_text_end(const char *p, const char *end)
{
    while (end - p >= BKT_XML_LEX_BLOCK) {
        size_t len = bkt_xml_lex_special(p);
        p += len;
        if (len < BKT_XML_LEX_BLOCK)
            return p;
    }
    while (p < end && *p != '<' && *p != '&' && *p != ']')
        p++;
    return p;
}

/*
 * As bkt_xml_lex_text_end(), and copies what it passes to `*out`, which it advances.  Behind `*out`
 * there is room for BKT_XML_LEX_BLOCK bytes more than are passed.
 */
static inline const char *bkt_xml_lex_copy_text(const char *p, const char *end, char **out)
{
    while (end - p >= BKT_XML_LEX_BLOCK) {
        size_t len = bkt_xml_lex_special(p);
        memcpy(*out, p, BKT_XML_LEX_BLOCK);
        *out += len;
        p += len;
        if (len < BKT_XML_LEX_BLOCK)
            return p;
    }
    while (p < end && *p != '<' && *p != '&' && *p != ']')
        *(*out)++ = *p++;
    return p;
}

enum { BKT_XML_LEX_NAME_CHAR = 1, BKT_XML_LEX_NAME_START = 2 };
extern const unsigned char bkt_xml_lex_classes[256];

/* Past a name that begins at `p`; NULL when none does.  `*out_local` is behind its last colon. */
static inline const char *bkt_xml_lex_name(const char *p, const char *end, const char **out_local)
{
    if (p == end || !(bkt_xml_lex_classes[(unsigned char)*p] & BKT_XML_LEX_NAME_START))
        return NULL;
    *out_local = p;
    for (; p < end && bkt_xml_lex_classes[(unsigned char)*p]; p++) {
        if (*p == ':')
            *out_local = p + 1;
    }
    return p;
}

/* Names are short: a call of memcmp() would cost more than the comparison. */
static inline bool bkt_xml_lex_same(const char *a, const char *b, size_t len)
{
    size_t i = 0;
    for (; len - i >= BKT_XML_LEX_WORD; i += BKT_XML_LEX_WORD) {
        if (bkt_xml_lex_load(a + i) != bkt_xml_lex_load(b + i))
            return false;
    }
    for (; i < len; i++) {
        if (a[i] != b[i])
            return false;
    }
    return true;
}

static inline const char *bkt_xml_lex_spaces(const char *p, const char *end)
{
    while (p < end && bkt_is_space(*p))
        p++;
    return p;
}

#endif
