/*
 * A bucket to be asked: one row, or the listing.  One thread at a time, as a handle (handle.c).
 */
#include "bkt_py.h"
#include "errand.h"
#include "notes.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Listed objects that are handed over together. */
enum { CHUNK_OBJECTS = 500 };

struct object {
    size_t key_at; /* in the chunk's bytes; the ETag follows the key */
    size_t key_len;
    size_t etag_len;
    uint64_t size;
    int64_t last_modified_ms;
};

struct chunk {
    struct object objects[CHUNK_OBJECTS];
    size_t count;
    char *bytes;
    size_t bytes_len;
    size_t bytes_max;
};

struct source {
    PyObject ob_base;
    struct bkt_config *config;
    struct bkt_source *source;
    struct bkt_errand errand;
    struct bkt_notes *notes; /* the log's: nothing else is told of */
    struct chunk *chunks;    /* two: one is filled while the other is looked at; NULL: no listing */
    size_t filled;           /* the errand's */
    const char *key;         /* that is being read */
    size_t key_len;
    pid_t pid;
    bool is_busy;
    bool is_closed;
};

static void free_chunks(struct source *self)
{
    for (size_t i = 0; self->chunks && i < 2; i++)
        free(self->chunks[i].bytes);
    free(self->chunks);
    self->chunks = NULL;
}

/* Without the GIL. */
static void end_errand(struct source *self)
{
    if (self->errand.is_running)
        bkt_source_stop(self->source);
    bkt_errand_end(&self->errand);
    free_chunks(self);
}

static void release(struct source *self)
{
    if (self->pid != getpid() || !self->config)
        return;
    PyThreadState *state = PyEval_SaveThread();
    end_errand(self);
    bkt_source_free(self->source);
    bkt_config_free(self->config);
    PyEval_RestoreThread(state);
    bkt_notes_free(self->notes);
    self->notes = NULL;
    self->source = NULL;
    self->config = NULL;
}

static int enter(struct source *self)
{
    const char *why = NULL;
    if (self->pid != getpid())
        why = "this source was opened by another process: open one after fork()";
    else if (self->is_closed || !self->source)
        why = "this source is closed";
    else if (self->is_busy)
        why = "another thread is using this source";
    if (why) {
        PyErr_SetString(PyExc_RuntimeError, why);
        return -1;
    }
    self->is_busy = true;
    return 0;
}

static void leave(struct source *self)
{
    self->is_busy = false;
    if (self->is_closed)
        release(self);
}

static PyObject *source_close(PyObject *object, PyObject *unused)
{
    (void)unused;
    struct source *self = (struct source *)object;
    self->is_closed = true;
    if (!self->is_busy)
        release(self);
    else if (self->pid == getpid())
        bkt_source_stop(self->source);
    Py_RETURN_NONE;
}

/* The next item of the errand; NULL when it is over, or (*out_raised) for a signal. */
static const void *await(struct source *self, bool *out_raised)
{
    const void *item = NULL;
    bool is_over = false;
    *out_raised = false;
    while (!item && !is_over) {
        PyThreadState *state = PyEval_SaveThread();
        item = bkt_errand_wait(&self->errand, BKT_PY_TURN_MS, &is_over);
        PyEval_RestoreThread(state);
        if (PyErr_CheckSignals() || bkt_notes_tell(self->notes, Py_None)) {
            *out_raised = true;
            return NULL;
        }
    }
    return item;
}

static int give_row(void *ctx, const struct bkt_row *row)
{
    struct source *self = ctx;
    return bkt_errand_give(&self->errand, row) || bkt_errand_settle(&self->errand) ? BKT_ECANCELED
                                                                                   : BKT_OK;
}

static int run_read(void *ctx, struct bkt_error *err)
{
    struct source *self = ctx;
    return bkt_source_row(self->source, self->key, self->key_len, give_row, self, err);
}

