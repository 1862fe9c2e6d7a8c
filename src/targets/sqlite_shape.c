#include "targets/sqlite_shape.h"

#include "targets/change.h"

#include <stdio.h>

static const char *column_type(unsigned column)
{
    return column == BKT_COLUMN_SIZE ? "INTEGER" : "TEXT";
}

static void note_column(sqlite3_stmt *stmt, struct bkt_sqlite_shape *shape)
{
    struct bkt_str name = bkt_sqlite_column(stmt, 0);
    int key_index = sqlite3_column_int(stmt, 1);
    if (bkt_str_eq(name, BKT_STR("filename"))) {
        shape->has_filename = key_index == 1;
    } else if (key_index > 0) {
        shape->has_filename = false;
    }
    if (bkt_str_eq(name, BKT_STR("content")))
        shape->has_content = true;
    for (unsigned i = 0; i < BKT_COLUMN_COUNT; i++) {
        if (sqlite3_stricmp(bkt_column_names[i], name.ptr) == 0)
            shape->columns |= 1u << i;
    }
}

int bkt_sqlite_shape_read(const struct bkt_sqlite *conn,
                          struct bkt_sqlite_shape *shape,
                          struct bkt_error *err)
{
    int64_t things = 0;
    int64_t tables = 0;
    int rc = bkt_sqlite_number(
        conn, "SELECT count(*) FROM sqlite_schema WHERE name = ? COLLATE NOCASE", &things, err);
    if (rc == BKT_OK) {
        rc = bkt_sqlite_number(conn,
                               "SELECT count(*) FROM sqlite_schema"
                               " WHERE name = ? COLLATE NOCASE AND type = 'table'",
                               &tables, err);
    }
    if (rc)
        return rc;
    *shape = (struct bkt_sqlite_shape){.exists = things > 0, .is_table = tables > 0};

    sqlite3_stmt *stmt = NULL;
    rc = bkt_sqlite_prepare(conn, "SELECT name, pk FROM pragma_table_xinfo(?)", &stmt, err);
    if (rc)
        return rc;
    (void)bkt_sqlite_bind_text(stmt, 1, bkt_str_from(conn->table));
    while (sqlite3_step(stmt) == SQLITE_ROW)
        note_column(stmt, shape);
    int status = sqlite3_finalize(stmt);
    return status ? bkt_sqlite_fail(conn, status, "use", err) : BKT_OK;
}

int bkt_sqlite_shape_create(const struct bkt_sqlite *conn,
                            const struct bkt_table_spec *spec,
                            struct bkt_error *err)
{
    char sql[512];
    int len = snprintf(sql, sizeof(sql),
                       "CREATE TABLE @T (filename TEXT PRIMARY KEY NOT NULL, content %s",
                       spec->binary ? "BLOB" : "TEXT");
    for (unsigned i = 0; i < BKT_COLUMN_COUNT; i++) {
        if (spec->columns & (1u << i)) {
            len += snprintf(sql + len, sizeof(sql) - (size_t)len, ", %s %s", bkt_column_names[i],
                            column_type(1u << i));
        }
    }
    (void)snprintf(sql + len, sizeof(sql) - (size_t)len, ")");
    return bkt_sqlite_exec(conn, sql, err);
}

/*
 * The declared type of `content` is changed in the schema's own text, which SQLite documents for
 * changes that leave the stored rows valid (lang_altertable, "Making Other Kinds Of Table Schema
 * Changes").  This one does: TEXT and BLOB affinity both keep a text and a blob as they are.  Rows,
 * indexes, triggers, views and columns of the user's stay.  It works on the text that we wrote
 * only.
 */
