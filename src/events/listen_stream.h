/*
 * The body of MinIO's ListenBucketNotification: one JSON document a line, keys raw, for as long as
 * the connection lasts.  In between come spaces or `{"Records":null}`, so that both sides know that
 * the other is there.
 *
 * Bytes go in as they arrive, cut anywhere; events come out of every line that is whole.  A line
 * that is not understood, or longer than the limit, is one that was lost: the caller lists again,
 * as it does when the stream ends, since nothing is ever sent twice.
 *
 * Source: MinIO cmd/listen-notification-handlers.go; minio-go api-bucket-notification.go.
 */
#ifndef EVENTS_LISTEN_STREAM_H
#define EVENTS_LISTEN_STREAM_H

#include "core/buf.h"
#include "events/envelope.h"

enum { BKT_LISTEN_LINE_BYTES_MAX = 4 << 20 };

struct bkt_listen_stream {
    struct bkt_buf line; /* the beginning of a line whose end has not come */
    bool is_skipping;    /* inside a line that was too long */
    struct bkt_envelope envelope;
    uint64_t lost_count; /* lines lost; `lost_reason` is of the last one */
    char lost_reason[128];
};

/*
 * Events of one line; valid until it returns.  Not 0: no further line is read, and
 * bkt_listen_stream_feed() returns that.
 */
typedef int bkt_listen_events_fn(void *ctx, const struct bkt_event *events, size_t count);

void bkt_listen_stream_init(struct bkt_listen_stream *stream);
void bkt_listen_stream_clear(struct bkt_listen_stream *stream);

/*
 * Take the next bytes and call `on_events` for each line with events that they end.  BKT_ENOMEM, or
 * what the callback returned: the stream is then to be given up (bkt_listen_stream_reset()).
 */
BKT_MUST_CHECK int bkt_listen_stream_feed(struct bkt_listen_stream *stream,
                                          struct bkt_str bytes,
                                          bkt_listen_events_fn *on_events,
                                          void *ctx);

/* The connection has ended or a new one begins: half a line is of no use.  Counters stay. */
void bkt_listen_stream_reset(struct bkt_listen_stream *stream);

#endif
