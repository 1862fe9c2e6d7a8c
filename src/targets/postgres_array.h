/*
 * Arrays as PostgreSQL takes them for parameters, so that one statement carries many rows.
 *
 * The binary format of array_recv(): dimensions, null flag, element type, count, lower bound, then
 * each element with its length (PostgreSQL's src/backend/utils/adt/arrayfuncs.c); numbers are
 * big-endian.  Text is sent in the connection's encoding, UTF-8.
 */
#ifndef TARGETS_POSTGRES_ARRAY_H
#define TARGETS_POSTGRES_ARRAY_H

#include "core/buf.h"

/* pg_type.dat; CockroachDB and YugabyteDB have the same numbers. */
enum bkt_postgres_type {
    BKT_POSTGRES_BYTEA = 17,
    BKT_POSTGRES_INT8 = 20,
    BKT_POSTGRES_INT4 = 23,
    BKT_POSTGRES_TEXT = 25,
    BKT_POSTGRES_TIMESTAMPTZ = 1184,
    BKT_POSTGRES_BYTEA_ARRAY = 1001,
    BKT_POSTGRES_INT4_ARRAY = 1007,
    BKT_POSTGRES_TEXT_ARRAY = 1009,
    BKT_POSTGRES_INT8_ARRAY = 1016,
    BKT_POSTGRES_TIMESTAMPTZ_ARRAY = 1185,
};

/* Bytes of one message, array or row: MaxAllocSize, with room for what goes around a value. */
enum { BKT_POSTGRES_BYTES_MAX = 0x3fffffff - (64 << 10) };

struct bkt_postgres_array {
    struct bkt_buf bytes;
    enum bkt_postgres_type element;
    uint32_t count;
};

/* `element` is one of the first five. */
void bkt_postgres_array_init(struct bkt_postgres_array *array, enum bkt_postgres_type element);
void bkt_postgres_array_clear(struct bkt_postgres_array *array);
void bkt_postgres_array_reset(struct bkt_postgres_array *array); /* empty, memory kept */
enum bkt_postgres_type bkt_postgres_array_type(const struct bkt_postgres_array *array);

/* Whether the bytes can be text in PostgreSQL: UTF-8 without U+0000. */
bool bkt_postgres_is_text(struct bkt_str bytes);

/* Append an element.  BKT_ENOMEM; BKT_ELIMIT past BKT_POSTGRES_BYTES_MAX. */
BKT_MUST_CHECK int bkt_postgres_array_add(struct bkt_postgres_array *array, struct bkt_str bytes);
BKT_MUST_CHECK int bkt_postgres_array_add_null(struct bkt_postgres_array *array);
/* A number, in the element's width. */
BKT_MUST_CHECK int bkt_postgres_array_add_int(struct bkt_postgres_array *array, int64_t number);
/* TIMESTAMPTZ; BKT_TIME_NONE is NULL, and what PostgreSQL cannot say is its nearest. */
BKT_MUST_CHECK int bkt_postgres_array_add_time(struct bkt_postgres_array *array, int64_t ms);
/* TEXT that is UTF-8 already, with U+FFFD for U+0000. */
BKT_MUST_CHECK int bkt_postgres_array_add_utf8(struct bkt_postgres_array *array,
                                               struct bkt_str text);
/* TEXT of strangers: U+FFFD for U+0000 and for what is no UTF-8, neither of which text may hold. */
BKT_MUST_CHECK int bkt_postgres_array_add_text(struct bkt_postgres_array *array,
                                               struct bkt_str text);
/* The same, and NULL for the empty one. */
BKT_MUST_CHECK int bkt_postgres_array_add_text_or_null(struct bkt_postgres_array *array,
                                                       struct bkt_str text);

/* The whole array; valid until it changes. */
BKT_MUST_CHECK int bkt_postgres_array_finish(struct bkt_postgres_array *array,
                                             struct bkt_str *out_bytes);

/*
 * The same array as COPY's binary format instead: begin each row with its number of fields, and add
 * them; nothing else may have been added before.  The element decides the width of numbers only.
 */
BKT_MUST_CHECK int bkt_postgres_copy_row(struct bkt_postgres_array *rows, unsigned field_count);
/* End it; valid until the array changes. */
BKT_MUST_CHECK int bkt_postgres_copy_finish(struct bkt_postgres_array *rows,
                                            struct bkt_str *out_data);

/* Big-endian numbers, for parameters and results. */
void bkt_postgres_put_int(uint64_t number, size_t width, char *out);
int64_t bkt_postgres_get_int(const char *bytes, size_t width);

#endif
