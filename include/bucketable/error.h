/*
 * bucketable/error.h - what a call that failed says.
 *
 * A call that may fail returns BKT_OK or a negative code and, where the caller gave it one, fills
 * in a struct bkt_error.  The library prints nothing; the message is one line without a line feed,
 * made for a person: what was being done, to what, what came back and, where it is known, what to
 * do.  No secret, signature or signed URL is ever part of it.
 */
#ifndef BKT_ERROR_H
#define BKT_ERROR_H

#include <bucketable/base.h>

BKT_BEGIN_DECLS

/* Codes are part of the ABI: add at the end, never renumber, never reuse. */
#define BKT_ERROR_MAP(X)                                   \
    X(ENOMEM, -1, "out of memory")                         \
    X(ECONFIG, -2, "invalid configuration")                \
    X(ENET, -3, "network failure")                         \
    X(ES3, -4, "request refused by the server")            \
    X(EPARSE, -5, "malformed input")                       \
    X(ELIMIT, -6, "over a limit")                          \
    X(EIO, -7, "input or output failed")                   \
    X(ECREDS, -8, "no usable credentials")                 \
    X(ETARGET, -9, "the target failed")                    \
    X(EFOREIGN, -10, "the table is not this source's")     \
    X(EGUARD, -11, "more deletes than max_deletes allows") \
    X(ENOROW, -12, "the key is no row")                    \
    X(ECANCELED, -13, "canceled")                          \
    X(EBUSY, -14, "in use")                                \
    X(EUNSUPPORTED, -15, "not supported")                  \
    X(ECLOSED, -16, "the reader is gone")                  \
    X(ETEXT, -17, "the object is not text")

enum bkt_code {
    BKT_OK = 0,
#define BKT_X(name, value, text) BKT_##name = (value),
    BKT_ERROR_MAP(BKT_X)
#undef BKT_X
};

/* Filled in by the call that failed; owns nothing, needs no freeing, works when memory is out. */
struct bkt_error {
    int code;         /* what the function returned */
    int http_status;  /* 0 when no answer was read */
    bool retriable;   /* the same call may succeed later */
    char reserved[7]; /* zero; room for later members */
    char message[1008];
};

/* Record a failure and return `code`.  `err` may be NULL. */
BKT_API int bkt_error_set(struct bkt_error *err, int code, const char *fmt, ...) BKT_PRINTF(3, 4);

/* Put "context: " in front of the message; the rest of `err` stays.  Returns `code`. */
BKT_API int bkt_error_wrap(struct bkt_error *err, int code, const char *fmt, ...) BKT_PRINTF(3, 4);

/* "EPARSE" and "malformed input" for BKT_EPARSE; never NULL. */
BKT_API const char *bkt_error_name(int code);
BKT_API const char *bkt_error_text(int code);

BKT_END_DECLS

#endif
