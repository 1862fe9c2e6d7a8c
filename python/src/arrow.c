#include "arrow.h"

#include "arrow_column.h"
#include "arrow_schema.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A batch is full with either; a single row may be larger. */
enum { BATCH_ROWS_MAX = 16384, BATCH_BYTES_MAX = 16 << 20 };

struct stream {
    struct bkt_py_walk walk;
    struct bkt_py_schema schema;
    struct bkt_column *columns; /* schema.count */
    size_t bytes;               /* in them */
    pthread_t maker;            /* the thread on which Ctrl-C may be looked for */
    bool is_over;
    int failed; /* errno of the failure that ended it */
    struct bkt_error err;
};

static int fail(struct stream *stream, int number, const char *message)
{
    stream->failed = number;
    if (message)
        (void)bkt_error_set(&stream->err, BKT_EIO, "%s", message);
    return number;
}

static int number_of(int code)
{
    switch (code) {
    case BKT_ENOMEM:
        return ENOMEM;
    case BKT_ECONFIG:
        return EINVAL;
    case BKT_ECANCELED:
        return ECANCELED;
    default:
        return EIO;
    }
}

static int put_value(struct bkt_column *column, const struct bkt_value *value)
{
    int64_t number;
    if (value->kind == BKT_VALUE_NULL)
        return bkt_column_put_null(column);
    switch (column->kind) {
    case BKT_COLUMN_INT64:
        return bkt_py_parse_number(value->text, value->len, &number)
                   ? bkt_column_put_number(column, number)
                   : bkt_column_put_null(column);
    case BKT_COLUMN_TIMESTAMP:
        return bkt_py_parse_time(value->text, value->len, &number)
                   ? bkt_column_put_number(column, number)
                   : bkt_column_put_null(column);
    case BKT_COLUMN_UTF8:
    case BKT_COLUMN_LARGE_UTF8:
        if (!bkt_py_is_utf8(value->text, value->len))
            return bkt_column_put_null(column);
        break;
    case BKT_COLUMN_LARGE_BINARY:
        break;
    }
    return bkt_column_put_bytes(column, value->text, value->len);
}

/* Why a column of text cannot hold it; NULL: it can. */
static const char *misfit(const struct stream *stream, const struct bkt_row *row)
{
    if (!bkt_py_is_utf8(row->key, row->key_len))
        return "its key is no UTF-8, which a column of text cannot hold: left out";
    if (row->content_is_bytes && stream->columns[1].kind != BKT_COLUMN_LARGE_BINARY)
        return "its content is bytes, which a column of text cannot hold: left out";
    return NULL;
}

/* Rows have their columns in an order of their own. */
static const struct bkt_value *value_of(const struct bkt_row *row, const char *name)
{
    static const struct bkt_value none = {.kind = BKT_VALUE_NULL};
    for (size_t i = 0; i < row->column_count; i++) {
        if (strcmp(row->columns[i].name, name) == 0)
            return &row->columns[i];
    }
    return &none;
}

static int put_row(struct stream *stream, const struct bkt_row *row)
{
    const char *why = misfit(stream, row);
    if (why) {
        bkt_notes_put(stream->walk.notes, row->key, row->key_len, why);
        return 0;
    }
    int rc = bkt_column_put_bytes(&stream->columns[0], row->key, row->key_len);
    if (rc == 0)
        rc = bkt_column_put_bytes(&stream->columns[1], row->content, row->content_len);
    for (size_t i = 2; rc == 0 && i < stream->schema.count; i++)
        rc = put_value(&stream->columns[i], value_of(row, stream->schema.fields[i].name));
    stream->bytes += row->key_len + row->content_len;
    return rc;
}

/* Was Ctrl-C pressed?  Python raises KeyboardInterrupt as soon as the reader returns to it. */
static bool is_interrupted(const struct stream *stream)
{
    if (!pthread_equal(stream->maker, pthread_self()) || !Py_IsInitialized())
        return false;
    PyGILState_STATE gil = PyGILState_Ensure();
    bool is = false;
    if (!PyErr_Occurred() && PyErr_CheckSignals()) {
        is = PyErr_ExceptionMatches(PyExc_KeyboardInterrupt) != 0;
        PyErr_Clear();
        if (is)
            PyErr_SetInterrupt();
    }
    PyGILState_Release(gil);
    return is;
}

static int fill(struct stream *stream)
{
    while (!stream->is_over && stream->columns[0].rows < BATCH_ROWS_MAX &&
           stream->bytes < BATCH_BYTES_MAX) {
        const struct bkt_row *row = NULL;
        int rc =
            bkt_rows_poll(stream->walk.rows, BKT_PY_TURN_MS, &row, &stream->is_over, &stream->err);
        if (rc)
            return fail(stream, number_of(rc), NULL);
        if (!row && is_interrupted(stream))
            return fail(stream, EINTR, "interrupted");
        if (!row && stream->columns[0].rows > 0)
            return 0; /* the reader has something to do meanwhile */
        rc = row ? put_row(stream, row) : 0;
        if (rc)
            return fail(stream, rc, rc == ENOMEM ? "out of memory" : "a column is over 2 GiB");
    }
    return 0;
}

