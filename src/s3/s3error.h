/*
 * What a server says when it refuses: the `<Error>` body of S3 and the `<ErrorResponse>` of STS,
 * and what follows from it.  (Amazon S3 API Reference, "Error responses"; codes of MinIO and
 * others.)
 *
 * Bodies are a stranger's bytes: empty, HTML of a proxy, JSON, cut off.  What is no error of S3
 * gives an empty code, and then the status alone decides; it never says that a key does not exist.
 */
#ifndef S3_S3ERROR_H
#define S3_S3ERROR_H

#include "core/str.h"

#include <bucketable/error.h>

/*
 * Texts are cut to their size at a character's boundary, control characters in them are spaces: all
 * are fit for a message.  Empty is absent.
 */
struct bkt_s3error {
    char code[64]; /* letters, digits, `.`, `-`, `_` */
    char message[384];
    char region[64];    /* that the bucket is in */
    char endpoint[256]; /* that serves it */
    char bucket[128];
    char request_id[128];
    char host_id[128];
    char storage_class[32]; /* of an archived object */
    int64_t server_time_ms; /* of a request too far from it, or BKT_TIME_NONE */
};

enum bkt_s3error_class {
    BKT_S3ERROR_TRANSIENT,      /* the same request may succeed a little later */
    BKT_S3ERROR_THROTTLED,      /* ... and there should be fewer of them */
    BKT_S3ERROR_EXPIRED_CREDS,  /* renew the credentials and try once more */
    BKT_S3ERROR_CLOCK_SKEW,     /* sign with the server's time and try once more */
    BKT_S3ERROR_WRONG_REGION,   /* ask the right region or endpoint */
    BKT_S3ERROR_NO_SUCH_KEY,    /* 404, and the code says so: the object, or its version, is gone */
    BKT_S3ERROR_NO_SUCH_BUCKET, /* says nothing about any key */
    BKT_S3ERROR_FORBIDDEN,    /* credentials refused, or not allowed (absent keys too, at times) */
    BKT_S3ERROR_ARCHIVED,     /* to be restored before it can be read */
    BKT_S3ERROR_PRECONDITION, /* If-Match and the like do not hold */
    BKT_S3ERROR_RANGE,        /* beyond the end of the object */
    BKT_S3ERROR_PERMANENT,    /* any other */
};

/*
 * Read a body.  `out` is always whole; true when it has a code.  What a body says before it is cut
 * off or malformed counts.
 */
bool bkt_s3error_parse(struct bkt_str body, struct bkt_s3error *out);

/* `code` as in struct bkt_s3error; a status of 200 may carry one, and is transient without. */
enum bkt_s3error_class bkt_s3error_classify(int http_status, const char *code);

/*
 * Fill in `err`: BKT_ES3, the status, whether to retry, and a line such as
 * "HTTP 403 AccessDenied: Access Denied (request 4442587FB7)" with what to do where that is known.
 * `region`: the one that was asked.
 */
void bkt_s3error_describe(const struct bkt_s3error *said,
                          int http_status,
                          const char *region,
                          struct bkt_error *err);

#endif
