/*
 * What the library tells of beside the rows, on its way to Python: an object that cannot be one, or
 * a warning, to a function; its log to the logging module.  Kept in C, so that no thread of the
 * library and no wait needs the GIL.
 *
 * Threads: put by any; the rest as each says.
 */
#ifndef BKT_PY_NOTES_H
#define BKT_PY_NOTES_H

#include "bkt_py.h"

struct bkt_notes;

/* NULL: out of memory. */
struct bkt_notes *bkt_notes_new(void);

/* Copied.  `key` may be NULL.  When nobody takes them the newest are dropped. */
void bkt_notes_put(struct bkt_notes *notes, const char *key, size_t key_len, const char *message);

/*
 * With the GIL: let `config` log here, as much as the logger "bucketable" lets through by now.  -1
 * when it has raised.
 */
int bkt_notes_listen(struct bkt_notes *notes, struct bkt_config *config);

/*
 * With the GIL: call `told` with (key or None, message) for each, or the logger; -1 when `told` has
 * raised.  What a logger's handler raises ends nothing: it is shown as "ignored".
 */
int bkt_notes_tell(struct bkt_notes *notes, PyObject *told);

/*
 * For waits outside Python: the main thread will call `told` when it next runs Python code, and
 * shows what that raises as "ignored".  bind needs the GIL, flush does not.
 */
void bkt_notes_bind(struct bkt_notes *notes, PyObject *told);
void bkt_notes_flush(struct bkt_notes *notes);

/* Without or with the GIL; what a flush has promised is still told.  NULL is fine. */
void bkt_notes_free(struct bkt_notes *notes);

#endif
