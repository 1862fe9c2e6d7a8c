/*
 * A bucket's changes, for a program that keeps the rows itself: here a log on standard output, of
 * "+" or "-", revision and key.
 *
 *     cc follow_changes.c $(pkg-config --cflags --libs bucketable) -o follow_changes &&
 *         ./follow_changes s3://my-docs/docs/ rows.state https://sqs.eu-west-1.amazonaws.com/1/q
 *
 * A group of changes is written, flushed to disk, and only then acknowledged: then its messages are
 * removed from the queue, and the state file tells the next run where this one was.
 */
#include <bucketable/bucketable.h>
#include <stdio.h>
#include <unistd.h>

enum { GROUP_MAX = 1000 };

static void tell_trouble(void *ctx, const char *message, const char *key, size_t key_len)
{
    (void)ctx;
    (void)key;
    (void)key_len;
    (void)fprintf(stderr, "follow_changes: %s\n", message);
}

static void tell_ready(void *ctx)
{
    (void)ctx;
    (void)fprintf(stderr, "ready\n");
}

static int keep(const uint64_t *ids,
                size_t count,
                struct bkt_changes *changes,
                struct bkt_error *err)
{
    /* A pipe or a terminal cannot be synced; a file can. */
    if (fflush(stdout) || (fsync(STDOUT_FILENO) && lseek(STDOUT_FILENO, 0, SEEK_CUR) >= 0))
        return bkt_error_set(err, BKT_EIO, "write the log");
    int rc = BKT_OK;
    for (size_t i = 0; i < count && rc == BKT_OK; i++)
        rc = bkt_changes_ack(changes, ids[i], err);
    return rc;
}

static int follow(struct bkt_changes *changes, struct bkt_error *err)
{
    uint64_t ids[GROUP_MAX];
    size_t count = 0;
    for (;;) {
        const struct bkt_row *row = NULL;
        int rc = bkt_changes_next(changes, -1, &row, &ids[count], err);
        if (rc)
            return rc;
        if (row) {
            (void)printf("%c %llu %.*s\n", row->op == BKT_ROW_UPSERT ? '+' : '-',
                         (unsigned long long)row->revision, (int)row->key_len, row->key);
            count++;
        }
        if (!row || count == GROUP_MAX) {
            rc = keep(ids, count, changes, err);
            count = 0;
        }
        if (rc)
            return rc;
    }
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        (void)fprintf(stderr, "usage: follow_changes s3://BUCKET/PREFIX STATE QUEUE-URL\n");
        return 2;
    }
    struct bkt_changes_options options = {
        .size = sizeof(options),
        .error = tell_trouble,
        .ready = tell_ready,
    };
    struct bkt_error err = {.code = BKT_OK};
    struct bkt_config *config = NULL;
    struct bkt_changes *changes = NULL;
    if (bkt_config_new(&config, &err) == BKT_OK &&
        bkt_config_source(config, argv[1], &err) == BKT_OK &&
        bkt_config_set(config, "state", argv[2], &err) == BKT_OK &&
        bkt_config_set(config, "sqs_queue_url", argv[3], &err) == BKT_OK &&
        bkt_changes_open(config, &options, &changes, &err) == BKT_OK)
        (void)follow(changes, &err);
    (void)fprintf(stderr, "follow_changes: %s\n", err.message);
    bkt_changes_close(changes);
    bkt_config_free(config);
    return 1; /* it ends by failing, or by a signal */
}
