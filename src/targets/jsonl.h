/*
 * The change log: one JSON object a line, appended to a file or written to standard output.
 *
 *     {"op":"upsert","filename":"a.txt","content":"...", and the metadata columns}
 *     {"op":"delete","filename":"a.txt"}
 *
 * Bytes are "content_base64", and a key that is no UTF-8 is "filename_base64".  A batch is written
 * whole and, to a file, synced; when that fails the file is cut back to where the batch began.
 * The last line of a key says what its row is.
 */
#ifndef TARGETS_JSONL_H
#define TARGETS_JSONL_H

#include <bucketable/target.h>

/* BKT_ECLOSED: nobody reads the pipe any more. */
extern const struct bkt_target_ops bkt_jsonl_ops;

/* `path` "-" is standard output.  Nothing is opened before attach(). */
BKT_MUST_CHECK int bkt_jsonl_new(const char *path, void **out_self, struct bkt_error *err);

#endif
