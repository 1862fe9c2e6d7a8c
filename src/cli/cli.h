/*
 * The program: what its files share.  It uses include/bucketable/ only, like any other user.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <bucketable/bucketable.h>

#include <stdio.h>

/* docs/cli.md promises these. */
enum cli_exit {
    CLI_DONE = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,
    CLI_SOME_FAILED = 3,
    CLI_GUARDED = 4,
    CLI_DIFFERENT = 5,
    CLI_SIGNALED = 128, /* plus the signal's number */
};

enum cli_progress { CLI_PROGRESS_AUTO, CLI_PROGRESS_ALWAYS, CLI_PROGRESS_NEVER };

/* What every command takes, as it is told; ended by an entry without a name. */
struct cli_global_info {
    const char *name;
    const char *placeholder; /* NULL for a flag */
    const char *help;
    const char *values; /* "text, json": all that it may be; else NULL */
    char letter;        /* 0: none */
};
extern const struct cli_global_info cli_globals_info[];

/* And as it was given. */
struct cli_globals {
    bool json;
    bool quiet;
    int verbose;
    bool log_json;
    enum cli_progress progress;
};

/* What some commands take besides; the properties are the library's. */
enum cli_option {
    CLI_OPTION_NULL, /* ls -0 */
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
};
#define CLI_TAKES(option) (1u << (option))

struct cli_option_info {
    const char *name;        /* "deep": the command line's --deep */
    const char *placeholder; /* "ADDR:PORT"; NULL for a flag */
    const char *help;        /* one sentence, with its full stop */
    char letter;             /* 0: none */
};
extern const struct cli_option_info cli_options[CLI_OPTION_COUNT];

/* A command line, read.  Words point into argv. */
struct cli_args {
    const struct cli_command *command;
    struct cli_globals globals;
    const char *words[8]; /* SOURCE, TARGET, KEY as the command has them */
    int word_count;
    const char *options[CLI_OPTION_COUNT]; /* values as given, "" for a flag; NULL: not given */
    struct bkt_config *config;             /* spec and options, in that order */
};

struct cli_command {
    const char *name;
    const char *words; /* "SOURCE TARGET"; an optional one in brackets */
    int word_count_min, word_count_max;
    const char *help;    /* one line */
    const char *example; /* shown with a usage error */
    int (*run)(struct cli_args *args);
    unsigned options;     /* CLI_TAKES() of each that it takes */
    unsigned groups;      /* bkt_property_group of those that have a meaning for it */
    bool is_about_target; /* the first word is TARGET (or a spec file), and there is no SOURCE */
};

/* The table, ended by an entry without a name. */
extern const struct cli_command cli_commands[];

/* Do what the command line says; the exit status. */
int cli_run(int argc, char **argv);

/* cmd_*.c; each returns an exit status. */
int cli_sync(struct cli_args *args);
int cli_watch(struct cli_args *args);
int cli_ls(struct cli_args *args);
int cli_get(struct cli_args *args);
int cli_plan(struct cli_args *args);
int cli_enqueue(struct cli_args *args);
int cli_verify(struct cli_args *args);
int cli_explain(struct cli_args *args);
int cli_status(struct cli_args *args);
int cli_check(struct cli_args *args);
int cli_setup(struct cli_args *args);
int cli_schema(struct cli_args *args);

/* options.c: read argv.  CLI_DONE to go on, else the status to exit with (-1: help was shown, 0).
 */
int cli_parse(int argc, char **argv, struct cli_args *args);

/* help.c */
/* What a property is, which values it takes, and which it has. */
void cli_property_text(const struct bkt_property *property, char *out, size_t size);
void cli_show_help(FILE *out, const struct cli_command *command);
const char *cli_nearest(const char *word, const char *const *candidates, size_t count);

/*
 * One line on stderr, "bucketable: ..." or, with --log-format json, an object.  Control
 * characters in it are replaced: a terminal is no place for a stranger's bytes.
 */
void cli_say(const struct cli_globals *globals, const char *level, const char *fmt, ...)
    BKT_PRINTF(3, 4);

/* Say why a call failed, and which status that is. */
int cli_fail(const struct cli_globals *globals, const struct bkt_error *err);

/* bkt_write_fn onto a FILE; a write that fails is noticed by cli_flush(). */
int cli_write(void *file, const char *bytes, size_t len);

/*
 * What `sync` and `watch` begin with: the word TARGET, --ddl, and whether --json and the target
 * both want standard output.  False: that was all, with this exit status.
 */
bool cli_begin_table(struct cli_args *args, int *out_status);

/* The fields of a summary, `"listed":1,...,"seconds":0.5`; or the same in words. */
void cli_print_counts(const struct bkt_counts *counts);
void cli_say_counts(const struct cli_globals *globals, const struct bkt_counts *counts);

/* Flush stdout; CLI_DONE, or CLI_FAILED with a message (a closed pipe is quiet). */
int cli_flush(const struct cli_globals *globals);

/* A line on stderr while it runs. */
struct cli_progress_line {
    const struct cli_globals *globals;
    bool is_shown;
    bool on_terminal;
    double next_at; /* seconds since the start */
};
void cli_progress_begin(struct cli_progress_line *line, const struct cli_globals *globals);
void cli_progress_update(struct cli_progress_line *line, const struct bkt_counts *counts);
void cli_progress_end(struct cli_progress_line *line);

/*
 * SIGINT and SIGTERM call `stop(ctx)` once, a second one exits at once; SIGHUP calls `list(ctx)`
 * where that is given.  All NULL: nothing is called any more.
 */
void cli_signals_catch(void (*stop)(void *ctx), void (*list)(void *ctx), void *ctx);
int cli_signals_caught(void); /* the signal's number, or 0 */

#endif
