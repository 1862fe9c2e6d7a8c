/*
 * A peer between libpq and the server that cuts the connection around one COMMIT, and forwards
 * everything else.
 */
#ifndef TESTS_TARGETS_POSTGRES_PROXY_H
#define TESTS_TARGETS_POSTGRES_PROXY_H

enum proxy_cut {
    PROXY_FORWARD,
    PROXY_CUT_BEFORE_COMMIT, /* the server never sees it */
    PROXY_CUT_AFTER_COMMIT,  /* it is done, and its answer lost */
};

struct proxy;

/* Listen on a free port of 127.0.0.1 for connections to `server_port`; NULL on failure. */
struct proxy *proxy_new(int server_port);
int proxy_port(const struct proxy *proxy);
/* Of the connections made from now on; one that was cut resets it to FORWARD. */
void proxy_set(struct proxy *proxy, enum proxy_cut cut);
/* How often a connection was cut. */
int proxy_cuts(const struct proxy *proxy);
void proxy_free(struct proxy *proxy);

#endif
