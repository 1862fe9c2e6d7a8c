/*
 * The keys that are about to be written to a target outside of the file: the notes that
 * sqlite_outside.h tells of.
 */
#ifndef TARGETS_SQLITE_NOTES_H
#define TARGETS_SQLITE_NOTES_H

#include "targets/sqlite_writer.h"

/* How many of the changes are to be noted: those that write rows kept elsewhere, by a state that
 * lasts. */
size_t bkt_sqlite_notes_count(const struct bkt_sqlite_writer *writer,
                              const struct bkt_change *changes,
                              size_t count);

/* Note them, inside the caller's transaction. */
BKT_MUST_CHECK int bkt_sqlite_notes_write(struct bkt_sqlite_writer *writer,
                                          const struct bkt_change *changes,
                                          size_t count,
                                          struct bkt_error *err);

/* Take the notes of the changes back, inside the transaction that commits their state. */
BKT_MUST_CHECK int bkt_sqlite_notes_remove(struct bkt_sqlite_writer *writer,
                                           const struct bkt_change *changes,
                                           size_t count,
                                           struct bkt_error *err);

#endif
