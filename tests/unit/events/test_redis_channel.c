/*
 * The Redis channel against a scripted Redis: pub/sub, the list and the hash of MinIO, what is
 * asked before the channel is ready, and what comes of every way to lose the connection.
 */
#include "events/redis_channel.h"
#include "events/redis_look.h"

#include "../../fake/redis_script.h"
#include "channel_rig.h"
#include "events/redis_url.h"

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
    struct bkt_str bucket;
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

static void open_options(struct redis *redis,
                         const struct redis_script_answer *answers,
                         size_t count)
{
    *redis = (struct redis){.bucket = BKT_STR("docs")};
    redis->script = redis_script_start(answers, count);
    redis->rig.now_ms = 1000000;
    assert_int_equal(bkt_http_new(NULL, &redis->rig.http, NULL), BKT_OK);
    redis->options = (struct bkt_redis_channel_options){
        .http = redis->rig.http,
        .url = bkt_str_from(redis_script_url(redis->script)),
        .name = BKT_STR("ev"),
        .scope = {.buckets = &redis->bucket, .bucket_count = 1},
        .seed = 1,
    };
}

static void open_channel(struct redis *redis)
{
    struct bkt_channel_owner owner = rig_owner(&redis->rig);
    struct bkt_error err = {0};
    int rc = bkt_redis_channel_new(&redis->options, &owner, &redis->rig.channel, &err);
    assert_string_equal(err.message, "");
    assert_int_equal(rc, BKT_OK);
}

static void open_redis(struct redis *redis, const struct redis_script_answer *answers, size_t count)
{
    open_options(redis, answers, count);
    open_channel(redis);
}

static void close_redis(struct redis *redis)
{
    rig_close(&redis->rig);
    redis_script_stop(redis->script);
}

static size_t asked(const struct redis *redis, const char *text)
{
    return redis_script_count(redis->script, text);
}

static void settle(struct redis *redis, unsigned index)
{
    redis->rig.channel.ops->settle(redis->rig.channel.self, redis->rig.tokens[index]);
}

static bool is_drained(const struct redis *redis)
{
    return redis->rig.channel.ops->is_drained(redis->rig.channel.self);
}

static void publish(const struct redis *redis, const char *payload)
{
    char message[4096];
    (void)snprintf(message, sizeof(message), "*3\r\n$7\r\nmessage\r\n$2\r\nev\r\n%s",
                   bulk(payload));
    redis_script_push(redis->script, "SUBSCRIBE ev", message);
}

/* Starting. */

static void it_is_ready_when_subscribed_and_allowed_to_take(void **state)
{
    (void)state;
    const struct redis_script_answer answers[] = {TYPE("none"), NO_FLAGS,     SUBSCRIBED,
                                                  DEPTH,        NOTHING_LEFT, MOVE(NIL)};
    struct redis redis;
    open_options(&redis, answers, T_COUNT(answers));
    (void)snprintf(redis.url, sizeof(redis.url), "redis://app:pass@%s/2",
                   redis_script_url(redis.script) + strlen("redis://"));
    redis.options.url = bkt_str_from(redis.url);
    redis.options.default_password = BKT_STR("other");
    open_channel(&redis);
    RIG_UNTIL(&redis.rig, redis.rig.ready_count == 1);
    RIG_UNTIL(&redis.rig, asked(&redis, "BLMOVE ev ev:bucketable LEFT RIGHT 5") == 1);
    assert_int_equal(asked(&redis, "AUTH app pass"), 3);
    assert_int_equal(asked(&redis, "SELECT 2"), 3);
    RIG_UNTIL(&redis.rig, asked(&redis, "SUBSCRIBE __keyspace@2__:ev") == 1);
    assert_int_equal(redis.rig.trouble_count, 0);
    assert_int_equal(redis.rig.gap_count, 0); /* the owner lists after ready */
    close_redis(&redis);
}

