#include "sqlite/match.h"

#include <string.h>

SQLITE_EXTENSION_INIT3

/* SQLite's LIKE takes these for the same in upper and lower case, and no others. */
static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - ('a' - 'A')) : c;
}

static int compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);
    return order ? order : (a_len > b_len) - (a_len < b_len);
}

/* Make a bound tighter: `sign` 1 for from, -1 for to. */
static int tighten(
    struct ext_bound *bound, int sign, const char *text, size_t len, bool is_excluded)
{
    if (bound->text) {
        int order = sign * compare(text, len, bound->text, bound->len);
        if (order == 0)
            bound->is_excluded = bound->is_excluded || is_excluded;
        if (order <= 0)
            return BKT_OK;
    }
    char *copy = sqlite3_malloc64(len + 1);
    if (!copy)
        return BKT_ENOMEM;
    memcpy(copy, text, len);
    copy[len] = '\0';
    sqlite3_free(bound->text);
    *bound = (struct ext_bound){copy, len, is_excluded};
    return BKT_OK;
}

/* All keys that begin so: no key has the byte 0xff, since keys are UTF-8. */
static int add_prefix(struct ext_match *match, const char *prefix, size_t len)
{
    char *last = sqlite3_malloc64(len + 1);
    if (!last)
        return BKT_ENOMEM;
    memcpy(last, prefix, len);
    last[len] = '\xff';
    int rc = tighten(&match->from, 1, prefix, len, false);
    if (rc == BKT_OK)
        rc = tighten(&match->to, -1, last, len + 1, false);
    sqlite3_free(last);
    return rc;
}

/*
 * The length of the character at `at`; 0 where SQLite's LIKE and GLOB read another one: U+FFFD for
 * what is no UTF-8, a surrogate, U+FFFE or U+FFFF, and whatever comes out when bytes of a longer
 * character follow, which they take in.
 */
static size_t character_len(const char *at)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *c = (const unsigned char *)at;
    if (c[0] < 0x80)
        return 1;
    size_t len = c[0] < 0xc0 ? 0 : c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : c[0] < 0xf5 ? 4 : 0;
    uint32_t code = len > 0 ? c[0] & (0x7fU >> len) : 0;
    for (size_t i = 1; i < len; i++) {
        if ((c[i] & 0xc0U) != 0x80)
            return 0;
        code = code << 6 | (c[i] & 0x3fU);
    }
    bool is_other = code < least[len] || (code >= 0xd800 && code <= 0xdfff) ||
                    (code >= 0xfffd && code <= 0xffff) || (c[len] & 0xc0U) == 0x80;
    return is_other ? 0 : len;
}

/* How many bytes of a pattern stand for themselves. */
static size_t literal_len(const char *pattern, const char *wildcards)
{
    size_t len = 0;
    while (pattern[len] && !strchr(wildcards, pattern[len])) {
        size_t more = character_len(pattern + len);
        if (more == 0)
            break;
        len += more;
    }
    return len;
}

/* ICU's LIKE folds more than ASCII: a Kelvin sign and a k. */
static bool like_is_of_sqlite(sqlite3 *db)
{
    sqlite3_stmt *statement = NULL;
    bool is_own = false;
    if (sqlite3_prepare_v2(db, "SELECT char(8490) LIKE 'k', 'K' LIKE 'k'", -1, &statement, NULL) ==
            SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        is_own = sqlite3_column_int(statement, 0) == 0;
    (void)sqlite3_finalize(statement);
    return is_own;
}

/* The first key from `at` on that begins with `folded` in some mix of cases; false: there is none.
 */
static bool first_variant(const struct ext_match *match, const char *at, size_t at_len, char *out)
{
    const char *folded = match->folded;
    size_t len = match->folded_len;
    size_t same = 0;
    while (same < len && same < at_len && lower(at[same]) == folded[same])
        same++;
    /* `at` fits so far, and differs at `same`; or it is shorter. */
    for (size_t i = 0; i < len; i++)
        out[i] = i < same ? at[i] : upper(folded[i]);
    if (same == len || same == at_len)
        return true;
    for (size_t i = same + 1; i-- > 0;) {
        unsigned char least = (unsigned char)at[i];
        char options[2] = {upper(folded[i]), folded[i]};
        for (size_t k = 0; k < 2; k++) {
            if ((unsigned char)options[k] <= least)
                continue;
            out[i] = options[k];
            for (size_t j = i + 1; j < len; j++)
                out[j] = upper(folded[j]);
            return true;
        }
    }
    return false;
}

static bool has_letters(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (is_letter(text[i]))
            return true;
    }
    return false;
}

