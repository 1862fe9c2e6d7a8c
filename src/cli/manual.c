/*
 * What is made of the tables of commands and options when the program is built:
 *
 *   manual man | bash | zsh | fish
 *
 * the page for man(1) (see man(7) for the language), and what completes words in three shells.
 */
#include "cli/completion.h"

#include <ctype.h>
#include <string.h>

/* Of every option: those of all commands, the properties, those of some commands. */
typedef void option_fn(char letter, const char *name, const char *placeholder, const char *text);

static void each_global(option_fn *fn)
{
    for (const struct cli_global_info *info = cli_globals_info; info->name; info++)
        fn(info->letter, info->name, info->placeholder, info->help);
}

static void each_of_commands(option_fn *fn)
{
    for (size_t i = 0; i < CLI_OPTION_COUNT; i++)
        fn(cli_options[i].letter, cli_options[i].name, cli_options[i].placeholder,
           cli_options[i].help);
}

static void each_property(option_fn *fn, enum bkt_property_group group)
{
    const struct bkt_property *property;
    for (size_t i = 0; (property = bkt_property_at(i)) != NULL; i++) {
        char text[512];
        if (!property->option || property->group != group)
            continue;
        cli_property_text(property, text, sizeof(text));
        fn(0, property->option, property->kind == BKT_PROPERTY_BOOL ? NULL : property->placeholder,
           text);
    }
}

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

static void put_man_option(char letter, const char *name, const char *placeholder, const char *text)
{
    (void)fputs(".TP\n", stdout);
    if (letter)
        (void)printf("\\fB\\-%c\\fR, ", letter);
    (void)fputs("\\fB\\-\\-", stdout);
    put_roff(name);
    (void)fputs("\\fR", stdout);
    if (placeholder) {
        (void)fputs(" \\fI", stdout);
        put_roff(placeholder);
        (void)fputs("\\fR", stdout);
    }
    (void)putchar('\n');
    put_line(text);
}

/* Options of its own, and sections of the page. */
static void put_taken(const struct cli_command *command)
{
    const char *before = "Takes ";
    for (size_t i = 0; i < CLI_OPTION_COUNT; i++) {
        if (!(command->options & CLI_TAKES(i)))
            continue;
        (void)printf("%s\\-\\-", before);
        put_roff(cli_options[i].name);
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
    (void)fputs(".SH OPTIONS OF ALL COMMANDS\n", stdout);
    each_global(put_man_option);
    (void)fputs(".SH OPTIONS OF SOME COMMANDS\n", stdout);
    each_of_commands(put_man_option);
    for (int group = BKT_GROUP_BUCKET; group <= BKT_GROUP_RUN; group <<= 1) {
        (void)fputs(".SH OPTIONS: ", stdout);
        for (const char *c = bkt_property_group_title((enum bkt_property_group)group); *c; c++)
            (void)putchar(toupper((unsigned char)*c));
        (void)putchar('\n');
        each_property(put_man_option, (enum bkt_property_group)group);
    }
    (void)fputs(".SH EXIT STATUS\n", stdout);
    static const char *const statuses[][2] = {
        {"0", "Done."},
        {"1", "Failed; what was committed is whole and right, the rest as it was."},
        {"2", "Wrong usage or configuration: nothing was tried."},
        {"3", "Done, but some objects could not be made rows."},
        {"4", "Stopped by max_deletes; nothing was removed."},
        {"5", "verify: bucket and table differ."},
        {"130, 143", "Ended by SIGINT or SIGTERM; watch exits with 0."},
    };
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        (void)printf(".TP\n\\fB%s\\fR\n", statuses[i][0]);
        put_line(statuses[i][1]);
    }
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
