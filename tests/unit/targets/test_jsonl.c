/*
 * The conformance suite over a log of JSON lines with its state, and what only a log has: its
 * lines to the letter, half lines, disks that are full, readers that leave.
 */
#include "targets/jsonl.h"

#include "core/json_write.h"
#include "targets/log_fold.h"
#include "targets/state_target.h"
#include "targets/target_conformance.h"

#include <bucketable/error.h>

#include "t.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/bkt-jsonl-XXXXXX";
static char path[64];
static char state_path[80];

static const struct bkt_table_spec plain = {.source = {"s3://bucket", 11}, .spec = {"{}", 2}};

static void forget(void *ctx)
{
    (void)ctx;
    target_remove(path);
    target_remove(state_path);
}

static int open_log(const char *log, struct bkt_table_target *out_target, struct bkt_error *err)
{
    void *jsonl = NULL;
    int rc = bkt_jsonl_new(log, &jsonl, err);
    if (rc)
        return rc;
    rc = bkt_state_target_new(&bkt_jsonl_ops, jsonl, state_path, out_target, err);
    if (rc)
        bkt_jsonl_ops.free(jsonl);
    return rc;
}

static int open_table(void *ctx, struct bkt_table_target *out_target, struct bkt_error *err)
{
    (void)ctx;
    return open_log(path, out_target, err);
}

static bool read_row(void *ctx, struct bkt_str key, struct bkt_buf *content, bool *out_is_bytes)
{
    (void)ctx;
    return log_read_row(path, key, content, out_is_bytes);
}

static bool read_column(void *ctx, struct bkt_str key, const char *column, struct bkt_buf *text)
{
    (void)ctx;
    return log_read_column(path, key, column, text);
}

static int attach_to(const char *log,
                     const struct bkt_table_spec *spec,
                     struct bkt_table_target *t,
                     struct bkt_error *err)
{
    struct bkt_attached attached;
    assert_int_equal(open_log(log, t, err), BKT_OK);
    return t->ops->attach(t->self, spec, &attached, err);
}

static struct bkt_table_target open_attached(const struct bkt_table_spec *spec)
{
    struct bkt_error err = {0};
    struct bkt_table_target t;
    if (attach_to(path, spec, &t, &err))
        fail_msg("%s", err.message);
    return t;
}

static struct bkt_change put(const char *key, struct bkt_str content)
{
    return (struct bkt_change){
        .op = BKT_CHANGE_UPSERT,
        .object = {.key = bkt_str_from(key), .etag = BKT_STR("e"), .size = content.len},
        .content = content,
        .read_at = INT64_MAX,
    };
}

static int apply(struct bkt_table_target t,
                 struct bkt_change *changes,
                 size_t count,
                 struct bkt_error *err)
{
    struct bkt_clock clock;
    return t.ops->apply(t.self, changes, count, true, &clock, err);
}

static void write_file(const char *text)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    (void)fputs(text, file);
    (void)fclose(file);
}

static void assert_file(const char *text)
{
    char found[2048] = "";
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t len = fread(found, 1, sizeof(found) - 1, file);
    (void)fclose(file);
    found[len] = '\0';
    assert_string_equal(found, text);
}

static void lines_are_what_the_manual_says(void **state)
{
    (void)state;
    struct bkt_table_spec spec = plain;
    spec.columns = (1u << BKT_COLUMN_COUNT) - 1;
    struct bkt_error err = {0};
    struct bkt_table_target t = open_attached(&spec);
    struct bkt_change changes[] = {put("a \"q\"", BKT_STR("1\n\0\xc3\xa9")),
                                   put("b", BKT_STR("\xff\x00")), put("c\xff", BKT_STR(""))};
    changes[0].object.last_modified_ms = 1700000000250;
    changes[0].extra = (struct bkt_object_extra){.version_id = BKT_STR("v"),
                                                 .content_type = BKT_STR("text/\xff"),
                                                 .metadata = BKT_STR("{\"m\":\"1\"}")};
    changes[1].content_is_bytes = true;
    changes[1].object.etag = BKT_STR("");
    changes[1].object.last_modified_ms = INT64_MIN;
    changes[2].op = BKT_CHANGE_DELETE;
    assert_int_equal(apply(t, changes, T_COUNT(changes), &err), BKT_OK);
    t.ops->free(t.self);
    assert_file(
        "{\"op\":\"upsert\",\"filename\":\"a \\\"q\\\"\",\"content\":\"1\\n\\u0000\xc3\xa9\","
        "\"etag\":\"e\",\"size\":5,\"last_modified\":\"2023-11-14T22:13:20.250Z\","
        "\"version_id\":\"v\",\"storage_class\":\"STANDARD\","
        "\"content_type_base64\":\"dGV4dC//\",\"metadata\":{\"m\":\"1\"}}\n"
        "{\"op\":\"upsert\",\"filename\":\"b\",\"content_base64\":\"/wA=\",\"etag\":null,"
        "\"size\":2,\"last_modified\":null,\"version_id\":null,"
        "\"storage_class\":\"STANDARD\",\"content_type\":null,\"metadata\":{}}\n"
        "{\"op\":\"delete\",\"filename_base64\":\"Y/8=\"}\n");
}

