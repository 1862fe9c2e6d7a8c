#include "http_script.h"

#include "loopback.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWERS_MAX = 256, REQUESTS_MAX = 1024, CONNECTIONS_MAX = 256, REQUEST_BYTES_MAX = 1 << 20 };

struct connection {
    struct http_script *script;
    pthread_t thread;
    int fd;
};

struct http_script {
    const struct http_script_answer *answers;
    size_t answer_count;
    bool used[ANSWERS_MAX];
    char *requests[REQUESTS_MAX];
    size_t request_count;
    struct connection connections[CONNECTIONS_MAX];
    size_t connection_count;
    int listener;
    int stop_pipe[2]; /* readable once the test has ended: every wait looks at it */
    pthread_t thread;
    pthread_mutex_t lock;
    char url[64];
};

/* False when the test ends first. */
static bool wait_readable(struct http_script *script, int fd, int timeout_ms)
{
    struct pollfd fds[2] = {{.fd = script->stop_pipe[0], .events = POLLIN},
                            {.fd = fd, .events = POLLIN}};
    return poll(fds, 2, timeout_ms) > 0 && fds[0].revents == 0;
}

static void wait_for_the_end(struct http_script *script)
{
    (void)wait_readable(script, -1, -1);
}

static void send_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        bytes += sent;
        len -= (size_t)sent;
    }
}

static size_t content_length(const char *head)
{
    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, "Content-Length:", 15) == 0)
            return (size_t)strtoul(line + 17, NULL, 10);
    }
    return 0;
}

/* One request, NUL-terminated, cut from the front of `buf`; NULL at the end of the connection. */
static char *read_request(struct connection *c, char *buf, size_t *len)
{
    for (;;) {
        buf[*len] = '\0';
        char *end = strstr(buf, "\r\n\r\n");
        size_t total = end ? (size_t)(end - buf) + 4 + content_length(buf) : 0;
        if (end && *len >= total) {
            char *request = malloc(total + 1);
            if (!request)
                abort();
            memcpy(request, buf, total);
            request[total] = '\0';
            *len -= total;
            memmove(buf, buf + total, *len);
            return request;
        }
        if (*len == REQUEST_BYTES_MAX || !wait_readable(c->script, c->fd, -1))
            return NULL;
        ssize_t got = recv(c->fd, buf + *len, REQUEST_BYTES_MAX - *len, 0);
        if (got <= 0)
            return NULL;
        *len += (size_t)got;
    }
}

static struct http_script_answer take_answer(struct http_script *script, char *request)
{
    struct http_script_answer answer = {.status = 599};
    (void)pthread_mutex_lock(&script->lock);
    if (script->request_count < REQUESTS_MAX)
        script->requests[script->request_count++] = request;
    for (size_t i = 0; i < script->answer_count; i++) {
        const char *match = script->answers[i].match;
        if (script->used[i] || (match && !strstr(request, match)))
            continue;
        script->used[i] = !script->answers[i].again;
        answer = script->answers[i];
        break;
    }
    (void)pthread_mutex_unlock(&script->lock);
    return answer;
}

/* False when the connection is over. */
static bool send_answer(struct connection *c,
                        const struct http_script_answer *answer,
                        bool head_only)
{
    if (answer->delay_ms > 0)
        (void)wait_readable(c->script, -1, answer->delay_ms);
    if (answer->end == HTTP_SCRIPT_MUTE) {
        wait_for_the_end(c->script);
        return false;
    }
    if (answer->end == HTTP_SCRIPT_HANG_UP)
        return false;
    const char *body = answer->body ? answer->body : "";
    size_t body_len = answer->body_len ? answer->body_len : strlen(body);
    char head[4096];
    int status = answer->status ? answer->status : 200;
    int head_len = snprintf(head, sizeof(head), "HTTP/1.1 %d Scripted\r\n%s", status,
                            answer->headers ? answer->headers : "");
    if (status != 204 && status != 304) {
        head_len += snprintf(head + head_len, sizeof(head) - (size_t)head_len,
                             "Content-Length: %zu\r\n", body_len);
    }
    head_len += snprintf(head + head_len, sizeof(head) - (size_t)head_len, "%s\r\n",
                         answer->end == HTTP_SCRIPT_CLOSE ? "Connection: close\r\n" : "");
    if (head_only || status == 204 || status == 304)
        body_len = 0;
    if (answer->end == HTTP_SCRIPT_CUT && body_len == 0)
        head_len--;
    send_all(c->fd, head, (size_t)head_len);
    if (answer->end == HTTP_SCRIPT_STALL) {
        wait_for_the_end(c->script);
        return false;
    }
    if (answer->end == HTTP_SCRIPT_CUT && body_len > 0)
        body_len--;
    send_all(c->fd, body, body_len);
    return answer->end == HTTP_SCRIPT_KEEP;
}

