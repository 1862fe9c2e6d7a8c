/*
 * The engine, step by step: each test says what it is asked, what it wants next, and what it is
 * answered.  What happens when everything overtakes everything else is the simulation's.
 */
#include "table/engine.h"

#include "t.h"
#include "t_target.h"

enum { JOBS_MAX = 8 };

struct driver {
    struct t_target rows;
    struct bkt_table_target target;
    struct bkt_filter *filter;
    struct bkt_engine *engine;
    int64_t now_ms;
    struct bkt_job *jobs[JOBS_MAX]; /* given out, not run */
    size_t job_count;
    void *settled[8];
    size_t settled_count;
    unsigned listed, deleted, trouble;
};

static void on_event(void *ctx,
                     enum bkt_engine_event event,
                     struct bkt_str key,
                     struct bkt_str text)
{
    struct driver *driver = ctx;
    (void)key;
    (void)text;
    driver->listed += event == BKT_EVENT_LISTED;
    driver->deleted += event == BKT_EVENT_DELETE;
    driver->trouble += event == BKT_EVENT_TROUBLE;
}

static void on_settled(void *ctx, void *ticket)
{
    struct driver *driver = ctx;
    driver->settled[driver->settled_count++] = ticket;
}

static int begin_rc(struct driver *driver, bool is_live, size_t batch_changes)
{
    *driver = (struct driver){.now_ms = 1000, .rows.clock = {5, 5, 1}};
    driver->target = (struct bkt_table_target){&t_target_ops, &driver->rows};
    int rc = bkt_filter_new(&(struct bkt_filter_spec){.max_file_size = 100}, &driver->filter, NULL);
    struct bkt_engine_options options = {
        .filter = driver->filter,
        .bucket = "docs",
        .target = &driver->target,
        .attached = {.clock = driver->rows.clock, .batch_changes = batch_changes},
        .list_concurrency = 1,
        .get_concurrency = 4,
        .memory_limit = 1 << 20,
        .max_deletes.value = 2,
        .is_live = is_live,
        .on_event = on_event,
        .on_settled = on_settled,
        .ctx = driver,
    };
    if (rc == BKT_OK)
        rc = bkt_engine_new(&options, &driver->engine, NULL);
    return rc;
}

static void begin(struct driver *driver, bool is_live)
{
    assert_int_equal(begin_rc(driver, is_live, 0), BKT_OK);
}

static void end(struct driver *driver)
{
    for (size_t i = 0; i < driver->job_count; i++)
        bkt_job_free(driver->jobs[i]);
    bkt_engine_free(driver->engine);
    bkt_filter_free(driver->filter);
    assert_int_equal(bkt_mem_live(), 0);
}

/* The next thing wanted but for jobs, which are kept. */
static struct bkt_want next(struct driver *driver)
{
    struct bkt_want want;
    do {
        assert_int_equal(bkt_engine_next(driver->engine, driver->now_ms, &want, NULL), BKT_OK);
        if (want.kind == BKT_WANT_JOB)
            driver->jobs[driver->job_count++] = want.job;
    } while (want.kind == BKT_WANT_JOB);
    return want;
}

/* Run the oldest job that was given out, and hand it back. */
static void run_job(struct driver *driver)
{
    if (driver->job_count == 0)
        (void)next(driver);
    assert_true(driver->job_count > 0);
    struct bkt_job *job = driver->jobs[0];
    memmove(driver->jobs, driver->jobs + 1, --driver->job_count * sizeof(struct bkt_job *));
    bkt_job_run(job, &driver->target);
    bkt_engine_job_done(driver->engine, job);
}

static void nobody_frees(void *owner)
{
    (void)owner;
}

