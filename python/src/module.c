#include "bkt_py.h"

void *bkt_py_new(PyObject *module, const char *type_name)
{
    PyObject *type = PyObject_GetAttrString(module, type_name);
    if (!type)
        return NULL;
    allocfunc allocate = (allocfunc)PyType_GetSlot((PyTypeObject *)type, Py_tp_alloc);
    PyObject *self = allocate((PyTypeObject *)type, 0);
    Py_DECREF(type);
    return self;
}

void bkt_py_delete(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    freefunc free_it = (freefunc)PyType_GetSlot(type, Py_tp_free);
    free_it(self);
    Py_DECREF(type);
}

static PyMethodDef functions[] = {
    {"open_rows", bkt_py_open_rows, METH_VARARGS, NULL},
    {"open_changes", bkt_py_open_changes, METH_VARARGS, NULL},
    {"open_source", bkt_py_open_source, METH_VARARGS, NULL},
    {"arrow_schema", bkt_py_arrow_schema, METH_VARARGS, NULL},
    {"sync", bkt_py_sync, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static int add_type(PyObject *module, const char *name, PyType_Spec *spec)
{
    PyObject *type = PyType_FromSpec(spec);
    if (!type)
        return -1;
    int rc = PyObject_SetAttrString(module, name, type);
    Py_DECREF(type);
    return rc;
}

static int fill_module(PyObject *module)
{
    int rc = add_type(module, "Handle", &bkt_py_handle_spec);
    if (rc == 0)
        rc = add_type(module, "Source", &bkt_py_source_spec);
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
