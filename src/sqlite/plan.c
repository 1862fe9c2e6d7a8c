#include "sqlite/plan.h"

#include <string.h>

SQLITE_EXTENSION_INIT3

/* SQLite 3.38 has them. */
#ifndef SQLITE_INDEX_CONSTRAINT_LIMIT
#define SQLITE_INDEX_CONSTRAINT_LIMIT  73
#define SQLITE_INDEX_CONSTRAINT_OFFSET 74
#endif

enum { WORDS_BYTES = 1024 };

/* Guesses, for the choice between plans: how much of a bucket is asked for. */
static const double rows_of_a_bucket = 1e6;
static const double rows_of_a_prefix = 1e4;
static const double part_of_a_bound = 0.25;
static const double cost_of_a_request = 20; /* as of so many rows */
static const double rows_of_a_page = 1000;

#define COMPARED(name, column)                            \
    {name "=?", EXT_OPERAND_COLUMN, column, EXT_EQ},      \
        {name ">?", EXT_OPERAND_COLUMN, column, EXT_GT},  \
        {name ">=?", EXT_OPERAND_COLUMN, column, EXT_GE}, \
        {name "<?", EXT_OPERAND_COLUMN, column, EXT_LT},  \
    {                                                     \
        name "<=?", EXT_OPERAND_COLUMN, column, EXT_LE    \
    }

static const struct ext_term terms[] = {
    COMPARED("filename", EXT_FILENAME),
    {"filename LIKE ?", EXT_OPERAND_COLUMN, EXT_FILENAME, EXT_LIKE},
    {"filename GLOB ?", EXT_OPERAND_COLUMN, EXT_FILENAME, EXT_GLOB},
    COMPARED("size", EXT_SIZE),
    COMPARED("last_modified", EXT_LAST_MODIFIED),
    COMPARED("etag", EXT_ETAG),
    COMPARED("storage_class", EXT_STORAGE_CLASS),
    {"source ?", EXT_OPERAND_SOURCE, EXT_FILENAME, EXT_EQ},
    {"options ?", EXT_OPERAND_OPTIONS, EXT_FILENAME, EXT_EQ},
    {"LIMIT ?", EXT_OPERAND_LIMIT, EXT_FILENAME, EXT_EQ},
    {"OFFSET ?", EXT_OPERAND_OFFSET, EXT_FILENAME, EXT_EQ},
};

enum { TERM_COUNT = sizeof(terms) / sizeof(terms[0]) };

static const char word_get[] = "get ";
static const char word_list[] = "list ";
static const char word_all[] = "all";
static const char word_and[] = " AND ";
static const char word_ordered[] = ", in key order";
static const char word_reading[] = ", reading content";

/* A plan in the making. */
struct draft {
    struct ext_plan plan;
    bool has_key;    /* filename=? */
    bool has_others; /* conditions on what only a listing tells */
    int bounds;      /* conditions that narrow the keys */
    bool has_prefix;
};

static const struct ext_term *find_term(enum ext_operand operand,
                                        enum ext_column column,
                                        enum ext_op op)
{
    for (int i = 0; i < TERM_COUNT; i++) {
        if (terms[i].operand == operand && terms[i].column == column && terms[i].op == op)
            return &terms[i];
    }
    return NULL;
}

static bool find_op(unsigned char code, enum ext_op *out_op)
{
    switch (code) {
    case SQLITE_INDEX_CONSTRAINT_EQ:
        *out_op = EXT_EQ;
        return true;
    case SQLITE_INDEX_CONSTRAINT_GT:
        *out_op = EXT_GT;
        return true;
    case SQLITE_INDEX_CONSTRAINT_GE:
        *out_op = EXT_GE;
        return true;
    case SQLITE_INDEX_CONSTRAINT_LT:
        *out_op = EXT_LT;
        return true;
    case SQLITE_INDEX_CONSTRAINT_LE:
        *out_op = EXT_LE;
        return true;
    case SQLITE_INDEX_CONSTRAINT_LIKE:
        *out_op = EXT_LIKE;
        return true;
    case SQLITE_INDEX_CONSTRAINT_GLOB:
        *out_op = EXT_GLOB;
        return true;
    default:
        return false;
    }
}

