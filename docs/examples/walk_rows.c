/*
 * All rows of a bucket, contents and all, as tab-separated lines of key, bytes and first line:
 *
 *     cc walk_rows.c $(pkg-config --cflags --libs bucketable) -o walk_rows &&
 *         ./walk_rows s3://my-docs/docs/ '*.md'
 *
 * Many objects are read at a time, and rows come as they arrive; with BKT_ROWS_KEY_ORDER, as here,
 * in the order of their keys.
 */
#include <bucketable/bucketable.h>
#include <stdio.h>
#include <string.h>

static void tell_failure(void *ctx, const char *key, size_t key_len, const char *reason)
{
    size_t *failures = ctx;
    ++*failures;
    (void)fprintf(stderr, "walk_rows: %.*s: %s\n", (int)key_len, key, reason);
}

static void show(const struct bkt_row *row)
{
    size_t line_len = 0;
    while (line_len < row->content_len && row->content[line_len] != '\n')
        line_len++;
    (void)printf("%.*s\t%zu\t%.*s\n", (int)row->key_len, row->key, row->content_len, (int)line_len,
                 row->content);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        (void)fprintf(stderr, "usage: walk_rows s3://BUCKET/PREFIX [PATTERN...]\n");
        return 2;
    }
    size_t failures = 0;
    struct bkt_rows_options options = {
        .size = sizeof(options),
        .order = BKT_ROWS_KEY_ORDER,
        .failed = tell_failure,
        .ctx = &failures,
    };
    struct bkt_error err = {.code = BKT_OK};
    struct bkt_config *config = NULL;
    struct bkt_rows *rows = NULL;
    const struct bkt_row *row = NULL;
    int rc = bkt_config_new(&config, &err);
    if (rc == BKT_OK)
        rc = bkt_config_source(config, argv[1], &err);
    for (int i = 2; i < argc && rc == BKT_OK; i++)
        rc = bkt_config_add(config, "included_patterns", argv[i], &err);
    if (rc == BKT_OK)
        rc = bkt_rows_open(config, &options, &rows, &err);
    while (rc == BKT_OK && (rc = bkt_rows_next(rows, &row, &err)) == BKT_OK && row)
        show(row);
    if (rc)
        (void)fprintf(stderr, "walk_rows: %s\n", err.message);
    bkt_rows_close(rows);
    bkt_config_free(config);
    return rc || failures > 0 ? 1 : 0;
}
