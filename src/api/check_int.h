/* The parts of a check; for its own files alone. */
#ifndef API_CHECK_INT_H
#define API_CHECK_INT_H

#include "api/asker.h"
#include "api/names.h"

#include <bucketable/check.h>

enum { CHECK_FIX_BYTES = 4096 };

struct bkt_check {
    const struct bkt_config *config;
    const struct bkt_settings *settings;
    struct bkt_check_options options;
    struct bkt_check_counts counts;
    struct bkt_asker asker;
    bool has_target;
};

/* Tell a finding.  `fix` may be NULL or "". */
void check_tell(struct bkt_check *check,
                const char *name,
                enum bkt_check_result result,
                const char *fix,
                const char *fmt,
                ...) BKT_PRINTF(5, 6);

/* A statement for the user's own IAM policy: `"action"` on `resource`. */
void check_statement(char out[CHECK_FIX_BYTES], const char *actions, const char *resource);

/* The command that sets up the bucket and the queue. */
void check_fix_setup(const struct bkt_check *check, char fix[CHECK_FIX_BYTES]);

/*
 * The parts, in order; each fails only where nothing can go on: BKT_ECANCELED, BKT_ENOMEM.
 * `bucket` answers whether S3 could be reached.
 */
int check_credentials(struct bkt_check *check, struct bkt_error *err);
int check_bucket(struct bkt_check *check, bool *out_is_reached, struct bkt_error *err);
int check_written(struct bkt_check *check, struct bkt_error *err);
int check_queue(struct bkt_check *check, bool is_reached, struct bkt_error *err);
/* Does the bucket tell the queue of these names? */
int check_notification(struct bkt_check *check,
                       const struct bkt_names *names,
                       struct bkt_error *err);
int check_redis(struct bkt_check *check, struct bkt_error *err);
int check_listen(struct bkt_check *check, struct bkt_error *err);
int check_target(struct bkt_check *check, struct bkt_error *err);

/* Is this failure one to stop at? */
static inline bool check_is_fatal(int rc)
{
    return rc == BKT_ECANCELED || rc == BKT_ENOMEM;
}

#endif
