/*
 * The program: what its files share.  It uses include/bucketable/ only, like any other user.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "cli/options.h"

#include <bucketable/bucketable.h>

#include <stdio.h>

/* The page of the manual promises these. */
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

/* What every command takes, as it was given. */
struct cli_globals {
    bool json;
    bool quiet;
    int verbose;
    bool log_json;
    enum cli_progress progress;
};

/* A command line, read.  Words point into argv. */
struct cli_args {
    const struct cli_command *command;
    struct cli_globals globals;
    char *words[3]; /* as the command has them */
    int word_count;
    const char *options[CLI_OPTION_COUNT]; /* values as given, "" for a flag; NULL: not given */
    const char *key;                       /* the word KEY; NULL where the command has none */
    struct bkt_config *config;             /* spec file, options and words, in that order */
    char unused[200]; /* "--columns, --table": properties given that the command makes no use of */
};

struct cli_command {
    const char *name;
    const char *words; /* "SOURCE TARGET"; an optional one in brackets */
    int word_count_min, word_count_max;
    const char *help;    /* one line */
    const char *example; /* shown with a usage error */
    int (*run)(struct cli_args *args);
    unsigned options; /* CLI_TAKES() of each that it takes besides those of all commands */
    unsigned groups;  /* bkt_property_group of those that have a meaning for it */
};

/* What stands at a place of a command, counted from 0. */
enum cli_word { CLI_WORD_NONE, CLI_WORD_SOURCE, CLI_WORD_TARGET, CLI_WORD_KEY };
enum cli_word cli_word_at(const struct cli_command *command, int n);

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

/*
 * Read argv, which a NULL ends.  CLI_DONE: run args->command, or it was help that was asked for and
 * shown, and there is none; else what is wrong was said, and this is the exit status.
 */
int cli_parse(int argc, char **argv, struct cli_args *args);

/* Of a command, or (NULL) of the program. */
void cli_show_help(FILE *out, const struct cli_command *command);

/*
 * One line on stderr, "bucketable: ..." or, with --log-format json, an object.  Control
 * characters in it are replaced: a terminal is no place for a stranger's bytes.
 */
void cli_say(const struct cli_globals *globals, const char *level, const char *fmt, ...)
    BKT_PRINTF(3, 4);

/* A bkt_log_fn onto that line; `ctx` is the globals. */
void cli_log(void *ctx, enum bkt_log_level level, const char *message);

/* Say why a call failed, and which status that is. */
int cli_fail(const struct cli_globals *globals, const struct bkt_error *err);

/* bkt_write_fn onto a FILE; a write that fails is noticed by cli_flush(). */
int cli_write(void *file, const char *bytes, size_t len);

/*
 * What `sync` and `watch` begin with: --ddl, and whether --json and the target both want standard
 * output.  False: that was all, with this exit status.
 */
bool cli_begin_table(const struct cli_args *args, int *out_status);

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
