#include "notes.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { NOTES_MAX = 10000, NOT_LOGGED = -1 };

struct note {
    struct note *next;
    char *key; /* NULL: of no object */
    size_t key_len;
    char *message;
    int level; /* of the log; NOT_LOGGED: it is for `told` */
};

struct bkt_notes {
    pthread_mutex_t mutex; /* guards what follows, but for `told` */
    struct note *first;
    struct note **last;
    size_t count;
    bool is_promised; /* a pending call of the interpreter knows this object */
    bool is_left;     /* nobody else does */
    PyObject *told;   /* the GIL guards it */
};

struct bkt_notes *bkt_notes_new(void)
{
    struct bkt_notes *notes = calloc(1, sizeof(*notes));
    if (!notes)
        return NULL;
    (void)pthread_mutex_init(&notes->mutex, NULL);
    notes->last = &notes->first;
    return notes;
}

static void free_note(struct note *note)
{
    free(note->key);
    free(note->message);
    free(note);
}

static struct note *new_note(const char *key, size_t key_len, const char *message, int level)
{
    struct note *note = calloc(1, sizeof(*note));
    if (!note)
        return NULL;
    note->message = strdup(message);
    note->key = key ? malloc(key_len + 1) : NULL;
    if (!note->message || (key && !note->key)) {
        free_note(note);
        return NULL;
    }
    if (key)
        memcpy(note->key, key, key_len);
    note->key_len = key_len;
    note->level = level;
    return note;
}

static void put(
    struct bkt_notes *notes, const char *key, size_t key_len, const char *message, int level)
{
    struct note *note = new_note(key, key_len, message, level);
    if (!note)
        return; /* it is for people */
    (void)pthread_mutex_lock(&notes->mutex);
    if (notes->count < NOTES_MAX) {
        *notes->last = note;
        notes->last = &note->next;
        notes->count++;
        note = NULL;
    }
    (void)pthread_mutex_unlock(&notes->mutex);
    if (note)
        free_note(note);
}

void bkt_notes_put(struct bkt_notes *notes, const char *key, size_t key_len, const char *message)
{
    put(notes, key, key_len, message, NOT_LOGGED);
}

static void on_log(void *ctx, enum bkt_log_level level, const char *message)
{
    put(ctx, NULL, 0, message, (int)level);
}

/* bucketable._log.NAME(*args), of which `format` is the types. */
static PyObject *call_log(const char *name, const char *format, ...)
{
    PyObject *module = PyImport_ImportModule("bucketable._log");
    PyObject *function = module ? PyObject_GetAttrString(module, name) : NULL;
    va_list arguments;
    va_start(arguments, format);
    PyObject *values = function ? Py_VaBuildValue(format, arguments) : NULL;
    va_end(arguments);
    PyObject *answer = values ? PyObject_CallObject(function, values) : NULL;
    Py_XDECREF(values);
    Py_XDECREF(function);
    Py_XDECREF(module);
    return answer;
}

int bkt_notes_listen(struct bkt_notes *notes, struct bkt_config *config)
{
    PyObject *answer = call_log("level", "()");
    long level = answer ? PyLong_AsLong(answer) : -1;
    Py_XDECREF(answer);
    if (level >= 0)
        bkt_config_set_log(config, (enum bkt_log_level)level, on_log, notes);
    return PyErr_Occurred() ? -1 : 0;
}

static struct note *take(struct bkt_notes *notes)
{
    (void)pthread_mutex_lock(&notes->mutex);
    struct note *note = notes->first;
    if (note) {
        notes->first = note->next;
        notes->count--;
        if (!notes->first)
            notes->last = &notes->first;
    }
    (void)pthread_mutex_unlock(&notes->mutex);
    return note;
}

/* Only what is no Exception (Ctrl-C, sys.exit()) is let through. */
static int write_log(int level, PyObject *message)
{
    PyObject *answer = call_log("write", "(iO)", level, message);
    if (!answer && PyErr_ExceptionMatches(PyExc_Exception))
        PyErr_WriteUnraisable(message);
    Py_XDECREF(answer);
    return PyErr_Occurred() ? -1 : 0;
}

static int tell_one(const struct note *note, PyObject *told)
{
    PyObject *message =
        PyUnicode_DecodeUTF8(note->message, (Py_ssize_t)strlen(note->message), "replace");
    if (!message)
        return -1;
    int rc = -1;
    if (note->level != NOT_LOGGED) {
        rc = write_log(note->level, message);
    } else {
        PyObject *key = note->key ? bkt_py_key(note->key, note->key_len) : Py_BuildValue("");
        PyObject *answer = key ? PyObject_CallFunctionObjArgs(told, key, message, NULL) : NULL;
        rc = answer ? 0 : -1;
        Py_XDECREF(answer);
        Py_XDECREF(key);
    }
    Py_DECREF(message);
    return rc;
}

int bkt_notes_tell(struct bkt_notes *notes, PyObject *told)
{
    int rc = 0;
    struct note *note;
    while (rc == 0 && (note = take(notes))) {
        rc = tell_one(note, told);
        free_note(note);
    }
    return rc;
}

static void destroy(struct bkt_notes *notes)
{
    struct note *note;
    while ((note = take(notes)))
        free_note(note);
    Py_CLEAR(notes->told);
    (void)pthread_mutex_destroy(&notes->mutex);
    free(notes);
}

void bkt_notes_bind(struct bkt_notes *notes, PyObject *told)
{
    Py_INCREF(told);
    notes->told = told;
}

/* A pending call: on the main thread, with the GIL. */
static int keep_promise(void *ctx)
{
    struct bkt_notes *notes = ctx;
    (void)pthread_mutex_lock(&notes->mutex);
    notes->is_promised = false;
    bool is_left = notes->is_left;
    (void)pthread_mutex_unlock(&notes->mutex);
    /* It comes between any two lines of Python, where nobody expects an exception. */
    if (bkt_notes_tell(notes, notes->told))
        PyErr_WriteUnraisable(notes->told);
    if (is_left)
        destroy(notes);
    return 0;
}

static void promise(struct bkt_notes *notes, bool is_left)
{
    (void)pthread_mutex_lock(&notes->mutex);
    bool is_promised = notes->is_promised;
    notes->is_promised = true;
    notes->is_left = is_left;
    (void)pthread_mutex_unlock(&notes->mutex);
    if (is_promised)
        return;
    if (Py_AddPendingCall(keep_promise, notes)) {
        (void)pthread_mutex_lock(&notes->mutex);
        notes->is_promised = false; /* the interpreter's queue is full: at the next flush */
        (void)pthread_mutex_unlock(&notes->mutex);
    }
}

void bkt_notes_flush(struct bkt_notes *notes)
{
    (void)pthread_mutex_lock(&notes->mutex);
    bool is_empty = !notes->first;
    (void)pthread_mutex_unlock(&notes->mutex);
    if (!is_empty)
        promise(notes, false);
}

void bkt_notes_free(struct bkt_notes *notes)
{
    if (!notes)
        return;
    if (notes->told)
        promise(notes, true);
    else
        destroy(notes);
}
