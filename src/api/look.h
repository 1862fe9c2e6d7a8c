/*
 * A bucket and a table side by side, neither of them changed: what a listing would find different.
 *
 * bkt_look_begin() looks at the table as it is then; bkt_walk() with `rules` and `target` lists the
 * bucket and holds it against that.
 *
 * Threads: one, but for bkt_asker_stop().
 */
#ifndef API_LOOK_H
#define API_LOOK_H

#include "api/walker.h"

struct bkt_look {
    const struct bkt_settings *settings;
    struct bkt_asker asker;
    struct bkt_table_target target;
    struct bkt_attached attached;
    struct bkt_merge_rules rules;
};

/* Open both, of a checked configuration; all-zero before. */
BKT_MUST_CHECK int bkt_look_open(struct bkt_look *look,
                                 const struct bkt_config *config,
                                 struct bkt_error *err);
void bkt_look_close(struct bkt_look *look);

/* Look at the table as it is now.  Comes before what follows, and may come again. */
BKT_MUST_CHECK int bkt_look_begin(struct bkt_look *look, struct bkt_error *err);
void bkt_look_end(struct bkt_look *look);

enum bkt_look_op {
    BKT_LOOK_NOTHING, /* the row is as it should be, or there is none and should not be */
    BKT_LOOK_ADD,
    BKT_LOOK_UPDATE,
    BKT_LOOK_DELETE,
    BKT_LOOK_FAILED, /* no (newer) row can be made of this content, as is known */
};

/* What a sync would do with the key. */
enum bkt_look_op bkt_look_op(enum bkt_difference difference, const struct bkt_state_row *row);

/* How many rows a listing may remove; UINT64_MAX: any number. */
uint64_t bkt_look_deletes_max(const struct bkt_look *look);

#endif
