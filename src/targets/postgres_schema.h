/*
 * The tables in the database: making them, finding them, following a changed spec.
 *
 * docs/postgresql.md has their columns.
 */
#ifndef TARGETS_POSTGRES_SCHEMA_H
#define TARGETS_POSTGRES_SCHEMA_H

#include "table/table_target.h"
#include "targets/postgres_db.h"

/* attach() of table_target.h, in one transaction; `conn` knows its schema afterwards. */
BKT_MUST_CHECK int bkt_postgres_schema_attach(struct bkt_postgres *conn,
                                              const struct bkt_table_spec *spec,
                                              struct bkt_attached *out,
                                              struct bkt_error *err);

/*
 * Append the statements that make all that attach() wants, for an administrator to run where this
 * program may not, with grants for the user whom `url` or the environment names.  Nothing is
 * connected.  Of `spec` `binary` and `columns` are read.  BKT_ECONFIG: the URL, the table's name;
 * else the buffer's errors.
 */
BKT_MUST_CHECK int bkt_postgres_ddl(const struct bkt_table_spec *spec,
                                    struct bkt_str url,
                                    struct bkt_str table,
                                    struct bkt_buf *out,
                                    struct bkt_error *err);

#endif
