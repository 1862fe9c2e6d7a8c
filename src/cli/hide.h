/*
 * Passwords on the command line: what `ps` shows, and what a message about a word that is in the
 * wrong place would.
 */
#ifndef CLI_HIDE_H
#define CLI_HIDE_H

/*
 * Put *** in place of each password in `text`, which gets no longer: of URLs ("://user:PASSWORD@",
 * up to the last "@", and the values of "password" and "secret" in what follows "?"), wherever in
 * the text they stand. What is left free at the end becomes NULs.
 */
void cli_hide_passwords(char *text);

/* The same with all that follows the first "=" of "NAME=VALUE". */
void cli_hide_value(char *setting);

#endif
