#include "cli/cli.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SPEC_BYTES_MAX = 1 << 20, OPTIONS_MAX = 4096 };

enum global_option {
    GLOBAL_JSON,
    GLOBAL_QUIET,
    GLOBAL_VERBOSE,
    GLOBAL_LOG_FORMAT,
    GLOBAL_PROGRESS,
    GLOBAL_HELP,
    GLOBAL_VERSION,
};

static const struct {
    const char *name;
    char letter;
    const char *placeholder; /* NULL where it takes no value */
    enum global_option option;
} globals_table[] = {
    {"json", 0, NULL, GLOBAL_JSON},
    {"quiet", 'q', NULL, GLOBAL_QUIET},
    {"verbose", 'v', NULL, GLOBAL_VERBOSE},
    {"log-format", 0, "text|json", GLOBAL_LOG_FORMAT},
    {"progress", 0, "auto|always|never", GLOBAL_PROGRESS},
    {"help", 'h', NULL, GLOBAL_HELP},
    {"version", 0, NULL, GLOBAL_VERSION},
};
enum { GLOBAL_COUNT = sizeof(globals_table) / sizeof(globals_table[0]) };

const struct cli_option_info cli_options[CLI_OPTION_COUNT] = {
    [CLI_OPTION_NULL] = {"null", NULL, "Bare keys, each ended by a NUL.", '0'},
    [CLI_OPTION_DEEP] = {"deep", NULL, "Read every object and compare it with its row.", 0},
    [CLI_OPTION_REPAIR] = {"repair", NULL, "Mend what differs.", 0},
    [CLI_OPTION_ONLY_CHANGED] = {"only-changed", NULL,
                                 "Only keys whose rows differ from the bucket.", 0},
    [CLI_OPTION_WRITE_TEST] = {"write-test", NULL, "Put a test object, read it, delete it.", 0},
    [CLI_OPTION_APPLY] = {"apply", NULL, "Set them, keeping what is there.", 0},
    [CLI_OPTION_UNDO] = {"undo", NULL, "Remove what --apply has set, and no more.", 0},
    [CLI_OPTION_SNS] = {"sns", "ARN", "The bucket tells this topic, which tells the queue.", 0},
    [CLI_OPTION_EVENTBRIDGE] = {"eventbridge", NULL,
                                "The bucket tells EventBridge, which tells the queue.", 0},
    [CLI_OPTION_DDL] = {"ddl", NULL,
                        "Print the SQL that makes the target's tables, and do no more.", 0},
    [CLI_OPTION_LISTEN] = {"listen", "ADDR:PORT",
                           "Serve /metrics, /healthz and a status page at /; :9100 for this "
                           "machine alone.",
                           0},
};

/* An option of the property table, as given; set after the spec file, which it wins over. */
struct given {
    const struct bkt_property *property;
    const char *value;
};

struct parser {
    int argc;
    char **argv;
    int at;
    struct cli_args *args;
    struct given given[OPTIONS_MAX];
    size_t given_count;
    bool help;
    bool version;
};

static int usage(const struct parser *parser, const char *fmt, const char *a, const char *b)
{
    const struct cli_command *command = parser->args->command;
    char text[512];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    (void)snprintf(text, sizeof(text), fmt, a, b);
#pragma GCC diagnostic pop
    cli_say(&parser->args->globals, "error", "%s (for example: %s)", text,
            command ? command->example : "bucketable sync s3://my-docs/docs/ docs.db");
    return CLI_USAGE;
}

static int needs_value(const struct parser *parser, const char *option, const char *placeholder)
{
    cli_say(&parser->args->globals, "error", "--%s needs a value: --%s %s", option, option,
            placeholder);
    return CLI_USAGE;
}

static int set_global(struct parser *parser, enum global_option option, const char *value)
{
    struct cli_globals *globals = &parser->args->globals;
    switch (option) {
    case GLOBAL_JSON:
        globals->json = true;
        return CLI_DONE;
    case GLOBAL_QUIET:
        globals->quiet = true;
        return CLI_DONE;
    case GLOBAL_VERBOSE:
        globals->verbose++;
        return CLI_DONE;
    case GLOBAL_HELP:
        parser->help = true;
        return CLI_DONE;
    case GLOBAL_VERSION:
        parser->version = true;
        return CLI_DONE;
    case GLOBAL_LOG_FORMAT:
        assert(value);
        globals->log_json = strcmp(value, "json") == 0;
        if (globals->log_json || strcmp(value, "text") == 0)
            return CLI_DONE;
        return usage(parser, "--log-format: \"%s\" is neither text nor json%s", value, "");
    case GLOBAL_PROGRESS:
        assert(value);
        globals->progress = strcmp(value, "always") == 0  ? CLI_PROGRESS_ALWAYS
                            : strcmp(value, "never") == 0 ? CLI_PROGRESS_NEVER
                                                          : CLI_PROGRESS_AUTO;
        if (globals->progress != CLI_PROGRESS_AUTO || strcmp(value, "auto") == 0)
            return CLI_DONE;
        return usage(parser, "--progress: \"%s\" is none of auto, always, never%s", value, "");
    }
    return CLI_DONE;
}