static int retype_content(const struct bkt_sqlite *conn, bool to_binary, struct bkt_error *err)
{
    struct bkt_buf head = BKT_BUF_INIT(BKT_SQLITE_SQL_BYTES);
    sqlite3_stmt *stmt = NULL;
    int64_t cookie = 0;
    int changed = 0;
    char pragma[64];
    int rc = bkt_sqlite_expand(
        conn, "CREATE TABLE @T (filename TEXT PRIMARY KEY NOT NULL, content ", &head);
    if (rc) {
        rc = bkt_sqlite_refuse(conn, rc, err, bkt_error_text(rc));
        goto done;
    }
    rc = bkt_sqlite_number(conn, "PRAGMA schema_version", &cookie, err);
    if (rc == BKT_OK)
        rc = bkt_sqlite_exec(conn, "PRAGMA writable_schema = ON", err);
    if (rc == BKT_OK) {
        rc = bkt_sqlite_prepare(conn,
                                "UPDATE sqlite_schema SET sql = ?1 || ?2 || substr(sql,"
                                " length(?1) + 5) WHERE type = 'table' AND name = ?3 COLLATE NOCASE"
                                " AND substr(sql, 1, length(?1) + 4) = ?1 || ?4",
                                &stmt, err);
    }
    if (rc)
        goto done;
    (void)(bkt_sqlite_bind_text(stmt, 1, bkt_buf_str(&head)) ||
           bkt_sqlite_bind_text(stmt, 2, to_binary ? BKT_STR("BLOB") : BKT_STR("TEXT")) ||
           bkt_sqlite_bind_text(stmt, 3, bkt_str_from(conn->table)) ||
           bkt_sqlite_bind_text(stmt, 4, to_binary ? BKT_STR("TEXT") : BKT_STR("BLOB")));
    (void)sqlite3_step(stmt);
    int status = sqlite3_finalize(stmt);
    changed = sqlite3_changes(conn->db);
    if (status) {
        rc = bkt_sqlite_fail(conn, status, "use", err);
        goto done;
    }
    if (changed != 1) {
        rc = bkt_sqlite_refuse(
            conn, BKT_ETARGET, err,
            "the type of column content cannot be changed, since the table was not made by "
            "bucketable: drop it to have it built again");
        goto done;
    }
    (void)snprintf(pragma, sizeof(pragma), "PRAGMA schema_version = %lld", (long long)cookie + 1);
    rc = bkt_sqlite_exec(conn, pragma, err);

done:
    /* Also drops the schema that this connection has in memory, so that it reads the new one. */
    (void)sqlite3_exec(conn->db, "PRAGMA writable_schema = RESET", NULL, NULL, NULL);
    bkt_buf_clear(&head);
    return rc;
}

static int alter_columns(const struct bkt_sqlite *conn,
                         bool is_drop,
                         unsigned columns,
                         struct bkt_error *err)
{
    for (unsigned i = 0; i < BKT_COLUMN_COUNT; i++) {
        if (!(columns & (1u << i)))
            continue;
        const char *name = bkt_column_names[i];
        char sql[96];
        (void)snprintf(sql, sizeof(sql), "ALTER TABLE @T %s COLUMN %s %s", is_drop ? "DROP" : "ADD",
                       name, is_drop ? "" : column_type(1u << i));
        int rc = bkt_sqlite_exec(conn, sql, err);
        if (rc == BKT_ETARGET && is_drop && err && !err->retriable) {
            return bkt_error_wrap(err, rc,
                                  "drop column %s of table %s (keep it in `columns`, or drop the "
                                  "index, trigger or view that needs it)",
                                  name, conn->table);
        }
        if (rc)
            return rc;
    }
    return BKT_OK;
}

/* Of ours, those that the spec asks for and the table has not. */
static unsigned missing_columns(const struct bkt_table_spec *spec,
                                const struct bkt_sqlite_record *record,
                                const struct bkt_sqlite_shape *shape)
{
    return spec->columns & ~(shape ? record->columns & shape->columns : record->columns);
}

bool bkt_sqlite_shape_lacks(const struct bkt_table_spec *spec,
                            const struct bkt_sqlite_record *record,
                            const struct bkt_sqlite_shape *shape)
{
    return record->binary != spec->binary || missing_columns(spec, record, shape) != 0;
}

