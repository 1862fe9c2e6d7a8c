/*
 * What real servers sent (tests/data/events), message for message: MinIO's listen stream, Redis
 * targets and webhook, and what moto puts on a queue by itself, through SNS and through
 * EventBridge.
 */
#include "events/listen_stream.h"
#include "events/redis_event.h"

#include "t_events.h"

#include <cjson/cJSON.h>

#define ODD "docs/sp ace+plus%41/\xC3\xBC=x&y.txt"

static void expect_bodies(const char *file, const char *const *expected, size_t count)
{
    struct t_text text = t_load(file);
    cJSON *bodies = cJSON_ParseWithLength(text.ptr, text.len);
    assert_non_null(bodies);
    assert_int_equal(cJSON_GetArraySize(bodies), count);

    size_t i = 0;
    for (const cJSON *node = bodies->child; node; node = node->next, i++) {
        print_message("# %s, message %zu\n", file, i);
        char *body =
            cJSON_IsString(node) ? strdup(node->valuestring) : cJSON_PrintUnformatted(node);
        assert_non_null(body);
        t_expect(bkt_str_from(body), BKT_KEY_QUEUED, expected[i]);
        free(body);
    }
    cJSON_Delete(bodies);
    free(text.ptr);
}

static void moto_sends_s3_records(void **state)
{
    (void)state;
    static const char *const plain[] = {
        "changed b-nq1795384143 docs/a.txt",    ("changed b-nq1795384143 " ODD),
        "changed b-nq1795384143 docs/copy.txt", "changed b-nq1795384143 docs/mpu.bin",
        "changed b-nq1795384143 docs/mpu.bin",  "changed b-nq1795384143 docs/a.txt",
        "changed b-nq1795384143 docs/copy.txt", "changed b-nq1795384143 docs/mpu.bin",
    };
    static const char *const versioned[] = {
        "changed b-nqv1795384143 docs/a.txt",    ("changed b-nqv1795384143 " ODD),
        "changed b-nqv1795384143 docs/copy.txt", "changed b-nqv1795384143 docs/mpu.bin",
        "changed b-nqv1795384143 docs/mpu.bin",
    };
    static const char *const wrapped[] = {
        "ack: a test event",
        "changed b-snsfalse1795384143 docs/a.txt",
        ("changed b-snsfalse1795384143 " ODD),
        "changed b-snsfalse1795384143 docs/copy.txt",
    };
    static const char *const raw[] = {
        "ack: a test event",
        "changed b-snstrue1795384143 docs/a.txt",
        ("changed b-snstrue1795384143 " ODD),
        "changed b-snstrue1795384143 docs/copy.txt",
    };
    static const char *const bridge[] = {
        "changed b-eb1795384143 docs/a.txt",    "metadata b-eb1795384143 docs/a.txt",
        ("changed b-eb1795384143 " ODD),        ("metadata b-eb1795384143 " ODD),
        "changed b-eb1795384143 docs/copy.txt", "changed b-eb1795384143 docs/mpu.bin",
    };
    expect_bodies("moto-sqs-notification-plain.json", plain, T_COUNT(plain));
    expect_bodies("moto-sqs-notification-versioned.json", versioned, T_COUNT(versioned));
    expect_bodies("moto-sns-sqs-notification-raw-false.json", wrapped, T_COUNT(wrapped));
    expect_bodies("moto-sns-sqs-notification-raw-true.json", raw, T_COUNT(raw));
    expect_bodies("moto-eventbridge-sqs.json", bridge, T_COUNT(bridge));
}

static void minio_fills_a_list(void **state)
{
    (void)state;
    static const char *const elements[] = {
        "changed cap-access a.txt",
        "changed cap-access a.txt",
        "changed cap-access a.txt",
        "changed cap-access dir a/\xC3\xBC+b=c.txt",
        "changed cap-access docs/year=2024/x&y%41.txt",
        "changed cap-access dir a/\xC3\xBC+b=c.txt",
    };
    static const char *const pushes[] = {
        "minio-redis-access-0-put.json",          "minio-redis-access-1-overwrite.json",
        "minio-redis-access-2-delete.json",       "minio-redis-access-3-put-special.json",
        "minio-redis-access-4-put-special2.json", "minio-redis-access-5-delete-special.json",
    };
    expect_bodies("minio-redis-access-final.json", elements, T_COUNT(elements));
    for (size_t i = 0; i < T_COUNT(pushes); i++) {
        struct t_text text = t_load(pushes[i]);
        cJSON *argv = cJSON_ParseWithLength(text.ptr, text.len);
        assert_string_equal(cJSON_GetStringValue(cJSON_GetArrayItem(argv, 0)), "RPUSH");
        const char *element = cJSON_GetStringValue(cJSON_GetArrayItem(argv, 2));
        t_expect(bkt_str_from(element), BKT_KEY_QUEUED, elements[i]);
        cJSON_Delete(argv);
        free(text.ptr);
    }
}

/* What HGETALL shows at the end: the one object that is left. */
static void minio_leaves_a_hash(void **state)
{
    (void)state;
    struct t_text text = t_load("minio-redis-namespace-final.json");
    cJSON *hash = cJSON_ParseWithLength(text.ptr, text.len);
    assert_int_equal(cJSON_GetArraySize(hash), 1);

    struct bkt_event event;
    assert_true(bkt_redis_read_field(bkt_str_from(hash->child->string), &event));
    struct t_line line = {0};
    t_line_add_events(&line, &event, 1);
    assert_string_equal(line.text, "changed cap-namespace docs/year=2024/x&y%41.txt");
    t_expect(bkt_str_from(hash->child->valuestring), BKT_KEY_QUEUED, line.text);
    cJSON_Delete(hash);
    free(text.ptr);
}

