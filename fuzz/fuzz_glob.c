/*
 * The input is a pattern, a line feed, a path. All ways to match must agree, and what is said about
 * the beginnings of keys must hold for this one.
 */
#include "core/mem.h"
#include "glob/glob_match.h"
#include "glob/glob_prefix.h"

#include <stdint.h>

enum { PATH_BYTES_MAX = 512 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        __builtin_trap();
}

static bool begins_with_one(struct bkt_str path, const struct bkt_glob_prefixes *prefixes)
{
    for (size_t i = 0; i < prefixes->count; i++) {
        if (bkt_str_has_prefix(path, prefixes->items[i]))
            return true;
    }
    return false;
}

static bool excludes(const struct bkt_glob *glob, struct bkt_str key)
{
    for (size_t i = 0; i < key.len; i++) {
        if (key.ptr[i] == '/' &&
            (bkt_glob_matches(glob, key.ptr, i) || bkt_glob_matches(glob, key.ptr, i + 1)))
            return true;
    }
    return bkt_glob_matches(glob, key.ptr, key.len);
}

static void check_ways(const struct bkt_glob *glob, struct bkt_str pattern, struct bkt_str path)
{
    bool matches = bkt_glob_matches(glob, path.ptr, path.len);
    struct bkt_glob plain = {.program = glob->program};
    require(bkt_glob_matches(&plain, path.ptr, path.len) == matches);
    require(bkt_glob_nfa_make(&glob->program, &plain.nfa, NULL) == BKT_OK);
    require(bkt_glob_matches(&plain, path.ptr, path.len) == matches);
    bkt_mem_free(plain.nfa);

    struct bkt_glob_set *set = NULL;
    size_t index = 1;
    require(bkt_glob_set_new(&set, NULL) == BKT_OK);
    require(bkt_glob_set_add(set, pattern.ptr, pattern.len, NULL) == BKT_OK);
    require(bkt_glob_set_find(set, path.ptr, path.len, &index) == matches);
    require(index == !matches);
    bkt_glob_set_free(set);
}

static void check_prefixes(const struct bkt_glob *glob, struct bkt_str path)
{
    struct bkt_arena arena = {0};
    struct bkt_glob_prefixes prefixes;
    struct bkt_glob_prefixes excluded;
    require(bkt_glob_find_prefixes(glob, &arena, &prefixes) == BKT_OK);
    require(bkt_glob_find_excluded(glob, &arena, &excluded) == BKT_OK);
    require(prefixes.count >= 1 && prefixes.count <= BKT_GLOB_PREFIXES_MAX);
    if (bkt_glob_matches(glob, path.ptr, path.len))
        require(begins_with_one(path, &prefixes));
    if (begins_with_one(path, &excluded))
        require(excludes(glob, path));
    bkt_arena_clear(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bkt_str pattern = {(const char *)data, size};
    struct bkt_str path = {"", 0};
    const char *feed = size > 0 ? memchr(data, '\n', size) : NULL;
    if (feed) {
        pattern.len = (size_t)(feed - pattern.ptr);
        path = (struct bkt_str){feed + 1, size - pattern.len - 1};
    }
    if (path.len > PATH_BYTES_MAX)
        path.len = PATH_BYTES_MAX;

    struct bkt_glob *glob = NULL;
    struct bkt_error err;
    if (bkt_glob_new(pattern.ptr, pattern.len, &glob, &err)) {
        require(err.code == BKT_ECONFIG && strstr(err.message, "byte ") != NULL);
        return 0;
    }
    check_ways(glob, pattern, path);
    check_prefixes(glob, path);
    bkt_glob_free(glob);
    return 0;
}
