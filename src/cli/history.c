#include "cli/history.h"

#include "cli/cli.h"

#include <string.h>

void cli_history_init(struct cli_history *history, int64_t now_ms)
{
    history->started_ms = now_ms;
    (void)pthread_mutex_init(&history->mutex, NULL);
}

bool cli_history_is_stale(struct cli_history *history, int64_t now_ms, int64_t limit_ms)
{
    (void)pthread_mutex_lock(&history->mutex);
    size_t last = (history->sample_next + CLI_HISTORY_SAMPLES - 1) % CLI_HISTORY_SAMPLES;
    int64_t at_ms = history->sample_count > 0 ? history->samples[last].at_ms : history->started_ms;
    (void)pthread_mutex_unlock(&history->mutex);
    return now_ms - at_ms > limit_ms;
}

void cli_history_clear(struct cli_history *history)
{
    (void)pthread_mutex_destroy(&history->mutex);
}

void cli_history_sample(struct cli_history *history, const struct bkt_stats *stats)
{
    const struct bkt_counts *counts = &stats->counts;
    (void)pthread_mutex_lock(&history->mutex);
    history->samples[history->sample_next] = (struct cli_history_sample){
        .at_ms = stats->now_ms,
        .rows = stats->rows,
        .changes = counts->added + counts->updated + counts->deleted,
        .lag_s = stats->lag_s,
    };
    history->sample_next = (history->sample_next + 1) % CLI_HISTORY_SAMPLES;
    history->sample_count += history->sample_count < CLI_HISTORY_SAMPLES;
    (void)pthread_mutex_unlock(&history->mutex);
}

void cli_history_note(struct cli_history *history,
                      int64_t now_ms,
                      const char *what,
                      const char *key,
                      size_t key_len,
                      const char *reason)
{
    (void)pthread_mutex_lock(&history->mutex);
    struct cli_history_notes *notes = *reason ? &history->failures : &history->changes;
    struct cli_history_note *note = &notes->all[notes->next];
    note->at_ms = now_ms;
    note->what = what;
    note->key_len = key_len < CLI_HISTORY_KEY_BYTES ? key_len : CLI_HISTORY_KEY_BYTES;
    if (key)
        memcpy(note->key, key, note->key_len);
    (void)snprintf(note->reason, sizeof(note->reason), "%s", reason);
    notes->next = (notes->next + 1) % CLI_HISTORY_NOTES;
    notes->count += notes->count < CLI_HISTORY_NOTES;
    (void)pthread_mutex_unlock(&history->mutex);
}

static void write_samples(const struct cli_history *history, FILE *out)
{
    size_t at = history->sample_next + CLI_HISTORY_SAMPLES - history->sample_count;
    (void)fputs("\"samples\":[", out);
    for (size_t i = 0; i < history->sample_count; i++) {
        const struct cli_history_sample *sample = &history->samples[(at + i) % CLI_HISTORY_SAMPLES];
        (void)fprintf(out, "%s[%lld,%llu,%llu,%.3f]", i > 0 ? "," : "", (long long)sample->at_ms,
                      (unsigned long long)sample->rows, (unsigned long long)sample->changes,
                      sample->lag_s);
    }
    (void)fputc(']', out);
}

static void write_notes(const char *name, const struct cli_history_notes *notes, FILE *out)
{
    (void)fprintf(out, ",\"%s\":[", name);
    for (size_t i = 1; i <= notes->count; i++) {
        const struct cli_history_note *note =
            &notes->all[(notes->next + CLI_HISTORY_NOTES - i) % CLI_HISTORY_NOTES];
        (void)fprintf(out, "%s{\"at\":%lld,\"what\":\"%s\"", i > 1 ? "," : "",
                      (long long)note->at_ms, note->what);
        if (note->key_len > 0) {
            (void)fputc(',', out);
            (void)!bkt_text_json("filename", note->key, note->key_len, cli_write, out);
        }
        if (*note->reason) {
            (void)fputc(',', out);
            (void)!bkt_text_json("reason", note->reason, strlen(note->reason), cli_write, out);
        }
        (void)fputc('}', out);
    }
    (void)fputc(']', out);
}

void cli_history_write(struct cli_history *history, FILE *out)
{
    (void)pthread_mutex_lock(&history->mutex);
    write_samples(history, out);
    write_notes("changes", &history->changes, out);
    write_notes("failures", &history->failures, out);
    (void)pthread_mutex_unlock(&history->mutex);
}
