/*
 * The grammar of ~/.aws/config and ~/.aws/credentials, with the rules that the SDKs share (their
 * common profile-parser test data): bytes in, sections and properties out; no I/O.
 *
 *   [section]            text after `]` may only be a comment
 *   # or ; in column 0   a comment line; blank lines are nothing
 *   name = value # why   a comment needs a blank before it; names are case-insensitive
 *     more               an indented line continues the value, comments and all
 *   name =
 *     sub = value        indented lines after an empty value are properties of their own
 *
 * What a section's name means is for aws/profile.h to say.
 */
#ifndef AWS_INI_H
#define AWS_INI_H

#include "core/arena.h"

#include <bucketable/error.h>

enum { BKT_INI_BYTES_MAX = 4 << 20, BKT_INI_ENTRIES_MAX = 200000 };

/* Texts end in a NUL that is not counted and hold none. */
struct bkt_ini_property {
    struct bkt_str name;                /* lower case */
    struct bkt_str value;               /* trimmed; lines of a continued one are joined by LF */
    struct bkt_ini_property *first_sub; /* of a nested block, in the order of the file */
    struct bkt_ini_property *last_sub;
    struct bkt_ini_property *next;
};

struct bkt_ini_section {
    struct bkt_str name; /* between the brackets, trimmed; any bytes */
    struct bkt_ini_property *first;
    struct bkt_ini_property *last;
    struct bkt_ini_section *next;
};

/* Sections and properties of the same name are all kept, in order: the last one counts. */
struct bkt_ini {
    struct bkt_arena arena;
    struct bkt_ini_section *first;
    struct bkt_ini_section *last;
};

/*
 * Parse a whole file; a byte-order mark is skipped.  BKT_ECONFIG with "line N: ..." (never the
 * line's own text, which may be a secret), BKT_ENOMEM.
 */
BKT_MUST_CHECK int bkt_ini_parse(struct bkt_str text,
                                 struct bkt_ini *out_ini,
                                 struct bkt_error *err);

/* Values are wiped: there are secrets among them. */
void bkt_ini_clear(struct bkt_ini *ini);

/* The last property of that name in one section or block, or NULL. */
const struct bkt_ini_property *bkt_ini_find(const struct bkt_ini_property *first,
                                            struct bkt_str name);

/* [A-Za-z0-9_\-/.%@:+]+ */
bool bkt_ini_is_identifier(struct bkt_str text);

#endif
