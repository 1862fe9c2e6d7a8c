/*
 * What the tables in the database look like, and whether attach() of table_target.h may have them:
 * asked before it changes something, and by those who only look.
 */
#ifndef TARGETS_POSTGRES_SHAPE_H
#define TARGETS_POSTGRES_SHAPE_H

#include "table/table_target.h"
#include "targets/postgres_db.h"

enum { BKT_POSTGRES_SCHEMA_VERSION = 1 };

/* The columns of a record, in the order that bkt_postgres_record_read() reads. */
#define BKT_POSTGRES_RECORD_COLUMNS                                                     \
    "source, spec, is_binary, columns, epoch, clock, floor, row_count, schema_version," \
    " (listing_ended_at IS NULL)::int4"

/* All-zero: there is none. */
struct bkt_postgres_record {
    bool exists; /* with version 0 it is being made */
    bool same_source;
    bool same_spec;
    bool binary;
    unsigned columns;
    uint64_t row_count;
    struct bkt_clock clock;
    char source[200];
};

struct bkt_postgres_shape {
    bool exists; /* something of the table's name does */
    bool is_table;
    bool has_filename; /* with a unique index of its own */
    bool has_content;
    bool is_binary;
    unsigned columns;                        /* names of ours that it has, whoever made them */
    char other[BKT_POSTGRES_NAME_BYTES + 1]; /* a column that has to be given a value */
    bool has_state;
};

/* Where the table's name has no schema: ask for the first of the search path. */
BKT_MUST_CHECK int bkt_postgres_find_schema(struct bkt_postgres *conn, struct bkt_error *err);

/* Begin a transaction that changes nothing and sees one moment. */
BKT_MUST_CHECK int bkt_postgres_begin_look(struct bkt_postgres *conn, struct bkt_error *err);

/* A question that is answered by yes or no; its only parameter is the name that `mark` stands for.
 */
BKT_MUST_CHECK int bkt_postgres_ask(
    struct bkt_postgres *conn, const char *mark, const char *sql, bool *out, struct bkt_error *err);
/* Is there something of the name that `mark` stands for? */
BKT_MUST_CHECK int bkt_postgres_exists(struct bkt_postgres *conn,
                                       const char *mark,
                                       bool *out,
                                       struct bkt_error *err);

BKT_MUST_CHECK int bkt_postgres_shape_read(struct bkt_postgres *conn,
                                           struct bkt_postgres_shape *out,
                                           struct bkt_error *err);

/* The record in the result's first row.  BKT_ETARGET: it is of a newer version. */
BKT_MUST_CHECK int bkt_postgres_record_read(const struct bkt_postgres *conn,
                                            const PGresult *result,
                                            const struct bkt_table_spec *spec,
                                            struct bkt_postgres_record *out,
                                            struct bkt_error *err);

/*
 * What attaching finds; it fails where that must.  A table that is gone is new for whichever source
 * asks, and so are tables that an administrator made: all there, and all empty.
 */
BKT_MUST_CHECK int bkt_postgres_shape_compare(struct bkt_postgres *conn,
                                              const struct bkt_table_spec *spec,
                                              const struct bkt_postgres_record *record,
                                              const struct bkt_postgres_shape *shape,
                                              struct bkt_attached *out,
                                              struct bkt_error *err);

/* Something may not be made, as the server has just `said`: what would help. */
int bkt_postgres_fail_to_make(const struct bkt_postgres *conn,
                              const char *said,
                              struct bkt_error *err);

#endif
