/*
 * The conformance suite over a topic of a real broker, and what only Kafka has: policies, fenced
 * twins, sizes, brokers that are not there.
 *
 * BKT_TEST_KAFKA names the broker; without it all is skipped.  Each test has a topic of its own.
 */
#include "targets/kafka.h"

#include "targets/state_target.h"
#include "targets/target_conformance.h"
#include "targets/topic_fold.h"

#include <bucketable/error.h>

#include "t.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MESSAGE_BYTES_MAX = 1048588 };

static const char *brokers;
static char folder[] = "/tmp/bkt-kafka-XXXXXX";
static char state_path[64];
static char topic[64];
static unsigned topic_count;

static const struct bkt_table_spec plain = {.source = {"s3://bucket", 11}, .spec = {"{}", 2}};

static void forget(void *ctx)
{
    (void)ctx;
    target_remove(state_path);
    if (topic[0])
        topic_remove(brokers, topic);
    (void)snprintf(topic, sizeof(topic), "test-%ld-%u", (long)getpid(), topic_count++);
}

static int open_with(struct bkt_kafka_options options,
                     const char *state,
                     struct bkt_table_target *out_target,
                     struct bkt_error *err)
{
    void *kafka = NULL;
    options.topic = bkt_str_from(topic);
    if (options.brokers.len == 0)
        options.brokers = bkt_str_from(brokers);
    int rc = bkt_kafka_new(&options, &kafka, err);
    if (rc)
        return rc;
    rc = bkt_state_target_new_over(bkt_kafka_ops(kafka), kafka, bkt_kafka_recover, state,
                                   out_target, err);
    if (rc)
        bkt_kafka_free(kafka);
    return rc;
}

static int open_table(void *ctx, struct bkt_table_target *out_target, struct bkt_error *err)
{
    (void)ctx;
    return open_with((struct bkt_kafka_options){0}, state_path, out_target, err);
}

static bool read_row(void *ctx, struct bkt_str key, struct bkt_buf *content, bool *out_is_bytes)
{
    (void)ctx;
    struct topic_row row;
    topic_read_row(brokers, topic, key, &row);
    bool exists = row.exists;
    if (exists)
        assert_int_equal(bkt_buf_append(content, bkt_buf_str(&row.value)), BKT_OK);
    *out_is_bytes = false;
    topic_row_clear(&row);
    return exists;
}

static bool read_column(void *ctx, struct bkt_str key, const char *column, struct bkt_buf *text)
{
    (void)ctx;
    struct topic_row row;
    char line[64];
    topic_read_row(brokers, topic, key, &row);
    bool exists = row.exists;
    (void)snprintf(line, sizeof(line), "%s=", column);
    const char *headers = bkt_buf_str(&row.headers).ptr;
    const char *found = strstr(headers, line);
    struct bkt_str value = BKT_STR("NULL");
    if (found && (found == headers || found[-1] == '\n')) {
        value.ptr = found + strlen(line);
        value.len = strcspn(value.ptr, "\n");
    }
    assert_int_equal(bkt_buf_append(text, value), BKT_OK);
    topic_row_clear(&row);
    return exists;
}

static struct bkt_change put(const char *key, struct bkt_str content)
{
    return (struct bkt_change){
        .op = BKT_CHANGE_UPSERT,
        .object = {.key = bkt_str_from(key), .etag = BKT_STR("e"), .size = content.len},
        .extra.version_id = BKT_STR("v1"),
        .content = content,
        .read_at = INT64_MAX,
    };
}

static int apply(struct bkt_table_target t, struct bkt_change *change, struct bkt_error *err)
{
    struct bkt_clock clock;
    return t.ops->apply(t.self, change, 1, true, &clock, err);
}

static int attach(struct bkt_table_target t, struct bkt_error *err)
{
    struct bkt_attached attached;
    return t.ops->attach(t.self, &plain, &attached, err);
}

static void must(int rc, const struct bkt_error *err)
{
    if (rc != BKT_OK)
        fail_msg("%s: %s", bkt_error_name(rc), err->message);
}

