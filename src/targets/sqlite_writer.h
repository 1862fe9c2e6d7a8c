/*
 * The connection that changes the table, its statements and the clock.  What its transactions are
 * made of is in sqlite_apply.h and sqlite_listing.h.
 */
#ifndef TARGETS_SQLITE_WRITER_H
#define TARGETS_SQLITE_WRITER_H

#include "table/table_target.h"
#include "targets/sqlite_batch.h"
#include "targets/sqlite_db.h"
#include "targets/sqlite_outside.h"
#include "targets/sqlite_rows.h"

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
    BKT_SQLITE_STATE_FIND,
    BKT_SQLITE_STATE_ADD,
    BKT_SQLITE_STATE_PUT,
    BKT_SQLITE_STATE_TOUCH,
    BKT_SQLITE_STATE_FAIL,
    BKT_SQLITE_TRIGGERS,
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
    sqlite3_stmt *row_stmts[BKT_SQLITE_ROW_OP_COUNT];
    struct bkt_sqlite_batch batch; /* that is being applied */
    uint64_t epoch; /* as attached: with another one in the record nothing is committed */
    uint64_t floor; /* of the newest listing that was begun here; 0: none */
    unsigned columns;
    bool binary;
    bool is_full;                             /* PRAGMA synchronous is FULL rather than NORMAL */
    const struct bkt_sqlite_outside *outside; /* NULL: the rows are in the file */
};

/* On failure the writer is closed.  Otherwise it stays where it is until it is cleared. */
BKT_MUST_CHECK int bkt_sqlite_writer_open(struct bkt_sqlite_writer *writer,
                                          const char *path,
                                          struct bkt_str table,
                                          struct bkt_error *err);
/* Finalize the statements and close the connection. */
void bkt_sqlite_writer_clear(struct bkt_sqlite_writer *writer);
/* Forget the statements: the table's columns may be others now. */
void bkt_sqlite_writer_reset(struct bkt_sqlite_writer *writer);

/* The statement belongs to the writer and is to be reset. */
BKT_MUST_CHECK int bkt_sqlite_writer_statement(struct bkt_sqlite_writer *writer,
                                               enum bkt_sqlite_statement which,
                                               sqlite3_stmt **out_stmt,
                                               struct bkt_error *err);
/* The same for one over the user's rows. */
BKT_MUST_CHECK int bkt_sqlite_writer_row_statement(struct bkt_sqlite_writer *writer,
                                                   enum bkt_sqlite_row_op op,
                                                   sqlite3_stmt **out_stmt,
                                                   struct bkt_error *err);
/* Step and reset a statement that answers nothing of interest. */
BKT_MUST_CHECK int bkt_sqlite_writer_finish(const struct bkt_sqlite_writer *writer,
                                            sqlite3_stmt *stmt,
                                            struct bkt_error *err);
/* The same for one that has nothing to bind. */
BKT_MUST_CHECK int bkt_sqlite_writer_run(struct bkt_sqlite_writer *writer,
                                         enum bkt_sqlite_statement which,
                                         struct bkt_error *err);
/*
 * The number that one answers which has nothing to bind but, as ?1, the table's name; 0 where it
 * answers nothing.
 */
BKT_MUST_CHECK int bkt_sqlite_writer_number(struct bkt_sqlite_writer *writer,
                                            enum bkt_sqlite_statement which,
                                            uint64_t *out_number,
                                            struct bkt_error *err);
/* Say what SQLite's `status` means for a write to the table: BKT_ETARGET, or BKT_ENOMEM. */
int bkt_sqlite_writer_fail(const struct bkt_sqlite_writer *writer,
                           int status,
                           struct bkt_error *err);

/*
 * Inside a transaction: run CLOCK, FLOOR or EPOCH.  BKT_EFOREIGN when the epoch is not the one that
 * was attached.
 */
BKT_MUST_CHECK int bkt_sqlite_writer_clock(struct bkt_sqlite_writer *writer,
                                           enum bkt_sqlite_statement which,
                                           struct bkt_clock *out_clock,
                                           struct bkt_error *err);
/* Outside of one: are the next ones synced to disk? */
BKT_MUST_CHECK int bkt_sqlite_writer_set_durable(struct bkt_sqlite_writer *writer,
                                                 bool durable,
                                                 struct bkt_error *err);

#endif
