/*
 * One connection to a PostgreSQL database, bound to one table.  postgres_run.h sends statements
 * over it, postgres_error.h says what its failures mean.
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

#include <bucketable/error.h>

#include <libpq-fe.h>

enum {
    BKT_POSTGRES_NAME_BYTES = 63,  /* NAMEDATALEN - 1 */
    BKT_POSTGRES_TABLE_BYTES = 45, /* so that `bucketable_absent_` fits before it */
    BKT_POSTGRES_SQL_BYTES = 64 << 10,
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

/*
 * Check and keep; nothing is connected.  `table` is NAME or SCHEMA.NAME.  BKT_ECONFIG: libpq cannot
 * read the URL, or the name is reserved, too long or has more dots.
 */
BKT_MUST_CHECK int bkt_postgres_init(struct bkt_postgres *conn,
                                     struct bkt_str url,
                                     struct bkt_str table,
                                     struct bkt_error *err);
void bkt_postgres_clear(struct bkt_postgres *conn);
/* An open transaction is not kept. */
void bkt_postgres_disconnect(struct bkt_postgres *conn);

/* Connect, if that has not been done. */
BKT_MUST_CHECK int bkt_postgres_connect(struct bkt_postgres *conn, struct bkt_error *err);
/* End an open transaction without keeping it; where that fails the connection goes. */
void bkt_postgres_rollback(struct bkt_postgres *conn);

/* Put the `@` marks' names in. */
BKT_MUST_CHECK int bkt_postgres_expand(const struct bkt_postgres *conn,
                                       const char *sql,
                                       struct bkt_buf *out);

#endif
