#include "glob/glob_program.h"

#include "core/mem.h"

/* A group being written; both chains of unpatched instructions go through their `arg`. */
struct frame {
    uint32_t branches_left; /* after the present one */
    uint32_t split;         /* the one that shall lead to the next branch */
    uint32_t jumps;         /* the last jump that shall lead behind the group, or NO_JUMP */
};

#define NO_JUMP UINT32_MAX

struct writer {
    struct bkt_glob_program program;
    uint32_t floor; /* instructions from here on are reached only through each other */
    struct frame frames[BKT_GLOB_DEPTH_MAX];
    size_t depth;
};

static void write_inst(struct writer *writer, enum bkt_glob_op op, uint32_t arg)
{
    writer->program.insts[writer->program.count++] = (struct bkt_glob_inst){.op = op, .arg = arg};
}

static bool ends_in_star(const struct writer *writer)
{
    uint32_t count = writer->program.count;
    return count > writer->floor && writer->program.insts[count - 1].op == BKT_GLOB_OP_STAR;
}

static void write_star(struct writer *writer)
{
    if (!ends_in_star(writer))
        write_inst(writer, BKT_GLOB_OP_STAR, 0);
}

/* Nothing, or anything that ends in `/`; between stars that is no more than they say already. */
static void write_directories(struct writer *writer, const struct bkt_glob_token *next)
{
    if (ends_in_star(writer) || (next && next->kind == BKT_GLOB_TOKEN_STAR))
        return;
    write_inst(writer, BKT_GLOB_OP_SPLIT, writer->program.count + 3);
    write_inst(writer, BKT_GLOB_OP_STAR, 0);
    write_inst(writer, BKT_GLOB_OP_BYTE, '/');
    writer->floor = writer->program.count;
}

static void write_branch_start(struct writer *writer, struct frame *frame)
{
    if (frame->branches_left > 0) {
        frame->split = writer->program.count;
        write_inst(writer, BKT_GLOB_OP_SPLIT, 0);
    }
    writer->floor = writer->program.count;
}

static void write_open(struct writer *writer, uint32_t branches)
{
    struct frame *frame = &writer->frames[writer->depth++];
    *frame = (struct frame){.branches_left = branches - 1, .jumps = NO_JUMP};
    if (branches > 1)
        write_branch_start(writer, frame);
}

static void write_next_branch(struct writer *writer)
{
    struct frame *frame = &writer->frames[writer->depth - 1];
    write_inst(writer, BKT_GLOB_OP_JUMP, frame->jumps);
    frame->jumps = writer->program.count - 1;
    writer->program.insts[frame->split].arg = writer->program.count;
    frame->branches_left--;
    write_branch_start(writer, frame);
}

static void write_close(struct writer *writer)
{
    uint32_t jump = writer->frames[--writer->depth].jumps;
    if (jump != NO_JUMP)
        writer->floor = writer->program.count;
    while (jump != NO_JUMP) {
        uint32_t older = writer->program.insts[jump].arg;
        writer->program.insts[jump].arg = writer->program.count;
        jump = older;
    }
}

/* A class of one byte is that byte, so that it can be part of a literal. */
static void write_class(struct writer *writer, uint32_t index)
{
    const struct bkt_glob_bytes *bytes = &writer->program.classes[index];
    uint32_t member = 0;
    size_t members = 0;
    for (uint32_t byte = 0; byte < 256; byte++) {
        if (bkt_glob_bytes_has(bytes, (unsigned char)byte)) {
            member = byte;
            members++;
        }
    }
    bool single = members == 1;
    write_inst(writer, single ? BKT_GLOB_OP_BYTE : BKT_GLOB_OP_CLASS, single ? member : index);
}

static void write_token(struct writer *writer,
                        const struct bkt_glob_token *token,
                        const struct bkt_glob_token *next)
{
    switch (token->kind) {
    case BKT_GLOB_TOKEN_BYTE:
        write_inst(writer, BKT_GLOB_OP_BYTE, token->value);
        break;
    case BKT_GLOB_TOKEN_ANY:
        write_inst(writer, BKT_GLOB_OP_ANY, 0);
        break;
    case BKT_GLOB_TOKEN_CLASS:
        write_class(writer, token->value);
        break;
    case BKT_GLOB_TOKEN_STAR:
        write_star(writer);
        break;
    case BKT_GLOB_TOKEN_PREFIX:
        write_directories(writer, next);
        break;
    case BKT_GLOB_TOKEN_MIDDLE:
        write_inst(writer, BKT_GLOB_OP_BYTE, '/');
        write_directories(writer, next);
        break;
    case BKT_GLOB_TOKEN_SUFFIX:
        write_inst(writer, BKT_GLOB_OP_BYTE, '/');
        write_star(writer);
        break;
    case BKT_GLOB_TOKEN_OPEN:
        write_open(writer, token->value);
        break;
    case BKT_GLOB_TOKEN_BRANCH:
        write_next_branch(writer);
        break;
    case BKT_GLOB_TOKEN_CLOSE:
        write_close(writer);
        break;
    case BKT_GLOB_TOKEN_EMPTY:
        break;
    }
}

