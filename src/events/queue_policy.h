/*
 * The access policy of an SQS queue or an SNS topic: the statement by which a service may send
 * there, put beside what is in the policy already, or taken out again.
 *
 * Pure.  Policies are JSON documents as the services store them; "" is none.  Statements that are
 * not ours come out with the same meaning, in the same order.
 *
 * Sources: IAM User Guide, "Grammar of the IAM JSON policy language"; S3 User Guide, "Granting
 * permissions to publish event notification messages to a destination".
 */
#ifndef EVENTS_QUEUE_POLICY_H
#define EVENTS_QUEUE_POLICY_H

#include "core/buf.h"

#include <bucketable/error.h>

enum { BKT_POLICY_BYTES_MAX = 256 << 10 };

/* "`service` may do `action` to `resource` on behalf of `source_arn`." */
struct bkt_policy_grant {
    struct bkt_str sid;
    const char *service;       /* "s3.amazonaws.com" */
    const char *action;        /* "sqs:SendMessage" */
    struct bkt_str resource;   /* the queue's ARN */
    struct bkt_str source_arn; /* the bucket's */
    struct bkt_str account;    /* that owns the bucket; empty: not known, and not demanded */
};

/* Append the grant's statement, one JSON object. */
BKT_MUST_CHECK int bkt_policy_write_grant(const struct bkt_policy_grant *grant,
                                          struct bkt_buf *out);

/*
 * Append `policy` with the grant in it, in place of a statement with the same Sid.  `*out_changed`
 * is false when the very statement was there: the text then says the same as before.  BKT_EPARSE
 * when `policy` is none.
 */
BKT_MUST_CHECK int bkt_policy_add(struct bkt_str policy,
                                  const struct bkt_policy_grant *grant,
                                  struct bkt_buf *out,
                                  bool *out_changed,
                                  struct bkt_error *err);

/* Append `policy` without the statement of that Sid; nothing when no other is left. */
BKT_MUST_CHECK int bkt_policy_remove(struct bkt_str policy,
                                     struct bkt_str sid,
                                     struct bkt_buf *out,
                                     bool *out_changed,
                                     struct bkt_error *err);

enum bkt_policy_answer {
    BKT_POLICY_NO,      /* nothing allows it, or something denies it */
    BKT_POLICY_YES,     /* a statement allows it */
    BKT_POLICY_PERHAPS, /* it depends on conditions that are not understood here */
};

/* Does the policy let the service do it?  Statements of any Sid count. */
BKT_MUST_CHECK int bkt_policy_allows(struct bkt_str policy,
                                     const struct bkt_policy_grant *grant,
                                     enum bkt_policy_answer *out_answer,
                                     struct bkt_error *err);

/* Does a statement allow it to this very service, for whatever source? */
BKT_MUST_CHECK int bkt_policy_names(struct bkt_str policy,
                                    const char *service,
                                    const char *action,
                                    bool *out_names,
                                    struct bkt_error *err);

/* IAM's wildcards, `*` and `?`, over the whole of `text`; `fold`: without regard to case. */
bool bkt_policy_like(const char *pattern, struct bkt_str text, bool fold);

#endif
