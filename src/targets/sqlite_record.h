/*
 * The record of a table, one row of bucketable_tables: whose the table is, what it was made for,
 * its clock.  docs/internals/state.md has its columns.
 */
#ifndef TARGETS_SQLITE_RECORD_H
#define TARGETS_SQLITE_RECORD_H

#include "table/table_target.h"
#include "targets/sqlite_db.h"

enum { BKT_SQLITE_SCHEMA_VERSION = 1 };

/* All-zero: there is none. */
struct bkt_sqlite_record {
    bool exists;
    bool same_source; /* or nobody's: nothing ever came of the other one */
    bool same_spec;
    bool binary;
    unsigned columns; /* of enum bkt_column, that bucketable made */
    uint64_t row_count;
    struct bkt_clock clock;
    char source[200]; /* for messages */
};

/* Make the table of records where there is none. */
BKT_MUST_CHECK int bkt_sqlite_record_prepare(const struct bkt_sqlite *conn, struct bkt_error *err);

/* Is there one? */
BKT_MUST_CHECK int bkt_sqlite_record_is_kept(const struct bkt_sqlite *conn,
                                             bool *out_is_kept,
                                             struct bkt_error *err);

/*
 * `target` names the one that the rows are in, "" the file itself; NULL: it is not known.
 * BKT_ETARGET: of a newer version.  BKT_EFOREIGN: the rows are in another target.
 */
BKT_MUST_CHECK int bkt_sqlite_record_read(const struct bkt_sqlite *conn,
                                          const struct bkt_table_spec *spec,
                                          bool is_outside,
                                          const char *target,
                                          struct bkt_sqlite_record *out,
                                          struct bkt_error *err);

/* Write it, with `spec`'s facts and its own clock; a new one counts no rows. */
BKT_MUST_CHECK int bkt_sqlite_record_write(const struct bkt_sqlite *conn,
                                           const struct bkt_table_spec *spec,
                                           const char *target,
                                           const struct bkt_sqlite_record *record,
                                           struct bkt_error *err);

/*
 * State rows were written with the clock's next number, past the counters: take it, and count them.
 */
BKT_MUST_CHECK int bkt_sqlite_record_count(const struct bkt_sqlite *conn,
                                           struct bkt_sqlite_record *record,
                                           struct bkt_error *err);

/* BKT_EFOREIGN: the table is another source's; or there is one, and no record of it. */
int bkt_sqlite_record_foreign(const struct bkt_sqlite *conn,
                              const struct bkt_sqlite_record *record,
                              struct bkt_error *err);
int bkt_sqlite_record_missing(const struct bkt_sqlite *conn, struct bkt_error *err);

#endif
