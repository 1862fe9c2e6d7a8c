/*
 * What a status page shows of the past: how rows and changes went in the last hour, and the last
 * changes and failures one by one.
 *
 * Threads: any; each call locks for itself.
 */
#ifndef CLI_HISTORY_H
#define CLI_HISTORY_H

#include <bucketable/bucketable.h>

#include <pthread.h>
#include <stdio.h>

enum {
    CLI_HISTORY_SAMPLES = 360,
    CLI_HISTORY_SAMPLE_MS = 10000,
    CLI_HISTORY_NOTES = 30,
    CLI_HISTORY_KEY_BYTES = 256, /* a longer key is cut */
    CLI_HISTORY_REASON_BYTES = 256,
};

struct cli_history_sample {
    int64_t at_ms; /* wall time */
    uint64_t rows;
    uint64_t changes; /* since the start */
    double lag_s;
};

struct cli_history_note {
    int64_t at_ms;
    const char *what; /* "upsert", "delete", "error" */
    char key[CLI_HISTORY_KEY_BYTES];
    size_t key_len;
    char reason[CLI_HISTORY_REASON_BYTES];
};

/* The newest `count` of a ring end before `next`. */
struct cli_history_notes {
    struct cli_history_note all[CLI_HISTORY_NOTES];
    size_t count, next;
};

struct cli_history {
    pthread_mutex_t mutex; /* guards what follows */
    int64_t started_ms;
    struct cli_history_sample samples[CLI_HISTORY_SAMPLES];
    size_t sample_count, sample_next;
    struct cli_history_notes changes;
    struct cli_history_notes failures;
};

void cli_history_init(struct cli_history *history, int64_t now_ms);
void cli_history_clear(struct cli_history *history);

void cli_history_sample(struct cli_history *history, const struct bkt_stats *stats);

/* No sample was taken for longer than `limit_ms`. */
bool cli_history_is_stale(struct cli_history *history, int64_t now_ms, int64_t limit_ms);

/* `reason` "" for a change; `key` NULL where it is nobody's. */
void cli_history_note(struct cli_history *history,
                      int64_t now_ms,
                      const char *what,
                      const char *key,
                      size_t key_len,
                      const char *reason);

/*
 * `"samples":[[ms,rows,changes,lag],...],"changes":[{...},...],"failures":[...]`: samples oldest
 * first, notes newest first.
 */
void cli_history_write(struct cli_history *history, FILE *out);

#endif
