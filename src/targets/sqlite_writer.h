/*
 * The connection that changes the table: every transaction of table_target.h that writes.
 *
 * A transaction adds one to the clock, whatever its number of changes: all of them take that value
 * as their revision.  That suffices, since the value is larger than every `read_at` that anybody
 * can have noted before the commit, and no two changes of one transaction have the same key.
 */
#ifndef TARGETS_SQLITE_WRITER_H
#define TARGETS_SQLITE_WRITER_H

#include "table/table_target.h"
#include "targets/sqlite_db.h"
#include "targets/sqlite_outside.h"

/* Prepared when first used; sqlite_writer.c has their text. */
enum bkt_sqlite_statement {
    BKT_SQLITE_BEGIN,
    BKT_SQLITE_COMMIT,
    BKT_SQLITE_SAVEPOINT,
    BKT_SQLITE_ROLLBACK_TO,
    BKT_SQLITE_RELEASE,
    BKT_SQLITE_CLOCK,
    BKT_SQLITE_FLOOR,
    BKT_SQLITE_EPOCH,
    BKT_SQLITE_COUNTS,
    BKT_SQLITE_STATE_GET,
    BKT_SQLITE_STATE_WALK,
    BKT_SQLITE_STATE_PUT,
    BKT_SQLITE_STATE_TOUCH,
    BKT_SQLITE_STATE_FAIL,
    BKT_SQLITE_ROW_INSERT,
    BKT_SQLITE_ROW_UPDATE,
    BKT_SQLITE_ROW_TOUCH,
    BKT_SQLITE_ROW_DELETE,
    BKT_SQLITE_UNSTAGE_ALL,
    BKT_SQLITE_PURGE,
    BKT_SQLITE_STAGE,
    BKT_SQLITE_STAGED_COUNT,
    BKT_SQLITE_STAGED_NEXT,
    BKT_SQLITE_LISTED,
    BKT_SQLITE_FAILED,
    BKT_SQLITE_NOTE,
    BKT_SQLITE_UNNOTE,
    BKT_SQLITE_NOTED,
    BKT_SQLITE_UNNOTE_ALL,
    BKT_SQLITE_STATEMENT_COUNT,
};

/* All-zero is valid and closed. */
struct bkt_sqlite_writer {
    struct bkt_sqlite conn;
    sqlite3_stmt *stmts[BKT_SQLITE_STATEMENT_COUNT];
    uint64_t epoch; /* as attached: with another one in the record nothing is committed */
    uint64_t floor; /* of the newest listing that was begun here; 0: none */
    unsigned columns;
    bool binary;
    bool is_full;                             /* PRAGMA synchronous is FULL rather than NORMAL */
    const struct bkt_sqlite_outside *outside; /* NULL: the rows are in the file */
};

/* Finalize the statements and close the connection. */
void bkt_sqlite_writer_clear(struct bkt_sqlite_writer *writer);
/* Forget the statements: the table's columns may be others now. */
void bkt_sqlite_writer_reset(struct bkt_sqlite_writer *writer);

/* As the operations of these names in table_target.h. */
BKT_MUST_CHECK int bkt_sqlite_writer_apply(struct bkt_sqlite_writer *writer,
                                           struct bkt_change *changes,
                                           size_t count,
                                           bool durable,
                                           struct bkt_clock *out_clock,
                                           struct bkt_error *err);
BKT_MUST_CHECK int bkt_sqlite_writer_begin_listing(struct bkt_sqlite_writer *writer,
                                                   struct bkt_clock *out_clock,
                                                   struct bkt_error *err);
BKT_MUST_CHECK int bkt_sqlite_writer_stage(struct bkt_sqlite_writer *writer,
                                           const struct bkt_absence *absences,
                                           size_t count,
                                           struct bkt_error *err);
BKT_MUST_CHECK int bkt_sqlite_writer_end_listing(struct bkt_sqlite_writer *writer,
                                                 const struct bkt_listing_record *record,
                                                 struct bkt_error *err);
BKT_MUST_CHECK int bkt_sqlite_writer_count_failed(struct bkt_sqlite_writer *writer,
                                                  uint64_t *out_count,
                                                  struct bkt_error *err);

/*
 * Begin a transaction for a listing's work: nobody else writes until it ends.  BKT_EBUSY when
 * another process has begun to list.
 */
BKT_MUST_CHECK int bkt_sqlite_writer_begin_work(struct bkt_sqlite_writer *writer,
                                                struct bkt_error *err);
/* Commit it, or roll back when `rc` says that it failed; the result is what holds then. */
BKT_MUST_CHECK int bkt_sqlite_writer_end_work(struct bkt_sqlite_writer *writer,
                                              int rc,
                                              struct bkt_error *err);

/* What a sweep reads; the statement belongs to the writer and is to be reset. */
BKT_MUST_CHECK int bkt_sqlite_writer_statement(struct bkt_sqlite_writer *writer,
                                               enum bkt_sqlite_statement which,
                                               sqlite3_stmt **out_stmt,
                                               struct bkt_error *err);

#endif
