/*
 * What failures of a PostgreSQL database mean, and what to do about them.
 *
 * Each is put into `err` as one line, noted in the connection for those who ask what was said, and
 * gives BKT_ETARGET, retriable where the same may succeed later.
 */
#ifndef TARGETS_POSTGRES_ERROR_H
#define TARGETS_POSTGRES_ERROR_H

#include "targets/postgres_db.h"

/* "doing table schema.name in database db: what"; `code` is returned. */
int bkt_postgres_fail(const struct bkt_postgres *conn,
                      int code,
                      const char *doing,
                      struct bkt_error *err,
                      const char *what);

/* The server refused a statement; where it can do no more for us, the connection goes. */
int bkt_postgres_server_failed(struct bkt_postgres *conn,
                               const char *doing,
                               const PGresult *result,
                               struct bkt_error *err);
/* libpq itself failed: the connection is of no use any more, and goes. */
int bkt_postgres_lost(struct bkt_postgres *conn, const char *doing, struct bkt_error *err);
/* There was none to be had. */
int bkt_postgres_connect_failed(struct bkt_postgres *conn, struct bkt_error *err);

/* The last failure's SQLSTATE is this one, or of this class: "42501", "42". */
bool bkt_postgres_said(const struct bkt_postgres *conn, const char *sqlstate);
/* The last failure is a conflict with another transaction: the whole may be tried again. */
bool bkt_postgres_is_conflict(const struct bkt_postgres *conn);
/*
 * The last failure's table may not be made or used, or somebody else is making it just now: what
 * nothing depends on is then left out.
 */
bool bkt_postgres_is_barred(const struct bkt_postgres *conn);
/* Wait before try number `attempt` (from 1); false: it has been tried often enough. */
bool bkt_postgres_wait(unsigned attempt);

#endif
