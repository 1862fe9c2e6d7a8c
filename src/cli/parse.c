#include "cli/cli.h"

#include "cli/hide.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { SPEC_BYTES_MAX = 1 << 20 };

/* A property as given: it is set after the spec file, which it wins over. */
struct given {
    struct cli_option option;
    char *value; /* in argv */
};

struct parser {
    char **argv; /* ended by NULL */
    struct cli_args *args;
    struct given *given; /* room for as many as there are arguments */
    size_t given_count;
    bool help;
    bool version;
};

BKT_PRINTF(2, 3) static int usage(const struct parser *parser, const char *fmt, ...)
{
    const struct cli_command *command = parser->args->command;
    char text[512];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    cli_hide_passwords(text); /* of a URL that is in the wrong place */
    cli_say(&parser->args->globals, "error", "%s (for example: %s)", text,
            command ? command->example : "bucketable sync s3://my-docs/docs/ docs.db");
    return CLI_USAGE;
}

/* What all commands take.  `index` is the place among the values of an option that has some. */
static void set_global(struct parser *parser, enum cli_option_id id, int index)
{
    struct cli_globals *globals = &parser->args->globals;
    globals->json |= id == CLI_OPTION_JSON;
    globals->quiet |= id == CLI_OPTION_QUIET;
    globals->verbose += id == CLI_OPTION_VERBOSE;
    parser->help |= id == CLI_OPTION_HELP;
    parser->version |= id == CLI_OPTION_VERSION;
    if (id == CLI_OPTION_LOG_FORMAT)
        globals->log_json = index == 1;
    if (id == CLI_OPTION_PROGRESS)
        globals->progress = (enum cli_progress)index;
}

/* `equals`: the value that follows a `=`, or NULL.  Who takes it is asked when all are known. */
static int take_option(struct parser *parser, const struct cli_option *option, char *equals)
{
    bool is_property = option->id == CLI_OPTION_PROPERTY;
    char *value = equals;
    if (option->placeholder && !equals) {
        value = parser->argv[1];
        if (!value) {
            cli_say(&parser->args->globals, "error", "--%s needs a value: --%s %s", option->name,
                    option->name, option->placeholder);
            return CLI_USAGE;
        }
        parser->argv++;
    }
    if (is_property) {
        parser->given[parser->given_count++] = (struct given){*option, value};
        return CLI_DONE;
    }
    if (equals && !option->placeholder)
        return usage(parser, "--%s takes no value", option->name);
    int index = option->values ? cli_option_value_index(option, value) : 0;
    if (index < 0)
        return usage(parser, "--%s: \"%s\" is none of %s", option->name, value, option->values);
    set_global(parser, option->id, index);
    parser->args->options[option->id] = value ? value : "";
    return CLI_DONE;
}

static int take_name(struct parser *parser, char *word)
{
    struct cli_option option;
    size_t len = strcspn(word, "=");
    if (cli_option_find(word, len, &option))
        return take_option(parser, &option, word[len] ? word + len + 1 : NULL);

    char name[128];
    (void)snprintf(name, sizeof(name), "%.*s", (int)len, word);
    struct cli_nearest near = {.word = name};
    for (size_t i = 0; cli_option_at(i, &option); i++)
        cli_nearest_try(&near, option.name);
    if (near.name)
        return usage(parser, "there is no option --%s; did you mean --%s?", name, near.name);
    return usage(parser, "there is no option --%s; bucketable --help lists them", name);
}

static int take_letters(struct parser *parser, const char *letters)
{
    struct cli_option option;
    int status = CLI_DONE;
    if (letters[1] && cli_option_find(letters, strcspn(letters, "="), &option))
        return usage(parser, "-%s: did you mean --%s, with two dashes?", letters, option.name);
    for (const char *letter = letters; *letter && status == CLI_DONE; letter++) {
        status =
            cli_option_find_letter(*letter, &option)
                ? take_option(parser, &option, NULL)
                : usage(parser, "there is no option -%c; bucketable --help lists them", *letter);
    }
    return status;
}

