/*
 * The bucket: a computed key set (keys.h) under what has been put, changed and removed since.
 *
 * Computed objects have computed content too: a function of key number, seed and generation.  What
 * is put for real lies in memory.  Keys are bytes and compare with memcmp.
 */
#ifndef STUB_BUCKET_H
#define STUB_BUCKET_H

#include "keys.h"

enum { STUB_ETAG_LEN = 32 };

/* Computed bytes: a line with 32 hexadecimal digits of `seed`, then ASCII text. */
struct stub_content {
    uint64_t seed;
    uint64_t size;
};

/* `len` bytes from `offset`; the caller keeps within `size`. */
void stub_content_read(struct stub_content content, uint64_t offset, char *out, size_t len);

/* What is known of one object; views are valid until the bucket is changed. */
struct stub_object {
    struct bkt_str key;
    char key_bytes[STUB_KEY_BYTES_MAX]; /* where `key` points for a computed key */
    int64_t modified_ms;
    struct stub_content content; /* its size holds for real content too */
    const char *real;            /* NULL when the content is computed */
    struct bkt_str headers;      /* "Name: value" lines that came with a PUT */
    char etag[STUB_ETAG_LEN];
};

struct stub_bucket_options {
    enum stub_shape shape;
    uint64_t count;
    uint64_t seed;
    uint64_t object_size; /* of each object, or the mean of the distribution */
    bool lognormal;       /* sizes vary: sigma 1.5, at most 64 times the mean */
    bool md5;             /* ETags are the MD5 of the content, as in S3; else cheap */
};

struct stub_extra;

struct stub_bucket {
    struct stub_bucket_options options;
    struct stub_keys keys;
    uint8_t *states; /* of computed objects: GONE or a generation */
    uint64_t base_gone;
    struct stub_extra **extras; /* put or added, in key order */
    size_t extra_count;
    size_t extra_cap;
    uint64_t *size_table; /* quantiles of the size distribution */
};

void stub_bucket_init(struct stub_bucket *bucket, const struct stub_bucket_options *options);
void stub_bucket_clear(struct stub_bucket *bucket);

uint64_t stub_bucket_count(const struct stub_bucket *bucket);

bool stub_bucket_find(const struct stub_bucket *bucket,
                      struct bkt_str key,
                      struct stub_object *out_object);

/* Create or replace; `body` and `headers` are copied. */
void stub_bucket_put(struct stub_bucket *bucket,
                     struct bkt_str key,
                     struct bkt_str body,
                     struct bkt_str headers,
                     int64_t now_ms);
/* Create with computed content, or change the content of what is there. */
void stub_bucket_touch(struct stub_bucket *bucket, struct bkt_str key, int64_t now_ms);
/* False when there is no such object. */
bool stub_bucket_delete(struct stub_bucket *bucket, struct bkt_str key);

struct stub_touch {
    double percent; /* of the computed objects, chosen by `seed` */
    uint64_t seed;
    bool change; /* each chosen object meets one of the kinds that are set */
    bool remove;
    bool add; /* a new object right behind it */
};

struct stub_touched {
    uint64_t changed;
    uint64_t removed;
    uint64_t added;
};

struct stub_touched stub_bucket_touch_fraction(struct stub_bucket *bucket,
                                               const struct stub_touch *touch,
                                               int64_t now_ms);

/* A place between two keys.  A change of the bucket makes it invalid. */
struct stub_cursor {
    const struct stub_bucket *bucket;
    uint64_t base;
    size_t extra;
    size_t base_key_len; /* 0: key number `base` is not computed yet */
    char base_key[STUB_KEY_BYTES_MAX];
};

/* Before the first key that is not below `key`. */
void stub_cursor_seek(struct stub_cursor *cursor,
                      const struct stub_bucket *bucket,
                      struct bkt_str key);
/* The next object in key order, or false. */
bool stub_cursor_next(struct stub_cursor *cursor, struct stub_object *out_object);

#endif
