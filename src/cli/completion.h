/*
 * Completion of a command line in three shells, made of the tables of commands and options: what a
 * command takes, the values of what has a list of them, and file names where files are due.
 *
 * The scripts are written to stdout while the program is built.
 */
#ifndef CLI_COMPLETION_H
#define CLI_COMPLETION_H

void cli_complete_bash(void);
void cli_complete_zsh(void);
void cli_complete_fish(void);

#endif
