#include "cli/cli.h"

#include <string.h>
#include <sys/ioctl.h>

/* Columns: where no terminal says its own, below which one is not believed, where texts begin. */
enum {
    WIDTH_DEFAULT = 80,
    WIDTH_MIN = 40,
    TEXT_AT = 33,
    COMMAND_TEXT_AT = 13,
    TEXT_AT_NARROW = 8,
    TEXT_WIDTH_MIN = 27
};

static size_t width_of(FILE *out)
{
    struct winsize size;
    if (ioctl(fileno(out), TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return WIDTH_DEFAULT;
    return size.ws_col < WIDTH_MIN ? WIDTH_MIN : size.ws_col;
}

/* Words of `text` from `column` on; lines that do not fit continue below `indent`. */
static void show_wrapped(FILE *out, const char *text, size_t column, size_t indent, size_t width)
{
    bool is_first = true;
    for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
        size_t len = strcspn(text, " ");
        if (!is_first && column + 1 + len > width) {
            (void)fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (!is_first) {
            (void)fputc(' ', out);
            column++;
        }
        (void)fwrite(text, 1, len, out);
        column += len;
        text += len;
        is_first = false;
    }
    (void)fputc('\n', out);
}

/* "  --name VALUE      What it does."; a name too long for its column has a line to itself. */
static void show_entry(FILE *out, const char *left, size_t text_at, const char *text)
{
    size_t width = width_of(out);
    size_t indent = text_at + TEXT_WIDTH_MIN <= width ? text_at : TEXT_AT_NARROW;
    if (2 + strlen(left) < indent) {
        (void)fprintf(out, "  %-*s", (int)indent - 2, left);
    } else {
        (void)fprintf(out, "  %s\n%*s", left, (int)indent, "");
    }
    show_wrapped(out, text, indent, indent, width);
}

static void show_option(FILE *out, const struct cli_option *option)
{
    char left[64];
    char before[8] = "";
    char text[512];
    if (option->letter)
        (void)snprintf(before, sizeof(before), "-%c, ", option->letter);
    (void)snprintf(left, sizeof(left), "%s--%s%s%s", before, option->name,
                   option->placeholder ? " " : "", option->placeholder ? option->placeholder : "");
    cli_option_text(option, text, sizeof(text));
    show_entry(out, left, TEXT_AT, text);
}

static void show_heading(FILE *out, const struct cli_option *option, const char *command_name)
{
    if (option->property)
        (void)fprintf(out, "\nOptions: %s\n", bkt_property_group_title(option->property->group));
    else
        (void)fprintf(out, "\nOptions of %s:\n",
                      cli_option_is_common(option) ? "all commands" : command_name);
}

static void show_options(FILE *out, const struct cli_command *command)
{
    struct cli_option option;
    struct cli_option last;
    bool is_first = true;
    for (size_t i = 0; cli_option_at(i, &option); i++) {
        if (command ? !cli_option_is_for(&option, command) : !cli_option_is_common(&option))
            continue;
        if (is_first || !cli_option_is_akin(&option, &last))
            show_heading(out, &option, command ? command->name : NULL);
        show_option(out, &option);
        last = option;
        is_first = false;
    }
}

void cli_show_help(FILE *out, const struct cli_command *command)
{
    if (command) {
        (void)fprintf(out, "usage: bucketable %s %s [options]\n\n%s\n\nFor example:\n  %s\n",
                      command->name, command->words, command->help, command->example);
    } else {
        (void)fputs("usage: bucketable COMMAND SOURCE [TARGET] [options]\n\n"
                    "An S3 bucket as a live keyed table: filename -> content.\n\n"
                    "SOURCE is s3://bucket/prefix or a spec file (*.json), TARGET a table's place: "
                    "docs.db.\n\nCommands:\n",
                    out);
        for (const struct cli_command *c = cli_commands; c->name; c++)
            show_entry(out, c->name, COMMAND_TEXT_AT, c->help);
    }
    show_options(out, command);
}
