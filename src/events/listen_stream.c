#include "events/listen_stream.h"

#include <stdio.h>

void bkt_listen_stream_init(struct bkt_listen_stream *stream)
{
    *stream = (struct bkt_listen_stream){.line = BKT_BUF_INIT(BKT_LISTEN_LINE_BYTES_MAX)};
}

void bkt_listen_stream_clear(struct bkt_listen_stream *stream)
{
    if (!stream)
        return;
    bkt_buf_clear(&stream->line);
    bkt_envelope_clear(&stream->envelope);
    bkt_listen_stream_init(stream);
}

void bkt_listen_stream_reset(struct bkt_listen_stream *stream)
{
    bkt_buf_reset(&stream->line);
    stream->is_skipping = false;
}

static void count_lost(struct bkt_listen_stream *stream, const char *reason)
{
    stream->lost_count++;
    (void)snprintf(stream->lost_reason, sizeof(stream->lost_reason), "%s", reason);
}

static struct bkt_str strip(struct bkt_str line)
{
    while (line.len > 0 && (line.ptr[0] == ' ' || line.ptr[0] == '\r' || line.ptr[0] == '\t')) {
        line.ptr++;
        line.len--;
    }
    return line;
}

static int read_line(struct bkt_listen_stream *stream,
                     struct bkt_str line,
                     bkt_listen_events_fn *on_events,
                     void *ctx)
{
    struct bkt_envelope *envelope = &stream->envelope;
    line = strip(line);
    if (line.len == 0)
        return BKT_OK;

    int rc = bkt_envelope_read(envelope, line, BKT_LISTEN_LINE_BYTES_MAX, BKT_KEY_RAW);
    if (rc)
        return rc;

    if (envelope->is_poison)
        count_lost(stream, envelope->reason);
    if (envelope->list.count == 0)
        return BKT_OK;
    return on_events(ctx, envelope->list.events, envelope->list.count);
}

/* Keep what may be the beginning of a line. */
static int keep(struct bkt_listen_stream *stream, struct bkt_str bytes)
{
    /* Keep-alive spaces may come for hours before the line that they belong to. */
    if (stream->line.len == 0)
        bytes = strip(bytes);
    if (stream->is_skipping || bytes.len == 0)
        return BKT_OK;

    int rc = bkt_buf_append(&stream->line, bytes);
    if (rc != BKT_ELIMIT)
        return rc;
    count_lost(stream, "a line longer than 4 MiB");
    bkt_buf_clear(&stream->line);
    stream->is_skipping = true;
    return BKT_OK;
}

int bkt_listen_stream_feed(struct bkt_listen_stream *stream,
                           struct bkt_str bytes,
                           bkt_listen_events_fn *on_events,
                           void *ctx)
{
    int rc = BKT_OK;
    while (bytes.len > 0 && rc == BKT_OK) {
        const char *end = memchr(bytes.ptr, '\n', bytes.len);
        size_t len = end ? (size_t)(end - bytes.ptr) : bytes.len;
        struct bkt_str part = {bytes.ptr, len};
        bytes.ptr += len + (end != NULL);
        bytes.len -= len + (end != NULL);

        rc = keep(stream, part);
        if (rc || !end)
            continue;
        rc = read_line(stream, bkt_buf_str(&stream->line), on_events, ctx);
        bkt_listen_stream_reset(stream);
    }
    return rc;
}
