/*
 * What the tests of src/glob share: the vectors of tests/data/globset (a line is tab-separated
 * fields in which \t, \n, \\ and \xHH stand for bytes) and random small patterns and paths.
 */
#ifndef TESTS_GLOB_DATA_H
#define TESTS_GLOB_DATA_H

#include "core/str.h"

#include "t.h"

#include <stdio.h>
#include <stdlib.h>

struct vector {
    struct bkt_str fields[3];
};

static inline struct bkt_str t_unescape(char *field)
{
    size_t len = 0;
    for (const char *from = field; *from; from++) {
        if (*from != '\\') {
            field[len++] = *from;
            continue;
        }
        char hex[3] = {0};
        switch (*++from) {
        case 't':
            field[len++] = '\t';
            break;
        case 'n':
            field[len++] = '\n';
            break;
        case 'x':
            memcpy(hex, from + 1, 2);
            field[len++] = (char)strtol(hex, NULL, 16);
            from += 2;
            break;
        default:
            field[len++] = *from;
        }
    }
    return (struct bkt_str){field, len};
}

/* Call `check` for each line of tests/data/globset/`name`; returns how many there were. */
static inline size_t t_each_vector(const char *name, void (*check)(const struct vector *vector))
{
    static char line[16 << 10];
    char path[4096];
    const char *folder = getenv("BKT_TEST_DATA");
    assert_non_null(folder);
    (void)snprintf(path, sizeof(path), "%s/globset/%s", folder, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);

    size_t count = 0;
    while (fgets(line, sizeof(line), file)) {
        line[strcspn(line, "\n")] = '\0';
        struct vector vector = {{{0}}};
        char *field = line;
        for (size_t i = 0; i < 3 && field; i++) {
            char *tab = strchr(field, '\t');
            if (tab)
                *tab = '\0';
            vector.fields[i] = t_unescape(field);
            field = tab ? tab + 1 : NULL;
        }
        check(&vector);
        count++;
    }
    assert_int_equal(fclose(file), 0);
    return count;
}

/* A xorshift; the same numbers in every run. */
static inline uint32_t t_random(uint64_t *seed, uint32_t below)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return (uint32_t)(*seed >> 32) % below;
}

/* A few parts of the dialect that can be put in any order; `room` is more than enough for them. */
static inline void t_random_pattern(uint64_t *seed, char *pattern, size_t room)
{
    static const char *const parts[] = {"a",          "b",        "a",    "/",      ".",
                                        "?",          "*",        "[ab]", "[!a]",   "[.-b]",
                                        "{a,b}",      "{a/,b.}",  "x*y",  "{a*,?}", "{b,a{/,.}}",
                                        "{[ab],a*/}", "{aa,a,b}", "/"};
    pattern[0] = '\0';
    if (t_random(seed, 4) == 0)
        (void)snprintf(pattern, room, "**/");
    for (uint32_t left = t_random(seed, 6); left > 0; left--) {
        size_t len = strlen(pattern);
        bool middle = t_random(seed, 10) == 0 && len > 0 && pattern[len - 1] != '/';
        const char *part = middle ? "/**/a" : parts[t_random(seed, T_COUNT(parts))];
        /* Two stars are made on purpose only: what they mean hangs on what is around them. */
        if (strcmp(part, "*") != 0 || len == 0 || pattern[len - 1] != '*')
            (void)snprintf(pattern + len, room - len, "%s", part);
    }
    size_t len = strlen(pattern);
    if (t_random(seed, 5) == 0 && len > 0 && pattern[len - 1] != '/')
        (void)snprintf(pattern + len, room - len, "/**");
}

static inline void t_random_path(uint64_t *seed, char *path)
{
    static const char bytes[] = {'a', 'b', 'a', 'b', '/', '.', 'x', 'y'};
    uint32_t len = t_random(seed, 9);
    for (uint32_t i = 0; i < len; i++)
        path[i] = bytes[t_random(seed, T_COUNT(bytes))];
    path[len] = '\0';
}

#endif
