/*
 * All the places where credentials may be, asked in the AWS CLI's order:
 *
 *   1 environment: AWS_ACCESS_KEY_ID ...     (not when the profile is named by an option)
 *   2 the profile's role_arn
 *   3 web identity: AWS_WEB_IDENTITY_TOKEN_FILE, or the profile's web_identity_token_file
 *   4 the profile's SSO session
 *   5 keys of the profile in the credentials file
 *   6 the profile's `aws login` session
 *   7 the profile's credential_process
 *   8 keys of the profile in the config file
 *   9 the container's service (ECS, EKS)
 *  10 the instance's metadata service
 *
 * The first that is configured answers; when it fails, its error is the chain's.  The files are
 * read anew for every answer, so that keys that were renewed there are found.
 *
 * Threads: one fetch at a time.
 */
#ifndef AWS_CREDS_CHAIN_H
#define AWS_CREDS_CHAIN_H

#include "aws/creds_source.h"

/* Texts are copied; `env` and `http` must outlive the provider. */
struct bkt_creds_chain_options {
    const struct bkt_env *env;           /* NULL: the process's */
    const char *profile;                 /* the program's option; NULL or "": none */
    const char *region;                  /* the client's, for STS; NULL: not known */
    const struct bkt_http_options *http; /* NULL: defaults */
};

/*
 * The caller ends `out_provider` with its `free` member.  Its `fetch` fails with BKT_ECREDS and a
 * word on each place that was looked at when there is nothing in any, with BKT_ECONFIG when the
 * files or the profile's name are wrong.
 */
BKT_MUST_CHECK int bkt_creds_chain_new(const struct bkt_creds_chain_options *options,
                                       struct bkt_creds_provider *out_provider,
                                       struct bkt_error *err);

#endif
