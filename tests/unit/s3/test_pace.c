#include "s3/pace.h"

#include "t.h"

static unsigned room(struct bkt_pace *pace)
{
    unsigned started = 0;
    while (started < 1000 && bkt_pace_may_start(pace)) {
        bkt_pace_start(pace);
        started++;
    }
    for (unsigned i = 0; i < started; i++)
        bkt_pace_end(pace);
    return started;
}

static void unlimited_until_told(void **state)
{
    (void)state;
    struct bkt_pace pace;
    bkt_pace_init(&pace);
    assert_int_equal(room(&pace), 1000);
}

static void halves_once_a_second(void **state)
{
    (void)state;
    struct bkt_pace pace;
    bkt_pace_init(&pace);
    for (int i = 0; i < 64; i++)
        bkt_pace_start(&pace);
    for (int i = 0; i < 64; i++) { /* the whole round is refused */
        bkt_pace_end(&pace);
        bkt_pace_slow_down(&pace, 5000 + i);
    }
    assert_int_equal(room(&pace), 32);
    bkt_pace_slow_down(&pace, 6000);
    assert_int_equal(room(&pace), 16);
    for (int i = 1; i < 20; i++)
        bkt_pace_slow_down(&pace, 6000 + 1000 * i);
    assert_int_equal(room(&pace), 1); /* never none */
}

static void one_more_for_each_round_of_answers(void **state)
{
    (void)state;
    struct bkt_pace pace;
    bkt_pace_init(&pace);
    for (int i = 0; i < 15; i++)
        bkt_pace_start(&pace);
    bkt_pace_slow_down(&pace, 0);
    for (int i = 0; i < 15; i++)
        bkt_pace_end(&pace);
    assert_int_equal(room(&pace), 8);
    for (int i = 0; i < 9; i++)
        bkt_pace_answered(&pace, false);
    assert_int_equal(room(&pace), 9);
    for (int i = 0; i < 40000; i++)
        bkt_pace_answered(&pace, false);
    assert_int_equal(room(&pace), 1000);
}

static void tokens(void **state)
{
    (void)state;
    struct bkt_pace pace;
    bkt_pace_init(&pace);
    for (int i = 0; i < 100; i++)
        assert_true(bkt_pace_retry(&pace));
    assert_false(bkt_pace_retry(&pace));
    bkt_pace_answered(&pace, true); /* gives back what the retry took */
    assert_true(bkt_pace_retry(&pace));
    assert_false(bkt_pace_retry(&pace));
    for (int i = 0; i < 5; i++)
        bkt_pace_answered(&pace, false);
    assert_true(bkt_pace_retry(&pace));
    for (int i = 0; i < 1000; i++)
        bkt_pace_answered(&pace, false);
    for (int i = 0; i < 100; i++)
        assert_true(bkt_pace_retry(&pace));
    assert_false(bkt_pace_retry(&pace));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unlimited_until_told),
        cmocka_unit_test(halves_once_a_second),
        cmocka_unit_test(one_more_for_each_round_of_answers),
        cmocka_unit_test(tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
