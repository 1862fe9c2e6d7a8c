#include "targets/sqlite_rows.h"

#include "core/time.h"
#include "targets/change.h"
#include "targets/sqlite_db.h"

enum { PARAM_KEY = 1, PARAM_CONTENT = 2, PARAM_COLUMNS = 3 };

enum form { FORM_NAME, FORM_PARAM, FORM_SET, FORM_SET_IF_TOLD, FORM_DIFFERS };

static int append_form(struct bkt_buf *sql, enum form form, const char *name, unsigned param)
{
    switch (form) {
    case FORM_NAME:
        return bkt_buf_printf(sql, "%s", name);
    case FORM_PARAM:
        return bkt_buf_printf(sql, "?%u", param);
    case FORM_SET:
        return bkt_buf_printf(sql, "%s = ?%u", name, param);
    case FORM_SET_IF_TOLD:
        return bkt_buf_printf(sql, "%s = coalesce(?%u, %s)", name, param, name);
    case FORM_DIFFERS:
        return bkt_buf_printf(sql, "%s IS NOT coalesce(?%u, %s)", name, param, name);
    }
    return BKT_OK;
}

static int append_each(
    struct bkt_buf *sql, unsigned columns, const char *before, const char *between, enum form form)
{
    int rc = BKT_OK;
    const char *joint = before;
    for (unsigned i = 0; i < BKT_COLUMN_COUNT && rc == BKT_OK; i++) {
        if (!(columns & (1u << i)))
            continue;
        rc = bkt_buf_append(sql, bkt_str_from(joint));
        if (rc == BKT_OK)
            rc = append_form(sql, form, bkt_column_names[i], PARAM_COLUMNS + i);
        joint = between;
    }
    return rc;
}

static int insert_sql(unsigned columns, struct bkt_buf *out)
{
    int rc = bkt_buf_append(out, BKT_STR("INSERT INTO @T (filename, content"));
    if (rc == BKT_OK)
        rc = append_each(out, columns, ", ", ", ", FORM_NAME);
    if (rc == BKT_OK)
        rc = bkt_buf_append(out, BKT_STR(") VALUES (?1, ?2"));
    if (rc == BKT_OK)
        rc = append_each(out, columns, ", ", ", ", FORM_PARAM);
    if (rc == BKT_OK) {
        rc = bkt_buf_append(out, BKT_STR(") ON CONFLICT (filename) DO UPDATE SET content = ?2"));
    }
    return rc ? rc : append_each(out, columns, ", ", ", ", FORM_SET);
}

static int insert_all_sql(unsigned columns, struct bkt_buf *out)
{
    int rc = bkt_buf_append(out, BKT_STR("INSERT OR FAIL INTO @T (filename, content"));
    if (rc == BKT_OK)
        rc = append_each(out, columns, ", ", ", ", FORM_NAME);
    if (rc == BKT_OK)
        rc = bkt_buf_append(out, BKT_STR(") SELECT filename, content"));
    if (rc == BKT_OK)
        rc = append_each(out, columns, ", ", ", ", FORM_NAME);
    return rc ? rc : bkt_buf_append(out, BKT_STR(" FROM bucketable_batch"));
}

static int update_sql(unsigned columns, struct bkt_buf *out)
{
    int rc = bkt_buf_append(out, BKT_STR("UPDATE @T SET content = ?2"));
    if (rc == BKT_OK)
        rc = append_each(out, columns, ", ", ", ", FORM_SET);
    return rc ? rc : bkt_buf_append(out, BKT_STR(" WHERE filename = ?1"));
}

static int touch_sql(unsigned columns, struct bkt_buf *out)
{
    columns &= BKT_COLUMNS_TOUCHED;
    int rc = append_each(out, columns, "UPDATE @T SET ", ", ", FORM_SET_IF_TOLD);
    if (rc == BKT_OK)
        rc = append_each(out, columns, " WHERE filename = ?1 AND (", " OR ", FORM_DIFFERS);
    return rc ? rc : bkt_buf_append_char(out, ')');
}

int bkt_sqlite_rows_sql(enum bkt_sqlite_row_op op, unsigned columns, struct bkt_buf *out)
{
    switch (op) {
    case BKT_SQLITE_INSERT:
        return insert_sql(columns, out);
    case BKT_SQLITE_INSERT_ALL:
        return insert_all_sql(columns, out);
    case BKT_SQLITE_UPDATE:
        return update_sql(columns, out);
    case BKT_SQLITE_TOUCH:
        return touch_sql(columns, out);
    case BKT_SQLITE_DELETE:
        return bkt_buf_append(out, BKT_STR("DELETE FROM @T WHERE filename = ?1"));
    case BKT_SQLITE_ROW_OP_COUNT:
        break;
    }
    return BKT_OK;
}

static int bind_column(sqlite3_stmt *stmt,
                       int param,
                       enum bkt_column column,
                       const struct bkt_change *change)
{
    if (column == BKT_COLUMN_SIZE)
        return sqlite3_bind_int64(stmt, param, (sqlite3_int64)change->object.size);
    if (column == BKT_COLUMN_LAST_MODIFIED)
        return bkt_sqlite_bind_time(stmt, param, change->object.last_modified_ms);
    return bkt_sqlite_bind_text_or_null(stmt, param, bkt_change_column(change, column));
}

int bkt_sqlite_rows_bind(sqlite3_stmt *stmt,
                         enum bkt_sqlite_row_op op,
                         unsigned columns,
                         const struct bkt_change *change,
                         bool binary)
{
    int rc = bkt_sqlite_bind_text(stmt, PARAM_KEY, change->object.key);
    if (rc || op == BKT_SQLITE_DELETE)
        return rc;
    if (op == BKT_SQLITE_TOUCH) {
        columns &= BKT_COLUMNS_TOUCHED;
    } else {
        rc = binary || change->content_is_bytes
                 ? bkt_sqlite_bind_blob(stmt, PARAM_CONTENT, change->content)
                 : bkt_sqlite_bind_text(stmt, PARAM_CONTENT, change->content);
    }
    for (unsigned i = 0; i < BKT_COLUMN_COUNT && rc == SQLITE_OK; i++) {
        if (columns & (1u << i)) {
            rc = bind_column(stmt, (int)(PARAM_COLUMNS + i), (enum bkt_column)(1u << i), change);
        }
    }
    return rc;
}
