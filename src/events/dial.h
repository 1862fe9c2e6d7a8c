/*
 * A TCP connection to a host by name, or one to a unix socket: looked up and opened without
 * blocking, its addresses tried in turn.
 *
 * No time-out of its own: the caller cancels.  Threads: one, that of the loop.
 */
#ifndef EVENTS_DIAL_H
#define EVENTS_DIAL_H

#include "aws/http.h"

struct bkt_dial;

struct bkt_dial_address {
    const char *host; /* or the path of a unix socket */
    uint16_t port;
    bool is_unix;
};

/* A connected, non-blocking socket, the callee's; or -1 and why.  The dial is over and freed. */
typedef void bkt_dial_fn(void *ctx, int fd, const struct bkt_error *err);

/* `address` is copied.  `fn` is called from bkt_http_run_once(), never before this returns. */
BKT_MUST_CHECK int bkt_dial_start(struct bkt_http *http,
                                  const struct bkt_dial_address *address,
                                  bkt_dial_fn *fn,
                                  void *ctx,
                                  struct bkt_dial **out_dial,
                                  struct bkt_error *err);

/* Nothing is called back any more.  NULL is fine. */
void bkt_dial_cancel(struct bkt_dial *dial);

#endif