static void *serve(void *arg)
{
    struct connection *c = arg;
    char *buf = malloc(REQUEST_BYTES_MAX + 1);
    size_t len = 0;
    bool open = buf != NULL;
    while (open) {
        char *request = read_request(c, buf, &len);
        if (!request)
            break;
        bool head_only = strncmp(request, "HEAD ", 5) == 0;
        struct http_script_answer answer = take_answer(c->script, request);
        open = send_answer(c, &answer, head_only);
    }
    (void)shutdown(c->fd, SHUT_RDWR);
    free(buf);
    return NULL;
}

static void *accept_all(void *arg)
{
    struct http_script *script = arg;
    while (wait_readable(script, script->listener, -1)) {
        int fd = accept(script->listener, NULL, NULL);
        if (fd < 0)
            continue;
        int on = 1;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        struct connection *c = &script->connections[script->connection_count];
        *c = (struct connection){.script = script, .fd = fd};
        if (script->connection_count == CONNECTIONS_MAX - 1 ||
            pthread_create(&c->thread, NULL, serve, c) != 0)
            (void)close(fd);
        else
            script->connection_count++;
    }
    return NULL;
}

struct http_script *http_script_start(const struct http_script_answer *answers, size_t count)
{
    struct http_script *script = calloc(1, sizeof(*script));
    unsigned port;
    if (!script || count > ANSWERS_MAX || pipe(script->stop_pipe) != 0)
        abort();
    script->answers = answers;
    script->answer_count = count;
    (void)pthread_mutex_init(&script->lock, NULL);
    script->listener = loopback_listen(&port);
    (void)snprintf(script->url, sizeof(script->url), "http://127.0.0.1:%u", port);
    if (pthread_create(&script->thread, NULL, accept_all, script) != 0)
        abort();
    return script;
}

void http_script_stop(struct http_script *script)
{
    if (!script)
        return;
    (void)close(script->stop_pipe[1]);
    (void)pthread_join(script->thread, NULL);
    for (size_t i = 0; i < script->connection_count; i++) {
        (void)pthread_join(script->connections[i].thread, NULL);
        (void)close(script->connections[i].fd);
    }
    (void)close(script->listener);
    (void)close(script->stop_pipe[0]);
    for (size_t i = 0; i < script->request_count; i++)
        free(script->requests[i]);
    (void)pthread_mutex_destroy(&script->lock);
    free(script);
}

const char *http_script_url(const struct http_script *script)
{
    return script->url;
}

size_t http_script_count(struct http_script *script)
{
    (void)pthread_mutex_lock(&script->lock);
    size_t count = script->request_count;
    (void)pthread_mutex_unlock(&script->lock);
    return count;
}

const char *http_script_request(struct http_script *script, size_t i)
{
    (void)pthread_mutex_lock(&script->lock);
    const char *request = i < script->request_count ? script->requests[i] : "";
    (void)pthread_mutex_unlock(&script->lock);
    return request;
}

size_t http_script_left(struct http_script *script)
{
    size_t left = 0;
    (void)pthread_mutex_lock(&script->lock);
    for (size_t i = 0; i < script->answer_count; i++)
        left += !script->used[i] && !script->answers[i].again;
    (void)pthread_mutex_unlock(&script->lock);
    return left;
}
