/* Fields of MinIO's namespace hash: the bucket ends at the first slash, the key is raw. */
#include "events/redis_event.h"

#include "t_events.h"

static void a_field_is_bucket_and_key(void **state)
{
    (void)state;
    static const struct {
        struct bkt_str field;
        const char *expected; /* NULL: no object's */
    } cases[] = {
        {T_STR("cap-namespace/a.txt"), "changed cap-namespace a.txt"},
        {T_STR("b/dir/a+b \xC3\xA9.txt"), "changed b dir/a+b \xC3\xA9.txt"},
        {T_STR("b/docs/year=2024/x&y%41.txt"), "changed b docs/year=2024/x&y%41.txt"},
        {T_STR("b//lead"), "changed b /lead"},
        {T_STR("b/dir/"), "changed b dir/"},
        {T_STR("b/\0"), "changed b \\0"},
        {T_STR("b/"), NULL},
        {T_STR("/k"), NULL},
        {T_STR("/"), NULL},
        {T_STR("b"), NULL},
        {T_STR(""), NULL},
        {{NULL, 0}, NULL},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        struct bkt_event event = {0};
        assert_int_equal(bkt_redis_read_field(cases[i].field, &event), cases[i].expected != NULL);
        struct t_line line = {0};
        if (cases[i].expected) {
            t_line_add_events(&line, &event, 1);
            assert_string_equal(line.text, cases[i].expected);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_field_is_bucket_and_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
