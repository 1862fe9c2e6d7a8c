/*
 * The only door to the heap.
 *
 * Every allocation of the library comes through here, so that a test can make the n-th one
 * fail and can see that nothing is left behind.
 */
#ifndef CORE_MEM_H
#define CORE_MEM_H

#include <bucketable/base.h>

/* As in libc, but `size` is not 0. NULL means out of memory: report BKT_ENOMEM. */
BKT_MUST_CHECK void *bkt_mem_alloc(size_t size);
BKT_MUST_CHECK void *bkt_mem_calloc(size_t count, size_t size);
BKT_MUST_CHECK void *bkt_mem_realloc(void *ptr, size_t size);
void bkt_mem_free(void *ptr);

/* A copy that ends in a NUL of its own; NULL when memory is out. */
BKT_MUST_CHECK char *bkt_mem_strdup(const char *bytes, size_t len);

/* Overwrite a secret, in a way that the compiler may not leave out. */
void bkt_mem_wipe(void *ptr, size_t size);

/*
 * For tests, per thread. Allocation `n` from now (0 is the next) fails once; -1 cancels.
 * bkt_mem_failed() says whether it has happened, bkt_mem_live() how many blocks are held,
 * bkt_mem_calls() how often memory was asked for.
 */
void bkt_mem_fail_at(long n);
bool bkt_mem_failed(void);
size_t bkt_mem_live(void);
uint64_t bkt_mem_calls(void);

#endif
