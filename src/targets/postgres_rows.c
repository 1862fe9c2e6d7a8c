#include "targets/postgres_rows.h"

#include "targets/change.h"
#include "targets/postgres_run.h"

enum { PARAM_COLUMNS = 3, KEPT_BYTES_MAX = 32 << 20 };

enum form { FORM_NAME, FORM_UNNEST, FORM_EXCLUDED, FORM_SET, FORM_SET_IF_TOLD, FORM_DIFFERS };

static enum bkt_postgres_type type_of(enum bkt_column column)
{
    if (column == BKT_COLUMN_SIZE)
        return BKT_POSTGRES_INT8;
    return column == BKT_COLUMN_LAST_MODIFIED ? BKT_POSTGRES_TIMESTAMPTZ : BKT_POSTGRES_TEXT;
}

static const char *array_type_of(enum bkt_column column)
{
    if (column == BKT_COLUMN_SIZE)
        return "int8[]";
    return column == BKT_COLUMN_LAST_MODIFIED ? "timestamptz[]" : "text[]";
}

static int append_form(struct bkt_buf *sql, enum form form, unsigned i, int param)
{
    enum bkt_column column = (enum bkt_column)(1u << i);
    const char *name = bkt_column_names[i];
    switch (form) {
    case FORM_NAME:
        return bkt_buf_printf(sql, "%s", name);
    case FORM_UNNEST:
        return bkt_buf_printf(sql, "unnest($%d::%s)%s AS %s", param, array_type_of(column),
                              column == BKT_COLUMN_METADATA ? "::jsonb" : "", name);
    case FORM_EXCLUDED:
        return bkt_buf_printf(sql, "%s = excluded.%s", name, name);
    case FORM_SET:
        return bkt_buf_printf(sql, "%s = i.%s", name, name);
    case FORM_SET_IF_TOLD:
        return bkt_buf_printf(sql, "%s = coalesce(i.%s, t.%s)", name, name, name);
    case FORM_DIFFERS:
        return bkt_buf_printf(sql, "t.%s IS DISTINCT FROM coalesce(i.%s, t.%s)", name, name, name);
    }
    return BKT_OK;
}

/* Parameters are numbered in the order of the columns asked for, after key and content. */
static int append_each(struct bkt_buf *sql,
                       const struct bkt_postgres_rows *rows,
                       const char *before,
                       const char *between,
                       enum form form)
{
    int rc = BKT_OK;
    int param = rows->op == BKT_POSTGRES_TOUCH ? PARAM_COLUMNS - 1 : PARAM_COLUMNS;
    const char *joint = before;
    for (unsigned i = 0; i < BKT_COLUMN_COUNT && rc == BKT_OK; i++) {
        if (!(rows->columns & (1u << i)))
            continue;
        rc = bkt_buf_append(sql, bkt_str_from(joint));
        if (rc == BKT_OK)
            rc = append_form(sql, form, i, param);
        param++;
        joint = between;
    }
    return rc;
}

static int append_select(struct bkt_buf *sql, const struct bkt_postgres_rows *rows, bool binary)
{
    int rc = bkt_buf_append(sql, BKT_STR("SELECT unnest($1::text[]) AS filename"));
    if (rc == BKT_OK && rows->op != BKT_POSTGRES_TOUCH) {
        rc = bkt_buf_printf(sql, ", unnest($2::%s[]) AS content", binary ? "bytea" : "text");
    }
    return rc ? rc : append_each(sql, rows, ", ", ", ", FORM_UNNEST);
}

static int insert_sql(struct bkt_buf *sql, const struct bkt_postgres_rows *rows, bool binary)
{
    int rc = bkt_buf_append(sql, BKT_STR("INSERT INTO @T (filename, content"));
    if (rc == BKT_OK)
        rc = append_each(sql, rows, ", ", ", ", FORM_NAME);
    if (rc == BKT_OK)
        rc = bkt_buf_append(sql, BKT_STR(") "));
    if (rc == BKT_OK)
        rc = append_select(sql, rows, binary);
    if (rc == BKT_OK)
        rc = bkt_buf_append(sql, BKT_STR(" ON CONFLICT (filename) DO "));
    if (rc || rows->op == BKT_POSTGRES_MISSING)
        return rc ? rc : bkt_buf_append(sql, BKT_STR("NOTHING"));
    rc = bkt_buf_append(sql, BKT_STR("UPDATE SET content = excluded.content"));
    return rc ? rc : append_each(sql, rows, ", ", ", ", FORM_EXCLUDED);
}

