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
    BKT_ENVELOPE_BODY_BYTES_MAX = 1 << 20, /* what SQS allows a message */
    BKT_ENVELOPE_DEPTH_MAX = 32,
    BKT_ENVELOPE_VALUES_MAX = 200000,
    BKT_ENVELOPE_RECORDS_MAX = 10000,
    BKT_ENVELOPE_WRAPS_MAX = 3, /* SNS in SNS in SNS */
};

/* All-zero is valid.  Reading into it again keeps its memory. */
struct bkt_envelope {
    struct bkt_event_list list; /* to be applied; empty: nothing to do, or nothing understood */
    bool is_poison;   /* it, or list.bad_count records of it: count, and leave it where it is */
    char reason[128]; /* one printable ASCII line: what it was, or what is wrong; may be "" */
};

/*
 * Read one message of at most `bytes_max`.  That it is poison is no failure: BKT_ENOMEM is the only
 * one, and leaves an envelope to clear or to read into again.
 */
BKT_MUST_CHECK int bkt_envelope_read(struct bkt_envelope *envelope,
                                     struct bkt_str body,
                                     size_t bytes_max,
                                     enum bkt_key_form form);

void bkt_envelope_clear(struct bkt_envelope *envelope);

#endif
