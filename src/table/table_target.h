/*
 * The engine's socket to where the table lives.
 *
 * A target keeps, in one place and in the same transactions, the user's rows, one state row for
 * each key ever seen, and one record for the source: spec, epoch, clock, floor, counters.  The rule
 * that it must keep is the read clock (docs/internals/read-clock.md):
 *
 *   - The clock is a number in that record.  A transaction that changes state first adds to it and
 *     so holds the record's lock until it commits; the changes take the numbers as revisions.
 *   - A change made of a read that began at clock `read_at` is applied only if the state row's
 *     revision and the floor are both <= read_at, checked inside that transaction; else it is
 *     refused, which is no error: the key is to be read again.
 *   - A delete leaves a tombstone: a state row with a revision of its own and no row.
 *
 * Threads: attach() comes first, alone, and detach() last.  Between them two threads call at once:
 * the loop calls scan() and read_clock(), the writer everything else.
 * Errors: whatever fails, nothing of the call is kept.  BKT_ETARGET unless said; `retriable` is set
 * when the same call may succeed later (a lock, a lost connection).
 */
#ifndef TABLE_TABLE_TARGET_H
#define TABLE_TABLE_TARGET_H

#include "core/buf.h"
#include "core/object.h"

#include <bucketable/error.h>

/* The metadata columns after `content`, in this order, those asked for. */
enum bkt_column {
    BKT_COLUMN_ETAG = 1 << 0,          /* text */
    BKT_COLUMN_SIZE = 1 << 1,          /* integer, bytes as stored in the bucket */
    BKT_COLUMN_LAST_MODIFIED = 1 << 2, /* ISO 8601 UTC text; timestamptz in PostgreSQL */
    BKT_COLUMN_VERSION_ID = 1 << 3,    /* text, NULL when the bucket never had versions */
    BKT_COLUMN_STORAGE_CLASS = 1 << 4, /* text, STANDARD when the server names none */
    BKT_COLUMN_CONTENT_TYPE = 1 << 5,  /* text or NULL */
    BKT_COLUMN_METADATA = 1 << 6,      /* a JSON object */
};
enum { BKT_COLUMN_COUNT = 7 };

/* Whose table it is and what it looks like. */
struct bkt_table_spec {
    struct bkt_str source; /* "s3://bucket": a table belongs to one */
    struct bkt_str spec;   /* the spec in canonical JSON; another text takes a new epoch */
    bool binary;           /* content is bytes (BLOB) rather than text */
    unsigned columns;      /* of enum bkt_column */
    bool replace_nul;      /* where text cannot hold U+0000: U+FFFD for it; else it is rejected */
    /* As of struct bkt_change, of a content that is the object's bytes as they are; 0: not known */
    uint32_t plain_decode;
};

struct bkt_clock {
    uint64_t clock;
    uint64_t floor;
    uint64_t epoch;
};

/* What attach() finds. */
struct bkt_attached {
    struct bkt_clock clock;
    uint64_t row_count;   /* rows of the table, from a counter that the transactions keep */
    bool is_new;          /* the table was made just now */
    bool spec_changed;    /* the epoch was taken for a changed spec */
    bool columns_changed; /* columns were added, or content changed its type: rows lack values */
    size_t batch_changes; /* apply() is given so many at most; 0: as the engine sees fit */
};

enum bkt_state_flag {
    BKT_STATE_ROW = 1 << 0,      /* the table has a row; without it and FAILED: a tombstone */
    BKT_STATE_REPLACED = 1 << 1, /* U+FFFD stands for what could not be decoded */
    BKT_STATE_FAILED = 1 << 2,   /* the newest try failed: row_error() says why, the row is older */
    /* With FAILED: it was the content itself, and only another content or spec is worth a try. */
    BKT_STATE_FAILED_CONTENT = 1 << 3,
    /* Of the content in the row, where a column shows it: bkt_class_mark() as a listing tells it.
     */
    BKT_STATE_CLASS = BKT_CLASS_MARK_BITS,
};

/* A state row.  Views are valid until the callback returns. */
struct bkt_state_row {
    struct bkt_str key;
    struct bkt_str etag;        /* of the content in the row */
    struct bkt_str failed_etag; /* with FAILED_CONTENT: of the content that cannot be a row */
    uint64_t revision;
    uint64_t size;
    int64_t last_modified_ms;
    uint32_t decode; /* how the content was made of the bytes: see struct bkt_change */
    unsigned flags;
};

typedef int bkt_state_fn(void *ctx, const struct bkt_state_row *row, struct bkt_error *err);

