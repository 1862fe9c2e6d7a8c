/*
 * A glob pattern read into tokens, in the dialect of bucketable/glob.h.
 *
 * The tokens are flat: a group is OPEN, its branches with BRANCH between them, CLOSE. A branch that
 * can only be the empty string does not count, so it is left out, and a group of none but such
 * branches is one EMPTY. Every byte of a literal is a token of its own.
 */
#ifndef GLOB_GLOB_PARSE_H
#define GLOB_GLOB_PARSE_H

#include "core/str.h"

#include <bucketable/error.h>

enum {
    BKT_GLOB_PATTERN_BYTES_MAX = 64 << 10,
    BKT_GLOB_DEPTH_MAX = 249, /* groups within groups, as many as the crate allows at most */
};

enum bkt_glob_token_kind {
    BKT_GLOB_TOKEN_BYTE,   /* `value` is the byte */
    BKT_GLOB_TOKEN_ANY,    /* one byte, whichever */
    BKT_GLOB_TOKEN_CLASS,  /* one byte; `value` is the index of its set */
    BKT_GLOB_TOKEN_STAR,   /* any bytes, also none */
    BKT_GLOB_TOKEN_PREFIX, /* `**` that leads: nothing, or anything that ends in `/` */
    BKT_GLOB_TOKEN_MIDDLE, /* `/`, then nothing or anything that ends in `/` */
    BKT_GLOB_TOKEN_SUFFIX, /* `/`, then anything */
    BKT_GLOB_TOKEN_OPEN,   /* `value` is how many branches follow, at least one */
    BKT_GLOB_TOKEN_BRANCH,
    BKT_GLOB_TOKEN_CLOSE,
    BKT_GLOB_TOKEN_EMPTY, /* a group without branches: matches nothing but the empty string */
};

struct bkt_glob_token {
    enum bkt_glob_token_kind kind;
    uint32_t value;
};

/* Which bytes a class takes: byte b is bit b % 64 of word b / 64. */
struct bkt_glob_bytes {
    uint64_t words[4];
};

struct bkt_glob_tokens {
    struct bkt_glob_token *items; /* at most one for each byte of the pattern */
    size_t count;
    struct bkt_glob_bytes *classes;
    size_t class_count;
};

/* The first five are those of globset; which one is found first is the same, too. */
enum bkt_glob_fault {
    BKT_GLOB_FAULT_NONE,
    BKT_GLOB_FAULT_UNCLOSED_CLASS,
    BKT_GLOB_FAULT_INVALID_RANGE,
    BKT_GLOB_FAULT_UNOPENED_ALTERNATES,
    BKT_GLOB_FAULT_UNCLOSED_ALTERNATES,
    BKT_GLOB_FAULT_DANGLING_ESCAPE,
    BKT_GLOB_FAULT_NOT_UTF8,
    BKT_GLOB_FAULT_TOO_LONG,
    BKT_GLOB_FAULT_TOO_DEEP,
};

static inline bool bkt_glob_bytes_has(const struct bkt_glob_bytes *bytes, unsigned char byte)
{
    return bytes->words[byte / 64] >> (byte % 64) & 1;
}

/*
 * Read a pattern. The tokens are the caller's, to be cleared. BKT_ECONFIG when the pattern is
 * rejected, with the position of what is wrong (from 0) in the message; `out_fault`, which may be
 * NULL, says why then and is NONE otherwise. BKT_ENOMEM.
 */
BKT_MUST_CHECK int bkt_glob_parse(struct bkt_str pattern,
                                  struct bkt_glob_tokens *out_tokens,
                                  enum bkt_glob_fault *out_fault,
                                  struct bkt_error *err);

void bkt_glob_tokens_clear(struct bkt_glob_tokens *tokens);

#endif
