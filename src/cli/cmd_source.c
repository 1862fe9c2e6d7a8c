/* The commands that look at the bucket alone: ls, get; and schema, which looks at nothing. */
#include "cli/cli.h"

#include <string.h>

static void stop(void *ctx)
{
    bkt_source_stop(ctx);
}

static int print_listed(void *ctx, const struct bkt_listed *listed)
{
    const struct cli_args *args = ctx;
    int rc;
    if (args->options[CLI_OPTION_NULL]) {
        (void)fwrite(listed->key, 1, listed->key_len, stdout);
        (void)putchar('\0');
        rc = BKT_OK;
    } else if (args->globals.json) {
        (void)putchar('{');
        rc = bkt_text_json("filename", listed->key, listed->key_len, cli_write, stdout);
        (void)printf(",\"size\":%llu,\"last_modified\":", (unsigned long long)listed->size);
        (void)printf(listed->last_modified[0] ? "\"%s\"," : "null,%s", listed->last_modified);
        if (rc == BKT_OK)
            rc = bkt_text_json("etag", listed->etag, strlen(listed->etag), cli_write, stdout);
        (void)fputs("}\n", stdout);
    } else {
        (void)printf("%12llu  %-24s  ", (unsigned long long)listed->size, listed->last_modified);
        rc = bkt_text_escape(listed->key, listed->key_len, cli_write, stdout);
        (void)putchar('\n');
    }
    /* Nobody reads any more: no need to go on listing. */
    return rc || !ferror(stdout) ? rc : BKT_EIO;
}

int cli_ls(struct cli_args *args)
{
    struct bkt_error err = {.code = BKT_OK};
    struct bkt_source *source;
    if (bkt_source_new(args->config, &source, &err))
        return cli_fail(&args->globals, &err);
    cli_signals_catch(stop, NULL, source);
    int rc = bkt_source_walk(source, print_listed, args, &err);
    cli_signals_catch(NULL, NULL, NULL);
    bkt_source_free(source);
    int status = cli_flush(&args->globals);
    return rc && !ferror(stdout) ? cli_fail(&args->globals, &err) : status;
}

int cli_get(struct cli_args *args)
{
    struct bkt_error err = {.code = BKT_OK};
    struct bkt_source *source;
    if (bkt_source_new(args->config, &source, &err))
        return cli_fail(&args->globals, &err);
    cli_signals_catch(stop, NULL, source);
    int rc = bkt_source_read(source, args->key, strlen(args->key), cli_write, stdout, &err);
    cli_signals_catch(NULL, NULL, NULL);
    bkt_source_free(source);
    int status = cli_flush(&args->globals);
    return rc ? cli_fail(&args->globals, &err) : status;
}

int cli_schema(struct cli_args *args)
{
    struct bkt_error err = {.code = BKT_OK};
    if (bkt_config_schema(cli_write, stdout, &err))
        return cli_fail(&args->globals, &err);
    return cli_flush(&args->globals);
}
