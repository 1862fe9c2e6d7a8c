/*
 * What fails in this process: the n-th call of a kind, once or from then on.
 *
 * The library's own calls are met by the linker (--wrap, see meson.build), what libraries allocate
 * through the hooks that they have. Any thread may call; the count is of the whole process.
 */
#ifndef TESTS_TORTURE_FAULTS_H
#define TESTS_TORTURE_FAULTS_H

#include <stdbool.h>

enum fault_kind {
    FAULT_NONE,
    FAULT_MEMORY,    /* what the library and the program allocate, cJSON's part of it too */
    FAULT_LIBRARIES, /* what libcurl, SQLite, libcrypto and (from 1.0 on) hiredis allocate */
    FAULT_SYSTEM,    /* files opened, read, written, renamed; threads, pipes, descriptors */
};

/* Before anything else of those libraries; ends the process when one does not take the hooks. */
void faults_install(void);

/* From now on let `count` calls through, then fail one, or all that follow. */
void faults_arm(enum fault_kind kind, long count, bool for_good);

/* Nothing fails any more. How often something did; `*out_seen`: calls of that kind. */
long faults_disarm(long *out_seen);

/* Tell on stderr where each fault is met, as far as a sanitizer's runtime can. */
void faults_tell(void);

#endif