static int get_next(struct ArrowArrayStream *self, struct ArrowArray *out)
{
    struct stream *stream = self->private_data;
    if (stream->failed)
        return stream->failed;
    if (stream->walk.pid != getpid())
        return fail(stream, EINVAL, "this stream was opened by another process");
    int rc = fill(stream);
    bkt_notes_flush(stream->walk.notes);
    if (rc)
        return rc;
    if (stream->columns[0].rows == 0) {
        *out = (struct ArrowArray){.release = NULL}; /* the end */
        return 0;
    }
    stream->bytes = 0;
    rc = bkt_py_export_batch(&stream->schema, stream->columns, out);
    return rc ? fail(stream, rc, "out of memory") : 0;
}

static int get_schema(struct ArrowArrayStream *self, struct ArrowSchema *out)
{
    struct stream *stream = self->private_data;
    int rc = bkt_py_export_schema(&stream->schema, out);
    return rc ? fail(stream, rc, "out of memory") : 0;
}

static const char *get_last_error(struct ArrowArrayStream *self)
{
    const struct stream *stream = self->private_data;
    return stream->failed ? stream->err.message : NULL;
}

static void free_stream(struct stream *stream)
{
    for (size_t i = 0; stream->columns && i < stream->schema.count; i++)
        bkt_column_clear(&stream->columns[i]);
    free(stream->columns);
    bkt_py_schema_clear(&stream->schema);
    free(stream);
}

static void release(struct ArrowArrayStream *self)
{
    struct stream *stream = self->private_data;
    if (stream->walk.pid == getpid()) {
        bkt_rows_close(stream->walk.rows);
        bkt_config_free(stream->walk.config);
        bkt_notes_free(stream->walk.notes);
    }
    free_stream(stream);
    self->release = NULL;
}

static void destroy_capsule(PyObject *capsule)
{
    struct ArrowArrayStream *self = PyCapsule_GetPointer(capsule, "arrow_array_stream");
    if (!self)
        return;
    if (self->release) { /* else a reader has moved it away */
        PyThreadState *state = PyEval_SaveThread();
        self->release(self);
        PyEval_RestoreThread(state);
    }
    free(self);
}

static struct stream *new_stream(const struct bkt_py_walk *walk, PyObject *names, bool is_binary)
{
    struct stream *stream = calloc(1, sizeof(*stream));
    if (!stream)
        return (void *)PyErr_NoMemory();
    stream->walk = *walk;
    stream->maker = pthread_self();
    if (bkt_py_schema_init(&stream->schema, names, is_binary)) {
        free_stream(stream);
        return NULL;
    }
    stream->columns = calloc(stream->schema.count, sizeof(*stream->columns));
    if (!stream->columns) {
        free_stream(stream);
        return (void *)PyErr_NoMemory();
    }
    for (size_t i = 0; i < stream->schema.count; i++)
        stream->columns[i].kind = stream->schema.fields[i].kind;
    return stream;
}

PyObject *bkt_py_stream(const struct bkt_py_walk *walk,
                        PyObject *columns,
                        bool is_binary,
                        PyObject *told)
{
    struct ArrowArrayStream *self = calloc(1, sizeof(*self));
    if (!self)
        return PyErr_NoMemory();
    struct stream *stream = new_stream(walk, columns, is_binary);
    PyObject *capsule = stream ? PyCapsule_New(self, "arrow_array_stream", destroy_capsule) : NULL;
    if (!capsule) {
        if (stream)
            free_stream(stream);
        free(self);
        return NULL;
    }
    bkt_notes_bind(walk->notes, told);
    *self = (struct ArrowArrayStream){get_schema, get_next, get_last_error, release, stream};
    return capsule;
}

static void destroy_schema(PyObject *capsule)
{
    struct ArrowSchema *schema = PyCapsule_GetPointer(capsule, "arrow_schema");
    if (!schema)
        return;
    if (schema->release)
        schema->release(schema);
    free(schema);
}

PyObject *bkt_py_arrow_schema(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *names;
    int is_binary;
    if (!PyArg_ParseTuple(args, "Op", &names, &is_binary))
        return NULL;
    struct bkt_py_schema schema = {0};
    struct ArrowSchema *made = NULL;
    PyObject *capsule = NULL;
    if (bkt_py_schema_init(&schema, names, is_binary) == 0) {
        made = calloc(1, sizeof(*made));
        if (!made || bkt_py_export_schema(&schema, made))
            (void)PyErr_NoMemory();
        else
            capsule = PyCapsule_New(made, "arrow_schema", destroy_schema);
    }
    if (!capsule && made && made->release)
        made->release(made);
    if (!capsule)
        free(made);
    bkt_py_schema_clear(&schema);
    return capsule;
}