/*
 * In byte order all mixes of cases lie between the one in upper case and the one in lower case, and
 * much else does; ext_match_step() jumps over that.
 */
static int add_like(struct ext_match *match, const char *pattern, size_t len, const char *prefix)
{
    if (!has_letters(pattern, len) || match->folded)
        return match->folded ? BKT_OK : add_prefix(match, pattern, len);
    match->folded = sqlite3_malloc64(len + 1);
    char *variant = sqlite3_malloc64(len);
    if (!match->folded || !variant) {
        sqlite3_free(variant);
        return BKT_ENOMEM;
    }
    match->folded_len = len;
    for (size_t i = 0; i < len; i++)
        match->folded[i] = lower(pattern[i]);
    match->folded[len] = '\xff'; /* as in add_prefix() */
    int rc = BKT_OK;
    if (first_variant(match, prefix, strlen(prefix), variant))
        rc = tighten(&match->from, 1, variant, len, false);
    else
        match->is_empty = true;
    if (rc == BKT_OK)
        rc = tighten(&match->to, -1, match->folded, len + 1, false);
    sqlite3_free(variant);
    return rc;
}

static int read_key_term(
    struct ext_match *match, enum ext_op op, sqlite3_value *value, const char *prefix, sqlite3 *db)
{
    const char *text = (const char *)sqlite3_value_text(value);
    size_t len = (size_t)sqlite3_value_bytes(value);
    if (!text)
        return BKT_ENOMEM;
    int rc = BKT_OK;
    switch (op) {
    case EXT_EQ:
        rc = tighten(&match->from, 1, text, len, false);
        return rc ? rc : tighten(&match->to, -1, text, len, false);
    case EXT_GT:
    case EXT_GE:
        return tighten(&match->from, 1, text, len, op == EXT_GT);
    case EXT_LT:
    case EXT_LE:
        return tighten(&match->to, -1, text, len, op == EXT_LT);
    case EXT_GLOB:
        return add_prefix(match, text, literal_len(text, "*?["));
    case EXT_LIKE:
        break;
    }
    return like_is_of_sqlite(db) ? add_like(match, text, literal_len(text, "%_"), prefix) : BKT_OK;
}

static void read_limit(const struct ext_plan *plan, sqlite3_value **values, struct ext_match *match)
{
    sqlite3_int64 limit = -1;
    sqlite3_int64 offset = 0;
    for (int i = 0; i < plan->term_count; i++) {
        if (plan->terms[i]->operand == EXT_OPERAND_LIMIT)
            limit = sqlite3_value_int64(values[i]);
        else if (plan->terms[i]->operand == EXT_OPERAND_OFFSET)
            offset = sqlite3_value_int64(values[i]);
    }
    if (limit >= 0)
        match->rows_max = (uint64_t)limit + (offset > 0 ? (uint64_t)offset : 0);
}

