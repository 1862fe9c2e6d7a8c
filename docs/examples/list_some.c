/*
 * The rows between two keys, and the first line of those that are small:
 *
 *     cc list_some.c $(pkg-config --cflags --libs bucketable) -o list_some &&
 *         ./list_some s3://my-docs docs/2024/03 docs/2024/04
 *
 * Only that range is listed, and only small objects are read.
 */
#include <bucketable/bucketable.h>
#include <stdio.h>
#include <string.h>

enum { SMALL_BYTES = 4096 };

static int show(struct bkt_listing *listing, const struct bkt_listed *listed, struct bkt_error *err)
{
    (void)printf("%.*s\t%llu", (int)listed->key_len, listed->key, (unsigned long long)listed->size);
    if (listed->size <= SMALL_BYTES) {
        const struct bkt_row *row;
        int rc = bkt_listing_row(listing, &row, err);
        if (rc)
            return rc;
        const char *end = memchr(row->content, '\n', row->content_len);
        size_t line_len = end ? (size_t)(end - row->content) : row->content_len;
        (void)printf("\t%.*s", (int)line_len, row->content);
    }
    (void)putchar('\n');
    return BKT_OK;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        (void)fprintf(stderr, "usage: list_some s3://BUCKET FROM TO\n");
        return 2;
    }
    struct bkt_listing_options options = {
        .size = sizeof(options),
        .order = BKT_ROWS_KEY_ORDER,
        .from = argv[2],
        .from_len = strlen(argv[2]),
        .to = argv[3],
        .to_len = strlen(argv[3]),
        .to_is_excluded = true,
    };
    struct bkt_error err = {.code = BKT_OK};
    struct bkt_config *config = NULL;
    struct bkt_source *source = NULL;
    struct bkt_listing *listing = NULL;
    const struct bkt_listed *listed = NULL;
    int rc = bkt_config_new(&config, &err);
    if (rc == BKT_OK)
        rc = bkt_config_source(config, argv[1], &err);
    if (rc == BKT_OK)
        rc = bkt_source_new(config, &source, &err);
    if (rc == BKT_OK)
        rc = bkt_listing_open(source, &options, &listing, &err);
    while (rc == BKT_OK && (rc = bkt_listing_next(listing, &listed, &err)) == BKT_OK && listed)
        rc = show(listing, listed, &err);
    if (rc)
        (void)fprintf(stderr, "list_some: %s\n", err.message);
    bkt_listing_close(listing);
    bkt_source_free(source);
    bkt_config_free(config);
    return rc ? 1 : 0;
}
