#include "text.h"

#include <endian.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void *need(void *ptr)
{
    if (ptr == NULL) {
        fputs("s3_stub: out of memory\n", stderr);
        exit(1);
    }
    return ptr;
}

void *stub_alloc(size_t size)
{
    return need(calloc(1, size > 0 ? size : 1));
}

void *stub_realloc(void *ptr, size_t size)
{
    return need(realloc(ptr, size));
}

char *stub_text_grow(struct stub_text *text, size_t more)
{
    size_t cap = text->cap < 256 ? 256 : text->cap;
    while (cap - text->len < more)
        cap *= 2;
    text->ptr = stub_realloc(text->ptr, cap);
    text->cap = cap;
    return text->ptr + text->len;
}

void stub_text_printf(struct stub_text *text, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    if (len > 0) {
        char *at = stub_text_room(text, (size_t)len + 1);
        vsnprintf(at, (size_t)len + 1, fmt, again);
        text->len += (size_t)len;
    }
    va_end(again);
    va_end(args);
}

void stub_text_clear(struct stub_text *text)
{
    free(text->ptr);
    *text = (struct stub_text){0};
}

size_t stub_decimal(char *out, uint64_t value)
{
    char reversed[20];
    size_t count = 0;
    do {
        reversed[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    for (size_t i = 0; i < count; i++)
        out[i] = reversed[count - 1 - i];
    return count;
}

/* Eight digits in the eight bytes of a number, the most significant one first in memory. */
static uint64_t hex_digits(uint32_t value)
{
    uint64_t x = value;
    x = (x & 0xffff) << 32 | x >> 16;
    x = (x & 0x000000ff000000ff) << 16 | (x >> 8 & 0x000000ff000000ff);
    x = (x & 0x000f000f000f000f) << 8 | (x >> 4 & 0x000f000f000f000f);
    uint64_t letters = (x + 0x0606060606060606) >> 4 & 0x0101010101010101;
    return htole64(x + 0x3030303030303030 + letters * ('a' - '0' - 10));
}

void stub_hex64(char *out, uint64_t value)
{
    uint64_t digits[2] = {hex_digits((uint32_t)(value >> 32)), hex_digits((uint32_t)value)};
    memcpy(out, digits, sizeof(digits));
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

void stub_percent_decode(struct stub_text *out, struct bkt_str in, bool plus)
{
    char *at = stub_text_room(out, in.len + 1);
    for (size_t i = 0; i < in.len; i++) {
        char c = in.ptr[i];
        if (c == '%' && in.len - i > 2 && hex_value(in.ptr[i + 1]) >= 0 &&
            hex_value(in.ptr[i + 2]) >= 0) {
            c = (char)(hex_value(in.ptr[i + 1]) * 16 + hex_value(in.ptr[i + 2]));
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        *at++ = c;
        out->len++;
    }
}

void stub_xml_escape(struct stub_text *out, struct bkt_str in)
{
    for (size_t i = 0; i < in.len; i++) {
        unsigned char c = (unsigned char)in.ptr[i];
        if (c == '&')
            stub_text_lit(out, "&amp;");
        else if (c == '<')
            stub_text_lit(out, "&lt;");
        else if (c == '>')
            stub_text_lit(out, "&gt;");
        else if (c == '"')
            stub_text_lit(out, "&quot;");
        else if (c == '\'')
            stub_text_lit(out, "&apos;");
        else if (c < 0x20)
            stub_text_printf(out, "&#x%x;", (unsigned)c);
        else
            stub_text_add(out, in.ptr + i, 1);
    }
}

void stub_json_string(struct stub_text *out, struct bkt_str in)
{
    stub_text_lit(out, "\"");
    for (size_t i = 0; i < in.len; i++) {
        unsigned char c = (unsigned char)in.ptr[i];
        if (c == '"' || c == '\\')
            stub_text_printf(out, "\\%c", c);
        else if (c < 0x20 || c > 0x7e)
            stub_text_printf(out, "\\u%04x", (unsigned)c);
        else
            stub_text_add(out, in.ptr + i, 1);
    }
    stub_text_lit(out, "\"");
}
