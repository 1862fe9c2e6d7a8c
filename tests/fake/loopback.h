/* A listening socket on a free port of this machine. */
#ifndef TESTS_FAKE_LOOPBACK_H
#define TESTS_FAKE_LOOPBACK_H

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>

static inline int loopback_listen(unsigned *out_port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t addr_len = sizeof(addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0 ||
        listen(fd, 64) != 0 || getsockname(fd, (struct sockaddr *)&addr, &addr_len) != 0)
        abort();
    *out_port = ntohs(addr.sin_port);
    return fd;
}

#endif
