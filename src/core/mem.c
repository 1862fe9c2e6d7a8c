#include "core/mem.h"

#include <bucketable/memory.h>

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static void *allocate(void *ctx, size_t bytes)
{
    (void)ctx;
    return malloc(bytes);
}

static void *resize(void *ctx, void *block, size_t bytes)
{
    (void)ctx;
    return realloc(block, bytes);
}

static void release(void *ctx, void *block)
{
    (void)ctx;
    free(block);
}

/* Written before the first allocation, and never after. */
static struct bkt_allocator allocator = {
    .size = sizeof(allocator), .allocate = allocate, .resize = resize, .release = release};
static atomic_bool is_in_use;

int bkt_set_allocator(const struct bkt_allocator *wanted, struct bkt_error *err)
{
    struct bkt_allocator copy = {0};
    memcpy(&copy, wanted, wanted->size < sizeof(copy) ? wanted->size : sizeof(copy));
    if (!copy.allocate || !copy.resize || !copy.release)
        return bkt_error_set(err, BKT_ECONFIG,
                             "set the allocator: allocate, resize and release are all wanted");
    if (atomic_exchange(&is_in_use, true))
        return bkt_error_set(err, BKT_EBUSY,
                             "set the allocator: it is in use; set it once, before any other call");
    allocator = copy;
    return BKT_OK;
}

/* Set the allocator: too late from now on.  Mostly it is, and the flag is only read. */
static void use(void)
{
    if (!atomic_load_explicit(&is_in_use, memory_order_relaxed))
        atomic_store(&is_in_use, true);
}

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
    use();
    void *ptr = fail_now() ? NULL : allocator.allocate(allocator.ctx, size);
    live_blocks += ptr != NULL;
    return ptr;
}

void *bkt_mem_calloc(size_t count, size_t size)
{
    assert(count > 0);
    assert(size > 0);
    use();
    if (fail_now() || count > SIZE_MAX / size)
        return NULL;
    /* libc knows pages that are zero already. */
    void *ptr = allocator.allocate == allocate ? calloc(count, size)
                                               : allocator.allocate(allocator.ctx, count * size);
    live_blocks += ptr != NULL;
    if (ptr && allocator.allocate != allocate)
        memset(ptr, 0, count * size);
    return ptr;
}

void *bkt_mem_realloc(void *ptr, size_t size)
{
    assert(size > 0);
    bool is_new = ptr == NULL;
    use();
    void *moved = NULL;
    if (!fail_now())
        moved = is_new ? allocator.allocate(allocator.ctx, size)
                       : allocator.resize(allocator.ctx, ptr, size);
    live_blocks += moved != NULL && is_new;
    return moved;
}

void bkt_mem_free(void *ptr)
{
    if (!ptr)
        return;
    live_blocks--;
    allocator.release(allocator.ctx, ptr);
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
