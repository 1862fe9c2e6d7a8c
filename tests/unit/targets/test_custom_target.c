/*
 * The target of docs/examples/custom_target.c, held to the same suite as our own.
 */
int custom_target_main(int argc, char **argv);

#define main custom_target_main
#include "../../../docs/examples/custom_target.c"
#undef main

#include "targets/state_target.h"
#include "targets/target_conformance.h"

#include "t.h"

#include <stdlib.h>

static char folder[] = "/tmp/bkt-custom-XXXXXX";
static char path[64];
static char state_path[80];

static void forget(void *ctx)
{
    (void)ctx;
    target_remove(path);
    target_remove(state_path);
}

static void close_log(void *self)
{
    struct log *log = self;
    (void)fclose(log->file);
    free(log);
}

/* The example's own main() closes its file; here the target is freed with its handle. */
static int open_table(void *ctx, struct bkt_table_target *out_target, struct bkt_error *err)
{
    (void)ctx;
    struct bkt_target_ops freed = ops;
    freed.free = close_log;
    struct log *log = calloc(1, sizeof(*log));
    assert_non_null(log);
    log->file = fopen(path, "ab");
    assert_non_null(log->file);
    int rc = bkt_state_target_new(&freed, log, state_path, out_target, err);
    if (rc)
        close_log(log);
    return rc;
}

/* One field of a line, unescaped; `*at` moves behind what ended it. */
static void read_field(FILE *file, struct bkt_buf *out, int *out_end)
{
    int c = fgetc(file);
    bkt_buf_reset(out);
    for (; c != EOF && c != '\t' && c != '\n'; c = fgetc(file)) {
        if (c == '\\') {
            c = fgetc(file);
            c = c == 't' ? '\t' : c == 'n' ? '\n' : c;
        }
        assert_int_equal(bkt_buf_append_char(out, (char)c), BKT_OK);
    }
    *out_end = c;
}

static bool read_row(void *ctx, struct bkt_str key, struct bkt_buf *content, bool *out_is_bytes)
{
    (void)ctx;
    struct bkt_buf field = BKT_BUF_INIT(SIZE_MAX / 2);
    bool exists = false;
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    for (int op = fgetc(file); op != EOF; op = fgetc(file)) {
        int end;
        (void)fgetc(file);
        read_field(file, &field, &end);
        bool is_ours = bkt_str_eq(bkt_buf_str(&field), key);
        exists = is_ours ? op == '+' : exists;
        if (op == '+')
            read_field(file, &field, &end);
        if (is_ours && op == '+') {
            bkt_buf_reset(content);
            assert_int_equal(bkt_buf_append(content, bkt_buf_str(&field)), BKT_OK);
        }
        assert_int_equal(end, '\n');
    }
    (void)fclose(file);
    bkt_buf_clear(&field);
    *out_is_bytes = false;
    return exists;
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    (void)snprintf(path, sizeof(path), "%s/rows.tsv", folder);
    (void)snprintf(state_path, sizeof(state_path), "%s.state", path);
    static const struct target_kit kit = {
        .forget = forget,
        .open = open_table,
        .read_row = read_row,
        .can_hold_nul = true,
        .can_hold_bytes = true,
        .is_whole = true,
        .is_untyped = true,
        .large_bytes = 4 << 20, /* it writes, and this reads, a byte at a time */
    };
    int failed = target_conformance(&kit);
    forget(NULL);
    (void)rmdir(folder);
    return failed;
}
