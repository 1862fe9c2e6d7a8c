/*
 * The change events that MinIO puts into Redis, in one of two formats.
 *
 * `access`: a list of `[{"Event":[record],"EventTime":"..."}]`, one element an event.  Elements,
 * and what a relay publishes on a channel, are messages: read them with bkt_envelope_read().
 *
 * `namespace`: a hash whose fields are `bucket/key`, raw, and whose values are `{"Records":[...]}`.
 * There the field alone counts.  It stays, or even comes, with a delete marker or the delete of a
 * key that never was; it goes while an older version shows through; and a value that speaks of tags
 * has replaced the one of a put that nobody has seen yet.  So whatever happens to an entry says
 * that its key may have changed.
 *
 * Source: MinIO internal/event/target/redis.go.
 */
#ifndef EVENTS_REDIS_EVENT_H
#define EVENTS_REDIS_EVENT_H

#include "events/notification.h"

/*
 * The event that an entry of the hash stands for which has come, changed or gone.  Views into
 * `field`.  False: it names no object (`bucket/`, an event of the bucket, or somebody else's
 * field).
 */
bool bkt_redis_read_field(struct bkt_str field, struct bkt_event *out_event);

#endif
