/*
 * State rows: read before a batch is decided, written after, each with one statement.
 */
#ifndef TARGETS_POSTGRES_STATE_H
#define TARGETS_POSTGRES_STATE_H

#include "table/table_target.h"
#include "targets/postgres_run.h"

/*
 * The columns of a state row, in the order that bkt_postgres_state_row() reads; `filename` first.
 */
#define BKT_POSTGRES_STATE_COLUMNS \
    "filename, revision, flags, etag, size, last_modified, version_id, decode, failed_etag"

struct bkt_postgres_state {
    struct bkt_state_row row;
    struct bkt_str version_id;
};

/* Views are the result's. */
struct bkt_postgres_state bkt_postgres_state_row(const PGresult *result, int row);

/* scan() of table_target.h. */
BKT_MUST_CHECK int bkt_postgres_state_scan(struct bkt_postgres *conn,
                                           const struct bkt_scan *range,
                                           bkt_state_fn *fn,
                                           void *ctx,
                                           size_t *out_count,
                                           struct bkt_error *err);

/* "$1: the keys".  Rows come in the order of keys. */
extern const char bkt_postgres_state_get_sql[];
/* Take what bkt_postgres_states_params() makes; ADD wants keys without state and is faster. */
extern const char bkt_postgres_state_put_sql[];
extern const char bkt_postgres_state_add_sql[];

/* Rows to write.  All-zero is empty and may be cleared, not added to. */
struct bkt_postgres_states {
    struct bkt_postgres_array keys, flags, etags, sizes, times, versions, decodes, failed_etags,
        errors;
    size_t count;
    size_t new_count; /* of them without a state before */
};

void bkt_postgres_states_init(struct bkt_postgres_states *states);
void bkt_postgres_states_clear(struct bkt_postgres_states *states);

/* What `change` makes of the state `before` (all-zero: none).  Errors are the array's. */
BKT_MUST_CHECK int bkt_postgres_states_add(struct bkt_postgres_states *states,
                                           const struct bkt_change *change,
                                           const struct bkt_postgres_state *before);

/* COPY of new rows' states: the statement, and the row of an upsert of a key without state. */
extern const char bkt_postgres_state_copy_sql[];
BKT_MUST_CHECK int bkt_postgres_state_copy_row(struct bkt_postgres_array *rows,
                                               const struct bkt_change *change,
                                               uint64_t revision);

BKT_MUST_CHECK int bkt_postgres_states_params(struct bkt_postgres_states *states,
                                              uint64_t revision,
                                              struct bkt_postgres_params *out_params);

#endif
