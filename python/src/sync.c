#include "bkt_py.h"
#include "notes.h"

struct syncing {
    struct bkt_sync *sync;
    struct bkt_notes *notes;
    PyObject *told;
    PyThreadState *waiting;
    bool is_interrupted; /* an exception waits to be raised */
};

/* On the thread that runs the sync. */
static void on_progress(void *ctx, const struct bkt_counts *counts)
{
    (void)counts;
    struct syncing *syncing = ctx;
    PyEval_RestoreThread(syncing->waiting);
    if (!syncing->is_interrupted &&
        (PyErr_CheckSignals() || bkt_notes_tell(syncing->notes, syncing->told))) {
        syncing->is_interrupted = true;
        bkt_sync_stop(syncing->sync);
    }
    syncing->waiting = PyEval_SaveThread();
}

static void on_warning(void *ctx, const char *message)
{
    const struct syncing *syncing = ctx;
    bkt_notes_put(syncing->notes, NULL, 0, message);
}

static void on_failed(void *ctx, const char *key, size_t key_len, const char *reason)
{
    const struct syncing *syncing = ctx;
    bkt_notes_put(syncing->notes, key, key_len, reason);
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

static int run(struct syncing *syncing,
               const struct bkt_config *config,
               struct bkt_counts *counts,
               struct bkt_error *err)
{
    struct bkt_sync_callbacks callbacks = {
        .size = sizeof(callbacks),
        .ctx = syncing,
        .warning = on_warning,
        .progress = on_progress,
        .failed = on_failed,
    };
    syncing->waiting = PyEval_SaveThread();
    int rc = bkt_sync_new(config, &callbacks, &syncing->sync, err);
    if (rc == BKT_OK)
        rc = bkt_sync_run(syncing->sync, counts, err);
    bkt_sync_free(syncing->sync);
    PyEval_RestoreThread(syncing->waiting);
    return rc;
}

/* sync(fields, told) */
PyObject *bkt_py_sync(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *fields;
    PyObject *told;
    if (!PyArg_ParseTuple(args, "OO", &fields, &told))
        return NULL;
    struct bkt_config *config = bkt_py_config(fields);
    if (!config)
        return NULL;
    struct syncing syncing = {.notes = bkt_notes_new(), .told = told};
    struct bkt_counts counts = {0};
    struct bkt_error err = {0};
    PyObject *answer = NULL;
    if (!syncing.notes) {
        (void)PyErr_NoMemory();
    } else if (bkt_notes_listen(syncing.notes, config) == 0) {
        int rc = run(&syncing, config, &counts, &err);
        if (!syncing.is_interrupted && bkt_notes_tell(syncing.notes, told) == 0)
            answer = rc ? bkt_py_raise(&err) : counts_of(&counts);
    }
    bkt_config_free(config);
    bkt_notes_free(syncing.notes);
    return answer;
}