static struct bkt_table_target open_attached(struct bkt_kafka_options options, const char *state)
{
    struct bkt_error err = {0};
    struct bkt_table_target t;
    must(open_with(options, state, &t, &err), &err);
    must(attach(t, &err), &err);
    return t;
}

static void an_empty_object_is_a_value_and_a_delete_is_none(void **state)
{
    (void)state;
    struct bkt_error err = {0};
    struct topic_row row;
    struct bkt_table_target t = open_attached((struct bkt_kafka_options){0}, state_path);
    struct bkt_change change = put("a", BKT_STR(""));
    must(apply(t, &change, &err), &err);
    topic_read_row(brokers, topic, BKT_STR("a"), &row);
    assert_true(row.exists);
    assert_int_equal(row.value.len, 0);
    topic_row_clear(&row);
    change.op = BKT_CHANGE_DELETE;
    must(apply(t, &change, &err), &err);
    topic_read_row(brokers, topic, BKT_STR("a"), &row);
    assert_false(row.exists);
    topic_row_clear(&row);
    t.ops->free(t.self);
}

static void what_is_too_large_may_be_a_reference(void **state)
{
    (void)state;
    struct bkt_error err = {0};
    struct topic_row row;
    char *content = calloc(1, MESSAGE_BYTES_MAX);
    assert_non_null(content);
    struct bkt_table_target t =
        open_attached((struct bkt_kafka_options){.sends_references = true}, state_path);
    struct bkt_change change = put("large", (struct bkt_str){content, MESSAGE_BYTES_MAX});
    must(apply(t, &change, &err), &err);
    assert_int_equal(change.outcome, BKT_OUTCOME_APPLIED);
    topic_read_row(brokers, topic, BKT_STR("large"), &row);
    assert_string_equal(row.value.ptr, "{\"bucket\":\"bucket\",\"key\":\"large\",\"etag\":\"e\","
                                       "\"size\":1048588,\"version_id\":\"v1\"}");
    assert_string_equal(row.headers.ptr, "bucketable-reference=1\n");
    topic_row_clear(&row);
    t.ops->free(t.self);
    free(content);
}

/* Batches too: two rows that fit one by one are not sent together. */
static void a_topic_that_takes_little_is_kept_to(void **state)
{
    (void)state;
    enum { LITTLE = 20000 };
    static char content[LITTLE];
    struct bkt_error err = {0};
    struct bkt_clock clock;
    topic_create(brokers, topic, "max.message.bytes", "20000");
    struct bkt_table_target t = open_attached((struct bkt_kafka_options){0}, state_path);
    struct bkt_change changes[] = {put("a", (struct bkt_str){content, LITTLE - 1000}),
                                   put("b", (struct bkt_str){content, LITTLE - 1000}),
                                   put("c", (struct bkt_str){content, LITTLE})};
    must(t.ops->apply(t.self, changes, 3, true, &clock, &err), &err);
    assert_int_equal(changes[1].outcome, BKT_OUTCOME_APPLIED);
    assert_int_equal(changes[2].outcome, BKT_OUTCOME_REJECTED);
    assert_non_null(strstr(changes[2].reject_reason, "max.message.bytes"));
    t.ops->free(t.self);
}

static void a_topic_that_forgets_is_refused(void **state)
{
    (void)state;
    struct bkt_error err = {0};
    struct bkt_table_target t;
    topic_create(brokers, topic, "cleanup.policy", "delete");
    must(open_table(NULL, &t, &err), &err);
    assert_int_equal(attach(t, &err), BKT_ETARGET);
    assert_non_null(strstr(err.message, "--add-config cleanup.policy=compact"));
    assert_false(err.retriable);
    t.ops->free(t.self);
}

