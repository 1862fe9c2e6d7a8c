/*
 * The options of a command line, in one table: the program's own, then the library's properties.
 * The parser, --help, the man page and completion in shells are made of it.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <bucketable/bucketable.h>

/* The program's own. */
enum cli_option_id {
    CLI_OPTION_JSON,
    CLI_OPTION_QUIET,
    CLI_OPTION_VERBOSE,
    CLI_OPTION_LOG_FORMAT,
    CLI_OPTION_PROGRESS,
    CLI_OPTION_HELP,
    CLI_OPTION_VERSION,
    CLI_OPTION_COMMON_LAST = CLI_OPTION_VERSION, /* those up to here are for all commands */
    CLI_OPTION_NULL,                             /* ls -0 */
    CLI_OPTION_DEEP,
    CLI_OPTION_REPAIR,
    CLI_OPTION_ONLY_CHANGED,
    CLI_OPTION_WRITE_TEST,
    CLI_OPTION_APPLY,
    CLI_OPTION_UNDO,
    CLI_OPTION_SNS,
    CLI_OPTION_EVENTBRIDGE,
    CLI_OPTION_DDL,
    CLI_OPTION_LISTEN, /* watch */
    CLI_OPTION_COUNT,
    CLI_OPTION_PROPERTY = CLI_OPTION_COUNT, /* none of these: a property */
};
#define CLI_TAKES(id) (1u << (id))

struct cli_option {
    const char *name;        /* "max-file-size": the command line's --max-file-size */
    const char *placeholder; /* "SIZE"; NULL for a flag */
    const char *values;      /* "text, json": all that it may be; NULL: any */
    const char *default_text;
    const char *help; /* one sentence, with its full stop */
    char letter;      /* 0: none */
    enum cli_option_id id;
    const struct bkt_property *property; /* NULL: it is the program's own */
};

struct cli_command;

/* The option at that place, from 0; false past the last. */
bool cli_option_at(size_t i, struct cli_option *out_option);

/* False: there is none of that name, or letter. */
bool cli_option_find(const char *name, size_t name_len, struct cli_option *out_option);
bool cli_option_find_letter(char letter, struct cli_option *out_option);

/* Is it for all commands? */
bool cli_option_is_common(const struct cli_option *option);

/* Do both stand below one heading?  Those that do follow one another. */
bool cli_option_is_akin(const struct cli_option *a, const struct cli_option *b);

/* Does it have a meaning for the command? */
bool cli_option_is_for(const struct cli_option *option, const struct cli_command *command);

/* The place of `value` among its `values`; -1: it is none of them. */
int cli_option_value_index(const struct cli_option *option, const char *value);

/* What it is, which values it takes, and which it has. */
void cli_option_text(const struct cli_option *option, char *out, size_t size);

/* Of what a misspelled word may stand for, the nearest; all zero but for the word to begin with. */
struct cli_nearest {
    const char *word;
    const char *name; /* NULL: nothing is near */
    size_t distance;
};
void cli_nearest_try(struct cli_nearest *near, const char *candidate);

#endif
