/*
 * The canonical form of a request, of which Signature Version 4 signs the hash:
 *
 *   METHOD, path, query, a line for each header, an empty line, the headers' names, payload hash
 */
#ifndef AWS_SIGV4_CANONICAL_H
#define AWS_SIGV4_CANONICAL_H

#include "aws/sigv4.h"

/*
 * Append the canonical request to `out` and the signed headers' names, joined by `;`, to `names`
 * (which is empty at first).  The limits of sigv4.h hold; on failure both hold a part.
 */
BKT_MUST_CHECK int bkt_sigv4_canonical(const struct bkt_sigv4_request *request,
                                       struct bkt_buf *out,
                                       struct bkt_buf *names,
                                       struct bkt_error *err);

#endif
