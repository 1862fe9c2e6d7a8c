/*
 * Rows as a stream of Arrow record batches, by Arrow's C data and stream interfaces
 * (https://arrow.apache.org/docs/format/CDataInterface.html and CStreamInterface.html), which need
 * no library of Arrow's.
 *
 *     filename  utf8, not null
 *     content   large_utf8, or large_binary
 *     ...       the columns that were asked for: size int64, last_modified timestamp[us, UTC], the
 *               rest utf8
 *
 * Nothing here needs the GIL once the stream is made: readers call it from threads of their own.
 */
#ifndef BKT_PY_ARROW_H
#define BKT_PY_ARROW_H

#include "notes.h"

#include <sys/types.h>

/* A walk under way, with what it borrows. */
struct bkt_py_walk {
    struct bkt_config *config;
    struct bkt_rows *rows;
    struct bkt_notes *notes;
    pid_t pid;
};

/*
 * A capsule "arrow_array_stream".  `columns` are names of metadata columns; `told` is called
 * for objects that cannot be rows.  With success the walk is the stream's, which closes it.
 */
PyObject *bkt_py_stream(const struct bkt_py_walk *walk,
                        PyObject *columns,
                        bool is_binary,
                        PyObject *told);

#endif