/* Answer a listing with these keys, each of 3 bytes with ETag "e1", as the only page. */
static void answer_list(struct driver *driver, const char *const *keys, size_t count)
{
    struct bkt_object objects[8];
    struct bkt_want want = next(driver);
    assert_int_equal(want.kind, BKT_WANT_LIST);
    for (size_t i = 0; i < count; i++)
        objects[i] = (struct bkt_object){.key = bkt_str_from(keys[i]),
                                         .etag = BKT_STR("e1"),
                                         .size = 3,
                                         .last_modified_ms = 1000};
    struct bkt_page page = {.objects = objects, .object_count = count, .free = nobody_frees};
    bkt_engine_listed(driver->engine, want.id, &page, NULL);
    /* The page is merged at the next step, while `objects` are still there. */
    want = (struct bkt_want){.kind = BKT_WANT_NOTHING};
    struct bkt_error err;
    assert_int_equal(bkt_engine_next(driver->engine, driver->now_ms, &want, &err), BKT_OK);
    if (want.kind == BKT_WANT_JOB)
        driver->jobs[driver->job_count++] = want.job;
    if (want.kind == BKT_WANT_READ) {
        /* Given back, so that each test asks for its reads by itself. */
        struct bkt_read stopped = {.kind = BKT_READ_STOPPED, .object.size = 3};
        bkt_engine_read(driver->engine, want.id, &stopped);
    }
}

static struct bkt_want expect_read(struct driver *driver, const char *key, const char *condition)
{
    struct bkt_want want = next(driver);
    assert_int_equal(want.kind, BKT_WANT_READ);
    assert_true(bkt_str_eq(want.read.key, bkt_str_from(key)));
    assert_true(bkt_str_eq(want.read.if_none_match, bkt_str_from(condition)));
    return want;
}

static void answer_object(struct driver *driver, uint64_t id, const char *content, const char *etag)
{
    struct bkt_buf body = BKT_BUF_INIT(100);
    struct bkt_read read = {
        .kind = BKT_READ_OBJECT,
        .object = {.etag = bkt_str_from(etag), .size = strlen(content), .last_modified_ms = 1000},
        .body = &body};
    assert_true(bkt_engine_admit(driver->engine, id, strlen(content)));
    assert_int_equal(bkt_buf_append(&body, bkt_str_from(content)), BKT_OK);
    bkt_engine_read(driver->engine, id, &read);
    bkt_buf_clear(&body);
}

static void answer(struct driver *driver, uint64_t id, enum bkt_read_kind kind)
{
    struct bkt_read read = {.kind = kind, .reason = BKT_STR("refused")};
    bkt_engine_read(driver->engine, id, &read);
}

static void touch(struct driver *driver, const char *key, void *ticket)
{
    assert_int_equal(bkt_engine_touch(driver->engine, bkt_str_from(key), ticket, NULL), BKT_OK);
}

/* Rows that are there before: content "old" with ETag "e0". */
static void add_row(struct driver *driver, const char *key)
{
    struct t_row *row = t_find_or_add(&driver->rows, bkt_str_from(key));
    struct bkt_buf body = BKT_BUF_INIT(8);
    struct bkt_decoded decoded;
    assert_int_equal(bkt_buf_append(&body, BKT_STR("old")), BKT_OK);
    assert_int_equal(bkt_decode((struct bkt_decode_policy){0}, &body, &decoded, NULL), BKT_OK);
    row->flags = BKT_STATE_ROW;
    row->revision = 1;
    row->size = 3;
    row->decode = decoded.decode;
    t_copy(row->etag, BKT_STR("e0"));
    bkt_buf_clear(&body);
}

static void a_listing_makes_rows_and_removes_them(void **state)
{
    (void)state;
    static const char *const keys[] = {"a"};
    static struct driver driver;
    begin(&driver, false);
    add_row(&driver, "b");
    bkt_engine_list(driver.engine);
    run_job(&driver); /* the floor */
    assert_int_equal(driver.rows.clock.floor, 6);
    answer_list(&driver, keys, 1);
    struct bkt_want want = expect_read(&driver, "a", "");
    answer_object(&driver, want.id, "one", "e1");
    while (!bkt_engine_is_idle(driver.engine)) {
        driver.now_ms += 100;
        (void)next(&driver);
        if (driver.job_count > 0)
            run_job(&driver);
    }
    assert_string_equal(t_look(&driver.rows, BKT_STR("a")).content, "one");
    assert_int_equal(t_look(&driver.rows, BKT_STR("b")).flags, 0);
    assert_int_equal(driver.listed, 1);
    struct bkt_engine_counts counts = bkt_engine_counts(driver.engine);
    assert_int_equal(counts.added, 1);
    assert_int_equal(counts.deleted, 1);
    assert_int_equal(counts.missed, 0);
    end(&driver);
}

