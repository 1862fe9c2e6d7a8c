/*
 * Globs that come down to comparing literals.
 *
 * Most patterns that people write are a literal, `dir` and everything below, everything with some
 * ending, or a few of these in braces. Written out, each is a short list of "begins with this and
 * ends with that", which is what is kept here.
 */
#ifndef GLOB_GLOB_SIMPLE_H
#define GLOB_GLOB_SIMPLE_H

#include "glob/glob_program.h"

enum { BKT_GLOB_SIMPLES_MAX = 16 };

/* The whole of `head`, or with `star` everything that begins with `head` and goes on to `tail`. */
struct bkt_glob_simple {
    struct bkt_str head;
    struct bkt_str tail;
    bool star;
};

/* A path matches when it matches one of them. */
struct bkt_glob_simples {
    struct bkt_glob_simple *items; /* NULL when the glob is not of this kind */
    size_t count;
    char *bytes; /* what the views in `items` are of */
};

/* Leaves `out_simples` empty when the program takes more than that. BKT_ENOMEM. */
BKT_MUST_CHECK int bkt_glob_simples_make(const struct bkt_glob_program *program,
                                         struct bkt_glob_simples *out_simples,
                                         struct bkt_error *err);

void bkt_glob_simples_clear(struct bkt_glob_simples *simples);

static inline bool bkt_glob_simple_matches(const struct bkt_glob_simple *simple,
                                           struct bkt_str path)
{
    if (!simple->star)
        return bkt_str_eq(path, simple->head);
    if (path.len < simple->head.len + simple->tail.len)
        return false;
    struct bkt_str end = {path.ptr + (path.len - simple->tail.len), simple->tail.len};
    return bkt_str_has_prefix(path, simple->head) && bkt_str_eq(end, simple->tail);
}

#endif
