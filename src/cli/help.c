#include "cli/cli.h"

#include <string.h>
#include <sys/ioctl.h>

enum { NAME_BYTES_MAX = 64 };

/* Columns: where no terminal says its own, below which one is not believed, where texts begin. */
enum {
    WIDTH_DEFAULT = 80,
    WIDTH_MIN = 40,
    TEXT_AT = 33,
    COMMAND_TEXT_AT = 13,
    TEXT_AT_NARROW = 8,
    TEXT_WIDTH_MIN = 27
};

const struct cli_global_info cli_globals_info[] = {
    {"json", NULL, "Data as JSON on stdout.", NULL, 0},
    {"quiet", NULL, "Errors only.", NULL, 'q'},
    {"verbose", NULL, "Tell more; may be repeated.", NULL, 'v'},
    {"log-format", "FORMAT", "Messages as text or json. [text]", "text, json", 0},
    {"progress", "WHEN", "auto, always or never. [auto]", "auto, always, never", 0},
    {"help", NULL, "This text, or that of a command.", NULL, 'h'},
    {"version", NULL, "The version.", NULL, 0},
    {0},
};

/* Optimal string alignment: insert, delete, replace, swap neighbors. */
static size_t distance(const char *a, const char *b)
{
    size_t a_len = strlen(a);
    size_t b_len = strlen(b);
    if (a_len > NAME_BYTES_MAX || b_len > NAME_BYTES_MAX)
        return NAME_BYTES_MAX;
    size_t rows[3][NAME_BYTES_MAX + 1];
    for (size_t j = 0; j <= b_len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t *now = rows[i % 3];
        const size_t *last = rows[(i + 2) % 3];
        const size_t *before = rows[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t best = last[j - 1] + (a[i - 1] != b[j - 1]);
            if (last[j] + 1 < best)
                best = last[j] + 1;
            if (now[j - 1] + 1 < best)
                best = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
        }
    }
    return rows[a_len % 3][b_len];
}

/* The candidate that `word` may be a misspelling of; NULL when none is near. */
const char *cli_nearest(const char *word, const char *const *candidates, size_t count)
{
    const char *best = NULL;
    size_t best_distance = strlen(word) / 3 + 2;
    for (size_t i = 0; i < count; i++) {
        size_t d = distance(word, candidates[i]);
        if (d < best_distance) {
            best = candidates[i];
            best_distance = d;
        }
    }
    return best;
}

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

void cli_property_text(const struct bkt_property *property, char *out, size_t size)
{
    bool has_default = property->default_text && property->default_text[0];
    (void)snprintf(out, size, "%s%s%s%s%s%s%s", property->help, property->values ? " One of: " : "",
                   property->values ? property->values : "", property->values ? "." : "",
                   has_default ? " [" : "", has_default ? property->default_text : "",
                   has_default ? "]" : "");
}

static void show_option(
    FILE *out, char letter, const char *name, const char *placeholder, const char *text)
{
    char left[64];
    char before[8] = "";
    if (letter)
        (void)snprintf(before, sizeof(before), "-%c, ", letter);
    (void)snprintf(left, sizeof(left), "%s--%s%s%s", before, name, placeholder ? " " : "",
                   placeholder ? placeholder : "");
    show_entry(out, left, TEXT_AT, text);
}

static void show_properties(FILE *out, unsigned shown)
{
    static const enum bkt_property_group groups[] = {BKT_GROUP_BUCKET,  BKT_GROUP_ROWS,
                                                     BKT_GROUP_CONTENT, BKT_GROUP_EVENTS,
                                                     BKT_GROUP_TARGET,  BKT_GROUP_RUN};
    for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
        if (!(shown & groups[g]))
            continue;
        (void)fprintf(out, "\nOptions: %s\n", bkt_property_group_title(groups[g]));
        const struct bkt_property *property;
        for (size_t i = 0; (property = bkt_property_at(i)) != NULL; i++) {
            char text[512];
            if (property->group != groups[g] || !property->option)
                continue;
            cli_property_text(property, text, sizeof(text));
            show_option(out, 0, property->option, property->placeholder, text);
        }
    }
}

static void show_command_options(FILE *out, const struct cli_command *command)
{
    (void)fprintf(out, "\nOptions of %s:\n", command->name);
    for (size_t i = 0; i < CLI_OPTION_COUNT; i++) {
        const struct cli_option_info *option = &cli_options[i];
        if (!(command->options & CLI_TAKES(i)))
            continue;
        show_option(out, option->letter, option->name, option->placeholder, option->help);
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
    (void)fputs("\nOptions of all commands:\n", out);
    for (const struct cli_global_info *info = cli_globals_info; info->name; info++)
        show_option(out, info->letter, info->name, info->placeholder, info->help);
    if (command && command->options)
        show_command_options(out, command);
    if (command)
        show_properties(out, command->groups);
}
