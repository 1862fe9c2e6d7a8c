/* What a byte is in ASCII, whatever the locale; bytes beyond ASCII are none of it. */
#ifndef CORE_ASCII_H
#define CORE_ASCII_H

#include <stdbool.h>

static inline bool bkt_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool bkt_is_alnum(char c)
{
    return bkt_is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool bkt_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* A blank or a part of a line end. */
static inline bool bkt_is_space(char c)
{
    return bkt_is_blank(c) || c == '\r' || c == '\n';
}

/* What may stand in one word of a header line: no blank and no control character. */
static inline bool bkt_is_word_byte(char c)
{
    return (unsigned char)c > ' ' && c != 0x7f;
}

static inline char bkt_to_lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

/* Of a hexadecimal digit in either case, or -1. */
static inline int bkt_hex_value(char c)
{
    if (bkt_is_digit(c))
        return c - '0';
    char lower = bkt_to_lower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

#endif