static int take_command(struct parser *parser, const char *word)
{
    struct cli_nearest near = {.word = word};
    if (strcmp(word, "help") == 0) {
        parser->help = true; /* of the command that follows, if any */
        return CLI_DONE;
    }
    for (const struct cli_command *c = cli_commands; c->name; c++) {
        if (strcmp(c->name, word) == 0) {
            parser->args->command = c;
            return CLI_DONE;
        }
        cli_nearest_try(&near, c->name);
    }
    if (near.name)
        return usage(parser, "there is no command \"%s\"; did you mean %s?", word, near.name);
    return usage(parser, "there is no command \"%s\"; bucketable --help lists them", word);
}

static int take_word(struct parser *parser, char *word)
{
    struct cli_args *args = parser->args;
    if (!args->command)
        return take_command(parser, word);
    if (args->word_count == args->command->word_count_max)
        return usage(parser, "\"%s\" is one word too many for %s", word, args->command->name);
    args->words[args->word_count++] = word;
    return CLI_DONE;
}

static int take_all(struct parser *parser)
{
    bool options_ended = false;
    int status = CLI_DONE;
    for (; *parser->argv && status == CLI_DONE; parser->argv++) {
        char *word = *parser->argv;
        if (options_ended || word[0] != '-' || word[1] == '\0') {
            status = take_word(parser, word);
        } else if (strcmp(word, "--") == 0) {
            options_ended = true;
        } else if (word[1] == '-') {
            status = take_name(parser, word + 2);
        } else {
            status = take_letters(parser, word + 1);
        }
    }
    return status;
}

/* What the machine lacked just then: no mistake of who named the file. */
static bool is_lack(int number)
{
    return number == ENOMEM || number == EMFILE || number == ENFILE || number == EIO;
}

static int load_spec(const struct cli_args *args, const char *path)
{
    static char text[SPEC_BYTES_MAX + 1];
    FILE *file = fopen(path, "rb");
    if (file)
        (void)setvbuf(file, NULL, _IONBF, 0); /* there may be passwords in it: no other copy */
    size_t len = file ? fread(text, 1, sizeof(text), file) : 0;
    int status = CLI_DONE;
    struct bkt_error err;
    if (!file || ferror(file)) {
        int number = errno;
        cli_say(&args->globals, "error", "read the spec file %s: %s", path, strerror(number));
        status = is_lack(number) ? CLI_FAILED : CLI_USAGE;
    } else if (bkt_config_load_spec(args->config, text, len, path, &err)) {
        status = cli_fail(&args->globals, &err);
    }
    explicit_bzero(text, len);
    if (file)
        (void)fclose(file);
    return status;
}

static bool is_spec(const char *word)
{
    size_t len = strlen(word);
    return len >= 5 && strcmp(word + len - 5, ".json") == 0 && !strstr(word, "://") &&
           strncmp(word, "jsonl:", 6) != 0;
}

/* SOURCE is a bucket or a spec file, and so may TARGET be where it comes first. */
static int set_first_word(struct cli_args *args)
{
    const char *word = args->words[0];
    struct bkt_error err;
    if (args->word_count == 0)
        return CLI_DONE;
    if (is_spec(word))
        return load_spec(args, word);
    int rc = cli_word_at(args->command, 0) == CLI_WORD_TARGET
                 ? bkt_config_set(args->config, "url", word, &err)
                 : bkt_config_source(args->config, word, &err);
    return rc ? cli_fail(&args->globals, &err) : CLI_DONE;
}

static int set_property(struct cli_args *args, const struct given *given, struct bkt_error *err)
{
    const struct bkt_property *property = given->option.property;
    bool is_list = property->kind == BKT_PROPERTY_LIST || property->kind == BKT_PROPERTY_SET;
    return is_list ? bkt_config_add(args->config, property->name, given->value, err)
                   : bkt_config_set(args->config, property->name, given->value, err);
}

/* The words that follow the first: TARGET, KEY, or both. */
static int set_other_words(struct cli_args *args, struct bkt_error *err)
{
    int count = args->word_count;
    if (cli_word_at(args->command, args->command->word_count_max - 1) == CLI_WORD_KEY)
        args->key = args->words[--count];
    return count > 1 ? bkt_config_set(args->config, "url", args->words[1], err) : BKT_OK;
}

