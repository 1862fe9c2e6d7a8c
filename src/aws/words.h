/*
 * A command line cut into words as a POSIX shell would, without anything else a shell does: no
 * variables, no patterns, no pipes (the rules of Python's shlex.split(), which the AWS CLI uses).
 */
#ifndef AWS_WORDS_H
#define AWS_WORDS_H

#include "core/arena.h"

#include <bucketable/error.h>

enum { BKT_WORDS_MAX = 256 };

/*
 * `out_words`, ended by NULL, and its texts are cut from `arena`.  BKT_ECONFIG: an open quote, a
 * backslash at the end, a NUL, no word at all, too many.
 */
BKT_MUST_CHECK int bkt_words_split(struct bkt_str line,
                                   struct bkt_arena *arena,
                                   char ***out_words,
                                   struct bkt_error *err);

#endif
