/*
 * bucketable/glob.h - glob patterns over keys, with the dialect of Rust's globset (0.4.21) at its
 * default options: `*` and `?` cross `/`, `**` is special as a whole component, `[..]` and `?` take
 * one byte, `{a,b}` nests, a backslash escapes.  The whole key must match, byte for byte.
 *
 * Threads: a glob is immutable once made; any number of threads may match with one, as with a set
 *          that nothing is being added to.
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

/*
 * Many patterns asked at once, which costs less than one after the other: most of them are ruled
 * out by the first or last bytes of the path.
 */
struct bkt_glob_set;

/* An empty set, which matches nothing. */
BKT_API BKT_MUST_CHECK int bkt_glob_set_new(struct bkt_glob_set **out_set, struct bkt_error *err);

/*
 * Add a pattern, as for bkt_glob_new().  Patterns are counted from 0 in the order of adding.
 * BKT_ECONFIG when it is rejected, BKT_ELIMIT after 2^20 patterns; the set is then as before.
 */
BKT_API BKT_MUST_CHECK int bkt_glob_set_add(struct bkt_glob_set *set,
                                            const char *pattern,
                                            size_t pattern_len,
                                            struct bkt_error *err);

/* Does any pattern match the whole of `path`? */
BKT_API bool bkt_glob_set_matches(const struct bkt_glob_set *set,
                                  const char *path,
                                  size_t path_len);

/* Which one is the first that matches?  False, and `out_index` left alone, when none does. */
BKT_API bool bkt_glob_set_find(const struct bkt_glob_set *set,
                               const char *path,
                               size_t path_len,
                               size_t *out_index);

/* How many patterns were added. */
BKT_API size_t bkt_glob_set_count(const struct bkt_glob_set *set);

/* NULL is fine. */
BKT_API void bkt_glob_set_free(struct bkt_glob_set *set);

BKT_END_DECLS

#endif
