/*
 * bucketable._bkt - the library for Python, on CPython's limited API: one build serves 3.9 and all
 * that follow.
 *
 * A handle is used by one thread at a time; the flag `is_busy`, which the GIL guards, turns a
 * second one away.  Waiting is done without the GIL, in short turns, so that Ctrl-C is seen.
 * close() while another thread waits in the handle ends that wait, and that thread closes.  A
 * handle that a fork() brought along is another process's: it is refused, and never closed.
 */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x03090000
#include <Python.h>
#include <bucketable/bucketable.h>
#include <string.h>
#include <unistd.h>

enum { TURN_MS = 100 };

/* Sets the exception that bucketable._errors has for it.  Returns NULL. */
static PyObject *raise(const struct bkt_error *err)
{
    PyObject *module = PyImport_ImportModule("bucketable._errors");
    if (!module)
        return NULL;
    PyObject *message =
        PyUnicode_DecodeUTF8(err->message, (Py_ssize_t)strlen(err->message), "replace");
    PyObject *error = NULL;
    if (message) {
        error = PyObject_CallMethod(module, "make", "(isiNO)", err->code, bkt_error_name(err->code),
                                    err->http_status, PyBool_FromLong(err->retriable), message);
    }
    if (error)
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
    Py_XDECREF(error);
    Py_XDECREF(message);
    Py_DECREF(module);
    return NULL;
}

/* From a sequence of (name, value); a name that comes with "+" in front is a list's item. */
static int set_field(struct bkt_config *config, PyObject *pair, struct bkt_error *err)
{
    const char *name;
    const char *value;
    if (!PyArg_ParseTuple(pair, "ss", &name, &value))
        return -1;
    int rc;
    if (strcmp(name, "s3") == 0)
        rc = bkt_config_source(config, value, err);
    else if (name[0] == '+')
        rc = bkt_config_add(config, name + 1, value, err);
    else
        rc = bkt_config_set(config, name, value, err);
    if (rc)
        (void)raise(err);
    return rc ? -1 : 0;
}

static struct bkt_config *new_config(PyObject *fields)
{
    struct bkt_error err = {0};
    struct bkt_config *config = NULL;
    if (bkt_config_new(&config, &err)) {
        (void)raise(&err);
        return NULL;
    }
    Py_ssize_t count = PySequence_Size(fields);
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *pair = PySequence_GetItem(fields, i);
        int failed = pair ? set_field(config, pair, &err) : -1;
        Py_XDECREF(pair);
        if (failed) {
            bkt_config_free(config);
            return NULL;
        }
    }
    if (count < 0) {
        bkt_config_free(config);
        return NULL;
    }
    return config;
}

/* Keys are bytes; those that are no UTF-8 take surrogates, as file names do. */
static PyObject *key_of(const char *key, size_t len)
{
    return PyUnicode_DecodeUTF8(key, (Py_ssize_t)len, "surrogateescape");
}

static PyObject *value_of(const struct bkt_value *value)
{
    char digits[32];
    switch (value->kind) {
    case BKT_VALUE_NULL:
        break;
    case BKT_VALUE_NUMBER:
        if (value->len < sizeof(digits)) {
            memcpy(digits, value->text, value->len);
            digits[value->len] = '\0';
            return PyLong_FromString(digits, NULL, 10);
        }
        break;
    case BKT_VALUE_TEXT:
    case BKT_VALUE_JSON:
        return key_of(value->text, value->len);
    }
    Py_RETURN_NONE;
}

static PyObject *columns_of(const struct bkt_row *row)
{
    PyObject *columns = PyDict_New();
    for (size_t i = 0; columns && i < row->column_count; i++) {
        PyObject *value = value_of(&row->columns[i]);
        if (!value || PyDict_SetItemString(columns, row->columns[i].name, value))
            Py_CLEAR(columns);
        Py_XDECREF(value);
    }
    return columns;
}

/* (filename, content or None, columns, revision, id) */
static PyObject *row_of(const struct bkt_row *row, uint64_t id)
{
    PyObject *content = NULL;
    if (row->op == BKT_ROW_DELETE) {
        content = Py_None;
        Py_INCREF(content);
    } else if (row->content_is_bytes) {
        content = PyBytes_FromStringAndSize(row->content, (Py_ssize_t)row->content_len);
    } else {
        content = PyUnicode_DecodeUTF8(row->content, (Py_ssize_t)row->content_len, "strict");
    }
    PyObject *key = content ? key_of(row->key, row->key_len) : NULL;
    PyObject *columns = key ? columns_of(row) : NULL;
    if (!columns) {
        Py_XDECREF(content);
        Py_XDECREF(key);
        return NULL;
    }
    return Py_BuildValue("(NNNKK)", key, content, columns, (unsigned long long)row->revision,
                         (unsigned long long)id);
}