static void minio_changes_a_hash(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        const char *command;
        const char *expected;
    } cases[] = {
        {"minio-redis-namespace-0-put.json", "HSET", "changed cap-namespace a.txt"},
        {"minio-redis-namespace-1-overwrite.json", "HSET", "changed cap-namespace a.txt"},
        {"minio-redis-namespace-2-delete.json", "HDEL", "changed cap-namespace a.txt"},
        {"minio-redis-namespace-3-put-special.json", "HSET",
         "changed cap-namespace dir a/\xC3\xBC+b=c.txt"},
        {"minio-redis-namespace-4-put-special2.json", "HSET",
         "changed cap-namespace docs/year=2024/x&y%41.txt"},
        {"minio-redis-namespace-5-delete-special.json", "HDEL",
         "changed cap-namespace dir a/\xC3\xBC+b=c.txt"},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# %s\n", cases[i].file);
        struct t_text text = t_load(cases[i].file);
        cJSON *argv = cJSON_ParseWithLength(text.ptr, text.len);
        assert_string_equal(cJSON_GetStringValue(cJSON_GetArrayItem(argv, 0)), cases[i].command);

        const char *field = cJSON_GetStringValue(cJSON_GetArrayItem(argv, 2));
        struct bkt_event event;
        assert_true(bkt_redis_read_field(bkt_str_from(field), &event));
        struct t_line line = {0};
        t_line_add_events(&line, &event, 1);
        assert_string_equal(line.text, cases[i].expected);

        /* The value, where there is one, tells the same story with the key encoded. */
        const char *value = cJSON_GetStringValue(cJSON_GetArrayItem(argv, 3));
        if (value)
            t_expect(bkt_str_from(value), BKT_KEY_QUEUED, cases[i].expected);
        cJSON_Delete(argv);
        free(text.ptr);
    }
}

static void minio_calls_a_webhook(void **state)
{
    (void)state;
    static const char *const expected[] = {
        "changed ev1795384324 docs/a.txt",
        "changed ev1795384324 docs/a.txt",
        "changed ev1795384324 docs/a.txt",
        "changed ev1795384324 docs/mpu.bin",
    };
    struct t_text text = t_load("minio-webhook.jsonl");
    const char *end = text.ptr;
    for (size_t i = 0; i < T_COUNT(expected); i++) {
        size_t left = text.len - (size_t)(end - text.ptr);
        cJSON *request = cJSON_ParseWithLengthOpts(end, left, &end, false);
        assert_non_null(request);
        const char *body = cJSON_GetStringValue(cJSON_GetObjectItem(request, "body"));
        t_expect(bkt_str_from(body), BKT_KEY_QUEUED, expected[i]);
        cJSON_Delete(request);
    }
    free(text.ptr);
}

static int collect(void *ctx, const struct bkt_event *events, size_t count)
{
    t_line_add_events(ctx, events, count);
    return BKT_OK;
}

static void minio_streams(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        const char *expected;
    } cases[] = {
        {"minio-listen-plain.jsonl",
         "changed ev1795385010 docs/a.txt; changed ev1795385010 docs/a.txt; "
         "changed ev1795385010 " ODD "; changed ev1795385010 docs/copy.txt; "
         "changed ev1795385010 docs/mpu.bin; changed ev1795385010 docs/a.txt; "
         "changed ev1795385010 docs/copy.txt; changed ev1795385010 docs/mpu.bin; "
         "changed ev1795385010 docs/never"},
        {"minio-listen-suffix.jsonl",
         "changed ev1795385010 docs/mpu.bin; changed ev1795385010 docs/mpu.bin"},
        {"minio-listen-versioned.jsonl",
         "changed ev1795385010v docs/a.txt; changed ev1795385010v docs/a.txt; "
         "changed ev1795385010v " ODD "; changed ev1795385010v docs/copy.txt; "
         "changed ev1795385010v docs/mpu.bin; changed ev1795385010v other/skip.txt; "
         "changed ev1795385010v docs/a.txt; changed ev1795385010v docs/copy.txt; "
         "changed ev1795385010v docs/mpu.bin; changed ev1795385010v docs/never; "
         "changed ev1795385010v docs/a.txt; changed ev1795385010v docs/a.txt"},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        struct t_text text = t_load(cases[i].file);
        for (size_t piece = 1; piece < 5000; piece = piece * 3 + 1) {
            print_message("# %s in pieces of %zu bytes\n", cases[i].file, piece);
            struct bkt_listen_stream stream;
            bkt_listen_stream_init(&stream);
            struct t_line line = {0};
            for (size_t at = 0; at < text.len; at += piece) {
                size_t len = text.len - at < piece ? text.len - at : piece;
                struct bkt_str part = {text.ptr + at, len};
                assert_int_equal(bkt_listen_stream_feed(&stream, part, collect, &line), BKT_OK);
            }
            assert_string_equal(line.text, cases[i].expected);
            assert_int_equal(stream.lost_count, 0);
            bkt_listen_stream_clear(&stream);
        }
        free(text.ptr);
    }
    assert_int_equal(bkt_mem_live(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moto_sends_s3_records), cmocka_unit_test(minio_fills_a_list),
        cmocka_unit_test(minio_changes_a_hash),  cmocka_unit_test(minio_leaves_a_hash),
        cmocka_unit_test(minio_calls_a_webhook), cmocka_unit_test(minio_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
