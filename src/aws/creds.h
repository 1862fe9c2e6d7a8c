/* Credentials, and what gives them. */
#ifndef AWS_CREDS_H
#define AWS_CREDS_H

#include "core/buf.h"
#include "core/time.h"

#include <bucketable/error.h>

/* Owned strings; wiped by bkt_creds_clear().  All-zero is a valid empty object. */
struct bkt_creds {
    char *access_key_id;
    char *secret_access_key;
    char *session_token;  /* NULL when there is none; never "" */
    int64_t expires_ms;   /* wall time; BKT_TIME_NONE: never, as far as is known */
    bool outlives_expiry; /* better past their time than none at all, while there are no newer */
    char source[128];     /* for people: "environment", "profile work in /home/a/.aws/config" */
};

static inline bool bkt_creds_are_set(const struct bkt_creds *creds)
{
    return creds->access_key_id != NULL;
}

BKT_MUST_CHECK int bkt_creds_set(struct bkt_creds *creds,
                                 struct bkt_str id,
                                 struct bkt_str secret,
                                 struct bkt_str token);
BKT_MUST_CHECK int bkt_creds_copy(const struct bkt_creds *from, struct bkt_creds *out);
void bkt_creds_clear(struct bkt_creds *creds);

/*
 * What gives credentials.  `fetch` may block (it reads files, calls a token service, runs a
 * program): who wants answers without waiting asks ahead of time, on a thread of its own.
 * `out_creds` come in empty; BKT_OK means that they are set.
 */
struct bkt_creds_provider {
    int (*fetch)(void *self, struct bkt_creds *out_creds, struct bkt_error *err);
    void (*free)(void *self);
    void *self;
};

#endif
