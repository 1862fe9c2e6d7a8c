/*
 * The keys of one bucket that the events of a message name, each once.
 */
#ifndef EVENTS_EVENT_KEYS_H
#define EVENTS_EVENT_KEYS_H

#include "events/notification.h"

/* Whose events count. */
struct bkt_event_scope {
    struct bkt_str bucket; /* its name in events; empty: any */
    bool want_metadata;    /* tags, ACLs and classes are part of a row */
};

/* A copy, to end with bkt_event_scope_clear().  BKT_ENOMEM. */
BKT_MUST_CHECK int bkt_event_scope_copy(const struct bkt_event_scope *scope,
                                        struct bkt_event_scope *out_copy);
void bkt_event_scope_clear(struct bkt_event_scope *scope);

bool bkt_event_scope_has(const struct bkt_event_scope *scope, struct bkt_str bucket);

/* All-zero is valid.  Views of the events' own bytes. */
struct bkt_event_keys {
    struct bkt_str *keys; /* in the order of keys */
    size_t count;
    size_t cap;
    bool has_foreign; /* events of other buckets were among them */
};

/* BKT_ENOMEM. */
BKT_MUST_CHECK int bkt_event_keys_read(struct bkt_event_keys *keys,
                                       const struct bkt_event *events,
                                       size_t count,
                                       const struct bkt_event_scope *scope);
void bkt_event_keys_clear(struct bkt_event_keys *keys);

#endif