static void more_deletes_than_allowed_are_none(void **state)
{
    (void)state;
    static struct driver driver;
    begin(&driver, false);
    add_row(&driver, "a");
    add_row(&driver, "b");
    add_row(&driver, "c");
    bkt_engine_list(driver.engine);
    run_job(&driver);
    answer_list(&driver, NULL, 0);
    run_job(&driver); /* stages */
    run_job(&driver); /* sweeps */
    struct bkt_want want;
    struct bkt_error err;
    assert_int_equal(bkt_engine_next(driver.engine, driver.now_ms, &want, &err), BKT_EGUARD);
    assert_int_equal(t_look(&driver.rows, BKT_STR("a")).flags, BKT_STATE_ROW);
    end(&driver);
}

static void a_message_is_settled_by_a_durable_commit(void **state)
{
    (void)state;
    static struct driver driver;
    int ticket;
    begin(&driver, true);
    touch(&driver, "a", &ticket);
    struct bkt_want want = expect_read(&driver, "a", "");
    answer_object(&driver, want.id, "one", "e1");
    (void)next(&driver);
    assert_int_equal(driver.settled_count, 0);
    run_job(&driver);
    assert_int_equal(driver.settled_count, 1);
    assert_ptr_equal(driver.settled[0], &ticket);
    assert_int_equal(driver.rows.durable_applies, 1);
    assert_true(bkt_engine_is_idle(driver.engine));
    end(&driver);
}

/* What is learned while a key is read may be newer than the read. */
static void a_message_that_comes_while_its_key_is_read_waits_for_the_next_read(void **state)
{
    (void)state;
    static struct driver driver;
    int tickets[4];
    begin(&driver, true);
    touch(&driver, "a", &tickets[0]);
    struct bkt_want want = expect_read(&driver, "a", "");
    touch(&driver, "a", &tickets[1]);
    answer_object(&driver, want.id, "one", "e1");
    (void)next(&driver);
    touch(&driver, "a", &tickets[2]);
    run_job(&driver);
    assert_int_equal(driver.settled_count, 1);
    touch(&driver, "a", &tickets[3]); /* queued again, and not yet read */
    want = expect_read(&driver, "a", "");
    answer_object(&driver, want.id, "two", "e2");
    (void)next(&driver);
    run_job(&driver);
    assert_int_equal(driver.settled_count, 4);
    assert_true(bkt_engine_is_idle(driver.engine));
    assert_string_equal(t_look(&driver.rows, BKT_STR("a")).content, "two");
    end(&driver);
}

static void an_event_is_read_for_even_if_nothing_changed(void **state)
{
    (void)state;
    static struct driver driver;
    int ticket;
    begin(&driver, true);
    add_row(&driver, "a");
    touch(&driver, "a", &ticket);
    struct bkt_want want = expect_read(&driver, "a", "e0");
    answer(&driver, want.id, BKT_READ_NOT_MODIFIED);
    (void)next(&driver);
    run_job(&driver);
    assert_int_equal(t_look(&driver.rows, BKT_STR("a")).revision, driver.rows.clock.clock);
    assert_int_equal(driver.settled_count, 1);
    end(&driver);
}

/* A refused change is read for again, on the condition that it is still right, and settles then. */
static void what_the_clock_refuses_is_read_again(void **state)
{
    (void)state;
    static struct driver driver;
    int tickets[2];
    begin(&driver, true);
    touch(&driver, "a", &tickets[0]);
    struct bkt_want want = expect_read(&driver, "a", "");
    answer_object(&driver, want.id, "one", "e1");
    (void)next(&driver);
    driver.rows.clock.floor = ++driver.rows.clock.clock; /* another one begins a listing */
    touch(&driver, "a", &tickets[1]);
    run_job(&driver);
    assert_int_equal(driver.settled_count, 0);
    want = expect_read(&driver, "a", "e1");
    answer(&driver, want.id, BKT_READ_NOT_MODIFIED);
    (void)next(&driver);
    run_job(&driver);
    assert_string_equal(t_look(&driver.rows, BKT_STR("a")).content, "one");
    assert_int_equal(driver.settled_count, 2);
    assert_true(bkt_engine_is_idle(driver.engine));
    end(&driver);
}

