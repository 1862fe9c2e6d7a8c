/* Half as many when the server complains, one more for each quiet second. */
#include "table/slots.h"

#include "t.h"

static void they_follow_the_server(void **state)
{
    (void)state;
    static const struct {
        int64_t now_ms;
        bool throttled;
        uint32_t count;
    } steps[] =
        {
            {0, false, 16},    {10, true, 8},
            {500, true, 8}, /* sent before: one and the same complaint */
            {1499, false, 8},  {1500, false, 9},
            {2600, false, 10}, {2700, true, 5}, /* also right after one more */
            {3800, true, 3},   {4900, true, 2},
            {6000, true, 1},   {7100, true, 1},
            {8100, false, 2},  {60000, false, 16},
            {60001, true, 8},
        };
    struct bkt_slots slots = bkt_slots_init(16);
    for (size_t i = 0; i < T_COUNT(steps); i++) {
        if (steps[i].throttled)
            bkt_slots_throttled(&slots, steps[i].now_ms);
        if (bkt_slots_now(&slots, steps[i].now_ms) != steps[i].count)
            fail_msg("step %zu: %u", i, slots.count);
    }
    slots = bkt_slots_init(1);
    bkt_slots_throttled(&slots, 0);
    assert_int_equal(bkt_slots_now(&slots, 0), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(they_follow_the_server)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