static PyObject *read_row(struct source *self)
{
    if (bkt_errand_start(&self->errand, run_read, self))
        return bkt_py_raise(&self->errand.err);
    bool raised;
    const struct bkt_row *row = await(self, &raised);
    PyObject *made = row ? bkt_py_row(row, 0) : NULL;
    if (row)
        bkt_errand_take(&self->errand);
    PyThreadState *state = PyEval_SaveThread();
    if (raised)
        bkt_source_stop(self->source);
    bkt_errand_end(&self->errand);
    PyEval_RestoreThread(state);
    if (raised || row) {
        self->is_closed |= raised; /* it was stopped, and stays so */
        return made;
    }
    return bkt_py_raise(&self->errand.err);
}

/* read(key): as bkt_py_row() */
static PyObject *source_read(PyObject *object, PyObject *args)
{
    struct source *self = (struct source *)object;
    PyObject *key;
    char *bytes;
    Py_ssize_t len;
    if (!PyArg_ParseTuple(args, "S", &key) || PyBytes_AsStringAndSize(key, &bytes, &len) ||
        enter(self))
        return NULL;
    PyObject *made = NULL;
    if (self->errand.is_running) {
        PyErr_SetString(PyExc_RuntimeError, "a listing of this source is under way");
    } else {
        self->key = bytes;
        self->key_len = (size_t)len;
        made = read_row(self);
    }
    leave(self);
    return made;
}

static int put(struct chunk *chunk, const struct bkt_listed *listed)
{
    size_t etag_len = strlen(listed->etag);
    size_t needed = chunk->bytes_len + listed->key_len + etag_len;
    if (needed > chunk->bytes_max) {
        char *bytes = realloc(chunk->bytes, 2 * needed);
        if (!bytes)
            return BKT_ENOMEM;
        chunk->bytes = bytes;
        chunk->bytes_max = 2 * needed;
    }
    chunk->objects[chunk->count++] = (struct object){
        .key_at = chunk->bytes_len,
        .key_len = listed->key_len,
        .etag_len = etag_len,
        .size = listed->size,
        .last_modified_ms = listed->last_modified_ms,
    };
    memcpy(chunk->bytes + chunk->bytes_len, listed->key, listed->key_len);
    memcpy(chunk->bytes + chunk->bytes_len + listed->key_len, listed->etag, etag_len);
    chunk->bytes_len = needed;
    return BKT_OK;
}

static int give_chunk(struct source *self)
{
    if (bkt_errand_give(&self->errand, &self->chunks[self->filled]))
        return BKT_ECANCELED;
    /* The other one was taken, or there would be no giving. */
    self->filled ^= 1;
    self->chunks[self->filled].count = 0;
    self->chunks[self->filled].bytes_len = 0;
    return BKT_OK;
}

static int on_listed(void *ctx, const struct bkt_listed *listed)
{
    struct source *self = ctx;
    int rc = put(&self->chunks[self->filled], listed);
    if (rc == BKT_OK && self->chunks[self->filled].count == CHUNK_OBJECTS)
        rc = give_chunk(self);
    return rc;
}

static int run_list(void *ctx, struct bkt_error *err)
{
    struct source *self = ctx;
    int rc = bkt_source_walk(self->source, on_listed, self, err);
    if (rc == BKT_OK && self->chunks[self->filled].count > 0)
        rc = give_chunk(self);
    if (rc == BKT_ENOMEM)
        (void)bkt_error_set(err, rc, "list the bucket: out of memory");
    return rc;
}

/* (filename, size, last_modified_ms or None, etag) */
static PyObject *object_of(const struct chunk *chunk, const struct object *object)
{
    const char *bytes = chunk->bytes + object->key_at;
    PyObject *key = bkt_py_key(bytes, object->key_len);
    PyObject *etag = bkt_py_key(bytes + object->key_len, object->etag_len);
    PyObject *modified;
    if (object->last_modified_ms == INT64_MIN)
        modified = Py_BuildValue("");
    else
        modified = PyLong_FromLongLong(object->last_modified_ms);
    if (!key || !etag || !modified) {
        Py_XDECREF(key);
        Py_XDECREF(etag);
        Py_XDECREF(modified);
        return NULL;
    }
    return Py_BuildValue("(NKNN)", key, (unsigned long long)object->size, modified, etag);
}

