/*
 * A look at the Redis that change events are to come from: whether it can be reached, what may be
 * done there, what the key is.  Nothing is changed: commands that could move something are asked
 * about a key that no one has.
 *
 * Threads: one, that of the loop.
 */
#ifndef EVENTS_REDIS_LOOK_H
#define EVENTS_REDIS_LOOK_H

#include "core/buf.h"

#include <bucketable/error.h>

struct bkt_http;
struct bkt_redis_look;

/* All views are copied. */
struct bkt_redis_look_options {
    struct bkt_http *http; /* borrowed */
    struct bkt_str url;    /* redis_url.h */
    struct bkt_str default_password;
    struct bkt_str name; /* redis_channel */
    struct bkt_str ca_bundle;
};

enum bkt_redis_seen {
    BKT_REDIS_SEEN_OK,
    BKT_REDIS_SEEN_WARNING,
    BKT_REDIS_SEEN_WRONG,
};

enum { BKT_REDIS_FINDINGS_MAX = 8 };

/* Texts are printable. */
struct bkt_redis_finding {
    const char *what; /* "redis", "redis-subscribe", "redis-key", "redis-list", "redis-notify" */
    enum bkt_redis_seen seen;
    char detail[600];
    char fix[400]; /* "": none is known */
};

/* BKT_ECONFIG: the URL is none.  BKT_EUNSUPPORTED: built without Redis. */
BKT_MUST_CHECK int bkt_redis_look_new(const struct bkt_redis_look_options *options,
                                      struct bkt_redis_look **out_look,
                                      struct bkt_error *err);

/* NULL is fine. */
void bkt_redis_look_free(struct bkt_redis_look *look);

/* Once a turn of the loop, until it is done. */
void bkt_redis_look_tick(struct bkt_redis_look *look, int64_t now_ms);
int bkt_redis_look_wait_ms(const struct bkt_redis_look *look, int64_t now_ms);
bool bkt_redis_look_is_done(const struct bkt_redis_look *look);

/* What was found so far, in the order of looking; valid as long as the look. */
const struct bkt_redis_finding *bkt_redis_look_findings(const struct bkt_redis_look *look,
                                                        size_t *out_count);

#endif
