/* Rows from one thread to another, a group at a time; the groups are made here, by hand. */
#include "t.h"

#include "api/feed.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

struct engine {
    struct bkt_feed *feed;
    struct bkt_target_ops ops;
    const char *const *keys; /* ended by NULL; "" ends a group */
    int rc;                  /* of the last commit() */
    struct bkt_error err;
};

static int put(struct engine *engine, const char *key)
{
    char number[] = "42";
    struct bkt_value column = {.name = "size", .text = number, .len = 2, .kind = BKT_VALUE_NUMBER};
    struct bkt_row row = {
        .op = BKT_ROW_UPSERT,
        .key = key,
        .key_len = strlen(key),
        .content = key,
        .content_len = strlen(key),
        .columns = &column,
        .column_count = 1,
        .revision = 7,
    };
    int rc = engine->ops.apply(engine->feed, &row, &engine->err);
    memset(number, '-', sizeof(number)); /* what columns point to does not last */
    return rc;
}

static void *run(void *ctx)
{
    struct engine *engine = ctx;
    const char *const *key = engine->keys;
    while (*key && engine->rc == BKT_OK) {
        engine->rc = engine->ops.begin(engine->feed, &engine->err);
        for (; *key && **key && engine->rc == BKT_OK; key++)
            engine->rc = put(engine, *key);
        if (engine->rc == BKT_OK)
            engine->rc = engine->ops.commit(engine->feed, &engine->err);
        key += *key != NULL;
    }
    bkt_feed_end(engine->feed, engine->rc, &engine->err);
    return NULL;
}

struct fixture {
    struct engine engine;
    pthread_t thread;
    struct bkt_feed *feed;
    char notes[64];
};

static void note(void *ctx, const struct bkt_note *told)
{
    struct fixture *f = ctx;
    size_t len = strlen(f->notes);
    (void)snprintf(f->notes + len, sizeof(f->notes) - len, "%s %.*s;", told->message,
                   (int)told->key_len, told->key ? told->key : "");
}

static void start(struct fixture *f, const char *const *keys)
{
    *f = (struct fixture){.engine = {.ops = bkt_feed_ops("test", 0), .keys = keys}};
    assert_int_equal(bkt_feed_new(note, f, &f->feed, NULL), BKT_OK);
    f->engine.feed = f->feed;
    assert_int_equal(pthread_create(&f->thread, NULL, run, &f->engine), 0);
}

static void finish(struct fixture *f)
{
    (void)pthread_join(f->thread, NULL);
    bkt_feed_free(f->feed);
}

static enum bkt_taken take(struct fixture *f, const struct bkt_row **row, uint64_t *id)
{
    enum bkt_taken taken = BKT_TAKEN_NOTHING;
    assert_int_equal(bkt_feed_take(f->feed, -1, &taken, row, id, NULL), BKT_OK);
    return taken;
}

static uint64_t take_row(struct fixture *f, const char *key)
{
    const struct bkt_row *row = NULL;
    uint64_t id = 0;
    assert_int_equal(take(f, &row, &id), BKT_TAKEN_ROW);
    assert_int_equal(row->key_len, strlen(key));
    assert_memory_equal(row->key, key, row->key_len);
    return id;
}

static void a_group_is_over_when_all_of_it_is_acknowledged(void **state)
{
    (void)state;
    static const char *const keys[] = {"a", "b", "", "c", NULL};
    const struct bkt_row *row = NULL;
    uint64_t id = 0;
    struct fixture f;
    start(&f, keys);
    uint64_t a = take_row(&f, "a");
    uint64_t b = take_row(&f, "b");
    assert_int_equal(take(&f, &row, &id), BKT_TAKEN_GROUP);
    assert_int_equal(id, 2);
    assert_int_equal(bkt_feed_ack(f.feed, b, NULL), BKT_OK);
    assert_int_equal(bkt_feed_ack(f.feed, b, NULL), BKT_OK);
    assert_int_equal(take(&f, &row, &id), BKT_TAKEN_GROUP);
    assert_int_equal(bkt_feed_ack(f.feed, a, NULL), BKT_OK);
    uint64_t c = take_row(&f, "c");
    assert_int_equal(c, b + 1);
    assert_int_equal(bkt_feed_ack(f.feed, a, NULL), BKT_OK);
    assert_int_equal(bkt_feed_ack(f.feed, c, NULL), BKT_OK);
    assert_int_equal(take(&f, &row, &id), BKT_TAKEN_END);
    assert_int_equal(f.engine.rc, BKT_OK);
    finish(&f);
}

static void an_id_that_was_not_handed_out(void **state)
{
    (void)state;
    static const char *const keys[] = {"a", "b", NULL};
    struct fixture f;
    start(&f, keys);
    uint64_t a = take_row(&f, "a");
    assert_int_equal(bkt_feed_ack(f.feed, 0, NULL), BKT_ENOROW);
    assert_int_equal(bkt_feed_ack(f.feed, a + 1, NULL), BKT_ENOROW);
    bkt_feed_cancel(f.feed);
    bkt_feed_leave(f.feed);
    finish(&f);
}

