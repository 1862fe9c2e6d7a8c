/*
 * Change records as S3 writes them (`s3.bucket.name`, `s3.object.key`), from AWS, MinIO and Ceph.
 *
 * A record is a hint that a key may have changed, never more: it comes late, twice, out of order,
 * and an ObjectRemoved:Delete may be of an old version while the object is there.  So neither size
 * nor ETag nor sequencer is taken from it; whoever is told CHANGED reads the object.
 *
 * Sources: S3 User Guide, "Event message structure" and "Supported event types"; MinIO
 * internal/event/{name,event}.go and event/target/redis.go; Ceph doc/radosgw/notifications.rst.
 */
#ifndef EVENTS_NOTIFICATION_H
#define EVENTS_NOTIFICATION_H

#include "core/arena.h"
#include "core/buf.h"

#include <bucketable/error.h>

struct cJSON;

enum bkt_event_kind {
    BKT_EVENT_CHANGED,  /* the object may have come, changed or gone */
    BKT_EVENT_METADATA, /* tags, ACL, retention, storage class: the content is as before */
    BKT_EVENT_NOTHING,  /* reads, replication reports, restores under way, events of buckets */
};

/*
 * How the way that a record came writes `s3.object.key`.  QUEUED: form-encoded or raw, whichever
 * its eventSource does.  RAW: as it is (MinIO's listen stream).
 */
enum bkt_key_form {
    BKT_KEY_QUEUED,
    BKT_KEY_RAW,
};

struct bkt_event {
    enum bkt_event_kind kind;
    struct bkt_str bucket;
    struct bkt_str key; /* decoded bytes; empty only for BKT_EVENT_NOTHING */
    /*
     * The other reading of a key that does not look like what its sender's encoder makes; empty
     * when there is no doubt.  To read both is harmless, to miss one is not.
     */
    struct bkt_str key_other;
};

/* All-zero is a valid empty list. */
struct bkt_event_list {
    struct bkt_event *events;
    size_t count;
    size_t cap;
    size_t bad_count;       /* records that could not be understood */
    const char *bad_reason; /* of the first of them, static; NULL when there is none */
    struct bkt_arena arena; /* what the events point to */
};

void bkt_event_list_reset(struct bkt_event_list *list); /* empty, memory kept */
void bkt_event_list_clear(struct bkt_event_list *list); /* empty, memory freed, usable again */

/* Append an event, whose bytes are in the list's arena (or live as long).  BKT_ENOMEM. */
BKT_MUST_CHECK int bkt_event_list_add(struct bkt_event_list *list, const struct bkt_event *event);

/* What an event's name means: `s3:` in front, names without a colon and unknown kinds are fine. */
enum bkt_event_kind bkt_event_kind_of(const char *name);

/*
 * Read one record into `list`; one that cannot be understood is counted there and is no failure.
 * BKT_ENOMEM.
 */
BKT_MUST_CHECK int bkt_notification_read(const struct cJSON *record,
                                         enum bkt_key_form form,
                                         struct bkt_event_list *list);

struct bkt_notification {
    struct bkt_str bucket;
    struct bkt_str key;
    struct bkt_str region;
    struct bkt_str etag; /* without quotes; may be empty */
    uint64_t size;
    int64_t time_ms; /* wall time of the event */
};

/*
 * Append the message of one ObjectCreated:Put as S3 sends it, the key form-encoded with `/` left as
 * it is; without a sequencer, which S3 alone can give.  BKT_ENOMEM, BKT_ELIMIT at the ceiling.
 */
BKT_MUST_CHECK int bkt_notification_write(struct bkt_buf *buf,
                                          const struct bkt_notification *event);

#endif
