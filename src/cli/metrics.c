#include "cli/metrics.h"

#include "cli/cli.h"

#include <string.h>

static const char *const operations[BKT_STATS_OPERATIONS] = {"list", "get", "other"};
static const char *const answers[BKT_STATS_ANSWERS] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};

static void head(FILE *out, const char *name, const char *type, const char *help)
{
    (void)fprintf(out, "# HELP bucketable_%s %s\n# TYPE bucketable_%s %s\n", name, help, name,
                  type);
}

static void one(FILE *out, const char *name, const char *type, const char *help, double value)
{
    head(out, name, type, help);
    (void)fprintf(out, "bucketable_%s %.17g\n", name, value);
}

static void write_table(const struct bkt_stats *stats, FILE *out)
{
    const struct bkt_counts *counts = &stats->counts;
    one(out, "rows", "gauge", "Rows of the table.", (double)stats->rows);
    head(out, "changes_total", "counter", "Rows that were written or removed.");
    (void)fprintf(out,
                  "bucketable_changes_total{kind=\"added\"} %llu\n"
                  "bucketable_changes_total{kind=\"updated\"} %llu\n"
                  "bucketable_changes_total{kind=\"deleted\"} %llu\n",
                  (unsigned long long)counts->added, (unsigned long long)counts->updated,
                  (unsigned long long)counts->deleted);
    one(out, "content_bytes_total", "counter", "Content that was written into rows.",
        (double)counts->bytes);
    one(out, "failures_total", "counter", "Reads that made no row, tries included.",
        (double)counts->failed);
    one(out, "failed_objects", "gauge",
        "Objects that could not be made rows, counted by the newest listing.",
        (double)stats->failed_now);
    one(out, "working_on_keys", "gauge", "Keys that are being read or committed.",
        (double)stats->working_on);
    one(out, "lag_seconds", "gauge",
        "Age of the oldest change that was heard of and is not in the table.", stats->lag_s);
}

static void write_listings(const struct bkt_stats *stats, FILE *out)
{
    one(out, "listing_running", "gauge", "1 while the bucket is being listed.", stats->is_listing);
    one(out, "last_listing_timestamp_seconds", "gauge",
        "When the newest listing was in the table, in seconds since 1970; 0 before the first.",
        (double)stats->listed_at_ms / 1000);
    one(out, "last_listing_duration_seconds", "gauge", "How long it took.", stats->listing_s);
    one(out, "events_missed_total", "counter",
        "Changes that a later listing found before any event told of them.",
        (double)stats->counts.events_missed);
}

static void write_events(const struct bkt_stats *stats, FILE *out)
{
    if (stats->channel_count == 0)
        return;
    head(out, "events_received_total", "counter", "Messages by source.");
    for (size_t i = 0; i < stats->channel_count; i++)
        (void)fprintf(out, "bucketable_events_received_total{source=\"%s\"} %llu\n",
                      stats->channels[i].name, (unsigned long long)stats->channels[i].received);
    head(out, "events_total", "counter",
         "Messages by source and what became of them; acknowledged ones may be irrelevant, too.");
    for (size_t i = 0; i < stats->channel_count; i++) {
        const struct bkt_stats_channel *channel = &stats->channels[i];
        const struct {
            const char *result;
            uint64_t count;
        } results[] = {{"acknowledged", channel->acknowledged},
                       {"irrelevant", channel->irrelevant},
                       {"not_understood", channel->poison}};
        for (size_t k = 0; k < sizeof(results) / sizeof(results[0]); k++)
            (void)fprintf(out, "bucketable_events_total{source=\"%s\",result=\"%s\"} %llu\n",
                          channel->name, results[k].result, (unsigned long long)results[k].count);
    }
    head(out, "events_unsettled", "gauge",
         "Messages that were received and wait for their changes to be durable.");
    for (size_t i = 0; i < stats->channel_count; i++)
        (void)fprintf(out, "bucketable_events_unsettled{source=\"%s\"} %llu\n",
                      stats->channels[i].name, (unsigned long long)stats->channels[i].unsettled);
    head(out, "queue_depth", "gauge", "Messages that wait on the server, where it tells.");
    for (size_t i = 0; i < stats->channel_count; i++) {
        if (stats->channels[i].depth >= 0)
            (void)fprintf(out, "bucketable_queue_depth{source=\"%s\"} %lld\n",
                          stats->channels[i].name, (long long)stats->channels[i].depth);
    }
}

static void write_requests(const struct bkt_stats *stats, FILE *out)
{
    head(out, "s3_requests_total", "counter",
         "Requests to S3 by operation and status; none: no answer came.");
    for (size_t operation = 0; operation < BKT_STATS_OPERATIONS; operation++) {
        for (size_t answer = 0; answer < BKT_STATS_ANSWERS; answer++) {
            if (answer == BKT_STATS_1XX)
                continue;
            (void)fprintf(out,
                          "bucketable_s3_requests_total{operation=\"%s\",status=\"%s\"} %llu\n",
                          operations[operation], answers[answer],
                          (unsigned long long)stats->requests[operation][answer]);
        }
    }
    one(out, "s3_retries_total", "counter", "Requests to S3 that were tried again.",
        (double)stats->counts.retries);
    one(out, "s3_throttled_total", "counter", "Answers of S3 that asked to slow down.",
        (double)stats->throttled);
}

