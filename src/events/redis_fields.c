#include "events/redis_fields.h"

#include "core/hash.h"
#include "core/mem.h"

enum { SLOTS_MIN = 256 };

struct bkt_redis_field {
    uint64_t hash; /* 0: a free slot */
    uint64_t digest;
    char *name; /* NULL: not kept */
    uint32_t name_len;
    uint32_t round;
};

/* Two unrelated seeds: what collides in one does not in the other. */
static uint64_t hash_of(struct bkt_str field)
{
    uint64_t hash = bkt_hash(field, 1);
    return hash ? hash : 1;
}

void bkt_redis_fields_clear(struct bkt_redis_fields *fields)
{
    for (size_t i = 0; i < fields->slot_count; i++)
        bkt_mem_free(fields->slots[i].name);
    bkt_mem_free(fields->slots);
    *fields = (struct bkt_redis_fields){.named_max = fields->named_max};
}

void bkt_redis_fields_begin(struct bkt_redis_fields *fields)
{
    fields->round++;
}

static struct bkt_redis_field *slot_of(struct bkt_redis_field *slots, size_t count, uint64_t hash)
{
    size_t at = hash & (count - 1);
    while (slots[at].hash != 0 && slots[at].hash != hash)
        at = (at + 1) & (count - 1);
    return &slots[at];
}

static int grow(struct bkt_redis_fields *fields)
{
    size_t count = fields->slot_count ? fields->slot_count * 2 : SLOTS_MIN;
    struct bkt_redis_field *slots = bkt_mem_calloc(count, sizeof(*slots));
    if (!slots)
        return BKT_ENOMEM;
    for (size_t i = 0; i < fields->slot_count; i++) {
        if (fields->slots[i].hash != 0)
            *slot_of(slots, count, fields->slots[i].hash) = fields->slots[i];
    }
    bkt_mem_free(fields->slots);
    fields->slots = slots;
    fields->slot_count = count;
    return BKT_OK;
}

int bkt_redis_fields_see(struct bkt_redis_fields *fields,
                         struct bkt_str field,
                         struct bkt_str value,
                         bool *out_is_changed)
{
    if ((fields->count + 1) * 4 > fields->slot_count * 3) {
        int rc = grow(fields);
        if (rc)
            return rc;
    }
    uint64_t hash = hash_of(field);
    uint64_t digest = bkt_hash(value, 2);
    struct bkt_redis_field *slot = slot_of(fields->slots, fields->slot_count, hash);
    *out_is_changed = slot->hash == 0 || slot->digest != digest;
    if (slot->hash == 0) {
        size_t named_max = fields->named_max ? fields->named_max : BKT_REDIS_FIELDS_NAMED_MAX;
        char *name = NULL;
        if (fields->named_count < named_max) {
            name = bkt_mem_strdup(field.ptr, field.len);
            if (!name)
                return BKT_ENOMEM;
            fields->named_count++;
        }
        *slot =
            (struct bkt_redis_field){.hash = hash, .name = name, .name_len = (uint32_t)field.len};
        fields->count++;
    }
    slot->digest = digest;
    slot->round = fields->round;
    return BKT_OK;
}

/* Take one out and close the gap, so that later ones of its chain are still found. */
static void take_out(struct bkt_redis_fields *fields, size_t at)
{
    size_t mask = fields->slot_count - 1;
    size_t hole = at;
    for (size_t next = (at + 1) & mask; fields->slots[next].hash != 0; next = (next + 1) & mask) {
        size_t home = fields->slots[next].hash & mask;
        bool may_move = ((next - home) & mask) >= ((next - hole) & mask);
        if (!may_move)
            continue;
        fields->slots[hole] = fields->slots[next];
        hole = next;
    }
    fields->slots[hole] = (struct bkt_redis_field){0};
    fields->count--;
}

size_t bkt_redis_fields_sweep(struct bkt_redis_fields *fields,
                              struct bkt_str *names,
                              size_t max,
                              bool *out_nameless)
{
    size_t found = 0;
    *out_nameless = false;
    for (size_t at = 0; at < fields->slot_count && found < max;) {
        struct bkt_redis_field *slot = &fields->slots[at];
        if (slot->hash == 0 || slot->round == fields->round) {
            at++;
            continue;
        }
        if (slot->name) {
            names[found++] = (struct bkt_str){slot->name, slot->name_len};
            fields->named_count--;
        } else {
            *out_nameless = true;
        }
        take_out(fields, at); /* another may have come to this place: look at it again */
    }
    return found;
}
