#include "cli/cli.h"

#include <strings.h>

enum { FAILURES_SHOWN = 10 };

struct run {
    const struct cli_globals *globals;
    struct cli_progress_line progress;
    unsigned failures;
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

static void on_failed(void *ctx, const char *key, size_t key_len, const char *reason)
{
    (void)key;
    (void)key_len;
    struct run *run = ctx;
    if (++run->failures <= FAILURES_SHOWN) {
        if (run->progress.on_terminal && run->progress.is_shown)
            (void)fputs("\r\033[K", stderr);
        cli_say(run->globals, "warning", "%s", reason);
    }
}

static int check_stdout(const struct cli_args *args, struct bkt_error *err)
{
    const char *url = bkt_config_string(args->config, "url");
    if (!args->globals.json || !url || strcasecmp(url, "jsonl:-") != 0)
        return BKT_OK;
    return bkt_error_set(err, BKT_ECONFIG,
                         "--json and the target jsonl:- both want standard output: leave out one "
                         "of the two, or name a file: jsonl:FILE");
}

bool cli_begin_table(const struct cli_args *args, int *out_status)
{
    struct bkt_error err = {.code = BKT_OK};
    bool wants_ddl = args->options[CLI_OPTION_DDL];
    int rc =
        wants_ddl ? bkt_ddl_write(args->config, cli_write, stdout, &err) : check_stdout(args, &err);
    if (rc)
        *out_status = cli_fail(&args->globals, &err);
    else if (wants_ddl)
        *out_status = cli_flush(&args->globals);
    return rc == BKT_OK && !wants_ddl;
}

static void stop(void *ctx)
{
    bkt_sync_stop(ctx);
}

int cli_sync(struct cli_args *args)
{
    const struct cli_globals *globals = &args->globals;
    struct run run = {.globals = globals};
    struct bkt_sync_callbacks callbacks = {
        .size = sizeof(callbacks),
        .ctx = &run,
        .warning = on_warning,
        .progress = on_progress,
        .failed = on_failed,
    };
    struct bkt_error err = {.code = BKT_OK};
    int status;
    if (!cli_begin_table(args, &status))
        return status;

    struct bkt_sync *sync;
    if (bkt_sync_new(args->config, &callbacks, &sync, &err))
        return cli_fail(globals, &err);
    cli_signals_catch(stop, NULL, sync);
    cli_progress_begin(&run.progress, globals);
    struct bkt_counts counts;
    int rc = bkt_sync_run(sync, &counts, &err);
    cli_progress_end(&run.progress);
    cli_signals_catch(NULL, NULL, NULL);
    bkt_sync_free(sync);

    if (rc)
        return cli_fail(globals, &err);
    if (globals->json) {
        (void)putchar('{');
        cli_print_counts(&counts);
        (void)fputs("}\n", stdout);
    } else if (!globals->quiet)
        cli_say_counts(globals, &counts);
    status = cli_flush(globals);
    if (status == CLI_DONE && counts.failed > 0)
        status = CLI_SOME_FAILED;
    return status;
}
