/* The channels that a configuration asks for, opened. */
#ifndef API_CHANNELS_H
#define API_CHANNELS_H

#include "api/bucket.h"
#include "events/channel.h"

enum { BKT_CHANNELS_MAX = 2 };

/*
 * Redis or else SQS, and MinIO's listen call.  `owners` and `out_channels` are BKT_CHANNELS_MAX
 * each; the n-th channel talks to the n-th owner.  The caller frees them, those that were opened
 * before a failure too (`*out_count` says how many).
 */
BKT_MUST_CHECK int bkt_channels_open(struct bkt_bucket *bucket,
                                     const struct bkt_channel_owner *owners,
                                     struct bkt_channel *out_channels,
                                     size_t *out_count,
                                     struct bkt_error *err);

/* MinIO's listen call alone, whether or not the configuration asks for it. */
BKT_MUST_CHECK int bkt_channel_open_listen(struct bkt_bucket *bucket,
                                           const struct bkt_channel_owner *owner,
                                           struct bkt_channel *out_channel,
                                           struct bkt_error *err);

#endif
