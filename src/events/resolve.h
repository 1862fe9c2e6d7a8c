/*
 * A host's addresses, asked for on a thread of its own: the system's resolver may take many seconds
 * and a loop may not.
 */
#ifndef EVENTS_RESOLVE_H
#define EVENTS_RESOLVE_H

#include "aws/http.h"

struct addrinfo;
struct bkt_resolve;

/* The addresses, for freeaddrinfo(); or NULL, and why not.  The resolve is over and freed. */
typedef void bkt_resolve_fn(void *ctx, struct addrinfo *addresses, const char *why);

BKT_MUST_CHECK int bkt_resolve_start(struct bkt_http *http,
                                     const char *host,
                                     uint16_t port,
                                     bkt_resolve_fn *fn,
                                     void *ctx,
                                     struct bkt_resolve **out_resolve,
                                     struct bkt_error *err);

/* Nothing is called back any more; what the thread still does is forgotten.  NULL is fine. */
void bkt_resolve_cancel(struct bkt_resolve *resolve);

#endif
