/*
 * When keys are renewed, who waits for it, and what happens when it fails.  The source is scripted;
 * the test opens a gate for each fetch and waits until it has ended, so that nothing depends on how
 * fast a thread is.
 */
#include "aws/creds_cache.h"

#include "t.h"

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { MINUTE_MS = 60 * 1000, HOUR_MS = 60 * MINUTE_MS, WAITERS = 4 };

struct source {
    sem_t begun; /* posted when a fetch begins */
    sem_t gate;  /* waited for before it ends, when `is_gated` */
    atomic_bool is_gated;
    atomic_bool is_failing;
    atomic_bool is_same;
    atomic_bool outlives;
    atomic_int fetches;
    _Atomic int64_t now_ms;
    _Atomic int64_t life_ms; /* 0: for ever */
};

struct fixture {
    struct source source;
    struct bkt_creds_cache *cache;
    struct bkt_creds creds;
    struct bkt_error err;
    uint64_t generation;
};

static int64_t now(void *ctx)
{
    return atomic_load(&((struct source *)ctx)->now_ms);
}

static int fetch(void *self, struct bkt_creds *out_creds, struct bkt_error *err)
{
    struct source *source = self;
    char id[32];
    (void)sem_post(&source->begun);
    if (atomic_load(&source->is_gated))
        (void)sem_wait(&source->gate);
    int number = atomic_fetch_add(&source->fetches, 1) + 1;
    if (atomic_load(&source->is_failing))
        return bkt_error_set(err, BKT_ECREDS, "fetch %d failed", number);
    (void)snprintf(id, sizeof(id), "A%d", atomic_load(&source->is_same) ? 1 : number);
    int rc = bkt_creds_set(out_creds, bkt_str_from(id), BKT_STR("S"), BKT_STR(""));
    if (rc)
        return rc;
    if (atomic_load(&source->life_ms) != 0)
        out_creds->expires_ms = atomic_load(&source->now_ms) + atomic_load(&source->life_ms);
    out_creds->outlives_expiry = atomic_load(&source->outlives);
    (void)snprintf(out_creds->source, sizeof(out_creds->source), "script");
    return BKT_OK;
}

static int setup_with(void **state, int32_t pause_ms)
{
    struct fixture *f = calloc(1, sizeof(*f));
    (void)sem_init(&f->source.begun, 0, 0);
    (void)sem_init(&f->source.gate, 0, 0);
    f->source.life_ms = HOUR_MS;
    const struct bkt_creds_provider provider = {.fetch = fetch, .self = &f->source};
    const struct bkt_creds_cache_options options = {
        .now_ms = now, .now_ctx = &f->source, .pause_ms = pause_ms};
    *state = f;
    return bkt_creds_cache_new(&provider, &options, &f->cache, NULL);
}

static int setup(void **state)
{
    return setup_with(state, 0);
}

static int setup_without_pause(void **state)
{
    return setup_with(state, -1);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    f->source.is_gated = false;
    (void)sem_post(&f->source.gate);
    bkt_creds_cache_free(f->cache);
    bkt_creds_clear(&f->creds);
    (void)sem_destroy(&f->source.begun);
    (void)sem_destroy(&f->source.gate);
    free(f);
    return bkt_mem_live() == 0 ? 0 : -1;
}

static int get(struct fixture *f)
{
    return bkt_creds_cache_get(f->cache, BKT_CREDS_WAIT, &f->generation, &f->creds, &f->err);
}

static void pass(struct fixture *f, int64_t ms)
{
    atomic_fetch_add(&f->source.now_ms, ms);
}

static void rule(void **state)
{
    (void)state;
    static const struct {
        int64_t life_ms;
        int64_t left_ms;
        enum bkt_creds_due due;
    } cases[] = {
        {6 * HOUR_MS, 15 * MINUTE_MS + 1, BKT_CREDS_FRESH},
        {6 * HOUR_MS, 15 * MINUTE_MS, BKT_CREDS_AGING},
        {6 * HOUR_MS, 1, BKT_CREDS_AGING},
        {6 * HOUR_MS, 0, BKT_CREDS_ENDED},
        {6 * HOUR_MS, -1, BKT_CREDS_ENDED},
        {20 * MINUTE_MS, 5 * MINUTE_MS + 1, BKT_CREDS_FRESH},
        {20 * MINUTE_MS, 5 * MINUTE_MS, BKT_CREDS_AGING},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        struct bkt_creds creds = {.expires_ms = cases[i].life_ms};
        assert_int_equal(bkt_creds_due(&creds, 0, cases[i].life_ms - cases[i].left_ms),
                         cases[i].due);
    }
    struct bkt_creds creds = {.expires_ms = BKT_TIME_NONE};
    assert_int_equal(bkt_creds_due(&creds, 0, INT64_MAX), BKT_CREDS_FRESH);
}

