/*
 * Credentials, and the small interface that every source of them implements.
 *
 * A provider may block (it reads files, calls a token service, runs a program); whoever wants
 * answers without waiting asks ahead of time on a thread of its own.
 */
#ifndef AWS_CREDS_H
#define AWS_CREDS_H

#include "core/buf.h"
#include "core/time.h"

#include <bucketable/error.h>

/* Owned strings; wiped by bkt_creds_clear().  All-zero is a valid empty object. */
struct bkt_creds {
    char *access_key_id;
    char *secret_access_key;
    char *session_token; /* NULL when there is none; never "" */
    int64_t expires_ms;  /* wall time; BKT_TIME_NONE: never, as far as is known */
    bool
        outlives_expiry; /* better used past their time than not at all, while there are no newer */
    char source[128];    /* for people: "environment", "profile work in /home/a/.aws/config" */
};

BKT_MUST_CHECK int bkt_creds_set(struct bkt_creds *creds,
                                 struct bkt_str id,
                                 struct bkt_str secret,
                                 struct bkt_str token);
BKT_MUST_CHECK int bkt_creds_copy(const struct bkt_creds *from, struct bkt_creds *out);
void bkt_creds_clear(struct bkt_creds *creds);

enum bkt_creds_answer {
    BKT_CREDS_FOUND,
    BKT_CREDS_NOT_CONFIGURED, /* go on with the next provider; `why` says what was missing */
};

struct bkt_creds_provider {
    const char *name;
    /*
     * BKT_OK and an answer, or a failure of a source that is configured (the chain stops there).
     * `why`: a line for the error that lists everything tried.
     */
    int (*fetch)(void *self,
                 struct bkt_creds *out_creds,
                 enum bkt_creds_answer *out_answer,
                 char why[256],
                 struct bkt_error *err);
    void (*free)(void *self);
    void *self;
};

#endif
