/*
 * What is made of the tables of commands and options when the program is built:
 *
 *   manual man | bash | zsh | fish
 *
 * the page for man(1) (see man(7) for the language), and what completes words in three shells.
 */
#include "cli/cli.h"
#include "cli/completion.h"

#include <ctype.h>
#include <string.h>

/* man(7): a backslash is \\e, a hyphen that is to stay one \\-, and no line begins with a dot. */
static void put_roff(const char *text)
{
    for (; *text; text++) {
        if (*text == '\\')
            (void)fputs("\\e", stdout);
        else if (*text == '-')
            (void)fputs("\\-", stdout);
        else if (*text == '\'')
            (void)fputs("\\(aq", stdout);
        else
            (void)putchar(*text);
    }
}

static void put_line(const char *text)
{
    if (*text == '.')
        (void)fputs("\\&", stdout);
    put_roff(text);
    (void)putchar('\n');
}

static void put_heading(const struct cli_option *option)
{
    const char *title = option->property ? bkt_property_group_title(option->property->group)
                        : cli_option_is_common(option) ? "of all commands"
                                                       : "of some commands";
    (void)printf(".SH OPTIONS%s ", option->property ? ":" : "");
    for (; *title; title++)
        (void)putchar(toupper((unsigned char)*title));
    (void)putchar('\n');
}

static void put_option(const struct cli_option *option)
{
    char text[512];
    (void)fputs(".TP\n", stdout);
    if (option->letter)
        (void)printf("\\fB\\-%c\\fR, ", option->letter);
    (void)fputs("\\fB\\-\\-", stdout);
    put_roff(option->name);
    (void)fputs("\\fR", stdout);
    if (option->placeholder) {
        (void)fputs(" \\fI", stdout);
        put_roff(option->placeholder);
        (void)fputs("\\fR", stdout);
    }
    (void)putchar('\n');
    cli_option_text(option, text, sizeof(text));
    put_line(text);
}

static void put_options(void)
{
    struct cli_option option;
    struct cli_option last;
    for (size_t i = 0; cli_option_at(i, &option); i++) {
        if (i == 0 || !cli_option_is_akin(&option, &last))
            put_heading(&option);
        put_option(&option);
        last = option;
    }
}

/* Options of its own, and sections of the page. */
static void put_taken(const struct cli_command *command)
{
    const char *before = "Takes ";
    struct cli_option option;
    for (size_t i = CLI_OPTION_COMMON_LAST + 1; i < CLI_OPTION_COUNT; i++) {
        if (!cli_option_at(i, &option) || !cli_option_is_for(&option, command))
            continue;
        (void)printf("%s\\-\\-", before);
        put_roff(option.name);
        before = ", ";
    }
    before = *before == ',' ? "; and the options below for: " : "Takes the options below for: ";
    for (int group = BKT_GROUP_BUCKET; group <= BKT_GROUP_RUN; group <<= 1) {
        if (!(command->groups & (unsigned)group))
            continue;
        (void)fputs(before, stdout);
        put_roff(bkt_property_group_title((enum bkt_property_group)group));
        before = "; ";
    }
    (void)fputs(*before == ';' ? ".\n" : "Takes no options of its own.\n", stdout);
}

/* Of a word and what is said of it; a NULL ends them. */
static const char *const exit_statuses[][2] = {
    {"0", "Done."},
    {"1", "Failed; what was committed is whole and right, the rest as it was."},
    {"2", "Wrong usage or configuration: nothing was tried."},
    {"3", "Done, but some objects could not be made rows."},
    {"4", "Stopped by max_deletes; nothing was removed."},
    {"5", "verify: bucket and table differ."},
    {"130, 143", "Ended by SIGINT or SIGTERM; watch exits with 0."},
    {0},
};
static const char *const environment[][2] = {
    {"AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN", "The keys."},
    {"AWS_PROFILE", "The profile of the AWS files that keys and settings come from."},
    {"AWS_REGION", "The region."},
    {"AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL_SQS", "Where requests go."},
    {"AWS_CA_BUNDLE", "Certificates to trust (PEM)."},
    {"HTTPS_PROXY, NO_PROXY", "The way to S3 and SQS."},
    {"PGPASSWORD, REDISCLI_AUTH", "Passwords of PostgreSQL and Redis, in place of their URLs."},
    {"KAFKA_SASL_PASSWORD, KAFKA_SSL_KEY_PASSWORD",
     "In place of --kafka-option sasl.password=... and ssl.key.password=...."},
    {0},
};
static const char *const files[][2] = {
    {"~/.aws/config, ~/.aws/credentials", "Profiles, as the AWS CLI has them."},
    {"/etc/bucketable/NAME.json", "The spec file of the service bucketable@NAME."},
    {0},
};

static void write_man_list(const char *title, const char *const (*lines)[2])
{
    (void)printf(".SH %s\n", title);
    for (; (*lines)[0]; lines++) {
        (void)fputs(".TP\n\\fB", stdout);
        put_roff((*lines)[0]);
        (void)fputs("\\fR\n", stdout);
        put_line((*lines)[1]);
    }
}

static void write_man(void)
{
    (void)printf(".TH BUCKETABLE 1 \"\" \"bucketable %s\" \"User Commands\"\n"
                 ".SH NAME\nbucketable \\- an S3 bucket as a live keyed table\n"
                 ".SH SYNOPSIS\n.B bucketable\n\\fICOMMAND SOURCE\\fR [\\fITARGET\\fR]"
                 " [\\fIoptions\\fR]\n.SH DESCRIPTION\n",
                 bkt_version());
    put_line(
        "SOURCE is s3://bucket/prefix or a spec file (*.json). TARGET is where the table lives: an "
        "SQLite file, postgresql://..., kafka://BROKERS/TOPIC, or jsonl:FILE.");
    (void)fputs(".SH COMMANDS\n", stdout);
    for (const struct cli_command *command = cli_commands; command->name; command++) {
        (void)printf(".TP\n\\fB%s\\fR \\fI%s\\fR\n", command->name, command->words);
        put_line(command->help);
        put_taken(command);
    }
    put_options();
    write_man_list("EXIT STATUS", exit_statuses);
    write_man_list("ENVIRONMENT", environment);
    write_man_list("FILES", files);
    (void)fputs(".SH EXAMPLES\n", stdout);
    for (const struct cli_command *command = cli_commands; command->name; command++) {
        (void)fputs(".PP\n.EX\n", stdout);
        put_line(command->example);
        (void)fputs(".EE\n", stdout);
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*write)(void);
    } forms[] = {
        {"man", write_man},
        {"bash", cli_complete_bash},
        {"zsh", cli_complete_zsh},
        {"fish", cli_complete_fish},
    };
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]) && argc == 2; i++) {
        if (strcmp(forms[i].name, argv[1]) == 0) {
            forms[i].write();
            return fflush(stdout) == 0 ? 0 : 1;
        }
    }
    (void)fputs("usage: manual man|bash|zsh|fish\n", stderr);
    return 2;
}
