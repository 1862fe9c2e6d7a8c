/*
 * bucketable/source.h - a bucket as rows, without a table: walk them, read one.  To walk only some,
 * and at one's own pace: bucketable/listing.h.
 *
 * Threads:  one struct bkt_source is used by one thread at a time, but for bkt_source_stop().
 * Memory:   what a callback receives is valid until it returns.
 * Blocking: all but new and free wait for the network.
 */
#ifndef BKT_SOURCE_H
#define BKT_SOURCE_H

#include <bucketable/target.h>

BKT_BEGIN_DECLS

struct bkt_source;

/* `config` is borrowed and must outlive the source. */
BKT_API BKT_MUST_CHECK int bkt_source_new(const struct bkt_config *config,
                                          struct bkt_source **out_source,
                                          struct bkt_error *err);

/* NULL is fine. */
BKT_API void bkt_source_free(struct bkt_source *source);

/*
 * Ask `fn` some times a second, on the calling thread, whether to give up what is waited for: true
 * ends it with BKT_ECANCELED, and the source can be used again.  NULL: ask nobody, as at first.
 */
BKT_API void bkt_source_set_interrupt(struct bkt_source *source, bool (*fn)(void *ctx), void *ctx);

/* An object that is a row, as the listing shows it.  New members go last. */
struct bkt_listed {
    const char *key;
    size_t key_len;
    const char *etag; /* without quotes; "" when the server lists none */
    uint64_t size;
    int64_t last_modified_ms;  /* since 1970-01-01T00:00:00Z; INT64_MIN: not told */
    const char *last_modified; /* the same in ISO 8601, or "" */
    const char *storage_class; /* "STANDARD" when the server lists none */
};

/* Non-zero ends the walk, which returns it. */
typedef int bkt_listed_fn(void *ctx, const struct bkt_listed *listed);

/* All rows in the order of their keys' bytes. */
BKT_API BKT_MUST_CHECK int bkt_source_walk(struct bkt_source *source,
                                           bkt_listed_fn *fn,
                                           void *ctx,
                                           struct bkt_error *err);

/*
 * The content that the row of `key` has: UTF-8 text, or the object's bytes when `binary`.
 * BKT_ENOROW when the key is no row: the message says which rule decided, or that there is no
 * object (err->http_status is 404 then).  BKT_ETEXT when it would be one, but its bytes are not
 * text (text_errors=strict).  `write` is called once or not at all.
 */
BKT_API BKT_MUST_CHECK int bkt_source_read(struct bkt_source *source,
                                           const char *key,
                                           size_t key_len,
                                           bkt_write_fn *write,
                                           void *ctx,
                                           struct bkt_error *err);

/* Non-zero ends the call, which returns it. */
typedef int bkt_row_fn(void *ctx, const struct bkt_row *row);

/* The same with all that the row holds: `fn` is called once or not at all. */
BKT_API BKT_MUST_CHECK int bkt_source_row(struct bkt_source *source,
                                          const char *key,
                                          size_t key_len,
                                          bkt_row_fn *fn,
                                          void *ctx,
                                          struct bkt_error *err);

/* End a walk or a read soon, with BKT_ECANCELED.  From any thread, also from a signal handler. */
BKT_API void bkt_source_stop(struct bkt_source *source);

BKT_END_DECLS

#endif
