#include "sqlite/cursor.h"

#include "sqlite/arguments.h"
#include "sqlite/match.h"

#include <bucketable/listing.h>

#include <string.h>

SQLITE_EXTENSION_INIT3

struct cursor {
    sqlite3_vtab_cursor base;
    struct ext_place called; /* of the function's arguments, which are kept beside it */
    char *source;
    char *options;
    struct ext_place *place; /* that, or the table's */
    struct ext_plan plan;
    struct ext_match match;
    struct bkt_listing *listing; /* NULL: one object was got */
    bool is_at_end;

    /* The row: what was listed, or the key alone; its content, once that was asked for. */
    struct bkt_listed listed;
    bool was_read;
    int row_rc;
    struct bkt_error row_err;
    const struct bkt_row *row;
    void *copy; /* that `row` lies in, when it was got */
};

static struct ext_table *table_of(const struct cursor *cursor)
{
    return (struct ext_table *)cursor->base.pVtab;
}

/* What SQLite is told of a failure; the message goes to the table. */
static int fail(const struct cursor *cursor, int rc, const struct bkt_error *err)
{
    if (rc == BKT_ENOMEM)
        return SQLITE_NOMEM;
    if (rc == BKT_ECANCELED)
        return SQLITE_INTERRUPT;
    sqlite3_free(cursor->base.pVtab->zErrMsg);
    cursor->base.pVtab->zErrMsg = sqlite3_mprintf("%s", err->message);
    return SQLITE_ERROR;
}

int ext_open(sqlite3_vtab *table, sqlite3_vtab_cursor **out_cursor)
{
    (void)table;
    struct cursor *cursor = sqlite3_malloc64(sizeof(*cursor));
    if (!cursor)
        return SQLITE_NOMEM;
    *cursor = (struct cursor){.is_at_end = true};
    *out_cursor = &cursor->base;
    return SQLITE_OK;
}

static void reset(struct cursor *cursor)
{
    bkt_listing_close(cursor->listing);
    cursor->listing = NULL;
    ext_match_clear(&cursor->match);
    sqlite3_free(cursor->copy);
    cursor->copy = NULL;
    cursor->row = NULL;
    cursor->was_read = false;
    cursor->is_at_end = true;
}

static void forget_call(struct cursor *cursor)
{
    ext_place_clear(&cursor->called);
    sqlite3_free(cursor->source);
    sqlite3_free(cursor->options);
    cursor->source = NULL;
    cursor->options = NULL;
}

int ext_close(sqlite3_vtab_cursor *base)
{
    struct cursor *cursor = (struct cursor *)base;
    reset(cursor);
    forget_call(cursor);
    sqlite3_free(cursor);
    return SQLITE_OK;
}

/* The row lives on: it and all that it points to, in one block.  NULL: memory is out. */
static struct bkt_row *copy_row(const struct bkt_row *row)
{
    size_t bytes = sizeof(*row) + row->column_count * sizeof(*row->columns) + row->content_len;
    for (size_t i = 0; i < row->column_count; i++)
        bytes += row->columns[i].len;
    struct bkt_row *copy = sqlite3_malloc64(bytes);
    if (!copy)
        return NULL;
    *copy = *row;
    struct bkt_value *columns = (struct bkt_value *)(copy + 1);
    char *at = (char *)(columns + row->column_count);
    memcpy(at, row->content, row->content_len);
    copy->content = at;
    at += row->content_len;
    for (size_t i = 0; i < row->column_count; i++) {
        columns[i] = row->columns[i];
        if (columns[i].len > 0)
            memcpy(at, row->columns[i].text, columns[i].len);
        columns[i].text = at;
        at += columns[i].len;
    }
    copy->columns = columns;
    return copy;
}

static int keep_row(void *ctx, const struct bkt_row *row)
{
    struct cursor *cursor = ctx;
    struct bkt_row *copy = copy_row(row);
    cursor->copy = copy;
    cursor->row = copy;
    return copy ? BKT_OK : BKT_ENOMEM;
}

/* One object without listing it.  A failure is the row's: whoever looks at its content meets it. */
static int get(struct cursor *cursor)
{
    const struct ext_bound *key = &cursor->match.from;
    cursor->row_err = (struct bkt_error){0};
    cursor->row_rc = bkt_source_row(cursor->place->source, key->text, key->len, keep_row, cursor,
                                    &cursor->row_err);
    if (cursor->row_rc == BKT_ENOMEM || cursor->row_rc == BKT_ECANCELED)
        return fail(cursor, cursor->row_rc, &cursor->row_err);
    cursor->is_at_end = cursor->row_rc == BKT_ENOROW;
    cursor->was_read = true;
    cursor->listed = (struct bkt_listed){.key = key->text, .key_len = key->len};
    return SQLITE_OK;
}

