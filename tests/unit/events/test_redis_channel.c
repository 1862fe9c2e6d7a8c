/*
 * The Redis channel against a scripted Redis: what is asked before it is ready, pub/sub, and what
 * comes of every way to lose the connection.
 */
#include "events/redis_look.h"
#include "events/redis_url.h"

#include "redis_rig.h"

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
    struct redis redis;
    redis.options = (struct bkt_redis_channel_options){
        .url = BKT_STR("redis://h"),
        .name = BKT_STR("ev"),
        .ca_bundle = BKT_STR("/ca.pem"),
        .scope = {.bucket = BKT_STR("docs")},
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
        cmocka_unit_test(stopping_takes_no_more_and_removes_what_is_settled),
        cmocka_unit_test(options_are_checked),
        cmocka_unit_test(a_look_takes_the_same_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
