#include "events/redis_reply.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>

bool bkt_redis_is_error(const struct redisReply *reply, const char *prefix)
{
    return reply->type == REDIS_REPLY_ERROR &&
           bkt_str_has_prefix((struct bkt_str){reply->str, (size_t)reply->len},
                              bkt_str_from(prefix));
}

/* The reply's first word: "NOAUTH", "ERR". */
static void copy_cause(const struct redisReply *reply, char *out, size_t size)
{
    size_t len = 0;
    while (len + 1 < size && len < (size_t)reply->len && reply->str[len] > ' ' &&
           reply->str[len] < 127) {
        out[len] = reply->str[len];
        len++;
    }
    out[len] = '\0';
    if (len == 0)
        (void)snprintf(out, size, "error");
}

void bkt_redis_describe(const struct bkt_redis_url *url,
                        const char *what,
                        const struct redisReply *reply,
                        struct bkt_error *err)
{
    char text[256];
    size_t len = 0;
    for (; len + 1 < sizeof(text) && len < (size_t)reply->len; len++) {
        unsigned char byte = (unsigned char)reply->str[len];
        text[len] = byte < ' ' || byte == 127 ? '?' : (char)byte;
    }
    text[len] = '\0';
    bool may_pass = strncmp(text, "LOADING", 7) == 0 || strncmp(text, "BUSY", 4) == 0 ||
                    strncmp(text, "TRYAGAIN", 8) == 0 || strncmp(text, "MASTERDOWN", 10) == 0 ||
                    strncmp(text, "CLUSTERDOWN", 11) == 0 || strncmp(text, "OOM", 3) == 0 ||
                    strstr(text, "max number of clients");
    (void)bkt_error_set(err, BKT_EIO, "%s: Redis at %s: %s", what, url->place, text);
    err->retriable = may_pass;
}

void bkt_redis_describe_login(const struct bkt_redis_url *url,
                              const struct redisReply *reply,
                              char *out_cause,
                              size_t cause_size,
                              struct bkt_error *err)
{
    copy_cause(reply, out_cause, cause_size);
    bkt_redis_describe(url, "log in", reply, err);
    struct bkt_error said = *err;
    bool is_auth = strcmp(out_cause, "WRONGPASS") == 0 || strcmp(out_cause, "NOAUTH") == 0 ||
                   strstr(err->message, "AUTH") || strstr(err->message, "password");
    if (is_auth) {
        (void)bkt_error_set(err, said.code,
                            "%s; check the user and password in redis_url or REDISCLI_AUTH",
                            said.message);
    } else if (strcmp(out_cause, "NOPERM") == 0) {
        (void)bkt_error_set(err, said.code, "%s; allow the user +ping +select", said.message);
    }
}
