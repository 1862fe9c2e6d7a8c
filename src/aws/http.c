#include "aws/http_int.h"

#include "aws/libcurl_load.h"
#include "core/mem.h"
#include "core/time.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAX = 256,
    EVENTS_PER_TURN = 64,
    STALLS_EVERY_MS = 1000,
};

/* Descriptors. */

static int watch_of(struct bkt_http *http, int fd, struct watch **out)
{
    size_t index = (size_t)fd;
    if (index >= http->watch_count) {
        size_t count = index + 64;
        struct watch *moved = bkt_mem_realloc(http->watches, count * sizeof(*moved));
        if (!moved)
            return BKT_ENOMEM;
        memset(moved + http->watch_count, 0, (count - http->watch_count) * sizeof(*moved));
        http->watches = moved;
        http->watch_count = count;
    }
    *out = &http->watches[index];
    return BKT_OK;
}

static int epoll_set(struct bkt_http *http, int fd, struct watch *watch, unsigned events)
{
    if (watch->registered == events)
        return BKT_OK;
    int op = EPOLL_CTL_MOD;
    if (events == 0)
        op = EPOLL_CTL_DEL;
    else if (watch->registered == 0)
        op = EPOLL_CTL_ADD;
    struct epoll_event event = {.events = events, .data.fd = fd};
    if (epoll_ctl(http->epoll_fd, op, fd, &event) != 0 && events != 0)
        return BKT_EIO;
    watch->registered = events;
    return BKT_OK;
}

/*
 * libcurl takes a socket out and puts it back for every transfer.  A removal is only noted here
 * (two system calls less per request); if the idle socket becomes ready it is taken out for real.
 */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
    (void)easy;
    (void)socket_ctx;
    struct bkt_http *http = ctx;
    struct watch *watch;
    /* It stays: libcurl takes no more requests once this has failed. */
    int rc = watch_of(http, fd, &watch);
    if (rc) {
        http->rc = rc;
        return -1;
    }
    unsigned wanted = 0;
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
        wanted |= EPOLLIN;
    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
        wanted |= EPOLLOUT;
    watch->is_curl = true;
    watch->wanted = wanted;
    if (wanted == 0)
        return 0;
    rc = epoll_set(http, fd, watch, wanted);
    if (rc)
        http->rc = rc;
    return rc ? -1 : 0;
}

/* The number may be another socket's the next moment: forget what is known of this one. */
int http_on_close_socket(void *ctx, curl_socket_t fd)
{
    struct bkt_http *http = ctx;
    if ((size_t)fd < http->watch_count)
        http->watches[fd] = (struct watch){0};
    return close(fd);
}

static int on_timer(CURLM *multi, long timeout_ms, void *ctx)
{
    (void)multi;
    struct bkt_http *http = ctx;
    http->timer_at_ms = timeout_ms < 0 ? INT64_MAX : bkt_time_monotonic_ms() + timeout_ms;
    return 0;
}

static int fail_retriable(struct transfer *transfer, const char *what)
{
    int rc = bkt_error_set(&transfer->err, BKT_ENET, "%s", what);
    transfer->err.retriable = true;
    return rc;
}

/* Tell its owner, for whom its id is one that has ended, and keep the place for another. */
static void end(struct transfer *transfer, int rc)
{
    http_retire(transfer);
    transfer->err.http_status = transfer->response.status;
    transfer->on_done(transfer->ctx, rc, &transfer->response, &transfer->err);
    http_release(transfer);
}

static void end_finished(struct bkt_http *http)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(http->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode result = message->data.result;
        char *private = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
        struct transfer *transfer = (struct transfer *)(void *)private;

        int rc = result == CURLE_OK ? transfer->rc : http_explain(transfer, result);
        if (rc == BKT_OK && !transfer->head_is_in)
            rc = fail_retriable(transfer, "the connection closed without an answer");
        end(transfer, rc);
    }
}

/*
 * Where nothing has come for too long.  libcurl's own LOW_SPEED_TIME sets a timer anew at every
 * byte; to look once a second costs nothing.
 */
