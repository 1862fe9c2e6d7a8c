#include "events/trouble.h"

#include "core/hash.h"

#include <assert.h>
#include <stdio.h>

void bkt_trouble_on(struct bkt_trouble *trouble,
                    const struct bkt_channel_owner *owner,
                    unsigned source,
                    const char *cause,
                    const struct bkt_error *err)
{
    assert(source < BKT_TROUBLE_SOURCES_MAX && cause[0] != '\0');
    char *told = trouble->causes[source];
    if (strncmp(told, cause, BKT_TROUBLE_CAUSE_BYTES - 1) == 0)
        return;
    (void)snprintf(told, BKT_TROUBLE_CAUSE_BYTES, "%s", cause);
    owner->trouble(owner->ctx, err);
}

void bkt_trouble_off(struct bkt_trouble *trouble,
                     const struct bkt_channel_owner *owner,
                     unsigned source)
{
    if (trouble->causes[source][0] == '\0')
        return;
    trouble->causes[source][0] = '\0';
    for (unsigned i = 0; i < BKT_TROUBLE_SOURCES_MAX; i++) {
        if (trouble->causes[i][0] != '\0')
            return;
    }
    owner->trouble(owner->ctx, NULL);
}

bool bkt_once(struct bkt_once *once, const char *kind)
{
    uint64_t hash = bkt_hash(bkt_str_from(kind), 0);
    for (unsigned i = 0; i < once->count; i++) {
        if (once->seen[i] == hash)
            return false;
    }
    if (once->count == BKT_ONCE_KINDS_MAX)
        return false;
    once->seen[once->count++] = hash;
    return true;
}
