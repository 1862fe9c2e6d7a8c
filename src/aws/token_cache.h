/*
 * The JSON files in which `aws sso login` and `aws login` keep what they were given.
 */
#ifndef AWS_TOKEN_CACHE_H
#define AWS_TOKEN_CACHE_H

#include "core/str.h"

struct cJSON;

/* A member that is a text, else an empty view. */
struct bkt_str bkt_token_cache_text(const struct cJSON *json, const char *name);

/* Set a member to a text.  False when memory is out: the old value then stays. */
bool bkt_token_cache_put(struct cJSON *json, const char *name, const char *value);

/*
 * A file that will stand in the place of `path`, made before it is needed: a refresh token is good
 * for one use, so what cannot be kept must not be asked for.  False when it cannot be made.  One of
 * the two functions below ends it.
 */
struct bkt_token_cache_file {
    int fd;
    char temporary[4096 + 16];
};
bool bkt_token_cache_open(const char *path, struct bkt_token_cache_file *out);

/* Replace `path` in one step, for the AWS CLI may read it at any time.  False: it is as it was. */
bool bkt_token_cache_replace(struct bkt_token_cache_file *file,
                             const char *path,
                             const struct cJSON *json);
void bkt_token_cache_drop(struct bkt_token_cache_file *file);

#endif