static void a_password_may_come_from_the_environment(void **state)
{
    (void)state;
    const struct redis_script_answer answers[] = {
        {.match = "AUTH", .reply = "-WRONGPASS invalid username-password pair\r\n", .again = true}};
    struct redis redis;
    open_options(&redis, answers, T_COUNT(answers));
    redis.options.default_password = BKT_STR("from env");
    open_channel(&redis);
    RIG_UNTIL(&redis.rig, redis.rig.trouble_count == 1);
    assert_true(asked(&redis, "AUTH from env") > 0);
    assert_false(redis.rig.trouble.retriable);
    assert_non_null(strstr(redis.rig.trouble.message, "redis_url or REDISCLI_AUTH"));
    assert_null(strstr(redis.rig.trouble.message, "from env"));
    close_redis(&redis);
}

static void what_is_missing_is_said_at_start(void **state)
{
    (void)state;
    static const char noperm[] = "-NOPERM this user has no permissions\r\n";
    static const struct {
        const char *name;
        struct redis_script_answer first;
        bool is_retriable;
        const char *words;
    } cases[] = {
        {"no entries", {.match = "LMOVE", .reply = noperm}, false, "+blmove"},
        {"no list of entries in work",
         {.match = "LRANGE", .reply = noperm},
         false,
         "read the list of entries in work"},
        {"a login",
         {.match = "PING", .reply = "-NOAUTH Authentication required.\r\n"},
         false,
         "check the user and password"},
        {"loading", {.match = "PING", .reply = "-LOADING Redis is loading\r\n"}, true, "LOADING"},
        {"no Redis",
         {.match = "PING", .reply = "HTTP/1.1 400\r\n"},
         false,
         "understood: Protocol error"},
        {"closed", {.match = "PING", .reply = "", .close = true}, false, "closed the connection"},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# %s\n", cases[i].name);
        struct redis_script_answer always = cases[i].first;
        always.again = true;
        const struct redis_script_answer answers[] = {always, TYPE("list"), NO_FLAGS, SUBSCRIBED,
                                                      DEPTH};
        struct redis redis;
        open_redis(&redis, answers, T_COUNT(answers));
        RIG_UNTIL(&redis.rig, redis.rig.trouble_count == 1);
        assert_int_equal(redis.rig.ready_count, 0);
        assert_int_equal(redis.rig.trouble.retriable, cases[i].is_retriable);
        assert_non_null(strstr(redis.rig.trouble.message, cases[i].words));
        assert_non_null(strstr(redis.rig.trouble.message, "redis://127.0.0.1:"));
        close_redis(&redis);
    }
}

static void one_way_that_is_closed_leaves_the_other(void **state)
{
    (void)state;
    static const char noperm[] = "-NOPERM this user has no permissions\r\n";
    for (int closed = 1; closed <= 3; closed++) {
        print_message("# %s%s\n", closed & 1 ? "no SUBSCRIBE " : "", closed & 2 ? "no TYPE" : "");
        const struct redis_script_answer answers[] = {
            {.match = closed & 1 ? "SUBSCRIBE" : "never", .reply = noperm, .again = true},
            {.match = closed & 2 ? "TYPE" : "never", .reply = noperm, .again = true},
            TYPE("list"),
            NO_FLAGS,
            SUBSCRIBED,
            DEPTH,
            NOTHING_LEFT,
            MOVE(NIL)};
        struct redis redis;
        open_redis(&redis, answers, T_COUNT(answers));
        RIG_UNTIL(&redis.rig, redis.rig.ready_count + redis.rig.trouble_count == 1);
        assert_int_equal(redis.rig.ready_count, closed != 3);
        assert_int_equal(redis.rig.warn_count, closed == 3 ? 2 : 1);
        if (closed == 3)
            assert_false(redis.rig.trouble.retriable);
        close_redis(&redis);
    }
}

/* Pub/sub. */

