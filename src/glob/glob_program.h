/*
 * A glob as a program for a nondeterministic machine over bytes.
 *
 * A state is the index of an instruction. Apart from STAR, which also stays where it is, every
 * instruction leads forward only: a walk in the order of indexes sees a state after all states that
 * lead to it, and no walk can run in circles.
 */
#ifndef GLOB_GLOB_PROGRAM_H
#define GLOB_GLOB_PROGRAM_H

#include "glob/glob_parse.h"

enum bkt_glob_op {
    BKT_GLOB_OP_BYTE,  /* take the byte `arg` and go on */
    BKT_GLOB_OP_ANY,   /* take one byte */
    BKT_GLOB_OP_CLASS, /* take one byte of class `arg` */
    BKT_GLOB_OP_STAR,  /* take a byte and stay, or go on without */
    BKT_GLOB_OP_SPLIT, /* go on, and also to `arg` */
    BKT_GLOB_OP_JUMP,  /* go to `arg` */
    BKT_GLOB_OP_MATCH, /* the last one; a match when the path has ended */
};

struct bkt_glob_inst {
    enum bkt_glob_op op;
    uint32_t arg;
};

/* At most two instructions for each byte of the pattern, and MATCH. */
enum { BKT_GLOB_INSTS_MAX = 2 * BKT_GLOB_PATTERN_BYTES_MAX + 1 };

struct bkt_glob_program {
    struct bkt_glob_inst *insts;
    uint32_t count;
    struct bkt_glob_bytes *classes;

    /* What every match begins and ends with: the literals at both ends of the pattern. */
    uint32_t head_len; /* its bytes are the first instructions */
    uint32_t tail_len; /* its bytes are the last instructions before MATCH */
    size_t bytes_min;  /* no match is shorter */

    /*
     * The crate looks for patterns that end in a literal `.` by extension, and a path whose last
     * component is `..` has none there: such a path does not match, whatever the pattern says.
     */
    bool refuses_dotdot;
};

/* Takes the classes out of `tokens`. BKT_ENOMEM. */
BKT_MUST_CHECK int bkt_glob_program_make(struct bkt_glob_tokens *tokens,
                                         struct bkt_glob_program *out_program,
                                         struct bkt_error *err);

void bkt_glob_program_clear(struct bkt_glob_program *program);

#endif
