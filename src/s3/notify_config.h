/*
 * A bucket's notification configuration: which changes are told to whom, and what has to be added
 * so that a queue is told of everything a table needs.
 *
 * Pure.  S3 replaces the whole configuration at once, so whatever is in it and not ours, known or
 * not, is written back byte for byte.
 *
 * Sources: Amazon S3 API Reference, PutBucketNotificationConfiguration; S3 User Guide, "Configuring
 * notifications with object key name filtering" (an event goes to one destination only).
 */
#ifndef S3_NOTIFY_CONFIG_H
#define S3_NOTIFY_CONFIG_H

#include "core/arena.h"
#include "core/buf.h"

#include <bucketable/error.h>

enum {
    BKT_NOTIFY_ENTRIES_MAX = 1000, /* S3 allows 100 */
    BKT_NOTIFY_EVENTS_MAX = 64,    /* of an entry */
    BKT_NOTIFY_BYTES_MAX = 4 << 20,
};

enum bkt_notify_kind {
    BKT_NOTIFY_QUEUE,
    BKT_NOTIFY_TOPIC,
    BKT_NOTIFY_FUNCTION,
    BKT_NOTIFY_EVENTBRIDGE,
    BKT_NOTIFY_UNKNOWN,
};

/* Texts are resolved; empty where absent. */
struct bkt_notify_entry {
    enum bkt_notify_kind kind;
    struct bkt_str id;
    struct bkt_str arn;
    struct bkt_str prefix;
    struct bkt_str suffix;
    struct bkt_str *events; /* "s3:ObjectCreated:*" */
    size_t event_count;
    struct bkt_str xml; /* the element as it stands */
};

/* All-zero is an empty configuration. */
struct bkt_notify_config {
    struct bkt_notify_entry *entries;
    size_t count;
    size_t cap;
    struct bkt_str root_tag; /* empty: none, or `<a/>` */
    struct bkt_str body;     /* a copy, into which the views go */
    struct bkt_arena arena;
};

/* BKT_EPARSE when it is no NotificationConfiguration, BKT_ELIMIT, BKT_ENOMEM.  "" is empty. */
BKT_MUST_CHECK int bkt_notify_read(struct bkt_str xml,
                                   struct bkt_notify_config *config,
                                   struct bkt_error *err);
void bkt_notify_clear(struct bkt_notify_config *config);

/* The kinds of changes that a table has to be told of. */
enum bkt_notify_family {
    BKT_NOTIFY_CREATED,
    BKT_NOTIFY_REMOVED,
    BKT_NOTIFY_EXPIRED, /* by lifecycle rules, which ObjectRemoved does not cover */
    BKT_NOTIFY_FAMILY_COUNT,
};

/* "s3:ObjectCreated:*" */
const char *bkt_notify_family_events(enum bkt_notify_family family);

/* What a table needs. */
struct bkt_notify_want {
    enum bkt_notify_kind kind; /* QUEUE or TOPIC */
    struct bkt_str id;
    struct bkt_str arn;
    struct bkt_str prefix;
    struct bkt_str suffix; /* that all rows' keys end in; empty: none is known */
    bool without_expired;  /* the server has no such event (MinIO) */
};

enum bkt_notify_state {
    BKT_NOTIFY_MISSING,  /* told to nobody */
    BKT_NOTIFY_COVERED,  /* told to our destination, whole */
    BKT_NOTIFY_PARTLY,   /* told to our destination, but a filter or the kinds hide some */
    BKT_NOTIFY_ELSEWHERE /* told to another destination, so that S3 refuses a second one */
};

/*
 * How a family of events is told; `*out_entry` is the entry that decides, or NULL.  Entries with
 * the wanted id are left out when `without_own`.
 */
enum bkt_notify_state bkt_notify_look(const struct bkt_notify_config *config,
                                      const struct bkt_notify_want *want,
                                      enum bkt_notify_family family,
                                      bool without_own,
                                      const struct bkt_notify_entry **out_entry);

/*
 * The prefix that a filter may have for keys that begin with `prefix`: S3 takes special characters
 * in filters percent-encoded, others take them as they are, so it ends before the first of them.
 * A view.
 */
struct bkt_str bkt_notify_filter_prefix(struct bkt_str prefix);

/*
 * Append the configuration with what is missing for `want`, in place of an entry of its id.
 * BKT_ECONFIG when an entry that is not ours is in the way: the message names it and says what to
 * do.
 */
BKT_MUST_CHECK int bkt_notify_add(const struct bkt_notify_config *config,
                                  const struct bkt_notify_want *want,
                                  struct bkt_buf *out_xml,
                                  bool *out_changed,
                                  struct bkt_error *err);

/* ... with `<EventBridgeConfiguration/>`. */
BKT_MUST_CHECK int bkt_notify_add_eventbridge(const struct bkt_notify_config *config,
                                              struct bkt_buf *out_xml,
                                              bool *out_changed,
                                              struct bkt_error *err);

/* ... without the entries whose id is `id`. */
BKT_MUST_CHECK int bkt_notify_remove(const struct bkt_notify_config *config,
                                     struct bkt_str id,
                                     struct bkt_buf *out_xml,
                                     bool *out_changed,
                                     struct bkt_error *err);

/* Append it as the JSON that the AWS CLI takes; elements it has no name for are left out. */
BKT_MUST_CHECK int bkt_notify_write_json(const struct bkt_notify_config *config,
                                         struct bkt_buf *out);

#endif
