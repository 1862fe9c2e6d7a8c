#include "bkt_py.h"

#include <string.h>

PyObject *bkt_py_raise(const struct bkt_error *err)
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

static int set_field(struct bkt_config *config, PyObject *pair)
{
    const char *name;
    const char *value;
    struct bkt_error err = {0};
    if (!PyTuple_Check(pair)) {
        PyErr_SetString(PyExc_TypeError, "a field is a tuple");
        return -1;
    }
    if (!PyArg_ParseTuple(pair, "sy", &name, &value))
        return -1;
    int rc;
    if (strcmp(name, "s3") == 0)
        rc = bkt_config_source(config, value, &err);
    else if (name[0] == '+')
        rc = bkt_config_add(config, name + 1, value, &err);
    else
        rc = bkt_config_set(config, name, value, &err);
    if (rc)
        (void)bkt_py_raise(&err);
    return rc ? -1 : 0;
}

struct bkt_config *bkt_py_config(PyObject *fields)
{
    struct bkt_error err = {0};
    struct bkt_config *config = NULL;
    if (bkt_config_new(&config, &err)) {
        (void)bkt_py_raise(&err);
        return NULL;
    }
    Py_ssize_t count = PySequence_Size(fields);
    int failed = count < 0;
    for (Py_ssize_t i = 0; !failed && i < count; i++) {
        PyObject *pair = PySequence_GetItem(fields, i);
        failed = !pair || set_field(config, pair);
        Py_XDECREF(pair);
    }
    if (failed) {
        bkt_config_free(config);
        return NULL;
    }
    return config;
}

PyObject *bkt_py_key(const char *key, size_t len)
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
        return bkt_py_key(value->text, value->len);
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

static PyObject *content_of(const struct bkt_row *row)
{
    if (row->op == BKT_ROW_DELETE) {
        Py_RETURN_NONE;
    }
    if (row->content_is_bytes)
        return PyBytes_FromStringAndSize(row->content, (Py_ssize_t)row->content_len);
    return PyUnicode_DecodeUTF8(row->content, (Py_ssize_t)row->content_len, "strict");
}

PyObject *bkt_py_row(const struct bkt_row *row, uint64_t id)
{
    PyObject *content = content_of(row);
    PyObject *key = content ? bkt_py_key(row->key, row->key_len) : NULL;
    PyObject *columns = key ? columns_of(row) : NULL;
    if (!columns) {
        Py_XDECREF(content);
        Py_XDECREF(key);
        return NULL;
    }
    return Py_BuildValue("(NNNKK)", key, content, columns, (unsigned long long)row->revision,
                         (unsigned long long)id);
}
