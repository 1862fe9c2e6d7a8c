#include "arrow_column.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_FIRST = 1024, BYTES_FIRST = 4096 };

/* What an exported column owns. */
struct buffers {
    const void *buffers[3];
    void *owned[3];
};

const char *bkt_column_format(enum bkt_column_kind kind)
{
    switch (kind) {
    case BKT_COLUMN_UTF8:
        return "u";
    case BKT_COLUMN_LARGE_UTF8:
        return "U";
    case BKT_COLUMN_LARGE_BINARY:
        return "Z";
    case BKT_COLUMN_INT64:
        return "l";
    case BKT_COLUMN_TIMESTAMP:
        break;
    }
    return "tsu:UTC";
}

static bool has_bytes(const struct bkt_column *column)
{
    return column->kind <= BKT_COLUMN_LARGE_BINARY;
}

static size_t fixed_bytes(const struct bkt_column *column)
{
    return column->kind == BKT_COLUMN_UTF8 ? sizeof(int32_t) : sizeof(int64_t);
}

static int grow_rows(struct bkt_column *column)
{
    size_t rows = column->rows_max ? 2 * column->rows_max : ROWS_FIRST;
    void *fixed = realloc(column->fixed, (rows + 1) * fixed_bytes(column));
    if (!fixed)
        return ENOMEM;
    column->fixed = fixed;
    if (column->rows == 0)
        memset(fixed, 0, fixed_bytes(column)); /* the first offset */
    if (column->valid) {
        uint8_t *valid = realloc(column->valid, rows / 8);
        if (!valid)
            return ENOMEM;
        memset(valid + column->rows_max / 8, 0xff, (rows - column->rows_max) / 8);
        column->valid = valid;
    }
    column->rows_max = rows;
    return 0;
}

static int grow_bytes(struct bkt_column *column, size_t needed)
{
    size_t max = column->bytes_max ? column->bytes_max : BYTES_FIRST;
    while (max < needed)
        max *= 2;
    char *bytes = realloc(column->bytes, max);
    if (!bytes)
        return ENOMEM;
    column->bytes = bytes;
    column->bytes_max = max;
    return 0;
}

/* Room for another row, and for `len` more bytes. */
static int reserve(struct bkt_column *column, size_t len)
{
    size_t limit = column->kind == BKT_COLUMN_UTF8 ? INT32_MAX : SIZE_MAX / 4;
    if (len > limit - column->bytes_len)
        return EOVERFLOW;
    int rc = column->rows == column->rows_max ? grow_rows(column) : 0;
    if (rc == 0 && column->bytes_len + len > column->bytes_max)
        rc = grow_bytes(column, column->bytes_len + len);
    return rc;
}

static void set_offset(struct bkt_column *column)
{
    if (column->kind == BKT_COLUMN_UTF8)
        ((int32_t *)column->fixed)[column->rows] = (int32_t)column->bytes_len;
    else
        ((int64_t *)column->fixed)[column->rows] = (int64_t)column->bytes_len;
}

static void mark(struct bkt_column *column, bool is_valid)
{
    if (!column->valid)
        return;
    uint8_t bit = (uint8_t)(1u << (column->rows % 8));
    uint8_t *byte = &column->valid[column->rows / 8];
    *byte = is_valid ? *byte | bit : *byte & (uint8_t)~bit;
}

int bkt_column_put_bytes(struct bkt_column *column, const char *bytes, size_t len)
{
    int rc = reserve(column, len);
    if (rc)
        return rc;
    if (len > 0)
        memcpy(column->bytes + column->bytes_len, bytes, len);
    column->bytes_len += len;
    mark(column, true);
    column->rows++;
    set_offset(column);
    return 0;
}

static void set_number(struct bkt_column *column, int64_t value)
{
    ((int64_t *)column->fixed)[column->rows] = value;
}

int bkt_column_put_number(struct bkt_column *column, int64_t value)
{
    int rc = reserve(column, 0);
    if (rc)
        return rc;
    set_number(column, value);
    mark(column, true);
    column->rows++;
    return 0;
}

int bkt_column_put_null(struct bkt_column *column)
{
    int rc = reserve(column, 0);
    if (rc)
        return rc;
    if (!column->valid) {
        column->valid = malloc(column->rows_max / 8);
        if (!column->valid)
            return ENOMEM;
        memset(column->valid, 0xff, column->rows_max / 8);
    }
    mark(column, false);
    column->nulls++;
    if (!has_bytes(column))
        set_number(column, 0);
    column->rows++;
    if (has_bytes(column))
        set_offset(column);
    return 0;
}

void bkt_column_clear(struct bkt_column *column)
{
    free(column->valid);
    free(column->fixed);
    free(column->bytes);
    *column = (struct bkt_column){.kind = column->kind};
}

static void release_buffers(struct ArrowArray *array)
{
    struct buffers *buffers = array->private_data;
    for (size_t i = 0; i < 3; i++)
        free(buffers->owned[i]);
    free(buffers);
    array->release = NULL;
}

int bkt_column_export(struct bkt_column *column, struct ArrowArray *out)
{
    struct buffers *buffers = calloc(1, sizeof(*buffers));
    if (!buffers)
        return ENOMEM;
    /* Also an empty column has its first offset, and bytes that are not NULL. */
    int rc = column->rows_max == 0 || (has_bytes(column) && column->bytes_max == 0)
                 ? reserve(column, has_bytes(column))
                 : 0;
    if (rc) {
        free(buffers);
        return rc;
    }
    buffers->owned[0] = column->valid;
    buffers->owned[1] = column->fixed;
    buffers->owned[2] = column->bytes;
    memcpy(buffers->buffers, buffers->owned, sizeof(buffers->owned));
    *out = (struct ArrowArray){
        .length = (int64_t)column->rows,
        .null_count = (int64_t)column->nulls,
        .n_buffers = has_bytes(column) ? 3 : 2,
        .buffers = buffers->buffers,
        .release = release_buffers,
        .private_data = buffers,
    };
    *column = (struct bkt_column){.kind = column->kind};
    return 0;
}
