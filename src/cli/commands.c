#include "cli/cli.h"

/* Which properties have a meaning for whom.  Others are taken too: one spec file does for all. */
enum {
    LISTING = BKT_GROUP_BUCKET | BKT_GROUP_ROWS | BKT_GROUP_RUN,
    ROWS = LISTING | BKT_GROUP_CONTENT,
    TABLE = ROWS | BKT_GROUP_TARGET,
    EVENTS = LISTING | BKT_GROUP_EVENTS,
    ALL = TABLE | BKT_GROUP_EVENTS,
};

const struct cli_command cli_commands[] = {
    {"sync", "SOURCE TARGET", 1, 2, "Make the table equal to the bucket, once.",
     "bucketable sync s3://my-docs/docs/ docs.db", cli_sync, CLI_TAKES(CLI_OPTION_DDL), TABLE,
     false},
    {"watch", "SOURCE TARGET", 1, 2, "Make the table equal to the bucket, and keep it so.",
     "bucketable watch s3://my-docs/docs/ docs.db --sqs-queue-url URL", cli_watch,
     CLI_TAKES(CLI_OPTION_DDL) | CLI_TAKES(CLI_OPTION_LISTEN), ALL, false},
    {"ls", "SOURCE", 1, 1, "List the objects that are rows, in key order: size, time, key.",
     "bucketable ls s3://my-docs/docs/", cli_ls, CLI_TAKES(CLI_OPTION_NULL), LISTING, false},
    {"get", "SOURCE KEY", 2, 2, "Print one row's content, byte for byte.",
     "bucketable get s3://my-docs docs/readme.md", cli_get, 0, ROWS, false},
    {"plan", "SOURCE TARGET", 1, 2, "Tell what sync would do, and write nothing.",
     "bucketable plan s3://my-docs/docs/ docs.db", cli_plan, 0, TABLE, false},
    {"explain", "SOURCE [TARGET] KEY", 2, 3, "Tell why KEY is, or is not, a row.",
     "bucketable explain s3://my-docs docs.db docs/readme.md", cli_explain, 0, TABLE, false},
    {"verify", "SOURCE TARGET", 1, 2, "Compare bucket and table; exit status 5 when they differ.",
     "bucketable verify s3://my-docs/docs/ docs.db --deep", cli_verify,
     CLI_TAKES(CLI_OPTION_DEEP) | CLI_TAKES(CLI_OPTION_REPAIR), TABLE, false},
    {"enqueue", "SOURCE [TARGET]", 1, 2, "Put an event for every row on the queue.",
     "bucketable enqueue s3://my-docs/docs/ --sqs-queue-url URL", cli_enqueue,
     CLI_TAKES(CLI_OPTION_ONLY_CHANGED), ALL, false},
    {"status", "TARGET", 1, 1, "Tell how a target's tables fare, from their state alone.",
     "bucketable status docs.db", cli_status, 0, BKT_GROUP_TARGET, true},
    {"check", "SOURCE [TARGET]", 1, 2, "Try all that is needed, and tell what mends it.",
     "bucketable check s3://my-docs/docs/ docs.db", cli_check, CLI_TAKES(CLI_OPTION_WRITE_TEST),
     ALL, false},
    {"setup", "SOURCE", 1, 1, "Tell, or set, what lets a bucket's changes reach its queue.",
     "bucketable setup s3://my-docs/docs/ --sqs-queue-url URL --apply", cli_setup,
     CLI_TAKES(CLI_OPTION_APPLY) | CLI_TAKES(CLI_OPTION_UNDO) | CLI_TAKES(CLI_OPTION_SNS) |
         CLI_TAKES(CLI_OPTION_EVENTBRIDGE),
     EVENTS, false},
    {"schema", "", 0, 0, "Print the JSON Schema of spec files.", "bucketable schema", cli_schema, 0,
     0, false},
    {0},
};

int cli_run(int argc, char **argv)
{
    struct cli_args args = {0};
    int status = cli_parse(argc, argv, &args);
    if (status == CLI_DONE && args.command)
        status = args.command->run(&args);
    bkt_config_free(args.config);
    return status;
}
