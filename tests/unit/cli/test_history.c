/* What the status page remembers: rings that begin anew, keys of any bytes, and when it is stale.
 */
#include "cli/history.h"

#include "core/json.h"
#include "t.h"

#include <stdlib.h>

static struct cli_history history;

static int set_up(void **state)
{
    (void)state;
    memset(&history, 0, sizeof(history));
    cli_history_init(&history, 1000);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cli_history_clear(&history);
    return 0;
}

/* `{...}` of it, which is JSON. */
static char *written(void)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    (void)fputc('{', out);
    cli_history_write(&history, out);
    (void)fputc('}', out);
    assert_int_equal(fclose(out), 0);
    struct cJSON *json;
    struct bkt_error err;
    if (bkt_json_parse((struct bkt_str){text, len}, 16, &json, &err) != BKT_OK)
        fail_msg("%s: %s", err.message, text);
    bkt_json_free(json);
    return text;
}

static void rings_keep_the_newest(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3 * CLI_HISTORY_NOTES + 1; i++) {
        char key[16];
        int len = snprintf(key, sizeof(key), "k%u", i);
        cli_history_note(&history, i, "upsert", key, (size_t)len, "");
    }
    for (unsigned i = 0; i < CLI_HISTORY_SAMPLES + 7; i++) {
        struct bkt_stats stats = {.now_ms = 1000 + i, .rows = i};
        cli_history_sample(&history, &stats);
    }
    char *text = written();
    char newest[64];
    (void)snprintf(newest, sizeof(newest), "\"changes\":[{\"at\":%d,", 3 * CLI_HISTORY_NOTES);
    assert_non_null(strstr(text, newest));
    assert_non_null(strstr(text, "\"samples\":[[1007,7,"));
    free(text);
}

static void keys_are_any_bytes_and_may_be_long(void **state)
{
    (void)state;
    static char long_key[5000];
    memset(long_key, 'k', sizeof(long_key));
    cli_history_note(&history, 1, "upsert", "a\"\n\\<", 5, "");
    cli_history_note(&history, 2, "delete", "\xff\x00", 2, "");
    cli_history_note(&history, 3, "upsert", long_key, sizeof(long_key), "");
    cli_history_note(&history, 4, "error", NULL, 0, "it \"failed\"\x01");
    char *text = written();
    assert_non_null(strstr(text, "\"filename\":\"a\\\"\\n\\\\<\""));
    assert_non_null(strstr(text, "\"filename_base64\":\"/wA=\""));
    assert_non_null(strstr(text, "\"failures\":[{\"at\":4,"));
    free(text);
}

static void it_is_stale_when_nobody_answers(void **state)
{
    (void)state;
    assert_false(cli_history_is_stale(&history, 61000, 60000));
    assert_true(cli_history_is_stale(&history, 61001, 60000));
    struct bkt_stats stats = {.now_ms = 50000};
    cli_history_sample(&history, &stats);
    assert_false(cli_history_is_stale(&history, 110000, 60000));
    assert_true(cli_history_is_stale(&history, 110001, 60000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rings_keep_the_newest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keys_are_any_bytes_and_may_be_long, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_is_stale_when_nobody_answers, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
