#include "server.h"

#include "stamp.h"
#include "timer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    EVENTS = 256,
    INPUT_BYTES = 16384,
    PIECE_BYTES = 256 << 10, /* of computed content at a time */
    INLINE_BYTES = 64 << 10, /* computed content up to this is sent together with the head */
    DRIP_BYTES = 1,
};

enum conn_state {
    CONN_READING,
    CONN_DELAYED,  /* the answer waits for its time */
    CONN_SENDING,  /* until the socket is full */
    CONN_STALLED,  /* a timer goes on with sending, or nothing does */
    CONN_DRAINING, /* all is sent and shut down; waiting for the client to close */
};

struct conn {
    int fd;
    enum conn_state state;
    uint64_t id; /* slot in the lower half, serial number in the upper one */
    struct stub_text in;
    size_t in_from; /* consumed */
    struct stub_text head;
    struct stub_text piece; /* of the body, as it goes over the wire */
    size_t head_from;
    size_t piece_from;
    uint64_t body_sent;
    bool body_ended; /* no piece will follow */
    bool readable;   /* an event came while something else was being done */
    bool counted;    /* among the concurrent ones */
    struct stub_request request;
    struct stub_response response;
};

struct stub_server {
    int listen_fd;
    int epoll_fd;
    unsigned port;
    stub_handle_fn *handle;
    void *ctx;
    struct conn **conns; /* by slot; NULL: free */
    size_t conn_cap;
    size_t *free_slots;
    size_t free_count;
    uint32_t serial;
    struct stub_timers timers;
    struct stub_server_stats stats;
};

/* What a step of sending came to. */
enum sent { SENT_ALL, SENT_LATER, SENT_CLOSED };

static void conn_close(struct stub_server *server, struct conn *conn)
{
    size_t slot = conn->id & 0xffffffff;
    if (conn->counted)
        server->stats.concurrent[conn->response.kind]--;
    close(conn->fd);
    stub_text_clear(&conn->in);
    stub_text_clear(&conn->head);
    stub_text_clear(&conn->piece);
    stub_response_clear(&conn->response);
    free(conn);
    server->conns[slot] = NULL;
    server->free_slots[server->free_count++] = slot;
    server->stats.open--;
}

/* The peer sees a reset rather than an end. */
static void conn_reset(struct stub_server *server, struct conn *conn)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    conn_close(server, conn);
}

static void grow_slots(struct stub_server *server)
{
    size_t cap = server->conn_cap == 0 ? 64 : 2 * server->conn_cap;
    server->conns = stub_realloc(server->conns, cap * sizeof(struct conn *));
    server->free_slots = stub_realloc(server->free_slots, cap * sizeof(size_t));
    for (size_t slot = cap; slot > server->conn_cap; slot--) {
        server->conns[slot - 1] = NULL;
        server->free_slots[server->free_count++] = slot - 1;
    }
    server->conn_cap = cap;
}

static void conn_accept(struct stub_server *server, int fd)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (server->free_count == 0)
        grow_slots(server);
    size_t slot = server->free_slots[--server->free_count];
    struct conn *conn = stub_alloc(sizeof(*conn));
    conn->fd = fd;
    conn->id = (uint64_t)++server->serial << 32 | slot;
    server->conns[slot] = conn;
    server->stats.connections++;
    server->stats.open++;
    /* Edge-triggered and never changed again: one system call less for each request. */
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.u64 = conn->id};
    epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static const char *reason(int status)
{
    static const struct {
        int status;
        const char *text;
    } reasons[] = {{200, "OK"},
                   {204, "No Content"},
                   {206, "Partial Content"},
                   {301, "Moved Permanently"},
                   {304, "Not Modified"},
                   {307, "Temporary Redirect"},
                   {400, "Bad Request"},
                   {403, "Forbidden"},
                   {404, "Not Found"},
                   {405, "Method Not Allowed"},
                   {412, "Precondition Failed"},
                   {416, "Requested Range Not Satisfiable"},
                   {429, "Too Many Requests"},
                   {500, "Internal Server Error"},
                   {501, "Not Implemented"},
                   {503, "Service Unavailable"}};
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (reasons[i].status == status)
            return reasons[i].text;
    }
    return "Answer";
}

