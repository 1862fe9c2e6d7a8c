/*
 * The sources that the chain of credentials is made of, one function and one file each; for the
 * chain and the tests only.
 *
 * A source answers BKT_CREDS_FOUND with `out_creds` set, or BKT_CREDS_NOT_CONFIGURED with the
 * reason in `why`; a source that is configured and fails returns an error, and nothing after it is
 * asked.  `out_creds` comes in empty.  No message holds a secret, a token or the output of a
 * program.  Sources keep nothing between calls.
 */
#ifndef AWS_CREDS_SOURCE_H
#define AWS_CREDS_SOURCE_H

#include "aws/creds.h"
#include "aws/http.h"
#include "aws/profile.h"

enum { BKT_CREDS_WHY_BYTES = 256, BKT_CREDS_ANSWER_BYTES_MAX = 256 << 10 };

/* What every source is given.  Borrowed; read only. */
struct bkt_creds_ctx {
    const struct bkt_env *env;
    const struct bkt_profiles *profiles;
    const struct bkt_http_options *http; /* NULL: defaults */
    const char *region;                  /* the client's; NULL: not known */
    int64_t (*now_ms)(void *ctx);        /* wall time; NULL: the system's */
    void *now_ctx;
    const char *container_host; /* NULL: "http://169.254.170.2" */
    uint32_t retry_delay_ms;    /* between tries at a local service; 0: none */
    bool is_hop; /* asked for the profile of a source_profile: the environment has no say */
};

typedef int bkt_creds_source_fn(const struct bkt_creds_ctx *ctx,
                                struct bkt_str profile,
                                struct bkt_creds *out_creds,
                                enum bkt_creds_answer *out_answer,
                                char why[BKT_CREDS_WHY_BYTES],
                                struct bkt_error *err);

int64_t bkt_creds_now(const struct bkt_creds_ctx *ctx);

/* Say why a source is not configured. */
void bkt_creds_why(char why[BKT_CREDS_WHY_BYTES], const char *fmt, ...) BKT_PRINTF(2, 3);

/*
 * AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SECURITY_TOKEN or AWS_SESSION_TOKEN,
 * AWS_CREDENTIAL_EXPIRATION.  An id without a secret is an error.
 */
bkt_creds_source_fn bkt_creds_env_fetch;

/*
 * Keys written in the profile, in one of the two files.  Id, secret and token are taken as a set:
 * never one from each file.
 */
bkt_creds_source_fn bkt_creds_credentials_file_fetch;
bkt_creds_source_fn bkt_creds_config_file_fetch;

#endif
