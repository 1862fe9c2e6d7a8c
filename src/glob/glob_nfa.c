#include "glob/glob_nfa.h"

#include "core/mem.h"

#include <assert.h>

enum {
    STATES_MAX = 64,
    WORDS_MAX = BKT_GLOB_INSTS_MAX / 64 + 1,
};

static bool takes(const struct bkt_glob_program *program,
                  const struct bkt_glob_inst *inst,
                  unsigned char byte)
{
    switch (inst->op) {
    case BKT_GLOB_OP_BYTE:
        return inst->arg == byte;
    case BKT_GLOB_OP_CLASS:
        return bkt_glob_bytes_has(&program->classes[inst->arg], byte);
    case BKT_GLOB_OP_ANY:
    case BKT_GLOB_OP_STAR:
        return true;
    case BKT_GLOB_OP_SPLIT:
    case BKT_GLOB_OP_JUMP:
    case BKT_GLOB_OP_MATCH:
        break;
    }
    return false;
}

static bool is_state(const struct bkt_glob_inst *inst)
{
    return inst->op != BKT_GLOB_OP_SPLIT && inst->op != BKT_GLOB_OP_JUMP;
}

static unsigned count_states(const struct bkt_glob_program *program)
{
    unsigned states = 0;
    for (uint32_t at = program->head_len; at < program->count && states <= STATES_MAX; at++)
        states += is_state(&program->insts[at]);
    return states;
}

/*
 * From the end to the front, so that what an instruction leads to is known: `reach[at]` are the
 * states one is in when at instruction `at`.
 */
static void fill_masks(const struct bkt_glob_program *program,
                       unsigned states,
                       uint64_t *reach,
                       struct bkt_glob_nfa *nfa)
{
    unsigned p = states;
    for (uint32_t at = program->count; at-- > program->head_len;) {
        const struct bkt_glob_inst *inst = &program->insts[at];
        if (!is_state(inst)) {
            reach[at] = reach[inst->arg];
            if (inst->op == BKT_GLOB_OP_SPLIT)
                reach[at] |= reach[at + 1];
            continue;
        }
        assert(p > 0);
        uint64_t self = UINT64_C(1) << --p;
        reach[at] = self;
        if (inst->op == BKT_GLOB_OP_MATCH) {
            nfa->match = self;
            continue;
        }
        uint64_t next = reach[at + 1];
        if (next == self << 1)
            nfa->steps |= self;
        if (inst->op == BKT_GLOB_OP_STAR) {
            nfa->stars |= self;
            reach[at] |= next;
            if (next & nfa->match)
                nfa->everything |= self;
        }
        nfa->follow[p] = next;
        for (unsigned byte = 0; byte < 256; byte++)
            nfa->by_byte[byte] |= takes(program, inst, (unsigned char)byte) ? self : 0;
    }
    nfa->start = reach[program->head_len];
}

int bkt_glob_nfa_make(const struct bkt_glob_program *program,
                      struct bkt_glob_nfa **out_nfa,
                      struct bkt_error *err)
{
    *out_nfa = NULL;
    unsigned states = count_states(program);
    if (states > STATES_MAX)
        return BKT_OK;

    struct bkt_glob_nfa *nfa = bkt_mem_calloc(1, sizeof(*nfa));
    uint64_t *reach = bkt_mem_calloc(program->count, sizeof(*reach));
    if (!nfa || !reach) {
        bkt_mem_free(nfa);
        bkt_mem_free(reach);
        return bkt_error_set(err, BKT_ENOMEM, "compile a glob pattern: out of memory");
    }
    fill_masks(program, states, reach, nfa);
    bkt_mem_free(reach);
    *out_nfa = nfa;
    return BKT_OK;
}

bool bkt_glob_nfa_matches(const struct bkt_glob_nfa *nfa, struct bkt_str rest)
{
    uint64_t now = nfa->start;
    for (size_t i = 0; i < rest.len; i++) {
        if (now & nfa->everything)
            return true;
        uint64_t taken = now & nfa->by_byte[(unsigned char)rest.ptr[i]];
        uint64_t next = (now & nfa->stars) | (taken & nfa->steps) << 1;
        for (uint64_t left = taken & ~nfa->steps; left; left &= left - 1)
            next |= nfa->follow[__builtin_ctzll(left)];
        if (!next)
            return false;
        now = next;
    }
    return now & nfa->match;
}

/* A set of instructions; outside of words [from, to) it is empty and `words` is not written. */
struct states {
    size_t from;
    size_t to;
    uint64_t words[WORDS_MAX];
};

static void add_state(struct states *states, uint32_t at)
{
    size_t word = at / 64;
    if (states->from == states->to)
        states->from = states->to = word;
    while (states->to <= word)
        states->words[states->to++] = 0;
    states->words[word] |= UINT64_C(1) << (at % 64);
}

/*
 * Take `byte` (or none, when it is -1) in every state of `now`, in their order: states that an
 * instruction leads to without a byte are added to `now` ahead of the walk. True when a match is
 * certain: after a star nothing but MATCH follows, or the path has ended in MATCH.
 */
static bool step(const struct bkt_glob_program *program,
                 struct states *now,
                 int byte,
                 struct states *next)
{
    next->from = next->to = 0;
    for (size_t word = now->from; word < now->to; word++) {
        for (uint64_t done = 0; now->words[word] & ~done;) {
            unsigned bit = (unsigned)__builtin_ctzll(now->words[word] & ~done);
            done |= UINT64_C(1) << bit;
            uint32_t at = (uint32_t)word * 64 + bit;
            const struct bkt_glob_inst *inst = &program->insts[at];
            switch (inst->op) {
            case BKT_GLOB_OP_BYTE:
            case BKT_GLOB_OP_ANY:
            case BKT_GLOB_OP_CLASS:
                if (byte >= 0 && takes(program, inst, (unsigned char)byte))
                    add_state(next, at + 1);
                break;
            case BKT_GLOB_OP_STAR:
                if (program->insts[at + 1].op == BKT_GLOB_OP_MATCH)
                    return true;
                add_state(next, at);
                add_state(now, at + 1);
                break;
            case BKT_GLOB_OP_SPLIT:
                add_state(now, at + 1);
                add_state(now, inst->arg);
                break;
            case BKT_GLOB_OP_JUMP:
                add_state(now, inst->arg);
                break;
            case BKT_GLOB_OP_MATCH:
                if (byte < 0)
                    return true;
                break;
            }
        }
    }
    return false;
}

bool bkt_glob_program_matches(const struct bkt_glob_program *program, struct bkt_str rest)
{
    struct states sets[2];
    struct states *now = &sets[0];
    struct states *next = &sets[1];
    now->from = now->to = 0;
    add_state(now, program->head_len);

    for (size_t i = 0; i < rest.len; i++) {
        if (step(program, now, (unsigned char)rest.ptr[i], next))
            return true;
        if (next->from == next->to)
            return false;
        struct states *swap = now;
        now = next;
        next = swap;
    }
    return step(program, now, -1, next);
}
