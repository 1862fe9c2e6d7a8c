/*
 * A new state over a target that holds rows already: one state row for each, made of what the
 * target tells.  A row that is not known for what it is counts as failed and has no ETag, like one
 * that a crash cut off: the next listing reads it, or finds it absent and deletes it.
 */
#ifndef TARGETS_SQLITE_RECOVER_H
#define TARGETS_SQLITE_RECOVER_H

#include "targets/sqlite_db.h"
#include "targets/sqlite_outside.h"

/*
 * Inside the transaction that made the state, so that one that was cut off begins anew.  The rows
 * take the clock's next number, which the caller then has to write.  `decode` is that of the rows
 * which are known.
 */
BKT_MUST_CHECK int bkt_sqlite_recover(const struct bkt_sqlite *conn,
                                      const struct bkt_sqlite_outside *outside,
                                      uint32_t decode,
                                      bool *out_found_any,
                                      struct bkt_error *err);

#endif
