#include "core/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local long fail_countdown = -1;
static _Thread_local bool fail_happened;
static _Thread_local size_t live_blocks;
static _Thread_local uint64_t calls;

static bool fail_now(void)
{
    calls++;
    if (fail_countdown < 0 || fail_countdown-- > 0)
        return false;
    fail_happened = true;
    return true;
}

void *bkt_mem_alloc(size_t size)
{
    assert(size > 0);
    void *ptr = fail_now() ? NULL : malloc(size);
    live_blocks += ptr != NULL;
    return ptr;
}

void *bkt_mem_calloc(size_t count, size_t size)
{
    assert(count > 0);
    assert(size > 0);
    void *ptr = fail_now() ? NULL : calloc(count, size);
    live_blocks += ptr != NULL;
    return ptr;
}

void *bkt_mem_realloc(void *ptr, size_t size)
{
    assert(size > 0);
    bool is_new = ptr == NULL;
    void *moved = fail_now() ? NULL : realloc(ptr, size);
    live_blocks += moved != NULL && is_new;
    return moved;
}

void bkt_mem_free(void *ptr)
{
    live_blocks -= ptr != NULL;
    free(ptr);
}

char *bkt_mem_strdup(const char *bytes, size_t len)
{
    char *copy = bkt_mem_alloc(len + 1);
    if (!copy)
        return NULL;
    if (len > 0)
        memcpy(copy, bytes, len);
    copy[len] = '\0';
    return copy;
}

void bkt_mem_wipe(void *ptr, size_t size)
{
    explicit_bzero(ptr, size);
}

void bkt_mem_fail_at(long n)
{
    fail_countdown = n;
    fail_happened = false;
}

bool bkt_mem_failed(void)
{
    return fail_happened;
}

size_t bkt_mem_live(void)
{
    return live_blocks;
}

uint64_t bkt_mem_calls(void)
{
    return calls;
}
