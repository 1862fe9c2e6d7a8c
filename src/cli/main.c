#include "cli/cli.h"

#include <signal.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

enum { BLOCK_OF_ITS_OWN_BYTES = 32 << 20, KEPT_FREE_BYTES = 128 << 20 };

const struct cli_command cli_commands[] = {
    {"sync", "SOURCE TARGET", 1, 2, "Make the table equal to the bucket, once.",
     "bucketable sync s3://my-docs/docs/ docs.db", cli_sync, CLI_TAKES(CLI_OPTION_DDL), false},
    {"watch", "SOURCE TARGET", 1, 2, "Make the table equal to the bucket, and keep it so.",
     "bucketable watch s3://my-docs/docs/ docs.db --sqs-queue-url URL", cli_watch,
     CLI_TAKES(CLI_OPTION_DDL) | CLI_TAKES(CLI_OPTION_LISTEN), false},
    {"ls", "SOURCE", 1, 1, "List the objects that are rows, in key order: size, time, key.",
     "bucketable ls s3://my-docs/docs/", cli_ls, CLI_TAKES(CLI_OPTION_NULL), false},
    {"get", "SOURCE KEY", 2, 2, "Print one row's content, byte for byte.",
     "bucketable get s3://my-docs docs/readme.md", cli_get, 0, false},
    {"plan", "SOURCE TARGET", 1, 2, "Tell what sync would do, and write nothing.",
     "bucketable plan s3://my-docs/docs/ docs.db", cli_plan, 0, false},
    {"explain", "SOURCE [TARGET] KEY", 2, 3, "Tell why KEY is, or is not, a row.",
     "bucketable explain s3://my-docs docs.db docs/readme.md", cli_explain, 0, false},
    {"verify", "SOURCE TARGET", 1, 2, "Compare bucket and table; exit status 5 when they differ.",
     "bucketable verify s3://my-docs/docs/ docs.db --deep", cli_verify,
     CLI_TAKES(CLI_OPTION_DEEP) | CLI_TAKES(CLI_OPTION_REPAIR), false},
    {"enqueue", "SOURCE [TARGET]", 1, 2, "Put an event for every row on the queue.",
     "bucketable enqueue s3://my-docs/docs/ --sqs-queue-url URL", cli_enqueue,
     CLI_TAKES(CLI_OPTION_ONLY_CHANGED), false},
    {"status", "TARGET", 1, 1, "Tell how a target's tables fare, from their state alone.",
     "bucketable status docs.db", cli_status, 0, true},
    {"check", "SOURCE [TARGET]", 1, 2, "Try all that is needed, and tell what mends it.",
     "bucketable check s3://my-docs/docs/ docs.db", cli_check, CLI_TAKES(CLI_OPTION_WRITE_TEST),
     false},
    {"setup", "SOURCE", 1, 1, "Tell, or set, what lets a bucket's changes reach its queue.",
     "bucketable setup s3://my-docs/docs/ --sqs-queue-url URL --apply", cli_setup,
     CLI_TAKES(CLI_OPTION_APPLY) | CLI_TAKES(CLI_OPTION_UNDO) | CLI_TAKES(CLI_OPTION_SNS) |
         CLI_TAKES(CLI_OPTION_EVENTBRIDGE),
     false},
    {"schema", "", 0, 0, "Print the JSON Schema of spec files.", "bucketable schema", cli_schema, 0,
     false},
    {0},
};

/*
 * Objects of a megabyte come and go: giving their memory back to the kernel and taking it anew
 * costs three times as much as receiving them.
 */
static void keep_free_memory(void)
{
#ifdef __GLIBC__
    (void)mallopt(M_MMAP_THRESHOLD, BLOCK_OF_ITS_OWN_BYTES);
    (void)mallopt(M_TRIM_THRESHOLD, KEPT_FREE_BYTES);
#endif
}

int main(int argc, char **argv)
{
    keep_free_memory();
    /* A reader that went away is an error of the write that finds it out. */
    (void)signal(SIGPIPE, SIG_IGN);

    struct cli_args args = {0};
    int status = cli_parse(argc, argv, &args);
    if (status == CLI_DONE && args.command)
        status = args.command->run(&args);
    bkt_config_free(args.config);
    return status;
}
