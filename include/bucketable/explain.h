/*
 * bucketable/explain.h - why a key is, or is not, a row: every rule with its answer, the object in
 * the bucket, the row, its state, and what would happen next.  Nothing is changed, and no object's
 * content is read.
 *
 * Threads:  one struct bkt_explain is used by one thread at a time, but for bkt_explain_stop().
 * Memory:   an explanation is valid until the next run, or until its struct bkt_explain is freed.
 * Blocking: bkt_explain_run() waits for the network.
 */
#ifndef BKT_EXPLAIN_H
#define BKT_EXPLAIN_H

#include <bucketable/config.h>

BKT_BEGIN_DECLS

struct bkt_explain;

enum bkt_explained_answer {
    BKT_EXPLAINED_PASSES,
    BKT_EXPLAINED_STOPS,    /* for this rule it is no row */
    BKT_EXPLAINED_NO_MATCH, /* of a pattern */
    BKT_EXPLAINED_UNKNOWN,  /* the size is not known, without an object */
};

/* Static and owned texts; new members go last. */
struct bkt_explained_rule {
    const char *rule;  /* "prefix", "directory_marker", "max_file_size", "included_patterns", ... */
    const char *value; /* the prefix, the limit, the pattern; "": none */
    const char *why;   /* "it matches the directory docs/.git" */
    enum bkt_explained_answer answer;
    bool decides;
};

enum bkt_explained_next {
    BKT_NEXT_NOTHING,
    BKT_NEXT_ADD,
    BKT_NEXT_UPDATE,
    BKT_NEXT_DELETE,
};

/* Texts are "" when there is nothing to say.  New members go last. */
struct bkt_explanation {
    const char *key;
    size_t key_len;
    const struct bkt_explained_rule *rules; /* in the order in which they are asked */
    size_t rule_count;
    bool is_matched; /* by every rule */

    bool has_object;
    const char *object_error; /* it could not be asked for */
    const char *etag;         /* without quotes */
    const char *last_modified;
    uint64_t size;

    /* Where a target is set: */
    bool has_target;
    bool has_table;
    bool knows_rows; /* the target can tell its rows; else only their state */
    bool has_row;
    uint64_t content_len; /* of the row, bytes */
    bool has_state;
    bool is_deleted; /* the state is that of a row that was deleted */
    bool is_failed;  /* the newest try failed */
    uint64_t state_revision;
    uint64_t state_size;
    const char *state_etag; /* of the content in the row */
    const char *state_last_modified;
    const char *state_error; /* why the newest try failed */

    enum bkt_explained_next next; /* what a sync would do */
    const char *next_why;
};

/*
 * Checks the configuration and finds credentials.  A target is looked at where one is set.
 * `config` is borrowed and must outlive it.
 */
BKT_API BKT_MUST_CHECK int bkt_explain_new(const struct bkt_config *config,
                                           struct bkt_explain **out_explain,
                                           struct bkt_error *err);

/* NULL is fine. */
BKT_API void bkt_explain_free(struct bkt_explain *explain);

/* That the object cannot be asked for is part of the explanation, and no failure. */
BKT_API BKT_MUST_CHECK int bkt_explain_run(struct bkt_explain *explain,
                                           const char *key,
                                           size_t key_len,
                                           struct bkt_explanation *out_explanation,
                                           struct bkt_error *err);

/* End it soon, with BKT_ECANCELED.  From any thread, also from a signal handler. */
BKT_API void bkt_explain_stop(struct bkt_explain *explain);

BKT_END_DECLS

#endif
