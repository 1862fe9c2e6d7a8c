#include "core/buf.h"

#include "core/mem.h"

#include <bucketable/error.h>

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

enum { CAP_MIN = 64, GROWING_MAX = 64 << 20 };

/* As realloc(), which would leave what it moves behind. */
static char *move(const struct bkt_buf *buf, size_t cap)
{
    char *ptr = bkt_mem_alloc(cap);
    if (ptr && buf->ptr) {
        memcpy(ptr, buf->ptr, buf->len);
        bkt_mem_wipe(buf->ptr, buf->cap);
        bkt_mem_free(buf->ptr);
    }
    return ptr;
}

static int grow(struct bkt_buf *buf, size_t need)
{
    if (need <= buf->cap)
        return BKT_OK;

    /* Half as much again; but what is asked for first, or is large, is mostly all there is. */
    bool is_all = buf->cap == 0 || need > GROWING_MAX;
    size_t cap = need < CAP_MIN ? CAP_MIN : is_all ? need : need + need / 2;
    char *ptr = buf->is_secret ? move(buf, cap) : bkt_mem_realloc(buf->ptr, cap);
    if (!ptr)
        return BKT_ENOMEM;

    ptr[buf->len] = '\0';
    buf->ptr = ptr;
    buf->cap = cap;
    return BKT_OK;
}

int bkt_buf_reserve(struct bkt_buf *buf, size_t more)
{
    assert(buf->len <= buf->max);
    if (more > buf->max - buf->len)
        return BKT_ELIMIT;
    return grow(buf, buf->len + more + 1);
}

int bkt_buf_append(struct bkt_buf *buf, struct bkt_str bytes)
{
    int rc = bkt_buf_reserve(buf, bytes.len);
    if (rc)
        return rc;

    if (bytes.len > 0)
        memcpy(buf->ptr + buf->len, bytes.ptr, bytes.len);
    buf->len += bytes.len;
    buf->ptr[buf->len] = '\0';
    return BKT_OK;
}

int bkt_buf_set(struct bkt_buf *buf, struct bkt_str bytes)
{
    if (bytes.len > buf->max)
        return BKT_ELIMIT;
    int rc = grow(buf, bytes.len + 1); /* what is a part of it never makes it grow */
    if (rc)
        return rc;
    if (bytes.len > 0)
        memmove(buf->ptr, bytes.ptr, bytes.len);
    buf->len = bytes.len;
    buf->ptr[buf->len] = '\0';
    return BKT_OK;
}

int bkt_buf_append_char(struct bkt_buf *buf, char byte)
{
    return bkt_buf_append(buf, (struct bkt_str){&byte, 1});
}

int bkt_buf_printf(struct bkt_buf *buf, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    assert(len >= 0);

    int rc = bkt_buf_reserve(buf, (size_t)len);
    if (rc)
        return rc;

    va_start(args, fmt);
    (void)vsnprintf(buf->ptr + buf->len, (size_t)len + 1, fmt, args);
    va_end(args);
    buf->len += (size_t)len;
    return BKT_OK;
}

static void forget(struct bkt_buf *buf)
{
    buf->ptr = NULL;
    buf->len = 0;
    buf->cap = 0;
}

char *bkt_buf_take(struct bkt_buf *buf, size_t *out_len)
{
    char *ptr = buf->ptr;
    *out_len = buf->len;
    forget(buf);
    return ptr;
}

void bkt_buf_reset(struct bkt_buf *buf)
{
    buf->len = 0;
    if (buf->ptr)
        buf->ptr[0] = '\0';
}

void bkt_buf_clear(struct bkt_buf *buf)
{
    if (buf->is_secret && buf->ptr)
        bkt_mem_wipe(buf->ptr, buf->cap);
    bkt_mem_free(buf->ptr);
    forget(buf);
}

void bkt_buf_wipe(struct bkt_buf *buf)
{
    if (buf->ptr)
        bkt_mem_wipe(buf->ptr, buf->cap);
    bkt_buf_clear(buf);
}