static void what_is_published_is_told(void **state)
{
    (void)state;
    const struct redis_script_answer answers[] = {TYPE("none"), NO_FLAGS,     SUBSCRIBED,
                                                  DEPTH,        NOTHING_LEFT, MOVE(NIL)};
    struct redis redis;
    open_redis(&redis, answers, T_COUNT(answers));
    RIG_UNTIL(&redis.rig, redis.rig.ready_count == 1);
    publish(&redis, EVENT("other", "x"));
    publish(&redis, "no JSON");
    publish(&redis, EVENT("docs", "a%2Fb+c"));
    publish(&redis, HALF);
    RIG_UNTIL(&redis.rig, redis.rig.change_count == 2);
    assert_string_equal(redis.rig.changed, "a/b c; half; ");
    assert_int_equal(rig_stats(&redis.rig).unsettled, 2);
    settle(&redis, 0);
    settle(&redis, 1);
    assert_true(is_drained(&redis)); /* there is nothing to acknowledge */
    struct bkt_channel_stats stats = rig_stats(&redis.rig);
    assert_int_equal(stats.received, 4);
    assert_int_equal(stats.irrelevant, 1);
    assert_int_equal(stats.poison, 2);
    assert_int_equal(stats.unsettled, 0);
    assert_int_equal(redis.rig.warn_count, 2);
    close_redis(&redis);
}

static void a_lost_connection_is_a_gap(void **state)
{
    (void)state;
    /* The second move is the first connection's BLMOVE, which waits. */
    const struct redis_script_answer answers[] = {TYPE("none"), NO_FLAGS,  SUBSCRIBED, DEPTH,
                                                  NOTHING_LEFT, MOVE(NIL), MOVE(""),   MOVE(NIL)};
    struct redis redis;
    open_redis(&redis, answers, T_COUNT(answers));
    RIG_UNTIL(&redis.rig, redis.rig.ready_count == 1);
    RIG_UNTIL(&redis.rig, asked(&redis, "BLMOVE") == 1);
    redis_script_drop(redis.script);
    RIG_UNTIL(&redis.rig, redis.rig.trouble_count == 1);
    assert_true(redis.rig.trouble.retriable);
    rig_settle_down(&redis.rig);
    assert_int_equal(redis.rig.gap_count, 0);
    assert_int_equal(asked(&redis, "SUBSCRIBE ev"), 1); /* backing off */
    redis.rig.now_ms += 2000;
    RIG_UNTIL(&redis.rig, redis.rig.gap_count == 1);
    assert_int_equal(redis.rig.ready_count, 2);
    assert_int_equal(redis.rig.relief_count, 1);
    assert_int_equal(redis.rig.trouble_count, 1);
    publish(&redis, EVENT("docs", "after"));
    RIG_UNTIL(&redis.rig, redis.rig.change_count == 1);
    close_redis(&redis);
}

static void silence_is_noticed(void **state)
{
    (void)state;
    const struct redis_script_answer answers[] = {
        TYPE("string"),
        NO_FLAGS,
        SUBSCRIBED,
        DEPTH,
        {.match = "PING", .reply = "+PONG\r\n"}, /* one each for the two logins */
        {.match = "PING", .reply = "+PONG\r\n"},
        {.match = "PING", .reply = "", .again = true}};
    struct redis redis;
    open_redis(&redis, answers, T_COUNT(answers));
    RIG_UNTIL(&redis.rig, redis.rig.ready_count == 1);
    assert_int_equal(redis.rig.warn_count, 1); /* the key is a string */
    rig_settle_down(&redis.rig);
    redis.rig.now_ms += 10000;
    RIG_UNTIL(&redis.rig, asked(&redis, "PING") >= 3);
    rig_settle_down(&redis.rig);
    assert_int_equal(redis.rig.trouble_count, 0);
    redis.rig.now_ms += 20000;
    RIG_UNTIL(&redis.rig, redis.rig.trouble_count == 1);
    assert_non_null(strstr(redis.rig.trouble.message, "silent"));
    close_redis(&redis);
}

