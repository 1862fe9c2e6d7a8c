/*
 * Replies of Redis that say no, in words: what was being done, where, what came back.
 *
 * Error replies begin with a word for the machine: https://redis.io/docs/reference/protocol-spec/
 */
#ifndef EVENTS_REDIS_REPLY_H
#define EVENTS_REDIS_REPLY_H

#include "events/redis_url.h"

struct redisReply;

bool bkt_redis_is_error(const struct redisReply *reply, const char *prefix);

/* `retriable`: the server itself says that it may pass.  `reply` is an error. */
void bkt_redis_describe(const struct bkt_redis_url *url,
                        const char *what,
                        const struct redisReply *reply,
                        struct bkt_error *err);

/* The same of a login, with what to do; and the reply's first word ("NOAUTH", "ERR"). */
void bkt_redis_describe_login(const struct bkt_redis_url *url,
                              const struct redisReply *reply,
                              char *out_cause,
                              size_t cause_size,
                              struct bkt_error *err);

#endif