static void compose_head(struct conn *conn)
{
    const struct stub_response *response = &conn->response;
    struct stub_text *head = &conn->head;
    head->len = 0;
    if (response->status_100_first)
        stub_text_lit(head, "HTTP/1.1 100 Continue\r\n\r\n");
    const char *text = reason(response->status);
    stub_text_lit(head, "HTTP/1.1 ");
    head->len += stub_decimal(stub_text_room(head, 20), (uint64_t)response->status);
    stub_text_lit(head, " ");
    stub_text_add(head, text, strlen(text));
    stub_text_lit(head, "\r\n");
    stub_text_add_str(head, stub_text_str(&response->headers));
    if (response->close || response->endless)
        stub_text_lit(head, "Connection: close\r\n");
    if (response->chunked) {
        stub_text_lit(head, "Transfer-Encoding: chunked\r\n");
    } else if (!response->endless && response->status != 204 && response->status != 304) {
        uint64_t len = response->body.len + (response->content_to - response->content_from);
        stub_text_lit(head, "Content-Length: ");
        head->len += stub_decimal(stub_text_room(head, 20), len + (uint64_t)response->length_delta);
        stub_text_lit(head, "\r\n");
    }
    stub_text_lit(head, "\r\n");
}

/* Put the framing of a chunk around what `piece` holds. */
static void frame_chunk(struct conn *conn)
{
    if (conn->piece.len == 0)
        return;
    struct stub_text framed = {0};
    stub_text_printf(&framed, "%zx\r\n", conn->piece.len);
    stub_text_add_str(&framed, stub_text_str(&conn->piece));
    stub_text_lit(&framed, "\r\n");
    stub_text_clear(&conn->piece);
    conn->piece = framed;
}

/* Replace the piece that has been sent by the next one. */
static void next_piece(struct conn *conn)
{
    struct stub_response *response = &conn->response;
    conn->piece.len = 0;
    conn->piece_from = 0;
    uint64_t left = response->content_to - response->content_from;
    if (left == 0 && response->endless) {
        response->content_from = 0;
        left = PIECE_BYTES;
    }
    size_t len = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
    if (len > 0) {
        stub_content_read(response->content, response->content_from,
                          stub_text_room(&conn->piece, len), len);
        conn->piece.len = len;
        response->content_from += response->endless ? 0 : len;
    }
    if (response->chunked)
        frame_chunk(conn);
    conn->body_ended = response->content_from == response->content_to && !response->endless;
    if (conn->body_ended && response->chunked)
        stub_text_lit(&conn->piece, "0\r\n\r\n");
}

static void first_piece(struct conn *conn)
{
    struct stub_response *response = &conn->response;
    struct stub_text body = response->body;
    response->body = conn->piece;
    conn->piece = body;
    conn->piece_from = 0;
    conn->body_sent = 0;
    uint64_t left = response->content_to - response->content_from;
    if (left > 0 && left <= INLINE_BYTES && !response->endless) {
        stub_content_read(response->content, response->content_from,
                          stub_text_room(&conn->piece, (size_t)left), (size_t)left);
        conn->piece.len += (size_t)left;
        response->content_from = response->content_to;
        left = 0;
    }
    if (response->chunked)
        frame_chunk(conn);
    conn->body_ended = left == 0 && !response->endless;
    if (conn->body_ended && response->chunked)
        stub_text_lit(&conn->piece, "0\r\n\r\n");
    if (response->head_only) {
        conn->piece.len = 0;
        conn->body_ended = true;
    }
}

static void at_most(uint64_t *limit, int64_t at, uint64_t sent)
{
    if (at >= 0 && (uint64_t)at - sent < *limit)
        *limit = (uint64_t)at - sent;
}

/* Bytes of the body that may go out before something is to happen. */
static uint64_t allowance(const struct conn *conn)
{
    const struct stub_response *response = &conn->response;
    uint64_t limit = UINT64_MAX;
    at_most(&limit, response->reset_at, conn->body_sent);
    at_most(&limit, response->cut_at, conn->body_sent);
    at_most(&limit, response->stall_at, conn->body_sent);
    if (response->drip_ms > 0 && limit > DRIP_BYTES)
        limit = DRIP_BYTES;
    return limit;
}

