/*
 * A plan's conditions with their values: which keys to list, and which of the rows to hand to
 * SQLite at all.  Each may let more through than the condition does, and never less.
 */
#ifndef SQLITE_MATCH_H
#define SQLITE_MATCH_H

#include "sqlite/plan.h"

/* An end of the range of keys.  Owned; NULL: there is none. */
struct ext_bound {
    char *text;
    size_t len;
    bool is_excluded;
};

struct ext_match {
    struct ext_bound from;
    struct ext_bound to;
    /* The beginning of a LIKE pattern that has letters, in lower case; NULL: none. */
    char *folded;
    size_t folded_len;
    /* On what else the listing tells. */
    struct {
        const struct ext_term *term;
        sqlite3_value *value; /* owned */
    } conditions[EXT_TERMS_MAX];
    int condition_count;
    bool is_empty;     /* no row can meet the conditions */
    uint64_t rows_max; /* so many rows are asked for; 0: all */
};

/*
 * Fill `match`, which is all-zero, with the values of xFilter; `prefix` is what all keys of the
 * table begin with.  BKT_ENOMEM; the caller clears it, also then.
 */
BKT_MUST_CHECK int ext_match_read(struct ext_match *match,
                                  const struct ext_plan *plan,
                                  sqlite3_value **values,
                                  const char *prefix,
                                  sqlite3 *db);
void ext_match_clear(struct ext_match *match);

/* bkt_listing_options' wants and may_be_read; `ctx` is the match. */
bool ext_match_wants(void *ctx, const struct bkt_listed *listed);
bool ext_match_may_be_read(void *ctx, const struct bkt_listed *listed);

enum ext_step {
    EXT_STEP_FITS, /* the key may be a row of the answer */
    EXT_STEP_SEEK, /* it is none, and neither is any below the key that was found */
    EXT_STEP_END,  /* nor is any behind it */
};

/* Where the next key may be that begins like the LIKE pattern; `*out_key` is the caller's to free.
 */
BKT_MUST_CHECK int ext_match_step(const struct ext_match *match,
                                  const char *key,
                                  size_t key_len,
                                  enum ext_step *out_step,
                                  char **out_key,
                                  size_t *out_len);

#endif