/* Text compares as keys do: by its bytes. */
static bool is_binary(sqlite3_index_info *info, int i)
{
    const char *collation = sqlite3_vtab_collation(info, i);
    return collation && strcmp(collation, "BINARY") == 0;
}

static const struct ext_term *term_of(const struct ext_table *table,
                                      sqlite3_index_info *info,
                                      int i)
{
    const struct sqlite3_index_constraint *constraint = &info->aConstraint[i];
    int column = constraint->iColumn;
    enum ext_op op;
    if (constraint->op == SQLITE_INDEX_CONSTRAINT_LIMIT)
        return find_term(EXT_OPERAND_LIMIT, EXT_FILENAME, EXT_EQ);
    if (constraint->op == SQLITE_INDEX_CONSTRAINT_OFFSET)
        return find_term(EXT_OPERAND_OFFSET, EXT_FILENAME, EXT_EQ);
    if (column < 0 || !find_op(constraint->op, &op))
        return NULL;
    if (op == EXT_EQ && column == ext_source_column(table))
        return find_term(EXT_OPERAND_SOURCE, EXT_FILENAME, EXT_EQ);
    if (op == EXT_EQ && column == ext_options_column(table))
        return find_term(EXT_OPERAND_OPTIONS, EXT_FILENAME, EXT_EQ);
    bool is_range = op != EXT_EQ && op != EXT_LIKE && op != EXT_GLOB;
    bool is_text = column != EXT_SIZE;
    if (column >= EXT_LISTED_COUNT ||
        (is_text &&
         ((is_range && !table->is_utf8) || ((is_range || op == EXT_EQ) && !is_binary(info, i)))))
        return NULL;
    return find_term(EXT_OPERAND_COLUMN, (enum ext_column)column, op);
}

static void take_term(struct draft *draft, const struct ext_term *term)
{
    draft->plan.terms[draft->plan.term_count++] = term;
    if (term->operand != EXT_OPERAND_COLUMN)
        return;
    if (term->column != EXT_FILENAME)
        draft->has_others = true;
    else if (term->op == EXT_EQ)
        draft->has_key = true;
    else if (term->op == EXT_LIKE || term->op == EXT_GLOB)
        draft->has_prefix = true;
    else
        draft->bounds++;
}

/* A condition that must be met before the table can be looked at cannot be: not in this order. */
static bool lacks_source(const struct ext_table *table, const struct draft *draft)
{
    for (int i = 0; i < draft->plan.term_count; i++) {
        if (draft->plan.terms[i]->operand == EXT_OPERAND_SOURCE)
            return false;
    }
    return table->is_function;
}

static int take_terms(const struct ext_table *table, sqlite3_index_info *info, struct draft *draft)
{
    for (int i = 0; i < info->nConstraint; i++) {
        const struct ext_term *term = term_of(table, info, i);
        bool is_argument =
            term && (term->operand == EXT_OPERAND_SOURCE || term->operand == EXT_OPERAND_OPTIONS);
        if (is_argument && !info->aConstraint[i].usable)
            return SQLITE_CONSTRAINT;
        if (!term || !info->aConstraint[i].usable || draft->plan.term_count == EXT_TERMS_MAX)
            continue;
        take_term(draft, term);
        info->aConstraintUsage[i].argvIndex = draft->plan.term_count;
        info->aConstraintUsage[i].omit = is_argument;
    }
    return SQLITE_OK;
}

static bool is_used(const sqlite3_index_info *info, int column)
{
    return (info->colUsed & (sqlite3_uint64)1 << column) != 0;
}

