/*
 * bucketable/target.h - a target of your own: where the rows go.
 *
 * A target takes rows; what is known of them (revisions, ETags, failures, the read clock) stays in
 * a state file, an SQLite database that the library keeps.  Changes come in batches:
 *
 *     attach   begin apply apply ... commit   begin apply ... commit   free
 *
 * Order:   the state is written after commit() has returned: a change that a crash cut off comes
 *          again, none is lost.  Keys of a batch that was begun and not committed, by a crash or by
 *          rollback(), are written or deleted again by a later batch.  So apply() must be an
 *          "insert or replace", and a delete of a key without a row is no error.
 * Threads: attach() is called on the thread that prepares the sync, all others on one other thread,
 *          one at a time.  All signals are blocked there.
 * Memory:  what a row points to is valid until apply() returns.
 * Errors:  a call that fails fills in `err`: one line, what was being done, to what, what came
 *          back.  Set err->retriable where the same call may succeed later: a watch tries again.
 */
#ifndef BKT_TARGET_H
#define BKT_TARGET_H

#include <bucketable/config.h>

BKT_BEGIN_DECLS

enum bkt_value_kind {
    BKT_VALUE_NULL,
    BKT_VALUE_TEXT,   /* may hold any bytes, as HTTP headers may */
    BKT_VALUE_NUMBER, /* decimal digits */
    BKT_VALUE_JSON,   /* an object */
};

/* A metadata column.  This struct does not grow. */
struct bkt_value {
    const char *name; /* "etag", "size", "last_modified", ... */
    const char *text; /* not ended by a NUL */
    size_t len;
    enum bkt_value_kind kind;
};

enum bkt_row_op {
    BKT_ROW_UPSERT,
    BKT_ROW_DELETE,
};

/* New members go last. */
struct bkt_row {
    enum bkt_row_op op;
    const char *key; /* the filename: any bytes, at most 1,024 */
    size_t key_len;
    /* UPSERT; all zero for DELETE. */
    const char *content; /* not NULL; may be empty */
    size_t content_len;
    bool content_is_bytes;           /* rather than UTF-8 text */
    const struct bkt_value *columns; /* those that the configuration asks for, in order */
    size_t column_count;
    const char *etag; /* of the object, without quotes; may be empty */
    size_t etag_len;
    const char *version_id; /* may be empty */
    size_t version_id_len;
    uint64_t size; /* of the object in the bucket; text may differ from it */
    /*
     * The read clock's number of this change: of two changes of one key, that with the larger one
     * is newer.  Changes of one batch may share it.  It goes on growing where the state file does.
     */
    uint64_t revision;
};

/* Whose rows they are.  New members go last. */
struct bkt_target_table {
    const char *source; /* "s3://bucket" */
    bool is_new;        /* the state is: nothing is known of any row yet */
    bool binary;        /* contents are bytes */
};

/* What a target implements.  New members go last; `size` says which ones this table has. */
struct bkt_target_ops {
    size_t size; /* sizeof(struct bkt_target_ops) */

    /*
     * Which target this is, in a word: "kafka", "my-index".  It is kept in the state file, which
     * another target is then refused.
     */
    const char *name;

    /*
     * Reach what the rows are kept in.  A target that finds rows although the state is new should
     * fail with BKT_EFOREIGN: nobody would ever delete them.  May be NULL.
     */
    int (*attach)(void *self, const struct bkt_target_table *table, struct bkt_error *err);

    /* May be NULL. */
    int (*begin)(void *self, struct bkt_error *err);

    /*
     * One change of the batch, no key twice.  BKT_EUNSUPPORTED: this row cannot be stored, and
     * err->message says why; it is recorded as a failed object and the batch goes on.
     */
    int (*apply)(void *self, const struct bkt_row *row, struct bkt_error *err);

    /* Confirm the batch: it outlives this process and, where that matters, a power cut. */
    int (*commit)(void *self, struct bkt_error *err);

    /* After anything between begin() and commit() has failed, commit() too.  May be NULL. */
    void (*rollback)(void *self);

    /* The sync or watch that was opened with this target is freed.  May be NULL. */
    void (*free)(void *self);

    /*
     * Rows of a batch at most, for a target whose commit() takes long whatever it commits; 0:
     * 1,000. It is given what is at hand: more than a few thousand, or 8 MiB, is seldom.
     */
    size_t batch_rows;
};

/*
 * Let syncs and watches that are made of `config` write to this target rather than to one that
 * "url" names; "state" names the state file, which is needed.  `ops` and `self` are borrowed.
 */
BKT_API BKT_MUST_CHECK int bkt_config_set_target(struct bkt_config *config,
                                                 const struct bkt_target_ops *ops,
                                                 void *self,
                                                 struct bkt_error *err);

BKT_END_DECLS

#endif
