/*
 * An HTTP/1.1 server on 127.0.0.1: one thread, one epoll, keep-alive, one request at a time per
 * connection.  It knows nothing of S3; what is to go wrong with an answer is in struct
 * stub_response.
 */
#ifndef STUB_SERVER_H
#define STUB_SERVER_H

#include "request.h"

/* Fill in `response`, which is empty with status 200.  Views of the request end with the call. */
typedef void stub_handle_fn(void *ctx,
                            const struct stub_request *request,
                            struct stub_response *response);

struct stub_server_stats {
    uint64_t connections; /* accepted */
    uint64_t requests;
    uint64_t bytes_sent; /* of bodies */
    uint64_t open;       /* connections now */
    uint64_t concurrent[STUB_KIND_COUNT];
    uint64_t concurrent_max[STUB_KIND_COUNT];
    uint64_t statuses[600];
};

struct stub_server;

/* NULL after a message on stderr.  `port` 0: any free one. */
struct stub_server *stub_server_new(unsigned port, stub_handle_fn *handle, void *ctx);
unsigned stub_server_port(const struct stub_server *server);
struct stub_server_stats *stub_server_stats(struct stub_server *server);
void stub_server_reset_stats(struct stub_server *server);
/* Until *stop is set, which a signal handler may do. */
void stub_server_run(struct stub_server *server, const volatile int *stop);
void stub_server_free(struct stub_server *server);

#endif
