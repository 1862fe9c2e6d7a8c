/*
 * A channel of change events from Redis, by one name:
 *
 * - what is published on the pub/sub channel of that name, in any shape that S3, MinIO and their
 *   relays use;
 * - a list at the key of that name, as MinIO's `access` format writes it.  Each entry is moved to
 *   the list NAME:bucketable, which all workers share, and removed from there when it is settled;
 *   entries that a worker left there are taken up again.  What is not understood goes to
 *   NAME:bucketable:poison, of which the newest thousand are kept;
 * - a hash at that key, MinIO's `namespace` format: compared with what it was, when keyspace
 *   notifications tell of a change or else every three seconds.  An object that the hash has no
 *   field of (it is older than the notifications) can be deleted without a trace there.
 *
 * The key may come later and change its type.  Pub/sub forgets, so after a lost connection there is
 * a gap.
 */
#ifndef EVENTS_REDIS_CHANNEL_H
#define EVENTS_REDIS_CHANNEL_H

#include "events/channel.h"
#include "events/event_keys.h"

struct bkt_http;

struct bkt_redis_channel_options {
    struct bkt_http *http;           /* borrowed; all other views are copied */
    struct bkt_str url;              /* redis_url.h */
    struct bkt_str default_password; /* REDISCLI_AUTH, where the URL has none; may be empty */
    struct bkt_str name;             /* redis_channel */
    struct bkt_str ca_bundle;        /* for rediss://; empty: the system's */
    struct bkt_event_scope scope;
    uint64_t seed; /* of the back-off's jitter */
};

/*
 * BKT_ECONFIG: the URL is none, or the name is empty.  BKT_EUNSUPPORTED: built without Redis.
 * Nothing is sent before the first tick.
 */
BKT_MUST_CHECK int bkt_redis_channel_new(const struct bkt_redis_channel_options *options,
                                         const struct bkt_channel_owner *owner,
                                         struct bkt_channel *out_channel,
                                         struct bkt_error *err);

#endif
