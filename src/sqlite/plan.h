/*
 * What a statement asks of the table, as xBestIndex finds it and xFilter carries it out.
 *
 * Between the two it travels as words, which EXPLAIN QUERY PLAN shows:
 *
 *     list filename>=? AND filename<? AND size<?, in key order, reading content
 *     get filename=?
 *
 * Every condition is only a help: SQLite checks each once more, and so one that cannot be made use
 * of exactly is left out.
 */
#ifndef SQLITE_PLAN_H
#define SQLITE_PLAN_H

#include "sqlite/table.h"

enum ext_op {
    EXT_EQ,
    EXT_GT,
    EXT_GE,
    EXT_LT,
    EXT_LE,
    EXT_LIKE,
    EXT_GLOB,
};

/* What a `?` in the words stands for. */
enum ext_operand {
    EXT_OPERAND_COLUMN, /* compared with `column` by `op` */
    EXT_OPERAND_SOURCE,
    EXT_OPERAND_OPTIONS,
    EXT_OPERAND_LIMIT,
    EXT_OPERAND_OFFSET,
};

struct ext_term {
    const char *text; /* "filename>=?" */
    enum ext_operand operand;
    enum ext_column column;
    enum ext_op op;
};

enum { EXT_TERMS_MAX = 32 };

struct ext_plan {
    bool gets;                                   /* one object, without listing it */
    bool is_in_order;                            /* rows come in the order of their keys' bytes */
    bool reads_contents;                         /* the statement looks at contents */
    const struct ext_term *terms[EXT_TERMS_MAX]; /* of xFilter's values, in order */
    int term_count;
};

/* sqlite3_module's. */
int ext_best_index(sqlite3_vtab *base, sqlite3_index_info *info);

/* The words of ext_best_index(); false for others. */
bool ext_plan_read(const char *words, struct ext_plan *out_plan);

#endif
