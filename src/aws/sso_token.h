/*
 * The token that `aws sso login` keeps in ~/.aws/sso/cache, and its refresh.
 */
#ifndef AWS_SSO_TOKEN_H
#define AWS_SSO_TOKEN_H

#include "aws/creds_source.h"

/* Views of the profiles. */
struct bkt_sso {
    struct bkt_str profile;
    struct bkt_str session; /* the section's name; empty: the older form, all in the profile */
    struct bkt_str start_url;
    struct bkt_str region;
    struct bkt_str account_id;
    struct bkt_str role_name;
};

/*
 * A token that is good now.  One with less than 15 minutes left is refreshed, when the session can
 * be (a registered client and a refresh token), and written back; a failed refresh of one that is
 * still good is no failure.  BKT_ECREDS, with the command to log in again, when there is none.
 */
BKT_MUST_CHECK int bkt_sso_token(const struct bkt_creds_ctx *ctx,
                                 const struct bkt_sso *sso,
                                 struct bkt_buf *out_token,
                                 struct bkt_error *err);

/* The error that asks for a new login; `state` is like "has expired". */
int bkt_sso_log_in(const struct bkt_sso *sso, const char *state, struct bkt_error *err);

#endif
