/* The metrics by the rules of Prometheus' text format, and when a watch is ill. */
#include "cli/metrics.h"

#include "core/json.h"
#include "t.h"

#include <stdlib.h>

/* A watch that has been through a lot. */
static const struct bkt_stats busy = {
    .size = sizeof(busy),
    .now_ms = 1700000060000,
    .started_ms = 1700000000000,
    .is_ready = true,
    .counts = {.added = 5, .updated = 3, .deleted = 2, .retries = 4, .events_missed = 1},
    .rows = 9007199254740992,
    .listed_at_ms = 1700000050000,
    .listing_s = 0.25,
    .failed_now = 6,
    .lag_s = 1.5,
    .requests = {[BKT_STATS_LIST][BKT_STATS_2XX] = 3, [BKT_STATS_GET][BKT_STATS_NO_ANSWER] = 1},
    .commits = {.counts = {1, 2, 3, [BKT_STATS_COMMIT_BOUNDS] = 1}, .sum_s = 1.5},
    .table = {.since_ms = 1700000055000, .text = "disk \"full\""},
    .channel_count = 2,
    .channels = {{.name = "sqs", .received = 9, .acknowledged = 6, .irrelevant = 2, .depth = 3},
                 {.name = "minio",
                  .depth = -1,
                  .trouble = {.since_ms = 1700000060000, .text = "just begun"}}},
};

static char *written(void (*write)(const struct bkt_stats *stats, FILE *out))
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    write(&busy, out);
    assert_int_equal(fclose(out), 0);
    return text;
}

static bool is_name(const char *text, size_t len)
{
    return len > 0 && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_") >= len &&
           strncmp(text, "bucketable_", 11) == 0;
}

/* name, labels, value: what a sample's line may be; returns the length of the name. */
static size_t check_sample(const char *line)
{
    size_t len = strcspn(line, "{ ");
    assert_true(is_name(line, len));
    const char *at = line + len;
    if (*at == '{') {
        do {
            at++;
            size_t name = strcspn(at, "=");
            assert_true(name > 0 && strspn(at, "abcdefghijklmnopqrstuvwxyz_") == name);
            at += name + 1;
            assert_int_equal(*at++, '"');
            at += strcspn(at, "\"\\\n");
            assert_int_equal(*at++, '"');
        } while (*at == ',');
        assert_int_equal(*at++, '}');
    }
    assert_int_equal(*at++, ' ');
    char *end;
    (void)strtod(at, &end);
    assert_true(end > at && *end == '\0');
    return len;
}

/* Each family once, all of it together, HELP and TYPE before its samples, and units in names. */
static void every_line_is_in_order(void **state)
{
    (void)state;
    char *text = written(cli_metrics_write);
    assert_int_equal(text[strlen(text) - 1], '\n');
    char seen[100][80];
    size_t seen_count = 0;
    char name[80] = "";
    char type[16] = "";
    char *rest = text;
    for (char *line; (line = strtok_r(rest, "\n", &rest)) != NULL;) {
        if (strncmp(line, "# HELP ", 7) == 0) {
            assert_int_equal(sscanf(line + 7, "%79s", name), 1);
            for (size_t i = 0; i < seen_count; i++)
                assert_string_not_equal(seen[i], name);
            memcpy(seen[seen_count++], name, sizeof(name));
        } else if (strncmp(line, "# TYPE ", 7) == 0) {
            char typed[80];
            assert_int_equal(sscanf(line + 7, "%79s %15s", typed, type), 2);
            assert_string_equal(typed, name);
            bool is_total = strlen(name) > 6 && strcmp(name + strlen(name) - 6, "_total") == 0;
            assert_int_equal(is_total, strcmp(type, "counter") == 0);
        } else {
            size_t len = check_sample(line);
            assert_int_equal(strncmp(line, name, strlen(name)), 0);
            assert_true(len == strlen(name) || strcmp(type, "histogram") == 0);
        }
    }
    assert_true(seen_count > 20);
    free(text);
}

static void numbers_are_exact(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "\nbucketable_rows 9007199254740992\n",
        "\nbucketable_changes_total{kind=\"deleted\"} 2\n",
        "\nbucketable_events_received_total{source=\"sqs\"} 9\n",
        "\nbucketable_events_total{source=\"sqs\",result=\"acknowledged\"} 6\n",
        "\nbucketable_queue_depth{source=\"sqs\"} 3\n",
        "\nbucketable_lag_seconds 1.5\n",
        "\nbucketable_failed_objects 6\n",
        "\nbucketable_s3_requests_total{operation=\"get\",status=\"none\"} 1\n",
        "\nbucketable_commit_duration_seconds_bucket{le=\"0.0025\"} 3\n",
        "\nbucketable_commit_duration_seconds_bucket{le=\"10\"} 6\n",
        "\nbucketable_commit_duration_seconds_bucket{le=\"+Inf\"} 7\n",
        "\nbucketable_commit_duration_seconds_count 7\n",
        "\nbucketable_last_listing_timestamp_seconds 1700000050\n",
        "\nbucketable_trouble_seconds{part=\"table\"} 5.000\n",
        "\nbucketable_trouble_seconds{part=\"sqs\"} 0.000\n",
        "\nbucketable_trouble_seconds{part=\"minio\"} 0.001\n",
    };
    char *text = written(cli_metrics_write);
    for (size_t i = 0; i < T_COUNT(lines); i++) {
        if (!strstr(text, lines[i]))
            fail_msg("no %s in %s", lines[i], text);
    }
    assert_null(strstr(text, "queue_depth{source=\"minio\"}"));
    free(text);
}

static void the_pages_numbers_are_json(void **state)
{
    (void)state;
    char *members = written(cli_metrics_write_json);
    size_t len = strlen(members) + 2;
    char *text = malloc(len + 1);
    assert_non_null(text);
    (void)snprintf(text, len + 1, "{%s}", members);
    assert_non_null(strstr(text, "\"text\":\"disk \\\"full\\\"\""));
    struct cJSON *json;
    struct bkt_error err;
    assert_int_equal(bkt_json_parse((struct bkt_str){text, len}, 16, &json, &err), BKT_OK);
    bkt_json_free(json);
    free(text);
    free(members);
}

static void ill_is_what_lasts(void **state)
{
    (void)state;
    struct bkt_stats stats = busy;
    assert_null(bkt_stats_illness(&stats, 5000));
    assert_string_equal(bkt_stats_illness(&stats, 4999), "disk \"full\"");
    stats.table.since_ms = 0;
    assert_null(bkt_stats_illness(&stats, 0));
    stats.channels[1].trouble = (struct bkt_stats_trouble){1700000000000, "no answer"};
    assert_null(bkt_stats_illness(&stats, 60000));
    assert_string_equal(bkt_stats_illness(&stats, 59999), "no answer");
    stats.channel_count = 1;
    assert_null(bkt_stats_illness(&stats, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_line_is_in_order),
        cmocka_unit_test(numbers_are_exact),
        cmocka_unit_test(the_pages_numbers_are_json),
        cmocka_unit_test(ill_is_what_lasts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