static void write_commits(const struct bkt_stats *stats, FILE *out)
{
    head(out, "commit_duration_seconds", "histogram", "How long transactions of changes took.");
    uint64_t sum = 0;
    for (size_t i = 0; i < BKT_STATS_COMMIT_BOUNDS; i++) {
        sum += stats->commits.counts[i];
        (void)fprintf(out, "bucketable_commit_duration_seconds_bucket{le=\"%g\"} %llu\n",
                      bkt_stats_commit_bound_s(i), (unsigned long long)sum);
    }
    sum += stats->commits.counts[BKT_STATS_COMMIT_BOUNDS];
    (void)fprintf(out,
                  "bucketable_commit_duration_seconds_bucket{le=\"+Inf\"} %llu\n"
                  "bucketable_commit_duration_seconds_sum %.17g\n"
                  "bucketable_commit_duration_seconds_count %llu\n",
                  (unsigned long long)sum, stats->commits.sum_s, (unsigned long long)sum);
}

/* 0 says that it works, so what has only just begun is a millisecond old. */
static double trouble_s(const struct bkt_stats *stats, const struct bkt_stats_trouble *trouble)
{
    if (trouble->since_ms == 0)
        return 0;
    int64_t ms = stats->now_ms - trouble->since_ms;
    return (double)(ms > 0 ? ms : 1) / 1000;
}

static void write_trouble(const struct bkt_stats *stats, FILE *out)
{
    head(out, "trouble_seconds", "gauge",
         "For how long a part has not been working; 0: it does. /healthz says why.");
    (void)fprintf(out, "bucketable_trouble_seconds{part=\"table\"} %.3f\n",
                  trouble_s(stats, &stats->table));
    for (size_t i = 0; i < stats->channel_count; i++)
        (void)fprintf(out, "bucketable_trouble_seconds{part=\"%s\"} %.3f\n",
                      stats->channels[i].name, trouble_s(stats, &stats->channels[i].trouble));
}

void cli_metrics_write(const struct bkt_stats *stats, FILE *out)
{
    head(out, "build_info", "gauge", "The version, as a label.");
    (void)fprintf(out, "bucketable_build_info{version=\"%s\"} 1\n", bkt_version());
    one(out, "start_timestamp_seconds", "gauge", "When it began, in seconds since 1970.",
        (double)stats->started_ms / 1000);
    one(out, "ready", "gauge", "1 once events are being received and the first listing is in.",
        stats->is_ready);
    write_table(stats, out);
    write_listings(stats, out);
    write_events(stats, out);
    write_requests(stats, out);
    write_commits(stats, out);
    write_trouble(stats, out);
}

void cli_metrics_write_json(const struct bkt_stats *stats, FILE *out)
{
    const struct bkt_counts *counts = &stats->counts;
    (void)fprintf(out,
                  "\"version\":\"%s\",\"now\":%lld,\"started\":%lld,\"ready\":%s,\"listing\":%s,"
                  "\"rows\":%llu,\"added\":%llu,\"updated\":%llu,\"deleted\":%llu,\"bytes\":%llu,"
                  "\"failed\":%llu,\"listed_at\":%lld,\"lag\":%.3f,\"missed\":%llu,"
                  "\"working_on\":%llu,\"retries\":%llu,\"throttled\":%llu",
                  bkt_version(), (long long)stats->now_ms, (long long)stats->started_ms,
                  stats->is_ready ? "true" : "false", stats->is_listing ? "true" : "false",
                  (unsigned long long)stats->rows, (unsigned long long)counts->added,
                  (unsigned long long)counts->updated, (unsigned long long)counts->deleted,
                  (unsigned long long)counts->bytes, (unsigned long long)stats->failed_now,
                  (long long)stats->listed_at_ms, stats->lag_s,
                  (unsigned long long)counts->events_missed, (unsigned long long)stats->working_on,
                  (unsigned long long)counts->retries, (unsigned long long)stats->throttled);
    (void)fputs(",\"channels\":[", out);
    for (size_t i = 0; i < stats->channel_count; i++) {
        const struct bkt_stats_channel *channel = &stats->channels[i];
        (void)fprintf(out, "%s{\"name\":\"%s\",\"received\":%llu,\"waiting\":%lld}",
                      i > 0 ? "," : "", channel->name, (unsigned long long)channel->received,
                      (long long)channel->depth);
    }
    (void)fputs("],\"trouble\":[", out);
    const char *comma = "";
    for (size_t i = 0; i <= stats->channel_count; i++) {
        const struct bkt_stats_trouble *trouble =
            i == 0 ? &stats->table : &stats->channels[i - 1].trouble;
        if (trouble->since_ms == 0)
            continue;
        (void)fprintf(out, "%s{\"part\":\"%s\",\"since\":%lld,", comma,
                      i == 0 ? "table" : stats->channels[i - 1].name, (long long)trouble->since_ms);
        (void)!bkt_text_json("text", trouble->text, strlen(trouble->text), cli_write, out);
        (void)fputc('}', out);
        comma = ",";
    }
    (void)fputc(']', out);
}
