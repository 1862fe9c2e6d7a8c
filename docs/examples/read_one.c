/*
 * One row: its metadata on standard error, its content on standard output.
 *
 *     cc read_one.c $(pkg-config --cflags --libs bucketable) -o read_one &&
 *         ./read_one s3://my-docs docs/a.md
 */
#include <bucketable/bucketable.h>
#include <stdio.h>
#include <string.h>

static int show(void *ctx, const struct bkt_row *row)
{
    (void)ctx;
    for (size_t i = 0; i < row->column_count; i++) {
        const struct bkt_value *column = &row->columns[i];
        if (column->kind != BKT_VALUE_NULL)
            (void)fprintf(stderr, "%s: %.*s\n", column->name, (int)column->len, column->text);
    }
    return fwrite(row->content, 1, row->content_len, stdout) == row->content_len ? 0 : BKT_EIO;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        (void)fprintf(stderr, "usage: read_one s3://BUCKET KEY\n");
        return 2;
    }
    struct bkt_error err = {.code = BKT_OK};
    struct bkt_config *config = NULL;
    struct bkt_source *source = NULL;
    int rc = bkt_config_new(&config, &err);
    if (rc == BKT_OK)
        rc = bkt_config_source(config, argv[1], &err);
    if (rc == BKT_OK)
        rc = bkt_config_add(config, "columns", "etag,size,last_modified,content_type", &err);
    if (rc == BKT_OK)
        rc = bkt_source_new(config, &source, &err);
    if (rc == BKT_OK)
        rc = bkt_source_row(source, argv[2], strlen(argv[2]), show, NULL, &err);
    if (rc)
        (void)fprintf(stderr, "read_one: %s\n", err.message);
    bkt_source_free(source);
    bkt_config_free(config);
    return rc ? 1 : 0;
}
