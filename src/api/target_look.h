/* A target opened to be looked at, see the last members of struct bkt_table_target_ops. */
#ifndef API_TARGET_LOOK_H
#define API_TARGET_LOOK_H

#include "api/config_int.h"
#include "table/table_target.h"
#include "targets/status.h"

/* The configuration's target was checked.  BKT_EUNSUPPORTED for a kind that cannot be looked at. */
BKT_MUST_CHECK int bkt_target_look(const struct bkt_settings *settings,
                                   struct bkt_table_target *out_target,
                                   struct bkt_error *err);

/* peek() with the table as the settings describe it. */
BKT_MUST_CHECK int bkt_target_peek(const struct bkt_settings *settings,
                                   const struct bkt_table_target *target,
                                   struct bkt_attached *out_attached,
                                   struct bkt_error *err);

/* Tell how the tables of the target fare.  BKT_EUNSUPPORTED for a kind that has no state. */
BKT_MUST_CHECK int bkt_target_status(const struct bkt_settings *settings,
                                     const struct bkt_status_told *told,
                                     struct bkt_error *err);

/*
 * The SQLite file that a target's state is in; the buffer is empty where there is none: it is in
 * another database, or ends with each run.  `out_has_rows`: the rows are there too.
 */
BKT_MUST_CHECK int bkt_target_state_file(const struct bkt_settings *settings,
                                         struct bkt_buf *out_path,
                                         bool *out_has_rows,
                                         struct bkt_error *err);

#endif
