/* MinIO's hash in Redis: what is told of one look compared with the look before. */
#include "redis_rig.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hash_is_compared_with_what_it_was),
        cmocka_unit_test(what_a_listing_found_is_listed_again_after_a_look),
        cmocka_unit_test(a_hash_that_comes_later_is_all_news),
        cmocka_unit_test(a_notification_is_followed_at_once),
        cmocka_unit_test(without_notifications_the_hash_is_looked_at_often),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
