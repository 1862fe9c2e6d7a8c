#include "events/redis_link.h"

#include "core/backoff.h"
#include "core/mem.h"
#include "core/time.h"
#include "events/dial.h"
#include "events/hiredis_load.h"
#include "events/redis_reply.h"
#include "events/redis_tls.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    CONNECT_MS = 10000,
    PING_MS = 10000,
    SILENCE_MS = 30000,
    READ_BYTES = 64 << 10,
    OUT_BYTES_MAX = 64 << 20,
    IN_BYTES_MAX = 64 << 20,
    WAITING_MORE = 64,
};

enum state { STATE_NEW, STATE_CONNECTING, STATE_LOGIN, STATE_UP, STATE_DOWN };

/* A command whose reply is awaited. */
struct waiting {
    bkt_redis_reply_fn *fn;
    uint64_t tag;
};

struct bkt_redis_link {
    struct bkt_redis_link_options options;
    enum state state;
    int fd;
    unsigned watched;
    struct bkt_dial *dial;
    struct bkt_redis_tls *tls;
    redisReader *reader;

    struct bkt_buf plain_out; /* to be encrypted */
    struct bkt_buf wire_out;  /* to be sent */
    size_t wire_sent;

    struct waiting *waiting; /* a ring */
    size_t waiting_at, waiting_count, waiting_cap;
    unsigned logins; /* replies to come before it is up */

    int64_t born_ms;
    int64_t heard_ms;
    bool was_heard; /* since the last tick */
    bool is_paused;
    bool is_subscribed; /* replies are pushes, that of PING too */
    bool is_pinging;
    bool was_up; /* what fails now may pass */
};

static void on_ready(void *ctx, unsigned events);

int bkt_redis_link_new(const struct bkt_redis_link_options *options,
                       struct bkt_redis_link **out_link,
                       struct bkt_error *err)
{
    int rc = bkt_hiredis_load(err);
    if (rc)
        return rc;
    struct bkt_redis_link *link = bkt_mem_calloc(1, sizeof(*link));
    if (!link)
        return bkt_error_set(err, BKT_ENOMEM, "connect to Redis: out of memory");
    link->options = *options;
    link->fd = -1;
    link->plain_out = BKT_BUF_SECRET(OUT_BYTES_MAX);
    link->wire_out = BKT_BUF_SECRET(OUT_BYTES_MAX);
    link->born_ms = BKT_TIME_NONE;
    link->reader = redisReaderCreate();
    rc = link->reader ? BKT_OK : bkt_error_set(err, BKT_ENOMEM, "connect to Redis: out of memory");
    if (rc == BKT_OK && options->url->is_tls)
        rc = bkt_redis_tls_new(options->url->host, options->ca_bundle, &link->tls, err);
    if (rc) {
        bkt_redis_link_free(link);
        return rc;
    }
    *out_link = link;
    return BKT_OK;
}

static void close_socket(struct bkt_redis_link *link)
{
    if (link->fd < 0)
        return;
    (void)!bkt_http_watch_fd(link->options.http, link->fd, 0, NULL, NULL, NULL);
    (void)close(link->fd);
    link->fd = -1;
    link->watched = 0;
}

void bkt_redis_link_free(struct bkt_redis_link *link)
{
    if (!link)
        return;
    bkt_dial_cancel(link->dial);
    close_socket(link);
    bkt_redis_tls_free(link->tls);
    if (link->reader)
        redisReaderFree(link->reader);
    bkt_buf_wipe(&link->plain_out);
    bkt_buf_wipe(&link->wire_out);
    bkt_mem_free(link->waiting);
    bkt_mem_free(link);
}

/* The commands whose replies are awaited. */

static bool expect(struct bkt_redis_link *link, bkt_redis_reply_fn *fn, uint64_t tag)
{
    if (link->waiting_count == link->waiting_cap) {
        size_t cap = link->waiting_cap + WAITING_MORE;
        struct waiting *ring = bkt_mem_alloc(cap * sizeof(*ring));
        if (!ring)
            return false;
        for (size_t i = 0; i < link->waiting_count; i++)
            ring[i] = link->waiting[(link->waiting_at + i) % link->waiting_cap];
        bkt_mem_free(link->waiting);
        link->waiting = ring;
        link->waiting_at = 0;
        link->waiting_cap = cap;
    }
    size_t at = (link->waiting_at + link->waiting_count++) % link->waiting_cap;
    link->waiting[at] = (struct waiting){fn, tag};
    return true;
}