static void a_topic_with_messages_wants_its_state(void **state)
{
    (void)state;
    struct bkt_error err = {0};
    struct bkt_table_target t;
    topic_create(brokers, topic, "cleanup.policy", "compact");
    topic_write(brokers, topic, "k", "v");
    must(open_table(NULL, &t, &err), &err);
    for (int i = 0; i < 2; i++)
        assert_int_equal(attach(t, &err), BKT_EFOREIGN);
    assert_non_null(strstr(err.message, topic));
    t.ops->free(t.self);
}

#define MD5_OF_A     "0cc175b9c0f1b6a831c399e269772661" /* "a" */
#define MD5_OF_EMPTY "d41d8cd98f00b204e9800998ecf8427e"

static const struct bkt_kafka_options rebuilding = {.rebuilds_state = true};

/*
 * What is beyond doubt is known: text as it is, of one piece.  The rest counts as failed and is
 * there to be read or deleted; what was deleted or aborted is no row.
 */
static void a_lost_state_is_made_of_the_topic(void **state)
{
    (void)state;
    char twin[160];
    struct bkt_error err = {0};
    struct bkt_attached attached;
    struct bkt_table_target t = open_attached((struct bkt_kafka_options){0}, state_path);
    struct bkt_change changes[] = {put("a", BKT_STR("a")), put("b", BKT_STR("\xff")),
                                   put("c", BKT_STR("\xef\xbb\xbfmark")), put("d", BKT_STR("d")),
                                   put("e", BKT_STR(""))};
    struct bkt_clock clock;
    must(t.ops->apply(t.self, changes, T_COUNT(changes), true, &clock, &err), &err);
    struct bkt_change gone = put("d", BKT_STR(""));
    gone.op = BKT_CHANGE_DELETE;
    must(apply(t, &gone, &err), &err);
    t.ops->free(t.self);
    topic_write_in(brokers, topic, "another", true, "f", "aborted");
    topic_write(brokers, topic, "g", "of somebody");
    (void)snprintf(twin, sizeof(twin), "bucketable/%s/bucket", topic);
    topic_write_in(brokers, topic, twin, false, "a", "of a run that was cut off");

    (void)remove(state_path);
    must(open_with(rebuilding, state_path, &t, &err), &err);
    must(t.ops->attach(t.self, &plain, &attached, &err), &err);
    assert_true(attached.is_new);
    assert_int_equal(attached.row_count, 5);
    assert_true(attached.clock.clock > 0);
    uint64_t failed = 0;
    must(t.ops->count_failed(t.self, &failed, &err), &err);
    assert_int_equal(failed, 2);
    target_assert_state(t, "a:1:" MD5_OF_A " b:5: c:5: e:1:" MD5_OF_EMPTY
                           " g:1:c9bb2b4c6e4c49035c1c619ceb6cb865");
    /* It goes on from there. */
    struct bkt_change change = put("a", BKT_STR("new"));
    change.read_at = attached.clock.clock;
    must(apply(t, &change, &err), &err);
    assert_int_equal(change.outcome, BKT_OUTCOME_APPLIED);
    assert_true(change.had_row);
    t.ops->free(t.self);

    t = open_attached(rebuilding, state_path);
    target_assert_state(t, "a:1:e b:5: c:5: e:1:" MD5_OF_EMPTY
                           " g:1:c9bb2b4c6e4c49035c1c619ceb6cb865");
    t.ops->free(t.self);
}

