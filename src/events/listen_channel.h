/*
 * A channel of change events straight from MinIO: its ListenBucketNotification request, an answer
 * that never ends.
 *
 * It is ready when the answer begins.  Nothing is ever sent twice, so whenever the answer has
 * ended, or a line of it could not be read, or more came than can be worked on, there is a gap.
 *
 * MinIO's newest releases never answer; that is told within seconds.
 */
#ifndef EVENTS_LISTEN_CHANNEL_H
#define EVENTS_LISTEN_CHANNEL_H

#include "aws/caller.h"
#include "events/channel.h"

struct bkt_listen_channel_options {
    struct bkt_http *http;                 /* borrowed; all views are copied */
    struct bkt_endpoint_s3_request bucket; /* where the bucket is */
    struct bkt_str prefix;                 /* of the keys to hear of; may be empty */
    bool want_metadata;                    /* tags and the like are part of a row */
    bool no_sign_request;
    bkt_creds_fn *creds;
    void *creds_ctx;
    uint64_t seed; /* of the back-off's jitter */
};

/* Fails as bkt_endpoint_s3() does; nothing is sent before the first tick. */
BKT_MUST_CHECK int bkt_listen_channel_new(const struct bkt_listen_channel_options *options,
                                          const struct bkt_channel_owner *owner,
                                          struct bkt_channel *out_channel,
                                          struct bkt_error *err);

#endif
