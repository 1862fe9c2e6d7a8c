/* Where to listen: "127.0.0.1:9100", "[::1]:9100", ":9100". */
#ifndef CLI_LISTEN_ADDRESS_H
#define CLI_LISTEN_ADDRESS_H

#include <bucketable/bucketable.h>

#include <sys/socket.h>

struct cli_listen_address {
    struct sockaddr_storage socket;
    socklen_t len;
    bool is_loopback;
};

/* BKT_ECONFIG, and what it should look like. */
BKT_MUST_CHECK int cli_listen_address_parse(const char *text,
                                            struct cli_listen_address *out,
                                            struct bkt_error *err);

/* Does a Host header name this machine's own loopback: localhost, 127.x.x.x, [::1]? */
bool cli_listen_is_loopback_host(const char *host);

#endif
