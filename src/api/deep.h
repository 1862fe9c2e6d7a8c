/*
 * Rows and their objects, content by content: a queue of what was found, told in the order in which
 * it went in, while the objects that it takes are being read.
 *
 * Memory is bounded: contents of a batch of rows and their objects, or one pair that is larger than
 * that by itself.  One thread, that of the asker.
 */
#ifndef API_DEEP_H
#define API_DEEP_H

#include "api/asker.h"

struct bkt_deep;

enum bkt_deep_result {
    BKT_DEEP_SAME,
    BKT_DEEP_OTHER,  /* the row is not what the object's content comes out as */
    BKT_DEEP_GONE,   /* there is no object any more */
    BKT_DEEP_FAILED, /* the object cannot be read, or not be decoded: `why` */
    BKT_DEEP_PASSED, /* nothing was compared: bkt_deep_pass() */
};

/* `tag` is what the caller gave.  `why` is a line, "" but for FAILED. */
typedef int bkt_deep_fn(void *ctx,
                        enum bkt_deep_result result,
                        int tag,
                        struct bkt_str key,
                        const char *why,
                        struct bkt_error *err);

/* `asker` is borrowed. */
BKT_MUST_CHECK int bkt_deep_new(struct bkt_asker *asker,
                                bkt_deep_fn *fn,
                                void *ctx,
                                struct bkt_deep **out_deep,
                                struct bkt_error *err);
/* NULL is fine.  Reads under way end. */
void bkt_deep_free(struct bkt_deep *deep);

/* A row's content, taken over, against the object of `key`, of some `size`. */
BKT_MUST_CHECK int bkt_deep_compare(struct bkt_deep *deep,
                                    int tag,
                                    struct bkt_str key,
                                    struct bkt_buf *content,
                                    bool content_is_bytes,
                                    uint64_t size,
                                    struct bkt_error *err);

/* Say it in its turn. */
BKT_MUST_CHECK int bkt_deep_pass(struct bkt_deep *deep,
                                 int tag,
                                 struct bkt_str key,
                                 struct bkt_error *err);

/* Wait for all that is under way, and tell it. */
BKT_MUST_CHECK int bkt_deep_flush(struct bkt_deep *deep, struct bkt_error *err);

#endif
