/* From a target's URL to the target: the registry of those that this build has. */
#ifndef API_TARGET_H
#define API_TARGET_H

#include "api/config_int.h"
#include "table/table_target.h"

/* BKT_ECONFIG for a kind that this build does not have. */
BKT_MUST_CHECK int bkt_target_open(const struct bkt_settings *settings,
                                   struct bkt_table_target *out_target,
                                   struct bkt_error *err);

/* Make or find the table as the settings describe it. */
BKT_MUST_CHECK int bkt_target_attach(const struct bkt_settings *settings,
                                     const struct bkt_table_target *target,
                                     struct bkt_attached *out_attached,
                                     struct bkt_error *err);

#endif