int bkt_sqlite_shape_follow(const struct bkt_sqlite *conn,
                            const struct bkt_table_spec *spec,
                            const struct bkt_sqlite_record *record,
                            const struct bkt_sqlite_shape *shape,
                            struct bkt_error *err)
{
    unsigned dropped = record->columns & shape->columns & ~spec->columns;
    int rc = BKT_OK;
    if (record->binary != spec->binary)
        rc = retype_content(conn, spec->binary, err);
    if (rc == BKT_OK)
        rc = alter_columns(conn, true, dropped, err);
    return rc ? rc : alter_columns(conn, false, missing_columns(spec, record, shape), err);
}

static int check_state(const struct bkt_sqlite *conn, struct bkt_error *err)
{
    int64_t tables = 0;
    int rc = bkt_sqlite_number(conn,
                               "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name"
                               " COLLATE NOCASE IN ('bucketable_state_' || ?1,"
                               " 'bucketable_absent_' || ?1)",
                               &tables, err);
    if (rc || tables == 2)
        return rc;
    return bkt_sqlite_refuse(conn, BKT_ETARGET, err,
                             "its state is gone: drop it to have it built again");
}

/* A column that somebody else made has a name that ours is to have. */
static int check_foreign(const struct bkt_sqlite *conn, unsigned columns, struct bkt_error *err)
{
    for (unsigned i = 0; i < BKT_COLUMN_COUNT; i++) {
        if (columns & (1u << i)) {
            return bkt_error_set(err, BKT_ETARGET,
                                 "table %s in %s has a column %s that bucketable did not make: "
                                 "rename it, or leave it out of `columns`",
                                 conn->table, conn->path, bkt_column_names[i]);
        }
    }
    return BKT_OK;
}

/* An insert that names our columns only must be possible. */
static int check_others(const struct bkt_sqlite *conn, unsigned columns, struct bkt_error *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = bkt_sqlite_prepare(conn,
                                "SELECT name FROM pragma_table_xinfo(?) WHERE \"notnull\""
                                " AND dflt_value IS NULL AND hidden = 0",
                                &stmt, err);
    if (rc)
        return rc;
    (void)bkt_sqlite_bind_text(stmt, 1, bkt_str_from(conn->table));
    while (rc == BKT_OK && sqlite3_step(stmt) == SQLITE_ROW) {
        struct bkt_str name = bkt_sqlite_column(stmt, 0);
        bool known = bkt_str_eq(name, BKT_STR("filename")) || bkt_str_eq(name, BKT_STR("content"));
        for (unsigned i = 0; i < BKT_COLUMN_COUNT; i++) {
            known |=
                (columns & (1u << i)) != 0 && bkt_str_eq(name, bkt_str_from(bkt_column_names[i]));
        }
        if (!known) {
            rc = bkt_error_set(err, BKT_ETARGET,
                               "table %s in %s: its column %.*s is NOT NULL without a default, so "
                               "no row can be added: give it a default, or drop it",
                               conn->table, conn->path, BKT_STR_ARG(name));
        }
    }
    int status = sqlite3_finalize(stmt);
    if (rc == BKT_OK && status)
        rc = bkt_sqlite_fail(conn, status, "use", err);
    return rc;
}

int bkt_sqlite_shape_check(const struct bkt_sqlite *conn,
                           const struct bkt_table_spec *spec,
                           const struct bkt_sqlite_record *record,
                           const struct bkt_sqlite_shape *shape,
                           struct bkt_error *err)
{
    int rc = check_state(conn, err);
    if (rc || !shape)
        return rc;
    if (!shape->has_filename || !shape->has_content) {
        return bkt_sqlite_refuse(conn, BKT_ETARGET, err,
                                 "it has no column content or its key is not filename any more: "
                                 "drop it to have it built again");
    }
    rc = check_foreign(conn, missing_columns(spec, record, shape) & shape->columns, err);
    return rc ? rc : check_others(conn, record->columns | spec->columns, err);
}
