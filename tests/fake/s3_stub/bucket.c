#include "bucket.h"

#include <math.h>
#include <openssl/evp.h>
#include <stdlib.h>

enum { POOL_BYTES = 65536, GONE = 0x80, GENERATION_MAX = 0x7f, QUANTILES = 4096 };

static const int64_t base_modified_ms = INT64_C(1704067200000); /* 2024-01-01T00:00:00Z */

struct stub_extra {
    struct bkt_str key;  /* all three are behind the struct */
    struct bkt_str body; /* real content; `ptr` is NULL when computed */
    struct bkt_str headers;
    int64_t modified_ms;
    uint64_t generation;
    char etag[STUB_ETAG_LEN];
};

/* Twice the pool, so that every piece of up to POOL_BYTES lies in one run. */
static const char *content_pool(void)
{
    static char pool[2 * POOL_BYTES];
    static const char words[] = "the quick brown fox jumps over the lazy dog and tells nobody\n";
    if (pool[0] == '\0') {
        for (size_t i = 0; i < POOL_BYTES; i++)
            pool[i] = words[(i + i / 1021) % (sizeof(words) - 1)];
        memcpy(pool + POOL_BYTES, pool, POOL_BYTES);
    }
    return pool;
}

/* Like that of a multipart upload, which is no MD5: clients do not check it against the content. */
static void cheap_etag(uint64_t seed, char out[STUB_ETAG_LEN])
{
    stub_hex64(out, seed);
    stub_hex64(out + 16, stub_mix(seed));
    out[STUB_ETAG_LEN - 2] = '-';
    out[STUB_ETAG_LEN - 1] = '2';
}

void stub_content_read(struct stub_content content, uint64_t offset, char *out, size_t len)
{
    if (offset <= STUB_ETAG_LEN) {
        char line[STUB_ETAG_LEN + 1];
        cheap_etag(content.seed, line);
        line[STUB_ETAG_LEN] = '\n';
        size_t part = sizeof(line) - (size_t)offset;
        part = part < len ? part : len;
        memcpy(out, line + offset, part);
        out += part;
        offset += part;
        len -= part;
    }
    const char *pool = content_pool();
    while (len > 0) {
        size_t part = len < POOL_BYTES ? len : POOL_BYTES;
        memcpy(out, pool + (content.seed + offset) % POOL_BYTES, part);
        out += part;
        offset += part;
        len -= part;
    }
}

static void put_digest(EVP_MD_CTX *ctx, char out[STUB_ETAG_LEN])
{
    unsigned char digest[EVP_MAX_MD_SIZE] = {0};
    EVP_DigestFinal_ex(ctx, digest, NULL);
    for (size_t i = 0; i < 2; i++) {
        uint64_t half = 0;
        for (size_t j = 0; j < 8; j++)
            half = half << 8 | digest[8 * i + j];
        stub_hex64(out + 16 * i, half);
    }
}

static void real_etag(struct bkt_str body, char out[STUB_ETAG_LEN])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_DigestInit_ex(ctx, EVP_md5(), NULL);
    EVP_DigestUpdate(ctx, body.ptr, body.len);
    put_digest(ctx, out);
    EVP_MD_CTX_free(ctx);
}

static void content_md5(struct stub_content content, char out[STUB_ETAG_LEN])
{
    static EVP_MD_CTX *ctx;
    if (ctx == NULL)
        ctx = EVP_MD_CTX_new();
    EVP_DigestInit_ex(ctx, EVP_md5(), NULL);
    char piece[16384];
    for (uint64_t offset = 0; offset < content.size;) {
        uint64_t left = content.size - offset;
        size_t len = left < sizeof(piece) ? (size_t)left : sizeof(piece);
        stub_content_read(content, offset, piece, len);
        EVP_DigestUpdate(ctx, piece, len);
        offset += len;
    }
    put_digest(ctx, out);
}

