/*
 * SQLite's way to the file system with a hand on it: counts what is synced, lets the disk fill up,
 * and does not sleep, so that waiting for a lock takes no time.
 */
#ifndef TESTS_TARGETS_SQLITE_SHIM_H
#define TESTS_TARGETS_SQLITE_SHIM_H

#include <stdbool.h>

/* Becomes the default VFS of the process. */
void sqlite_shim_install(void);

/* Syncs of write-ahead logs and database files so far. */
unsigned long sqlite_shim_syncs(void);

/* Of the writes from now, let `count` through and fail the others with SQLITE_FULL; -1: none fails.
 */
void sqlite_shim_fill_after(long count);

/* From now on databases are opened as if their permissions allowed reading only. */
void sqlite_shim_read_only(bool is_read_only);

#endif