/* See struct bkt_glob_program; the order of the crate's shortcuts decides. */
static bool refuses_dotdot(const struct bkt_glob_tokens *tokens)
{
    const struct bkt_glob_token *items = tokens->items;
    size_t count = tokens->count;
    if (count == 0 || items[count - 1].kind != BKT_GLOB_TOKEN_BYTE || items[count - 1].value != '.')
        return false;

    bool prefix = items[0].kind == BKT_GLOB_TOKEN_PREFIX;
    bool star = items[prefix].kind == BKT_GLOB_TOKEN_STAR;
    bool slash = false;
    size_t literals = (size_t)prefix + star;
    for (size_t i = literals; i < count; i++) {
        if (items[i].kind != BKT_GLOB_TOKEN_BYTE)
            return true;
        slash = slash || items[i].value == '/';
    }
    if (star)
        return count - literals == 1;
    return prefix && !slash;
}

/* The fewest bytes from each state to MATCH, from the end to the front; `costs` is scratch. */
static size_t bytes_min(const struct bkt_glob_program *program, size_t *costs)
{
    for (uint32_t at = program->count; at-- > 0;) {
        const struct bkt_glob_inst *inst = &program->insts[at];
        switch (inst->op) {
        case BKT_GLOB_OP_BYTE:
        case BKT_GLOB_OP_ANY:
        case BKT_GLOB_OP_CLASS:
            costs[at] = costs[at + 1] + 1;
            break;
        case BKT_GLOB_OP_STAR:
            costs[at] = costs[at + 1];
            break;
        case BKT_GLOB_OP_SPLIT:
            costs[at] = costs[at + 1] < costs[inst->arg] ? costs[at + 1] : costs[inst->arg];
            break;
        case BKT_GLOB_OP_JUMP:
            costs[at] = costs[inst->arg];
            break;
        case BKT_GLOB_OP_MATCH:
            costs[at] = 0;
            break;
        }
    }
    return costs[0];
}

static void measure_ends(struct bkt_glob_program *program, uint32_t floor)
{
    const struct bkt_glob_inst *insts = program->insts;
    uint32_t match = program->count - 1;
    while (insts[program->head_len].op == BKT_GLOB_OP_BYTE)
        program->head_len++;
    while (match - program->tail_len > floor &&
           insts[match - program->tail_len - 1].op == BKT_GLOB_OP_BYTE)
        program->tail_len++;
}

int bkt_glob_program_make(struct bkt_glob_tokens *tokens,
                          struct bkt_glob_program *out_program,
                          struct bkt_error *err)
{
    int rc = BKT_OK;
    struct writer *writer = bkt_mem_calloc(1, sizeof(*writer));
    /* MIDDLE is four instructions, everything else fewer. */
    struct bkt_glob_inst *insts = bkt_mem_calloc(4 * tokens->count + 1, sizeof(*insts));
    size_t *costs = bkt_mem_calloc(4 * tokens->count + 1, sizeof(*costs));
    if (!writer || !insts || !costs) {
        rc = bkt_error_set(err, BKT_ENOMEM, "compile a glob pattern: out of memory");
        goto done;
    }
    writer->program.insts = insts;
    writer->program.classes = tokens->classes;

    bool everything = tokens->count == 1 && tokens->items[0].kind == BKT_GLOB_TOKEN_PREFIX;
    if (everything)
        write_star(writer);
    for (size_t i = 0; i < tokens->count && !everything; i++) {
        const struct bkt_glob_token *next = i + 1 < tokens->count ? &tokens->items[i + 1] : NULL;
        write_token(writer, &tokens->items[i], next);
    }
    write_inst(writer, BKT_GLOB_OP_MATCH, 0);
    writer->program.refuses_dotdot = refuses_dotdot(tokens);
    writer->program.bytes_min = bytes_min(&writer->program, costs);
    measure_ends(&writer->program, writer->floor);

    /* Most patterns need far less than the bound above. */
    struct bkt_glob_inst *fitting = bkt_mem_realloc(insts, writer->program.count * sizeof(*insts));
    if (!fitting) {
        rc = bkt_error_set(err, BKT_ENOMEM, "compile a glob pattern: out of memory");
        goto done;
    }
    writer->program.insts = fitting;
    insts = NULL;
    tokens->classes = NULL;
    *out_program = writer->program;

done:
    bkt_mem_free(costs);
    bkt_mem_free(insts);
    bkt_mem_free(writer);
    return rc;
}

void bkt_glob_program_clear(struct bkt_glob_program *program)
{
    bkt_mem_free(program->insts);
    bkt_mem_free(program->classes);
    *program = (struct bkt_glob_program){0};
}
