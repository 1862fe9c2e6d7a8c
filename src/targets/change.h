/*
 * What a change does to a key's state, whatever the database: the rules that every target shares.
 */
#ifndef TARGETS_CHANGE_H
#define TARGETS_CHANGE_H

#include "table/table_target.h"

enum { BKT_CHANGE_ERROR_BYTES_MAX = 1000 }; /* of a failure's reason, in the state */

/* The name of metadata column 1 << `i`. */
extern const char *const bkt_column_names[BKT_COLUMN_COUNT];

/* An unchanged object has the ETag and size that it had; the rest of its metadata may be new. */
enum {
    BKT_COLUMNS_TOUCHED = BKT_COLUMN_LAST_MODIFIED | BKT_COLUMN_VERSION_ID |
                          BKT_COLUMN_STORAGE_CLASS | BKT_COLUMN_CONTENT_TYPE | BKT_COLUMN_METADATA,
};

/* The read clock's answer: `revision`, `flags` and `etag` are the state row's (0, 0, "": none). */
bool bkt_change_is_refused(const struct bkt_change *change,
                           uint64_t floor,
                           uint64_t revision,
                           unsigned flags,
                           struct bkt_str etag);

/* The flags of the state row after the change, of enum bkt_state_flag; `flags`: before it. */
unsigned bkt_change_flags(const struct bkt_change *change, unsigned flags);

/* FAIL: the reason, as long as the state keeps it. */
struct bkt_str bkt_change_error(const struct bkt_change *change);

/*
 * A text column's value; empty is NULL.  What a read does not tell stays as it is in a touched row
 * and is a default in a new one.  SIZE and LAST_MODIFIED are no texts: empty.
 */
struct bkt_str bkt_change_column(const struct bkt_change *change, enum bkt_column column);

#endif
