#include "events/dial.h"

#include "core/mem.h"
#include "events/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct bkt_dial {
    struct bkt_http *http;
    bkt_dial_fn *fn;
    void *ctx;
    struct bkt_resolve *resolve;
    struct addrinfo *addresses;
    const struct addrinfo *next;
    int fd;
};

static void close_socket(struct bkt_dial *dial)
{
    if (dial->fd < 0)
        return;
    (void)!bkt_http_watch_fd(dial->http, dial->fd, 0, NULL, NULL, NULL);
    (void)close(dial->fd);
    dial->fd = -1;
}

void bkt_dial_cancel(struct bkt_dial *dial)
{
    if (!dial)
        return;
    bkt_resolve_cancel(dial->resolve);
    if (dial->addresses)
        freeaddrinfo(dial->addresses);
    close_socket(dial);
    bkt_mem_free(dial);
}

/* Tell the caller, who may do anything then. */
static void finish(struct bkt_dial *dial, const struct bkt_error *err)
{
    bkt_dial_fn *fn = dial->fn;
    void *ctx = dial->ctx;
    int fd = -1;
    if (!err) {
        fd = dial->fd;
        (void)!bkt_http_watch_fd(dial->http, fd, 0, NULL, NULL, NULL);
        dial->fd = -1;
    }
    bkt_dial_cancel(dial);
    fn(ctx, fd, err);
}

static int refuse(int os_error, struct bkt_error *err)
{
    char reason[128] = "";
    if (strerror_r(os_error, reason, sizeof(reason)) != 0)
        reason[0] = '\0';
    return bkt_error_set(err, BKT_ENET, "connect: %s", reason);
}

static void on_ready(void *ctx, unsigned events);

/* BKT_OK: connected, or on the way. */
static int try_address(struct bkt_dial *dial,
                       int family,
                       const struct sockaddr *address,
                       socklen_t address_len,
                       struct bkt_error *err)
{
    dial->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (dial->fd < 0)
        return refuse(errno, err);
    int on = 1;
    if (family != AF_UNIX)
        (void)setsockopt(dial->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    int rc = connect(dial->fd, address, address_len) == 0 || errno == EINPROGRESS
                 ? bkt_http_watch_fd(dial->http, dial->fd, EPOLLOUT, on_ready, dial, err)
                 : refuse(errno, err);
    if (rc)
        close_socket(dial);
    return rc;
}

/* `err` says why the one before failed, and is what is left when there is no other. */
static int try_next(struct bkt_dial *dial, struct bkt_error *err)
{
    int rc = BKT_ENET;
    while (rc && dial->next) {
        const struct addrinfo *address = dial->next;
        dial->next = address->ai_next;
        rc = try_address(dial, address->ai_family, address->ai_addr, address->ai_addrlen, err);
    }
    return rc;
}

static void on_ready(void *ctx, unsigned events)
{
    (void)events;
    struct bkt_dial *dial = ctx;
    struct bkt_error err = {0};
    int os_error = 0;
    socklen_t len = sizeof(os_error);
    if (getsockopt(dial->fd, SOL_SOCKET, SO_ERROR, &os_error, &len) != 0)
        os_error = errno;
    if (os_error == 0) {
        finish(dial, NULL);
        return;
    }
    (void)refuse(os_error, &err);
    close_socket(dial);
    if (try_next(dial, &err) != BKT_OK)
        finish(dial, &err);
}

static void on_resolved(void *ctx, struct addrinfo *addresses, const char *why)
{
    struct bkt_dial *dial = ctx;
    struct bkt_error err = {0};
    dial->resolve = NULL;
    dial->addresses = addresses;
    dial->next = addresses;
    (void)bkt_error_set(&err, BKT_ENET, "look up its host: %s", addresses ? "no address" : why);
    if (try_next(dial, &err) != BKT_OK)
        finish(dial, &err);
}

static int begin(struct bkt_dial *dial, const struct bkt_dial_address *to, struct bkt_error *err)
{
    if (to->is_unix) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%.107s", to->host);
        return try_address(dial, AF_UNIX, (const struct sockaddr *)&address, sizeof(address), err);
    }
    /* An address needs no looking up. */
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    char port[8];
    (void)snprintf(port, sizeof(port), "%u", to->port);
    if (getaddrinfo(to->host, port, &hints, &dial->addresses) == 0) {
        dial->next = dial->addresses;
        return try_next(dial, err);
    }
    dial->addresses = NULL;
    return bkt_resolve_start(dial->http, to->host, to->port, on_resolved, dial, &dial->resolve,
                             err);
}

int bkt_dial_start(struct bkt_http *http,
                   const struct bkt_dial_address *address,
                   bkt_dial_fn *fn,
                   void *ctx,
                   struct bkt_dial **out_dial,
                   struct bkt_error *err)
{
    struct bkt_dial *dial = bkt_mem_calloc(1, sizeof(*dial));
    if (!dial)
        return bkt_error_set(err, BKT_ENOMEM, "connect: out of memory");
    *dial = (struct bkt_dial){.http = http, .fn = fn, .ctx = ctx, .fd = -1};
    int rc = begin(dial, address, err);
    if (rc) {
        bkt_dial_cancel(dial);
        return rc;
    }
    *out_dial = dial;
    return BKT_OK;
}