/* The standard normal distribution's quantile by bisection; QUANTILES of them, once. */
static double normal_quantile(double p)
{
    double low = -8;
    double high = 8;
    for (int i = 0; i < 50; i++) {
        double middle = (low + high) / 2;
        if (0.5 * erfc(-middle / 1.4142135623730951) < p)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static void make_size_table(struct stub_bucket *bucket)
{
    const double sigma = 1.5;
    double mean = (double)bucket->options.object_size;
    double mu = log(mean > 0 ? mean : 1) - sigma * sigma / 2;
    bucket->size_table = stub_alloc(QUANTILES * sizeof(*bucket->size_table));
    for (size_t i = 0; i < QUANTILES; i++) {
        double size = exp(mu + sigma * normal_quantile(((double)i + 0.5) / QUANTILES));
        bucket->size_table[i] = (uint64_t)(size < 64 * mean ? size : 64 * mean);
    }
}

void stub_bucket_init(struct stub_bucket *bucket, const struct stub_bucket_options *options)
{
    *bucket = (struct stub_bucket){.options = *options};
    stub_keys_init(&bucket->keys, options->shape, options->count, options->seed);
    bucket->states = stub_alloc(options->count);
    if (options->lognormal)
        make_size_table(bucket);
}

void stub_bucket_clear(struct stub_bucket *bucket)
{
    for (size_t i = 0; i < bucket->extra_count; i++)
        free(bucket->extras[i]);
    free(bucket->extras);
    free(bucket->states);
    free(bucket->size_table);
    stub_keys_clear(&bucket->keys);
    *bucket = (struct stub_bucket){0};
}

uint64_t stub_bucket_count(const struct stub_bucket *bucket)
{
    return bucket->options.count - bucket->base_gone + bucket->extra_count;
}

static uint64_t hash_key(struct bkt_str key)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ (unsigned char)key.ptr[i]) * 0x100000001b3u;
    return hash;
}

/* Content, size and ETag of a computed object: `hash` stands for the key. */
static void fill_computed(const struct stub_bucket *bucket,
                          uint64_t hash,
                          uint64_t generation,
                          struct stub_object *object)
{
    uint64_t seed = stub_mix(bucket->options.seed + hash + generation * 0x9e3779b97f4a7c15u);
    object->content.seed = seed;
    object->content.size = bucket->options.object_size;
    if (bucket->size_table != NULL)
        object->content.size = bucket->size_table[seed % QUANTILES];
    if (bucket->options.md5)
        content_md5(object->content, object->etag);
    else
        cheap_etag(seed, object->etag);
    object->real = NULL;
    object->headers = BKT_STR("");
}

static void fill_base(const struct stub_bucket *bucket, uint64_t i, struct stub_object *object)
{
    uint64_t generation = bucket->states[i];
    uint64_t hash = stub_mix(i);
    fill_computed(bucket, hash, generation, object);
    /* A change moves the time by an hour, so that it is visible without reading the clock. */
    object->modified_ms =
        base_modified_ms + (int64_t)(hash % (300 * 86400) + generation * 3600) * 1000;
}

static void fill_extra(const struct stub_bucket *bucket,
                       const struct stub_extra *extra,
                       struct stub_object *object)
{
    object->key = extra->key;
    if (extra->body.ptr == NULL) {
        fill_computed(bucket, hash_key(extra->key), extra->generation, object);
    } else {
        object->real = extra->body.ptr;
        object->content = (struct stub_content){.size = extra->body.len};
        memcpy(object->etag, extra->etag, STUB_ETAG_LEN);
        object->headers = extra->headers;
    }
    object->modified_ms = extra->modified_ms;
}

