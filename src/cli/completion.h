/*
 * Completion of a command line in three shells, made of the tables of commands and options: what a
 * command takes, the values of what has a list of them, and file names where files are due.
 *
 * The scripts are written to stdout while the program is built.
 */
#ifndef CLI_COMPLETION_H
#define CLI_COMPLETION_H

#include "cli/cli.h"

#include <string.h>

/* An option, wherever it comes from. */
struct cli_completed {
    const char *name;
    const char *placeholder; /* NULL: it takes no value */
    const char *values;      /* "text, json"; NULL: any */
    char letter;             /* 0: none */
    bool is_set;             /* several of `values`, with commas */
    bool may_repeat;
    unsigned commands; /* 1 << n for the n-th command that takes it */
    char text[512];
};

enum { CLI_COMPLETED_MAX = 128 };

/* All of them; how many. */
size_t cli_completed_options(struct cli_completed out[CLI_COMPLETED_MAX]);

static inline bool cli_completed_is_file(const struct cli_completed *option)
{
    return option->placeholder && strcmp(option->placeholder, "FILE") == 0;
}

/* What may stand at a place of a command: n counts from 0. */
enum cli_completed_word {
    CLI_WORD_NONE, /* nothing, or what cannot be known */
    CLI_WORD_SOURCE,
    CLI_WORD_TARGET,
};
enum cli_completed_word cli_completed_word(const struct cli_command *command, int n);

/* Print `text`, "a, b, c", with `between` in place of the commas. */
void cli_complete_values(const char *values, const char *between);

void cli_complete_bash(void);
void cli_complete_zsh(void);
void cli_complete_fish(void);

#endif