/*
 * One of the program's own options that is for other commands is a mistake.  A property says what a
 * source or a target is, and may be said to whoever is given one, as in a spec file: note_unused().
 */
static int check_options(const struct parser *parser)
{
    const struct cli_args *args = parser->args;
    const struct cli_command *command = args->command;
    struct cli_option option;
    for (size_t i = 0; i < CLI_OPTION_COUNT && cli_option_at(i, &option); i++) {
        if (args->options[i] && !cli_option_is_for(&option, command))
            return usage(parser, "%s does not take --%s", command->name, option.name);
    }
    return CLI_DONE;
}

static void note_unused(const struct parser *parser)
{
    struct cli_args *args = parser->args;
    size_t len = 0;
    for (size_t i = 0; i < parser->given_count && len < sizeof(args->unused); i++) {
        const struct cli_option *option = &parser->given[i].option;
        size_t first = 0;
        while (parser->given[first].option.property != option->property)
            first++;
        if (first == i && !cli_option_is_for(option, args->command))
            len += (size_t)snprintf(args->unused + len, sizeof(args->unused) - len, "%s--%s",
                                    len > 0 ? ", " : "", option->name);
    }
}

/* -v, -vv: the library's own lines. */
static void set_log(struct cli_args *args)
{
    if (args->globals.verbose > 0 && !args->globals.quiet) {
        bkt_config_set_log(args->config, args->globals.verbose > 1 ? BKT_LOG_DEBUG : BKT_LOG_INFO,
                           cli_log, &args->globals);
    }
}

/* From `ps`, once all have been taken: the configuration has copies. */
static void hide_passwords(const struct parser *parser)
{
    const struct cli_args *args = parser->args;
    for (size_t i = 0; i < parser->given_count; i++) {
        const struct bkt_property *property = parser->given[i].option.property;
        if (property->is_secret && property->kind == BKT_PROPERTY_LIST)
            cli_hide_value(parser->given[i].value);
        else if (property->is_secret)
            cli_hide_passwords(parser->given[i].value);
    }
    for (int i = 0; i < args->word_count; i++) {
        if (args->words[i] != args->key)
            cli_hide_passwords(args->words[i]);
    }
}

static int configure(const struct parser *parser)
{
    struct cli_args *args = parser->args;
    struct bkt_error err;
    int rc = bkt_config_new(&args->config, &err);
    if (rc)
        return cli_fail(&args->globals, &err);
    int status = set_first_word(args);
    if (status)
        return status;
    for (size_t i = 0; i < parser->given_count && rc == BKT_OK; i++)
        rc = set_property(args, &parser->given[i], &err);
    if (rc == BKT_OK)
        rc = set_other_words(args, &err);
    if (rc)
        return cli_fail(&args->globals, &err);
    hide_passwords(parser);
    set_log(args);
    note_unused(parser);
    return CLI_DONE;
}

static int parse(struct parser *parser)
{
    struct cli_args *args = parser->args;
    int status = take_all(parser);
    const struct cli_command *command = args->command;
    if (status)
        return status;
    if (parser->version || parser->help) {
        args->command = NULL;
        if (parser->version)
            (void)printf("bucketable %s\n", bkt_version());
        else
            cli_show_help(stdout, command);
        return cli_flush(&args->globals);
    }
    if (!command) {
        cli_show_help(stderr, NULL);
        return CLI_USAGE;
    }
    if (args->word_count < command->word_count_min)
        return usage(parser, "%s needs %s", command->name, command->words);
    status = check_options(parser);
    return status ? status : configure(parser);
}

int cli_parse(int argc, char **argv, struct cli_args *args)
{
    struct parser parser = {
        .argv = argv + (argc > 0),
        .args = args,
        .given = calloc((size_t)argc + 1, sizeof(*parser.given)),
    };
    if (!parser.given) {
        (void)fputs("bucketable: out of memory\n", stderr);
        return CLI_FAILED;
    }
    int status = parse(&parser);
    free(parser.given);
    return status;
}
