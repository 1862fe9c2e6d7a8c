/*
 * One connection to a PostgreSQL database, bound to one table: connecting, statements, errors.
 *
 * It connects by itself when a statement needs it and forgets a connection that was lost, so that
 * the next call has a new one.  Nothing outlives a transaction in it: no settings, no named
 * statements, no locks of the session, since a pool may give each transaction another one.
 *
 * SQL is written with marks for what depends on the table, each put in as a quoted, qualified name:
 * `@T` the user's table, `@S` its state, `@A` what a listing staged, `@R` the records, `@B` the
 * boundaries of listings, `@L` who lists, `@W` who works, `@I` the index over the state, which
 * takes no schema, `@N` the schema alone.
 *
 * Threads: a connection is used by one thread at a time.
 */
#ifndef TARGETS_POSTGRES_DB_H
#define TARGETS_POSTGRES_DB_H

#include "core/buf.h"
#include "targets/postgres_array.h"

#include <bucketable/error.h>

#include <libpq-fe.h>

enum {
    BKT_POSTGRES_NAME_BYTES = 63,  /* NAMEDATALEN - 1 */
    BKT_POSTGRES_TABLE_BYTES = 45, /* so that `bucketable_absent_` fits before it */
    BKT_POSTGRES_SQL_BYTES = 64 << 10,
    BKT_POSTGRES_PARAMS_MAX = 12,
    BKT_POSTGRES_STATEMENTS_MAX = 8,
};

/* All-zero is closed. */
struct bkt_postgres {
    PGconn *conn;                             /* NULL: not connected */
    char *url;                                /* may hold a password: never shown */
    char schema[BKT_POSTGRES_NAME_BYTES + 1]; /* empty until bkt_postgres_find_schema() */
    char table[BKT_POSTGRES_TABLE_BYTES + 1];
    bool is_known; /* it worked once: when it does not now, it may again */
    /* Of the last failure: what the server said, empty when it said nothing. */
    char sqlstate[6];
    char said[256];
};

/* Parameters of a statement, in the binary format.  All-zero has none. */
struct bkt_postgres_params {
    int count;
    Oid types[BKT_POSTGRES_PARAMS_MAX];
    const char *values[BKT_POSTGRES_PARAMS_MAX];
    int lengths[BKT_POSTGRES_PARAMS_MAX];
    char numbers[BKT_POSTGRES_PARAMS_MAX][8];
};

struct bkt_postgres_statement {
    const char *sql;                          /* NULL: left out, its result is NULL */
    const struct bkt_postgres_params *params; /* NULL: none */
};

/*
 * Check and keep; nothing is connected.  `table` is NAME or SCHEMA.NAME.  BKT_ECONFIG: libpq cannot
 * read the URL, or the name is reserved, too long or has more dots.
 */
BKT_MUST_CHECK int bkt_postgres_init(struct bkt_postgres *conn,
                                     struct bkt_str url,
                                     struct bkt_str table,
                                     struct bkt_error *err);
/* The name part alone, for what needs no connection. */
BKT_MUST_CHECK int bkt_postgres_name(struct bkt_postgres *conn,
                                     struct bkt_str table,
                                     struct bkt_error *err);
void bkt_postgres_clear(struct bkt_postgres *conn);
/* An open transaction is not kept. */
void bkt_postgres_disconnect(struct bkt_postgres *conn);

/* Where the table's name has no schema: ask for the first of the search path. */
BKT_MUST_CHECK int bkt_postgres_find_schema(struct bkt_postgres *conn, struct bkt_error *err);

/* Begin a transaction that changes nothing and sees one moment. */
BKT_MUST_CHECK int bkt_postgres_begin_look(struct bkt_postgres *conn, struct bkt_error *err);

/* Whether the bytes can be text in PostgreSQL: UTF-8 without U+0000. */
bool bkt_postgres_is_text(struct bkt_str bytes);

/* Bytes live until the statement was run. */
void bkt_postgres_param(struct bkt_postgres_params *params,
                        enum bkt_postgres_type type,
                        struct bkt_str bytes);
void bkt_postgres_param_int(struct bkt_postgres_params *params, int64_t number); /* INT8 */
BKT_MUST_CHECK int bkt_postgres_param_array(struct bkt_postgres_params *params,
                                            struct bkt_postgres_array *array);

/*
 * Send the statements together, in one round trip, and wait for their results, which come in the
 * binary format and are the caller's to PQclear(); `results` may be NULL.  The first failure ends
 * the run: no result is given, `conn` has its SQLSTATE.  `doing` is a verb for the message.
 */
BKT_MUST_CHECK int bkt_postgres_run(struct bkt_postgres *conn,
                                    const char *doing,
                                    const struct bkt_postgres_statement *statements,
                                    size_t count,
                                    PGresult **results,
                                    struct bkt_error *err);
/* One statement; `out_result` may be NULL. */
BKT_MUST_CHECK int bkt_postgres_exec(struct bkt_postgres *conn,
                                     const char *doing,
                                     const char *sql,
                                     const struct bkt_postgres_params *params,
                                     PGresult **out_result,
                                     struct bkt_error *err);
/*
 * COPY ... FROM STDIN, with all of its data.  Where the server refuses it, for whatever reason,
 * `*out_is_refused` is set and BKT_OK returned: the transaction is to go back to a savepoint.
 */
BKT_MUST_CHECK int bkt_postgres_copy(struct bkt_postgres *conn,
                                     const char *doing,
                                     const char *sql,
                                     struct bkt_str data,
                                     bool *out_is_refused,
                                     struct bkt_error *err);
/* End an open transaction without keeping it; where that fails the connection goes. */
void bkt_postgres_rollback(struct bkt_postgres *conn);

/* "doing table schema.name in database db: what"; `code` is returned. */
int bkt_postgres_fail(const struct bkt_postgres *conn,
                      int code,
                      const char *doing,
                      struct bkt_error *err,
                      const char *what);

/* The last failure's SQLSTATE is this one, or of this class: "42501", "42". */
bool bkt_postgres_said(const struct bkt_postgres *conn, const char *sqlstate);
/* The last failure is a conflict with another transaction: the whole may be tried again. */
bool bkt_postgres_is_conflict(const struct bkt_postgres *conn);
/* Wait before try number `attempt` (from 1); false: it has been tried often enough. */
bool bkt_postgres_wait(unsigned attempt);

/* Put the `@` marks' names in. */
BKT_MUST_CHECK int bkt_postgres_expand(const struct bkt_postgres *conn,
                                       const char *sql,
                                       struct bkt_buf *out);
/* Append a quoted identifier: "a""b". */
BKT_MUST_CHECK int bkt_postgres_quote(struct bkt_buf *out, const char *before, const char *name);

/* Values of a result; NULL is empty and 0. */
struct bkt_str bkt_postgres_str(const PGresult *result, int row, int column);
int64_t bkt_postgres_int(const PGresult *result, int row, int column);

#endif