/* False: none is. */
static bool next_waiting(struct bkt_redis_link *link, struct waiting *out)
{
    if (link->waiting_count == 0)
        return false;
    *out = link->waiting[link->waiting_at];
    link->waiting_at = (link->waiting_at + 1) % link->waiting_cap;
    link->waiting_count--;
    return true;
}

/* Down. */

static void end(struct bkt_redis_link *link, const char *cause, const struct bkt_error *err)
{
    struct waiting waiting;
    link->state = STATE_DOWN;
    bkt_dial_cancel(link->dial);
    link->dial = NULL;
    close_socket(link);
    while (next_waiting(link, &waiting)) {
        if (waiting.fn)
            waiting.fn(link->options.ctx, waiting.tag, NULL);
    }
    link->options.on_down(link->options.ctx, cause, err);
}

static void go_down(struct bkt_redis_link *link, const struct bkt_error *why)
{
    if (link->state == STATE_DOWN)
        return;
    struct bkt_error err = *why;
    err.retriable = err.retriable || (link->was_up && err.code == BKT_ENET);
    (void)bkt_error_wrap(&err, err.code, "Redis at %s", link->options.url->place);
    end(link, err.code == BKT_ENET ? "network" : bkt_error_name(err.code), &err);
}

static void fail(struct bkt_redis_link *link, int code, const char *what)
{
    struct bkt_error err;
    (void)bkt_error_set(&err, code, "%s", what);
    go_down(link, &err);
}

static void fail_with_errno(struct bkt_redis_link *link, const char *what)
{
    struct bkt_error err;
    char reason[128];
    if (strerror_r(errno, reason, sizeof(reason)) != 0)
        (void)snprintf(reason, sizeof(reason), "error %d", errno);
    (void)bkt_error_set(&err, BKT_ENET, "%s: %s", what, reason);
    go_down(link, &err);
}

/* Replies. */

static void take_login_reply(struct bkt_redis_link *link, const struct redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ERROR) {
        struct bkt_error err;
        char cause[64];
        bkt_redis_describe_login(link->options.url, reply, cause, sizeof(cause), &err);
        end(link, cause, &err);
        return;
    }
    if (--link->logins > 0)
        return;
    link->state = STATE_UP;
    link->was_up = true;
    if (link->options.on_up)
        link->options.on_up(link->options.ctx);
}

static void take_reply(struct bkt_redis_link *link, const struct redisReply *reply)
{
    struct waiting waiting;
    if (link->state == STATE_LOGIN) {
        take_login_reply(link, reply);
    } else if (next_waiting(link, &waiting)) {
        if (waiting.fn)
            waiting.fn(link->options.ctx, waiting.tag, reply);
    } else if (link->options.on_push) {
        link->options.on_push(link->options.ctx, reply);
    }
}

static void misread(struct bkt_redis_link *link)
{
    struct bkt_error err;
    int code = link->reader->err == REDIS_ERR_OOM ? BKT_ENOMEM : BKT_EPARSE;
    (void)bkt_error_set(&err, code, "its reply cannot be understood: %s",
                        redisReaderGetError(link->reader));
    go_down(link, &err);
}

static void take_plain(struct bkt_redis_link *link, struct bkt_str bytes)
{
    if (bytes.len > 0 && redisReaderFeed(link->reader, bytes.ptr, bytes.len) != REDIS_OK) {
        misread(link);
        return;
    }
    while (link->state != STATE_DOWN) {
        void *reply = NULL;
        if (redisReaderGetReply(link->reader, &reply) != REDIS_OK) {
            misread(link);
            return;
        }
        if (!reply)
            return;
        take_reply(link, reply);
        freeReplyObject(reply);
    }
}

/* Bytes. */