static bool reached(int64_t at, uint64_t sent)
{
    return at >= 0 && (uint64_t)at == sent;
}

static enum sent stall(struct stub_server *server, struct conn *conn, int64_t ms)
{
    conn->state = CONN_STALLED;
    if (ms > 0)
        stub_timers_add(&server->timers, stub_monotonic_us() + ms * 1000, conn->id);
    return SENT_LATER;
}

/* Whether the client's kernel has all that was sent; a reset throws away the rest. */
static bool delivered(const struct conn *conn)
{
    int unsent = 0;
    return ioctl(conn->fd, SIOCOUTQ, &unsent) != 0 || unsent == 0;
}

/* The faults that are due here; SENT_ALL: none, go on. */
static enum sent meet_faults(struct stub_server *server, struct conn *conn)
{
    struct stub_response *response = &conn->response;
    if (reached(response->reset_at, conn->body_sent)) {
        if (!delivered(conn))
            return stall(server, conn, 1);
        conn_reset(server, conn);
        return SENT_CLOSED;
    }
    if (reached(response->cut_at, conn->body_sent)) {
        conn_close(server, conn);
        return SENT_CLOSED;
    }
    if (reached(response->stall_at, conn->body_sent)) {
        response->stall_at = STUB_NEVER;
        return stall(server, conn, response->stall_ms);
    }
    return SENT_ALL;
}

/* One sendmsg(): the rest of the head and what may go out of the piece.  -1: the socket is full. */
static ssize_t send_once(struct stub_server *server, struct conn *conn, uint64_t limit)
{
    size_t head_left = conn->head.len - conn->head_from;
    size_t piece_left = conn->piece.len - conn->piece_from;
    if (piece_left > limit)
        piece_left = (size_t)limit;
    struct iovec parts[2] = {
        {.iov_base = head_left > 0 ? conn->head.ptr + conn->head_from : NULL, .iov_len = head_left},
        {.iov_base = piece_left > 0 ? conn->piece.ptr + conn->piece_from : NULL,
         .iov_len = piece_left}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t sent = sendmsg(conn->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0)
        return sent;
    size_t of_head = (size_t)sent < head_left ? (size_t)sent : head_left;
    conn->head_from += of_head;
    conn->piece_from += (size_t)sent - of_head;
    conn->body_sent += (size_t)sent - of_head;
    server->stats.bytes_sent += (size_t)sent - of_head;
    return sent;
}

static enum sent conn_send(struct stub_server *server, struct conn *conn)
{
    for (;;) {
        bool head_sent = conn->head_from == conn->head.len;
        bool piece_sent = conn->piece_from == conn->piece.len;
        enum sent met = head_sent ? meet_faults(server, conn) : SENT_ALL;
        if (met != SENT_ALL)
            return met;
        if (head_sent && piece_sent && conn->body_ended)
            return SENT_ALL;
        if (head_sent && piece_sent) {
            next_piece(conn);
            continue;
        }
        ssize_t sent = send_once(server, conn, allowance(conn));
        if (sent < 0 && (errno == EAGAIN))
            return SENT_LATER;
        if (sent < 0) {
            conn_close(server, conn);
            return SENT_CLOSED;
        }
        if (conn->response.drip_ms > 0 && conn->body_sent > 0)
            return stall(server, conn, conn->response.drip_ms);
    }
}

/* The end of an answer; false when the connection is gone. */
static bool conn_finish(struct stub_server *server, struct conn *conn)
{
    struct stub_response *response = &conn->response;
    if (conn->counted)
        server->stats.concurrent[response->kind]--;
    conn->counted = false;
    conn->in_from += conn->request.head_len + (size_t)conn->request.body_len;
    if (response->close || response->raw || conn->request.close) {
        /* Closing with input unread would reset the connection and could destroy the answer. */
        shutdown(conn->fd, SHUT_WR);
        conn->state = CONN_DRAINING;
        return true;
    }
    if (conn->in_from == conn->in.len) {
        conn->in.len = 0;
        conn->in_from = 0;
    }
    conn->state = CONN_READING;
    return true;
}

/* Begin or go on with sending; true when the next request may be read. */
static bool conn_go_on(struct stub_server *server, struct conn *conn)
{
    conn->state = CONN_SENDING;
    return conn_send(server, conn) == SENT_ALL && conn_finish(server, conn) &&
           conn->state == CONN_READING;
}

/* The request is whole: ask for the answer, and begin with it or let it wait. */
static bool conn_answer(struct stub_server *server, struct conn *conn)
{
    struct stub_response *response = &conn->response;
    stub_response_reset(response);
    server->stats.requests++;
    server->handle(server->ctx, &conn->request, response);
    if (response->reset_at_once) {
        conn_reset(server, conn);
        return false;
    }
    if (response->status > 0 && response->status < 600)
        server->stats.statuses[response->status]++;
    conn->counted = true;
    uint64_t running = ++server->stats.concurrent[response->kind];
    if (running > server->stats.concurrent_max[response->kind])
        server->stats.concurrent_max[response->kind] = running;

    conn->head_from = 0;
    conn->head.len = 0;
    if (!response->raw)
        compose_head(conn);
    first_piece(conn);
    if (response->delay_us > 0) {
        conn->state = CONN_DELAYED;
        stub_timers_add(&server->timers, stub_monotonic_us() + response->delay_us, conn->id);
        return false;
    }
    return conn_go_on(server, conn);
}

static bool refuse(struct stub_server *server, struct conn *conn)
{
    static const char answer[] =
        "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    if (send(conn->fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
        conn_close(server, conn);
        return false;
    }
    server->stats.statuses[400]++;
    conn_close(server, conn);
    return false;
}