static void find_columns(const struct ext_table *table,
                         const sqlite3_index_info *info,
                         struct draft *draft)
{
    bool *reads = &draft->plan.reads_contents;
    *reads = is_used(info, EXT_CONTENT) || is_used(info, ext_error_column(table));
    for (int i = 0; i < table->extra_count; i++)
        *reads = *reads || is_used(info, EXT_LISTED_COUNT + i);
    for (int i = EXT_SIZE; i < EXT_LISTED_COUNT; i++)
        draft->has_others = draft->has_others || is_used(info, i);
    /* What cannot be decoded is a row to a listing; a read alone could not tell it from none. */
    bool is_strict =
        table->is_function || bkt_config_has(table->place.config, "text_errors", "strict");
    draft->plan.gets = draft->has_key && *reads && !draft->has_others && !is_strict;
}

static void estimate(sqlite3_index_info *info, const struct draft *draft)
{
    double listed = draft->has_prefix ? rows_of_a_prefix : rows_of_a_bucket;
    for (int i = 0; i < draft->bounds && i < 2; i++)
        listed *= part_of_a_bound;
    if (draft->has_key)
        listed = 1;
    double rows = draft->has_others && !draft->has_key ? listed * part_of_a_bound : listed;
    info->estimatedRows = (sqlite3_int64)rows;
    info->estimatedCost = cost_of_a_request * (1 + listed / rows_of_a_page);
    if (draft->plan.reads_contents)
        info->estimatedCost += rows;
    if (draft->has_key)
        info->idxFlags |= SQLITE_INDEX_SCAN_UNIQUE;
}

static char *write_words(const struct ext_plan *plan)
{
    char words[WORDS_BYTES];
    sqlite3_snprintf(sizeof(words), words, "%s", plan->gets ? word_get : word_list);
    for (int i = 0; i < plan->term_count; i++) {
        size_t len = strlen(words);
        sqlite3_snprintf((int)(sizeof(words) - len), words + len, "%s%s", i > 0 ? word_and : "",
                         plan->terms[i]->text);
    }
    return sqlite3_mprintf("%s%s%s%s", words, plan->term_count > 0 ? "" : word_all,
                           plan->is_in_order && !plan->gets ? word_ordered : "",
                           plan->reads_contents && !plan->gets ? word_reading : "");
}

int ext_best_index(sqlite3_vtab *base, sqlite3_index_info *info)
{
    const struct ext_table *table = (const struct ext_table *)base;
    struct draft draft = {0};
    int rc = take_terms(table, info, &draft);
    if (rc)
        return rc;
    if (lacks_source(table, &draft)) {
        base->zErrMsg = sqlite3_mprintf("bucketable wants the bucket as its first argument: "
                                        "bucketable('s3://bucket/prefix/')");
        return SQLITE_ERROR;
    }
    find_columns(table, info, &draft);
    /* Keys are unique, so that what they are sorted by next does not matter. */
    draft.plan.is_in_order = table->is_utf8 && info->nOrderBy > 0 &&
                             info->aOrderBy[0].iColumn == EXT_FILENAME && !info->aOrderBy[0].desc;
    info->orderByConsumed = draft.plan.is_in_order;
    estimate(info, &draft);
    info->idxStr = write_words(&draft.plan);
    info->needToFreeIdxStr = 1;
    return info->idxStr ? SQLITE_OK : SQLITE_NOMEM;
}

static bool skip_word(const char **at, const char *word)
{
    size_t len = strlen(word);
    if (strncmp(*at, word, len) != 0)
        return false;
    *at += len;
    return true;
}

static bool read_term(const char **at, struct ext_plan *plan)
{
    for (int i = 0; i < TERM_COUNT && plan->term_count < EXT_TERMS_MAX; i++) {
        if (skip_word(at, terms[i].text)) {
            plan->terms[plan->term_count++] = &terms[i];
            return true;
        }
    }
    return false;
}

bool ext_plan_read(const char *words, struct ext_plan *out_plan)
{
    struct ext_plan plan = {0};
    plan.gets = skip_word(&words, word_get);
    if (!plan.gets && !skip_word(&words, word_list))
        return false;
    if (!skip_word(&words, word_all)) {
        do {
            if (!read_term(&words, &plan))
                return false;
        } while (skip_word(&words, word_and));
    }
    plan.is_in_order = skip_word(&words, word_ordered);
    plan.reads_contents = skip_word(&words, word_reading);
    *out_plan = plan;
    return *words == '\0';
}
