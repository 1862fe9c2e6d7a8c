/* Who is told which line, and that a stranger's key cannot break it. */
#include "core/log.h"

#include "t.h"

#include <stdio.h>

struct heard {
    unsigned count;
    enum bkt_log_level level;
    char message[4096];
};

static void hear(void *ctx, enum bkt_log_level level, const char *message)
{
    struct heard *heard = ctx;
    heard->count++;
    heard->level = level;
    (void)snprintf(heard->message, sizeof(heard->message), "%s", message);
}

static void a_level_has_what_weighs_more(void **state)
{
    (void)state;
    for (int wanted = BKT_LOG_ERROR; wanted <= BKT_LOG_DEBUG; wanted++) {
        for (int level = BKT_LOG_ERROR; level <= BKT_LOG_DEBUG; level++) {
            struct heard heard = {0};
            struct bkt_log log = {hear, &heard, (enum bkt_log_level)wanted};
            bkt_log(&log, (enum bkt_log_level)level, "%s %d", "line", level);
            assert_int_equal(heard.count, level <= wanted);
            assert_int_equal(bkt_log_wants(&log, (enum bkt_log_level)level), level <= wanted);
            if (heard.count > 0)
                assert_int_equal(heard.level, level);
        }
    }
}

static void nobody_need_listen(void **state)
{
    (void)state;
    struct bkt_log none = {0};
    bkt_log(NULL, BKT_LOG_ERROR, "x");
    bkt_log(&none, BKT_LOG_ERROR, "x");
    bkt_log_of_key(NULL, BKT_LOG_ERROR, BKT_STR("k"), "x");
    assert_false(bkt_log_wants(NULL, BKT_LOG_ERROR));
}

static void a_line_is_one_line(void **state)
{
    (void)state;
    struct heard heard = {0};
    struct bkt_log log = {hear, &heard, BKT_LOG_INFO};
    bkt_log_of_key(&log, BKT_LOG_WARNING, BKT_STR("a\nb\x1b[2J"), "no text");
    assert_string_equal(heard.message, "a\\nb\\x1b[2J: no text");
    bkt_log_of_key(&log, BKT_LOG_WARNING, (struct bkt_str){NULL, 0}, "of no key");
    assert_string_equal(heard.message, "of no key");
    char key[3000];
    memset(key, '\n', sizeof(key));
    bkt_log_of_key(&log, BKT_LOG_INFO, (struct bkt_str){key, sizeof(key)}, "long");
    assert_null(strchr(heard.message, '\n'));
    assert_non_null(strstr(heard.message, "...: long"));
}

static void levels_have_names(void **state)
{
    (void)state;
    assert_string_equal(bkt_log_level_name(BKT_LOG_ERROR), "error");
    assert_string_equal(bkt_log_level_name(BKT_LOG_WARNING), "warning");
    assert_string_equal(bkt_log_level_name(BKT_LOG_INFO), "info");
    assert_string_equal(bkt_log_level_name(BKT_LOG_DEBUG), "debug");
    assert_string_equal(bkt_log_level_name((enum bkt_log_level)99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_level_has_what_weighs_more),
        cmocka_unit_test(nobody_need_listen),
        cmocka_unit_test(a_line_is_one_line),
        cmocka_unit_test(levels_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