/* The list. */

static void an_entry_leaves_redis_when_it_is_settled(void **state)
{
    (void)state;
    const char *entry = bulk(EVENT("docs", "a%2Fb"));
    const char *foreign = bulk(EVENT("other", "x"));
    const struct redis_script_answer answers[] = {
        TYPE("list"), NO_FLAGS,      SUBSCRIBED, DEPTH,     NOTHING_LEFT, REMOVED,
        MOVE(entry),  MOVE(foreign), MOVE(NIL),  MOVE(NIL), MOVE(NIL)};
    struct redis redis;
    open_redis(&redis, answers, T_COUNT(answers));
    RIG_UNTIL(&redis.rig, redis.rig.change_count == 1);
    assert_string_equal(redis.rig.changed, "a/b; ");
    RIG_UNTIL(&redis.rig, asked(&redis, "BLMOVE") == 1);
    RIG_UNTIL(&redis.rig, asked(&redis, "LREM ev:bucketable 1 " EVENT("other", "x")) == 1);
    rig_settle_down(&redis.rig);
    assert_int_equal(asked(&redis, "LREM ev:bucketable 1 " EVENT("docs", "a%2Fb")), 0);
    settle(&redis, 0);
    assert_false(is_drained(&redis));
    RIG_UNTIL(&redis.rig, is_drained(&redis));
    assert_int_equal(asked(&redis, "LREM ev:bucketable 1 " EVENT("docs", "a%2Fb")), 1);
    assert_int_equal(rig_stats(&redis.rig).acknowledged, 2);
    assert_int_equal(rig_stats(&redis.rig).irrelevant, 1);
    close_redis(&redis);
}

static void poison_is_put_aside_and_harms_nobody(void **state)
{
    (void)state;
    const char *bad = bulk("no JSON");
    const char *half = bulk(HALF);
    const struct redis_script_answer answers[] = {
        TYPE("list"),
        NO_FLAGS,
        SUBSCRIBED,
        DEPTH,
        NOTHING_LEFT,
        REMOVED,
        {.match = "RPUSH ev:bucketable:poison", .reply = ":1\r\n", .again = true},
        {.match = "LTRIM ev:bucketable:poison -1000 -1", .reply = "+OK\r\n", .again = true},
        MOVE(bad),
        MOVE(half),
        MOVE(NIL),
        MOVE(NIL),
        MOVE(NIL)};
    struct redis redis;
    open_redis(&redis, answers, T_COUNT(answers));
    RIG_UNTIL(&redis.rig, redis.rig.change_count == 1);
    RIG_UNTIL(&redis.rig, asked(&redis, "LREM ev:bucketable 1 no JSON") == 1);
    rig_settle_down(&redis.rig);
    assert_int_equal(asked(&redis, "RPUSH ev:bucketable:poison"), 1);
    settle(&redis, 0); /* its good record was applied */
    RIG_UNTIL(&redis.rig, is_drained(&redis));
    assert_int_equal(asked(&redis, "RPUSH ev:bucketable:poison"), 2);
    assert_int_equal(asked(&redis, "LREM"), 2);
    assert_int_equal(rig_stats(&redis.rig).poison, 2);
    assert_int_equal(rig_stats(&redis.rig).acknowledged, 0);
    close_redis(&redis);
}

