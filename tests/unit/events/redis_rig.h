/* The Redis channel between a scripted Redis and an owner that writes down what it is told. */
#ifndef TESTS_REDIS_RIG_H
#define TESTS_REDIS_RIG_H

#include "events/redis_channel.h"

#include "../../fake/redis_script.h"
#include "channel_rig.h"

#define EVENT(bucket, key)                                                                         \
    "[{\"Event\":[{\"eventVersion\":\"2.0\",\"eventSource\":\"minio:s3\",\"eventName\":\"s3:Objec" \
    "tCreated:Put\",\"s3\":{\"bucket\":{\"name\":\"" bucket "\"},\"object\":{\"key\":\"" key       \
    "\"}}}],\"EventTime\":\"2024-03-01T10:00:00Z\"}]"
#define HALF                                                                                   \
    "[{\"Event\":[{\"eventVersion\":\"2.0\",\"eventSource\":\"minio:s3\",\"eventName\":\"s3:O" \
    "bjectCreated:Put\",\"s3\":{\"bucket\":{\"name\":\"docs\"},\"object\":{\"key\":\"half\"}"  \
    "}},{\"eventVersion\":\"9.0\"}],\"EventTime\":\"2024-03-01T10:00:00Z\"}]"
#define TYPE(text)                                                  \
    {                                                               \
        .match = "TYPE ev", .reply = "+" text "\r\n", .again = true \
    }
#define NO_FLAGS                                                                    \
    {                                                                               \
        .match = "CONFIG GET", .again = true, .reply = "-NOPERM no permissions\r\n" \
    }
#define SUBSCRIBED                                                             \
    {.match = "SUBSCRIBE ev",                                                  \
     .again = true,                                                            \
     .reply = "*3\r\n$9\r\nsubscribe\r\n$2\r\nev\r\n:1\r\n"},                  \
    {                                                                          \
        .match = "SUBSCRIBE __keyspace", .again = true,                        \
        .reply = "*3\r\n$9\r\nsubscribe\r\n$17\r\n__keyspace@0__:ev\r\n:2\r\n" \
    }
#define DEPTH                                                \
    {                                                        \
        .match = "LLEN ev", .again = true, .reply = ":0\r\n" \
    }
#define NOTHING_LEFT                                                        \
    {                                                                       \
        .match = "LRANGE ev:bucketable 0", .again = true, .reply = "*0\r\n" \
    }
#define REMOVED                                                            \
    {                                                                      \
        .match = "LREM ev:bucketable 1 ", .again = true, .reply = ":1\r\n" \
    }

/* Of either kind: BLMOVE has LMOVE in it. */
#define MOVE(text)                                                  \
    {                                                               \
        .match = "LMOVE ev ev:bucketable LEFT RIGHT", .reply = text \
    }
#define NIL "$-1\r\n"

struct redis {
    struct rig rig;
    struct redis_script *script;
    struct bkt_redis_channel_options options;
    char url[256];
};

/* A bulk string.  Made at run time, since its length is in it; four at a time. */
static const char *bulk(const char *text)
{
    static char buffers[4][2048];
    static unsigned next;
    char *buffer = buffers[next++ % 4];
    (void)snprintf(buffer, sizeof(buffers[0]), "$%zu\r\n%s\r\n", strlen(text), text);
    return buffer;
}

static inline void open_options(struct redis *redis,
                                const struct redis_script_answer *answers,
                                size_t count)
{
    memset(redis, 0, sizeof(*redis));
    redis->script = redis_script_start(answers, count);
    redis->rig.now_ms = 1000000;
    assert_int_equal(bkt_http_new(NULL, &redis->rig.http, NULL), BKT_OK);
    redis->options = (struct bkt_redis_channel_options){
        .http = redis->rig.http,
        .url = bkt_str_from(redis_script_url(redis->script)),
        .name = BKT_STR("ev"),
        .scope = {.bucket = BKT_STR("docs")},
        .seed = 1,
    };
}

static inline void open_channel(struct redis *redis)
{
    struct bkt_channel_owner owner = rig_owner(&redis->rig);
    struct bkt_error err = {0};
    int rc = bkt_redis_channel_new(&redis->options, &owner, &redis->rig.channel, &err);
    assert_string_equal(err.message, "");
    assert_int_equal(rc, BKT_OK);
}

static inline void open_redis(struct redis *redis,
                              const struct redis_script_answer *answers,
                              size_t count)
{
    open_options(redis, answers, count);
    open_channel(redis);
}

static inline void close_redis(struct redis *redis)
{
    rig_close(&redis->rig);
    redis_script_stop(redis->script);
}

static inline size_t asked(const struct redis *redis, const char *text)
{
    return redis_script_count(redis->script, text);
}

static inline void settle(struct redis *redis, unsigned index)
{
    redis->rig.channel.ops->settle(redis->rig.channel.self, redis->rig.tokens[index]);
}

static inline bool is_drained(const struct redis *redis)
{
    return redis->rig.channel.ops->is_drained(redis->rig.channel.self);
}

static inline void publish(const struct redis *redis, const char *payload)
{
    char message[4096];
    (void)snprintf(message, sizeof(message), "*3\r\n$7\r\nmessage\r\n$2\r\nev\r\n%s",
                   bulk(payload));
    redis_script_push(redis->script, "SUBSCRIBE ev", message);
}

#endif
