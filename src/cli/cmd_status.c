#include "cli/cli.h"

#include <string.h>

struct run {
    const struct cli_globals *globals;
    bool is_open; /* JSON: an object and its list of failures */
    bool has_failure;
};

static void close_object(struct run *run)
{
    if (run->is_open)
        (void)fputs("]}\n", stdout);
    run->is_open = false;
    run->has_failure = false;
}

static void print_json(struct run *run, const struct bkt_table_status *status)
{
    bool was_listed = status->listing_ended[0] != '\0';
    (void)putchar('{');
    (void)!bkt_text_json("table", status->table, strlen(status->table), cli_write, stdout);
    (void)putchar(',');
    (void)!bkt_text_json("source", status->source, strlen(status->source), cli_write, stdout);
    (void)printf(",\"rows\":%llu,\"failed\":%llu,\"last_change\":\"%s\",\"last_listing\":",
                 (unsigned long long)status->rows, (unsigned long long)status->failed,
                 status->last_change);
    if (was_listed) {
        (void)printf("{\"ended_at\":\"%s\",\"listed\":%llu,\"matched\":%llu,\"failed\":%llu},"
                     "\"lag_seconds\":%.3f",
                     status->listing_ended, (unsigned long long)status->listing_listed,
                     (unsigned long long)status->listing_matched,
                     (unsigned long long)status->listing_failed,
                     (double)(status->now_ms - status->listing_ended_ms) / 1000);
    } else {
        (void)fputs("null,\"lag_seconds\":null", stdout);
    }
    (void)fputs(",\"failures\":[", stdout);
    run->is_open = true;
}

/* "12 s ago", in the largest unit that has two of it. */
static void print_time(const char *label, const char *iso, int64_t age_ms)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {{"days", 86400000}, {"h", 3600000}, {"min", 60000}, {"s", 1000}};
    size_t i = 0;
    while (i < 3 && age_ms < 2 * units[i].ms)
        i++;
    (void)printf("  %-13s %s, %lld %s ago", label, iso,
                 (long long)((age_ms > 0 ? age_ms : 0) / units[i].ms), units[i].name);
}

static void print_text(const struct bkt_table_status *status)
{
    (void)!bkt_text_escape(status->table, strlen(status->table), cli_write, stdout);
    (void)fputs(": ", stdout);
    (void)!bkt_text_escape(status->source, strlen(status->source), cli_write, stdout);
    (void)printf("\n  %-13s %llu\n", "rows", (unsigned long long)status->rows);
    if (status->listing_ended[0]) {
        print_time("last listing", status->listing_ended,
                   status->now_ms - status->listing_ended_ms);
        (void)printf(": %llu listed, %llu of them rows\n",
                     (unsigned long long)status->listing_listed,
                     (unsigned long long)status->listing_matched);
    } else {
        (void)printf("  %-13s never complete\n", "last listing");
    }
    print_time("last change", status->last_change, status->now_ms - status->last_change_ms);
    (void)printf("\n  %-13s %llu\n", "failed", (unsigned long long)status->failed);
}

/* Nobody reads any more, or it was told to stop. */
static int go_on(void)
{
    if (cli_signals_caught())
        return BKT_ECANCELED;
    return ferror(stdout) ? BKT_EIO : BKT_OK;
}

static int on_table(void *ctx, const struct bkt_table_status *status)
{
    struct run *run = ctx;
    close_object(run);
    if (run->globals->json) {
        print_json(run, status);
    } else {
        print_text(status);
    }
    return go_on();
}

static int on_failure(void *ctx, const char *key, size_t key_len, const char *reason)
{
    struct run *run = ctx;
    if (run->globals->json) {
        (void)fputs(run->has_failure ? ",{" : "{", stdout);
        (void)!bkt_text_json("filename", key, key_len, cli_write, stdout);
        (void)putchar(',');
        (void)!bkt_text_json("reason", reason, strlen(reason), cli_write, stdout);
        (void)putchar('}');
    } else {
        (void)fputs("    ", stdout);
        (void)!bkt_text_escape(key, key_len, cli_write, stdout);
        (void)fputs(": ", stdout);
        (void)!bkt_text_escape(reason, strlen(reason), cli_write, stdout);
        (void)putchar('\n');
    }
    run->has_failure = true;
    return go_on();
}

/* The signal is seen by the next callback. */
static void stop(void *ctx)
{
    (void)ctx;
}

int cli_status(struct cli_args *args)
{
    const struct cli_globals *globals = &args->globals;
    struct run run = {.globals = globals};
    struct bkt_status_callbacks callbacks = {
        .size = sizeof(callbacks), .ctx = &run, .table = on_table, .failure = on_failure};
    struct bkt_error err = {.code = BKT_OK};
    cli_signals_catch(stop, NULL, &run);
    int rc = bkt_status_read(args->config, &callbacks, &err);
    cli_signals_catch(NULL, NULL, NULL);
    if (rc == BKT_OK)
        close_object(&run);
    int status = cli_flush(globals);
    if (rc == BKT_ECANCELED)
        err.code = BKT_ECANCELED;
    return rc && status == CLI_DONE ? cli_fail(globals, &err) : status;
}
