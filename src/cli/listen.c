#include "cli/listen.h"

#include "cli/history.h"
#include "cli/listen_address.h"
#include "cli/metrics.h"
#include "cli/microhttpd_load.h"
#include "status_page.h" /* made of status_page.html */

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    ASK_MS = 1000,
    ILL_AFTER_MS = 60000, /* trouble may last so long before /healthz says so */
    CONNECTIONS_MAX = 64,
    IDLE_S = 15,
    CONNECTION_BYTES = 16 << 10,
};

struct cli_listen {
    struct bkt_watch *watch;
    struct MHD_Daemon *daemon;
    bool is_loopback;
    char url[64];
    struct cli_history history;
    pthread_t sampler;
    pthread_mutex_t mutex; /* guards is_ending */
    pthread_cond_t ending;
    bool is_ending;
};

static int64_t wall_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* What an answer is made of.  Its text is written to `out`. */
struct answer {
    unsigned status;
    const char *type;
    const char *allow; /* NULL: no such header */
    FILE *out;
};

static void answer_metrics(struct cli_listen *listen, struct answer *answer)
{
    struct bkt_stats stats = {.size = sizeof(stats)};
    if (bkt_watch_stats(listen->watch, ASK_MS, &stats) != BKT_OK)
        answer->status = MHD_HTTP_SERVICE_UNAVAILABLE; /* a scrape that is not of now misleads */
    answer->type = CLI_METRICS_TYPE;
    cli_metrics_write(&stats, answer->out);
}

static void answer_health(struct cli_listen *listen, struct answer *answer)
{
    struct bkt_stats stats = {.size = sizeof(stats)};
    const char *illness = bkt_watch_stats(listen->watch, ASK_MS, &stats) != BKT_OK &&
                                  cli_history_is_stale(&listen->history, wall_ms(), ILL_AFTER_MS)
                              ? "it does not answer: a step has been taking too long"
                              : bkt_stats_illness(&stats, ILL_AFTER_MS);
    if (illness)
        answer->status = MHD_HTTP_SERVICE_UNAVAILABLE;
    (void)fprintf(answer->out, "%s\n", illness ? illness : "ok");
}

static void answer_status(struct cli_listen *listen, struct answer *answer)
{
    struct bkt_stats stats = {.size = sizeof(stats)};
    bool is_fresh = bkt_watch_stats(listen->watch, ASK_MS, &stats) == BKT_OK;
    answer->type = "application/json";
    (void)fprintf(answer->out, "{\"fresh\":%s,", is_fresh ? "true" : "false");
    cli_metrics_write_json(&stats, answer->out);
    (void)fputc(',', answer->out);
    cli_history_write(&listen->history, answer->out);
    (void)fputc('}', answer->out);
}

static void answer_page(struct cli_listen *listen, struct answer *answer)
{
    (void)listen;
    answer->type = "text/html; charset=utf-8";
    (void)fwrite(status_page, 1, sizeof(status_page), answer->out);
}

static const struct {
    const char *path;
    void (*write)(struct cli_listen *listen, struct answer *answer);
} pages[] = {{"/", answer_page},
             {"/metrics", answer_metrics},
             {"/healthz", answer_health},
             {"/status.json", answer_status}};

static void write_answer(struct cli_listen *listen,
                         const char *method,
                         const char *host,
                         const char *path,
                         struct answer *answer)
{
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        answer->status = MHD_HTTP_METHOD_NOT_ALLOWED;
        answer->allow = "GET, HEAD"; /* RFC 9110, section 15.5.6 */
        (void)fputs("GET and HEAD only\n", answer->out);
        return;
    }
    if (listen->is_loopback && (!host || !cli_listen_is_loopback_host(host))) {
        answer->status = MHD_HTTP_FORBIDDEN;
        (void)fputs("ask for localhost: this is for this machine alone\n", answer->out);
        return;
    }
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        if (strcmp(pages[i].path, path) == 0) {
            pages[i].write(listen, answer);
            return;
        }
    }
    answer->status = MHD_HTTP_NOT_FOUND;
    (void)fputs("/, /metrics and /healthz are here\n", answer->out);
}