/* Handle what the input holds; false when there is nothing more to do for now. */
static bool conn_step(struct stub_server *server, struct conn *conn)
{
    struct bkt_str in = {conn->in.ptr + conn->in_from, conn->in.len - conn->in_from};
    if (in.len == 0)
        return false;
    switch (stub_request_parse(in, &conn->request)) {
    case STUB_PARSE_MORE:
        return false;
    case STUB_PARSE_BAD:
        return refuse(server, conn);
    case STUB_PARSE_DONE:
        break;
    }
    size_t body_have = in.len - conn->request.head_len;
    if (body_have < conn->request.body_len) {
        static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
        if (conn->request.expects_100 && body_have == 0 &&
            send(conn->fd, go_on, sizeof(go_on) - 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
            return refuse(server, conn);
        return false;
    }
    conn->request.body =
        (struct bkt_str){in.ptr + conn->request.head_len, (size_t)conn->request.body_len};
    return conn_answer(server, conn);
}

/* 1: something came; 0: nothing for now; -1: the client has closed. */
static int conn_receive(struct conn *conn)
{
    bool any = false;
    for (;;) {
        char *room = stub_text_room(&conn->in, INPUT_BYTES);
        size_t size = conn->in.cap - conn->in.len;
        ssize_t got = recv(conn->fd, room, size, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN))
            return -1;
        if (got < 0)
            return any ? 1 : 0;
        conn->in.len += (size_t)got;
        any = true;
        /* A short read has emptied the socket; the next byte makes a new event. */
        if ((size_t)got < size)
            return 1;
    }
}

static void conn_read(struct stub_server *server, struct conn *conn)
{
    uint64_t id = conn->id;
    size_t slot = id & 0xffffffff;
    conn->readable = false;
    if (conn->in_from > 0) {
        conn->in.len -= conn->in_from;
        memmove(conn->in.ptr, conn->in.ptr + conn->in_from, conn->in.len);
        conn->in_from = 0;
    }
    int received = conn_receive(conn);
    if (received < 0) {
        conn_close(server, conn);
        return;
    }
    if (conn->state == CONN_DRAINING) {
        conn->in.len = 0;
        return;
    }
    while (conn_step(server, conn))
        continue;
    /* What arrived while an answer was on its way made its event already. */
    if (server->conns[slot] != conn || conn->id != id)
        return;
    if (conn->state == CONN_READING && conn->readable)
        conn_read(server, conn);
}

static void conn_event(struct stub_server *server, struct conn *conn, uint32_t events)
{
    uint64_t id = conn->id;
    size_t slot = id & 0xffffffff;
    if (events & (EPOLLERR | EPOLLHUP)) {
        conn_close(server, conn);
        return;
    }
    if (events & (EPOLLIN | EPOLLRDHUP))
        conn->readable = true;
    /* A client that gives up in the middle of an answer. */
    if ((events & EPOLLRDHUP) && conn->state != CONN_READING && conn->state != CONN_DRAINING) {
        conn_close(server, conn);
        return;
    }
    if (conn->state == CONN_SENDING && (events & EPOLLOUT)) {
        conn_go_on(server, conn);
        if (server->conns[slot] != conn)
            return;
    }
    if (conn->state == CONN_READING || conn->state == CONN_DRAINING) {
        if (conn->readable)
            conn_read(server, conn);
        else if (conn->in.len > conn->in_from)
            while (conn_step(server, conn))
                continue;
    }
}

static void run_timers(struct stub_server *server, int64_t now_us)
{
    uint64_t id;
    while (stub_timers_take(&server->timers, now_us, &id)) {
        struct conn *conn = server->conns[id & 0xffffffff];
        if (conn == NULL || conn->id != id ||
            (conn->state != CONN_DELAYED && conn->state != CONN_STALLED))
            continue;
        conn->state = CONN_SENDING;
        conn_event(server, conn, EPOLLOUT);
    }
}

static void accept_all(struct stub_server *server)
{
    for (;;) {
        int fd = accept4(server->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        conn_accept(server, fd);
    }
}

void stub_server_run(struct stub_server *server, const volatile int *stop)
{
    struct epoll_event events[EVENTS];
    while (!*stop) {
        int64_t now_us = server->timers.count > 0 ? stub_monotonic_us() : 0;
        int wait_ms = stub_timers_wait_ms(&server->timers, now_us);
        int count = epoll_wait(server->epoll_fd, events, EVENTS, wait_ms);
        for (int i = 0; i < count; i++) {
            uint64_t id = events[i].data.u64;
            if (id == 0) {
                accept_all(server);
                continue;
            }
            struct conn *conn = server->conns[id & 0xffffffff];
            if (conn != NULL && conn->id == id)
                conn_event(server, conn, events[i].events);
        }
        if (server->timers.count > 0)
            run_timers(server, stub_monotonic_us());
    }
}

static int listen_on(unsigned port, unsigned *out_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t len = sizeof(address);
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (const struct sockaddr *)&address, len) != 0 || listen(fd, 4096) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        close(fd);
        return -1;
    }
    *out_port = ntohs(address.sin_port);
    return fd;
}

