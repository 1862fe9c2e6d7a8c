/*
 * In key order: the listing leads, and objects are read ahead in a ring.  Whoever is at its head
 * goes out first, however late its answer comes.
 */
#include "api/rows_int.h"

#include "api/source_int.h"
#include "api/walker.h"
#include "core/mem.h"

#include <stdio.h>

enum { SHELF_MAX = 64 };

struct reading {
    struct bkt_question question;
    uint64_t size;       /* as listed */
    int64_t modified_ms; /* as listed, with the milliseconds that the head of a read lacks */
    size_t key_len;
    char key[]; /* a read that failed has none */
};

struct ordered {
    struct bkt_asker *asker;
    struct bkt_feed *feed;
    struct bkt_target_ops ops; /* the feed's */
    struct reading **ring;     /* `cap` of them */
    size_t cap;
    size_t first, count;
    uint64_t reserved;                /* bytes that those in the ring and on the shelf may have */
    struct reading *shelf[SHELF_MAX]; /* what the feed's group points to */
    size_t shelf_count;
};

static void free_reading(struct ordered *ordered, struct reading *reading)
{
    ordered->reserved -= reading->size;
    bkt_asked_clear(&reading->question.asked);
    bkt_mem_free(reading);
}

/* Hand out what is on the shelf, and wait until it was taken. */
static int flush(struct ordered *ordered, struct bkt_error *err)
{
    if (ordered->shelf_count == 0)
        return BKT_OK;
    int rc = ordered->ops.commit(ordered->feed, err);
    for (size_t i = 0; i < ordered->shelf_count; i++)
        free_reading(ordered, ordered->shelf[i]);
    ordered->shelf_count = 0;
    return rc;
}

static void fail(const struct ordered *ordered, const struct reading *reading, const char *reason)
{
    struct bkt_note note = {.kind = BKT_NOTE_ERROR,
                            .message = reason,
                            .key = reading->key,
                            .key_len = reading->key_len};
    bkt_feed_note(ordered->feed, &note);
}

/* Takes `reading` over in any case. */
static int put(struct ordered *ordered, struct reading *reading, struct bkt_error *err)
{
    struct bkt_asked *asked = &reading->question.asked;
    struct bkt_asked_row row;
    bkt_object_refine_time(&asked->object, reading->modified_ms);
    int rc = bkt_asked_show(ordered->asker->bucket.settings, asked, &row, err);
    if (rc == BKT_OK && row.decoded.failed)
        fail(ordered, reading, row.decoded.reason);
    if (rc || row.decoded.failed) {
        free_reading(ordered, reading);
        return rc;
    }
    ordered->shelf[ordered->shelf_count++] = reading;
    return ordered->ops.apply(ordered->feed, &row.shown.row, err);
}

/* The one at the head has been answered. */
static int settle(struct ordered *ordered, struct reading *reading, struct bkt_error *err)
{
    struct bkt_asked *asked = &reading->question.asked;
    const struct bkt_filter *filter = ordered->asker->bucket.filter;
    if (reading->question.lacks_memory) {
        free_reading(ordered, reading);
        return bkt_error_set(err, BKT_ENOMEM, "read an object: out of memory");
    }
    /* It may have grown since it was listed. */
    if (asked->answer == BKT_S3_OBJECT &&
        bkt_filter_matches(filter, asked->object.key, asked->object.size, NULL))
        return put(ordered, reading, err);
    if (asked->answer == BKT_S3_FAILED)
        fail(ordered, reading, asked->err.message);
    free_reading(ordered, reading);
    return BKT_OK;
}

static int shift(struct ordered *ordered, struct bkt_error *err)
{
    struct reading *head = ordered->ring[ordered->first];
    int rc = BKT_OK;
    /* Who waits for the network lets the caller have what is there. */
    if (!head->question.is_answered || ordered->shelf_count == SHELF_MAX)
        rc = flush(ordered, err);
    if (rc == BKT_OK)
        rc = bkt_asker_wait(ordered->asker, &head->question.is_answered, err);
    if (rc)
        return rc;
    ordered->first = (ordered->first + 1) % ordered->cap;
    ordered->count--;
    return settle(ordered, head, err);
}

static int on_row(void *ctx,
                  enum bkt_difference difference,
                  const struct bkt_object *object,
                  const struct bkt_state_row *row,
                  struct bkt_error *err)
{
    (void)difference;
    (void)row;
    struct ordered *ordered = ctx;
    const struct bkt_settings *settings = ordered->asker->bucket.settings;
    int rc = BKT_OK;
    while (rc == BKT_OK && ordered->count > 0 &&
           (ordered->count == ordered->cap ||
            ordered->reserved + object->size > settings->memory_limit))
        rc = shift(ordered, err);
    if (rc == BKT_OK && ordered->reserved + object->size > settings->memory_limit)
        rc = flush(ordered, err);
    if (rc)
        return rc;
    struct reading *reading = bkt_mem_calloc(1, sizeof(*reading) + object->key.len);
    if (!reading)
        return bkt_error_set(err, BKT_ENOMEM, "read an object: out of memory");
    reading->key_len = object->key.len;
    memcpy(reading->key, object->key.ptr, object->key.len);
    reading->question.bytes_max = settings->max_file_size;
    reading->size = object->size;
    reading->modified_ms = object->last_modified_ms;
    rc = bkt_asker_start(ordered->asker, object->key, object->size, &reading->question, err);
    if (rc) {
        bkt_mem_free(reading);
        return rc;
    }
    ordered->reserved += object->size;
    ordered->ring[(ordered->first + ordered->count++) % ordered->cap] = reading;
    return BKT_OK;
}

static void clear(struct ordered *ordered)
{
    bkt_s3_cancel_all(ordered->asker->bucket.s3);
    for (size_t i = 0; i < ordered->count; i++)
        free_reading(ordered, ordered->ring[(ordered->first + i) % ordered->cap]);
    for (size_t i = 0; i < ordered->shelf_count; i++)
        free_reading(ordered, ordered->shelf[i]);
    bkt_mem_free(ordered->ring);
}

int bkt_rows_walk_ordered(struct bkt_asker *asker, struct bkt_feed *feed, struct bkt_error *err)
{
    const struct bkt_settings *settings = asker->bucket.settings;
    struct ordered ordered = {
        .asker = asker,
        .feed = feed,
        .ops = bkt_feed_ops("rows", 0),
        .cap = settings->get_concurrency,
    };
    ordered.ring = bkt_mem_calloc(ordered.cap, sizeof(struct reading *));
    if (!ordered.ring)
        return bkt_error_set(err, BKT_ENOMEM, "walk the rows: out of memory");
    struct bkt_merge_counts counts = {0};
    int rc = bkt_walk_bucket(asker, &counts, on_row, &ordered, err);
    while (rc == BKT_OK && ordered.count > 0)
        rc = shift(&ordered, err);
    if (rc == BKT_OK)
        rc = flush(&ordered, err);
    clear(&ordered);
    return rc;
}
