/*
 * What the user's table looks like, and how it is made to look as the spec wants it.  Indexes,
 * triggers, views and further columns of the user's stay through all of it.
 *
 * All of it is called inside a transaction, attach()'s or one that only reads.  BKT_ETARGET says
 * what is in the way and what to do about it.
 */
#ifndef TARGETS_SQLITE_SHAPE_H
#define TARGETS_SQLITE_SHAPE_H

#include "table/table_target.h"
#include "targets/sqlite_record.h"

/* What the user's table looks like now. */
struct bkt_sqlite_shape {
    bool exists; /* something of that name does */
    bool is_table;
    bool has_filename; /* as its only key */
    bool has_content;
    unsigned columns; /* names of ours that it has, whoever made them */
};

BKT_MUST_CHECK int bkt_sqlite_shape_read(const struct bkt_sqlite *conn,
                                         struct bkt_sqlite_shape *shape,
                                         struct bkt_error *err);

/* Make the table; there is none. */
BKT_MUST_CHECK int bkt_sqlite_shape_create(const struct bkt_sqlite *conn,
                                           const struct bkt_table_spec *spec,
                                           struct bkt_error *err);

/*
 * Is there what it needs, and nothing in the way of the spec?  Changes nothing.  `shape` NULL: the
 * rows are elsewhere, and only their state is here.
 */
BKT_MUST_CHECK int bkt_sqlite_shape_check(const struct bkt_sqlite *conn,
                                          const struct bkt_table_spec *spec,
                                          const struct bkt_sqlite_record *record,
                                          const struct bkt_sqlite_shape *shape,
                                          struct bkt_error *err);

/* Rows lack values that the spec asks for, and are to be read again.  `shape` as before. */
bool bkt_sqlite_shape_lacks(const struct bkt_table_spec *spec,
                            const struct bkt_sqlite_record *record,
                            const struct bkt_sqlite_shape *shape);

/* Bring a table that was checked to the spec. */
BKT_MUST_CHECK int bkt_sqlite_shape_follow(const struct bkt_sqlite *conn,
                                           const struct bkt_table_spec *spec,
                                           const struct bkt_sqlite_record *record,
                                           const struct bkt_sqlite_shape *shape,
                                           struct bkt_error *err);

#endif
