/*
 * What a compiled glob is made of, for those who look into it (the set, the prefixes).
 */
#ifndef GLOB_GLOB_MATCH_H
#define GLOB_GLOB_MATCH_H

#include "glob/glob_nfa.h"
#include "glob/glob_program.h"
#include "glob/glob_simple.h"

#include <bucketable/glob.h>

/* The first that is there decides: `simples`, `nfa`, `program`, which always is. */
struct bkt_glob {
    struct bkt_glob_program program;
    struct bkt_glob_simples simples;
    struct bkt_glob_nfa *nfa;
};

#endif
