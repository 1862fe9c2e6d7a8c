/*
 * The tables in the file: making them, finding them, following a changed spec.
 *
 * docs/internals/state.md has their columns.
 */
#ifndef TARGETS_SQLITE_SCHEMA_H
#define TARGETS_SQLITE_SCHEMA_H

#include "table/table_target.h"
#include "targets/sqlite_db.h"
#include "targets/sqlite_outside.h"

/* attach() of table_target.h, in one transaction.  `outside` is NULL when the rows are in the file.
 */
BKT_MUST_CHECK int bkt_sqlite_schema_attach(const struct bkt_sqlite *conn,
                                            const struct bkt_sqlite_outside *outside,
                                            const struct bkt_table_spec *spec,
                                            struct bkt_attached *out,
                                            struct bkt_error *err);

#endif
