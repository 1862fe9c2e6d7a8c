/*
 * What a message says, told by its shape: S3's own records; the same inside SNS (raw or wrapped, a
 * few deep), from EventBridge, MinIO's webhook or MinIO's Redis list; or a test, a ping, a
 * subscription's confirmation, which mean nothing for a table.
 *
 * Whatever else comes is poison: it may be anybody's, so it is never removed silently.  Events of
 * other buckets are not told apart here.
 */
#ifndef EVENTS_ENVELOPE_H
#define EVENTS_ENVELOPE_H

#include "events/notification.h"

enum {
    BKT_ENVELOPE_BODY_BYTES_MAX = 1 << 20, /* of an SQS message */
    BKT_ENVELOPE_DEPTH_MAX = 32,
    BKT_ENVELOPE_VALUES_MAX = 200000,
    BKT_ENVELOPE_RECORDS_MAX = 10000,
    BKT_ENVELOPE_WRAPS_MAX = 3, /* SNS in SNS in SNS */
};

enum bkt_verdict {
    BKT_VERDICT_NOTHING, /* understood, and no event in it: acknowledge */
    BKT_VERDICT_EVENTS,  /* apply; keep the message when list.bad_count is not 0 */
    BKT_VERDICT_POISON,  /* not understood at all: count, and leave it where it is */
};

/* All-zero is valid.  Reading into it again keeps its memory. */
struct bkt_envelope {
    enum bkt_verdict verdict;
    struct bkt_event_list list;
    char reason[128]; /* one printable ASCII line: what it was, or what is wrong; may be "" */
};

/* How to read.  All-zero is right for SQS and pub/sub. */
struct bkt_envelope_options {
    size_t body_bytes_max;  /* 0: BKT_ENVELOPE_BODY_BYTES_MAX */
    enum bkt_key_form form; /* of the keys in S3's records */
    struct bkt_str bucket;  /* of records that name none */
};

/*
 * Read one message.  What is wrong with it is a verdict, not a failure: BKT_ENOMEM is the only one,
 * and leaves an envelope to clear or to read into again.
 */
BKT_MUST_CHECK int bkt_envelope_read(struct bkt_envelope *envelope,
                                     struct bkt_str body,
                                     const struct bkt_envelope_options *options);

void bkt_envelope_clear(struct bkt_envelope *envelope);

#endif
