/* An allocator of the caller's own.  It is the process's, so each case has a process to itself. */
#include "t.h"

#include <bucketable/config.h>
#include <bucketable/memory.h>

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct counts {
    size_t allocated;
    size_t released;
    size_t fail_at; /* 0: never */
};

static void *allocate(void *ctx, size_t bytes)
{
    struct counts *counts = ctx;
    if (++counts->allocated == counts->fail_at)
        return NULL;
    void *block = malloc(bytes);
    if (block)
        memset(block, 0xa5, bytes); /* what calloc() is to clear */
    return block;
}

static void *resize(void *ctx, void *block, size_t bytes)
{
    (void)ctx;
    return realloc(block, bytes);
}

static void release(void *ctx, void *block)
{
    struct counts *counts = ctx;
    if (!block)
        abort();
    counts->released++;
    free(block);
}

static int set(struct counts *counts)
{
    struct bkt_allocator allocator = {
        .size = sizeof(allocator),
        .ctx = counts,
        .allocate = allocate,
        .resize = resize,
        .release = release,
    };
    return bkt_set_allocator(&allocator, NULL);
}

static int use(void)
{
    struct bkt_config *config;
    int rc = bkt_config_new(&config, NULL);
    if (rc)
        return rc;
    rc = bkt_config_source(config, "s3://my-docs/docs/", NULL);
    if (rc == BKT_OK && strcmp(bkt_config_string(config, "prefix"), "docs/") != 0)
        rc = BKT_EPARSE;
    bkt_config_free(config);
    return rc;
}

static int all_memory_is_its(void)
{
    struct counts counts = {0};
    if (set(&counts) || use())
        return 1;
    return counts.allocated > 0 && counts.allocated == counts.released ? 0 : 2;
}

static int null_is_out_of_memory(void)
{
    struct counts counts = {.fail_at = 1};
    return set(&counts) == BKT_OK && use() == BKT_ENOMEM && use() == BKT_OK ? 0 : 1;
}

static int it_is_set_once(void)
{
    struct counts counts = {0};
    return set(&counts) == BKT_OK && set(&counts) == BKT_EBUSY ? 0 : 1;
}

static int it_is_set_first(void)
{
    struct counts counts = {0};
    return use() == BKT_OK && set(&counts) == BKT_EBUSY && counts.allocated == 0 ? 0 : 1;
}

static int all_functions_are_wanted(void)
{
    struct bkt_allocator half = {.size = sizeof(half), .allocate = allocate};
    struct counts counts = {0};
    return bkt_set_allocator(&half, NULL) == BKT_ECONFIG && set(&counts) == BKT_OK ? 0 : 1;
}

static void in_a_process_of_its_own(int (*test)(void))
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(test());
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void an_allocator(void **state)
{
    (void)state;
    in_a_process_of_its_own(all_memory_is_its);
    in_a_process_of_its_own(null_is_out_of_memory);
    in_a_process_of_its_own(it_is_set_once);
    in_a_process_of_its_own(it_is_set_first);
    in_a_process_of_its_own(all_functions_are_wanted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(an_allocator)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