static void a_half_line_of_a_killed_run_goes(void **state)
{
    (void)state;
    static const char whole[] = "{\"op\":\"delete\",\"filename\":\"x\"}\n";
    static const char *const logs[] = {"{\"op\":\"delete\",\"filename\":\"x\"}\n{\"op\":\"ups",
                                       "{\"op\":\"delete\",\"filename\":\"x\"}\n"};
    for (size_t i = 0; i < T_COUNT(logs); i++) {
        forget(NULL);
        struct bkt_table_target t = open_attached(&plain);
        t.ops->free(t.self);
        write_file(logs[i]);
        t = open_attached(&plain);
        t.ops->free(t.self);
        assert_file(whole);
    }
    write_file("{\"op\":\"ups");
    struct bkt_table_target t = open_attached(&plain);
    t.ops->free(t.self);
    assert_file("");
}

static void a_half_line_may_be_long(void **state)
{
    (void)state;
    struct bkt_table_target t = open_attached(&plain);
    t.ops->free(t.self);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    (void)fputs("{}\n", file);
    for (int i = 0; i < 200000; i++)
        (void)fputc('x', file);
    (void)fclose(file);
    t = open_attached(&plain);
    t.ops->free(t.self);
    assert_file("{}\n");
}

/* Large contents are escaped and written piece by piece: the line is the same. */
static void a_large_content_is_one_line(void **state)
{
    (void)state;
    enum { LARGE_BYTES = (3 << 20) + 1 };
    struct bkt_buf content = BKT_BUF_INIT(SIZE_MAX / 2);
    struct bkt_buf expected = BKT_BUF_INIT(SIZE_MAX / 2);
    for (size_t i = 0; i < LARGE_BYTES; i++)
        assert_int_equal(bkt_buf_append_char(&content, "a\"\xc3\xa9\n"[i % 5]), BKT_OK);
    for (int is_bytes = 0; is_bytes < 2; is_bytes++) {
        forget(NULL);
        /* Cut off in the middle of a character it is no text any more. */
        struct bkt_str bytes = {content.ptr, content.len - (size_t)is_bytes};
        struct bkt_table_target t = open_attached(&plain);
        struct bkt_change change = put("a", bytes);
        assert_int_equal(apply(t, &change, 1, NULL), BKT_OK);
        t.ops->free(t.self);

        bkt_buf_reset(&expected);
        int rc = bkt_buf_printf(&expected, "{\"op\":\"upsert\",\"filename\":\"a\",");
        if (!rc)
            rc = bkt_json_append_field(&expected, "content", bytes);
        if (!rc)
            rc = bkt_buf_append(&expected, BKT_STR("}\n"));
        assert_int_equal(rc, BKT_OK);
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        char *found = malloc(expected.len + 1);
        assert_non_null(found);
        assert_int_equal(fread(found, 1, expected.len + 1, file), expected.len);
        assert_memory_equal(found, expected.ptr, expected.len);
        assert_true((strstr(expected.ptr, "content_base64") != NULL) == (is_bytes == 1));
        free(found);
        (void)fclose(file);
    }
    bkt_buf_clear(&content);
    bkt_buf_clear(&expected);
}