static size_t extra_seek(const struct stub_bucket *bucket, struct bkt_str key)
{
    size_t low = 0;
    size_t high = bucket->extra_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (bkt_str_cmp(bucket->extras[middle]->key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool extra_find(const struct stub_bucket *bucket, struct bkt_str key, size_t *out_at)
{
    *out_at = extra_seek(bucket, key);
    return *out_at < bucket->extra_count && bkt_str_eq(bucket->extras[*out_at]->key, key);
}

static bool base_find(const struct stub_bucket *bucket, struct bkt_str key, uint64_t *out_i)
{
    uint64_t i = stub_keys_seek(&bucket->keys, key);
    if (i == bucket->keys.count || bucket->states[i] == GONE)
        return false;
    char at[STUB_KEY_BYTES_MAX];
    *out_i = i;
    return bkt_str_eq(key, (struct bkt_str){at, stub_keys_at(&bucket->keys, i, at)});
}

bool stub_bucket_find(const struct stub_bucket *bucket,
                      struct bkt_str key,
                      struct stub_object *out_object)
{
    size_t at;
    if (extra_find(bucket, key, &at)) {
        fill_extra(bucket, bucket->extras[at], out_object);
        return true;
    }
    uint64_t i;
    if (!base_find(bucket, key, &i))
        return false;
    memcpy(out_object->key_bytes, key.ptr, key.len);
    out_object->key = (struct bkt_str){out_object->key_bytes, key.len};
    fill_base(bucket, i, out_object);
    return true;
}

static struct stub_extra *extra_new(struct bkt_str key,
                                    struct bkt_str body,
                                    struct bkt_str headers,
                                    int64_t now_ms)
{
    struct stub_extra *extra =
        stub_alloc(sizeof(struct stub_extra) + key.len + body.len + headers.len + 1);
    char *at = (char *)(extra + 1);
    extra->key = (struct bkt_str){memcpy(at, key.ptr, key.len), key.len};
    at += key.len;
    if (headers.len > 0)
        extra->headers = (struct bkt_str){memcpy(at, headers.ptr, headers.len), headers.len};
    at += headers.len;
    if (body.ptr != NULL)
        extra->body = (struct bkt_str){memcpy(at, body.ptr, body.len), body.len};
    extra->modified_ms = now_ms;
    return extra;
}

/* At the end, without order. */
static void extra_append(struct stub_bucket *bucket, struct stub_extra *extra)
{
    if (bucket->extra_count == bucket->extra_cap) {
        bucket->extra_cap = bucket->extra_cap == 0 ? 64 : 2 * bucket->extra_cap;
        bucket->extras =
            stub_realloc(bucket->extras, bucket->extra_cap * sizeof(struct stub_extra *));
    }
    bucket->extras[bucket->extra_count++] = extra;
}

static void extra_insert(struct stub_bucket *bucket, struct stub_extra *extra)
{
    size_t at = extra_seek(bucket, extra->key);
    extra_append(bucket, extra);
    memmove(bucket->extras + at + 1, bucket->extras + at,
            (bucket->extra_count - 1 - at) * sizeof(struct stub_extra *));
    bucket->extras[at] = extra;
}

bool stub_bucket_delete(struct stub_bucket *bucket, struct bkt_str key)
{
    size_t at;
    if (extra_find(bucket, key, &at)) {
        free(bucket->extras[at]);
        bucket->extra_count--;
        memmove(bucket->extras + at, bucket->extras + at + 1,
                (bucket->extra_count - at) * sizeof(struct stub_extra *));
        return true;
    }
    uint64_t i;
    if (!base_find(bucket, key, &i))
        return false;
    bucket->states[i] = GONE;
    bucket->base_gone++;
    return true;
}

void stub_bucket_put(struct stub_bucket *bucket,
                     struct bkt_str key,
                     struct bkt_str body,
                     struct bkt_str headers,
                     int64_t now_ms)
{
    if (body.ptr == NULL)
        body = BKT_STR("");
    struct stub_extra *extra = extra_new(key, body, headers, now_ms);
    real_etag(extra->body, extra->etag);
    stub_bucket_delete(bucket, key);
    extra_insert(bucket, extra);
}

void stub_bucket_touch(struct stub_bucket *bucket, struct bkt_str key, int64_t now_ms)
{
    uint64_t i;
    size_t at;
    if (base_find(bucket, key, &i) && bucket->states[i] < GENERATION_MAX) {
        bucket->states[i]++;
        return;
    }
    uint64_t generation = 0;
    if (extra_find(bucket, key, &at))
        generation = bucket->extras[at]->generation + 1;
    struct stub_extra *extra = extra_new(key, (struct bkt_str){0}, BKT_STR(""), now_ms);
    extra->generation = generation;
    stub_bucket_delete(bucket, key);
    extra_insert(bucket, extra);
}

static int compare_extras(const void *a, const void *b)
{
    const struct stub_extra *const *left = a;
    const struct stub_extra *const *right = b;
    return bkt_str_cmp((*left)->key, (*right)->key);
}

/*
 * An object right behind key `i`, with the same ending, so that patterns treat both alike; NULL
 * when it is there already.
 */
static struct stub_extra *new_neighbor(const struct stub_bucket *bucket,
                                       uint64_t i,
                                       uint64_t seed,
                                       int64_t now_ms)
{
    char key[STUB_KEY_BYTES_MAX + 64];
    size_t len = stub_keys_at(&bucket->keys, i, key);
    size_t dot = len;
    while (dot > 0 && key[dot - 1] != '.' && key[dot - 1] != '/')
        dot--;
    size_t end = len;
    memcpy(key + end, "-added-", 7);
    end += 7;
    end += stub_decimal(key + end, seed);
    if (dot > 0 && key[dot - 1] == '.') {
        memcpy(key + end, key + dot - 1, len - dot + 1);
        end += len - dot + 1;
    }
    size_t at;
    struct bkt_str name = {key, end};
    if (extra_find(bucket, name, &at))
        return NULL;
    return extra_new(name, (struct bkt_str){0}, BKT_STR(""), now_ms);
}

struct stub_touched stub_bucket_touch_fraction(struct stub_bucket *bucket,
                                               const struct stub_touch *touch,
                                               int64_t now_ms)
{
    char kinds[3];
    size_t kind_count = 0;
    if (touch->change)
        kinds[kind_count++] = 'c';
    if (touch->remove)
        kinds[kind_count++] = 'r';
    if (touch->add)
        kinds[kind_count++] = 'a';

    /* What is added waits in a list of its own: lookups need the other one sorted. */
    struct stub_bucket added = {0};
    struct stub_touched touched = {0};
    uint64_t limit = (uint64_t)(touch->percent / 100 * 4294967296.0);
    for (uint64_t i = 0; kind_count > 0 && i < bucket->keys.count; i++) {
        uint64_t hash = stub_mix(touch->seed ^ stub_mix(~i));
        if (bucket->states[i] >= GENERATION_MAX || hash >> 32 >= limit)
            continue;
        char kind = kinds[(hash & 0xffffffff) % kind_count];
        if (kind == 'c') {
            bucket->states[i]++;
            touched.changed++;
        } else if (kind == 'r') {
            bucket->states[i] = GONE;
            bucket->base_gone++;
            touched.removed++;
        } else {
            struct stub_extra *extra = new_neighbor(bucket, i, touch->seed, now_ms);
            if (extra != NULL)
                extra_append(&added, extra);
        }
    }
    touched.added = added.extra_count;
    for (size_t i = 0; i < added.extra_count; i++)
        extra_append(bucket, added.extras[i]);
    free(added.extras);
    qsort(bucket->extras, bucket->extra_count, sizeof(struct stub_extra *), compare_extras);
    return touched;
}

void stub_cursor_seek(struct stub_cursor *cursor,
                      const struct stub_bucket *bucket,
                      struct bkt_str key)
{
    cursor->bucket = bucket;
    cursor->base = stub_keys_seek(&bucket->keys, key);
    cursor->extra = extra_seek(bucket, key);
    cursor->base_key_len = 0;
}

bool stub_cursor_next(struct stub_cursor *cursor, struct stub_object *out_object)
{
    const struct stub_bucket *bucket = cursor->bucket;
    while (cursor->base < bucket->keys.count && bucket->states[cursor->base] == GONE) {
        cursor->base++;
        cursor->base_key_len = 0;
    }
    bool have_base = cursor->base < bucket->keys.count;
    if (have_base && cursor->base_key_len == 0)
        cursor->base_key_len = stub_keys_at(&bucket->keys, cursor->base, cursor->base_key);
    struct bkt_str base_key = {cursor->base_key, cursor->base_key_len};

    if (cursor->extra < bucket->extra_count) {
        const struct stub_extra *extra = bucket->extras[cursor->extra];
        if (!have_base || bkt_str_cmp(extra->key, base_key) < 0) {
            fill_extra(bucket, extra, out_object);
            cursor->extra++;
            return true;
        }
    }
    if (!have_base)
        return false;
    memcpy(out_object->key_bytes, cursor->base_key, cursor->base_key_len);
    out_object->key = (struct bkt_str){out_object->key_bytes, cursor->base_key_len};
    fill_base(bucket, cursor->base, out_object);
    cursor->base++;
    cursor->base_key_len = 0;
    return true;
}
