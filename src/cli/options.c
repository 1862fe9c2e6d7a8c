#include "cli/options.h"

#include "cli/cli.h"

#include <string.h>

enum { NAME_BYTES_MAX = 64 };

static const struct cli_option own[CLI_OPTION_COUNT] = {
    [CLI_OPTION_JSON] = {.name = "json", .help = "Data as JSON on stdout."},
    [CLI_OPTION_QUIET] = {.name = "quiet", .letter = 'q', .help = "Warnings and errors only."},
    [CLI_OPTION_VERBOSE] = {.name = "verbose",
                            .letter = 'v',
                            .help = "Tell more; may be repeated."},
    [CLI_OPTION_LOG_FORMAT] = {.name = "log-format",
                               .placeholder = "FORMAT",
                               .values = "text, json",
                               .default_text = "text",
                               .help = "How messages look."},
    [CLI_OPTION_PROGRESS] = {.name = "progress",
                             .placeholder = "WHEN",
                             .values = "auto, always, never",
                             .default_text = "auto",
                             .help = "Whether to tell how far it is."},
    [CLI_OPTION_HELP] = {.name = "help", .letter = 'h', .help = "This text, or that of a command."},
    [CLI_OPTION_VERSION] = {.name = "version", .help = "The version."},
    [CLI_OPTION_NULL] = {.name = "null", .letter = '0', .help = "Bare keys, each ended by a NUL."},
    [CLI_OPTION_DEEP] = {.name = "deep", .help = "Read every object and compare it with its row."},
    [CLI_OPTION_REPAIR] = {.name = "repair", .help = "Mend what differs."},
    [CLI_OPTION_ONLY_CHANGED] = {.name = "only-changed",
                                 .help = "Only keys whose rows differ from the bucket."},
    [CLI_OPTION_WRITE_TEST] = {.name = "write-test",
                               .help = "Put a test object, read it, delete it."},
    [CLI_OPTION_APPLY] = {.name = "apply", .help = "Set them, keeping what is there."},
    [CLI_OPTION_UNDO] = {.name = "undo", .help = "Remove what --apply has set, and no more."},
    [CLI_OPTION_SNS] = {.name = "sns",
                        .placeholder = "ARN",
                        .help = "The bucket tells this topic, which tells the queue."},
    [CLI_OPTION_EVENTBRIDGE] = {.name = "eventbridge",
                                .help = "The bucket tells EventBridge, which tells the queue."},
    [CLI_OPTION_DDL] = {.name = "ddl",
                        .help = "Print the SQL that makes the target's tables, and do no more."},
    [CLI_OPTION_LISTEN] = {.name = "listen",
                           .placeholder = "ADDR:PORT",
                           .help = "Serve /metrics, /healthz and a status page at /; :9100 for "
                                   "this machine alone."},
};

bool cli_option_at(size_t i, struct cli_option *out_option)
{
    if (i < CLI_OPTION_COUNT) {
        *out_option = own[i];
        out_option->id = (enum cli_option_id)i;
        return true;
    }
    const struct bkt_property *property = bkt_property_at(i - CLI_OPTION_COUNT);
    if (!property)
        return false;
    *out_option = (struct cli_option){
        .name = property->option,
        .placeholder = property->placeholder,
        .values = property->values,
        .default_text = property->default_text,
        .help = property->help,
        .id = CLI_OPTION_PROPERTY,
        .property = property,
    };
    return true;
}

bool cli_option_find(const char *name, size_t name_len, struct cli_option *out_option)
{
    struct cli_option option;
    for (size_t i = 0; cli_option_at(i, &option); i++) {
        if (strlen(option.name) == name_len && strncmp(option.name, name, name_len) == 0) {
            *out_option = option;
            return true;
        }
    }
    return false;
}

bool cli_option_find_letter(char letter, struct cli_option *out_option)
{
    struct cli_option option;
    for (size_t i = 0; cli_option_at(i, &option); i++) {
        if (option.letter && option.letter == letter) {
            *out_option = option;
            return true;
        }
    }
    return false;
}

bool cli_option_is_common(const struct cli_option *option)
{
    return option->id <= CLI_OPTION_COMMON_LAST;
}

bool cli_option_is_akin(const struct cli_option *a, const struct cli_option *b)
{
    return a->property && b->property
               ? a->property->group == b->property->group
               : !a->property && !b->property && cli_option_is_common(a) == cli_option_is_common(b);
}

bool cli_option_is_for(const struct cli_option *option, const struct cli_command *command)
{
    if (option->property)
        return command->groups & option->property->group;
    return cli_option_is_common(option) || (command->options & CLI_TAKES(option->id));
}

int cli_option_value_index(const struct cli_option *option, const char *value)
{
    int index = 0;
    for (const char *at = option->values; at; at = strchr(at, ','), index++) {
        at += strspn(at, ", ");
        size_t len = strcspn(at, ",");
        if (strlen(value) == len && strncmp(at, value, len) == 0)
            return index;
    }
    return -1;
}

void cli_option_text(const struct cli_option *option, char *out, size_t size)
{
    bool has_default = option->default_text && option->default_text[0];
    (void)snprintf(out, size, "%s%s%s%s%s%s%s", option->help, option->values ? " One of: " : "",
                   option->values ? option->values : "", option->values ? "." : "",
                   has_default ? " [" : "", has_default ? option->default_text : "",
                   has_default ? "]" : "");
}

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

void cli_nearest_try(struct cli_nearest *near, const char *candidate)
{
    size_t found = distance(near->word, candidate);
    if (found < (near->name ? near->distance : strlen(near->word) / 3 + 2)) {
        near->name = candidate;
        near->distance = found;
    }
}