static enum MHD_Result send_answer(struct MHD_Connection *connection,
                                   const struct answer *answer,
                                   char *text,
                                   size_t len)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        free(text);
        return MHD_NO;
    }
    const struct {
        const char *name, *value;
    } headers[] = {{MHD_HTTP_HEADER_CONTENT_TYPE, answer->type},
                   {MHD_HTTP_HEADER_CACHE_CONTROL, "no-store"},
                   {"Content-Security-Policy", status_page_policy},
                   {"X-Content-Type-Options", "nosniff"},
                   {"Referrer-Policy", "no-referrer"}};
    enum MHD_Result result = MHD_YES;
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]) && result == MHD_YES; i++)
        result = MHD_add_response_header(response, headers[i].name, headers[i].value);
    if (result == MHD_YES && answer->allow)
        result = MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, answer->allow);
    if (result == MHD_YES)
        result = MHD_queue_response(connection, answer->status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result on_request(void *ctx,
                                  struct MHD_Connection *connection,
                                  const char *path,
                                  const char *method,
                                  const char *version,
                                  const char *upload,
                                  size_t *upload_len,
                                  void **request)
{
    (void)version;
    (void)upload;
    (void)request;
    if (*upload_len > 0) {
        *upload_len = 0;
        return MHD_YES;
    }
    char *text = NULL;
    size_t len = 0;
    struct answer answer = {.status = MHD_HTTP_OK,
                            .type = "text/plain; charset=utf-8",
                            .out = open_memstream(&text, &len)};
    if (!answer.out)
        return MHD_NO;
    write_answer(ctx, method,
                 MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST),
                 path, &answer);
    bool is_whole = !ferror(answer.out);
    if (fclose(answer.out) != 0 || !is_whole) {
        free(text);
        return MHD_NO;
    }
    return send_answer(connection, &answer, text, len);
}

/* What rows and changes were, every now and then, whether or not somebody looks. */
static void *sample(void *ctx)
{
    struct cli_listen *listen = ctx;
    struct timespec at;
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    (void)pthread_mutex_lock(&listen->mutex);
    while (!listen->is_ending) {
        (void)pthread_mutex_unlock(&listen->mutex);
        struct bkt_stats stats = {.size = sizeof(stats)};
        if (bkt_watch_stats(listen->watch, ASK_MS, &stats) == BKT_OK && stats.now_ms != 0)
            cli_history_sample(&listen->history, &stats);
        at.tv_sec += CLI_HISTORY_SAMPLE_MS / 1000;
        (void)pthread_mutex_lock(&listen->mutex);
        while (!listen->is_ending &&
               pthread_cond_timedwait(&listen->ending, &listen->mutex, &at) != ETIMEDOUT)
            continue;
    }
    (void)pthread_mutex_unlock(&listen->mutex);
    return NULL;
}