static void keys_are_fetched_once(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(get(f), BKT_OK);
    assert_string_equal(f->creds.access_key_id, "A1");
    assert_int_equal(f->generation, 1);
    pass(f, 44 * MINUTE_MS);
    assert_int_equal(get(f), BKT_OK);
    assert_int_equal(atomic_load(&f->source.fetches), 1);
}

static void keys_without_an_end_stay(void **state)
{
    struct fixture *f = *state;
    f->source.life_ms = 0;
    assert_int_equal(get(f), BKT_OK);
    pass(f, INT64_MAX / 2);
    assert_int_equal(get(f), BKT_OK);
    assert_int_equal(atomic_load(&f->source.fetches), 1);
}

static int thread_count(void)
{
    DIR *threads = opendir("/proc/self/task");
    int count = 0;
    assert_non_null(threads);
    while (readdir(threads))
        count++;
    (void)closedir(threads);
    return count;
}

static void keys_without_an_end_need_no_thread(void **state)
{
    struct fixture *f = *state;
    int before = thread_count();
    f->source.life_ms = 0;
    assert_int_equal(get(f), BKT_OK);
    assert_int_equal(get(f), BKT_OK);
    assert_int_equal(thread_count(), before);
}

static void ended_keys_are_waited_for(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(get(f), BKT_OK);
    pass(f, HOUR_MS);
    assert_int_equal(get(f), BKT_OK);
    assert_string_equal(f->creds.access_key_id, "A2");
    assert_int_equal(f->generation, 2);

    f->source.is_failing = true;
    pass(f, HOUR_MS);
    assert_int_equal(get(f), BKT_ECREDS);
    assert_string_equal(f->err.message, "fetch 3 failed");
    f->source.is_failing = false;
    assert_int_equal(get(f), BKT_OK);
    assert_string_equal(f->creds.access_key_id, "A4");
}

static void keys_that_may_outlive_their_end(void **state)
{
    struct fixture *f = *state;
    f->source.outlives = true;
    assert_int_equal(get(f), BKT_OK);
    f->source.is_failing = true;
    pass(f, 2 * HOUR_MS);
    assert_int_equal(get(f), BKT_OK);
    assert_string_equal(f->creds.access_key_id, "A1");
    /* The failure is remembered for a while: not every request waits for another. */
    assert_int_equal(get(f), BKT_OK);
    assert_int_equal(atomic_load(&f->source.fetches), 2);
}

static void a_source_of_ended_keys(void **state)
{
    struct fixture *f = *state;
    f->source.life_ms = -1;
    assert_int_equal(get(f), BKT_ECREDS);
    assert_non_null(strstr(f->err.message, "have expired, and so have those"));
}

/*
 * Blocks are counted by thread.  So a thread of the test's that fetches must find keys of the main
 * one, whose place its own take.
 */
static void get_keys_and_let_them_end(struct fixture *f)
{
    assert_int_equal(get(f), BKT_OK);
    (void)sem_wait(&f->source.begun);
    pass(f, 61 * MINUTE_MS);
}

/* Until the thread has ended so many fetches. */
static void wait_for_fetches(struct fixture *f, int count)
{
    while (atomic_load(&f->source.fetches) < count)
        (void)sched_yield();
}

static void aging_keys_are_used_meanwhile(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(get(f), BKT_OK);
    (void)sem_wait(&f->source.begun);
    f->source.is_gated = true;
    pass(f, 50 * MINUTE_MS);
    assert_int_equal(get(f), BKT_OK);
    (void)sem_wait(&f->source.begun);
    assert_int_equal(get(f), BKT_OK);
    assert_string_equal(f->creds.access_key_id, "A1");
    (void)sem_post(&f->source.gate);
    while (f->generation == 1)
        assert_int_equal(get(f), BKT_OK);
    assert_string_equal(f->creds.access_key_id, "A2");
}

static void a_failure_before_the_end_is_no_failure(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(get(f), BKT_OK);
    f->source.is_gated = true;
    f->source.is_failing = true;
    pass(f, 50 * MINUTE_MS);
    assert_int_equal(get(f), BKT_OK);
    (void)sem_post(&f->source.gate);
    wait_for_fetches(f, 2);
    assert_int_equal(get(f), BKT_OK);
    assert_string_equal(f->creds.access_key_id, "A1");
}

