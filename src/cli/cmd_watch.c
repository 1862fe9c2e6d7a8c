#include "cli/cli.h"
#include "cli/listen.h"
#include "cli/notify.h"

#include <errno.h>
#include <string.h>
#include <time.h>

enum { TROUBLE_BYTES = 1024, SAY_AGAIN_S = 300 };

struct run {
    const struct cli_globals *globals;
    struct cli_progress_line progress;
    struct bkt_watch *watch;
    struct cli_listen *listen; /* NULL: not wanted */
    struct cli_notify *notify; /* NULL: nobody manages this process */
    bool has_listed;
    uint64_t failed_count;       /* of the newest listing */
    int write_error;             /* errno of what could not be printed, or 0 */
    char trouble[TROUBLE_BYTES]; /* said last, and nothing has worked since */
    time_t said_at_s;
};

static void on_warning(void *ctx, const char *message)
{
    const struct run *run = ctx;
    cli_say(run->globals, "warning", "%s", message);
}

static void on_progress(void *ctx, const struct bkt_counts *counts)
{
    struct run *run = ctx;
    cli_progress_update(&run->progress, counts);
}

/* Who reads the events has gone, or cannot take more: to follow on unheard would help nobody. */
static void flush_event(struct run *run)
{
    if ((fflush(stdout) == 0 && !ferror(stdout)) || run->write_error)
        return;
    run->write_error = errno;
    bkt_watch_stop(run->watch);
}

/* The exit status of a watch that ended as it was told to. */
static int conclude(const struct run *run)
{
    if (!run->write_error)
        return cli_flush(run->globals);
    if (run->write_error != EPIPE)
        cli_say(run->globals, "error", "write to stdout: %s", strerror(run->write_error));
    return CLI_FAILED;
}

static void print_event(struct run *run, const char *event, const char *key, size_t key_len)
{
    if (!run->globals->json)
        return;
    (void)printf("{\"event\":\"%s\"", event);
    if (key) {
        (void)putchar(',');
        (void)!bkt_text_json("filename", key, key_len, cli_write, stdout);
    }
    (void)fputs("}\n", stdout);
    flush_event(run);
}

static void on_ready(void *ctx)
{
    struct run *run = ctx;
    cli_progress_end(&run->progress);
    cli_notify_ready(run->notify);
    print_event(run, "ready", NULL, 0);
    if (!run->globals->json && !run->globals->quiet)
        cli_say(run->globals, "info", "the table is the bucket; following its changes");
}

static void on_upserted(void *ctx, const char *key, size_t key_len)
{
    struct run *run = ctx;
    run->trouble[0] = '\0';
    cli_listen_changed(run->listen, "upsert", key, key_len);
    print_event(run, "upsert", key, key_len);
}

static void on_deleted(void *ctx, const char *key, size_t key_len)
{
    struct run *run = ctx;
    run->trouble[0] = '\0';
    cli_listen_changed(run->listen, "delete", key, key_len);
    print_event(run, "delete", key, key_len);
}

/* A bucket that is listed every few seconds would fill a log with lines that tell nothing. */
static bool is_news(const struct run *run, const struct bkt_counts *counts)
{
    return !run->has_listed || run->globals->verbose > 0 ||
           counts->added + counts->updated + counts->deleted > 0 ||
           counts->failed != run->failed_count;
}

static void on_synced(void *ctx, const struct bkt_counts *counts)
{
    struct run *run = ctx;
    run->trouble[0] = '\0';
    cli_progress_end(&run->progress);
    cli_notify_listed(run->notify, counts->seconds);
    if (run->globals->json) {
        (void)fputs("{\"event\":\"synced\",", stdout);
        cli_print_counts(counts);
        (void)printf(",\"events_missed\":%llu}\n", (unsigned long long)counts->events_missed);
        flush_event(run);
    } else if (!run->globals->quiet && is_news(run, counts)) {
        cli_say_counts(run->globals, counts);
    }
    run->has_listed = true;
    run->failed_count = counts->failed;
}

