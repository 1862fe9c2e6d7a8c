#include "targets/postgres_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINKS_MAX = 8, CHUNK = 1 << 16 };

struct link {
    int client;
    int server;
    bool is_doomed; /* the COMMIT went through: its answer is what cuts */
};

struct proxy {
    int listener;
    int wake[2];
    int port;
    int server_port;
    pthread_t thread;
    atomic_int cut;
    atomic_int cuts;
    struct link links[LINKS_MAX];
    size_t link_count;
    char bytes[CHUNK];
};

static struct sockaddr_in loopback(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static void accept_one(struct proxy *proxy)
{
    struct sockaddr_in address = loopback(proxy->server_port);
    int client = accept(proxy->listener, NULL, NULL);
    int server = socket(AF_INET, SOCK_STREAM, 0);
    if (proxy->link_count == LINKS_MAX ||
        connect(server, (struct sockaddr *)&address, sizeof(address)) != 0) {
        (void)close(client);
        (void)close(server);
        return;
    }
    proxy->links[proxy->link_count++] = (struct link){.client = client, .server = server};
}

static bool has(const char *bytes, size_t len, const char *what, size_t what_len)
{
    for (size_t i = 0; i + what_len <= len; i++) {
        if (memcmp(bytes + i, what, what_len) == 0)
            return true;
    }
    return false;
}

static bool write_all(int to, const char *bytes, ssize_t len)
{
    while (len > 0) {
        ssize_t sent = send(to, bytes, (size_t)len, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent;
        len -= sent;
    }
    return true;
}

static bool cut(struct proxy *proxy)
{
    atomic_store(&proxy->cut, PROXY_FORWARD);
    atomic_fetch_add(&proxy->cuts, 1);
    return false;
}

/* False: the link is to be closed.  A Parse message holds the statement between two NULs. */
static bool from_client(struct proxy *proxy, struct link *link)
{
    ssize_t len = recv(link->client, proxy->bytes, sizeof(proxy->bytes), 0);
    if (len <= 0)
        return false;
    int mode = atomic_load(&proxy->cut);
    if (mode != PROXY_FORWARD && has(proxy->bytes, (size_t)len, "\0COMMIT\0", 8)) {
        if (mode == PROXY_CUT_BEFORE_COMMIT)
            return cut(proxy);
        link->is_doomed = true;
    }
    return write_all(link->server, proxy->bytes, len);
}

static bool from_server(struct proxy *proxy, struct link *link)
{
    ssize_t len = recv(link->server, proxy->bytes, sizeof(proxy->bytes), 0);
    if (len <= 0)
        return false;
    if (link->is_doomed && has(proxy->bytes, (size_t)len, "COMMIT\0", 7))
        return cut(proxy);
    return link->is_doomed || write_all(link->client, proxy->bytes, len);
}

static void close_link(struct proxy *proxy, size_t i)
{
    (void)close(proxy->links[i].client);
    (void)close(proxy->links[i].server);
    proxy->links[i] = proxy->links[--proxy->link_count];
}

static void *run(void *ctx)
{
    struct proxy *proxy = ctx;
    for (;;) {
        struct pollfd fds[2 + 2 * LINKS_MAX] = {{.fd = proxy->wake[0], .events = POLLIN},
                                                {.fd = proxy->listener, .events = POLLIN}};
        size_t count = proxy->link_count;
        for (size_t i = 0; i < count; i++) {
            fds[2 + 2 * i] = (struct pollfd){.fd = proxy->links[i].client, .events = POLLIN};
            fds[3 + 2 * i] = (struct pollfd){.fd = proxy->links[i].server, .events = POLLIN};
        }
        if (poll(fds, 2 + 2 * count, -1) < 0 || fds[0].revents)
            break;
        for (size_t i = count; i-- > 0;) {
            bool is_open = true;
            if (fds[2 + 2 * i].revents)
                is_open = from_client(proxy, &proxy->links[i]);
            if (is_open && fds[3 + 2 * i].revents)
                is_open = from_server(proxy, &proxy->links[i]);
            if (!is_open)
                close_link(proxy, i);
        }
        if (fds[1].revents)
            accept_one(proxy);
    }
    while (proxy->link_count > 0)
        close_link(proxy, 0);
    return NULL;
}

struct proxy *proxy_new(int server_port)
{
    struct proxy *proxy = calloc(1, sizeof(*proxy));
    struct sockaddr_in address = loopback(0);
    socklen_t len = sizeof(address);
    if (!proxy)
        return NULL;
    proxy->server_port = server_port;
    proxy->listener = socket(AF_INET, SOCK_STREAM, 0);
    if (pipe(proxy->wake) || bind(proxy->listener, (struct sockaddr *)&address, len) ||
        listen(proxy->listener, LINKS_MAX) ||
        getsockname(proxy->listener, (struct sockaddr *)&address, &len) ||
        pthread_create(&proxy->thread, NULL, run, proxy)) {
        free(proxy);
        return NULL;
    }
    proxy->port = ntohs(address.sin_port);
    return proxy;
}

int proxy_port(const struct proxy *proxy)
{
    return proxy->port;
}

void proxy_set(struct proxy *proxy, enum proxy_cut cut_mode)
{
    atomic_store(&proxy->cut, cut_mode);
}

int proxy_cuts(const struct proxy *proxy)
{
    return atomic_load(&proxy->cuts);
}

void proxy_free(struct proxy *proxy)
{
    if (!proxy)
        return;
    (void)close(proxy->wake[1]);
    (void)pthread_join(proxy->thread, NULL);
    (void)close(proxy->wake[0]);
    (void)close(proxy->listener);
    free(proxy);
}