static void an_absence_needs_the_bucket(void **state)
{
    (void)state;
    static struct driver driver;
    int tickets[2];
    struct bkt_error gone = {.code = BKT_ES3, .message = "NoSuchBucket"};
    begin(&driver, true);
    add_row(&driver, "a");
    add_row(&driver, "b");
    touch(&driver, "a", &tickets[0]);
    struct bkt_want want = expect_read(&driver, "a", "e0");
    answer(&driver, want.id, BKT_READ_ABSENT);
    assert_int_equal(next(&driver).kind, BKT_WANT_BUCKET);
    /* Found absent after the question: its answer is not for this one. */
    touch(&driver, "b", &tickets[1]);
    want = expect_read(&driver, "b", "e0");
    answer(&driver, want.id, BKT_READ_ABSENT);
    bkt_engine_bucket_exists(driver.engine, NULL);
    assert_int_equal(next(&driver).kind, BKT_WANT_BUCKET);
    run_job(&driver);
    assert_int_equal(t_look(&driver.rows, BKT_STR("a")).flags, 0);
    assert_int_equal(t_look(&driver.rows, BKT_STR("b")).flags, BKT_STATE_ROW);
    /* It does not exist: what was said while it was away is not believed when it is back. */
    bkt_engine_bucket_exists(driver.engine, &gone);
    assert_int_equal(next(&driver).kind, BKT_WANT_NOTHING);
    assert_int_equal(driver.trouble, 1);
    driver.now_ms += 300000;
    (void)expect_read(&driver, "b", "e0");
    assert_int_equal(t_look(&driver.rows, BKT_STR("b")).flags, BKT_STATE_ROW);
    end(&driver);
}

static void a_sweep_waits_for_what_is_staged(void **state)
{
    (void)state;
    static struct driver driver;
    begin(&driver, true);
    add_row(&driver, "a");
    bkt_engine_list(driver.engine);
    run_job(&driver);
    answer_list(&driver, NULL, 0);
    (void)next(&driver);
    assert_int_equal(driver.job_count, 1);
    assert_int_equal(driver.jobs[0]->kind, BKT_JOB_STAGE);
    driver.rows.fail_rc = BKT_ETARGET;
    driver.rows.fail_is_retriable = true;
    run_job(&driver);
    assert_int_equal(next(&driver).kind, BKT_WANT_NOTHING);
    assert_int_equal(driver.job_count, 0);
    driver.now_ms += bkt_engine_wait_ms(driver.engine, driver.now_ms);
    run_job(&driver); /* stages, this time */
    run_job(&driver);
    assert_int_equal(t_look(&driver.rows, BKT_STR("a")).flags, 0);
    end(&driver);
}

/* A sweep is several transactions: one may fail behind others. */
static void what_a_failed_sweep_had_removed_is_told(void **state)
{
    (void)state;
    static struct driver driver;
    begin(&driver, true);
    add_row(&driver, "a");
    bkt_engine_list(driver.engine);
    run_job(&driver);
    answer_list(&driver, NULL, 0);
    run_job(&driver); /* stages */
    (void)next(&driver);
    struct bkt_job *job = driver.jobs[0];
    assert_int_equal(job->kind, BKT_JOB_SWEEP);
    driver.job_count = 0;
    bkt_job_run(job, &driver.target);
    job->rc = bkt_error_set(&job->err, BKT_ETARGET, "the disk is full");
    bkt_engine_job_done(driver.engine, job);
    assert_int_equal(driver.deleted, 1);
    assert_int_equal(bkt_engine_counts(driver.engine).deleted, 1);
    assert_int_equal(driver.trouble, 1);
    end(&driver);
}

static void it_does_not_ask_to_be_asked_at_once(void **state)
{
    (void)state;
    static struct driver driver;
    static const char *const keys[] = {"a", "b", "c"};
    begin(&driver, true);
    for (size_t i = 0; i < 3; i++) {
        touch(&driver, keys[i], &driver);
        struct bkt_want want = expect_read(&driver, keys[i], "");
        answer_object(&driver, want.id, "one", "e1");
        (void)next(&driver);
        driver.now_ms += 1000;
    }
    assert_int_equal(driver.job_count, 2); /* and one more waits, for as long as they take */
    assert_int_equal(bkt_engine_wait_ms(driver.engine, driver.now_ms), -1);
    run_job(&driver);
    run_job(&driver);
    run_job(&driver);
    assert_int_equal(driver.settled_count, 3);
    end(&driver);
}

