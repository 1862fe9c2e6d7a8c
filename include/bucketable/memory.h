/*
 * bucketable/memory.h - where the library takes its memory from.
 *
 * Threads:  bkt_set_allocator() is called once, before any other function of the library and before
 *           another thread may call one; the allocator's functions by any thread at any time, also
 *           several at once.
 * Errors:   an allocator that returns NULL is out of memory: the call that needed it fails with
 *           BKT_ENOMEM, or goes without where it can.
 */
#ifndef BKT_MEMORY_H
#define BKT_MEMORY_H

#include <bucketable/error.h>

BKT_BEGIN_DECLS

/* New members go last; `size` says which ones the caller knows. */
struct bkt_allocator {
    size_t size; /* sizeof(struct bkt_allocator) */
    void *ctx;   /* passed on to each */
    /* As malloc(), realloc() and free(); `bytes` is not 0, and release() is given no NULL. */
    void *(*allocate)(void *ctx, size_t bytes);
    void *(*resize)(void *ctx, void *block, size_t bytes);
    void (*release)(void *ctx, void *block);
};

/*
 * Take all memory from `allocator`, which is copied, for the rest of the process.  What libcurl,
 * OpenSSL, SQLite and other libraries need they take from elsewhere, as they were told to.
 * BKT_EBUSY: something was allocated already, or it was set before.  BKT_ECONFIG: a function is
 * missing.
 */
BKT_API BKT_MUST_CHECK int bkt_set_allocator(const struct bkt_allocator *allocator,
                                             struct bkt_error *err);

BKT_END_DECLS

#endif
