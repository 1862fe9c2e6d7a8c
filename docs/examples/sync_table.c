/*
 * A table in an SQLite file made equal to a bucket, with progress, a log and a stop on Ctrl-C:
 *
 *     cc sync_table.c $(pkg-config --cflags --libs bucketable) -o sync_table &&
 *         ./sync_table s3://my-docs/docs/ docs.db
 */
#include <bucketable/bucketable.h>
#include <signal.h>
#include <stdio.h>

static struct bkt_sync *syncing;

static void stop(int number)
{
    (void)number;
    bkt_sync_stop(syncing); /* may be called in a signal handler */
}

static void show_progress(void *ctx, const struct bkt_counts *counts)
{
    (void)ctx;
    (void)fprintf(stderr, "\r%llu listed, %llu new", (unsigned long long)counts->listed,
                  (unsigned long long)counts->added);
}

/* Also which objects could not be rows, and why: there is no callback that takes it. */
static void say(void *ctx, enum bkt_log_level level, const char *message)
{
    (void)ctx;
    (void)fprintf(stderr, "\rsync_table: %s: %s\n", bkt_log_level_name(level), message);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        (void)fprintf(stderr, "usage: sync_table s3://BUCKET/PREFIX FILE\n");
        return 2;
    }
    struct bkt_sync_callbacks callbacks = {
        .size = sizeof(callbacks),
        .progress = show_progress,
    };
    struct bkt_error err = {.code = BKT_OK};
    struct bkt_config *config = NULL;
    struct bkt_counts counts = {0};
    if (bkt_config_new(&config, &err)) {
        (void)fprintf(stderr, "sync_table: %s\n", err.message);
        return 1;
    }
    bkt_config_set_log(config, BKT_LOG_INFO, say, NULL);
    if (bkt_config_source(config, argv[1], &err) || bkt_config_set(config, "url", argv[2], &err) ||
        bkt_sync_new(config, &callbacks, &syncing, &err)) {
        (void)fprintf(stderr, "sync_table: %s\n", err.message);
        bkt_config_free(config);
        return 1;
    }
    (void)signal(SIGINT, stop);
    int rc = bkt_sync_run(syncing, &counts, &err);
    (void)signal(SIGINT, SIG_DFL);
    (void)fputc('\n', stderr);
    if (rc)
        (void)fprintf(stderr, "sync_table: %s\n", err.message);
    (void)printf("%llu rows, %llu failed\n", (unsigned long long)counts.matched,
                 (unsigned long long)counts.failed);
    bkt_sync_free(syncing);
    bkt_config_free(config);
    return rc || counts.failed > 0 ? 1 : 0;
}
