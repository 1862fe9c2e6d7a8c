#include "cli/cli.h"

#include <string.h>

enum { NAME_BYTES_MAX = 64 };

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

static void show_properties(FILE *out)
{
    static const enum bkt_property_group groups[] = {BKT_GROUP_BUCKET,  BKT_GROUP_ROWS,
                                                     BKT_GROUP_CONTENT, BKT_GROUP_EVENTS,
                                                     BKT_GROUP_TARGET,  BKT_GROUP_RUN};
    for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
        (void)fprintf(out, "\nOptions: %s\n", bkt_property_group_title(groups[g]));
        const struct bkt_property *property;
        for (size_t i = 0; (property = bkt_property_at(i)) != NULL; i++) {
            if (property->group != groups[g] || !property->option)
                continue;
            char left[64];
            (void)snprintf(left, sizeof(left), "--%s %s", property->option,
                           property->placeholder ? property->placeholder : "");
            (void)fprintf(out, "  %-30s %s", left, property->help);
            if (property->values)
                (void)fprintf(out, " One of: %s.", property->values);
            if (property->default_text && property->default_text[0])
                (void)fprintf(out, " [%s]", property->default_text);
            (void)fputc('\n', out);
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
        char left[64];
        char letter[8] = "";
        if (option->letter)
            (void)snprintf(letter, sizeof(letter), "-%c, ", option->letter);
        (void)snprintf(left, sizeof(left), "%s--%s %s", letter, option->name,
                       option->placeholder ? option->placeholder : "");
        (void)fprintf(out, "  %-30s %s\n", left, option->help);
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
            (void)fprintf(out, "  %-10s %s\n", c->name, c->help);
    }
    (void)fputs("\nOptions of all commands:\n"
                "  --json                         Data as JSON on stdout.\n"
                "  -q, --quiet                    Errors only.\n"
                "  -v, --verbose                  Tell more; may be repeated.\n"
                "  --log-format FORMAT            Messages as text or json. [text]\n"
                "  --progress WHEN                auto, always or never. [auto]\n"
                "  -h, --help                     This text, or that of a command.\n"
                "  --version                      The version.\n",
                out);
    if (command && command->options)
        show_command_options(out, command);
    if (command && command->word_count_max > 0)
        show_properties(out);
}
