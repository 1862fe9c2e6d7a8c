/*
 * A handle on rows or on changes.  It is used by one thread at a time; the flag `is_busy`, which
 * the GIL guards, turns a second one away.  close() while another thread waits in the handle ends
 * that wait, and that thread closes.
 */
#include "arrow.h"
#include "bkt_py.h"
#include "notes.h"

#include <unistd.h>

struct handle {
    PyObject ob_base;
    struct bkt_config *config;
    struct bkt_rows *rows; /* one of these two */
    struct bkt_changes *changes;
    struct bkt_notes *notes; /* what is told after a wait */
    PyObject *kept;          /* a row whose wait ended with what a callback raised; NULL: none */
    pid_t pid;
    bool is_busy;   /* a thread is in it */
    bool is_closed; /* as soon as it is not busy */
};

static void on_failed(void *ctx, const char *key, size_t key_len, const char *reason)
{
    bkt_notes_put(ctx, key, key_len, reason);
}

static void on_error(void *ctx, const char *message, const char *key, size_t key_len)
{
    bkt_notes_put(ctx, key, key_len, message);
}

static void on_warning(void *ctx, const char *message)
{
    bkt_notes_put(ctx, NULL, 0, message);
}

static void release(struct handle *handle)
{
    struct bkt_rows *rows = handle->rows;
    struct bkt_changes *changes = handle->changes;
    struct bkt_config *config = handle->config;
    struct bkt_notes *notes = handle->notes;
    handle->rows = NULL;
    handle->changes = NULL;
    handle->config = NULL;
    handle->notes = NULL;
    if (handle->pid != getpid())
        return;
    PyThreadState *state = PyEval_SaveThread();
    bkt_rows_close(rows);
    bkt_changes_close(changes);
    bkt_config_free(config);
    PyEval_RestoreThread(state);
    bkt_notes_free(notes);
}

static int enter(struct handle *handle)
{
    const char *why = NULL;
    if (handle->pid != getpid())
        why = "this handle was opened by another process: open one after fork()";
    else if (handle->is_closed || !(handle->rows || handle->changes))
        why = "this handle is closed";
    else if (handle->is_busy)
        why = "another thread is using this handle";
    if (why) {
        PyErr_SetString(PyExc_RuntimeError, why);
        return -1;
    }
    handle->is_busy = true;
    return 0;
}

static void leave(struct handle *handle)
{
    handle->is_busy = false;
    if (handle->is_closed)
        release(handle);
}

static PyObject *handle_close(PyObject *self, PyObject *unused)
{
    (void)unused;
    struct handle *handle = (struct handle *)self;
    handle->is_closed = true;
    if (!handle->is_busy) {
        release(handle);
    } else if (handle->pid == getpid()) {
        if (handle->rows)
            bkt_rows_stop(handle->rows);
        if (handle->changes)
            bkt_changes_stop(handle->changes);
    }
    Py_RETURN_NONE;
}

/* One turn of waiting.  Returns what the library does. */
static int turn(struct handle *handle,
                int wait_ms,
                const struct bkt_row **row,
                uint64_t *id,
                bool *is_end,
                struct bkt_error *err)
{
    PyThreadState *state = PyEval_SaveThread();
    int rc = handle->rows ? bkt_rows_poll(handle->rows, wait_ms, row, is_end, err)
                          : bkt_changes_next(handle->changes, wait_ms, row, id, err);
    PyEval_RestoreThread(state);
    return rc;
}

static PyObject *wait_for(struct handle *handle, long timeout_ms, bool is_bounded, PyObject *told)
{
    struct bkt_error err = {0};
    if (handle->kept) {
        PyObject *made = handle->kept;
        handle->kept = NULL;
        return made;
    }
    for (;;) {
        const struct bkt_row *row = NULL;
        uint64_t id = 0;
        bool is_end = false;
        int wait_ms = is_bounded && timeout_ms < BKT_PY_TURN_MS ? (int)timeout_ms : BKT_PY_TURN_MS;
        int rc = turn(handle, wait_ms, &row, &id, &is_end, &err);
        /* What `told` raises must not lose the row at hand: the next call has it. */
        PyObject *made = rc == BKT_OK && row ? bkt_py_row(row, id) : NULL;
        if (row && !made)
            return NULL;
        if (bkt_notes_tell(handle->notes, told)) {
            handle->kept = made;
            return NULL;
        }
        if (rc)
            return bkt_py_raise(&err);
        if (made)
            return made;
        if (PyErr_CheckSignals())
            return NULL;
        if (id > 0)
            return PyLong_FromUnsignedLongLong(id);
        timeout_ms -= wait_ms;
        if (is_end || (is_bounded && timeout_ms <= 0))
            Py_RETURN_NONE;
    }
}

/* next(timeout_ms or None, told): a row; None; how many of the group are to be acknowledged first.
 */
static PyObject *handle_next(PyObject *self, PyObject *args)
{
    struct handle *handle = (struct handle *)self;
    PyObject *timeout = NULL;
    PyObject *told = NULL;
    if (!PyArg_ParseTuple(args, "OO", &timeout, &told))
        return NULL;
    long timeout_ms = timeout == Py_None ? 0 : PyLong_AsLong(timeout);
    if (timeout_ms == -1 && PyErr_Occurred())
        return NULL;
    if (enter(handle))
        return NULL;
    PyObject *row = wait_for(handle, timeout_ms < 0 ? 0 : timeout_ms, timeout != Py_None, told);
    leave(handle);
    return row;
}

