/* The parts of a setup; for its own files alone. */
#ifndef API_SETUP_INT_H
#define API_SETUP_INT_H

#include "api/asker.h"
#include "api/names.h"
#include "events/queue_policy.h"
#include "s3/notify_config.h"

#include <bucketable/setup.h>

/* The way that a change takes from the bucket to us. */
enum setup_route { SETUP_DIRECT, SETUP_SNS, SETUP_EVENTBRIDGE, SETUP_REDIS };

struct bkt_setup {
    const struct bkt_config *config;
    const struct bkt_settings *settings;
    struct bkt_setup_options options;
    enum setup_route route;
    struct bkt_asker asker;
    struct bkt_names names;
    char sid[128];        /* of the statement in the queue's policy */
    char source_arn[256]; /* that may send to the queue */
    char target_arn[256]; /* that the bucket tells */
    bool policy_changes;
    bool notification_changes;
    struct bkt_buf policy;       /* as it is to be; empty: none */
    struct bkt_buf notification; /* XML, as it is to be */
};

#define SETUP_REDIS_ID "BUCKETABLE"

void setup_say(const struct bkt_setup *setup, const char *fmt, ...) BKT_PRINTF(2, 3);

/* Names that depend on the route. */
void setup_name_route(struct bkt_setup *setup);
struct bkt_policy_grant setup_grant(const struct bkt_setup *setup);
struct bkt_notify_want setup_want(const struct bkt_setup *setup);

/* Write all documents; tell what is left to do by hand. */
BKT_MUST_CHECK int setup_write(struct bkt_setup *setup,
                               bkt_write_fn *write,
                               void *ctx,
                               struct bkt_error *err);
void setup_tell_rest(const struct bkt_setup *setup);

#endif