static bool same_name(const char *name, const char *word, size_t len)
{
    return strlen(name) == len && strncmp(name, word, len) == 0;
}

/* "--max-file-size" is `max_file_size`; "--include" is what the table calls it. */
static const struct bkt_property *find_property(const char *word, size_t len)
{
    const struct bkt_property *property;
    for (size_t i = 0; (property = bkt_property_at(i)) != NULL; i++) {
        if (property->option && same_name(property->option, word, len))
            return property;
    }
    return NULL;
}

static int unknown_option(const struct parser *parser, const char *word)
{
    const char *names[300];
    size_t count = 0;
    const struct bkt_property *property;
    for (size_t i = 0; (property = bkt_property_at(i)) != NULL && count < 200; i++) {
        if (property->option)
            names[count++] = property->option;
    }
    for (size_t i = 0; i < GLOBAL_COUNT; i++)
        names[count++] = globals_table[i].name;
    for (size_t i = 0; i < CLI_OPTION_COUNT; i++)
        names[count++] = cli_options[i].name;
    const char *near = cli_nearest(word, names, count);
    if (near)
        return usage(parser, "there is no option --%s; did you mean --%s?", word, near);
    return usage(parser, "there is no option --%s; bucketable --help lists them%s", word, "");
}

/* The value after `=`, or the next argument. */
static const char *take_value(struct parser *parser, const char *equals)
{
    if (equals)
        return equals + 1;
    if (parser->at + 1 < parser->argc)
        return parser->argv[++parser->at];
    return NULL;
}

/* Whether the command takes it is seen when the command is known. */
static int set_command_option(struct parser *parser,
                              const struct cli_option_info *option,
                              const char *equals)
{
    const char *value = "";
    if (option->placeholder) {
        value = take_value(parser, equals);
        if (!value)
            return needs_value(parser, option->name, option->placeholder);
    } else if (equals) {
        return usage(parser, "--%s takes no value%s", option->name, "");
    }
    parser->args->options[option - cli_options] = value;
    return CLI_DONE;
}

static int give_property(struct parser *parser,
                         const struct bkt_property *property,
                         const char *equals)
{
    if (parser->given_count == OPTIONS_MAX)
        return usage(parser, "too many options%s%s", "", "");
    struct given *given = &parser->given[parser->given_count++];
    given->property = property;
    if (property->kind == BKT_PROPERTY_BOOL) {
        given->value = equals ? equals + 1 : NULL;
    } else {
        given->value = take_value(parser, equals);
    }
    if (!given->value && property->kind != BKT_PROPERTY_BOOL) {
        assert(property->placeholder);
        return needs_value(parser, property->option, property->placeholder);
    }
    return CLI_DONE;
}

static int parse_long(struct parser *parser, const char *word)
{
    const char *equals = strchr(word, '=');
    size_t len = equals ? (size_t)(equals - word) : strlen(word);
    for (size_t i = 0; i < GLOBAL_COUNT; i++) {
        if (!same_name(globals_table[i].name, word, len))
            continue;
        const char *value = NULL;
        if (globals_table[i].placeholder) {
            value = take_value(parser, equals);
            if (!value)
                return needs_value(parser, globals_table[i].name, globals_table[i].placeholder);
        } else if (equals) {
            return usage(parser, "--%s takes no value%s", globals_table[i].name, "");
        }
        return set_global(parser, globals_table[i].option, value);
    }

    for (size_t i = 0; i < CLI_OPTION_COUNT; i++) {
        if (same_name(cli_options[i].name, word, len))
            return set_command_option(parser, &cli_options[i], equals);
    }

    const struct bkt_property *property = find_property(word, len);
    if (!property) {
        char name[128];
        (void)snprintf(name, sizeof(name), "%.*s", (int)len, word);
        return unknown_option(parser, name);
    }
    return give_property(parser, property, equals);
}

static int parse_letter(struct parser *parser, char letter)
{
    for (size_t i = 0; i < GLOBAL_COUNT; i++) {
        if (globals_table[i].letter == letter)
            return set_global(parser, globals_table[i].option, NULL);
    }
    for (size_t i = 0; i < CLI_OPTION_COUNT; i++) {
        if (cli_options[i].letter == letter)
            return set_command_option(parser, &cli_options[i], NULL);
    }
    const char text[] = {letter, '\0'};
    return usage(parser, "there is no option -%s; bucketable --help lists them%s", text, "");
}

static int parse_letters(struct parser *parser, const char *letters)
{
    for (const char *letter = letters; *letter; letter++) {
        int status = parse_letter(parser, *letter);
        if (status)
            return status;
    }
    return CLI_DONE;
}

