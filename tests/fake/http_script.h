/*
 * An HTTP/1.1 server on loopback that answers from a script and remembers what it was asked; it
 * runs on threads of its own inside the test.
 *
 * Each request takes the first answer, not taken yet, whose `match` is in it.  A request that no
 * answer is left for gets status 599.  Connections are kept alive unless an answer says otherwise.
 */
#ifndef TESTS_FAKE_HTTP_SCRIPT_H
#define TESTS_FAKE_HTTP_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

enum http_script_end {
    HTTP_SCRIPT_KEEP,  /* wait for the next request */
    HTTP_SCRIPT_CLOSE, /* after the answer, which says so */
    HTTP_SCRIPT_DROP,  /* after the answer, which does not, like a server that has waited enough */
    HTTP_SCRIPT_HANG_UP, /* instead of an answer */
    HTTP_SCRIPT_CUT,     /* before the last byte of the body, or of the head where there is none */
    HTTP_SCRIPT_STALL,   /* send the head and nothing more, until the test ends */
    HTTP_SCRIPT_MUTE,    /* send nothing at all, until the test ends */
};

struct http_script_answer {
    const char *match;   /* of the request's head and body, say "GET /x "; NULL: any */
    int status;          /* 0: 200 */
    const char *headers; /* whole lines, "A: b\r\n"; NULL: none.  Content-Length is added */
    const char *body;    /* NULL: none */
    size_t body_len;     /* 0: strlen(body) */
    int delay_ms;        /* before the answer */
    enum http_script_end end;
    bool again; /* is not used up */
};

struct http_script;

/* `answers` are the caller's and live until http_script_stop().  NULL when it cannot start. */
struct http_script *http_script_start(const struct http_script_answer *answers, size_t count);
void http_script_stop(struct http_script *script);

/* "http://127.0.0.1:12345" */
const char *http_script_url(const struct http_script *script);

/* Requests so far; the i-th one's head and body as one text, "" when there is none.  Valid until
 * http_script_stop(). */
size_t http_script_count(struct http_script *script);
const char *http_script_request(struct http_script *script, size_t i);

/* Answers that nobody has asked for. */
size_t http_script_left(struct http_script *script);

#endif
