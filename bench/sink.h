/*
 * What the benchmarks of targets share: rows of 1 KB, what they cost, and a target that is filled
 * with them.  Keys ascend, as a listing brings them.
 *
 * Threads: one, for all of it.
 */
#ifndef BENCH_SINK_H
#define BENCH_SINK_H

#include "table/table_target.h"

enum { SINK_BATCH_MAX = 8000, SINK_CONTENT_BYTES = 1024, SINK_KEY_BYTES = 64 };

/* Of the batch: key `i` is sink_keys[i], its content sink_contents[i], both with a NUL behind. */
extern char sink_keys[SINK_BATCH_MAX][SINK_KEY_BYTES];
extern char sink_contents[SINK_BATCH_MAX][SINK_CONTENT_BYTES + 1];

/* Text that does not compress away, made once: every batch has it under other keys. */
void sink_make_contents(void);

/* The keys of a batch that begins with row `first`. */
void sink_make_keys(size_t first, size_t batch);

/* Print a line on stderr and exit with 1. */
_Noreturn void sink_die(const char *what);

struct sink_timer {
    int64_t started_ms;
    double cpu_s;
};

struct sink_timer sink_timer_start(void);

/* Print NAME_rows_per_s and NAME_cpu_us_per_row of what came since; gives the rate. */
double sink_timer_print(struct sink_timer timer, const char *name, size_t rows);

/* Attach the target to a bucket of its own. */
void sink_attach(struct bkt_table_target target);

struct sink_rows {
    size_t first;
    size_t count;
    size_t batch; /* at most SINK_BATCH_MAX; `count` is a multiple */
    size_t content_len;
};

/* Apply rows that have been read just now. */
void sink_fill(struct bkt_table_target target, const struct sink_rows *rows);

/* Apply them twice, and print what it cost: NAME with new keys, NAME_update with known ones.  Gives
 * the first rate. */
double sink_measure(struct bkt_table_target target, const char *name, const struct sink_rows *rows);

#endif