static int take_word(struct parser *parser, const char *word)
{
    struct cli_args *args = parser->args;
    if (!args->command && strcmp(word, "help") == 0) {
        parser->help = true; /* of the command that follows, if any */
        return CLI_DONE;
    }
    if (!args->command) {
        const char *names[32];
        size_t count = 0;
        for (const struct cli_command *c = cli_commands; c->name; c++) {
            if (strcmp(c->name, word) == 0) {
                args->command = c;
                return CLI_DONE;
            }
            names[count++] = c->name;
        }
        const char *near = cli_nearest(word, names, count);
        if (near)
            return usage(parser, "there is no command \"%s\"; did you mean %s?", word, near);
        return usage(parser, "there is no command \"%s\"; bucketable --help lists them%s", word,
                     "");
    }
    if (args->word_count == args->command->word_count_max)
        return usage(parser, "\"%s\" is one word too many for %s", word, args->command->name);
    args->words[args->word_count++] = word;
    return CLI_DONE;
}

static int parse_words(struct parser *parser)
{
    bool options_ended = false;
    for (; parser->at < parser->argc; parser->at++) {
        const char *word = parser->argv[parser->at];
        int status;
        if (options_ended || word[0] != '-' || word[1] == '\0') {
            status = take_word(parser, word);
        } else if (strcmp(word, "--") == 0) {
            options_ended = true;
            continue;
        } else if (word[1] == '-') {
            status = parse_long(parser, word + 2);
        } else {
            status = parse_letters(parser, word + 1);
        }
        if (status)
            return status;
    }
    return CLI_DONE;
}

static int load_spec(const struct cli_args *args, const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = malloc(SPEC_BYTES_MAX + 1);
    if (!file || !text) {
        cli_say(&args->globals, "error", "read the spec file %s: %s", path, strerror(errno));
        if (file)
            (void)fclose(file);
        free(text);
        return CLI_USAGE;
    }
    size_t len = fread(text, 1, SPEC_BYTES_MAX + 1, file);
    bool failed = ferror(file);
    (void)fclose(file);
    struct bkt_error err;
    int status = CLI_DONE;
    if (failed) {
        cli_say(&args->globals, "error", "read the spec file %s: it cannot be read", path);
        status = CLI_USAGE;
    } else if (bkt_config_load_spec(args->config, text, len, path, &err)) {
        status = cli_fail(&args->globals, &err);
    }
    free(text);
    return status;
}

static bool ends_in(const char *text, const char *end)
{
    size_t len = strlen(text);
    size_t end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* SOURCE is a bucket or a spec file, and so may TARGET be where it comes first. */
static int take_first_word(struct cli_args *args)
{
    const char *word = args->words[0];
    if (ends_in(word, ".json") && !strstr(word, "://") && strncmp(word, "jsonl:", 6) != 0)
        return load_spec(args, word);
    struct bkt_error err;
    int rc = args->command->is_about_target ? bkt_config_set(args->config, "url", word, &err)
                                            : bkt_config_source(args->config, word, &err);
    return rc ? cli_fail(&args->globals, &err) : CLI_DONE;
}

static int check_options(const struct parser *parser)
{
    const struct cli_command *command = parser->args->command;
    for (size_t i = 0; i < CLI_OPTION_COUNT; i++) {
        if (parser->args->options[i] && !(command->options & CLI_TAKES(i)))
            return usage(parser, "%s does not take --%s", command->name, cli_options[i].name);
    }
    return CLI_DONE;
}

static int apply(struct parser *parser)
{
    struct cli_args *args = parser->args;
    struct bkt_error err;
    if (bkt_config_new(&args->config, &err))
        return cli_fail(&args->globals, &err);
    if (args->word_count > 0) {
        int status = take_first_word(args);
        if (status)
            return status;
    }
    for (size_t i = 0; i < parser->given_count; i++) {
        const struct given *given = &parser->given[i];
        bool is_list =
            given->property->kind == BKT_PROPERTY_LIST || given->property->kind == BKT_PROPERTY_SET;
        int rc = is_list ? bkt_config_add(args->config, given->property->name, given->value, &err)
                         : bkt_config_set(args->config, given->property->name, given->value, &err);
        if (rc)
            return cli_fail(&args->globals, &err);
    }
    return CLI_DONE;
}

int cli_parse(int argc, char **argv, struct cli_args *args)
{
    struct parser *parser = calloc(1, sizeof(*parser));
    if (!parser) {
        (void)fputs("bucketable: out of memory\n", stderr);
        return CLI_FAILED;
    }
    parser->argc = argc;
    parser->argv = argv;
    parser->at = 1;
    parser->args = args;
    int status = parse_words(parser);
    const struct cli_command *command = args->command;
    if (status == CLI_DONE && parser->version) {
        (void)printf("bucketable %s\n", bkt_version());
        args->command = NULL;
    } else if (status == CLI_DONE && parser->help) {
        cli_show_help(stdout, command);
        args->command = NULL;
    } else if (status == CLI_DONE && !command) {
        cli_show_help(stderr, NULL);
        status = CLI_USAGE;
    } else if (status == CLI_DONE && args->word_count < command->word_count_min) {
        status = usage(parser, "%s needs %s", command->name, command->words);
    } else if (status == CLI_DONE) {
        status = check_options(parser);
        if (status == CLI_DONE)
            status = apply(parser);
    }
    free(parser);
    return status;
}
