/*
 * Proof that a request comes from who holds the private key that its token was given to: DPoP
 * (RFC 9449), with ES256 and an EC key on P-256, as `aws login` uses it.
 *
 * Pure but for the random part of the signature.
 */
#ifndef AWS_DPOP_H
#define AWS_DPOP_H

#include "core/buf.h"

#include <bucketable/error.h>

struct bkt_dpop {
    struct bkt_str key; /* PEM, SEC 1 or PKCS #8, without a passphrase */
    const char *method;
    const char *url; /* without query and fragment */
    int64_t now_s;
    const char *id; /* never used before */
};

/*
 * Append the value of the `DPoP` header: a JSON web token in three parts.  BKT_EPARSE when the key
 * is none of that kind.  No message holds any of it.
 */
BKT_MUST_CHECK int bkt_dpop_append(const struct bkt_dpop *dpop,
                                   struct bkt_buf *out,
                                   struct bkt_error *err);

#endif
