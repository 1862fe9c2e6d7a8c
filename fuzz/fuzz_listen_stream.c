/* The first byte says how the rest is cut; the events may not depend on it. */
#include "core/mem.h"
#include "events/listen_stream.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        __builtin_trap();
}

/* A digest of all events in their order. */
static int collect(void *ctx, const struct bkt_event *events, size_t count)
{
    uint64_t *digest = ctx;
    for (size_t i = 0; i < count; i++) {
        *digest = *digest * 1000003 + (uint64_t)events[i].kind + events[i].bucket.len;
        for (size_t j = 0; j < events[i].key.len; j++)
            *digest = *digest * 1000003 + (unsigned char)events[i].key.ptr[j];
        check(events[i].key_other.len == 0);
    }
    return BKT_OK;
}

static uint64_t read_in_pieces(struct bkt_str text, size_t piece, uint64_t *out_lost_count)
{
    uint64_t digest = 1;
    struct bkt_listen_stream stream;
    bkt_listen_stream_init(&stream);
    for (size_t at = 0; at < text.len; at += piece) {
        struct bkt_str part = {text.ptr + at, text.len - at < piece ? text.len - at : piece};
        check(bkt_listen_stream_feed(&stream, part, collect, &digest) == BKT_OK);
    }
    *out_lost_count = stream.lost_count;
    bkt_listen_stream_clear(&stream);
    return digest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;

    const struct bkt_str text = {(const char *)data + 1, size - 1};
    uint64_t whole_lost_count;
    uint64_t cut_lost_count;
    uint64_t whole = read_in_pieces(text, size, &whole_lost_count);
    uint64_t cut = read_in_pieces(text, (size_t)data[0] + 1, &cut_lost_count);
    check(whole == cut && whole_lost_count == cut_lost_count);
    check(bkt_mem_live() == 0);
    return 0;
}