static void init(struct cli_listen *listen, struct bkt_watch *watch)
{
    pthread_condattr_t attributes;
    listen->watch = watch;
    cli_history_init(&listen->history, wall_ms());
    (void)pthread_mutex_init(&listen->mutex, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&listen->ending, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

static void clear(struct cli_listen *listen)
{
    (void)pthread_cond_destroy(&listen->ending);
    (void)pthread_mutex_destroy(&listen->mutex);
    cli_history_clear(&listen->history);
    free(listen);
}

static int listen_at(int fd)
{
    return listen(fd, SOMAXCONN);
}

/* The socket is ours, so that what stands in its way can be told. */
static int open_socket(struct cli_listen *listen,
                       const char *where,
                       struct cli_listen_address *address,
                       int *out_fd,
                       struct bkt_error *err)
{
    int on = 1;
    char host[INET6_ADDRSTRLEN] = "";
    int fd = socket(address->socket.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(fd, (struct sockaddr *)&address->socket, address->len) != 0 || listen_at(fd) != 0 ||
        getsockname(fd, (struct sockaddr *)&address->socket, &address->len) != 0) {
        int rc = bkt_error_set(err, BKT_EIO, "listen on %.80s: %s%s", where, strerror(errno),
                               errno == EADDRINUSE ? "; name another port" : "");
        if (fd >= 0)
            (void)close(fd);
        return rc;
    }
    bool is_v6 = address->socket.ss_family == AF_INET6;
    const void *ip = is_v6 ? (const void *)&((struct sockaddr_in6 *)&address->socket)->sin6_addr
                           : (const void *)&((struct sockaddr_in *)&address->socket)->sin_addr;
    uint16_t port = is_v6 ? ((struct sockaddr_in6 *)&address->socket)->sin6_port
                          : ((struct sockaddr_in *)&address->socket)->sin_port;
    (void)inet_ntop(address->socket.ss_family, ip, host, sizeof(host));
    (void)snprintf(listen->url, sizeof(listen->url), is_v6 ? "http://[%s]:%u/" : "http://%s:%u/",
                   host, ntohs(port));
    *out_fd = fd;
    return BKT_OK;
}

static int start(struct cli_listen *listen, const char *where, struct bkt_error *err)
{
    struct cli_listen_address address;
    int fd = -1;
    int rc = cli_listen_address_parse(where, &address, err);
    if (rc == BKT_OK)
        rc = bkt_microhttpd_load(err);
    if (rc == BKT_OK)
        rc = open_socket(listen, where, &address, &fd, err);
    if (rc)
        return rc;
    listen->is_loopback = address.is_loopback;
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO;
    if (address.socket.ss_family == AF_INET6)
        flags |= MHD_USE_IPv6;
    listen->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, listen,
                                      MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
                                      (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
                                      (unsigned)IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                                      (size_t)CONNECTION_BYTES, MHD_OPTION_END);
    if (!listen->daemon) {
        (void)close(fd);
        return bkt_error_set(err, BKT_EIO, "listen on %.80s: the server does not start", where);
    }
    if (pthread_create(&listen->sampler, NULL, sample, listen) != 0) {
        MHD_stop_daemon(listen->daemon);
        return bkt_error_set(err, BKT_EIO, "listen on %.80s: no thread to be had", where);
    }
    return BKT_OK;
}

int cli_listen_start(const char *where,
                     struct bkt_watch *watch,
                     struct cli_listen **out_listen,
                     struct bkt_error *err)
{
    struct cli_listen *listen = calloc(1, sizeof(*listen));
    if (!listen)
        return bkt_error_set(err, BKT_ENOMEM, "listen: out of memory");
    init(listen, watch);
    /* Signals are for the thread that watches. */
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = start(listen, where, err);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc)
        clear(listen);
    else
        *out_listen = listen;
    return rc;
}

int cli_listen_check(const char *where, struct bkt_error *err)
{
    struct cli_listen_address address;
    int rc = cli_listen_address_parse(where, &address, err);
    return rc ? rc : bkt_microhttpd_load(err);
}

const char *cli_listen_url(const struct cli_listen *listen)
{
    return listen->url;
}

void cli_listen_changed(struct cli_listen *listen, const char *what, const char *key, size_t len)
{
    if (listen)
        cli_history_note(&listen->history, wall_ms(), what, key, len, "");
}

void cli_listen_failed(struct cli_listen *listen,
                       const char *key,
                       size_t key_len,
                       const char *reason)
{
    if (listen)
        cli_history_note(&listen->history, wall_ms(), "error", key, key_len, reason);
}

void cli_listen_stop(struct cli_listen *listen)
{
    if (!listen)
        return;
    (void)pthread_mutex_lock(&listen->mutex);
    listen->is_ending = true;
    (void)pthread_cond_signal(&listen->ending);
    (void)pthread_mutex_unlock(&listen->mutex);
    (void)pthread_join(listen->sampler, NULL);
    MHD_stop_daemon(listen->daemon);
    clear(listen);
}
