#include "api/guard.h"

/* Its address is another in each thread. */
static _Thread_local char here;

int bkt_guard_enter(struct bkt_guard *guard, const char *call, struct bkt_error *err)
{
    uintptr_t me = (uintptr_t)&here;
    uintptr_t owner = 0;
    if (!atomic_compare_exchange_strong(&guard->owner, &owner, me) && owner != me) {
        return bkt_error_set(err, BKT_EBUSY,
                             "%s: another thread is using this handle; one at a time may", call);
    }
    guard->depth++;
    return BKT_OK;
}

void bkt_guard_leave(struct bkt_guard *guard)
{
    if (--guard->depth == 0)
        atomic_store(&guard->owner, 0);
}
