/*
 * MinIO's list in Redis: each entry is taken once, and leaves when what it led to is durable,
 * whoever dies in between.
 */
#include "redis_rig.h"

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

static void an_entry_that_memory_was_missing_for_is_taken_up_soon(void **state)
{
    (void)state;
    const char *entry = bulk(EVENT("docs", "a"));
    char page[1024];
    (void)snprintf(page, sizeof(page), "*1\r\n%s", entry);
    const struct redis_script_answer answers[] = {
        TYPE("list"),
        NO_FLAGS,
        SUBSCRIBED,
        DEPTH,
        REMOVED,
        MOVE(NIL),
        {.match = "LRANGE ev:bucketable 0 99", .reply = "*0\r\n"},
        {.match = "LRANGE ev:bucketable 0 99", .reply = page, .again = true}};
    bool is_hit = true;
    for (long n = 0; is_hit; n++) {
        struct redis redis;
        open_redis(&redis, answers, T_COUNT(answers));
        RIG_UNTIL(&redis.rig, asked(&redis, "BLMOVE") == 1 && asked(&redis, "LRANGE") == 1);
        rig_settle_down(&redis.rig);
        bkt_mem_fail_at(n);
        redis_script_push(redis.script, "BLMOVE", entry);
        rig_settle_down(&redis.rig);
        is_hit = bkt_mem_failed();
        bkt_mem_fail_at(-1);
        redis.rig.now_ms += 2000;
        RIG_UNTIL(&redis.rig, redis.rig.change_count > 0);
        close_redis(&redis);
    }
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_leaves_redis_when_it_is_settled),
        cmocka_unit_test(poison_is_put_aside_and_harms_nobody),
        cmocka_unit_test(entries_that_were_left_are_taken_up),
        cmocka_unit_test(an_entry_that_memory_was_missing_for_is_taken_up_soon),
        cmocka_unit_test(an_old_redis_has_other_commands),
        cmocka_unit_test(removals_that_were_lost_are_made_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