static void end_stalled(struct bkt_http *http)
{
    if (http->now_ms < http->stalls_at_ms)
        return;
    http->stalls_at_ms = http->now_ms + STALLS_EVERY_MS;
    for (size_t i = 0; i < http->transfer_count; i++) {
        struct transfer *transfer = http->transfers[i];
        if (!http_is_active(transfer) || http->now_ms - transfer->moved_ms < transfer->stall_ms)
            continue;
        char what[64];
        (void)snprintf(what, sizeof(what), "no byte came for %u seconds",
                       (unsigned)(transfer->stall_ms / 1000));
        end(transfer, fail_retriable(transfer, what));
    }
}

/* The loop. */

static void remove_canceled(struct bkt_http *http)
{
    for (size_t i = 0; i < http->transfer_count && http->canceled_count > 0; i++) {
        struct transfer *transfer = http->transfers[i];
        if (!transfer->is_canceled)
            continue;
        transfer->is_canceled = false;
        http->canceled_count--;
        http_release(transfer);
    }
}

/*
 * Let libcurl go on. Without memory it may leave transfers behind that nothing moves any more. A
 * descriptor that it does not know any more is none of its failures.
 */
static void go_on(struct bkt_http *http, curl_socket_t fd, int what)
{
    int running;
    http->is_inside = true;
    CURLMcode code = curl_multi_socket_action(http->multi, fd, what, &running);
    http->is_inside = false;
    remove_canceled(http);
    if (code == CURLM_OUT_OF_MEMORY || code == CURLM_INTERNAL_ERROR)
        http->rc = BKT_ENOMEM;
}

static void on_ready(struct bkt_http *http, int fd, unsigned events)
{
    if (fd == http->wakeup_fd) {
        uint64_t count;
        (void)!read(fd, &count, sizeof(count));
        return;
    }
    struct watch *watch = &http->watches[fd];
    if (!watch->is_curl) {
        if (watch->fn)
            watch->fn(watch->ctx, events);
        return;
    }
    if (watch->wanted == 0) {
        /* An idle connection that the server closed; libcurl finds that out when it wants it. */
        (void)epoll_set(http, fd, watch, 0);
        return;
    }
    int what = 0;
    if (events & EPOLLIN)
        what |= CURL_CSELECT_IN;
    if (events & EPOLLOUT)
        what |= CURL_CSELECT_OUT;
    if (events & (EPOLLERR | EPOLLHUP))
        what |= CURL_CSELECT_ERR;
    go_on(http, fd, what);
}

static int wait_ms(const struct bkt_http *http, int timeout_ms)
{
    if (http->active_count > 0 && (timeout_ms < 0 || timeout_ms > STALLS_EVERY_MS))
        timeout_ms = STALLS_EVERY_MS;
    if (http->timer_at_ms == INT64_MAX)
        return timeout_ms;
    int64_t left = http->timer_at_ms - bkt_time_monotonic_ms();
    if (left < 0)
        left = 0;
    if (timeout_ms >= 0 && timeout_ms < left)
        return timeout_ms;
    return left > INT32_MAX ? INT32_MAX : (int)left;
}

int bkt_http_run_once(struct bkt_http *http, int timeout_ms, struct bkt_error *err)
{
    struct epoll_event events[EVENTS_PER_TURN];
    int count = epoll_wait(http->epoll_fd, events, EVENTS_PER_TURN, wait_ms(http, timeout_ms));
    if (count < 0 && errno != EINTR)
        return bkt_error_set(err, BKT_EIO, "wait for the network: errno %d", errno);

    http->now_ms = bkt_time_monotonic_ms();
    for (int i = 0; i < count; i++)
        on_ready(http, events[i].data.fd, events[i].events);
    if (http->timer_at_ms <= bkt_time_monotonic_ms()) {
        http->timer_at_ms = INT64_MAX;
        go_on(http, CURL_SOCKET_TIMEOUT, 0);
    }
    end_finished(http);
    end_stalled(http);
    if (http->rc)
        return bkt_error_set(err, http->rc, "go on with requests: %s", bkt_error_text(http->rc));
    return BKT_OK;
}

