#ifndef CORE_BUF_H
#define CORE_BUF_H

#include "core/str.h"

/*
 * A growable byte buffer with a ceiling.
 *
 * `max` is the largest `len` allowed: the bytes nearly always come from a peer, and a peer may
 * lie. All-zero is a valid empty buffer that cannot grow. `ptr` moves whenever there is more to
 * hold and ends in a NUL that `len` does not count; it is NULL until there was room to make.
 */
struct bkt_buf {
    char *ptr;
    size_t len;
    size_t cap;
    size_t max;
    bool is_secret; /* what it held is overwritten before its memory is given back */
};

#define BKT_BUF_INIT(max_len) ((struct bkt_buf){.max = (max_len)})

/* For keys, tokens and passwords: a buffer that grows leaves no copy behind. */
#define BKT_BUF_SECRET(max_len) ((struct bkt_buf){.max = (max_len), .is_secret = true})

/* What the buffer holds; valid until it changes. */
static inline struct bkt_str bkt_buf_str(const struct bkt_buf *buf)
{
    return (struct bkt_str){buf->ptr ? buf->ptr : "", buf->len};
}

/* BKT_ELIMIT past the ceiling, BKT_ENOMEM; on failure the buffer is as before. */
BKT_MUST_CHECK int bkt_buf_append(struct bkt_buf *buf, struct bkt_str bytes);
BKT_MUST_CHECK int bkt_buf_set(struct bkt_buf *buf, struct bkt_str bytes); /* also of its own */
BKT_MUST_CHECK int bkt_buf_append_char(struct bkt_buf *buf, char byte);
BKT_MUST_CHECK int bkt_buf_printf(struct bkt_buf *buf, const char *fmt, ...) BKT_PRINTF(2, 3);

/* Room for `more` bytes, so that the next appends of that many do not allocate. */
BKT_MUST_CHECK int bkt_buf_reserve(struct bkt_buf *buf, size_t more);

/* Give the memory away; the caller frees it with bkt_mem_free(). The buffer is empty again. */
BKT_MUST_CHECK char *bkt_buf_take(struct bkt_buf *buf, size_t *out_len);

void bkt_buf_reset(struct bkt_buf *buf); /* empty, memory kept */
void bkt_buf_clear(struct bkt_buf *buf); /* empty, memory freed, usable again */
void bkt_buf_wipe(struct bkt_buf *buf);  /* as clear, overwritten first, whatever it is */

#endif