/* Keys in (after, up_to], by bytes; `has_up_to` false: to the end.  At most `limit` rows. */
struct bkt_scan {
    struct bkt_str after; /* empty: from the start */
    struct bkt_str up_to;
    bool has_up_to;
    size_t limit;
};

enum bkt_change_op {
    BKT_CHANGE_UPSERT, /* content and all columns */
    BKT_CHANGE_DELETE, /* row goes, tombstone stays, also where the key was unknown */
    /*
     * The read was answered "not modified" (or the content proved equal): the row takes a revision,
     * and the metadata at hand.  Refused unless the state row still has object.etag and a row.
     */
    BKT_CHANGE_TOUCH,
    /* It could not be read or decoded: state keeps `reason`, the row stays as it is. */
    BKT_CHANGE_FAIL,
};

enum bkt_outcome {
    BKT_OUTCOME_APPLIED,
    BKT_OUTCOME_REFUSED,  /* by the read clock: read it again */
    BKT_OUTCOME_REJECTED, /* this row cannot be stored, its neighbors were: see `reject_reason` */
};

enum { BKT_REASON_BYTES = 256 };

struct bkt_change {
    enum bkt_change_op op;
    struct bkt_object object; /* key always; for UPSERT and TOUCH all that the read told */
    struct bkt_object_extra extra;
    struct bkt_str content; /* UPSERT; text unless content_is_bytes */
    bool content_is_bytes;  /* store as BLOB whatever the column says */
    bool replaced;          /* sets BKT_STATE_REPLACED */
    bool failed_by_content; /* FAIL: sets FAILED_CONTENT, failed_etag is object.etag, decode is kept
                             */
    uint32_t decode;        /* kept with the row, opaque here */
    unsigned class_mark;    /* UPSERT: bits of BKT_STATE_CLASS */
    uint64_t read_at;
    struct bkt_str reason; /* FAIL */
    /* Answered by apply(): */
    enum bkt_outcome outcome;
    bool had_row;      /* there was a row before: an update rather than an addition */
    uint64_t revision; /* that it takes if it stays APPLIED; 0: the target does not tell */
    char reject_reason[BKT_REASON_BYTES];
};

/* A key that a page of a listing begun at `read_at` proves absent. */
struct bkt_absence {
    struct bkt_str key;
    uint64_t read_at;
};

/* The end of a listing: remove what was staged. */
struct bkt_sweep {
    bool is_limited;
    uint64_t limit; /* more rows to remove than this: none is, BKT_EGUARD */
    /* Called for each staged key that the read clock refuses: it is to be read.  Not an error. */
    void (*refused)(void *ctx, struct bkt_str key);
    /* Called after the commit that removed the row. */
    void (*deleted)(void *ctx, struct bkt_str key);
    void *ctx;
    /* Answered, also with BKT_EGUARD: */
    uint64_t row_count; /* staged rows that would go or went */
};

enum { BKT_BOUNDARIES_BYTES_MAX = 1 << 20 };

enum bkt_content_kind {
    BKT_CONTENT_NONE, /* NULL, or nothing that a content can be */
    BKT_CONTENT_TEXT,
    BKT_CONTENT_BYTES,
};

/* A row of the user's table.  Valid until the next call that tells one. */
struct bkt_table_row {
    struct bkt_str key;
    enum bkt_content_kind kind;
    uint64_t content_len; /* bytes */
};

/* What a listing leaves in the record for `status`; counts of objects. */
struct bkt_listing_record {
    int64_t ended_wall_ms;
    uint64_t listed;
    uint64_t matched;
    uint64_t failed; /* state rows with FAILED at the end */
};

struct bkt_table_target_ops {
    const char *name;

    /*
     * Make or find the table and its state, check the schema version (older is upgraded, newer
     * refused: BKT_ETARGET) and the owner (another source: BKT_EFOREIGN, and so is a table of that
     * name without state), take an epoch when the spec is another.
     */
    int (*attach)(void *self,
                  const struct bkt_table_spec *spec,
                  struct bkt_attached *out,
                  struct bkt_error *err);

    /* The committed clock, floor and epoch. */
    int (*read_clock)(void *self, struct bkt_clock *out, struct bkt_error *err);

    /* State rows in key order, tombstones and failures too.  A callback's failure ends the scan. */
    int (*scan)(void *self,
                const struct bkt_scan *scan,
                bkt_state_fn *fn,
                void *ctx,
                size_t *out_count,
                struct bkt_error *err);

