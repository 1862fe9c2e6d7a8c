/*
 * Messages in all their wrappings.  What comes out holds together: a reason for every poison, and
 * keys that fit into the message they came from.
 */
#include "core/mem.h"
#include "events/envelope.h"
#include "events/redis_event.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        __builtin_trap();
}

static void check_event(const struct bkt_event *event, size_t body_len)
{
    check(event->key.len > 0 || event->kind == BKT_EVENT_NOTHING);
    /* One byte may become the three of U+FFFD, in an escape of six. */
    check(event->bucket.len <= body_len && event->key.len <= body_len);
    check(event->key_other.len <= body_len);
    check(!bkt_str_eq(event->key, event->key_other) || event->key.len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bkt_str body = {(const char *)data, size};
    struct bkt_event event;
    if (bkt_redis_read_field(body, &event))
        check_event(&event, size);

    struct bkt_envelope envelope = {0};
    for (int form = BKT_KEY_QUEUED; form <= BKT_KEY_RAW; form++) {
        check(bkt_envelope_read(&envelope, body, BKT_ENVELOPE_BODY_BYTES_MAX,
                                (enum bkt_key_form)form) == BKT_OK);
        check(!envelope.is_poison || envelope.reason[0] != '\0');
        check(envelope.list.count <= BKT_ENVELOPE_RECORDS_MAX);
        for (size_t i = 0; i < envelope.list.count; i++)
            check_event(&envelope.list.events[i], size);
    }
    bkt_envelope_clear(&envelope);
    check(bkt_mem_live() == 0);
    return 0;
}