/* Where headers are wanted, those that can be held against something have to be there. */
static void columns_that_cannot_be_proven_are_read_again(void **state)
{
    (void)state;
    struct bkt_error err = {0};
    struct bkt_attached attached;
    struct bkt_table_target t;
    struct bkt_table_spec spec = plain;
    spec.columns = BKT_COLUMN_ETAG | BKT_COLUMN_SIZE | BKT_COLUMN_LAST_MODIFIED;
    must(open_table(NULL, &t, &err), &err);
    must(t.ops->attach(t.self, &spec, &attached, &err), &err);
    struct bkt_change changes[] = {put("a", BKT_STR("a")), put("b", BKT_STR("a"))};
    changes[0].object.etag = BKT_STR(MD5_OF_A);
    struct bkt_clock clock;
    must(t.ops->apply(t.self, changes, 2, true, &clock, &err), &err);
    t.ops->free(t.self);
    topic_write(brokers, topic, "c", "a");

    static const struct {
        unsigned columns;
        const char *state;
    } cases[] = {
        {BKT_COLUMN_ETAG | BKT_COLUMN_SIZE | BKT_COLUMN_LAST_MODIFIED,
         "a:1:" MD5_OF_A " b:5: c:5:"},
        {BKT_COLUMN_SIZE, "a:1:" MD5_OF_A " b:1:" MD5_OF_A " c:5:"},
        {BKT_COLUMN_SIZE | BKT_COLUMN_CONTENT_TYPE, "a:5: b:5: c:5:"},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        (void)remove(state_path);
        spec.columns = cases[i].columns;
        must(open_with(rebuilding, state_path, &t, &err), &err);
        must(t.ops->attach(t.self, &spec, &attached, &err), &err);
        target_assert_state(t, cases[i].state);
        t.ops->free(t.self);
    }
}

/* Order holds within a partition alone, and a topic may have got more of them. */
static void a_key_in_two_partitions_is_not_known(void **state)
{
    (void)state;
    struct bkt_error err = {0};
    struct bkt_table_target t;
    topic_create(brokers, topic, "cleanup.policy", "compact");
    topic_write(brokers, topic, "a", "a");
    topic_write(brokers, topic, "b", "a");
    topic_write(brokers, topic, "c", NULL);
    topic_grow(brokers, topic);
    topic_write_to(brokers, topic, 1, "b", NULL);
    topic_write_to(brokers, topic, 1, "b", "a");
    topic_write_to(brokers, topic, 1, "d", "a");
    must(open_with(rebuilding, state_path, &t, &err), &err);
    must(attach(t, &err), &err);
    target_assert_state(t, "a:1:" MD5_OF_A " b:5: d:1:" MD5_OF_A);
    t.ops->free(t.self);
}

/* Whoever named the wrong topic has harmed nobody. */
static void a_topic_of_something_else_makes_no_state(void **state)
{
    (void)state;
    struct bkt_error err = {0};
    struct bkt_table_target t;
    topic_create(brokers, topic, "retention.ms", "-1");
    topic_write(brokers, topic, "a", "a");
    static char long_key[BKT_KEY_BYTES_MAX + 2];
    memset(long_key, 'k', sizeof(long_key) - 1);
    topic_write(brokers, topic, long_key, "not of a bucket");
    for (int i = 0; i < 2; i++) {
        must(open_with(rebuilding, state_path, &t, &err), &err);
        assert_int_equal(attach(t, &err), BKT_EFOREIGN);
        assert_non_null(strstr(err.message, "offset 1 of partition 0"));
        t.ops->free(t.self);
    }
}

static void a_forgotten_twin_is_fenced_off(void **state)
{
    (void)state;
    struct bkt_error err = {0};
    char other_state[80];
    (void)snprintf(other_state, sizeof(other_state), "%s-2", state_path);
    struct bkt_table_target old = open_attached((struct bkt_kafka_options){0}, state_path);
    struct bkt_table_target new = open_attached((struct bkt_kafka_options){0}, other_state);
    struct bkt_change change = put("a", BKT_STR("old"));
    must(apply(old, &change, &err), &err);
    change = put("a", BKT_STR("new"));
    must(apply(new, &change, &err), &err);
    change = put("a", BKT_STR("older"));
    assert_int_equal(apply(old, &change, &err), BKT_EFOREIGN);
    assert_non_null(strstr(err.message, "taken over"));
    assert_false(err.retriable);
    old.ops->free(old.self);
    new.ops->free(new.self);
    struct topic_row row;
    topic_read_row(brokers, topic, BKT_STR("a"), &row);
    assert_string_equal(row.value.ptr, "new");
    topic_row_clear(&row);
    (void)remove(other_state);
}

