#include "keys.h"

#include "stamp.h"

#include <stdlib.h>

#define DEEP_PREFIX "m/tenant-0001/eu-west-1/archive/2024/raw/json"
#define DAY_MS      (INT64_C(86400) * 1000)

enum { DATES_DIRS = 365, ZIPF_DIRS_MAX = 10000, DEEP_PREFIX_LEN = sizeof(DEEP_PREFIX) - 1 };

static const int64_t isots_begin_ms = INT64_C(1704067200000); /* 2024-01-01T00:00:00Z */
static const int64_t dates_begin_ms = INT64_C(1735689600000); /* 2025-01-01T00:00:00Z */

bool stub_shape_parse(const char *name, enum stub_shape *out_shape)
{
    static const char *const names[] = {"hex", "dates", "deep", "isots", "zipf", "flat"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) == 0) {
            *out_shape = (enum stub_shape)i;
            return true;
        }
    }
    return false;
}

/* Number `value` in exactly `width` digits. */
static char *put_padded(char *out, uint64_t value, int width)
{
    for (int i = width - 1; i >= 0; i--) {
        out[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return out + width;
}

static char *put(char *out, const char *text, size_t len)
{
    memcpy(out, text, len);
    return out + len;
}

static char *put_hash(char *out, const struct stub_keys *keys, uint64_t i)
{
    char hex[16];
    stub_hex64(hex, stub_mix(keys->seed ^ stub_mix(i)));
    return put(out, hex, 8);
}

/* Evenly spread 128-bit numbers: the upper half rises by `step` and some jitter below it. */
static char *put_spread(char *out, uint64_t step, uint64_t seed, uint64_t i)
{
    uint64_t hash = stub_mix(seed ^ stub_mix(i));
    stub_hex64(out, i * step + hash % step);
    stub_hex64(out + 16, stub_mix(hash));
    return out + 32;
}

/* Sizes by Zipf's law, dealt to directories in an order that has nothing to do with their names. */
static void zipf_init(struct stub_keys *keys)
{
    uint64_t dirs = keys->count / 100;
    dirs = dirs < 1 ? 1 : dirs > ZIPF_DIRS_MAX ? ZIPF_DIRS_MAX : dirs;
    double sum = 0;
    for (uint64_t rank = 1; rank <= dirs; rank++)
        sum += 1.0 / (double)rank;

    uint64_t *rank_of = stub_alloc(dirs * sizeof(*rank_of));
    for (uint64_t i = 0; i < dirs; i++)
        rank_of[i] = i + 1;
    for (uint64_t i = dirs - 1; i > 0; i--) {
        uint64_t other = stub_mix(keys->seed ^ ~i) % (i + 1);
        uint64_t rank = rank_of[i];
        rank_of[i] = rank_of[other];
        rank_of[other] = rank;
    }
    keys->dir_count = dirs;
    keys->dir_first = stub_alloc((dirs + 1) * sizeof(*keys->dir_first));
    double before = 0;
    for (uint64_t i = 0; i < dirs; i++) {
        keys->dir_first[i] = (uint64_t)(before / sum * (double)keys->count);
        before += 1.0 / (double)rank_of[i];
    }
    keys->dir_first[dirs] = keys->count;
    keys->step = UINT64_MAX / dirs;
    free(rank_of);
}

void stub_keys_init(struct stub_keys *keys, enum stub_shape shape, uint64_t count, uint64_t seed)
{
    *keys = (struct stub_keys){.shape = shape, .count = count, .seed = seed};
    if (count == 0)
        return;
    if (shape == STUB_SHAPE_HEX)
        keys->step = UINT64_MAX / count;
    if (shape == STUB_SHAPE_ISOTS) {
        uint64_t step = (uint64_t)DAY_MS * 365 / count;
        keys->step = step > 0 ? step : 1;
    }
    if (shape == STUB_SHAPE_ZIPF)
        zipf_init(keys);
}

void stub_keys_clear(struct stub_keys *keys)
{
    free(keys->dir_first);
    *keys = (struct stub_keys){0};
}

static char *put_dates_key(const struct stub_keys *keys, uint64_t i, char *out)
{
    uint64_t day = i * DATES_DIRS / keys->count;
    uint64_t first = (day * keys->count + DATES_DIRS - 1) / DATES_DIRS;
    char iso[STUB_STAMP_ISO_BYTES];
    stub_stamp_iso(dates_begin_ms + (int64_t)day * DAY_MS, iso);
    out = put(out, iso, 10);
    out = put(out, "/part-", 6);
    out = put_padded(out, i - first, 8);
    *out++ = '-';
    return put(put_hash(out, keys, i), ".json", 5);
}

static char *put_deep_key(const struct stub_keys *keys, uint64_t i, char *out)
{
    uint64_t side = keys->count / 20;
    if (i < side) {
        out = put(out, "a/", 2);
    } else if (i < keys->count - side) {
        out = put(out, DEEP_PREFIX, DEEP_PREFIX_LEN);
        i -= side;
    } else {
        out = put(out, "z/", 2);
        i -= keys->count - side;
    }
    return put_padded(out, i, 10);
}

static char *put_isots_key(const struct stub_keys *keys, uint64_t i, char *out)
{
    uint64_t jitter = stub_mix(keys->seed ^ i) % keys->step;
    stub_stamp_iso(isots_begin_ms + (int64_t)(i * keys->step + jitter), out);
    out += 24;
    *out++ = '-';
    return put(put_hash(out, keys, i), ".log", 4);
}

static char *put_zipf_key(const struct stub_keys *keys, uint64_t i, char *out)
{
    uint64_t low = 0;
    uint64_t high = keys->dir_count;
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        if (keys->dir_first[middle] <= i)
            low = middle;
        else
            high = middle;
    }
    out = put_spread(out, keys->step, keys->seed, low);
    out = put(out, "/file-", 6);
    out = put_padded(out, i - keys->dir_first[low], 8);
    return put(out, ".txt", 4);
}

size_t stub_keys_at(const struct stub_keys *keys, uint64_t i, char out[STUB_KEY_BYTES_MAX])
{
    char *end = out;
    switch (keys->shape) {
    case STUB_SHAPE_HEX:
        end = put_spread(out, keys->step, keys->seed, i);
        break;
    case STUB_SHAPE_DATES:
        end = put_dates_key(keys, i, out);
        break;
    case STUB_SHAPE_DEEP:
        end = put_deep_key(keys, i, out);
        break;
    case STUB_SHAPE_ISOTS:
        end = put_isots_key(keys, i, out);
        break;
    case STUB_SHAPE_ZIPF:
        end = put_zipf_key(keys, i, out);
        break;
    case STUB_SHAPE_FLAT:
        end = put(out, "object-", 7);
        end = put(put_padded(end, i, 9), ".txt", 4);
        break;
    }
    return (size_t)(end - out);
}

uint64_t stub_keys_seek(const struct stub_keys *keys, struct bkt_str key)
{
    uint64_t low = 0;
    uint64_t high = keys->count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        char at[STUB_KEY_BYTES_MAX];
        struct bkt_str candidate = {at, stub_keys_at(keys, middle, at)};
        if (bkt_str_cmp(candidate, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
