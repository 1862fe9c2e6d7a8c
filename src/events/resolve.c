#include "events/resolve.h"

#include "core/mem.h"
#include "core/thread.h"

#include <netdb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* Who is done with it first: the thread, which then leaves it, or the loop, which then forgets. */
enum { UNDER_WAY, ANSWERED, FORGOTTEN };

struct bkt_resolve {
    atomic_int state;
    struct bkt_thread thread;
    struct bkt_http *http;
    bkt_resolve_fn *fn;
    void *ctx;
    int fd; /* readable when the thread is done */
    int gai_rc;
    struct addrinfo *addresses;
    char port[8];
    char host[];
};

static void resolve_free(struct bkt_resolve *resolve)
{
    if (resolve->addresses)
        freeaddrinfo(resolve->addresses);
    if (resolve->fd >= 0)
        (void)close(resolve->fd);
    bkt_mem_free(resolve);
}

static void *ask(void *arg)
{
    struct bkt_resolve *resolve = arg;
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    uint64_t one = 1;
    resolve->gai_rc = getaddrinfo(resolve->host, resolve->port, &hints, &resolve->addresses);
    (void)!write(resolve->fd, &one, sizeof(one));
    if (atomic_exchange(&resolve->state, ANSWERED) == FORGOTTEN)
        resolve_free(resolve);
    return NULL;
}

void bkt_resolve_cancel(struct bkt_resolve *resolve)
{
    if (!resolve)
        return;
    (void)!bkt_http_watch_fd(resolve->http, resolve->fd, 0, NULL, NULL, NULL);
    pthread_t thread = resolve->thread.id;
    if (atomic_exchange(&resolve->state, FORGOTTEN) == UNDER_WAY) {
        (void)pthread_detach(thread);
        return;
    }
    (void)pthread_join(thread, NULL);
    resolve_free(resolve);
}

static void on_ready(void *ctx, unsigned events)
{
    (void)events;
    struct bkt_resolve *resolve = ctx;
    (void)!bkt_http_watch_fd(resolve->http, resolve->fd, 0, NULL, NULL, NULL);
    bkt_thread_join(&resolve->thread); /* it has nothing left to do */
    struct addrinfo *addresses = resolve->addresses;
    const char *why = resolve->gai_rc ? gai_strerror(resolve->gai_rc) : NULL;
    bkt_resolve_fn *fn = resolve->fn;
    void *fn_ctx = resolve->ctx;
    resolve->addresses = NULL;
    resolve_free(resolve);
    fn(fn_ctx, addresses, why);
}

int bkt_resolve_start(struct bkt_http *http,
                      const char *host,
                      uint16_t port,
                      bkt_resolve_fn *fn,
                      void *ctx,
                      struct bkt_resolve **out_resolve,
                      struct bkt_error *err)
{
    size_t host_bytes = strlen(host) + 1;
    struct bkt_resolve *resolve = bkt_mem_calloc(1, sizeof(*resolve) + host_bytes);
    if (!resolve)
        return bkt_error_set(err, BKT_ENOMEM, "look up a host: out of memory");
    atomic_init(&resolve->state, UNDER_WAY);
    resolve->http = http;
    resolve->fn = fn;
    resolve->ctx = ctx;
    memcpy(resolve->host, host, host_bytes);
    (void)snprintf(resolve->port, sizeof(resolve->port), "%u", port);
    resolve->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int rc = resolve->fd < 0
                 ? bkt_error_set(err, BKT_EIO, "look up a host: no descriptor")
                 : bkt_http_watch_fd(http, resolve->fd, EPOLLIN, on_ready, resolve, err);
    if (rc == BKT_OK) {
        rc = bkt_thread_start(&resolve->thread, ask, resolve, "a name's address", err);
        if (rc)
            (void)!bkt_http_watch_fd(http, resolve->fd, 0, NULL, NULL, NULL);
    }
    if (rc) {
        resolve_free(resolve);
        return rc;
    }
    *out_resolve = resolve;
    return BKT_OK;
}