/* Quick, so with the GIL: close() cannot come between, and a wait in another thread may go on. */
static PyObject *handle_ack(PyObject *self, PyObject *args)
{
    struct handle *handle = (struct handle *)self;
    struct bkt_error err = {0};
    unsigned long long id;
    if (!PyArg_ParseTuple(args, "K", &id))
        return NULL;
    if (handle->pid != getpid() || !handle->changes || (handle->is_closed && !handle->is_busy)) {
        PyErr_SetString(PyExc_RuntimeError, "the changes are closed: this one will come again");
        return NULL;
    }
    if (bkt_changes_ack(handle->changes, id, &err))
        return bkt_py_raise(&err);
    Py_RETURN_NONE;
}

/* stream(columns, is_binary, told): what is left of the rows, as a capsule that is theirs now. */
static PyObject *handle_stream(PyObject *self, PyObject *args)
{
    struct handle *handle = (struct handle *)self;
    PyObject *columns;
    PyObject *told;
    int is_binary;
    if (!PyArg_ParseTuple(args, "OpO", &columns, &is_binary, &told) || enter(handle))
        return NULL;
    struct bkt_py_walk walk = {handle->config, handle->rows, handle->notes, handle->pid};
    PyObject *capsule = NULL;
    if (handle->kept)
        PyErr_SetString(PyExc_RuntimeError, "take the row that is at hand by next() before");
    else if (handle->rows)
        capsule = bkt_py_stream(&walk, columns, is_binary, told);
    else
        PyErr_SetString(PyExc_TypeError, "changes have no end: they are no stream of a table");
    if (capsule) {
        handle->config = NULL;
        handle->rows = NULL;
        handle->notes = NULL;
        handle->is_closed = true;
    }
    leave(handle);
    return capsule;
}

static void handle_dealloc(PyObject *self)
{
    struct handle *handle = (struct handle *)self;
    release(handle);
    Py_CLEAR(handle->kept);
    bkt_py_delete(self);
}

static PyMethodDef handle_methods[] = {
    {"next", handle_next, METH_VARARGS,
     "Wait for a row: (filename, content, columns, revision, id)."},
    {"ack", handle_ack, METH_VARARGS, "Acknowledge a change by its id."},
    {"stream", handle_stream, METH_VARARGS, "The rows as an Arrow stream."},
    {"close", handle_close, METH_NOARGS, "End; a wait in another thread ends too."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot handle_slots[] = {
    {Py_tp_dealloc, handle_dealloc},
    {Py_tp_methods, handle_methods},
    {0, NULL},
};

PyType_Spec bkt_py_handle_spec = {
    .name = "bucketable._bkt.Handle",
    .basicsize = sizeof(struct handle),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = handle_slots,
};

static struct handle *new_handle(PyObject *module, PyObject *fields)
{
    struct handle *handle = bkt_py_new(module, "Handle");
    if (!handle)
        return NULL;
    handle->pid = getpid();
    handle->notes = bkt_notes_new();
    if (!handle->notes)
        (void)PyErr_NoMemory();
    handle->config = handle->notes ? bkt_py_config(fields) : NULL;
    if (!handle->config || bkt_notes_listen(handle->notes, handle->config)) {
        Py_DECREF((PyObject *)handle);
        return NULL;
    }
    return handle;
}

static PyObject *opened(struct handle *handle, int rc, const struct bkt_error *err)
{
    if (rc == BKT_OK)
        return (PyObject *)handle;
    Py_DECREF((PyObject *)handle);
    return bkt_py_raise(err);
}

/* open_rows(fields, in_key_order) */
PyObject *bkt_py_open_rows(PyObject *module, PyObject *args)
{
    PyObject *fields;
    int in_key_order;
    if (!PyArg_ParseTuple(args, "Op", &fields, &in_key_order))
        return NULL;
    struct handle *handle = new_handle(module, fields);
    if (!handle)
        return NULL;
    struct bkt_rows_options options = {
        .size = sizeof(options),
        .order = in_key_order ? BKT_ROWS_KEY_ORDER : BKT_ROWS_ANY_ORDER,
        .ctx = handle->notes,
        .warning = on_warning,
        .failed = on_failed,
    };
    struct bkt_error err = {0};
    PyThreadState *state = PyEval_SaveThread();
    int rc = bkt_rows_open(handle->config, &options, &handle->rows, &err);
    PyEval_RestoreThread(state);
    return opened(handle, rc, &err);
}

/* open_changes(fields, skips_first_listing, group_max) */
PyObject *bkt_py_open_changes(PyObject *module, PyObject *args)
{
    PyObject *fields;
    int skips_first_listing;
    Py_ssize_t group_max;
    if (!PyArg_ParseTuple(args, "Opn", &fields, &skips_first_listing, &group_max))
        return NULL;
    struct handle *handle = new_handle(module, fields);
    if (!handle)
        return NULL;
    struct bkt_changes_options options = {
        .size = sizeof(options),
        .skips_first_listing = skips_first_listing,
        .group_max = group_max > 0 ? (size_t)group_max : 0,
        .ctx = handle->notes,
        .warning = on_warning,
        .error = on_error,
    };
    struct bkt_error err = {0};
    PyThreadState *state = PyEval_SaveThread();
    int rc = bkt_changes_open(handle->config, &options, &handle->changes, &err);
    PyEval_RestoreThread(state);
    return opened(handle, rc, &err);
}
