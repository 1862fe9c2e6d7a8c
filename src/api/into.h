/*
 * A sync and a watch whose rows go to a target of the library's own, rather than to the one that
 * the configuration names (and need not).
 */
#ifndef API_INTO_H
#define API_INTO_H

#include <bucketable/sync.h>
#include <bucketable/target.h>
#include <bucketable/watch.h>

struct bkt_into {
    const struct bkt_target_ops *ops; /* copied; NULL: the configuration's target */
    void *self;
    const char *state;  /* the state file, borrowed while it is opened; NULL: a temporary one */
    bool skips_listing; /* a watch does not begin with one */
};

BKT_MUST_CHECK int bkt_sync_new_into(const struct bkt_config *config,
                                     const struct bkt_sync_callbacks *callbacks,
                                     const struct bkt_into *into,
                                     struct bkt_sync **out_sync,
                                     struct bkt_error *err);

BKT_MUST_CHECK int bkt_watch_new_into(const struct bkt_config *config,
                                      const struct bkt_watch_callbacks *callbacks,
                                      const struct bkt_into *into,
                                      struct bkt_watch **out_watch,
                                      struct bkt_error *err);

#endif
