/*
 * The queue between the loop and the thread that owns the target.  The target here is plain memory
 * without a lock: that jobs alone carry it from one thread to the other is what the thread
 * sanitizer and helgrind look at.
 */
#include "t.h"

#include "api/writer.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>

enum { JOBS = 300, BEATS = 3 };

struct target {
    uint64_t calls;
    uint64_t fail_at; /* this one of them fails */
    uint64_t leaves;
    uint64_t beats;
    sem_t reached; /* the first call of all; the last beat of those that are due at once */
    pthread_t thread;
    bool has_moved; /* it was called by two threads */
    bool hears_signals;
};

static int call(struct target *target, struct bkt_clock *out_clock, struct bkt_error *err)
{
    sigset_t blocked;
    (void)pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    target->hears_signals = target->hears_signals || !sigismember(&blocked, SIGTERM);
    target->has_moved =
        target->has_moved || (target->calls > 0 && !pthread_equal(target->thread, pthread_self()));
    target->thread = pthread_self();
    if (++target->calls == 1)
        (void)sem_post(&target->reached);
    if (target->calls == target->fail_at)
        return bkt_error_set(err, BKT_ETARGET, "the disk is full");
    *out_clock = (struct bkt_clock){.clock = target->calls};
    return BKT_OK;
}

static int begin_listing(void *self, struct bkt_clock *out_clock, struct bkt_error *err)
{
    return call(self, out_clock, err);
}

static int apply(void *self,
                 struct bkt_change *changes,
                 size_t count,
                 bool durable,
                 struct bkt_clock *out_clock,
                 struct bkt_error *err)
{
    (void)changes;
    (void)count;
    (void)durable;
    return call(self, out_clock, err);
}

static void leave(void *self)
{
    struct target *target = self;
    target->leaves++;
}

/* Due again at once, some times. */
static int64_t beat(void *self, int64_t now_ms)
{
    struct target *target = self;
    if (++target->beats < BEATS)
        return now_ms;
    if (target->beats == BEATS)
        (void)sem_post(&target->reached);
    return INT64_MAX;
}

static const struct bkt_table_target_ops plain_ops = {
    .name = "plain", .apply = apply, .begin_listing = begin_listing, .leave = leave};
static const struct bkt_table_target_ops beating_ops = {
    .name = "beating", .begin_listing = begin_listing, .beat = beat, .leave = leave};

struct fixture {
    struct target target;
    struct bkt_table_target face;
    struct bkt_http *http;
    struct bkt_writer *writer;
    size_t live;
};

static void start(struct fixture *f, const struct bkt_table_target_ops *ops)
{
    *f = (struct fixture){.live = bkt_mem_live()};
    assert_int_equal(sem_init(&f->target.reached, 0, 0), 0);
    f->face = (struct bkt_table_target){.ops = ops, .self = &f->target};
    assert_int_equal(bkt_http_new(NULL, &f->http, NULL), BKT_OK);
    assert_int_equal(bkt_writer_new(&f->face, f->http, &f->writer, NULL), BKT_OK);
}

static void finish(struct fixture *f)
{
    bkt_writer_free(f->writer);
    bkt_http_free(f->http);
    (void)sem_destroy(&f->target.reached);
    assert_int_equal(f->target.leaves, 1);
    assert_false(f->target.has_moved);
    assert_false(f->target.hears_signals);
    assert_int_equal(bkt_mem_live(), f->live);
}

static struct bkt_job *give(struct fixture *f, enum bkt_job_kind kind)
{
    struct bkt_job *job = bkt_job_new(kind, 1);
    assert_non_null(job);
    bkt_writer_give(f->writer, job);
    return job;
}

static void wait_until_reached(struct fixture *f)
{
    while (sem_wait(&f->target.reached) != 0)
        continue;
}

/* As the engine's loop waits: nothing but the writer's call wakes it. */
static struct bkt_job *wait_for_job(struct fixture *f)
{
    struct bkt_job *job;
    while ((job = bkt_writer_fetch(f->writer)) == NULL) {
        bkt_writer_go_on(f->writer);
        assert_int_equal(bkt_http_run_once(f->http, -1, NULL), BKT_OK);
    }
    return job;
}

