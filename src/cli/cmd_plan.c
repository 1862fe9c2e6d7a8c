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
    if (args->word_count > 1 && bkt_config_set(args->config, "url", args->words[1], &err))
        return cli_fail(globals, &err);
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
