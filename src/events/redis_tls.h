/*
 * TLS between two buffers: encrypted bytes in and out on one side, plain ones on the other.  The
 * socket is somebody else's.
 */
#ifndef EVENTS_REDIS_TLS_H
#define EVENTS_REDIS_TLS_H

#include "core/buf.h"

#include <bucketable/error.h>

struct bkt_redis_tls;

/* `host` is what the certificate must be for: a name or an address. */
BKT_MUST_CHECK int bkt_redis_tls_new(const char *host,
                                     const char *ca_bundle,
                                     struct bkt_redis_tls **out_tls,
                                     struct bkt_error *err);
void bkt_redis_tls_free(struct bkt_redis_tls *tls);

/*
 * Take `received` from the peer (empty: nothing new) and as much of `plain_out` as can be sent now;
 * append what the peer said to `plain_in` and what is to be sent to it to `wire_out`.  BKT_ENET:
 * the peer is not to be trusted, or has said good-bye.
 */
BKT_MUST_CHECK int bkt_redis_tls_turn(struct bkt_redis_tls *tls,
                                      struct bkt_str received,
                                      struct bkt_buf *plain_out,
                                      struct bkt_buf *plain_in,
                                      struct bkt_buf *wire_out,
                                      struct bkt_error *err);

#endif
