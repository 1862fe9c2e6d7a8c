#include "cli/cli.h"

#include <string.h>

enum { WORKER_SILENT_MS = 30000 }; /* it tells every 10 s */

/* JSON: the list that is open, the last thing that was printed of an object. */
enum list { LIST_NONE, LIST_WORKERS, LIST_FAILURES };

struct run {
    const struct cli_globals *globals;
    enum list list;
    bool has_item; /* in it */
    /* Text: how many failed is said after the workers. */
    bool owes_failed;
    uint64_t failed;
};

/* Failures are told after the workers, which not every table has. */
static void open_list(struct run *run, enum list list)
{
    static const char *const names[] = {
        [LIST_NONE] = "", [LIST_WORKERS] = "workers", [LIST_FAILURES] = "failures"};
    if (run->list == list)
        return;
    (void)printf("%s,\"%s\":[", run->list == LIST_NONE ? "" : "]", names[list]);
    run->list = list;
    run->has_item = false;
}

static void next_item(struct run *run, enum list list)
{
    open_list(run, list);
    if (run->has_item)
        (void)putchar(',');
    run->has_item = true;
}

static void print_failed(struct run *run)
{
    if (run->owes_failed)
        (void)printf("  %-13s %llu\n", "failed", (unsigned long long)run->failed);
    run->owes_failed = false;
}

static void end_table(struct run *run)
{
    print_failed(run);
    if (run->list == LIST_NONE)
        return;
    open_list(run, LIST_FAILURES);
    (void)fputs("]}\n", stdout);
    run->list = LIST_NONE;
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
    open_list(run, status->keeps_workers ? LIST_WORKERS : LIST_FAILURES);
}

/* "12 s ago", in the largest unit that has two of it. */
static void print_age(int64_t age_ms)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {{"days", 86400000}, {"h", 3600000}, {"min", 60000}, {"s", 1000}};
    size_t i = 0;
    while (i < 3 && age_ms < 2 * units[i].ms)
        i++;
    (void)printf("%lld %s ago", (long long)((age_ms > 0 ? age_ms : 0) / units[i].ms),
                 units[i].name);
}

static void print_time(const char *label, const char *iso, int64_t age_ms)
{
    (void)printf("  %-13s %s, ", label, iso);
    print_age(age_ms);
}

static void print_text(struct run *run, const struct bkt_table_status *status)
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
    (void)putchar('\n');
    run->owes_failed = true;
    run->failed = status->failed;
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
    end_table(run);
    if (run->globals->json) {
        print_json(run, status);
    } else {
        print_text(run, status);
    }
    return go_on();
}

static int on_worker(void *ctx, const struct bkt_worker_status *worker)
{
    struct run *run = ctx;
    const char *role = worker->is_lister ? "lister" : "follower";
    if (run->globals->json) {
        next_item(run, LIST_WORKERS);
        (void)putchar('{');
        (void)!bkt_text_json("host", worker->host, strlen(worker->host), cli_write, stdout);
        (void)printf(",\"pid\":%lld,\"role\":\"%s\",\"changes\":%llu,\"old_spec\":%s,"
                     "\"started_at\":\"%s\",\"seen_at\":\"%s\",\"silent_seconds\":%.3f}",
                     (long long)worker->pid, role, (unsigned long long)worker->changes,
                     worker->has_old_spec ? "true" : "false", worker->started, worker->seen,
                     (double)worker->silent_ms / 1000);
        return go_on();
    }
    (void)printf("  %-13s ", "worker");
    (void)!bkt_text_escape(worker->host, strlen(worker->host), cli_write, stdout);
    (void)printf(", process %lld, a %s: %llu changes since %s, seen ", (long long)worker->pid, role,
                 (unsigned long long)worker->changes, worker->started);
    print_age(worker->silent_ms);
    (void)printf("%s%s\n", worker->silent_ms > WORKER_SILENT_MS ? ", so it may be dead" : "",
                 worker->has_old_spec ? ", with an old spec" : "");
    return go_on();
}

static int on_failure(void *ctx, const char *key, size_t key_len, const char *reason)
{
    struct run *run = ctx;
    if (run->globals->json) {
        next_item(run, LIST_FAILURES);
        (void)putchar('{');
        (void)!bkt_text_json("filename", key, key_len, cli_write, stdout);
        (void)putchar(',');
        (void)!bkt_text_json("reason", reason, strlen(reason), cli_write, stdout);
        (void)putchar('}');
    } else {
        print_failed(run);
        (void)fputs("    ", stdout);
        (void)!bkt_text_escape(key, key_len, cli_write, stdout);
        (void)fputs(": ", stdout);
        (void)!bkt_text_escape(reason, strlen(reason), cli_write, stdout);
        (void)putchar('\n');
    }
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
        .size = sizeof(callbacks),
        .ctx = &run,
        .table = on_table,
        .failure = on_failure,
        .worker = on_worker,
    };
    struct bkt_error err = {.code = BKT_OK};
    cli_signals_catch(stop, NULL, &run);
    int rc = bkt_status_read(args->config, &callbacks, &err);
    cli_signals_catch(NULL, NULL, NULL);
    if (rc == BKT_OK)
        end_table(&run);
    int status = cli_flush(globals);
    if (rc == BKT_ECANCELED)
        err.code = BKT_ECANCELED;
    return rc && status == CLI_DONE ? cli_fail(globals, &err) : status;
}