static void entries_that_were_left_are_taken_up(void **state)
{
    (void)state;
    const char *left = bulk(EVENT("docs", "left"));
    const char *later = bulk(EVENT("docs", "later"));
    char one[1024];
    char two[1024];
    (void)snprintf(one, sizeof(one), "*1\r\n%s", left);
    (void)snprintf(two, sizeof(two), "*2\r\n%s%s", left, later);
    const struct redis_script_answer answers[] = {
        TYPE("list"),
        NO_FLAGS,
        SUBSCRIBED,
        DEPTH,
        REMOVED,
        MOVE(NIL),
        {.match = "LRANGE ev:bucketable 0 99", .reply = one},
        {.match = "LRANGE ev:bucketable 0 99", .reply = two},
        {.match = "LRANGE ev:bucketable 0 99", .reply = two, .again = true}};
    struct redis redis;
    open_redis(&redis, answers, T_COUNT(answers));
    RIG_UNTIL(&redis.rig, redis.rig.change_count == 1);
    rig_settle_down(&redis.rig);
    assert_int_equal(asked(&redis, "LRANGE"), 1);
    for (unsigned i = 1; i <= 12; i++) {
        RIG_UNTIL(&redis.rig, asked(&redis, "BLMOVE") == i);
        redis.rig.now_ms += 5000;
        redis_script_push(redis.script, "BLMOVE", NIL);
    }
    RIG_UNTIL(&redis.rig, redis.rig.change_count == 2);
    assert_string_equal(redis.rig.changed, "left; later; "); /* what is held is not told again */
    settle(&redis, 0);
    RIG_UNTIL(&redis.rig, is_drained(&redis));
    assert_int_equal(asked(&redis, "LREM ev:bucketable 1 " EVENT("docs", "left")), 1);
    close_redis(&redis);
}

static void an_old_redis_has_other_commands(void **state)
{
    (void)state;
    const char *entry = bulk(EVENT("docs", "a"));
    const struct redis_script_answer answers[] = {
        TYPE("list"),
        NO_FLAGS,
        SUBSCRIBED,
        DEPTH,
        NOTHING_LEFT,
        REMOVED,
        MOVE("-ERR unknown command `LMOVE`\r\n"),
        {.match = "BRPOPLPUSH ev ev:bucketable 5", .reply = entry},
        {.match = "RPOPLPUSH ev ev:bucketable", .reply = NIL, .again = true}};
    struct redis redis;
    open_redis(&redis, answers, T_COUNT(answers));
    RIG_UNTIL(&redis.rig, redis.rig.change_count == 1);
    RIG_UNTIL(&redis.rig, redis.rig.ready_count == 1);
    assert_int_equal(redis.rig.trouble_count, 0);
    close_redis(&redis);
}

static void removals_that_were_lost_are_made_again(void **state)
{
    (void)state;
    const char *entry = bulk(EVENT("docs", "a"));
    const struct redis_script_answer answers[] = {
        TYPE("list"), NO_FLAGS,     SUBSCRIBED,
        DEPTH,        NOTHING_LEFT, {.match = "LREM", .reply = "", .close = true},
        REMOVED,      MOVE(entry),  MOVE(NIL),
        MOVE(NIL),    MOVE(NIL),    MOVE(NIL),
        MOVE(""),     MOVE(NIL)};
    struct redis redis;
    open_options(&redis, answers, T_COUNT(answers));
    redis.rig.settle_at_once = true;
    open_channel(&redis);
    RIG_UNTIL(&redis.rig, redis.rig.trouble_count == 1);
    assert_false(is_drained(&redis));
    rig_settle_down(&redis.rig);
    redis.rig.now_ms += 2000;
    RIG_UNTIL(&redis.rig, is_drained(&redis));
    assert_int_equal(asked(&redis, "LREM"), 2);
    assert_int_equal(rig_stats(&redis.rig).acknowledged, 1);
    close_redis(&redis);
}

/* The hash. */

#define PAGE(cursor, pairs) "*2\r\n$1\r\n" cursor "\r\n" pairs
#define X                   "$6\r\ndocs/x\r\n"
#define Y                   "$6\r\ndocs/y\r\n"
#define Z                   "$7\r\nother/z\r\n"
#define ONE                 "$1\r\n1\r\n"
#define TWO                 "$1\r\n2\r\n"
#define HSCAN               "HSCAN ev 0 COUNT 1000"