/* What rows and changes have in common. */
struct handle {
    PyObject ob_base;
    struct bkt_config *config;
    struct bkt_rows *rows; /* one of these two */
    struct bkt_changes *changes;
    PyObject *failed; /* called with (key or None, message) after a wait; or NULL */
    PyObject *notes;  /* what it will be called with */
    PyThreadState *waiting;
    pid_t pid;
    bool is_busy;   /* a thread is in it */
    bool is_closed; /* as soon as it is not busy */
};

/* Inside a wait, on the waiting thread: it has no GIL there. */
static void note(void *ctx, const char *key, size_t key_len, const char *message)
{
    struct handle *handle = ctx;
    PyEval_RestoreThread(handle->waiting);
    PyObject *name = key ? key_of(key, key_len) : Py_BuildValue("");
    PyObject *told = name ? Py_BuildValue("(Ns)", name, message) : NULL;
    if (!told || PyList_Append(handle->notes, told))
        PyErr_Clear(); /* it is for people */
    Py_XDECREF(told);
    handle->waiting = PyEval_SaveThread();
}

static void on_failed(void *ctx, const char *key, size_t key_len, const char *reason)
{
    note(ctx, key, key_len, reason);
}

static void on_error(void *ctx, const char *message, const char *key, size_t key_len)
{
    note(ctx, key, key_len, message);
}

