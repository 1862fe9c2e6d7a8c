/*
 * The fields of the record batches, and what turns a row's texts into their values.
 */
#ifndef BKT_PY_ARROW_SCHEMA_H
#define BKT_PY_ARROW_SCHEMA_H

#include "arrow_column.h"
#include "bkt_py.h"

struct bkt_py_field {
    char *name;
    enum bkt_column_kind kind;
};

/* All-zero is empty. */
struct bkt_py_schema {
    struct bkt_py_field *fields;
    size_t count;
};

/* filename, content and those of `names`.  -1: an exception is set; clear it all the same. */
int bkt_py_schema_init(struct bkt_py_schema *schema, PyObject *names, bool is_binary);
void bkt_py_schema_clear(struct bkt_py_schema *schema);

/* 0 or ENOMEM; the columns are empty then. */
int bkt_py_export_schema(const struct bkt_py_schema *schema, struct ArrowSchema *out);
int bkt_py_export_batch(const struct bkt_py_schema *schema,
                        struct bkt_column *columns,
                        struct ArrowArray *out);

/* Decimal digits. */
bool bkt_py_parse_number(const char *text, size_t len, int64_t *out_number);

/* "2024-05-06T07:08:09Z", or with a fraction of the second: microseconds since 1970. */
bool bkt_py_parse_time(const char *text, size_t len, int64_t *out_us);

bool bkt_py_is_utf8(const char *bytes, size_t len);

#endif