static PyObject *list_of(const struct chunk *chunk)
{
    PyObject *list = PyList_New((Py_ssize_t)chunk->count);
    for (size_t i = 0; list && i < chunk->count; i++) {
        PyObject *object = object_of(chunk, &chunk->objects[i]);
        if (!object || PyList_SetItem(list, (Py_ssize_t)i, object))
            Py_CLEAR(list);
    }
    return list;
}

static int start_list(struct source *self)
{
    struct bkt_error err = {0};
    if (self->errand.is_running)
        return 0;
    self->chunks = calloc(2, sizeof(*self->chunks));
    self->filled = 0;
    if (!self->chunks) {
        (void)PyErr_NoMemory();
        return -1;
    }
    if (bkt_errand_start(&self->errand, run_list, self)) {
        err = self->errand.err;
        free_chunks(self);
        (void)bkt_py_raise(&err);
        return -1;
    }
    return 0;
}

static PyObject *next_chunk(struct source *self)
{
    if (start_list(self))
        return NULL;
    bool raised;
    const struct chunk *chunk = await(self, &raised);
    if (chunk) {
        PyObject *list = list_of(chunk);
        bkt_errand_take(&self->errand);
        return list;
    }
    PyThreadState *state = PyEval_SaveThread();
    end_errand(self);
    PyEval_RestoreThread(state);
    if (raised) {
        self->is_closed = true;
        return NULL;
    }
    return self->errand.rc ? bkt_py_raise(&self->errand.err) : PyList_New(0);
}

/* objects(): a list of the next ones in the order of the keys; at the end an empty one */
static PyObject *source_objects(PyObject *object, PyObject *unused)
{
    (void)unused;
    struct source *self = (struct source *)object;
    if (enter(self))
        return NULL;
    PyObject *list = next_chunk(self);
    leave(self);
    return list;
}

static void source_dealloc(PyObject *self)
{
    release((struct source *)self);
    bkt_py_delete(self);
}

static PyMethodDef source_methods[] = {
    {"read", source_read, METH_VARARGS, "A row: (filename, content, columns, revision, id)."},
    {"objects", source_objects, METH_NOARGS, "Some of the listing, as a list; empty at its end."},
    {"close", source_close, METH_NOARGS, "End; a wait in another thread ends too."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot source_slots[] = {
    {Py_tp_dealloc, source_dealloc},
    {Py_tp_methods, source_methods},
    {0, NULL},
};

PyType_Spec bkt_py_source_spec = {
    .name = "bucketable._bkt.Source",
    .basicsize = sizeof(struct source),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = source_slots,
};

/* open_source(fields) */
PyObject *bkt_py_open_source(PyObject *module, PyObject *args)
{
    PyObject *fields;
    if (!PyArg_ParseTuple(args, "O", &fields))
        return NULL;
    struct source *self = bkt_py_new(module, "Source");
    if (!self)
        return NULL;
    self->pid = getpid();
    self->config = bkt_py_config(fields);
    self->notes = self->config ? bkt_notes_new() : NULL;
    if (self->config && !self->notes)
        (void)PyErr_NoMemory();
    if (!self->notes || bkt_notes_listen(self->notes, self->config)) {
        Py_DECREF((PyObject *)self);
        return NULL;
    }
    struct bkt_error err = {0};
    PyThreadState *state = PyEval_SaveThread();
    int rc = bkt_source_new(self->config, &self->source, &err);
    PyEval_RestoreThread(state);
    if (rc) {
        Py_DECREF((PyObject *)self);
        return bkt_py_raise(&err);
    }
    return (PyObject *)self;
}
