#include "cli/cli.h"

static void say(void *ctx, const char *line)
{
    const struct cli_globals *globals = ctx;
    if (!globals->quiet)
        cli_say(globals, "info", "%s", line);
}

static void stop(void *ctx)
{
    bkt_setup_stop(ctx);
}

int cli_setup(struct cli_args *args)
{
    const struct cli_globals *globals = &args->globals;
    bool is_apply = args->options[CLI_OPTION_APPLY] != NULL;
    bool is_undo = args->options[CLI_OPTION_UNDO] != NULL;
    struct bkt_setup_options options = {
        .size = sizeof(options),
        .action = is_undo    ? BKT_SETUP_UNDO
                  : is_apply ? BKT_SETUP_APPLY
                             : BKT_SETUP_PRINT,
        .sns_topic_arn = args->options[CLI_OPTION_SNS],
        .eventbridge = args->options[CLI_OPTION_EVENTBRIDGE] != NULL,
        .said = say,
        .ctx = &args->globals,
    };
    if (is_apply && is_undo) {
        cli_say(globals, "error", "setup: --apply or --undo, not both");
        return CLI_USAGE;
    }
    struct bkt_error err = {.code = BKT_OK};
    struct bkt_setup *setup;
    if (bkt_setup_new(args->config, &options, &setup, &err))
        return cli_fail(globals, &err);
    cli_signals_catch(stop, NULL, setup);
    int rc = bkt_setup_run(setup, cli_write, stdout, &err);
    cli_signals_catch(NULL, NULL, NULL);
    bkt_setup_free(setup);
    int status = cli_flush(globals);
    return rc ? cli_fail(globals, &err) : status;
}
