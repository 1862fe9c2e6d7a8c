/*
 * SQLite's way to the file system over a disk that fails: the n-th read, write, sync or truncation
 * of a database, its log or its journal, or all of them from one moment on, as when the power is
 * cut.  Then what was not synced is lost, kept, or a mixture of both, sector by sector.
 *
 * Files are synced here in memory alone.  One process, files below 4 MiB.  Any thread may use
 * SQLite meanwhile; these functions are for one, while no power cut is being looked at.
 */
#ifndef TESTS_TARGETS_SQLITE_FAULTS_H
#define TESTS_TARGETS_SQLITE_FAULTS_H

#include <stdbool.h>

enum sqlite_fault {
    SQLITE_FAULT_READ,
    SQLITE_FAULT_WRITE,
    SQLITE_FAULT_FULL, /* a write finds no room */
    SQLITE_FAULT_SYNC,
    SQLITE_FAULT_TRUNCATE,
    SQLITE_FAULT_POWER, /* counts writes, syncs and truncations; nothing works any more */
};

enum sqlite_unsynced { SQLITE_UNSYNCED_LOST, SQLITE_UNSYNCED_KEPT, SQLITE_UNSYNCED_MIXED };

/* Becomes the default VFS of the process. */
void sqlite_faults_install(void);

/* From now on the disk is in order, and nothing is known of any file. */
void sqlite_faults_reset(void);

/* All of this file that is there now is synced. */
void sqlite_faults_know(const char *name);

/* Of such operations from now on let `count` through, then fail: once, or for good with POWER. */
void sqlite_faults_arm(enum sqlite_fault kind, long count);

/* Whether it has come to that; the disk is in order again. */
bool sqlite_faults_disarm(void);

/* After a power cut, with all connections closed: make the files what is left of them. */
void sqlite_faults_power_on(enum sqlite_unsynced unsynced, unsigned seed);

#endif
