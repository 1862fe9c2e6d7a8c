/*
 * Objects a second through the S3 client alone: signed GETs, nothing done with what comes.
 *
 *   bench_gets URL BUCKET KEYS CONNECTIONS [SECONDS]
 *
 * KEYS objects of the stub's shape `flat`, read over and over.
 */
#include "core/time.h"
#include "s3/s3.h"

#include <bucketable/error.h>

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

struct reader {
    struct bkt_s3 *s3;
    uint64_t key_count;
    uint64_t next;
    uint64_t running;
    uint64_t done;
    uint64_t bytes;
    uint64_t size; /* of the last object: a hint for the next one */
    int64_t end_ms;
};

static void die(const char *what, const struct bkt_error *err)
{
    (void)fprintf(stderr, "bench_gets: %s: %s\n", what, err ? err->message : "");
    exit(EXIT_FAILURE);
}

static int get_creds(
    void *ctx, bool renew, uint64_t *generation, struct bkt_creds *creds, struct bkt_error *err)
{
    (void)ctx;
    (void)renew;
    if (*generation > 0)
        return BKT_OK;
    *generation = 1;
    if (bkt_creds_set(creds, BKT_STR("stub"), BKT_STR("stub"), (struct bkt_str){"", 0}) != BKT_OK)
        return bkt_error_set(err, BKT_ENOMEM, "no memory");
    creds->expires_ms = BKT_TIME_NONE;
    return BKT_OK;
}

static void start_one(struct reader *reader);

static void on_object(void *ctx, uint64_t id, struct bkt_s3_object *object)
{
    (void)id;
    struct reader *reader = ctx;
    if (object->answer != BKT_S3_OBJECT)
        die("a GET failed", object->err);
    reader->running--;
    reader->done++;
    reader->size = object->body->len;
    reader->bytes += object->body->len;
    if (bkt_time_monotonic_ms() < reader->end_ms)
        start_one(reader);
}

static void start_one(struct reader *reader)
{
    char key[64];
    int len = snprintf(key, sizeof(key), "object-%09llu.txt",
                       (unsigned long long)(reader->next++ % reader->key_count));
    struct bkt_s3_get get = {
        .key = {key, (size_t)len},
        .size_hint = reader->size,
        .on_object = on_object,
        .ctx = reader,
    };
    struct bkt_error err = {.code = BKT_OK};
    if (bkt_s3_get(reader->s3, &get, &err) != BKT_OK)
        die("a GET did not start", &err);
    reader->running++;
}

static double cpu_s(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void run(struct reader *reader, struct bkt_http *http, uint64_t connections)
{
    struct bkt_error err = {.code = BKT_OK};
    for (uint64_t i = 0; i < connections; i++)
        start_one(reader);
    while (reader->running > 0) {
        bkt_s3_tick(reader->s3, bkt_time_monotonic_ms());
        int wait_ms = bkt_s3_wait_ms(reader->s3, bkt_time_monotonic_ms());
        if (bkt_http_run_once(http, wait_ms, &err) != BKT_OK)
            die("the loop", &err);
    }
}

int main(int argc, char **argv)
{
    if (argc < 5)
        die("URL BUCKET KEYS CONNECTIONS [SECONDS]", NULL);
    uint64_t connections = strtoull(argv[4], NULL, 10);
    int64_t seconds = argc > 5 ? strtoll(argv[5], NULL, 10) : 3;
    struct reader reader = {.key_count = strtoull(argv[3], NULL, 10)};
    /* As the program does. */
    (void)mallopt(M_MMAP_THRESHOLD, 4 << 20);
    (void)mallopt(M_TRIM_THRESHOLD, 128 << 20);
    struct bkt_error err = {.code = BKT_OK};
    struct bkt_http_options http_options = {.connections_max = (uint32_t)connections};
    struct bkt_http *http;
    if (reader.key_count == 0 || connections == 0)
        die("KEYS and CONNECTIONS are at least 1", NULL);
    if (bkt_http_new(&http_options, &http, &err) != BKT_OK)
        die("no loop", &err);
    struct bkt_s3_options options = {
        .http = http,
        .bucket = {.bucket = bkt_str_from(argv[2]),
                   .region = BKT_STR("us-east-1"),
                   .endpoint_url = bkt_str_from(argv[1]),
                   .path_style = BKT_PATH_STYLE_TRUE},
        .retry_time_ms = 10000,
        .creds = get_creds,
    };
    if (bkt_s3_new(&options, &reader.s3, &err) != BKT_OK)
        die("no client", &err);

    int64_t begin_ms = bkt_time_monotonic_ms();
    double begin_cpu_s = cpu_s();
    reader.end_ms = begin_ms + seconds * 1000;
    run(&reader, http, connections);
    double wall_s = (double)(bkt_time_monotonic_ms() - begin_ms) / 1000;
    (void)printf("gets_per_s %.0f\ngets_cpu_us %.2f\ngets_mb_s %.1f\n",
                 (double)reader.done / wall_s, (cpu_s() - begin_cpu_s) * 1e6 / (double)reader.done,
                 (double)reader.bytes / wall_s / 1e6);
    bkt_s3_free(reader.s3);
    bkt_http_free(http);
    return EXIT_SUCCESS;
}
