/*
 * What a file's tables are and how they fare, from their state alone: the file is only read.
 */
#ifndef TARGETS_SQLITE_STATUS_H
#define TARGETS_SQLITE_STATUS_H

#include "targets/status.h"

/*
 * Tell of each table in the file, by name, in one snapshot.  BKT_ETARGET: no such file, no
 * database, none of ours in it, or one made by a newer version.
 */
BKT_MUST_CHECK int bkt_sqlite_status_read(const char *path,
                                          const struct bkt_status_told *told,
                                          struct bkt_error *err);

#endif