static int update_sql(struct bkt_buf *sql, const struct bkt_postgres_rows *rows, bool binary)
{
    bool is_touch = rows->op == BKT_POSTGRES_TOUCH;
    int rc = bkt_buf_append(sql, BKT_STR("UPDATE @T AS t SET "));
    if (rc == BKT_OK && !is_touch)
        rc = bkt_buf_append(sql, BKT_STR("content = i.content"));
    if (rc == BKT_OK) {
        rc = append_each(sql, rows, is_touch ? "" : ", ", ", ",
                         is_touch ? FORM_SET_IF_TOLD : FORM_SET);
    }
    if (rc == BKT_OK)
        rc = bkt_buf_append(sql, BKT_STR(" FROM ("));
    if (rc == BKT_OK)
        rc = append_select(sql, rows, binary);
    if (rc == BKT_OK)
        rc = bkt_buf_append(sql, BKT_STR(") AS i WHERE t.filename = i.filename"));
    if (rc || !is_touch)
        return rc;
    rc = append_each(sql, rows, " AND (", " OR ", FORM_DIFFERS);
    return rc ? rc : bkt_buf_append_char(sql, ')');
}

static int copy_sql(struct bkt_buf *sql, const struct bkt_postgres_rows *rows)
{
    int rc = bkt_buf_append(sql, BKT_STR("COPY @T (filename, content"));
    if (rc == BKT_OK)
        rc = append_each(sql, rows, ", ", ", ", FORM_NAME);
    return rc ? rc : bkt_buf_append(sql, BKT_STR(") FROM STDIN WITH BINARY"));
}

static int make_sql(struct bkt_postgres_rows *rows, bool binary)
{
    switch (rows->op) {
    case BKT_POSTGRES_COPY:
        return copy_sql(&rows->sql, rows);
    case BKT_POSTGRES_INSERT:
    case BKT_POSTGRES_MISSING:
        return insert_sql(&rows->sql, rows, binary);
    case BKT_POSTGRES_UPDATE:
    case BKT_POSTGRES_TOUCH:
        return update_sql(&rows->sql, rows, binary);
    case BKT_POSTGRES_DELETE:
        return bkt_buf_append(&rows->sql,
                              BKT_STR("DELETE FROM @T WHERE filename = ANY ($1::text[])"));
    case BKT_POSTGRES_ROW_OP_COUNT:
        break;
    }
    return BKT_OK;
}

int bkt_postgres_rows_init(struct bkt_postgres_rows *rows,
                           enum bkt_postgres_row_op op,
                           unsigned columns,
                           bool binary)
{
    if (op == BKT_POSTGRES_TOUCH)
        columns &= BKT_COLUMNS_TOUCHED;
    *rows = (struct bkt_postgres_rows){
        .op = op,
        .columns = op == BKT_POSTGRES_DELETE ? 0 : columns,
        .sql = BKT_BUF_INIT(BKT_POSTGRES_SQL_BYTES),
    };
    /* COPY's numbers are all of 8 bytes. */
    bkt_postgres_array_init(&rows->keys,
                            op == BKT_POSTGRES_COPY ? BKT_POSTGRES_INT8 : BKT_POSTGRES_TEXT);
    bkt_postgres_array_init(&rows->contents, binary ? BKT_POSTGRES_BYTEA : BKT_POSTGRES_TEXT);
    for (unsigned i = 0; i < BKT_COLUMN_COUNT; i++)
        bkt_postgres_array_init(&rows->values[i], type_of((enum bkt_column)(1u << i)));
    int rc = make_sql(rows, binary);
    if (rc)
        bkt_postgres_rows_clear(rows);
    return rc;
}

void bkt_postgres_rows_clear(struct bkt_postgres_rows *rows)
{
    bkt_buf_clear(&rows->sql);
    bkt_postgres_array_clear(&rows->keys);
    bkt_postgres_array_clear(&rows->contents);
    for (unsigned i = 0; i < BKT_COLUMN_COUNT; i++)
        bkt_postgres_array_clear(&rows->values[i]);
    *rows = (struct bkt_postgres_rows){0};
}

void bkt_postgres_rows_reset(struct bkt_postgres_rows *rows)
{
    rows->count = 0;
    rows->params.count = 0;
    if (rows->keys.bytes.cap > KEPT_BYTES_MAX) {
        bkt_postgres_array_clear(&rows->keys);
    } else {
        bkt_postgres_array_reset(&rows->keys);
    }
    if (rows->contents.bytes.cap > KEPT_BYTES_MAX) {
        bkt_postgres_array_clear(&rows->contents);
    } else {
        bkt_postgres_array_reset(&rows->contents);
    }
    for (unsigned i = 0; i < BKT_COLUMN_COUNT; i++)
        bkt_postgres_array_reset(&rows->values[i]);
}

