/*
 * A log of JSON lines as those see it who fold it by key: the last line of a key is its row.
 */
#ifndef TESTS_TARGETS_LOG_FOLD_H
#define TESTS_TARGETS_LOG_FOLD_H

#include "core/buf.h"

/* Lines so far; each must be one JSON object, and the file must end with a line feed. */
size_t log_count_lines(const char *path);

/* False: the key has no row. */
bool log_read_row(const char *path,
                  struct bkt_str key,
                  struct bkt_buf *content,
                  bool *out_is_bytes);

/* Numbers and objects as they are written, null as "NULL"; also for a column that is not there. */
bool log_read_column(const char *path,
                     struct bkt_str key,
                     const char *column,
                     struct bkt_buf *text);

#endif