static int read_content(struct cursor *cursor)
{
    int limit = sqlite3_limit(table_of(cursor)->db, SQLITE_LIMIT_LENGTH, -1);
    if (cursor->was_read)
        return cursor->row_rc;
    cursor->was_read = true;
    cursor->row_err = (struct bkt_error){0};
    if (cursor->listed.size > (uint64_t)limit) {
        cursor->row_rc =
            bkt_error_set(&cursor->row_err, BKT_ELIMIT,
                          "%.*s: %llu bytes are more than SQLite takes for a value, %d",
                          (int)cursor->listed.key_len, cursor->listed.key,
                          (unsigned long long)cursor->listed.size, limit);
    } else {
        cursor->row_rc = bkt_listing_row(cursor->listing, &cursor->row, &cursor->row_err);
    }
    return cursor->row_rc;
}

static int advance(struct cursor *cursor)
{
    struct bkt_error err = {.code = BKT_OK};
    const struct bkt_listed *listed;
    for (;;) {
        int rc = bkt_listing_next(cursor->listing, &listed, &err);
        if (rc)
            return fail(cursor, rc, &err);
        enum ext_step step = listed ? EXT_STEP_FITS : EXT_STEP_END;
        char *key = NULL;
        size_t key_len = 0;
        if (listed && cursor->match.folded)
            rc =
                ext_match_step(&cursor->match, listed->key, listed->key_len, &step, &key, &key_len);
        if (rc == BKT_OK && step == EXT_STEP_SEEK)
            rc = bkt_listing_seek(cursor->listing, key, key_len, &err);
        sqlite3_free(key);
        if (rc)
            return fail(cursor, rc, &err);
        if (step == EXT_STEP_SEEK)
            continue;
        cursor->is_at_end = step == EXT_STEP_END;
        cursor->was_read = false;
        if (listed)
            cursor->listed = *listed;
        return SQLITE_OK;
    }
}

static int begin_listing(struct cursor *cursor)
{
    struct ext_match *match = &cursor->match;
    bool is_in_order = cursor->plan.is_in_order || match->folded;
    struct bkt_listing_options options = {
        .size = sizeof(options),
        .order = is_in_order ? BKT_ROWS_KEY_ORDER : BKT_ROWS_ANY_ORDER,
        .from = match->from.text,
        .from_len = match->from.len,
        .from_is_excluded = match->from.is_excluded,
        .to = match->to.text,
        .to_len = match->to.len,
        .to_is_excluded = match->to.is_excluded,
        .rows_max = match->rows_max,
        .wants = match->condition_count > 0 ? ext_match_wants : NULL,
        .may_be_read = match->folded ? ext_match_may_be_read : NULL,
        .ctx = match,
    };
    struct bkt_error err = {.code = BKT_OK};
    int rc = bkt_listing_open(cursor->place->source, &options, &cursor->listing, &err);
    return rc ? fail(cursor, rc, &err) : advance(cursor);
}

static bool is_same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* The function's arguments; the same as those before keep what was reached. */
static int call(struct cursor *cursor, sqlite3_value **values, struct bkt_error *err)
{
    const char *arguments[2] = {NULL, NULL};
    for (int i = 0; i < cursor->plan.term_count; i++) {
        enum ext_operand operand = cursor->plan.terms[i]->operand;
        if (operand == EXT_OPERAND_SOURCE || operand == EXT_OPERAND_OPTIONS)
            arguments[operand == EXT_OPERAND_OPTIONS] = (const char *)sqlite3_value_text(values[i]);
    }
    if (!arguments[0])
        return bkt_error_set(err, BKT_ECONFIG, "bucketable(NULL): the bucket's URL is wanted");
    if (cursor->called.config && is_same(cursor->source, arguments[0]) &&
        is_same(cursor->options, arguments[1]))
        return BKT_OK;
    forget_call(cursor);
    int rc = ext_arguments_call(&cursor->called, arguments[0], arguments[1], err);
    if (rc) {
        forget_call(cursor);
        return rc;
    }
    cursor->source = sqlite3_mprintf("%s", arguments[0]);
    cursor->options = arguments[1] ? sqlite3_mprintf("%s", arguments[1]) : NULL;
    bool lacks_memory = !cursor->source || (arguments[1] && !cursor->options);
    return lacks_memory ? bkt_error_set(err, BKT_ENOMEM, "out of memory") : BKT_OK;
}