static void columns_last(void **state)
{
    (void)state;
    static const char *const keys[] = {"a", NULL};
    const struct bkt_row *row = NULL;
    uint64_t id = 0;
    struct fixture f;
    start(&f, keys);
    assert_int_equal(take(&f, &row, &id), BKT_TAKEN_ROW);
    assert_int_equal(row->column_count, 1);
    assert_string_equal(row->columns[0].name, "size");
    assert_memory_equal(row->columns[0].text, "42", 2);
    assert_int_equal(row->revision, 7);
    assert_int_equal(bkt_feed_ack(f.feed, id, NULL), BKT_OK);
    finish(&f);
}

static void what_is_looked_at_stays_when_it_is_canceled(void **state)
{
    (void)state;
    static const char *const keys[] = {"a", "b", NULL};
    const struct bkt_row *row = NULL;
    enum bkt_taken taken;
    uint64_t id = 0;
    struct fixture f;
    start(&f, keys);
    assert_int_equal(take(&f, &row, &id), BKT_TAKEN_ROW);
    bkt_feed_cancel(f.feed);
    for (int i = 0; i < 1000; i++) /* who would give the row up has its chance */
        (void)sched_yield();
    assert_memory_equal(row->columns[0].text, "42", 2); /* the address sanitizer looks at this */
    struct bkt_error err = {0};
    assert_int_equal(bkt_feed_take(f.feed, -1, &taken, &row, &id, &err), BKT_ECANCELED);
    (void)pthread_join(f.thread, NULL);
    assert_int_equal(f.engine.rc, BKT_ECANCELED);
    assert_int_equal(bkt_feed_ack(f.feed, id, NULL), BKT_ECANCELED);
    bkt_feed_free(f.feed);
}

static void the_last_acknowledgment_counts_even_when_it_is_canceled(void **state)
{
    (void)state;
    static const char *const keys[] = {"a", NULL};
    struct fixture f;
    start(&f, keys);
    uint64_t a = take_row(&f, "a");
    bkt_feed_cancel(f.feed);
    assert_int_equal(bkt_feed_ack(f.feed, a, NULL), BKT_OK);
    (void)pthread_join(f.thread, NULL);
    assert_int_equal(f.engine.rc, BKT_OK);
    bkt_feed_free(f.feed);
}

static void *cancel(void *ctx)
{
    bkt_feed_cancel(ctx);
    return NULL;
}

static void another_thread_ends_the_wait(void **state)
{
    (void)state;
    struct bkt_feed *feed = NULL;
    const struct bkt_row *row;
    enum bkt_taken taken;
    uint64_t id;
    pthread_t thread;
    assert_int_equal(bkt_feed_new(NULL, NULL, &feed, NULL), BKT_OK);
    assert_int_equal(bkt_feed_take(feed, 0, &taken, &row, &id, NULL), BKT_OK);
    assert_int_equal(taken, BKT_TAKEN_NOTHING);
    assert_int_equal(pthread_create(&thread, NULL, cancel, feed), 0);
    assert_int_equal(bkt_feed_take(feed, -1, &taken, &row, &id, NULL), BKT_ECANCELED);
    (void)pthread_join(thread, NULL);
    bkt_feed_free(feed);
}

static void a_failure_is_told_after_the_last_row(void **state)
{
    (void)state;
    struct fixture f = {.feed = NULL};
    struct bkt_error why = {.code = BKT_ENET, .message = "no way"};
    struct bkt_error err = {0};
    const struct bkt_row *row;
    enum bkt_taken taken;
    uint64_t id;
    assert_int_equal(bkt_feed_new(note, &f, &f.feed, NULL), BKT_OK);
    struct bkt_note told = {.kind = BKT_NOTE_ERROR, .message = "bad", .key = "k", .key_len = 1};
    bkt_feed_note(f.feed, &told);
    bkt_feed_end(f.feed, BKT_ENET, &why);
    assert_int_equal(bkt_feed_take(f.feed, -1, &taken, &row, &id, &err), BKT_ENET);
    assert_string_equal(err.message, "no way");
    assert_string_equal(f.notes, "bad k;");
    bkt_feed_free(f.feed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_group_is_over_when_all_of_it_is_acknowledged),
        cmocka_unit_test(an_id_that_was_not_handed_out),
        cmocka_unit_test(columns_last),
        cmocka_unit_test(what_is_looked_at_stays_when_it_is_canceled),
        cmocka_unit_test(the_last_acknowledgment_counts_even_when_it_is_canceled),
        cmocka_unit_test(another_thread_ends_the_wait),
        cmocka_unit_test(a_failure_is_told_after_the_last_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
