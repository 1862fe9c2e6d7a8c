#include "events/trouble.h"

#include "core/escape.h"
#include "core/hash.h"

#include <assert.h>
#include <stdarg.h>
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

/* Also notes that it is no longer new. */
static bool is_new(struct bkt_warned *warned, const char *kind)
{
    uint64_t hash = bkt_hash(bkt_str_from(kind), 0);
    for (unsigned i = 0; i < warned->count; i++) {
        if (warned->kinds[i] == hash)
            return false;
    }
    if (warned->count == BKT_WARNED_KINDS_MAX)
        return false;
    warned->kinds[warned->count++] = hash;
    return true;
}

void bkt_warn_once(struct bkt_warned *warned,
                   const struct bkt_channel_owner *owner,
                   const char *kind,
                   const char *fmt,
                   ...)
{
    if (!owner->warn || !is_new(warned, kind))
        return;
    char text[1024];
    char line[1024];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    bkt_escape(bkt_str_from(text), line, sizeof(line));
    owner->warn(owner->ctx, line);
}
