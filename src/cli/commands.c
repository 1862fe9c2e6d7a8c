#include "cli/cli.h"

#include <string.h>

/* Which properties have a meaning for whom.  A spec file has others too: one does for all. */
enum {
    LISTING = BKT_GROUP_BUCKET | BKT_GROUP_ROWS | BKT_GROUP_RUN,
    ROWS = LISTING | BKT_GROUP_CONTENT,
    TABLE = ROWS | BKT_GROUP_TARGET,
    EVENTS = LISTING | BKT_GROUP_EVENTS,
    ALL = TABLE | BKT_GROUP_EVENTS,
};

const struct cli_command cli_commands[] = {
    {"sync", "SOURCE TARGET", 1, 2, "Make the table equal to the bucket, once.",
     "bucketable sync s3://my-docs/docs/ docs.db", cli_sync, CLI_TAKES(CLI_OPTION_DDL), TABLE},
    {"watch", "SOURCE TARGET", 1, 2, "Make the table equal to the bucket, and keep it so.",
     "bucketable watch s3://my-docs/docs/ docs.db --sqs-queue-url URL", cli_watch,
     CLI_TAKES(CLI_OPTION_DDL) | CLI_TAKES(CLI_OPTION_LISTEN), ALL},
    {"ls", "SOURCE", 1, 1, "List the objects that are rows, in key order: size, time, key.",
     "bucketable ls s3://my-docs/docs/", cli_ls, CLI_TAKES(CLI_OPTION_NULL), LISTING},
    {"get", "SOURCE KEY", 2, 2, "Print one row's content, byte for byte.",
     "bucketable get s3://my-docs docs/readme.md", cli_get, 0, ROWS},
    {"plan", "SOURCE TARGET", 1, 2, "Tell what sync would do, and write nothing.",
     "bucketable plan s3://my-docs/docs/ docs.db", cli_plan, 0, TABLE},
    {"explain", "SOURCE [TARGET] KEY", 2, 3, "Tell why KEY is, or is not, a row.",
     "bucketable explain s3://my-docs docs.db docs/readme.md", cli_explain, 0, TABLE},
    {"verify", "SOURCE TARGET", 1, 2, "Compare bucket and table; exit status 5 when they differ.",
     "bucketable verify s3://my-docs/docs/ docs.db --deep", cli_verify,
     CLI_TAKES(CLI_OPTION_DEEP) | CLI_TAKES(CLI_OPTION_REPAIR), TABLE},
    {"enqueue", "SOURCE [TARGET]", 1, 2, "Put an event for every row on the queue.",
     "bucketable enqueue s3://my-docs/docs/ --sqs-queue-url URL", cli_enqueue,
     CLI_TAKES(CLI_OPTION_ONLY_CHANGED), ALL},
    {"status", "TARGET", 1, 1, "Tell how a target's tables fare, from their state alone.",
     "bucketable status docs.db", cli_status, 0, BKT_GROUP_TARGET},
    {"check", "SOURCE [TARGET]", 1, 2, "Try all that is needed, and tell what mends it.",
     "bucketable check s3://my-docs/docs/ docs.db", cli_check, CLI_TAKES(CLI_OPTION_WRITE_TEST),
     ALL},
    {"setup", "SOURCE", 1, 1, "Tell, or set, what lets a bucket's changes reach its queue.",
     "bucketable setup s3://my-docs/docs/ --sqs-queue-url URL --apply", cli_setup,
     CLI_TAKES(CLI_OPTION_APPLY) | CLI_TAKES(CLI_OPTION_UNDO) | CLI_TAKES(CLI_OPTION_SNS) |
         CLI_TAKES(CLI_OPTION_EVENTBRIDGE),
     EVENTS},
    {"schema", "", 0, 0, "Print the JSON Schema of spec files.", "bucketable schema", cli_schema, 0,
     0},
    {0},
};

enum cli_word cli_word_at(const struct cli_command *command, int n)
{
    const char *word = command->words;
    for (; n > 0; n--) {
        word += strcspn(word, " ");
        word += strspn(word, " ");
    }
    word += *word == '[';
    return *word == 'S'   ? CLI_WORD_SOURCE
           : *word == 'T' ? CLI_WORD_TARGET
           : *word == 'K' ? CLI_WORD_KEY
                          : CLI_WORD_NONE;
}

int cli_run(int argc, char **argv)
{
    struct cli_args args = {0};
    int status = cli_parse(argc, argv, &args);
    if (status == CLI_DONE && args.command)
        status = args.command->run(&args);
    /* It may have been meant to change something.  Where there was an error, that is the line. */
    if (status == CLI_DONE && args.unused[0]) {
        cli_say(&args.globals, "warning",
                "%s makes no use of %s; bucketable %s --help lists what it takes",
                args.command->name, args.unused, args.command->name);
    }
    bkt_config_free(args.config);
    return status;
}
