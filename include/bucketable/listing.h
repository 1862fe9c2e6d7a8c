/*
 * bucketable/listing.h - the objects of a bucket that are rows, one after the other, from a key on
 * and up to another; and the contents of those that one wants.
 *
 *     rc = bkt_listing_open(source, &options, &listing, &err);
 *     while (rc == BKT_OK) {
 *         rc = bkt_listing_next(listing, &listed, &err);
 *         if (rc != BKT_OK || !listed)
 *             break;
 *         use(listed->key, listed->key_len, listed->size);
 *     }
 *     bkt_listing_close(listing);
 *
 * Nothing is asked for that nobody may want: pages of 1,000 keys are listed as one comes to them,
 * the next one when half of a page is walked; who goes on gets more at a time.  An object is read
 * when bkt_listing_row() asks for it.  Who asks for one after the other has the following ones read
 * beside it, more at each time, up to "get_concurrency" of them and "memory_limit" bytes; who
 * passes rows over has fewer read ahead.
 *
 * A row is as it was when its page was listed; a content as it is when it is read.
 *
 * Threads:  as the source's, which belongs to one thread at a time with all its listings.
 * Memory:   a listing borrows the source, and is closed before it.  What is handed out is valid
 *           until the next call for the same listing.
 * Blocking: next and row wait for the network; see bkt_source_set_interrupt().
 */
#ifndef BKT_LISTING_H
#define BKT_LISTING_H

#include <bucketable/rows.h>
#include <bucketable/source.h>

BKT_BEGIN_DECLS

struct bkt_listing;

/* New members go last; `size` says which ones the caller knows. */
struct bkt_listing_options {
    size_t size; /* sizeof(struct bkt_listing_options) */
    /* In any order up to "list_concurrency" pages are asked for at a time, as they are walked. */
    enum bkt_rows_order order;
    bool from_is_excluded; /* begin behind `from` */
    bool to_is_excluded;   /* end before `to` */
    /* Bounds, of any bytes; copied.  NULL: from the first key, to the last. */
    const char *from;
    size_t from_len;
    const char *to;
    size_t to_len;
    /* So many rows are wanted, about, and no more is asked for than that; 0: all. */
    uint64_t rows_max;
    /*
     * Is this row wanted?  Others are passed over, and not read ahead.  It may be asked twice, also
     * ahead of its turn.  NULL: all are.
     */
    bool (*wants)(void *ctx, const struct bkt_listed *listed);
    /* Is its content likely to be asked for?  Others are not read ahead.  NULL: all are. */
    bool (*may_be_read)(void *ctx, const struct bkt_listed *listed);
    void *ctx;
};

/* `options` is copied; NULL: all zero.  Asks for nothing yet. */
BKT_API BKT_MUST_CHECK int bkt_listing_open(struct bkt_source *source,
                                            const struct bkt_listing_options *options,
                                            struct bkt_listing **out_listing,
                                            struct bkt_error *err);

/* The next row, or NULL past the last one.  After a failure only close is left. */
BKT_API BKT_MUST_CHECK int bkt_listing_next(struct bkt_listing *listing,
                                            const struct bkt_listed **out_listed,
                                            struct bkt_error *err);

/*
 * Go on at the first row whose key is not below `key`.  Only forward, and only in the order of the
 * keys (BKT_ECONFIG).  Costs a page where the newest one does not reach so far.
 */
BKT_API BKT_MUST_CHECK int bkt_listing_seek(struct bkt_listing *listing,
                                            const char *key,
                                            size_t key_len,
                                            struct bkt_error *err);

/*
 * The row that next() told of last, with its content.  BKT_ENOROW when the object is none: the
 * message says why, and err->http_status is 404 when it has gone since it was listed; BKT_ETEXT as
 * of bkt_source_row().  A failure is this object's alone: the listing can go on, but for
 * BKT_ECANCELED and BKT_ENOMEM.
 */
BKT_API BKT_MUST_CHECK int bkt_listing_row(struct bkt_listing *listing,
                                           const struct bkt_row **out_row,
                                           struct bkt_error *err);

/* Cancels what is under way.  NULL is fine. */
BKT_API void bkt_listing_close(struct bkt_listing *listing);

BKT_END_DECLS

#endif