int ext_filter(
    sqlite3_vtab_cursor *base, int number, const char *words, int argc, sqlite3_value **argv)
{
    (void)number;
    (void)argc;
    struct cursor *cursor = (struct cursor *)base;
    struct ext_table *table = table_of(cursor);
    struct bkt_error err = {.code = BKT_OK};
    reset(cursor);
    if (!ext_plan_read(words, &cursor->plan))
        return SQLITE_INTERNAL;
    cursor->place = table->is_function ? &cursor->called : &table->place;
    int rc = table->is_function ? call(cursor, argv, &err) : BKT_OK;
    if (rc)
        return fail(cursor, rc, &err);
    const char *prefix = bkt_config_string(cursor->place->config, "prefix");
    rc = ext_match_read(&cursor->match, &cursor->plan, argv, prefix, table->db);
    if (rc == BKT_OK && !cursor->match.is_empty)
        rc = ext_place_reach(cursor->place, table->db, &err);
    if (rc)
        return fail(cursor, rc, &err);
    if (cursor->match.is_empty)
        return SQLITE_OK;
    return cursor->plan.gets && cursor->match.from.text ? get(cursor) : begin_listing(cursor);
}

int ext_next(sqlite3_vtab_cursor *base)
{
    struct cursor *cursor = (struct cursor *)base;
    if (cursor->listing)
        return advance(cursor);
    cursor->is_at_end = true;
    return SQLITE_OK;
}

int ext_eof(sqlite3_vtab_cursor *base)
{
    return ((struct cursor *)base)->is_at_end;
}

static void result_text(sqlite3_context *context, const char *text, size_t len)
{
    sqlite3_result_text64(context, text, len, SQLITE_TRANSIENT, SQLITE_UTF8);
}

static void result_or_null(sqlite3_context *context, const char *text)
{
    if (text && *text)
        result_text(context, text, strlen(text));
}

static bool has_gone(const struct cursor *cursor)
{
    return cursor->row_rc == BKT_ENOROW && cursor->row_err.http_status == 404;
}

static void result_content(sqlite3_context *context, const struct bkt_row *row)
{
    if (row->content_is_bytes)
        sqlite3_result_blob64(context, row->content, row->content_len, SQLITE_TRANSIENT);
    else
        result_text(context, row->content, row->content_len);
}

static void result_extra(sqlite3_context *context, const struct bkt_row *row, const char *name)
{
    for (size_t i = 0; i < row->column_count; i++) {
        if (strcmp(row->columns[i].name, name) == 0 && row->columns[i].kind != BKT_VALUE_NULL)
            result_text(context, row->columns[i].text, row->columns[i].len);
    }
}

/* What a read tells: the content, the columns beside it, why there is none. */
static int read_column(struct cursor *cursor, sqlite3_context *context, int column)
{
    const struct ext_table *table = table_of(cursor);
    int rc = read_content(cursor);
    bool is_error = column == ext_error_column(table);
    if (rc == BKT_ENOMEM)
        return SQLITE_NOMEM;
    if (rc == BKT_ECANCELED)
        return SQLITE_INTERRUPT;
    if (rc && !is_error) {
        if (!has_gone(cursor) && cursor->place->on_error == EXT_ON_ERROR_FAIL)
            sqlite3_result_error(context, cursor->row_err.message, -1);
        return SQLITE_OK; /* NULL */
    }
    if (is_error)
        result_or_null(context, rc ? cursor->row_err.message : NULL);
    else if (column == EXT_CONTENT)
        result_content(context, cursor->row);
    else
        result_extra(context, cursor->row, table->extras[column - EXT_LISTED_COUNT]);
    return SQLITE_OK;
}

int ext_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column)
{
    struct cursor *cursor = (struct cursor *)base;
    const struct ext_table *table = table_of(cursor);
    switch (column) {
    case EXT_FILENAME:
        result_text(context, cursor->listed.key, cursor->listed.key_len);
        return SQLITE_OK;
    case EXT_SIZE:
        sqlite3_result_int64(context, (sqlite3_int64)cursor->listed.size);
        return SQLITE_OK;
    case EXT_LAST_MODIFIED:
        result_or_null(context, cursor->listed.last_modified);
        return SQLITE_OK;
    case EXT_ETAG:
        result_or_null(context, cursor->listed.etag);
        return SQLITE_OK;
    case EXT_STORAGE_CLASS:
        result_or_null(context, cursor->listed.storage_class);
        return SQLITE_OK;
    default:
        break;
    }
    if (column == ext_source_column(table))
        result_or_null(context, cursor->source);
    else if (column == ext_options_column(table))
        result_or_null(context, cursor->options);
    else
        return read_column(cursor, context, column);
    return SQLITE_OK;
}