static void watch(struct bkt_redis_link *link)
{
    unsigned events = link->is_paused ? 0 : EPOLLIN;
    if (link->wire_out.len > link->wire_sent)
        events |= EPOLLOUT;
    if (link->fd < 0 || events == link->watched)
        return;
    struct bkt_error err = {0};
    link->watched = events;
    if (bkt_http_watch_fd(link->options.http, link->fd, events, on_ready, link, &err) != BKT_OK)
        go_down(link, &err);
}

static void flush(struct bkt_redis_link *link)
{
    while (link->wire_sent < link->wire_out.len) {
        ssize_t sent = send(link->fd, link->wire_out.ptr + link->wire_sent,
                            link->wire_out.len - link->wire_sent, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno == EAGAIN)
            break;
        if (sent < 0) {
            fail_with_errno(link, "send");
            return;
        }
        link->wire_sent += (size_t)sent;
    }
    if (link->wire_sent == link->wire_out.len && link->wire_sent > 0) {
        bkt_mem_wipe(link->wire_out.ptr, link->wire_out.len);
        bkt_buf_reset(&link->wire_out);
        link->wire_sent = 0;
    }
    watch(link);
}

/* Encrypt what is to go, decrypt what has come, send. */
static void turn(struct bkt_redis_link *link, struct bkt_str received)
{
    struct bkt_error err = {0};
    struct bkt_buf plain = BKT_BUF_INIT(IN_BYTES_MAX);
    if (!link->tls) {
        flush(link);
        if (link->state != STATE_DOWN)
            take_plain(link, received);
        return;
    }
    int rc =
        bkt_redis_tls_turn(link->tls, received, &link->plain_out, &plain, &link->wire_out, &err);
    flush(link); /* an alert too */
    if (link->state != STATE_DOWN)
        take_plain(link, bkt_buf_str(&plain));
    if (rc)
        go_down(link, &err);
    bkt_buf_clear(&plain);
}

static void receive(struct bkt_redis_link *link)
{
    char bytes[READ_BYTES];
    ssize_t got = recv(link->fd, bytes, sizeof(bytes), 0);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (got < 0) {
        fail_with_errno(link, "receive");
        return;
    }
    if (got == 0) {
        fail(link, BKT_ENET, "it closed the connection");
        return;
    }
    link->was_heard = true;
    link->is_pinging = false;
    turn(link, (struct bkt_str){bytes, (size_t)got});
    if (link->state == STATE_UP || link->state == STATE_LOGIN)
        turn(link, BKT_STR("")); /* what callbacks have queued */
}

/* Commands. */

static int write_command(struct bkt_redis_link *link, const struct bkt_str *words, size_t count)
{
    struct bkt_buf *out = link->tls ? &link->plain_out : &link->wire_out;
    int rc = bkt_buf_printf(out, "*%zu\r\n", count);
    for (size_t i = 0; i < count && rc == BKT_OK; i++) {
        rc = bkt_buf_printf(out, "$%zu\r\n", words[i].len);
        if (rc == BKT_OK)
            rc = bkt_buf_append(out, words[i]);
        if (rc == BKT_OK)
            rc = bkt_buf_append(out, BKT_STR("\r\n"));
    }
    return rc;
}

bool bkt_redis_link_is_up(const struct bkt_redis_link *link)
{
    return link->state == STATE_UP;
}

void bkt_redis_link_send(struct bkt_redis_link *link,
                         const struct bkt_str *words,
                         size_t count,
                         bkt_redis_reply_fn *fn,
                         uint64_t tag)
{
    if (link->state == STATE_DOWN)
        return;
    assert(link->state == STATE_UP); /* or it would come before the login */
    /* Pushes come unasked: what asks for them has no place in the line. */
    link->is_subscribed = link->is_subscribed || !fn;
    bool is_expected = !fn || expect(link, fn, tag);
    int rc = is_expected ? write_command(link, words, count) : BKT_ENOMEM;
    if (rc)
        fail(link, rc, bkt_error_text(rc));
}

