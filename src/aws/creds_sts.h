/*
 * The two questions to the Security Token Service that give credentials (API version 2011-06-15).
 */
#ifndef AWS_CREDS_STS_H
#define AWS_CREDS_STS_H

#include "aws/creds_source.h"

struct bkt_sts_role {
    struct bkt_str arn;
    struct bkt_str session_name;     /* empty: one is made of the time */
    struct bkt_str external_id;      /* empty: none */
    struct bkt_str duration_seconds; /* empty: the service's default; else 900 to 43200 */
    struct bkt_str region;           /* of the service's host; empty: the client's */
    const struct bkt_creds *signer;  /* AssumeRole */
    struct bkt_str web_token;        /* AssumeRoleWithWebIdentity, not signed; without `signer` */
};

/*
 * Three tries for what may pass.  BKT_ECREDS when the service refuses (its code and words are in
 * the message), BKT_ENET when it cannot be reached, BKT_ECONFIG when the role is no role.
 */
BKT_MUST_CHECK int bkt_sts_assume(const struct bkt_creds_ctx *ctx,
                                  const struct bkt_sts_role *role,
                                  struct bkt_creds *out_creds,
                                  struct bkt_error *err);

/* The answer of either operation; pure. */
BKT_MUST_CHECK int bkt_sts_parse(struct bkt_str xml,
                                 struct bkt_creds *out_creds,
                                 struct bkt_error *err);

#endif
