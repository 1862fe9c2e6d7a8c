/*
 * The JSON files in which `aws sso login` and `aws login` keep what they were given.
 */
#ifndef AWS_TOKEN_CACHE_H
#define AWS_TOKEN_CACHE_H

#include "aws/env.h"

#include <openssl/types.h>

struct cJSON;

enum { BKT_TOKEN_CACHE_PATH_BYTES_MAX = 4096, BKT_TOKEN_CACHE_BYTES_MAX = 256 << 10 };

/* Append DIRECTORY/DIGEST.json, the digest that of the session's name, in hex; `~/` is HOME. */
BKT_MUST_CHECK int bkt_token_cache_path(const struct bkt_env *env,
                                        struct bkt_str directory,
                                        struct bkt_str name,
                                        const EVP_MD *digest,
                                        struct bkt_buf *out_path,
                                        struct bkt_error *err);

/*
 * Append what asks for a new token: {"grantType":"refresh_token",...} with these members of the
 * cache.  BKT_EPARSE when it lacks one.
 */
BKT_MUST_CHECK int bkt_token_cache_ask(const struct cJSON *json,
                                       const char *const *names,
                                       size_t count,
                                       struct bkt_buf *out_body,
                                       struct bkt_error *err);

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
    char temporary[BKT_TOKEN_CACHE_PATH_BYTES_MAX + 16];
};
bool bkt_token_cache_open(const char *path, struct bkt_token_cache_file *out);

/* Replace `path` in one step, for the AWS CLI may read it at any time.  False: it is as it was. */
bool bkt_token_cache_replace(struct bkt_token_cache_file *file,
                             const char *path,
                             const struct cJSON *json);
void bkt_token_cache_drop(struct bkt_token_cache_file *file);

#endif
