/* Waits between attempts: how they grow, when they begin, and that one failure is one. */
#include "core/backoff.h"

#include "t.h"

enum { BASE_MS = 1000, MAX_MS = 30000 };

/* The wait that a failure at `now_ms` begins. */
static int next_wait(struct bkt_backoff *backoff, int64_t now_ms)
{
    bkt_backoff_fail(backoff, BASE_MS, MAX_MS);
    assert_int_equal(bkt_backoff_wait_ms(backoff, now_ms), 0); /* it has not begun */
    assert_false(bkt_backoff_is_over(backoff, now_ms));
    return bkt_backoff_wait_ms(backoff, now_ms);
}

static void waits_double_up_to_the_ceiling(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct bkt_backoff backoff = {.seed = seed};
        int64_t now_ms = 5;
        for (int failures = 0; failures < 70; failures++) {
            int wait_ms = next_wait(&backoff, now_ms);
            int least_ms = failures < 4 ? BASE_MS << failures : MAX_MS / 2;
            int most_ms = failures < 4 ? least_ms * 2 : MAX_MS;
            assert_in_range(wait_ms, least_ms, most_ms);
            now_ms += wait_ms;
            assert_true(bkt_backoff_is_over(&backoff, now_ms));
        }
    }
}

static void seeds_differ_and_so_do_waits_at_the_ceiling(void **state)
{
    (void)state;
    struct bkt_backoff a = {.seed = 1, .failures = 10};
    struct bkt_backoff b = {.seed = 2, .failures = 10};
    int first_ms = next_wait(&a, 0);
    assert_int_not_equal(first_ms, next_wait(&b, 0));
    assert_true(bkt_backoff_is_over(&a, MAX_MS));
    assert_int_not_equal(first_ms, next_wait(&a, 0));
}

static void what_fails_while_waiting_has_failed_already(void **state)
{
    (void)state;
    struct bkt_backoff backoff = {.seed = 7};
    int wait_ms = next_wait(&backoff, 100);
    bkt_backoff_fail(&backoff, BASE_MS, MAX_MS);
    assert_int_equal(backoff.failures, 1);
    assert_int_equal(bkt_backoff_wait_ms(&backoff, 100), wait_ms);
    assert_false(bkt_backoff_is_over(&backoff, 100 + wait_ms - 1));
    assert_true(bkt_backoff_is_over(&backoff, 100 + wait_ms));
    assert_int_equal(bkt_backoff_wait_ms(&backoff, 100 + wait_ms), -1);
}

static void success_begins_anew(void **state)
{
    (void)state;
    struct bkt_backoff backoff = {.seed = 7, .failures = 9};
    (void)next_wait(&backoff, 0);
    bkt_backoff_reset(&backoff);
    assert_true(bkt_backoff_is_over(&backoff, 0));
    assert_in_range(next_wait(&backoff, 0), BASE_MS, 2 * BASE_MS);
}

static void a_pause_is_no_failure(void **state)
{
    (void)state;
    struct bkt_backoff backoff = {.seed = 7};
    bkt_backoff_pause(&backoff, 100);
    assert_false(bkt_backoff_is_over(&backoff, 50));
    assert_int_equal(bkt_backoff_wait_ms(&backoff, 60), 90);
    assert_true(bkt_backoff_is_over(&backoff, 150));
    assert_int_equal(backoff.failures, 0);
}

static void the_nearer_wait_counts(void **state)
{
    (void)state;
    assert_int_equal(bkt_wait_min(-1, -1), -1);
    assert_int_equal(bkt_wait_min(5, -1), 5);
    assert_int_equal(bkt_wait_min(-1, 5), 5);
    assert_int_equal(bkt_wait_min(3, 0), 0);
    assert_int_equal(bkt_wait_until(INT64_MAX, 0), -1);
    assert_int_equal(bkt_wait_until(10, 10), 0);
    assert_int_equal(bkt_wait_until(9, 10), 0);
    assert_int_equal(bkt_wait_until(11, 10), 1);
    assert_int_equal(bkt_wait_until(INT64_C(1) << 40, 0), INT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_double_up_to_the_ceiling),
        cmocka_unit_test(seeds_differ_and_so_do_waits_at_the_ceiling),
        cmocka_unit_test(what_fails_while_waiting_has_failed_already),
        cmocka_unit_test(success_begins_anew),
        cmocka_unit_test(a_pause_is_no_failure),
        cmocka_unit_test(the_nearer_wait_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
