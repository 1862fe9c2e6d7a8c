/*
 * What a channel's owner is told of its troubles: each once, and their end once.
 *
 * A channel may fail in several ways at the same time (it receives, but may not delete); they are
 * told apart by number.
 */
#ifndef EVENTS_TROUBLE_H
#define EVENTS_TROUBLE_H

#include "events/channel.h"

enum { BKT_TROUBLE_SOURCES_MAX = 4, BKT_TROUBLE_CAUSE_BYTES = 96 };

struct bkt_trouble {
    char causes[BKT_TROUBLE_SOURCES_MAX][BKT_TROUBLE_CAUSE_BYTES]; /* "": none */
};

/* `cause`, not empty, tells one reason from another; the same again is not told. */
void bkt_trouble_on(struct bkt_trouble *trouble,
                    const struct bkt_channel_owner *owner,
                    unsigned source,
                    const char *cause,
                    const struct bkt_error *err);

/* That source works. */
void bkt_trouble_off(struct bkt_trouble *trouble,
                     const struct bkt_channel_owner *owner,
                     unsigned source);

/* Things worth a line, each kind once. */
enum { BKT_ONCE_KINDS_MAX = 16 };
struct bkt_once {
    uint64_t seen[BKT_ONCE_KINDS_MAX];
    unsigned count;
};

/* True the first time; false for the 17th kind and beyond. */
bool bkt_once(struct bkt_once *once, const char *kind);

#endif
