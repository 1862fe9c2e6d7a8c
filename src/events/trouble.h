/*
 * What a channel's owner is told of its troubles: each once, and their end once; and what else it
 * should know, each kind once.
 *
 * A channel may fail in several ways at the same time (it receives, but may not delete); they are
 * told apart by number.
 */
#ifndef EVENTS_TROUBLE_H
#define EVENTS_TROUBLE_H

#include "events/channel.h"

enum { BKT_TROUBLE_SOURCES_MAX = 2, BKT_TROUBLE_CAUSE_BYTES = 96 };

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

/* The kinds of warnings that were given. */
enum { BKT_WARNED_KINDS_MAX = 16 };
struct bkt_warned {
    uint64_t kinds[BKT_WARNED_KINDS_MAX];
    unsigned count;
};

/* The first time of its kind, and not of the 17th kind and beyond.  The line is made printable. */
void bkt_warn_once(struct bkt_warned *warned,
                   const struct bkt_channel_owner *owner,
                   const char *kind,
                   const char *fmt,
                   ...) BKT_PRINTF(4, 5);

#endif
