/*
 * A Redis on loopback that answers from a script and remembers what it was asked; it runs on
 * threads of its own inside the test.
 *
 * A command is looked at as its words with a space between.  It takes the first answer, not taken
 * yet, whose `match` is in it; AUTH, SELECT and PING are answered anyway, and a command that no
 * answer is left for gets none: it waits, as a blocking one does.
 */
#ifndef TESTS_FAKE_REDIS_SCRIPT_H
#define TESTS_FAKE_REDIS_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

struct redis_script_answer {
    const char *match; /* "LREM ev:bucketable" */
    const char *reply; /* RESP: ":1\r\n" */
    bool again;        /* is not used up */
    bool close;        /* the connection, after the answer */
};

struct redis_script;

/* `answers` are the caller's and live until redis_script_stop(). */
struct redis_script *redis_script_start(const struct redis_script_answer *answers, size_t count);
void redis_script_stop(struct redis_script *script);

/* "redis://127.0.0.1:12345" */
const char *redis_script_url(const struct redis_script *script);

/* How many commands so far have `text` in them. */
size_t redis_script_count(struct redis_script *script, const char *text);

/* Send bytes nobody asked for on the newest connection that a command with `text` came on. */
void redis_script_push(struct redis_script *script, const char *text, const char *reply);

/* Close all connections.  New ones are taken. */
void redis_script_drop(struct redis_script *script);

#endif
