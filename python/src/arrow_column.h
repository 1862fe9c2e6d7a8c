/*
 * A column of a record batch while it grows, and its hand-over as an ArrowArray.
 *
 * Errors: 0, or an errno (ENOMEM, EOVERFLOW); the column is then to be cleared.
 */
#ifndef BKT_PY_ARROW_COLUMN_H
#define BKT_PY_ARROW_COLUMN_H

#include "arrow_abi.h"

#include <stddef.h>

enum bkt_column_kind {
    BKT_COLUMN_UTF8,         /* offsets of 32 bits: at most 2 GiB in a batch */
    BKT_COLUMN_LARGE_UTF8,   /* offsets of 64 bits, as the next */
    BKT_COLUMN_LARGE_BINARY, /* any bytes */
    BKT_COLUMN_INT64,
    BKT_COLUMN_TIMESTAMP, /* microseconds since 1970-01-01T00:00:00Z */
};

/* All-zero but for `kind` is empty. */
struct bkt_column {
    enum bkt_column_kind kind;
    size_t rows;
    size_t rows_max; /* that there is room for */
    size_t nulls;
    uint8_t *valid; /* a bit a row; NULL: all are */
    void *fixed;    /* offsets, one more than rows; or values */
    char *bytes;    /* of the first three kinds */
    size_t bytes_len;
    size_t bytes_max;
};

/* Arrow's name of the kind. */
const char *bkt_column_format(enum bkt_column_kind kind);

/* Of one of the first three kinds. */
int bkt_column_put_bytes(struct bkt_column *column, const char *bytes, size_t len);
/* Of one of the last two. */
int bkt_column_put_number(struct bkt_column *column, int64_t value);
int bkt_column_put_null(struct bkt_column *column);

/* Empty, memory released. */
void bkt_column_clear(struct bkt_column *column);

/* The column's memory goes to `out`, which releases it; the column is empty. */
int bkt_column_export(struct bkt_column *column, struct ArrowArray *out);

#endif
