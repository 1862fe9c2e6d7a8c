/*
 * SQL as the targets write it: with marks, `@` and a letter, for the names that depend on the
 * table, and with identifiers quoted as SQLite and PostgreSQL both take them.
 */
#ifndef TARGETS_SQL_H
#define TARGETS_SQL_H

#include "core/buf.h"

/* Append what the mark stands for. */
typedef int bkt_sql_mark_fn(const void *ctx, char mark, struct bkt_buf *out);

/* Append `sql` with every mark put in.  Errors are the buffer's. */
BKT_MUST_CHECK int bkt_sql_expand(const char *sql,
                                  bkt_sql_mark_fn *append_mark,
                                  const void *ctx,
                                  struct bkt_buf *out);

/* Append `before` and `name` as one quoted identifier: "a""b".  `before` has no quotes. */
BKT_MUST_CHECK int bkt_sql_quote(struct bkt_buf *out, const char *before, const char *name);

#endif
