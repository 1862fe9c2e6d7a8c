/*
 * One change of a batch in the file: the user's row, and the state row.  Inside the writer's
 * transaction.
 */
#ifndef TARGETS_SQLITE_CHANGE_H
#define TARGETS_SQLITE_CHANGE_H

#include "targets/sqlite_writer.h"

/*
 * Write the row as `had_row` says.  SQLite's own refusal, which may well be the row's fault, is no
 * failure of the call: *out_status is its code then, otherwise SQLITE_OK.
 */
BKT_MUST_CHECK int bkt_sqlite_change_row(struct bkt_sqlite_writer *writer,
                                         const struct bkt_change *change,
                                         int *out_status,
                                         struct bkt_error *err);

/*
 * Is that code the row's fault: a constraint, a trigger that raises, an index's expression, a limit
 * of SQLite's?
 */
bool bkt_sqlite_is_rejection(const struct bkt_sqlite_writer *writer, int status);

/* Say in the change why its row was rejected; right after that. */
void bkt_sqlite_note_reason(const struct bkt_sqlite_writer *writer,
                            struct bkt_change *change,
                            int status);

/* Write the key's state row, whether it has one or not. */
BKT_MUST_CHECK int bkt_sqlite_change_state(struct bkt_sqlite_writer *writer,
                                           const struct bkt_change *change,
                                           uint64_t revision,
                                           unsigned flags,
                                           struct bkt_error *err);

#endif