/* What is tried every second fails every second while a server is away: that is told once. */
static bool is_said(struct run *run, const char *message)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    if (strncmp(run->trouble, message, sizeof(run->trouble) - 1) == 0 &&
        now.tv_sec - run->said_at_s < SAY_AGAIN_S)
        return true;
    (void)snprintf(run->trouble, sizeof(run->trouble), "%s", message);
    run->said_at_s = now.tv_sec;
    return false;
}

static void on_error(void *ctx, const char *message, const char *key, size_t key_len)
{
    struct run *run = ctx;
    if (!key)
        cli_notify_listed(run->notify, 0); /* or not: nobody is kept waiting for it */
    if (!key && is_said(run, message))
        return;
    cli_say(run->globals, "error", "%s", message);
    cli_listen_failed(run->listen, key, key_len, message);
    if (!run->globals->json)
        return;
    (void)fputs("{\"event\":\"error\",", stdout);
    (void)!bkt_text_json("message", message, strlen(message), cli_write, stdout);
    if (key) {
        (void)putchar(',');
        (void)!bkt_text_json("filename", key, key_len, cli_write, stdout);
    }
    (void)fputs("}\n", stdout);
    flush_event(run);
}

static void stop(void *ctx)
{
    struct run *run = ctx;
    cli_notify_stopping(run->notify);
    bkt_watch_stop(run->watch);
}

static void list(void *ctx)
{
    struct run *run = ctx;
    cli_notify_listing(run->notify);
    bkt_watch_list(run->watch);
}

static int ask(void *ctx, int timeout_ms, struct bkt_stats *out_stats)
{
    return bkt_watch_stats(ctx, timeout_ms, out_stats);
}

static int listen_where_told(struct run *run, const char *where, struct bkt_error *err)
{
    if (!where)
        return BKT_OK;
    int rc = cli_listen_start(where, run->watch, &run->listen, err);
    size_t len = strlen(where);
    bool is_any_port = len >= 2 && strcmp(where + len - 2, ":0") == 0;
    if (rc == BKT_OK && (!run->globals->quiet || is_any_port))
        cli_say(run->globals, "info", "status page: %s", cli_listen_url(run->listen));
    return rc;
}

int cli_watch(struct cli_args *args)
{
    const struct cli_globals *globals = &args->globals;
    struct run run = {.globals = globals};
    struct bkt_watch_callbacks callbacks = {
        .size = sizeof(callbacks),
        .ctx = &run,
        .warning = on_warning,
        .progress = on_progress,
        .ready = on_ready,
        .upserted = on_upserted,
        .deleted = on_deleted,
        .synced = on_synced,
        .error = on_error,
    };
    struct bkt_error err = {.code = BKT_OK};
    int status;
    if (!cli_begin_table(args, &status))
        return status;
    const char *where = args->options[CLI_OPTION_LISTEN];
    if (where && cli_listen_check(where, &err))
        return cli_fail(globals, &err);
    /* A table is kept up whether or not somebody can be told of it. */
    if (cli_notify_new(&run.notify, &err))
        on_warning(&run, err.message);
    if (bkt_watch_new(args->config, &callbacks, &run.watch, &err)) {
        cli_notify_free(run.notify);
        return cli_fail(globals, &err);
    }
    if (cli_notify_start(run.notify, ask, run.watch, &err))
        on_warning(&run, err.message);
    cli_signals_catch(stop, list, &run);
    int rc = listen_where_told(&run, where, &err);
    cli_progress_begin(&run.progress, globals);
    if (rc == BKT_OK)
        rc = bkt_watch_run(run.watch, &err);
    cli_progress_end(&run.progress);
    cli_signals_catch(NULL, NULL, NULL);
    cli_notify_stopping(run.notify);
    cli_listen_stop(run.listen);
    cli_notify_free(run.notify);
    bkt_watch_free(run.watch);
    return rc ? cli_fail(globals, &err) : conclude(&run);
}
