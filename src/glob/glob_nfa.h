/*
 * Running a glob's program over a path: all states at once, one pass, no going back.
 *
 * Time is at worst the number of instructions times the number of bytes; the working memory is on
 * the stack. Programs of up to 64 states that take something, nearly all there are, run on one
 * machine word with tables made beforehand.
 */
#ifndef GLOB_GLOB_NFA_H
#define GLOB_GLOB_NFA_H

#include "glob/glob_program.h"

/*
 * State p is bit p: the p-th instruction after the head that takes a byte, the last one MATCH.
 * Which instructions can be reached without taking anything is worked into the masks.
 */
struct bkt_glob_nfa {
    uint64_t by_byte[256]; /* the states that take this byte */
    uint64_t follow[64];   /* the states after p has taken one */
    uint64_t start;
    uint64_t stars;      /* they stay */
    uint64_t steps;      /* what follows is the next one, besides staying */
    uint64_t match;      /* MATCH */
    uint64_t everything; /* whatever comes, it is a match */
};

/* `*out_nfa` is NULL when the program has too many states. Free it with bkt_mem_free(). */
BKT_MUST_CHECK int bkt_glob_nfa_make(const struct bkt_glob_program *program,
                                     struct bkt_glob_nfa **out_nfa,
                                     struct bkt_error *err);

/* `rest` is the path without the program's head. */
bool bkt_glob_nfa_matches(const struct bkt_glob_nfa *nfa, struct bkt_str rest);

/* The same for any program. Uses up to 33 KB of stack. */
bool bkt_glob_program_matches(const struct bkt_glob_program *program, struct bkt_str rest);

#endif
