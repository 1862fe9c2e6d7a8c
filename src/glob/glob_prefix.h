/*
 * What a glob says about the beginnings of keys, so that a lister can leave out whole key ranges.
 *
 * Both answers err on the safe side: what must be listed is never missing from the first, what must
 * not be left out is never in the second.
 */
#ifndef GLOB_GLOB_PREFIX_H
#define GLOB_GLOB_PREFIX_H

#include "core/arena.h"

#include <bucketable/glob.h>

enum {
    BKT_GLOB_PREFIXES_MAX = 64,
    BKT_GLOB_PREFIX_BYTES_MAX = 1024, /* the longest key that S3 has */
};

/* In the order of keys; none begins with another. */
struct bkt_glob_prefixes {
    struct bkt_str *items;
    size_t count;
};

/*
 * Every key that the glob matches begins with one of these; `{a,b}/x/?.md` has "a/x/" and "b/x/",
 * `*.md` only "", which says nothing. There is always one; where there would be more than
 * BKT_GLOB_PREFIXES_MAX, some are shortened to what they have in common. BKT_ENOMEM.
 */
BKT_MUST_CHECK int bkt_glob_find_prefixes(const struct bkt_glob *glob,
                                          struct bkt_arena *arena,
                                          struct bkt_glob_prefixes *out_prefixes);

/*
 * Every key that begins with one of these is excluded, when the glob excludes what it
 * matches and all below a directory that it matches, tried as "a/b" and as "a/b/". So "a/b", "a/b/"
 * and "a/b/" with stars behind it all have "a/b/"; "tmp*" has "tmp", "*" has "" (everything), and
 * "*.md" has none. BKT_ENOMEM.
 */
BKT_MUST_CHECK int bkt_glob_find_excluded(const struct bkt_glob *glob,
                                          struct bkt_arena *arena,
                                          struct bkt_glob_prefixes *out_prefixes);

#endif
