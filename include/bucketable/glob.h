/*
 * bucketable/glob.h - glob patterns over keys, with the dialect of Rust's globset (0.4.21) at its
 * default options: `*` and `?` cross `/`, `**` is special as a whole component, `[..]` and `?` take
 * one byte, `{a,b}` nests, a backslash escapes.  The whole key must match, byte for byte.
 *
 * Threads: a glob is immutable once made; any number of threads may match with one.
 * Cost:    matching takes time proportional to pattern length times path length at worst, and keeps
 *          its working memory on the stack: it never allocates and never fails.
 */
#ifndef BKT_GLOB_H
#define BKT_GLOB_H

#include <bucketable/error.h>

BKT_BEGIN_DECLS

struct bkt_glob;

/*
 * Compile a pattern (UTF-8, any length up to 64 KiB, may hold NULs).
 * BKT_ECONFIG when the pattern is rejected: the message names the byte position and what is wrong.
 */
BKT_API BKT_MUST_CHECK int bkt_glob_new(const char *pattern,
                                        size_t pattern_len,
                                        struct bkt_glob **out_glob,
                                        struct bkt_error *err);

/* Does the whole of `path` match?  `path` may hold any bytes. */
BKT_API bool bkt_glob_matches(const struct bkt_glob *glob, const char *path, size_t path_len);

/* NULL is fine. */
BKT_API void bkt_glob_free(struct bkt_glob *glob);

BKT_END_DECLS

#endif
