/*
 * The outside world as the AWS files and variables show it: environment and small files.
 *
 * Everything below src/aws reads the environment through this, so that a test brings its own and
 * never touches the real one.
 */
#ifndef AWS_ENV_H
#define AWS_ENV_H

#include "core/buf.h"

#include <bucketable/error.h>

/* `get` answers like getenv(): a text that lives as long as the environment, or NULL. */
struct bkt_env {
    const char *(*get)(void *ctx, const char *name);
    void *ctx;
};

/* The process's own environment. */
const struct bkt_env *bkt_env_process(void);

/* Blanks at both ends are cut off; a variable that is unset, empty or blank is an empty view. */
struct bkt_str bkt_env_get(const struct bkt_env *env, const char *name);

/* "true" in any case is true, everything else false (as the SDKs read their switches). */
bool bkt_env_get_bool(const struct bkt_env *env, const char *name);

/*
 * Append `path` to `out`, a leading "~/" replaced by $HOME.  BKT_ECONFIG when HOME is wanted and
 * not set, or when the path holds a NUL.
 */
BKT_MUST_CHECK int bkt_path_expand(const struct bkt_env *env,
                                   struct bkt_str path,
                                   struct bkt_buf *out,
                                   struct bkt_error *err);

/*
 * Append a file's bytes to `out`.  A file that is not there is no failure: `*out_exists` is false.
 * BKT_ELIMIT past out->max, BKT_EIO when it cannot be read; the message names the path.
 */
BKT_MUST_CHECK int bkt_file_read(const char *path,
                                 struct bkt_buf *out,
                                 bool *out_exists,
                                 struct bkt_error *err);

#endif
