/* Which keys of a message count: of our bucket, of events that matter, each once. */
#include "events/event_keys.h"

#include "t_events.h"

#define EVENT(what, in, name)                                   \
    {                                                           \
        .kind = (what), .bucket = T_STR(in), .key = T_STR(name) \
    }

static const struct bkt_event events[] = {
    EVENT(BKT_EVENT_CHANGED, "docs", "b"),
    EVENT(BKT_EVENT_CHANGED, "docs", "a"),
    EVENT(BKT_EVENT_CHANGED, "other", "x"),
    EVENT(BKT_EVENT_METADATA, "docs", "tagged"),
    EVENT(BKT_EVENT_METADATA, "docs", "a"),
    EVENT(BKT_EVENT_NOTHING, "docs", "read"),
    {.kind = BKT_EVENT_CHANGED,
     .bucket = T_STR("logs"),
     .key = T_STR("doubt ful"),
     .key_other = T_STR("doubt+ful")},
    EVENT(BKT_EVENT_CHANGED, "docs", "b"),
};

static void keys_of_our_bucket_each_once(void **state)
{
    (void)state;
    static const struct {
        struct bkt_event_scope scope;
        const char *keys;
        bool has_foreign;
    } cases[] = {
        {{.bucket = T_STR("docs")}, "a,b,", true},
        {{.bucket = T_STR("docs"), .want_metadata = true}, "a,b,tagged,", true},
        {{.bucket = T_STR("logs")}, "doubt ful,doubt+ful,", true},
        {{.bucket = T_STR("")}, "a,b,doubt ful,doubt+ful,x,", false},
        {{.bucket = T_STR("doc")}, "", true},
    };
    struct bkt_event_keys keys = {0};
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        struct t_line line = {.len = 0};
        struct bkt_event_scope copy;
        assert_int_equal(bkt_event_scope_copy(&cases[i].scope, &copy), BKT_OK);
        assert_int_equal(bkt_event_keys_read(&keys, events, T_COUNT(events), &copy), BKT_OK);
        for (size_t k = 0; k < keys.count; k++) {
            t_line_add(&line, keys.keys[k]);
            t_line_add(&line, BKT_STR(","));
        }
        assert_string_equal(line.text, cases[i].keys);
        assert_int_equal(keys.has_foreign, cases[i].has_foreign);
        bkt_event_scope_clear(&copy);
    }
    assert_int_equal(bkt_event_keys_read(&keys, NULL, 0, &cases[0].scope), BKT_OK);
    assert_int_equal(keys.count, 0);
    bkt_event_keys_clear(&keys);
}

static int copy_and_read(void)
{
    const struct bkt_event_scope scope = {.bucket = BKT_STR("docs")};
    struct bkt_event_keys keys = {0};
    struct bkt_event_scope copy = {.want_metadata = false};
    int rc = bkt_event_scope_copy(&scope, &copy);
    if (rc == BKT_OK)
        rc = bkt_event_keys_read(&keys, events, T_COUNT(events), &copy);
    bkt_event_keys_clear(&keys);
    bkt_event_scope_clear(&copy);
    return rc;
}

static void out_of_memory_is_an_error(void **state)
{
    (void)state;
    T_TORTURE(copy_and_read());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_of_our_bucket_each_once),
        cmocka_unit_test(out_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
