/*
 * A growable text for a program that is a test tool: out of memory ends it with a message, so that
 * appending needs no error path and stays cheap enough for a page of 1000 keys in 0.1 ms.
 */
#ifndef STUB_TEXT_H
#define STUB_TEXT_H

#include "core/str.h"

/* All-zero is empty.  `ptr` moves when it grows and is not NUL-terminated. */
struct stub_text {
    char *ptr;
    size_t len;
    size_t cap;
};

/* Never NULL. */
void *stub_alloc(size_t size);
void *stub_realloc(void *ptr, size_t size);

/* Room for `more` bytes behind `len`; returns where they begin.  The caller adds to `len`. */
char *stub_text_grow(struct stub_text *text, size_t more);
void stub_text_printf(struct stub_text *text, const char *fmt, ...) BKT_PRINTF(2, 3);
void stub_text_clear(struct stub_text *text);

static inline char *stub_text_room(struct stub_text *text, size_t more)
{
    if (text->cap - text->len >= more)
        return text->ptr + text->len;
    return stub_text_grow(text, more);
}

static inline void stub_text_add(struct stub_text *text, const char *bytes, size_t len)
{
    if (len == 0)
        return;
    memcpy(stub_text_room(text, len), bytes, len);
    text->len += len;
}

static inline void stub_text_add_str(struct stub_text *text, struct bkt_str str)
{
    stub_text_add(text, str.ptr, str.len);
}

#define stub_text_lit(text, literal) stub_text_add((text), "" literal, sizeof(literal) - 1)

static inline struct bkt_str stub_text_str(const struct stub_text *text)
{
    return (struct bkt_str){text->ptr ? text->ptr : "", text->len};
}

/* Decimal digits of `value`, to a place with 20 bytes of room; returns their count. */
size_t stub_decimal(char *out, uint64_t value);
/* 16 hexadecimal digits. */
void stub_hex64(char *out, uint64_t value);
/* "%XX" and, when `plus` is set, "+" undone; a broken escape stays as it is. */
void stub_percent_decode(struct stub_text *out, struct bkt_str in, bool plus);
/* XML text: entities for the five characters, references for control characters (as AWS does). */
void stub_xml_escape(struct stub_text *out, struct bkt_str in);
/* A JSON string with its quotes; bytes that are no ASCII text become \u00XX. */
void stub_json_string(struct stub_text *out, struct bkt_str in);

/* The hash that all generated things come from (splitmix64's finalizer). */
static inline uint64_t stub_mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

#endif
