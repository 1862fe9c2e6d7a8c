#include "cli/cli.h"

static void stop(void *ctx)
{
    bkt_enqueue_stop(ctx);
}

static void print_counts(const struct cli_globals *globals, const struct bkt_enqueue_counts *counts)
{
    if (globals->json) {
        (void)printf("{\"listed\":%llu,\"matched\":%llu,\"sent\":%llu,\"failed\":%llu,"
                     "\"seconds\":%.3f}\n",
                     (unsigned long long)counts->listed, (unsigned long long)counts->matched,
                     (unsigned long long)counts->sent, (unsigned long long)counts->failed,
                     counts->seconds);
    } else if (!globals->quiet) {
        (void)printf("%llu objects listed, %llu of them rows; %llu events sent in %.1f s\n",
                     (unsigned long long)counts->listed, (unsigned long long)counts->matched,
                     (unsigned long long)counts->sent, counts->seconds);
    }
    if (counts->failed > 0) {
        cli_say(globals, "error", "the queue refused %llu events: %s",
                (unsigned long long)counts->failed, counts->refusal);
    }
}

int cli_enqueue(struct cli_args *args)
{
    const struct cli_globals *globals = &args->globals;
    struct bkt_error err = {.code = BKT_OK};
    struct bkt_enqueue_options options = {
        .size = sizeof(options),
        .only_changed = args->options[CLI_OPTION_ONLY_CHANGED],
    };
    struct bkt_enqueue *enqueue;
    if (bkt_enqueue_new(args->config, &options, &enqueue, &err))
        return cli_fail(globals, &err);
    cli_signals_catch(stop, NULL, enqueue);
    struct bkt_enqueue_counts counts;
    int rc = bkt_enqueue_run(enqueue, &counts, &err);
    cli_signals_catch(NULL, NULL, NULL);
    bkt_enqueue_free(enqueue);
    if (rc)
        return cli_fail(globals, &err);
    print_counts(globals, &counts);
    int status = cli_flush(globals);
    return status == CLI_DONE && counts.failed > 0 ? CLI_FAILED : status;
}
