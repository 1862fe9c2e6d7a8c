/*
 * What a Redis hash held when it was last looked at: a digest of each field's value, so that the
 * next look tells what has come, changed or gone.
 *
 * Names are needed for what has gone; they are kept for so many fields, and for the rest it is only
 * known that something has.
 */
#ifndef EVENTS_REDIS_FIELDS_H
#define EVENTS_REDIS_FIELDS_H

#include "core/str.h"

#include <bucketable/error.h>

enum { BKT_REDIS_FIELDS_NAMED_MAX = 1 << 18 };

struct bkt_redis_field;

/* All-zero is valid and empty. */
struct bkt_redis_fields {
    struct bkt_redis_field *slots; /* open addressing */
    size_t slot_count;             /* a power of two, or 0 */
    size_t count;
    size_t named_count;
    size_t named_max; /* 0: BKT_REDIS_FIELDS_NAMED_MAX */
    uint32_t round;
};

void bkt_redis_fields_clear(struct bkt_redis_fields *fields);

/* A new look at all fields begins. */
void bkt_redis_fields_begin(struct bkt_redis_fields *fields);

/* Is it new, or has its value changed?  Again in the same look: no.  BKT_ENOMEM. */
BKT_MUST_CHECK int bkt_redis_fields_see(struct bkt_redis_fields *fields,
                                        struct bkt_str field,
                                        struct bkt_str value,
                                        bool *out_is_changed);

/*
 * Forget what was not seen in this look: up to `max` names, each to free with bkt_mem_free(), go to
 * `names`.  Returns how many; call it again until that is less than `max`.  `out_nameless`: others
 * went of which only the number was known.
 */
size_t bkt_redis_fields_sweep(struct bkt_redis_fields *fields,
                              struct bkt_str *names,
                              size_t max,
                              bool *out_nameless);

#endif