static void a_minute_lies_between_such_fetches(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(get(f), BKT_OK);
    pass(f, 50 * MINUTE_MS);
    for (int i = 0; i < 100; i++)
        assert_int_equal(get(f), BKT_OK);
    assert_int_equal(atomic_load(&f->source.fetches), 1);
}

static void *wait_for_keys(void *arg)
{
    struct fixture *f = arg;
    uint64_t generation = 0;
    struct bkt_creds creds = {0};
    int rc = bkt_creds_cache_get(f->cache, BKT_CREDS_WAIT, &generation, &creds, NULL);
    bool good = rc == BKT_OK && strcmp(creds.access_key_id, "A2") == 0;
    bkt_creds_clear(&creds);
    return good && bkt_mem_live() == 0 ? arg : NULL;
}

static void many_wait_for_one_fetch(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[WAITERS];
    get_keys_and_let_them_end(f);
    f->source.is_gated = true;
    for (int i = 0; i < WAITERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, wait_for_keys, f), 0);
    (void)sem_wait(&f->source.begun);
    (void)sem_post(&f->source.gate);
    for (int i = 0; i < WAITERS; i++) {
        void *good;
        assert_int_equal(pthread_join(threads[i], &good), 0);
        assert_non_null(good);
    }
    assert_int_equal(atomic_load(&f->source.fetches), 2);
}

static int get_now(struct fixture *f)
{
    return bkt_creds_cache_get(f->cache, BKT_CREDS_DO_NOT_WAIT, &f->generation, &f->creds, &f->err);
}

static void who_does_not_wait_is_told_to_come_back(void **state)
{
    struct fixture *f = *state;
    get_keys_and_let_them_end(f);
    f->source.is_gated = true;
    assert_int_equal(get_now(f), BKT_EBUSY);
    assert_true(f->err.retriable);
    (void)sem_wait(&f->source.begun);
    assert_int_equal(get_now(f), BKT_EBUSY);
    (void)sem_post(&f->source.gate);
    assert_int_equal(get(f), BKT_OK);
    assert_int_equal(get_now(f), BKT_OK);
    assert_int_equal(atomic_load(&f->source.fetches), 2);
}

static int renew(struct fixture *f)
{
    return bkt_creds_cache_renew(f->cache, BKT_CREDS_WAIT, &f->generation, &f->creds, &f->err);
}

static void refused_keys_are_renewed(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(get(f), BKT_OK);
    uint64_t old = f->generation;
    assert_int_equal(renew(f), BKT_OK);
    assert_string_equal(f->creds.access_key_id, "A2");

    /* Another request was refused with the old ones: the new ones are there already. */
    f->generation = old;
    assert_int_equal(renew(f), BKT_OK);
    assert_string_equal(f->creds.access_key_id, "A2");
    assert_int_equal(atomic_load(&f->source.fetches), 2);

    f->source.is_failing = true;
    assert_int_equal(renew(f), BKT_ECREDS);
    assert_string_equal(f->err.message, "fetch 3 failed");
}

static void the_same_keys_again_are_no_renewal(void **state)
{
    struct fixture *f = *state;
    f->source.is_same = true;
    assert_int_equal(get(f), BKT_OK);
    assert_int_equal(renew(f), BKT_ECREDS);
    assert_string_equal(f->err.message,
                        "the service says that the credentials (script) have expired, and their "
                        "source gives the same again: get new ones");
    assert_int_equal(
        bkt_creds_cache_renew(f->cache, BKT_CREDS_DO_NOT_WAIT, &f->generation, &f->creds, &f->err),
        BKT_ECREDS);
}

static void nothing_asked_nothing_fetched(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(atomic_load(&f->source.fetches), 0);
    bkt_creds_cache_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rule),
        cmocka_unit_test_setup_teardown(keys_are_fetched_once, setup, teardown),
        cmocka_unit_test_setup_teardown(keys_without_an_end_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(keys_without_an_end_need_no_thread, setup, teardown),
        cmocka_unit_test_setup_teardown(ended_keys_are_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(keys_that_may_outlive_their_end, setup, teardown),
        cmocka_unit_test_setup_teardown(a_source_of_ended_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(aging_keys_are_used_meanwhile, setup_without_pause,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_failure_before_the_end_is_no_failure, setup_without_pause,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_minute_lies_between_such_fetches, setup, teardown),
        cmocka_unit_test_setup_teardown(many_wait_for_one_fetch, setup, teardown),
        cmocka_unit_test_setup_teardown(who_does_not_wait_is_told_to_come_back, setup_without_pause,
                                        teardown),
        cmocka_unit_test_setup_teardown(refused_keys_are_renewed, setup, teardown),
        cmocka_unit_test_setup_teardown(the_same_keys_again_are_no_renewal, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_asked_nothing_fetched, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
