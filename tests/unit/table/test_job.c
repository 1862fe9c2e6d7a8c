#include "table/job.h"

#include "t.h"
#include "t_target.h"

static const struct bkt_decode_policy strict = {.text_errors = BKT_TEXT_STRICT};

/* A job of one upsert whose object has these bytes. */
static struct bkt_job *make_job(const char *content)
{
    struct bkt_job *job = bkt_job_new(BKT_JOB_APPLY, 1);
    if (!job)
        return NULL;
    job->policy = strict;
    job->count = 1;
    job->is_raw[0] = true;
    job->bodies[0] = BKT_BUF_INIT(100);
    job->changes[0] = (struct bkt_change){.op = BKT_CHANGE_UPSERT,
                                          .object = {.key = BKT_STR("a"), .etag = BKT_STR("e1")}};
    if (bkt_buf_append(&job->bodies[0], bkt_str_from(content)) == BKT_OK)
        return job;
    bkt_job_free(job);
    return NULL;
}

static void an_object_becomes_a_row(void **state)
{
    (void)state;
    static struct t_target rows;
    struct bkt_table_target target = {&t_target_ops, &rows};
    struct bkt_job *job = make_job("\xef\xbb\xbftext");
    job->durable = true;
    bkt_job_run(job, &target);
    assert_int_equal(job->rc, BKT_OK);
    assert_string_equal(t_look(&rows, BKT_STR("a")).content, "text");
    assert_int_equal(job->changes[0].outcome, BKT_OUTCOME_APPLIED);
    assert_int_equal(job->clock.clock, rows.clock.clock);
    assert_int_equal(rows.durable_applies, 1);
    bkt_job_free(job);
}

/* apply() clears the buffer that its own verdicts go to; the reason must not lie there. */
static void why_an_object_failed_is_kept(void **state)
{
    (void)state;
    static const struct {
        const char *content, *reason;
    } cases[] = {{"bad\xff", "not valid UTF-8 at byte 3"}, {"!no", "begins with !"}};
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        static struct t_target rows;
        rows = (struct t_target){.count = 0};
        struct bkt_table_target target = {&t_target_ops, &rows};
        struct bkt_job *job = make_job(cases[i].content);
        bkt_job_run(job, &target);
        assert_int_equal(job->rc, BKT_OK);
        const struct t_row row = t_look(&rows, BKT_STR("a"));
        assert_string_equal(row.reason, cases[i].reason);
        assert_string_equal(row.failed_etag, "e1");
        assert_int_equal(row.flags, BKT_STATE_FAILED | BKT_STATE_FAILED_CONTENT);
        assert_int_equal(job->changes[0].op, BKT_CHANGE_FAIL);
        bkt_job_free(job);
    }
}

static void what_the_target_says_is_the_jobs_answer(void **state)
{
    (void)state;
    static const enum bkt_job_kind kinds[] = {BKT_JOB_BEGIN_LISTING, BKT_JOB_APPLY, BKT_JOB_STAGE,
                                              BKT_JOB_SWEEP, BKT_JOB_END_LISTING};
    for (size_t i = 0; i < T_COUNT(kinds); i++) {
        static struct t_target rows;
        rows = (struct t_target){.fail_rc = BKT_ETARGET, .fail_is_retriable = true};
        struct bkt_table_target target = {&t_target_ops, &rows};
        struct bkt_job *job = bkt_job_new(kinds[i], 1);
        bkt_job_run(job, &target);
        assert_int_equal(job->rc, BKT_ETARGET);
        assert_true(job->err.retriable);
        assert_int_equal(job->clock.clock, 0);
        bkt_job_run(job, &target);
        assert_int_equal(job->rc, BKT_OK);
        bkt_job_free(job);
    }
}

static void noted_keys_come_back_in_order(void **state)
{
    (void)state;
    static const char bytes[] = {'a', '\0', '\xff'};
    struct bkt_job *job = bkt_job_new(BKT_JOB_SWEEP, 0);
    struct bkt_str key;
    bool is_deleted;
    size_t at = 0;
    bkt_job_note_key(job, (struct bkt_str){bytes, 3}, true);
    bkt_job_note_key(job, BKT_STR(""), false);
    assert_true(bkt_job_next_key(job, &at, &key, &is_deleted));
    assert_true(is_deleted && bkt_str_eq(key, (struct bkt_str){bytes, 3}));
    assert_true(bkt_job_next_key(job, &at, &key, &is_deleted));
    assert_true(!is_deleted && key.len == 0);
    assert_false(bkt_job_next_key(job, &at, &key, &is_deleted));
    bkt_job_free(job);
}

static int run_one(const char *content)
{
    static struct t_target rows;
    rows = (struct t_target){.count = 0};
    struct bkt_table_target target = {&t_target_ops, &rows};
    struct bkt_job *job = make_job(content);
    if (!job)
        return BKT_ENOMEM;
    bkt_job_run(job, &target);
    int rc = job->rc;
    bkt_job_free(job);
    return rc;
}

static void out_of_memory_leaves_nothing(void **state)
{
    (void)state;
    T_TORTURE(run_one("text"));
    T_TORTURE(run_one("bad\xff"));
    T_TORTURE(run_one("!no"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_object_becomes_a_row),
        cmocka_unit_test(why_an_object_failed_is_kept),
        cmocka_unit_test(what_the_target_says_is_the_jobs_answer),
        cmocka_unit_test(noted_keys_come_back_in_order),
        cmocka_unit_test(out_of_memory_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
