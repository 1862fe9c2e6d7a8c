#include "sink.h"

#include "core/time.h"

#include <bucketable/error.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

char sink_keys[SINK_BATCH_MAX][SINK_KEY_BYTES];
char sink_contents[SINK_BATCH_MAX][SINK_CONTENT_BYTES + 1];

void sink_make_contents(void)
{
    uint64_t seed = 20240301;
    for (size_t i = 0; i < SINK_BATCH_MAX; i++) {
        for (size_t j = 0; j < SINK_CONTENT_BYTES; j++) {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            sink_contents[i][j] = (char)('a' + seed % 26);
        }
    }
}

void sink_make_keys(size_t first, size_t batch)
{
    for (size_t i = 0; i < batch; i++)
        (void)snprintf(sink_keys[i], sizeof(sink_keys[i]), "folder/%04zu/object-%010zu.txt",
                       (first + i) / 5000, first + i);
}

_Noreturn void sink_die(const char *what)
{
    (void)fprintf(stderr, "benchmark: %s\n", what);
    exit(1);
}

static double cpu_s(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

struct sink_timer sink_timer_start(void)
{
    return (struct sink_timer){bkt_time_monotonic_ms(), cpu_s()};
}

double sink_timer_print(struct sink_timer timer, const char *name, size_t rows)
{
    double seconds = (double)(bkt_time_monotonic_ms() - timer.started_ms) / 1000;
    double rate = (double)rows / seconds;
    (void)printf("%s_rows_per_s %.0f\n%s_cpu_us_per_row %.2f\n", name, rate, name,
                 (cpu_s() - timer.cpu_s) * 1e6 / (double)rows);
    return rate;
}

void sink_attach(struct bkt_table_target target)
{
    struct bkt_table_spec spec = {.source = BKT_STR("s3://bench"), .spec = BKT_STR("{}")};
    struct bkt_attached attached;
    struct bkt_error err = {0};
    if (target.ops->attach(target.self, &spec, &attached, &err))
        sink_die(err.message);
}

static void set_change(struct bkt_change *change, size_t i, size_t content_len)
{
    *change = (struct bkt_change){
        .op = BKT_CHANGE_UPSERT,
        .object = {.key = bkt_str_from(sink_keys[i]),
                   .etag = BKT_STR("0123456789abcdef0123456789abcdef"),
                   .size = content_len,
                   .last_modified_ms = 1700000000000},
        .content = {sink_contents[i], content_len},
        .read_at = INT64_MAX,
    };
}

void sink_fill(struct bkt_table_target target, const struct sink_rows *rows)
{
    static struct bkt_change changes[SINK_BATCH_MAX];
    for (size_t done = 0; done < rows->count; done += rows->batch) {
        struct bkt_error err = {0};
        struct bkt_clock clock;
        sink_make_keys(rows->first + done, rows->batch);
        for (size_t i = 0; i < rows->batch; i++)
            set_change(&changes[i], i, rows->content_len);
        if (target.ops->apply(target.self, changes, rows->batch, false, &clock, &err))
            sink_die(err.message);
    }
}

double sink_measure(struct bkt_table_target target, const char *name, const struct sink_rows *rows)
{
    struct sink_timer timer = sink_timer_start();
    sink_fill(target, rows);
    double rate = sink_timer_print(timer, name, rows->count);
    char again[64];
    (void)snprintf(again, sizeof(again), "%s_update", name);
    timer = sink_timer_start();
    sink_fill(target, rows);
    (void)sink_timer_print(timer, again, rows->count);
    return rate;
}
