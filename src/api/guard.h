/*
 * One thread at a time: what each header says of its handle, told to a caller who forgets it.
 *
 * A thread may enter again, from a callback.
 */
#ifndef API_GUARD_H
#define API_GUARD_H

#include <bucketable/error.h>

#include <stdatomic.h>

/* All-zero: nobody is inside. */
struct bkt_guard {
    atomic_uintptr_t owner; /* what stands for the thread that is inside; 0: none */
    unsigned depth;         /* the owner's */
};

/* BKT_EBUSY when another thread is inside; `call` names what was called. */
BKT_MUST_CHECK int bkt_guard_enter(struct bkt_guard *guard,
                                   const char *call,
                                   struct bkt_error *err);
void bkt_guard_leave(struct bkt_guard *guard);

#endif
