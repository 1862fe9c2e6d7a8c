/*
 * What a bucket, a queue and our own marks in their settings are called at AWS.
 *
 * Our marks begin with "bucketable-", and each names what it is about, so that two tables' setups
 * on one bucket, or one queue, leave each other alone.
 */
#ifndef API_NAMES_H
#define API_NAMES_H

#include "api/config_int.h"

struct bkt_names {
    char partition[16];   /* "aws" */
    char region[64];      /* of the bucket */
    char bucket_arn[128]; /* "arn:aws:s3:::my-docs"; "": known by an access point's ARN alone */
    char queue_arn[256];  /* "": there is no queue */
    char queue_url[512];
    char queue_name[100];
    char account[16]; /* the queue's owner; "": not known */
    char sid[128];    /* of our statement in the queue's policy */
    char id[128];     /* of our entry in the bucket's notification configuration */
    char rule[80];    /* of our rule in EventBridge */
};

/*
 * `queue_arn` is what the queue says of itself; empty: it is made of the queue's URL, where that is
 * one of AWS's.
 */
void bkt_names_find(const struct bkt_settings *settings,
                    const char *region,
                    struct bkt_str queue_arn,
                    struct bkt_names *out);

/* The literal end that all rows' keys have, by their patterns; empty: none is known.  A view. */
struct bkt_str bkt_names_suffix(const struct bkt_settings *settings);

/*
 * Append the ARN of the objects under the prefix, "arn:aws:s3:::my-docs/docs/ *" without the space,
 * with IAM's own special characters in the prefix escaped.  Errors are the buffer's.
 */
BKT_MUST_CHECK int bkt_names_append_objects(const struct bkt_settings *settings,
                                            const struct bkt_names *names,
                                            struct bkt_buf *out);

#endif
