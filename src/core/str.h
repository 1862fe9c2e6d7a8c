#ifndef CORE_STR_H
#define CORE_STR_H

#include <bucketable/base.h>

#include <string.h>

/* A view of bytes that somebody else owns. Not NUL-terminated; may hold NULs. Pass by value. */
struct bkt_str {
    const char *ptr;
    size_t len;
};

#define BKT_STR(literal) ((struct bkt_str){"" literal, sizeof(literal) - 1})

/* For printf's "%.*s"; a view is at most INT_MAX bytes long there. */
#define BKT_STR_ARG(str) (int)(str).len, (str).ptr ? (str).ptr : ""

static inline struct bkt_str bkt_str_from(const char *text)
{
    return (struct bkt_str){text, text ? strlen(text) : 0};
}

static inline bool bkt_str_eq(struct bkt_str a, struct bkt_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool bkt_str_has_prefix(struct bkt_str str, struct bkt_str prefix)
{
    return str.len >= prefix.len &&
           (prefix.len == 0 || memcmp(str.ptr, prefix.ptr, prefix.len) == 0);
}

static inline bool bkt_str_has_suffix(struct bkt_str str, struct bkt_str suffix)
{
    return str.len >= suffix.len && (suffix.len == 0 || memcmp(str.ptr + (str.len - suffix.len),
                                                               suffix.ptr, suffix.len) == 0);
}

/* What is behind the first `len` bytes, which are there. */
static inline struct bkt_str bkt_str_skip(struct bkt_str str, size_t len)
{
    return (struct bkt_str){str.ptr + len, str.len - len};
}

/* Where the first such byte is; `str.len`: nowhere. */
static inline size_t bkt_str_find(struct bkt_str str, char byte)
{
    const char *at = str.len > 0 ? memchr(str.ptr, byte, str.len) : NULL;
    return at ? (size_t)(at - str.ptr) : str.len;
}

/* The order of keys: by bytes, a prefix before what it begins (what S3 and the state use). */
static inline int bkt_str_cmp(struct bkt_str a, struct bkt_str b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len > 0 ? memcmp(a.ptr, b.ptr, len) : 0;
    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

/* Without spaces, tabs, CR and LF at both ends. */
struct bkt_str bkt_str_trim(struct bkt_str str);

/* ASCII letters without case. */
bool bkt_str_eq_nocase(struct bkt_str a, struct bkt_str b);

/* Two lower-case digits a byte, and a NUL behind them. */
void bkt_hex(const unsigned char *bytes, size_t len, char *out);

/* A whole number of decimal digits and nothing else.  False: it is none, or over UINT64_MAX. */
bool bkt_str_to_uint(struct bkt_str str, uint64_t *out);

#endif