static int queue_login(struct bkt_redis_link *link)
{
    const struct bkt_redis_url *url = link->options.url;
    int rc = BKT_OK;
    if (url->password[0]) {
        struct bkt_str words[3] = {BKT_STR("AUTH")};
        size_t count = 1;
        if (url->user[0])
            words[count++] = bkt_str_from(url->user);
        words[count++] = bkt_str_from(url->password);
        rc = write_command(link, words, count);
        link->logins++;
    }
    if (rc == BKT_OK && url->database > 0) {
        char number[16];
        (void)snprintf(number, sizeof(number), "%u", url->database);
        struct bkt_str words[2] = {BKT_STR("SELECT"), bkt_str_from(number)};
        rc = write_command(link, words, 2);
        link->logins++;
    }
    /* One command that any server answers, so that "up" means that it has. */
    struct bkt_str ping = BKT_STR("PING");
    link->logins++;
    return rc ? rc : write_command(link, &ping, 1);
}

/* The socket. */

static void on_ready(void *ctx, unsigned events)
{
    struct bkt_redis_link *link = ctx;
    if (events & EPOLLOUT)
        flush(link);
    if (link->state != STATE_DOWN && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        receive(link);
}

static void on_connected(void *ctx, int fd, const struct bkt_error *err)
{
    struct bkt_redis_link *link = ctx;
    link->dial = NULL;
    if (err) {
        go_down(link, err);
        return;
    }
    link->fd = fd;
    link->state = STATE_LOGIN;
    int rc = queue_login(link);
    if (rc)
        fail(link, rc, bkt_error_text(rc));
    else
        turn(link, BKT_STR(""));
}

static void begin(struct bkt_redis_link *link)
{
    const struct bkt_redis_url *url = link->options.url;
    struct bkt_dial_address address = {url->host, url->port, url->is_unix};
    struct bkt_error err = {0};
    link->state = STATE_CONNECTING;
    if (bkt_dial_start(link->options.http, &address, on_connected, link, &link->dial, &err))
        go_down(link, &err);
}

/* Time. */

static void ping(struct bkt_redis_link *link)
{
    struct bkt_str word = BKT_STR("PING");
    link->is_pinging = true;
    /* Where commands are answered in turn, its answer must not be taken for another's. */
    bool is_expected = link->is_subscribed || expect(link, NULL, 0);
    if (!is_expected || write_command(link, &word, 1) != BKT_OK)
        fail(link, BKT_ENOMEM, bkt_error_text(BKT_ENOMEM));
}

void bkt_redis_link_tick(struct bkt_redis_link *link, int64_t now_ms)
{
    if (link->born_ms == BKT_TIME_NONE) {
        link->born_ms = now_ms;
        link->heard_ms = now_ms;
    }
    if (link->state == STATE_NEW)
        begin(link);
    if (link->state == STATE_DOWN)
        return;
    if (link->was_heard || link->is_paused)
        link->heard_ms = now_ms;
    link->was_heard = false;

    if (link->state != STATE_UP) {
        if (now_ms - link->born_ms >= CONNECT_MS)
            fail(link, BKT_ENET, "connect: no answer within 10 s");
        return;
    }
    if (now_ms - link->heard_ms >= SILENCE_MS) {
        fail(link, BKT_ENET, "it has been silent for 30 s");
        return;
    }
    if (now_ms - link->heard_ms >= PING_MS && !link->is_pinging)
        ping(link);
    if (link->state == STATE_UP)
        turn(link, BKT_STR(""));
}

int bkt_redis_link_wait_ms(const struct bkt_redis_link *link, int64_t now_ms)
{
    switch (link->state) {
    case STATE_NEW:
        return 0;
    case STATE_DOWN:
        return -1;
    case STATE_CONNECTING:
    case STATE_LOGIN:
        return bkt_wait_until(link->born_ms + CONNECT_MS, now_ms);
    case STATE_UP:
        break;
    }
    bool is_unsent = link->wire_out.len > link->wire_sent && !(link->watched & EPOLLOUT);
    if (link->was_heard || link->plain_out.len > 0 || is_unsent)
        return 0;
    int64_t at_ms = link->heard_ms + (link->is_pinging ? SILENCE_MS : PING_MS);
    return link->is_paused ? -1 : bkt_wait_until(at_ms, now_ms);
}

void bkt_redis_link_pause(struct bkt_redis_link *link, bool is_paused)
{
    if (link->is_paused == is_paused)
        return;
    link->is_paused = is_paused;
    watch(link);
}
