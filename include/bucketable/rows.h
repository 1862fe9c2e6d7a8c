/*
 * bucketable/rows.h - all rows of a bucket, contents and all, one after the other and once.
 *
 *     struct bkt_rows *rows;
 *     const struct bkt_row *row;
 *     rc = bkt_rows_open(config, NULL, &rows, &err);
 *     while (rc == BKT_OK && (rc = bkt_rows_next(rows, &row, &err)) == BKT_OK && row)
 *         use(row->key, row->key_len, row->content, row->content_len);
 *     bkt_rows_close(rows);
 *
 * The bucket is listed and many objects are read at a time ("list_concurrency", "get_concurrency"),
 * ahead of the caller by at most "memory_limit" bytes.  Each row is in it once; what changes
 * meanwhile may be seen before or after its change, never torn.  The target and "state" of the
 * configuration are not looked at.  For the listing alone, or one row: bucketable/source.h.
 *
 * Threads:  one struct bkt_rows is used by one thread at a time, but for bkt_rows_stop(); any
 *           number may run side by side.  Callbacks are called inside next and poll.  A handle
 *           belongs to the process that opened it: after fork(), the child leaves it alone.
 * Memory:   a row is valid until the next call of next, poll or close.  The configuration is
 *           borrowed until close.
 * Blocking: next and poll wait for the network, open for credentials, close for what is under way.
 */
#ifndef BKT_ROWS_H
#define BKT_ROWS_H

#include <bucketable/sync.h>
#include <bucketable/target.h>

BKT_BEGIN_DECLS

struct bkt_rows;

enum bkt_rows_order {
    BKT_ROWS_ANY_ORDER, /* as they arrive: the fastest */
    BKT_ROWS_KEY_ORDER, /* in the order of the keys' bytes: pages are listed one after the other */
};

/* New members go last; `size` says which ones the caller knows. */
struct bkt_rows_options {
    size_t size; /* sizeof(struct bkt_rows_options) */
    enum bkt_rows_order order;
    void *ctx;
    /* Something that is allowed but surely not meant: one line.  This and all below may be NULL. */
    void (*warning)(void *ctx, const char *message);
    /* An object that cannot be made a row; the walk goes on. */
    void (*failed)(void *ctx, const char *key, size_t key_len, const char *reason);
    /* Some times a second. */
    void (*progress)(void *ctx, const struct bkt_counts *counts);
};

/* `options` is copied; NULL: all zero.  Errors are those of bkt_sync_new(). */
BKT_API BKT_MUST_CHECK int bkt_rows_open(const struct bkt_config *config,
                                         const struct bkt_rows_options *options,
                                         struct bkt_rows **out_rows,
                                         struct bkt_error *err);

/*
 * The next row, or NULL past the last one.  After a failure the rows are over: only close is left.
 * BKT_ECANCELED: it was stopped.
 */
BKT_API BKT_MUST_CHECK int bkt_rows_next(struct bkt_rows *rows,
                                         const struct bkt_row **out_row,
                                         struct bkt_error *err);

/* The same, for `timeout_ms` at most: no row and *out_is_end false means that none came in that
 * time. */
BKT_API BKT_MUST_CHECK int bkt_rows_poll(struct bkt_rows *rows,
                                         int timeout_ms,
                                         const struct bkt_row **out_row,
                                         bool *out_is_end,
                                         struct bkt_error *err);

/* End soon: next fails with BKT_ECANCELED.  From any thread, not from a signal handler. */
BKT_API void bkt_rows_stop(struct bkt_rows *rows);

/* At any time.  NULL is fine. */
BKT_API void bkt_rows_close(struct bkt_rows *rows);

BKT_END_DECLS

#endif