static bool has_content(const struct bkt_postgres_rows *rows)
{
    return rows->op != BKT_POSTGRES_TOUCH && rows->op != BKT_POSTGRES_DELETE;
}

static int add_column(struct bkt_postgres_array *array,
                      enum bkt_column column,
                      const struct bkt_change *change)
{
    if (column == BKT_COLUMN_SIZE)
        return bkt_postgres_array_add_int(array, (int64_t)change->object.size);
    if (column == BKT_COLUMN_LAST_MODIFIED)
        return bkt_postgres_array_add_time(array, change->object.last_modified_ms);
    return bkt_postgres_array_add_text_or_null(array, bkt_change_column(change, column));
}

/* jsonb_recv() wants its version before the text. */
static int add_jsonb(struct bkt_postgres_array *fields, struct bkt_str text)
{
    struct bkt_buf field = BKT_BUF_INIT(BKT_POSTGRES_BYTES_MAX);
    int rc = bkt_buf_append_char(&field, 1);
    if (rc == BKT_OK)
        rc = bkt_buf_append(&field, text);
    if (rc == BKT_OK)
        rc = bkt_postgres_array_add_text(fields, bkt_buf_str(&field));
    bkt_buf_clear(&field);
    return rc;
}

static int add_content(struct bkt_postgres_array *array,
                       bool is_text,
                       const struct bkt_change *change)
{
    /* As bytes go in, U+0000 and all; of text it is known to be UTF-8. */
    return is_text ? bkt_postgres_array_add_utf8(array, change->content)
                   : bkt_postgres_array_add(array, change->content);
}

static int add_copied(struct bkt_postgres_rows *rows, const struct bkt_change *change)
{
    bool is_text = rows->contents.element == BKT_POSTGRES_TEXT;
    struct bkt_postgres_array *fields = &rows->keys;
    unsigned field_count = 2;
    for (unsigned i = 0; i < BKT_COLUMN_COUNT; i++)
        field_count += rows->columns >> i & 1;
    int rc = bkt_postgres_copy_row(fields, field_count);
    if (rc == BKT_OK)
        rc = bkt_postgres_array_add(fields, change->object.key);
    if (rc == BKT_OK)
        rc = add_content(fields, is_text, change);
    for (unsigned i = 0; i < BKT_COLUMN_COUNT && rc == BKT_OK; i++) {
        enum bkt_column column = (enum bkt_column)(1u << i);
        if (!(rows->columns & (1u << i)))
            continue;
        rc = column == BKT_COLUMN_METADATA ? add_jsonb(fields, bkt_change_column(change, column))
                                           : add_column(fields, column, change);
    }
    rows->count += rc == BKT_OK;
    return rc;
}

int bkt_postgres_rows_data(struct bkt_postgres_rows *rows, struct bkt_str *out_data)
{
    return bkt_postgres_copy_finish(&rows->keys, out_data);
}

int bkt_postgres_rows_add(struct bkt_postgres_rows *rows, const struct bkt_change *change)
{
    if (rows->op == BKT_POSTGRES_COPY)
        return add_copied(rows, change);
    int rc = bkt_postgres_array_add(&rows->keys, change->object.key);
    if (rc == BKT_OK && has_content(rows)) {
        rc = add_content(&rows->contents, rows->contents.element == BKT_POSTGRES_TEXT, change);
    }
    for (unsigned i = 0; i < BKT_COLUMN_COUNT && rc == BKT_OK; i++) {
        if (rows->columns & (1u << i))
            rc = add_column(&rows->values[i], (enum bkt_column)(1u << i), change);
    }
    rows->count += rc == BKT_OK;
    return rc;
}

int bkt_postgres_rows_finish(struct bkt_postgres_rows *rows,
                             struct bkt_postgres_statement *out_statement)
{
    *out_statement = (struct bkt_postgres_statement){0};
    if (rows->count == 0)
        return BKT_OK;
    rows->params.count = 0;
    int rc = bkt_postgres_param_array(&rows->params, &rows->keys);
    if (rc == BKT_OK && has_content(rows))
        rc = bkt_postgres_param_array(&rows->params, &rows->contents);
    for (unsigned i = 0; i < BKT_COLUMN_COUNT && rc == BKT_OK; i++) {
        if (rows->columns & (1u << i))
            rc = bkt_postgres_param_array(&rows->params, &rows->values[i]);
    }
    if (rc == BKT_OK) {
        *out_statement =
            (struct bkt_postgres_statement){.sql = rows->sql.ptr, .params = &rows->params};
    }
    return rc;
}
