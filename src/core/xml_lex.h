/*
 * The character level of core/xml: what may stand in a document, and where a run of it ends.
 * Private to xml.c.
 *
 * Cursors are pointers with an `end`; a function that returns a pointer returns NULL for
 * "malformed".
 */
#ifndef CORE_XML_LEX_H
#define CORE_XML_LEX_H

#include <bucketable/base.h>

#include <endian.h>
#include <string.h>

/*
 * The first byte that begins no character of XML 1.0 (section 2.2), or NULL.  `*out_has_cr` says
 * whether a carriage return was passed.
 */
const char *bkt_xml_lex_bad_char(const char *p, const char *end, bool *out_has_cr);

/*
 * Past the reference at `p` (an `&`), whose 1 to 4 bytes go to `out`; NULL when it is malformed, no
 * character of XML, or an entity that XML itself does not define.
 */
enum { BKT_XML_LEX_CHAR_BYTES = 4 };
const char *bkt_xml_lex_reference(const char *p,
                                  const char *end,
                                  char out[BKT_XML_LEX_CHAR_BYTES],
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

/* Marks the bytes equal to `byte` with their high bit; exact up to and including the first. */
static inline uint64_t bkt_xml_lex_marks(uint64_t word, unsigned char byte)
{
    word ^= BKT_XML_LEX_EACH(byte);
    return (word - BKT_XML_LEX_EACH(0x01)) & ~word & BKT_XML_LEX_HIGH_BITS;
}

/* The first of `<`, `&` and `]`, or `end`. */
static inline const char *bkt_xml_lex_text_end(const char *p, const char *end)
{
    while (end - p >= BKT_XML_LEX_WORD) {
        uint64_t word = bkt_xml_lex_load(p);
        uint64_t marks = bkt_xml_lex_marks(word, '<') | bkt_xml_lex_marks(word, '&') |
                         bkt_xml_lex_marks(word, ']');
        if (marks)
            return p + __builtin_ctzll(marks) / 8;
        p += BKT_XML_LEX_WORD;
    }
    while (p < end && *p != '<' && *p != '&' && *p != ']')
        p++;
    return p;
}

/*
 * As bkt_xml_lex_text_end(), and copies what it passes to `*out`, which it advances.  Behind `*out`
 * there is room for BKT_XML_LEX_WORD bytes more than there are up to `end`.
 */
static inline const char *bkt_xml_lex_copy_text(const char *p, const char *end, char **out)
{
    while (end - p >= BKT_XML_LEX_WORD) {
        uint64_t word = bkt_xml_lex_load(p);
        uint64_t marks = bkt_xml_lex_marks(word, '<') | bkt_xml_lex_marks(word, '&') |
                         bkt_xml_lex_marks(word, ']');
        memcpy(*out, p, BKT_XML_LEX_WORD);
        size_t len = marks ? (size_t)__builtin_ctzll(marks) / 8 : BKT_XML_LEX_WORD;
        *out += len;
        p += len;
        if (marks)
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

static inline bool bkt_xml_lex_is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static inline const char *bkt_xml_lex_spaces(const char *p, const char *end)
{
    while (p < end && bkt_xml_lex_is_space(*p))
        p++;
    return p;
}

#endif