struct stub_server *stub_server_new(unsigned port, stub_handle_fn *handle, void *ctx)
{
    struct stub_server *server = stub_alloc(sizeof(*server));
    server->handle = handle;
    server->ctx = ctx;
    server->listen_fd = listen_on(port, &server->port);
    server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 0};
    if (server->listen_fd < 0 || server->epoll_fd < 0 ||
        epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, server->listen_fd, &event) != 0) {
        fprintf(stderr, "s3_stub: listen on port %u: %s\n", port, strerror(errno));
        stub_server_free(server);
        return NULL;
    }
    return server;
}

unsigned stub_server_port(const struct stub_server *server)
{
    return server->port;
}

struct stub_server_stats *stub_server_stats(struct stub_server *server)
{
    return &server->stats;
}

void stub_server_reset_stats(struct stub_server *server)
{
    struct stub_server_stats *stats = &server->stats;
    struct stub_server_stats fresh = {.open = stats->open};
    memcpy(fresh.concurrent, stats->concurrent, sizeof(fresh.concurrent));
    memcpy(fresh.concurrent_max, stats->concurrent, sizeof(fresh.concurrent_max));
    *stats = fresh;
}

void stub_server_free(struct stub_server *server)
{
    for (size_t slot = 0; slot < server->conn_cap; slot++) {
        if (server->conns[slot] != NULL)
            conn_close(server, server->conns[slot]);
    }
    free(server->conns);
    free(server->free_slots);
    stub_timers_clear(&server->timers);
    if (server->epoll_fd >= 0)
        close(server->epoll_fd);
    if (server->listen_fd >= 0)
        close(server->listen_fd);
    free(server);
}