static void settings_are_checked_and_their_values_not_shown(void **state)
{
    (void)state;
    static const struct {
        const char *setting;
        const char *says;
    } cases[] = {
        {"sasl.pasword=hunter2", "librdkafka has no setting sasl.pasword"},
        {"linger.ms=hunter2", "linger.ms: librdkafka does not take this value"},
        {"transactional.id=hunter2", "set by the target"},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        char setting[64];
        char *settings[] = {setting};
        struct bkt_error err = {0};
        struct bkt_table_target t;
        (void)snprintf(setting, sizeof(setting), "%s", cases[i].setting);
        struct bkt_kafka_options options = {.settings = settings, .setting_count = 1};
        assert_int_equal(open_with(options, state_path, &t, &err), BKT_ECONFIG);
        assert_non_null(strstr(err.message, cases[i].says));
        assert_null(strstr(err.message, "hunter2"));
    }
}

static void a_broker_that_is_not_there_is_named(void **state)
{
    (void)state;
    struct bkt_error err = {0};
    struct bkt_table_target t;
    struct bkt_kafka_options options = {.brokers = BKT_STR("127.0.0.1:1")};
    must(open_with(options, state_path, &t, &err), &err);
    assert_int_equal(attach(t, &err), BKT_ETARGET);
    assert_true(err.retriable);
    assert_non_null(strstr(err.message, "127.0.0.1:1"));
    assert_non_null(strstr(err.message, "refused"));
    t.ops->free(t.self);
}

static int open_once(void)
{
    static char setting[] = "linger.ms=1";
    static char *settings[] = {setting};
    struct bkt_error err = {0};
    struct bkt_kafka_options options = {.settings = settings, .setting_count = 1};
    struct bkt_table_target t;
    int rc = open_with(options, state_path, &t, &err);
    if (rc == BKT_OK)
        t.ops->free(t.self);
    return rc;
}

static void running_out_of_memory_leaves_nothing(void **state)
{
    (void)state;
    T_TORTURE(open_once());
}

/* With an argument the conformance suite: one plan of tests a run. */
int main(int argc, char **argv)
{
    (void)argv;
    brokers = getenv("BKT_TEST_KAFKA");
    if (!brokers) {
        (void)puts("1..0 # SKIP BKT_TEST_KAFKA names no broker");
        return 0;
    }
    if (!mkdtemp(folder))
        return 1;
    (void)snprintf(state_path, sizeof(state_path), "%s/t.state", folder);
    static const struct target_kit kit = {
        .forget = forget,
        .open = open_table,
        .read_row = read_row,
        .read_column = read_column,
        .can_hold_nul = true,
        .can_hold_bytes = true,
        .is_whole = true,
        .is_untyped = true,
        .has_one_writer = true,
        .is_slow = true,
        .content_max = MESSAGE_BYTES_MAX,
    };
    const struct CMUnitTest tests[] = {
        TARGET_TEST(an_empty_object_is_a_value_and_a_delete_is_none),
        TARGET_TEST(what_is_too_large_may_be_a_reference),
        TARGET_TEST(a_topic_that_takes_little_is_kept_to),
        TARGET_TEST(a_topic_that_forgets_is_refused),
        TARGET_TEST(a_topic_with_messages_wants_its_state),
        TARGET_TEST(a_lost_state_is_made_of_the_topic),
        TARGET_TEST(columns_that_cannot_be_proven_are_read_again),
        TARGET_TEST(a_key_in_two_partitions_is_not_known),
        TARGET_TEST(a_topic_of_something_else_makes_no_state),
        TARGET_TEST(a_forgotten_twin_is_fenced_off),
        TARGET_TEST(settings_are_checked_and_their_values_not_shown),
        TARGET_TEST(a_broker_that_is_not_there_is_named),
        TARGET_TEST(running_out_of_memory_leaves_nothing),
    };
    int failed =
        argc > 1 ? target_conformance(&kit) : target_tests(&kit, "kafka", tests, T_COUNT(tests));
    forget(NULL);
    (void)rmdir(folder);
    return failed;
}