void bkt_http_wakeup(struct bkt_http *http)
{
    uint64_t one = 1;
    (void)!write(http->wakeup_fd, &one, sizeof(one));
}

int bkt_http_watch_fd(struct bkt_http *http,
                      int fd,
                      unsigned events,
                      bkt_http_fd_fn *fn,
                      void *ctx,
                      struct bkt_error *err)
{
    struct watch *watch;
    int rc = watch_of(http, fd, &watch);
    if (rc == BKT_OK)
        rc = epoll_set(http, fd, watch, events);
    if (rc)
        return bkt_error_set(err, rc, "watch a descriptor: %s", bkt_error_text(rc));
    *watch = (struct watch){.registered = events, .fn = fn, .ctx = ctx};
    return BKT_OK;
}

/* Birth and death. */

static void curl_start(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* The variables that libcurl looks at. */
static bool environment_has_proxy(void)
{
    static const char *const names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                        "ALL_PROXY"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = getenv(names[i]);
        if (value && value[0])
            return true;
    }
    return false;
}

static int open_loop(struct bkt_http *http, const struct bkt_http_options *options)
{
    static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&curl_once, curl_start);

    http->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    http->wakeup_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (http->epoll_fd < 0 || http->wakeup_fd < 0)
        return BKT_EIO;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = http->wakeup_fd};
    if (epoll_ctl(http->epoll_fd, EPOLL_CTL_ADD, http->wakeup_fd, &event) != 0)
        return BKT_EIO;

    http->has_proxy = environment_has_proxy();
    http->multi = curl_multi_init();
    http->share = curl_share_init();
    if (options && options->ca_bundle) {
        http->ca_bundle = bkt_mem_strdup(options->ca_bundle, strlen(options->ca_bundle));
        if (!http->ca_bundle)
            return BKT_ENOMEM;
    }
    if (!http->multi || !http->share)
        return BKT_ENOMEM;

    /* One thread owns the loop, so what its connections share needs no lock. */
    curl_share_setopt(http->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    uint32_t connections =
        options && options->connections_max > 0 ? options->connections_max : CONNECTIONS_MAX;
    curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)connections);
    curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
    curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
    return BKT_OK;
}

int bkt_http_new(const struct bkt_http_options *options,
                 struct bkt_http **out_http,
                 struct bkt_error *err)
{
    int rc = bkt_libcurl_load(err);
    if (rc)
        return rc;
    struct bkt_http *http = bkt_mem_calloc(1, sizeof(*http));
    if (!http)
        return bkt_error_set(err, BKT_ENOMEM, "open the network loop: out of memory");
    http->epoll_fd = -1;
    http->wakeup_fd = -1;
    http->timer_at_ms = INT64_MAX;

    rc = open_loop(http, options);
    if (rc) {
        bkt_http_free(http);
        return bkt_error_set(err, rc, "open the network loop: %s", bkt_error_text(rc));
    }
    *out_http = http;
    return BKT_OK;
}

void bkt_http_free(struct bkt_http *http)
{
    if (!http)
        return;
    for (size_t i = 0; i < http->transfer_count; i++) {
        struct transfer *transfer = http->transfers[i];
        curl_multi_remove_handle(http->multi, transfer->easy);
        curl_easy_cleanup(transfer->easy);
        bkt_buf_clear(&transfer->body);
        bkt_buf_wipe(&transfer->sent);
        bkt_buf_clear(&transfer->raw_headers);
        bkt_mem_free(transfer);
    }
    bkt_mem_free(http->transfers);
    curl_multi_cleanup(http->multi);
    if (http->share)
        curl_share_cleanup(http->share);
    while (http->origins) {
        struct origin *next = http->origins->next;
        curl_url_cleanup(http->origins->url);
        bkt_mem_free(http->origins);
        http->origins = next;
    }
    bkt_mem_free(http->watches);
    bkt_mem_free(http->ca_bundle);
    if (http->wakeup_fd >= 0)
        (void)close(http->wakeup_fd);
    if (http->epoll_fd >= 0)
        (void)close(http->epoll_fd);
    bkt_mem_free(http);
}