static void a_hash_is_compared_with_what_it_was(void **state)
{
    (void)state;
    const struct redis_script_answer answers[] = {
        TYPE("hash"),
        NO_FLAGS,
        SUBSCRIBED,
        {.match = HSCAN, .reply = PAGE("7", "*2\r\n" X ONE)},
        {.match = "HSCAN ev 7 COUNT", .reply = PAGE("0", "*4\r\n" Y ONE Z ONE)},
        {.match = HSCAN, .reply = PAGE("0", "*6\r\n" X TWO Y ONE Z TWO)},
        {.match = HSCAN, .reply = PAGE("0", "*2\r\n" X TWO), .again = true}};
    struct redis redis;
    open_redis(&redis, answers, T_COUNT(answers));
    RIG_UNTIL(&redis.rig, redis.rig.ready_count == 1);
    assert_int_equal(asked(&redis, "HSCAN ev 7"), 1); /* ready after the whole look */
    rig_settle_down(&redis.rig);
    assert_int_equal(redis.rig.change_count, 0); /* the owner lists: nothing to tell */
    assert_int_equal(asked(&redis, "HSCAN"), 2);
    assert_int_equal(redis.rig.warn_count, 1); /* what a hash cannot tell */
    redis.rig.now_ms += 4000;
    RIG_UNTIL(&redis.rig, redis.rig.change_count == 1);
    assert_string_equal(redis.rig.changed, "x; ");
    rig_settle_down(&redis.rig);
    redis.rig.now_ms += 4000;
    RIG_UNTIL(&redis.rig, redis.rig.change_count == 2);
    assert_string_equal(redis.rig.changed, "x; y; ");
    settle(&redis, 0);
    assert_true(is_drained(&redis));
    assert_int_equal(redis.rig.gap_count, 0);
    close_redis(&redis);
}

/* What came before a listing and went after it may be in no look: another listing finds it gone. */
static void what_a_listing_found_is_listed_again_after_a_look(void **state)
{
    (void)state;
    const struct redis_script_answer answers[] = {
        TYPE("hash"),
        NO_FLAGS,
        SUBSCRIBED,
        {.match = HSCAN, .reply = PAGE("0", "*2\r\n" X ONE), .again = true}};
    struct redis redis;
    open_redis(&redis, answers, T_COUNT(answers));
    const struct bkt_channel *channel = &redis.rig.channel;
    RIG_UNTIL(&redis.rig, redis.rig.ready_count == 1);
    channel->ops->listed(channel->self, false, 50, redis.rig.now_ms);
    redis.rig.now_ms += 4000;
    rig_settle_down(&redis.rig);
    assert_int_equal(redis.rig.gap_count, 0);

    size_t looks = asked(&redis, "HSCAN");
    channel->ops->listed(channel->self, true, 100, redis.rig.now_ms);
    rig_settle_down(&redis.rig);
    assert_int_equal(redis.rig.gap_count, 0); /* nine tenths of the time are for other things */
    assert_int_equal(asked(&redis, "HSCAN"), looks);
    redis.rig.now_ms += 1000;
    RIG_UNTIL(&redis.rig, redis.rig.gap_count == 1);
    assert_true(asked(&redis, "HSCAN") > looks);
    redis.rig.now_ms += 4000;
    rig_settle_down(&redis.rig);
    assert_int_equal(redis.rig.gap_count, 1);
    close_redis(&redis);
}

static void a_hash_that_comes_later_is_all_news(void **state)
{
    (void)state;
    const struct redis_script_answer answers[] = {
        {.match = "TYPE ev", .reply = "+none\r\n"},
        TYPE("hash"),
        NO_FLAGS,
        SUBSCRIBED,
        DEPTH,
        NOTHING_LEFT,
        MOVE(NIL),
        {.match = HSCAN, .reply = PAGE("0", "*4\r\n" X ONE Z ONE), .again = true}};
    struct redis redis;
    open_redis(&redis, answers, T_COUNT(answers));
    RIG_UNTIL(&redis.rig, redis.rig.ready_count == 1);
    rig_settle_down(&redis.rig);
    redis.rig.now_ms += 3000;
    RIG_UNTIL(&redis.rig, redis.rig.change_count == 1);
    assert_string_equal(redis.rig.changed, "x; ");
    close_redis(&redis);
}