static void release(struct handle *handle)
{
    struct bkt_rows *rows = handle->rows;
    struct bkt_changes *changes = handle->changes;
    struct bkt_config *config = handle->config;
    handle->rows = NULL;
    handle->changes = NULL;
    handle->config = NULL;
    if (handle->pid != getpid())
        return;
    Py_BEGIN_ALLOW_THREADS bkt_rows_close(rows);
    bkt_changes_close(changes);
    bkt_config_free(config);
    Py_END_ALLOW_THREADS
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

static int tell_notes(struct handle *handle)
{
    int rc = 0;
    while (rc == 0 && PyList_Size(handle->notes) > 0) {
        PyObject *told = PyList_GetItem(handle->notes, 0);
        Py_INCREF(told);
        rc = PyList_SetSlice(handle->notes, 0, 1, NULL);
        PyObject *answer = rc ? NULL : PyObject_CallObject(handle->failed, told);
        rc = answer ? 0 : -1;
        Py_XDECREF(answer);
        Py_DECREF(told);
    }
    return rc;
}

/* One turn of waiting.  Returns what the library does. */
static int turn(struct handle *handle,
                int wait_ms,
                const struct bkt_row **row,
                uint64_t *id,
                bool *is_end,
                struct bkt_error *err)
{
    handle->waiting = PyEval_SaveThread();
    int rc = handle->rows ? bkt_rows_poll(handle->rows, wait_ms, row, is_end, err)
                          : bkt_changes_next(handle->changes, wait_ms, row, id, err);
    PyEval_RestoreThread(handle->waiting);
    return rc;
}

static PyObject *wait_for(struct handle *handle, long timeout_ms, bool is_bounded)
{
    struct bkt_error err = {0};
    for (;;) {
        const struct bkt_row *row = NULL;
        uint64_t id = 0;
        bool is_end = false;
        int wait_ms = is_bounded && timeout_ms < TURN_MS ? (int)timeout_ms : TURN_MS;
        int rc = turn(handle, wait_ms, &row, &id, &is_end, &err);
        if (tell_notes(handle))
            return NULL;
        if (rc)
            return raise(&err);
        if (row)
            return row_of(row, id);
        if (PyErr_CheckSignals())
            return NULL;
        if (id > 0)
            return PyLong_FromUnsignedLongLong(id);
        timeout_ms -= wait_ms;
        if (is_end || (is_bounded && timeout_ms <= 0))
            Py_RETURN_NONE;
    }
}

/* next(timeout_ms or None): a row; None; how many of the group are to be acknowledged first. */
static PyObject *handle_next(PyObject *self, PyObject *args)
{
    struct handle *handle = (struct handle *)self;
    PyObject *timeout = NULL;
    if (!PyArg_ParseTuple(args, "O", &timeout))
        return NULL;
    long timeout_ms = timeout == Py_None ? 0 : PyLong_AsLong(timeout);
    if (timeout_ms == -1 && PyErr_Occurred())
        return NULL;
    if (enter(handle))
        return NULL;
    PyObject *row = wait_for(handle, timeout_ms < 0 ? 0 : timeout_ms, timeout != Py_None);
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
        return raise(&err);
    Py_RETURN_NONE;
}

static void handle_dealloc(PyObject *self)
{
    struct handle *handle = (struct handle *)self;
    PyTypeObject *type = Py_TYPE(self);
    release(handle);
    Py_CLEAR(handle->failed);
    Py_CLEAR(handle->notes);
    freefunc free_it = (freefunc)PyType_GetSlot(type, Py_tp_free);
    free_it(self);
    Py_DECREF(type);
}

static PyMethodDef handle_methods[] = {
    {"next", handle_next, METH_VARARGS,
     "Wait for a row: (filename, content, columns, revision, id)."},
    {"ack", handle_ack, METH_VARARGS, "Acknowledge a change by its id."},
    {"close", handle_close, METH_NOARGS, "End; a wait in another thread ends too."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot handle_slots[] = {
    {Py_tp_dealloc, handle_dealloc},
    {Py_tp_methods, handle_methods},
    {0, NULL},
};

static PyType_Spec handle_spec = {
    .name = "bucketable._bkt.Handle",
    .basicsize = sizeof(struct handle),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = handle_slots,
};

static struct handle *new_handle(PyObject *module, PyObject *fields, PyObject *failed)
{
    PyObject *type = PyObject_GetAttrString(module, "Handle");
    if (!type)
        return NULL;
    allocfunc allocate = (allocfunc)PyType_GetSlot((PyTypeObject *)type, Py_tp_alloc);
    struct handle *handle = (struct handle *)allocate((PyTypeObject *)type, 0);
    Py_DECREF(type);
    if (!handle)
        return NULL;
    handle->pid = getpid();
    handle->failed = failed;
    Py_INCREF(failed);
    handle->notes = PyList_New(0);
    handle->config = handle->notes ? new_config(fields) : NULL;
    if (!handle->config) {
        Py_DECREF((PyObject *)handle);
        return NULL;
    }
    return handle;
}

/* open_rows(fields, in_key_order, failed) */
static PyObject *open_rows(PyObject *module, PyObject *args)
{
    PyObject *fields;
    PyObject *failed;
    int in_key_order;
    if (!PyArg_ParseTuple(args, "OpO", &fields, &in_key_order, &failed))
        return NULL;
    struct handle *handle = new_handle(module, fields, failed);
    if (!handle)
        return NULL;
    struct bkt_rows_options options = {
        .size = sizeof(options),
        .order = in_key_order ? BKT_ROWS_KEY_ORDER : BKT_ROWS_ANY_ORDER,
        .ctx = handle,
        .failed = on_failed,
    };
    struct bkt_error err = {0};
    int rc;
    Py_BEGIN_ALLOW_THREADS rc = bkt_rows_open(handle->config, &options, &handle->rows, &err);
    Py_END_ALLOW_THREADS if (rc)
    {
        Py_DECREF((PyObject *)handle);
        return raise(&err);
    }
    return (PyObject *)handle;
}

/* open_changes(fields, skips_first_listing, group_max, failed) */
static PyObject *open_changes(PyObject *module, PyObject *args)
{
    PyObject *fields;
    PyObject *failed;
    int skips_first_listing;
    Py_ssize_t group_max;
    if (!PyArg_ParseTuple(args, "OpnO", &fields, &skips_first_listing, &group_max, &failed))
        return NULL;
    struct handle *handle = new_handle(module, fields, failed);
    if (!handle)
        return NULL;
    struct bkt_changes_options options = {
        .size = sizeof(options),
        .skips_first_listing = skips_first_listing,
        .group_max = group_max > 0 ? (size_t)group_max : 0,
        .ctx = handle,
        .error = on_error,
    };
    struct bkt_error err = {0};
    int rc;
    Py_BEGIN_ALLOW_THREADS rc = bkt_changes_open(handle->config, &options, &handle->changes, &err);
    Py_END_ALLOW_THREADS if (rc)
    {
        Py_DECREF((PyObject *)handle);
        return raise(&err);
    }
    return (PyObject *)handle;
}

static int take_row(void *ctx, const struct bkt_row *row)
{
    PyObject **out = ctx;
    PyGILState_STATE gil = PyGILState_Ensure();
    *out = row_of(row, 0);
    PyGILState_Release(gil);
    return *out ? BKT_OK : BKT_ENOMEM;
}

/* read(fields, key) */
static PyObject *read_row(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *fields;
    const char *key;
    Py_ssize_t key_len;
    if (!PyArg_ParseTuple(args, "Oy#", &fields, &key, &key_len))
        return NULL;
    struct bkt_config *config = new_config(fields);
    if (!config)
        return NULL;
    struct bkt_source *source = NULL;
    struct bkt_error err = {0};
    PyObject *row = NULL;
    int rc;
    Py_BEGIN_ALLOW_THREADS rc = bkt_source_new(config, &source, &err);
    if (rc == BKT_OK)
        rc = bkt_source_row(source, key, (size_t)key_len, take_row, &row, &err);
    bkt_source_free(source);
    bkt_config_free(config);
    Py_END_ALLOW_THREADS if (rc && !PyErr_Occurred())(void) raise(&err);
    if (rc)
        Py_CLEAR(row);
    return row;
}

struct syncing {
    struct bkt_sync *sync;
    PyThreadState *waiting;
    bool is_interrupted;
};

static void on_progress(void *ctx, const struct bkt_counts *counts)
{
    (void)counts;
    struct syncing *syncing = ctx;
    PyEval_RestoreThread(syncing->waiting);
    if (!syncing->is_interrupted && PyErr_CheckSignals()) {
        syncing->is_interrupted = true;
        bkt_sync_stop(syncing->sync);
    }
    syncing->waiting = PyEval_SaveThread();
}

static PyObject *counts_of(const struct bkt_counts *counts)
{
    return Py_BuildValue(
        "{sKsKsKsKsKsKsKsKsKsKsKsd}", "listed", (unsigned long long)counts->listed, "matched",
        (unsigned long long)counts->matched, "added", (unsigned long long)counts->added, "updated",
        (unsigned long long)counts->updated, "deleted", (unsigned long long)counts->deleted,
        "unchanged", (unsigned long long)counts->unchanged, "failed",
        (unsigned long long)counts->failed, "bytes", (unsigned long long)counts->bytes,
        "list_requests", (unsigned long long)counts->list_requests, "get_requests",
        (unsigned long long)counts->get_requests, "retries", (unsigned long long)counts->retries,
        "seconds", counts->seconds);
}

/* sync(fields) */
static PyObject *sync_table(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *fields;
    if (!PyArg_ParseTuple(args, "O", &fields))
        return NULL;
    struct bkt_config *config = new_config(fields);
    if (!config)
        return NULL;
    struct syncing syncing = {.sync = NULL};
    struct bkt_sync_callbacks callbacks = {
        .size = sizeof(callbacks), .ctx = &syncing, .progress = on_progress};
    struct bkt_counts counts = {0};
    struct bkt_error err = {0};
    syncing.waiting = PyEval_SaveThread();
    int rc = bkt_sync_new(config, &callbacks, &syncing.sync, &err);
    if (rc == BKT_OK)
        rc = bkt_sync_run(syncing.sync, &counts, &err);
    bkt_sync_free(syncing.sync);
    bkt_config_free(config);
    PyEval_RestoreThread(syncing.waiting);
    if (syncing.is_interrupted)
        return NULL;
    return rc ? raise(&err) : counts_of(&counts);
}

static PyMethodDef functions[] = {
    {"open_rows", open_rows, METH_VARARGS, NULL},
    {"open_changes", open_changes, METH_VARARGS, NULL},
    {"read", read_row, METH_VARARGS, NULL},
    {"sync", sync_table, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static int fill_module(PyObject *module)
{
    PyObject *type = PyType_FromSpec(&handle_spec);
    if (!type)
        return -1;
    int rc = PyObject_SetAttrString(module, "Handle", type);
    Py_DECREF(type);
    return rc ? rc : PyModule_AddStringConstant(module, "version", bkt_version());
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, fill_module},
    {0, NULL},
};

static struct PyModuleDef module_definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "bucketable._bkt",
    .m_methods = functions,
    .m_slots = module_slots,
};

PyMODINIT_FUNC PyInit__bkt(void);
PyMODINIT_FUNC PyInit__bkt(void)
{
    return PyModuleDef_Init(&module_definition);
}