static void a_batch_is_as_large_as_the_target_wants(void **state)
{
    (void)state;
    static struct driver driver;
    static const char *const keys[] = {"a", "b", "c", "d", "e"};
    assert_int_equal(begin_rc(&driver, true, 2), BKT_OK);
    for (size_t i = 0; i < T_COUNT(keys); i++) {
        touch(&driver, keys[i], &driver);
        struct bkt_want want = expect_read(&driver, keys[i], "");
        answer_object(&driver, want.id, "one", "e1");
        (void)next(&driver);
    }
    /* Two are out; "c", "d" and "e" are at hand. */
    assert_int_equal(driver.job_count, 2);
    run_job(&driver);
    (void)next(&driver);
    assert_int_equal(driver.job_count, 2);
    assert_int_equal(driver.jobs[1]->count, 2);
    while (driver.settled_count < T_COUNT(keys))
        run_job(&driver);
    end(&driver);
}

/* The condition of a read under way is the driver's to look at until the answer. */
static void the_condition_of_a_read_stays(void **state)
{
    (void)state;
    static const char *const keys[] = {"a"};
    static struct driver driver;
    begin(&driver, true);
    add_row(&driver, "a");
    touch(&driver, "a", &driver);
    struct bkt_want want = expect_read(&driver, "a", "e0");
    t_copy(t_find_or_add(&driver.rows, BKT_STR("a"))->etag, BKT_STR("e7"));
    bkt_engine_list(driver.engine);
    run_job(&driver);
    answer_list(&driver, keys, 1);
    assert_true(bkt_str_eq(want.read.if_none_match, BKT_STR("e0")));
    answer(&driver, want.id, BKT_READ_NOT_MODIFIED);
    (void)next(&driver);
    run_job(&driver);
    assert_int_equal(driver.settled_count, 0); /* the row has another content: read it again */
    end(&driver);
}

static int follow_one_key(void)
{
    static struct driver driver;
    struct bkt_want want;
    int rc = begin_rc(&driver, true, 0);
    if (rc == BKT_OK)
        rc = bkt_engine_touch(driver.engine, BKT_STR("a"), &driver, NULL);
    while (rc == BKT_OK && driver.settled_count == 0) {
        driver.now_ms += 100;
        rc = bkt_engine_next(driver.engine, driver.now_ms, &want, NULL);
        if (rc == BKT_OK && want.kind == BKT_WANT_READ) {
            struct bkt_buf body = BKT_BUF_INIT(100);
            struct bkt_read read = {
                .kind = BKT_READ_OBJECT, .object.etag = BKT_STR("e1"), .body = &body};
            bkt_engine_read(driver.engine, want.id, &read);
            bkt_buf_clear(&body);
        }
        if (rc == BKT_OK && want.kind == BKT_WANT_JOB) {
            bkt_job_run(want.job, &driver.target);
            bkt_engine_job_done(driver.engine, want.job);
        }
    }
    bkt_engine_free(driver.engine);
    bkt_filter_free(driver.filter);
    return rc;
}

static void out_of_memory_leaves_nothing(void **state)
{
    (void)state;
    bool hit = true;
    for (long n = 0; hit; n++) {
        bkt_mem_fail_at(n);
        int rc = follow_one_key();
        hit = bkt_mem_failed();
        bkt_mem_fail_at(-1);
        /* Without its condition a read costs more, and is as good. */
        assert_true(rc == BKT_OK || (hit && rc == BKT_ENOMEM));
        assert_int_equal(bkt_mem_live(), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listing_makes_rows_and_removes_them),
        cmocka_unit_test(more_deletes_than_allowed_are_none),
        cmocka_unit_test(a_message_is_settled_by_a_durable_commit),
        cmocka_unit_test(a_message_that_comes_while_its_key_is_read_waits_for_the_next_read),
        cmocka_unit_test(an_event_is_read_for_even_if_nothing_changed),
        cmocka_unit_test(what_the_clock_refuses_is_read_again),
        cmocka_unit_test(an_absence_needs_the_bucket),
        cmocka_unit_test(a_sweep_waits_for_what_is_staged),
        cmocka_unit_test(what_a_failed_sweep_had_removed_is_told),
        cmocka_unit_test(it_does_not_ask_to_be_asked_at_once),
        cmocka_unit_test(a_batch_is_as_large_as_the_target_wants),
        cmocka_unit_test(the_condition_of_a_read_stays),
        cmocka_unit_test(out_of_memory_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