static void a_notification_is_followed_at_once(void **state)
{
    (void)state;
    const struct redis_script_answer answers[] = {
        TYPE("hash"),
        SUBSCRIBED,
        {.match = "CONFIG GET", .reply = "*2\r\n$22\r\nnotify-keyspace-events\r\n$2\r\nhK\r\n"},
        {.match = HSCAN, .reply = PAGE("0", "*2\r\n" X ONE)},
        {.match = HSCAN, .reply = PAGE("0", "*2\r\n" X TWO), .again = true}};
    struct redis redis;
    open_redis(&redis, answers, T_COUNT(answers));
    RIG_UNTIL(&redis.rig, redis.rig.ready_count == 1);
    redis.rig.now_ms += 4000;
    rig_settle_down(&redis.rig);
    assert_int_equal(asked(&redis, "HSCAN"), 1); /* no need to poll */
    redis_script_push(redis.script, "SUBSCRIBE ev",
                      "*3\r\n$7\r\nmessage\r\n$17\r\n__keyspace@0__:ev\r\n$4\r\nhset\r\n");
    RIG_UNTIL(&redis.rig, redis.rig.change_count == 1);
    assert_string_equal(redis.rig.changed, "x; ");
    assert_int_equal(rig_stats(&redis.rig).poison, 0);
    close_redis(&redis);
}

/* It may be refused before Redis says that there would be notifications. */
static void without_notifications_the_hash_is_looked_at_often(void **state)
{
    (void)state;
    const struct redis_script_answer answers[] = {
        {.match = "TYPE ev", .reply = ""},
        TYPE("hash"),
        {.match = "CONFIG GET", .reply = ""},
        {.match = "SUBSCRIBE __keyspace", .reply = "-NOPERM this user has no permissions\r\n"},
        SUBSCRIBED,
        {.match = HSCAN, .reply = PAGE("0", "*2\r\n" X ONE)},
        {.match = HSCAN, .reply = PAGE("0", "*2\r\n" X TWO), .again = true}};
    struct redis redis;
    open_redis(&redis, answers, T_COUNT(answers));
    RIG_UNTIL(&redis.rig, asked(&redis, "SUBSCRIBE __keyspace") == 1 && asked(&redis, "TYPE") == 1);
    rig_settle_down(&redis.rig);
    redis_script_push(redis.script, "TYPE ev",
                      "*2\r\n$22\r\nnotify-keyspace-events\r\n$2\r\nhK\r\n+hash\r\n");
    RIG_UNTIL(&redis.rig, redis.rig.ready_count == 1);
    redis.rig.now_ms += 4000;
    RIG_UNTIL(&redis.rig, redis.rig.change_count == 1);
    assert_string_equal(redis.rig.changed, "x; ");
    close_redis(&redis);
}

/* The end. */

static void stopping_takes_no_more_and_removes_what_is_settled(void **state)
{
    (void)state;
    const char *entry = bulk(EVENT("docs", "a"));
    const struct redis_script_answer answers[] = {TYPE("list"), NO_FLAGS,     SUBSCRIBED,
                                                  DEPTH,        NOTHING_LEFT, REMOVED,
                                                  MOVE(entry),  MOVE(NIL),    MOVE(NIL)};
    struct redis redis;
    open_redis(&redis, answers, T_COUNT(answers));
    RIG_UNTIL(&redis.rig, redis.rig.change_count == 1);
    redis.rig.channel.ops->stop(redis.rig.channel.self);
    settle(&redis, 0);
    RIG_UNTIL(&redis.rig, is_drained(&redis));
    assert_int_equal(asked(&redis, "LREM"), 1);
    size_t moves = asked(&redis, "LMOVE");
    redis.rig.now_ms += 60000;
    rig_settle_down(&redis.rig);
    assert_int_equal(asked(&redis, "LMOVE"), moves);
    assert_int_equal(redis.rig.channel.ops->wait_ms(redis.rig.channel.self, redis.rig.now_ms), -1);
    close_redis(&redis);
}

