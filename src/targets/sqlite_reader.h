/*
 * The table in an SQLite file, looked at and not touched: peek(), scan() and the rows of
 * table_target.h, in one read transaction.
 */
#ifndef TARGETS_SQLITE_READER_H
#define TARGETS_SQLITE_READER_H

#include "table/table_target.h"
#include "targets/sqlite_db.h"

/*
 * A file that does not exist is not made: it holds no table.  `has_rows` false: the file is a state
 * of rows that are kept elsewhere.
 */
BKT_MUST_CHECK int bkt_sqlite_reader_new(const char *path,
                                         struct bkt_str table,
                                         bool has_rows,
                                         struct bkt_table_target *out_target,
                                         struct bkt_error *err);

/* As bkt_sqlite_open(), to change nothing, in the mode that leaves nothing behind. */
BKT_MUST_CHECK int bkt_sqlite_open_to_look(struct bkt_sqlite *conn,
                                           const char *path,
                                           struct bkt_str table,
                                           struct bkt_error *err);

#endif