static void lines_without_their_state_are_refused(void **state)
{
    (void)state;
    write_file("{\"op\":\"delete\",\"filename\":\"x\"}\n");
    struct bkt_error err = {0};
    struct bkt_table_target t;
    for (int i = 0; i < 2; i++) { /* the first try makes no state */
        assert_int_equal(attach_to(path, &plain, &t, &err), BKT_EFOREIGN);
        assert_non_null(strstr(err.message, path));
        t.ops->free(t.self);
    }
    assert_file("{\"op\":\"delete\",\"filename\":\"x\"}\n");
}

static void what_cannot_be_opened_says_so(void **state)
{
    (void)state;
    struct bkt_error err = {0};
    struct bkt_table_target t;
    assert_int_equal(attach_to(folder, &plain, &t, &err), BKT_ETARGET);
    assert_non_null(strstr(err.message, "Is a directory"));
    t.ops->free(t.self);
}

static void a_batch_that_does_not_fit_leaves_whole_lines(void **state)
{
    (void)state;
    enum { LARGE = 3 << 20 };
    struct bkt_error err = {0};
    struct bkt_table_target t = open_attached(&plain);
    struct bkt_change small = put("a", BKT_STR("A"));
    assert_int_equal(apply(t, &small, 1, &err), BKT_OK);

    char *content = malloc(LARGE);
    assert_non_null(content);
    memset(content, 'x', LARGE);
    struct bkt_change changes[] = {put("b", BKT_STR("B")),
                                   put("c", (struct bkt_str){content, LARGE})};
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit limit = {1 << 20, before.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    int rc = apply(t, changes, 2, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(rc, BKT_ETARGET);
    assert_non_null(strstr(err.message, path));
    assert_int_equal(log_count_lines(path), 1);

    /* With room again, the same handle goes on. */
    assert_int_equal(apply(t, changes, 2, &err), BKT_OK);
    assert_int_equal(log_count_lines(path), 3);
    (void)signal(SIGXFSZ, handler);
    free(content);
    t.ops->free(t.self);
}

static void a_reader_that_leaves_is_told_apart(void **state)
{
    (void)state;
    int ends[2];
    char name[32];
    assert_int_equal(pipe(ends), 0);
    (void)snprintf(name, sizeof(name), "/proc/self/fd/%d", ends[1]);
    struct bkt_error err = {0};
    struct bkt_table_target t;
    if (attach_to(name, &plain, &t, &err))
        fail_msg("%s", err.message);
    struct bkt_change change = put("a", BKT_STR("A"));
    assert_int_equal(apply(t, &change, 1, &err), BKT_OK);
    (void)close(ends[0]);
    (void)close(ends[1]);
    /* SIGPIPE has its default here: the call must not raise it. */
    change = put("b", BKT_STR("B"));
    assert_int_equal(apply(t, &change, 1, &err), BKT_ECLOSED);
    t.ops->free(t.self);
}

/* With an argument the conformance suite: one plan of tests a run. */
int main(int argc, char **argv)
{
    (void)argv;
    if (!mkdtemp(folder))
        return 1;
    (void)snprintf(path, sizeof(path), "%s/t.jsonl", folder);
    (void)snprintf(state_path, sizeof(state_path), "%s.state", path);
    static const struct target_kit kit = {
        .forget = forget,
        .open = open_table,
        .read_row = read_row,
        .read_column = read_column,
        .can_hold_nul = false, /* the reader here cannot; the log can, see above */
        .can_hold_bytes = true,
        .is_whole = true,
    };
    const struct CMUnitTest tests[] = {
        TARGET_TEST(lines_are_what_the_manual_says),
        TARGET_TEST(a_half_line_of_a_killed_run_goes),
        TARGET_TEST(a_half_line_may_be_long),
        TARGET_TEST(a_large_content_is_one_line),
        TARGET_TEST(lines_without_their_state_are_refused),
        TARGET_TEST(what_cannot_be_opened_says_so),
        TARGET_TEST(a_batch_that_does_not_fit_leaves_whole_lines),
        TARGET_TEST(a_reader_that_leaves_is_told_apart),
    };
    int failed =
        argc > 1 ? target_conformance(&kit) : target_tests(&kit, "jsonl", tests, T_COUNT(tests));
    forget(NULL);
    (void)rmdir(folder);
    return failed;
}
