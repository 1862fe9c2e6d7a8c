#include "redis_script.h"

#include "loopback.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWERS_MAX = 128, COMMANDS_MAX = 8192, CONNECTIONS_MAX = 128, BYTES_MAX = 4 << 20 };

struct connection {
    struct redis_script *script;
    pthread_t thread;
    int fd;
};

struct command {
    char *text;
    struct connection *from;
};

struct redis_script {
    const struct redis_script_answer *answers;
    size_t answer_count;
    bool used[ANSWERS_MAX];
    struct command commands[COMMANDS_MAX];
    size_t command_count;
    struct connection connections[CONNECTIONS_MAX];
    size_t connection_count;
    int listener;
    pthread_t thread;
    pthread_mutex_t lock;
    char url[64];
};

static void send_text(int fd, const char *text)
{
    for (size_t left = strlen(text); left > 0;) {
        ssize_t sent = send(fd, text, left, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        text += sent;
        left -= (size_t)sent;
    }
}

/* A whole command at the front of `bytes`: its words, and how long it was; NULL: not yet. */
static char *read_command(const char *bytes, size_t len, size_t *out_len)
{
    char *at;
    char *text = malloc(len + 1);
    size_t text_len = 0;
    if (!text)
        abort();
    const char *end = len > 0 ? memchr(bytes, '\n', len) : NULL;
    unsigned long words = end ? strtoul(bytes + 1, NULL, 10) : 0;
    const char *next = end ? end + 1 : bytes;
    for (unsigned long i = 0; end && i < words; i++) {
        size_t left = len - (size_t)(next - bytes);
        end = left > 0 ? memchr(next, '\n', left) : NULL;
        if (!end)
            break;
        size_t word_len = strtoul(next + 1, &at, 10);
        next = end + 1;
        if (word_len + 2 > len - (size_t)(next - bytes)) {
            end = NULL;
            break;
        }
        if (i > 0)
            text[text_len++] = ' ';
        memcpy(text + text_len, next, word_len);
        text_len += word_len;
        next += word_len + 2;
    }
    if (!end) {
        free(text);
        return NULL;
    }
    text[text_len] = '\0';
    *out_len = (size_t)(next - bytes);
    return text;
}

static struct redis_script_answer take_answer(struct connection *c, char *command)
{
    struct redis_script *script = c->script;
    struct redis_script_answer answer = {0};
    (void)pthread_mutex_lock(&script->lock);
    for (size_t i = 0; i < script->answer_count; i++) {
        if (script->used[i] || !strstr(command, script->answers[i].match))
            continue;
        script->used[i] = !script->answers[i].again;
        answer = script->answers[i];
        break;
    }
    if (!answer.reply && strncmp(command, "PING", 4) == 0)
        answer.reply = "+PONG\r\n";
    if (!answer.reply && (strncmp(command, "AUTH", 4) == 0 || strncmp(command, "SELECT", 6) == 0))
        answer.reply = "+OK\r\n";
    if (script->command_count == COMMANDS_MAX)
        abort();
    script->commands[script->command_count++] = (struct command){command, c};
    (void)pthread_mutex_unlock(&script->lock);
    return answer;
}

static void *serve(void *arg)
{
    struct connection *c = arg;
    char *bytes = malloc(BYTES_MAX);
    size_t len = 0;
    bool is_open = bytes != NULL;
    while (is_open) {
        ssize_t got = recv(c->fd, bytes + len, BYTES_MAX - len, 0);
        if (got <= 0)
            break;
        len += (size_t)got;
        char *command;
        size_t used;
        while (is_open && (command = read_command(bytes, len, &used)) != NULL) {
            len -= used;
            memmove(bytes, bytes + used, len);
            struct redis_script_answer answer = take_answer(c, command);
            if (answer.reply)
                send_text(c->fd, answer.reply);
            is_open = !answer.close;
        }
    }
    (void)shutdown(c->fd, SHUT_RDWR);
    free(bytes);
    return NULL;
}

static void *accept_all(void *arg)
{
    struct redis_script *script = arg;
    int fd;
    while ((fd = accept(script->listener, NULL, NULL)) >= 0) {
        int on = 1;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        (void)pthread_mutex_lock(&script->lock);
        if (script->connection_count == CONNECTIONS_MAX)
            abort();
        struct connection *c = &script->connections[script->connection_count++];
        *c = (struct connection){.script = script, .fd = fd};
        if (pthread_create(&c->thread, NULL, serve, c) != 0)
            abort();
        (void)pthread_mutex_unlock(&script->lock);
    }
    return NULL;
}

struct redis_script *redis_script_start(const struct redis_script_answer *answers, size_t count)
{
    struct redis_script *script = calloc(1, sizeof(*script));
    unsigned port;
    if (!script || count > ANSWERS_MAX)
        abort();
    script->answers = answers;
    script->answer_count = count;
    (void)pthread_mutex_init(&script->lock, NULL);
    script->listener = loopback_listen(&port);
    (void)snprintf(script->url, sizeof(script->url), "redis://127.0.0.1:%u", port);
    if (pthread_create(&script->thread, NULL, accept_all, script) != 0)
        abort();
    return script;
}

void redis_script_drop(struct redis_script *script)
{
    (void)pthread_mutex_lock(&script->lock);
    for (size_t i = 0; i < script->connection_count; i++)
        (void)shutdown(script->connections[i].fd, SHUT_RDWR);
    (void)pthread_mutex_unlock(&script->lock);
}

void redis_script_stop(struct redis_script *script)
{
    if (!script)
        return;
    (void)shutdown(script->listener, SHUT_RDWR); /* ends accept() */
    (void)pthread_join(script->thread, NULL);
    redis_script_drop(script);
    for (size_t i = 0; i < script->connection_count; i++) {
        (void)pthread_join(script->connections[i].thread, NULL);
        (void)close(script->connections[i].fd);
    }
    (void)close(script->listener);
    for (size_t i = 0; i < script->command_count; i++)
        free(script->commands[i].text);
    (void)pthread_mutex_destroy(&script->lock);
    free(script);
}

const char *redis_script_url(const struct redis_script *script)
{
    return script->url;
}

size_t redis_script_count(struct redis_script *script, const char *text)
{
    size_t count = 0;
    (void)pthread_mutex_lock(&script->lock);
    for (size_t i = 0; i < script->command_count; i++)
        count += strstr(script->commands[i].text, text) != NULL;
    (void)pthread_mutex_unlock(&script->lock);
    return count;
}

void redis_script_push(struct redis_script *script, const char *text, const char *reply)
{
    int fd = -1;
    (void)pthread_mutex_lock(&script->lock);
    for (size_t i = 0; i < script->command_count; i++) {
        if (strstr(script->commands[i].text, text))
            fd = script->commands[i].from->fd;
    }
    if (fd >= 0)
        send_text(fd, reply);
    (void)pthread_mutex_unlock(&script->lock);
}