static int open_and_close(const struct redis *redis)
{
    struct rig rig = {0};
    struct bkt_channel_owner owner = rig_owner(&rig);
    struct bkt_channel channel;
    int rc = bkt_redis_channel_new(&redis->options, &owner, &channel, NULL);
    if (rc == BKT_OK)
        channel.ops->free(channel.self);
    return rc;
}

static void options_are_checked(void **state)
{
    (void)state;
    struct redis redis = {.bucket = BKT_STR("docs")};
    redis.options = (struct bkt_redis_channel_options){
        .url = BKT_STR("redis://h"),
        .name = BKT_STR("ev"),
        .ca_bundle = BKT_STR("/ca.pem"),
        .scope = {.buckets = &redis.bucket, .bucket_count = 1},
    };
    T_TORTURE(open_and_close(&redis));
    redis.options.name = BKT_STR("");
    assert_int_equal(open_and_close(&redis), BKT_ECONFIG);
    redis.options.name = BKT_STR("a\0b");
    assert_int_equal(open_and_close(&redis), BKT_ECONFIG);
    redis.options.name = BKT_STR("ev");
    redis.options.url = BKT_STR("http://h");
    assert_int_equal(open_and_close(&redis), BKT_ECONFIG);
    assert_int_equal(bkt_mem_live(), 0);
}

/* What may be followed may be looked at. */
static void a_look_takes_the_same_names(void **state)
{
    (void)state;
    char name[BKT_REDIS_NAME_BYTES_MAX + 1];
    memset(name, 'n', sizeof(name));
    for (size_t len = 0; len <= sizeof(name); len++) {
        bool is_good = len > 0 && len <= BKT_REDIS_NAME_BYTES_MAX;
        struct bkt_redis_look_options options = {.url = BKT_STR("redis://h"), .name = {name, len}};
        struct bkt_redis_look *look = NULL;
        int rc = bkt_redis_look_new(&options, &look, NULL);
        assert_int_equal(rc, is_good ? BKT_OK : BKT_ECONFIG);
        bkt_redis_look_free(look);
    }
    assert_int_equal(bkt_mem_live(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_ready_when_subscribed_and_allowed_to_take),
        cmocka_unit_test(a_password_may_come_from_the_environment),
        cmocka_unit_test(what_is_missing_is_said_at_start),
        cmocka_unit_test(one_way_that_is_closed_leaves_the_other),
        cmocka_unit_test(what_is_published_is_told),
        cmocka_unit_test(a_lost_connection_is_a_gap),
        cmocka_unit_test(silence_is_noticed),
        cmocka_unit_test(an_entry_leaves_redis_when_it_is_settled),
        cmocka_unit_test(poison_is_put_aside_and_harms_nobody),
        cmocka_unit_test(entries_that_were_left_are_taken_up),
        cmocka_unit_test(an_old_redis_has_other_commands),
        cmocka_unit_test(removals_that_were_lost_are_made_again),
        cmocka_unit_test(a_hash_is_compared_with_what_it_was),
        cmocka_unit_test(what_a_listing_found_is_listed_again_after_a_look),
        cmocka_unit_test(a_hash_that_comes_later_is_all_news),
        cmocka_unit_test(a_notification_is_followed_at_once),
        cmocka_unit_test(without_notifications_the_hash_is_looked_at_often),
        cmocka_unit_test(stopping_takes_no_more_and_removes_what_is_settled),
        cmocka_unit_test(options_are_checked),
        cmocka_unit_test(a_look_takes_the_same_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
