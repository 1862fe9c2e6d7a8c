#include "cli/cli.h"

#include <string.h>

static void print_field(const char *name, const char *text)
{
    (void)putchar(',');
    (void)!bkt_text_json(name, text, strlen(text), cli_write, stdout);
}

static void print_finding(void *ctx, const struct bkt_finding *finding)
{
    static const struct {
        const char *word;
        const char *json;
    } results[] = {
        [BKT_CHECK_OK] = {"ok", "true"},
        [BKT_CHECK_WARNING] = {"warning", "\"warning\""},
        [BKT_CHECK_WRONG] = {"WRONG", "false"},
    };
    const struct cli_globals *globals = ctx;
    if (globals->json) {
        (void)putchar('{');
        (void)!bkt_text_json("check", finding->check, strlen(finding->check), cli_write, stdout);
        (void)printf(",\"ok\":%s", results[finding->result].json);
        print_field("detail", finding->detail);
        if (finding->fix)
            print_field("fix", finding->fix);
        (void)fputs("}\n", stdout);
    } else if (!globals->quiet || finding->result != BKT_CHECK_OK) {
        (void)printf("%-8s %-15s %s%s%s\n", results[finding->result].word, finding->check,
                     finding->detail, finding->fix ? "; to mend it: " : "",
                     finding->fix ? finding->fix : "");
    }
    (void)fflush(stdout);
}

static void stop(void *ctx)
{
    bkt_check_stop(ctx);
}

int cli_check(struct cli_args *args)
{
    const struct cli_globals *globals = &args->globals;
    struct bkt_check_options options = {
        .size = sizeof(options),
        .write_test = args->options[CLI_OPTION_WRITE_TEST] != NULL,
        .told = print_finding,
        .ctx = &args->globals,
    };
    struct bkt_error err = {.code = BKT_OK};
    struct bkt_check *check;
    if (bkt_check_new(args->config, &options, &check, &err))
        return cli_fail(globals, &err);
    cli_signals_catch(stop, NULL, check);
    struct bkt_check_counts counts;
    int rc = bkt_check_run(check, &counts, &err);
    cli_signals_catch(NULL, NULL, NULL);
    bkt_check_free(check);
    int status = cli_flush(globals);
    if (rc)
        return cli_fail(globals, &err);
    return status == CLI_DONE && counts.wrong > 0 ? CLI_FAILED : status;
}
