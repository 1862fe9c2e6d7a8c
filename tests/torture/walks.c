#include "torture/walks.h"

#include "cli/cli.h"

#include <signal.h>
#include <stdio.h>

static bool some_failed;

static void tell_failure(void *ctx, const char *key, size_t key_len, const char *reason)
{
    (void)ctx;
    some_failed = true;
    (void)fprintf(stderr, "bucketable: %.*s: %s\n", (int)key_len, key, reason);
}

static int walk_rows(const struct bkt_config *config, unsigned order, struct bkt_error *err)
{
    struct bkt_rows_options options = {
        .size = sizeof(options), .order = order, .failed = tell_failure};
    struct bkt_rows *rows = NULL;
    const struct bkt_row *row = NULL;
    int rc = bkt_rows_open(config, &options, &rows, err);
    while (rc == BKT_OK && (rc = bkt_rows_next(rows, &row, err)) == BKT_OK && row)
        (void)printf("%.*s %.*s\n", (int)row->key_len, row->key, (int)row->content_len,
                     row->content);
    bkt_rows_close(rows);
    return rc;
}

static int rows_any(const struct bkt_config *config, struct bkt_error *err)
{
    return walk_rows(config, BKT_ROWS_ANY_ORDER, err);
}

static int rows_by_key(const struct bkt_config *config, struct bkt_error *err)
{
    return walk_rows(config, BKT_ROWS_KEY_ORDER, err);
}

static volatile sig_atomic_t is_told_to_end;

static void end(int number)
{
    (void)number;
    is_told_to_end = 1;
}

/* Acknowledges each change at once; a run ends by SIGTERM. */
static int changes(const struct bkt_config *config, struct bkt_error *err)
{
    enum { LOOK_MS = 20 };
    (void)signal(SIGTERM, end);
    struct bkt_changes *changes = NULL;
    int rc = bkt_changes_open(config, NULL, &changes, err);
    while (rc == BKT_OK && !is_told_to_end) {
        const struct bkt_row *row = NULL;
        uint64_t id;
        rc = bkt_changes_next(changes, LOOK_MS, &row, &id, err);
        if (rc || !row)
            continue;
        (void)printf("%c %.*s\n", row->op == BKT_ROW_UPSERT ? '+' : '-', (int)row->key_len,
                     row->key);
        (void)fflush(stdout);
        rc = bkt_changes_ack(changes, id, err);
    }
    bkt_changes_close(changes);
    return rc;
}

const struct walk walks[] = {
    {"rows", rows_any}, {"rows-by-key", rows_by_key}, {"changes", changes}, {0}};

int walk_run(const struct walk *walk, int argc, char **argv)
{
    static char watch[] = "watch";
    argv[1] = watch;
    struct cli_args args = {0};
    struct bkt_error err = {.code = BKT_OK};
    int status = cli_parse(argc, argv, &args);
    if (status == CLI_DONE && walk->run(args.config, &err)) {
        (void)fprintf(stderr, "bucketable: %s\n", err.message);
        status = CLI_FAILED;
    }
    bkt_config_free(args.config);
    if (status == CLI_DONE && some_failed)
        status = CLI_SOME_FAILED;
    return status;
}
