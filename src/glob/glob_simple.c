#include "glob/glob_simple.h"

#include "core/mem.h"

#define NO_STAR UINT32_MAX

/* For what the branches of a group have in common, written out. */
enum { BYTES_SPARE = 1 << 10 };

/* One way through the program, as far as it has been walked. */
struct walk {
    uint32_t at;
    uint32_t len;  /* of its literals */
    uint32_t star; /* how many of them come before its star */
};

struct expansion {
    const struct bkt_glob_program *program;
    struct walk waiting[BKT_GLOB_SIMPLES_MAX];
    size_t waiting_count;
    struct bkt_glob_simples simples;
    char *bytes; /* the walk's literals are written behind those that are finished */
    size_t bytes_max;
    size_t used;
};

static bool finish_walk(struct expansion *expansion, const struct walk *walk)
{
    size_t next = expansion->used + walk->len;
    bool star = walk->star != NO_STAR;
    uint32_t head_len = star ? walk->star : walk->len;
    const char *ptr = expansion->bytes + expansion->used;
    expansion->simples.items[expansion->simples.count++] = (struct bkt_glob_simple){
        .head = {ptr, head_len},
        .tail = {ptr + head_len, walk->len - head_len},
        .star = star,
    };
    /* Those that wait share their first bytes with this one, which now stay behind it. */
    size_t shared = 0;
    for (size_t i = 0; i < expansion->waiting_count; i++) {
        if (expansion->waiting[i].len > shared)
            shared = expansion->waiting[i].len;
    }
    if (next + shared > expansion->bytes_max)
        return false;
    memcpy(expansion->bytes + next, ptr, shared);
    expansion->used = next;
    return true;
}

/* Walk on to MATCH, leaving other ways for later; false when this is no simple glob. */
static bool finish_next(struct expansion *expansion)
{
    const struct bkt_glob_inst *insts = expansion->program->insts;
    struct walk walk = expansion->waiting[--expansion->waiting_count];

    for (;; walk.at++) {
        const struct bkt_glob_inst *inst = &insts[walk.at];
        switch (inst->op) {
        case BKT_GLOB_OP_BYTE:
            if (expansion->used + walk.len == expansion->bytes_max)
                return false;
            expansion->bytes[expansion->used + walk.len++] = (char)(unsigned char)inst->arg;
            break;
        case BKT_GLOB_OP_STAR:
            if (walk.star != NO_STAR && walk.star != walk.len)
                return false;
            walk.star = walk.len;
            break;
        case BKT_GLOB_OP_SPLIT:
            if (expansion->simples.count + expansion->waiting_count + 1 == BKT_GLOB_SIMPLES_MAX)
                return false;
            expansion->waiting[expansion->waiting_count] = walk;
            expansion->waiting[expansion->waiting_count++].at = inst->arg;
            break;
        case BKT_GLOB_OP_JUMP:
            walk.at = inst->arg - 1;
            break;
        case BKT_GLOB_OP_MATCH:
            return finish_walk(expansion, &walk);
        case BKT_GLOB_OP_ANY:
        case BKT_GLOB_OP_CLASS:
            return false;
        }
    }
}

int bkt_glob_simples_make(const struct bkt_glob_program *program,
                          struct bkt_glob_simples *out_simples,
                          struct bkt_error *err)
{
    struct expansion expansion = {.program = program};
    *out_simples = (struct bkt_glob_simples){0};

    expansion.bytes_max = program->count + BYTES_SPARE;
    expansion.bytes = bkt_mem_alloc(expansion.bytes_max);
    expansion.simples.bytes = expansion.bytes;
    expansion.simples.items =
        bkt_mem_calloc(BKT_GLOB_SIMPLES_MAX, sizeof(*expansion.simples.items));
    if (!expansion.bytes || !expansion.simples.items) {
        bkt_glob_simples_clear(&expansion.simples);
        return bkt_error_set(err, BKT_ENOMEM, "compile a glob pattern: out of memory");
    }

    expansion.waiting[expansion.waiting_count++] = (struct walk){.star = NO_STAR};
    bool simple = true;
    while (simple && expansion.waiting_count > 0)
        simple = finish_next(&expansion);
    if (!simple)
        bkt_glob_simples_clear(&expansion.simples);
    *out_simples = expansion.simples;
    return BKT_OK;
}

void bkt_glob_simples_clear(struct bkt_glob_simples *simples)
{
    bkt_mem_free(simples->items);
    bkt_mem_free(simples->bytes);
    *simples = (struct bkt_glob_simples){0};
}
