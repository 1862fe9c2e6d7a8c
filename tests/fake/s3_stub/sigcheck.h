/*
 * Verification of Signature Version 4 in the Authorization header, made from the documents and
 * sharing no code with the library's signer.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
#ifndef STUB_SIGCHECK_H
#define STUB_SIGCHECK_H

#include "request.h"

struct stub_sigcheck {
    const char *key_id; /* NULL: every request is accepted */
    const char *secret;
    const char *region; /* NULL: any */
};

/* NULL when the signature holds, else the code of the error that S3 would answer with. */
const char *stub_sigcheck_verify(const struct stub_sigcheck *check,
                                 const struct stub_request *request);

#endif
