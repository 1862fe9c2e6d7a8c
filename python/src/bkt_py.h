/*
 * The extension bucketable._bkt: the library for Python, on CPython's limited API, so that one
 * build serves 3.9 and all that follow.
 *
 * Waiting is done without the GIL, in short turns, so that Ctrl-C is seen.  What the library calls
 * back never takes the GIL: it is kept until the wait is over (notes.h).  A handle that a fork()
 * brought along is another process's: it is refused, and never closed.
 *
 * Errors: a function that returns NULL or -1 has set an exception.
 */
#ifndef BKT_PY_H
#define BKT_PY_H

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x03090000
#include <Python.h>
#include <bucketable/bucketable.h>

enum { BKT_PY_TURN_MS = 100 };

/* Sets the exception that bucketable._errors has for it.  Returns NULL. */
PyObject *bkt_py_raise(const struct bkt_error *err);

/*
 * From a sequence of (name, value as bytes): the source under the name "s3", and a list's item
 * under its name with a "+" in front.
 */
struct bkt_config *bkt_py_config(PyObject *fields);

/* Keys are bytes; those that are no UTF-8 take surrogates, as file names do. */
PyObject *bkt_py_key(const char *key, size_t len);

/* (filename, content or None, columns, revision, id) */
PyObject *bkt_py_row(const struct bkt_row *row, uint64_t id);

/* All-zero object of the module's type of that name. */
void *bkt_py_new(PyObject *module, const char *type_name);

/* What tp_dealloc ends with. */
void bkt_py_delete(PyObject *self);

extern PyType_Spec bkt_py_handle_spec; /* rows and changes */
extern PyType_Spec bkt_py_source_spec;

/* Functions of the module. */
PyObject *bkt_py_open_rows(PyObject *module, PyObject *args);
PyObject *bkt_py_open_changes(PyObject *module, PyObject *args);
PyObject *bkt_py_open_source(PyObject *module, PyObject *args);
PyObject *bkt_py_arrow_schema(PyObject *module, PyObject *args); /* (columns, is_binary) */
PyObject *bkt_py_sync(PyObject *module, PyObject *args);

#endif