static void jobs_are_done_one_by_one_in_the_order_given(void **state)
{
    (void)state;
    struct bkt_job *given[JOBS];
    struct fixture f;
    start(&f, &plain_ops);
    for (size_t i = 0; i < JOBS; i++)
        given[i] = give(&f, i % 2 ? BKT_JOB_APPLY : BKT_JOB_BEGIN_LISTING);
    for (size_t i = 0; i < JOBS; i++) {
        struct bkt_job *job = wait_for_job(&f);
        assert_ptr_equal(job, given[i]);
        assert_int_equal(job->rc, BKT_OK);
        assert_int_equal(job->clock.clock, i + 1);
        bkt_job_free(job);
    }
    assert_null(bkt_writer_fetch(f.writer));
    assert_int_equal(f.target.calls, JOBS);
    assert_false(pthread_equal(f.target.thread, pthread_self()));
    finish(&f);
}

static void what_is_given_later_is_done_later(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, &plain_ops);
    for (size_t i = 0; i < JOBS; i++) {
        struct bkt_job *given = give(&f, BKT_JOB_BEGIN_LISTING);
        struct bkt_job *job = wait_for_job(&f);
        assert_ptr_equal(job, given);
        assert_int_equal(f.target.calls, i + 1);
        bkt_job_free(job);
    }
    finish(&f);
}

static void what_was_not_fetched_is_freed(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, &plain_ops);
    for (size_t i = 0; i < JOBS; i++)
        (void)give(&f, BKT_JOB_APPLY);
    wait_until_reached(&f);
    finish(&f);
}

/* Whoever gives up when a job has failed waits for no other. */
static void nothing_runs_behind_a_failure_that_was_not_seen(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, &plain_ops);
    f.target.fail_at = 1;
    for (size_t i = 0; i < JOBS; i++)
        (void)give(&f, BKT_JOB_APPLY);
    bkt_job_free(wait_for_job(&f));
    finish(&f);
    assert_int_equal(f.target.calls, 1);
}

static void commits_that_did_not_fail_are_counted(void **state)
{
    (void)state;
    static const enum bkt_job_kind kinds[] = {BKT_JOB_APPLY, BKT_JOB_BEGIN_LISTING, BKT_JOB_APPLY,
                                              BKT_JOB_APPLY};
    struct fixture f;
    start(&f, &plain_ops);
    f.target.fail_at = 3;
    for (size_t i = 0; i < T_COUNT(kinds); i++)
        (void)give(&f, kinds[i]);
    for (size_t i = 0; i < T_COUNT(kinds); i++) {
        struct bkt_job *job = wait_for_job(&f);
        assert_int_equal(job->rc, i == 2 ? BKT_ETARGET : BKT_OK);
        assert_string_equal(job->err.message, i == 2 ? "the disk is full" : "");
        bkt_job_free(job);
    }
    struct bkt_stats_commits commits = bkt_writer_commits(f.writer);
    uint64_t count = 0;
    for (size_t i = 0; i <= BKT_STATS_COMMIT_BOUNDS; i++)
        count += commits.counts[i];
    assert_int_equal(count, 2);
    finish(&f);
}

static void beats_need_no_jobs(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, &beating_ops);
    wait_until_reached(&f);
    (void)give(&f, BKT_JOB_BEGIN_LISTING);
    bkt_job_free(wait_for_job(&f));
    finish(&f);
    assert_int_equal(f.target.beats, BEATS + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_are_done_one_by_one_in_the_order_given),
        cmocka_unit_test(what_is_given_later_is_done_later),
        cmocka_unit_test(what_was_not_fetched_is_freed),
        cmocka_unit_test(nothing_runs_behind_a_failure_that_was_not_seen),
        cmocka_unit_test(commits_that_did_not_fail_are_counted),
        cmocka_unit_test(beats_need_no_jobs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
