/*
 * The sources that the chain of credentials is made of, one function and one file each; for the
 * chain and the tests only.
 *
 * A source sets `out_creds`, which come in empty, or leaves them so and says in `why` what it has
 * not been given; one that is configured and fails returns an error, and nothing after it is asked.
 * No message holds a secret, a token or the output of a program.  Sources keep nothing between
 * calls.
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
    const char *container_host;  /* NULL: "http://169.254.170.2" */
    uint32_t retry_delay_ms;     /* between tries at a local service; 0: none */
    uint32_t process_timeout_ms; /* of a credential_process; 0: 60 s */
    bool is_hop; /* asked for the profile of a source_profile: the environment has no say */
};

typedef int bkt_creds_source_fn(const struct bkt_creds_ctx *ctx,
                                struct bkt_str profile,
                                struct bkt_creds *out_creds,
                                char why[BKT_CREDS_WHY_BYTES],
                                struct bkt_error *err);

int64_t bkt_creds_now(const struct bkt_creds_ctx *ctx);

/*
 * For services that have no region of their own in the profile: the client's, AWS_REGION,
 * AWS_DEFAULT_REGION, us-east-1.
 */
struct bkt_str bkt_creds_region(const struct bkt_creds_ctx *ctx);

/* The two good ends of a source, both BKT_OK: where the keys are from, and why there are none. */
int bkt_creds_found(struct bkt_creds *creds, const char *fmt, ...) BKT_PRINTF(2, 3);
int bkt_creds_none(char why[BKT_CREDS_WHY_BYTES], const char *fmt, ...) BKT_PRINTF(2, 3);

/* Neither a blank nor what would end a header line early. */
bool bkt_creds_is_word(struct bkt_str text);

/* Set `out`, if id and token are words. */
BKT_MUST_CHECK int bkt_creds_keep(struct bkt_creds *out,
                                  struct bkt_str id,
                                  struct bkt_str secret,
                                  struct bkt_str token,
                                  int64_t expires_ms,
                                  struct bkt_error *err);

/* Copy what is printable ASCII of a peer's words, cut to the size. */
void bkt_creds_printable(struct bkt_str text, char *out, size_t size);

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

/*
 * The profile's role_arn, through source_profile (any kind of profile, other roles included) or
 * credential_source.  Each role is assumed with the credentials of the one before.
 */
bkt_creds_source_fn bkt_creds_role_fetch;

/*
 * AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN, AWS_ROLE_SESSION_NAME, or the profile's keys of the
 * same names.  The token file is read for every answer: it is replaced now and then.
 */
bkt_creds_source_fn bkt_creds_web_fetch;

/* The token that `aws sso login` left in the cache, for the keys of a role. */
bkt_creds_source_fn bkt_creds_sso_fetch;

/*
 * The keys that `aws login` left in its cache.  With less than 5 minutes left they are refreshed,
 * and the new ones are written back; a refresh that fails is a failure only once they have ended.
 */
bkt_creds_source_fn bkt_creds_login_fetch;

/*
 * The profile's credential_process: split into words as a shell would, run without one, its output
 * at most 64 KiB, in at most 60 s.
 */
bkt_creds_source_fn bkt_creds_process_fetch;

/* AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or ..._FULL_URI. */
bkt_creds_source_fn bkt_creds_ecs_fetch;

/* The role of the EC2 instance. */
bkt_creds_source_fn bkt_creds_imds_fetch;

/*
 * The credentials of a profile as other profiles use it (source_profile): all but roles, and
 * without the environment.
 */
bkt_creds_source_fn bkt_creds_profile_fetch;

#endif
