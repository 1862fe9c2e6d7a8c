/*
 * One connection to an SQLite file, bound to one table: opening, statements, errors.
 *
 * SQL is written with marks for what depends on the table: `@T` is the user's table, `@S` its
 * state, `@A` what a listing staged, `@I` the index over the state, `@P` the keys that are being
 * written elsewhere, each as a quoted identifier.
 *
 * Threads: a connection is used by one thread at a time.
 */
#ifndef TARGETS_SQLITE_DB_H
#define TARGETS_SQLITE_DB_H

#include "core/buf.h"

#include <bucketable/error.h>

#include <sqlite3.h>

enum { BKT_SQLITE_SQL_BYTES = 16 << 10, BKT_SQLITE_NAME_BYTES = 200 };

/* All-zero is a closed connection. */
struct bkt_sqlite {
    sqlite3 *db;
    char *path;  /* as the user spells it, for messages */
    char *table; /* the user's table, not quoted */
};

/* Which file `path` is: SQLite's own spellings of what is no file are refused, BKT_ECONFIG. */
enum bkt_sqlite_mode {
    BKT_SQLITE_WRITE, /* made when it is not there, put into WAL mode */
    BKT_SQLITE_SCAN,  /* beside a connection that writes; its statements only read */
    BKT_SQLITE_READ,  /* nothing is made or changed */
};

/* On failure `conn` is closed.  A lock is waited for some ten seconds, here and later. */
BKT_MUST_CHECK int bkt_sqlite_open(struct bkt_sqlite *conn,
                                   const char *path,
                                   struct bkt_str table,
                                   enum bkt_sqlite_mode mode,
                                   struct bkt_error *err);
/* Statements are finalized before. */
void bkt_sqlite_close(struct bkt_sqlite *conn);

/*
 * Put what SQLite's `rc` means into `err`: "what it was doing, the file, what came back, what to
 * do". Returns BKT_ETARGET, or BKT_ENOMEM.
 */
int bkt_sqlite_fail(const struct bkt_sqlite *conn,
                    int rc,
                    const char *doing,
                    struct bkt_error *err);

/* "table T in FILE: what"; `code` is returned. */
int bkt_sqlite_refuse(const struct bkt_sqlite *conn,
                      int code,
                      struct bkt_error *err,
                      const char *what);

BKT_MUST_CHECK int bkt_sqlite_prepare(const struct bkt_sqlite *conn,
                                      const char *sql,
                                      sqlite3_stmt **out_stmt,
                                      struct bkt_error *err);
/* Prepare one statement, run it to its end, forget it. */
BKT_MUST_CHECK int bkt_sqlite_exec(const struct bkt_sqlite *conn,
                                   const char *sql,
                                   struct bkt_error *err);
/* The same for a statement whose only parameter is the table's name and whose answer is a number.
 */
BKT_MUST_CHECK int bkt_sqlite_number(const struct bkt_sqlite *conn,
                                     const char *sql,
                                     int64_t *out_number,
                                     struct bkt_error *err);
/* Put the `@` marks' names in. */
BKT_MUST_CHECK int bkt_sqlite_expand(const struct bkt_sqlite *conn,
                                     const char *sql,
                                     struct bkt_buf *out);

/* End an open transaction without keeping it, or do nothing. */
void bkt_sqlite_rollback(const struct bkt_sqlite *conn);

/* Bind bytes that live until the statement is reset.  The `_or_null` form: empty is NULL. */
int bkt_sqlite_bind_text(sqlite3_stmt *stmt, int i, struct bkt_str text);
int bkt_sqlite_bind_text_or_null(sqlite3_stmt *stmt, int i, struct bkt_str text);
int bkt_sqlite_bind_blob(sqlite3_stmt *stmt, int i, struct bkt_str bytes);
/* An ISO 8601 text that SQLite copies; NULL for BKT_TIME_NONE. */
int bkt_sqlite_bind_time(sqlite3_stmt *stmt, int i, int64_t ms);

/* A column's bytes, as they are; valid until the next step or reset. */
struct bkt_str bkt_sqlite_column(sqlite3_stmt *stmt, int i);

#endif