    /*
     * One transaction.  `changes` are sorted by key, no key twice.  Each is checked and answered
     * for itself; a rejected one leaves no trace.  `durable`: synced to disk before it returns
     * (messages will be acknowledged for it).  `out_clock` is the clock after the commit.
     */
    int (*apply)(void *self,
                 struct bkt_change *changes,
                 size_t count,
                 bool durable,
                 struct bkt_clock *out_clock,
                 struct bkt_error *err);

    /*
     * A listing begins: takes a revision, makes it the floor, drops what an earlier listing staged
     * and tombstones with revision <= floor.  `out_clock` is as committed.
     *
     * What is staged belongs to the listing with the newest floor.  stage(), sweep() and
     * end_listing() fail with BKT_EBUSY, not retriable, when the table's floor is no longer the one
     * that this handle's newest begin_listing() took: another process has begun to list, and this
     * listing is to begin anew.  Transactions that a sweep had committed before stay.
     */
    int (*begin_listing)(void *self, struct bkt_clock *out_clock, struct bkt_error *err);

    /* Note keys as absent; they are kept in the target, not in memory.  One transaction. */
    int (*stage)(void *self,
                 const struct bkt_absence *absences,
                 size_t count,
                 struct bkt_error *err);

    /* The listing is complete: remove the rows of staged keys, in several transactions. */
    int (*sweep)(void *self,
                 struct bkt_sweep *sweep,
                 struct bkt_clock *out_clock,
                 struct bkt_error *err);

    /* Record that a listing was complete (after its sweep and its last change). */
    int (*end_listing)(void *self, const struct bkt_listing_record *record, struct bkt_error *err);

    /* Count the keys with FAILED. */
    int (*count_failed)(void *self, uint64_t *out_count, struct bkt_error *err);

    /* Close everything; no failure matters any more. */
    void (*free)(void *self);

    /*
     * Keep what the next listing may be cut by, and give it back: opaque bytes, at most
     * BKT_BOUNDARIES_BYTES_MAX, one value a table, lost with no harm but time.  `out` stays empty
     * when there is none.  save is called by the writer, load by the loop.  Both may be NULL.
     */
    int (*save_boundaries)(void *self, struct bkt_str boundaries, struct bkt_error *err);
    int (*load_boundaries)(void *self, struct bkt_buf *out, struct bkt_error *err);

    /*
     * May this process list, and for the next 15 seconds nobody else?  Asked before begin_listing()
     * and every 5 seconds until end_listing(), which lets others have it.  BKT_EBUSY, not
     * retriable: another one lists.  NULL: nobody keeps account.  It saves work; what keeps
     * listings apart is the floor.
     */
    int (*hold_listing)(void *self, struct bkt_error *err);

    /*
     * Tell others that this process works on the table, where that is due by the monotonic clock:
     * called by the writer between its calls, at the latest when the time has come that the call
     * before returned.  leave() says that it ends.  Neither fails: nothing depends on it.  Both
     * NULL: nobody is told.
     */
    int64_t (*beat)(void *self, int64_t now_ms);
    void (*leave)(void *self);

    /*
     * For a target that was opened to be looked at (api/target_look.h): nothing is made or changed,
     * and all that is seen is of one moment.  One thread; of the members above such a target has
     * scan() and free().  Each may be NULL: it cannot be done.
     *
     * peek() comes first, in place of attach(), and tells what that would find or fail with;
     * `is_new`: there is no table, and nothing to scan.
     */
    int (*peek)(void *self,
                const struct bkt_table_spec *spec,
                struct bkt_attached *out,
                struct bkt_error *err);
    /* Append why a key failed; nothing when it did not. */
    int (*read_error)(void *self, struct bkt_str key, struct bkt_buf *out, struct bkt_error *err);
    /* The user's row of that key, whatever the state says; *out_has_row is false for none. */
    int (*find_row)(void *self,
                    struct bkt_str key,
                    struct bkt_table_row *out_row,
                    bool *out_has_row,
                    struct bkt_error *err);
    /*
     * All of them in the order of their keys' bytes: begin, then row by row; *out_has_row is false
     * past the last one.
     */
    int (*begin_rows)(void *self, struct bkt_error *err);
    int (*next_row)(void *self,
                    struct bkt_table_row *out_row,
                    bool *out_has_row,
                    struct bkt_error *err);
    /* Append the content of next_row()'s last row; BKT_ELIMIT at the buffer's ceiling. */
    int (*read_content)(void *self, struct bkt_buf *out, struct bkt_error *err);
};

struct bkt_table_target {
    const struct bkt_table_target_ops *ops;
    void *self;
};

#endif
