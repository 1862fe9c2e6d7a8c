/* The commands that tell what differs between bucket and table: plan, verify. */
#include "cli/cli.h"

static int print_step(void *ctx, const struct bkt_step *step)
{
    static const struct {
        const char *word;
        char sign;
    } ops[] = {
        [BKT_STEP_ADD] = {"add", '+'},
        [BKT_STEP_UPDATE] = {"update", '~'},
        [BKT_STEP_DELETE] = {"delete", '-'},
    };
    const struct cli_globals *globals = ctx;
    int rc;
    if (globals->json) {
        (void)printf("{\"op\":\"%s\",", ops[step->op].word);
        rc = bkt_text_json("filename", step->key, step->key_len, cli_write, stdout);
        (void)fputs("}\n", stdout);
    } else {
        (void)printf("%c ", ops[step->op].sign);
        rc = bkt_text_escape(step->key, step->key_len, cli_write, stdout);
        (void)putchar('\n');
    }
    /* Nobody reads any more: no need to go on listing. */
    return rc || !ferror(stdout) ? rc : BKT_EIO;
}

static void say_plan(const struct cli_globals *globals, const struct bkt_plan_counts *counts)
{
    if (counts->is_guarded) {
        cli_say(globals, "warning",
                "sync would stop: %llu of %llu rows would go, and max_deletes allows %llu; if that "
                "is right, raise it",
                (unsigned long long)counts->deleted, (unsigned long long)counts->rows,
                (unsigned long long)counts->deletes_max);
    }
    if (counts->failed > 0) {
        cli_say(globals, "warning",
                "%llu objects cannot be made rows as they are; status names them",
                (unsigned long long)counts->failed);
    }
    if (globals->json || globals->quiet)
        return;
    cli_say(globals, "info",
            "sync would add %llu rows, update %llu and delete %llu; %llu are right",
            (unsigned long long)counts->added, (unsigned long long)counts->updated,
            (unsigned long long)counts->deleted, (unsigned long long)counts->unchanged);
}

static void stop_plan(void *ctx)
{
    bkt_plan_stop(ctx);
}

int cli_plan(struct cli_args *args)
{
    const struct cli_globals *globals = &args->globals;
    struct bkt_error err = {.code = BKT_OK};
    struct bkt_plan *plan;
    if (bkt_plan_new(args->config, &plan, &err))
        return cli_fail(globals, &err);
    cli_signals_catch(stop_plan, NULL, plan);
    struct bkt_plan_counts counts;
    int rc = bkt_plan_run(plan, print_step, &args->globals, &counts, &err);
    cli_signals_catch(NULL, NULL, NULL);
    bkt_plan_free(plan);
    int status = cli_flush(globals);
    if (rc && status == CLI_DONE)
        return cli_fail(globals, &err);
    if (status == CLI_DONE)
        say_plan(globals, &counts);
    return status;
}

static void say_verified(const struct cli_globals *globals, const struct bkt_verify_counts *counts)
{
    if (!counts->has_seen_rows) {
        cli_say(globals, "warning",
                "the target's rows cannot be read back: their state was compared with the bucket");
    }
    if (counts->failed > 0) {
        cli_say(globals, "warning", "%llu objects could not be compared; status names them",
                (unsigned long long)counts->failed);
    }
    if (globals->json || globals->quiet)
        return;
    cli_say(globals, "info", "rows: %llu right, %llu missing, %llu different, %llu extra",
            (unsigned long long)counts->same, (unsigned long long)counts->missing,
            (unsigned long long)counts->different, (unsigned long long)counts->extra);
}

static void on_verify_failed(void *ctx, const char *key, size_t key_len, const char *reason)
{
    (void)key;
    (void)key_len;
    cli_say(ctx, "warning", "%s", reason);
}

static void stop_verify(void *ctx)
{
    bkt_verify_stop(ctx);
}

/* Which exit status the comparison, and the repair where one was wanted, come to. */
static int conclude(const struct cli_args *args,
                    struct bkt_verify *verify,
                    const struct bkt_verify_counts *found,
                    struct bkt_error *err)
{
    const struct cli_globals *globals = &args->globals;
    bool differs = found->missing + found->different + found->extra > 0;
    if (!differs)
        return found->failed > 0 ? CLI_SOME_FAILED : CLI_DONE;
    if (!args->options[CLI_OPTION_REPAIR])
        return CLI_DIFFERENT;
    struct bkt_counts mended;
    if (bkt_verify_repair(verify, &mended, err))
        return cli_fail(globals, err);
    if (!globals->json && !globals->quiet)
        cli_say_counts(globals, &mended);
    return mended.failed + found->failed > 0 ? CLI_SOME_FAILED : CLI_DONE;
}

int cli_verify(struct cli_args *args)
{
    struct cli_globals *globals = &args->globals;
    struct bkt_error err = {.code = BKT_OK};
    struct bkt_verify_options options = {
        .size = sizeof(options),
        .is_deep = args->options[CLI_OPTION_DEEP],
        .will_repair = args->options[CLI_OPTION_REPAIR],
        .ctx = globals,
        .failed = on_verify_failed,
    };
    struct bkt_verify *verify;
    if (bkt_verify_new(args->config, &options, &verify, &err))
        return cli_fail(globals, &err);
    cli_signals_catch(stop_verify, NULL, verify);
    struct bkt_verify_counts counts;
    int rc = bkt_verify_run(verify, print_step, globals, &counts, &err);
    int status = cli_flush(globals);
    if (rc && status == CLI_DONE)
        status = cli_fail(globals, &err);
    if (status == CLI_DONE) {
        say_verified(globals, &counts);
        status = conclude(args, verify, &counts, &err);
    }
    cli_signals_catch(NULL, NULL, NULL);
    bkt_verify_free(verify);
    return status;
}