int ext_match_read(struct ext_match *match,
                   const struct ext_plan *plan,
                   sqlite3_value **values,
                   const char *prefix,
                   sqlite3 *db)
{
    int rc = BKT_OK;
    for (int i = 0; i < plan->term_count && rc == BKT_OK; i++) {
        const struct ext_term *term = plan->terms[i];
        int type = sqlite3_value_type(values[i]);
        if (term->operand != EXT_OPERAND_COLUMN)
            continue;
        bool is_number = type == SQLITE_INTEGER || type == SQLITE_FLOAT;
        if (type == SQLITE_NULL) {
            match->is_empty = true; /* nothing is equal to NULL, or less, or like it */
        } else if (term->column == EXT_FILENAME && type == SQLITE_TEXT) {
            rc = read_key_term(match, term->op, values[i], prefix, db);
        } else if (term->column != EXT_FILENAME &&
                   (term->column == EXT_SIZE ? is_number : type == SQLITE_TEXT)) {
            sqlite3_value *copy = sqlite3_value_dup(values[i]);
            match->conditions[match->condition_count].term = term;
            match->conditions[match->condition_count++].value = copy;
            rc = copy ? BKT_OK : BKT_ENOMEM;
        }
    }
    read_limit(plan, values, match);
    return rc;
}

void ext_match_clear(struct ext_match *match)
{
    for (int i = 0; i < match->condition_count; i++)
        sqlite3_value_free(match->conditions[i].value);
    sqlite3_free(match->from.text);
    sqlite3_free(match->to.text);
    sqlite3_free(match->folded);
    *match = (struct ext_match){0};
}

static bool holds(enum ext_op op, int order)
{
    switch (op) {
    case EXT_EQ:
        return order == 0;
    case EXT_GT:
        return order > 0;
    case EXT_GE:
        return order >= 0;
    case EXT_LT:
        return order < 0;
    case EXT_LE:
        return order <= 0;
    case EXT_LIKE:
    case EXT_GLOB:
        break;
    }
    return true;
}

static int compare_size(uint64_t size, sqlite3_value *value)
{
    if (sqlite3_value_type(value) == SQLITE_FLOAT) {
        double number = sqlite3_value_double(value);
        return ((double)size > number) - ((double)size < number);
    }
    sqlite3_int64 number = sqlite3_value_int64(value);
    if (number < 0)
        return 1;
    return (size > (uint64_t)number) - (size < (uint64_t)number);
}

bool ext_match_wants(void *ctx, const struct bkt_listed *listed)
{
    const struct ext_match *match = ctx;
    for (int i = 0; i < match->condition_count; i++) {
        const struct ext_term *term = match->conditions[i].term;
        sqlite3_value *value = match->conditions[i].value;
        const char *text = term->column == EXT_LAST_MODIFIED ? listed->last_modified
                           : term->column == EXT_ETAG        ? listed->etag
                                                             : listed->storage_class;
        if (term->op == EXT_LIKE || term->op == EXT_GLOB)
            continue;
        int order;
        if (term->column == EXT_SIZE)
            order = compare_size(listed->size, value);
        else
            order = compare(text, strlen(text), (const char *)sqlite3_value_text(value),
                            (size_t)sqlite3_value_bytes(value));
        if (!holds(term->op, order))
            return false;
    }
    return true;
}

static bool begins_folded(const struct ext_match *match, const char *key, size_t key_len)
{
    if (key_len < match->folded_len)
        return false;
    for (size_t i = 0; i < match->folded_len; i++) {
        if (lower(key[i]) != match->folded[i])
            return false;
    }
    return true;
}

bool ext_match_may_be_read(void *ctx, const struct bkt_listed *listed)
{
    return begins_folded(ctx, listed->key, listed->key_len);
}

int ext_match_step(const struct ext_match *match,
                   const char *key,
                   size_t key_len,
                   enum ext_step *out_step,
                   char **out_key,
                   size_t *out_len)
{
    *out_step = EXT_STEP_FITS;
    if (begins_folded(match, key, key_len))
        return BKT_OK;
    char *variant = sqlite3_malloc64(match->folded_len);
    if (!variant)
        return BKT_ENOMEM;
    if (!first_variant(match, key, key_len, variant)) {
        sqlite3_free(variant);
        *out_step = EXT_STEP_END;
        return BKT_OK;
    }
    *out_step = EXT_STEP_SEEK;
    *out_key = variant;
    *out_len = match->folded_len;
    return BKT_OK;
}
