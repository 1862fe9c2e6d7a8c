/*
 * The statements that write the user's rows: their text and the arrays that they take, side by
 * side.  One statement carries any number of rows.
 */
#ifndef TARGETS_POSTGRES_ROWS_H
#define TARGETS_POSTGRES_ROWS_H

#include "table/table_target.h"
#include "targets/postgres_run.h"

enum bkt_postgres_row_op {
    BKT_POSTGRES_COPY,    /* rows that are new: faster, and refused as a whole when one is not */
    BKT_POSTGRES_INSERT,  /* or update, where there is a row that the state does not know */
    BKT_POSTGRES_MISSING, /* insert what UPDATE, with the same rows, did not find */
    BKT_POSTGRES_UPDATE,
    BKT_POSTGRES_TOUCH, /* only what is told and differs, so that no trigger fires for nothing */
    BKT_POSTGRES_DELETE,
    BKT_POSTGRES_ROW_OP_COUNT,
};

/* Rows for one statement.  All-zero is empty and may be cleared, not added to. */
struct bkt_postgres_rows {
    enum bkt_postgres_row_op op;
    unsigned columns; /* of enum bkt_column, those that the statement has */
    size_t count;
    struct bkt_buf sql;
    struct bkt_postgres_array keys;     /* COPY: the fields of all rows, one row after the other */
    struct bkt_postgres_array contents; /* not for COPY, TOUCH and DELETE */
    struct bkt_postgres_array values[BKT_COLUMN_COUNT];
    struct bkt_postgres_params params;
};

/* `binary`: content is bytea.  BKT_ENOMEM. */
BKT_MUST_CHECK int bkt_postgres_rows_init(struct bkt_postgres_rows *rows,
                                          enum bkt_postgres_row_op op,
                                          unsigned columns,
                                          bool binary);
void bkt_postgres_rows_clear(struct bkt_postgres_rows *rows);
/* Empty again; memory of a usual size is kept. */
void bkt_postgres_rows_reset(struct bkt_postgres_rows *rows);

/* Errors are the array's. */
BKT_MUST_CHECK int bkt_postgres_rows_add(struct bkt_postgres_rows *rows,
                                         const struct bkt_change *change);

/* COPY: the data for the statement `rows->sql`, valid until the next change. */
BKT_MUST_CHECK int bkt_postgres_rows_data(struct bkt_postgres_rows *rows, struct bkt_str *out_data);

/* The statement for what was added, valid until the next change; without rows one left out. */
BKT_MUST_CHECK int bkt_postgres_rows_finish(struct bkt_postgres_rows *rows,
                                            struct bkt_postgres_statement *out_statement);

#endif
