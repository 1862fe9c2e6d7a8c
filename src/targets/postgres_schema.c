#include "targets/postgres_schema.h"

#include "core/mem.h"
#include "targets/change.h"
#include "targets/libpq_load.h"
#include "targets/postgres_boundaries.h"
#include "targets/postgres_error.h"
#include "targets/postgres_lease.h"
#include "targets/postgres_run.h"
#include "targets/postgres_shape.h"
#include "targets/postgres_workers.h"
#include "targets/sql.h"

#include <stdio.h>

static const char record_sql[] =
    "CREATE TABLE IF NOT EXISTS @R (table_name text PRIMARY KEY NOT NULL,"
    " schema_version integer NOT NULL, source text NOT NULL, spec text NOT NULL,"
    " is_binary boolean NOT NULL, columns integer NOT NULL, epoch bigint NOT NULL,"
    " clock bigint NOT NULL, floor bigint NOT NULL, row_count bigint NOT NULL,"
    " failed_count bigint NOT NULL, created_at timestamptz NOT NULL,"
    " updated_at timestamptz NOT NULL, listing_ended_at timestamptz, listing_listed bigint,"
    " listing_matched bigint, listing_failed bigint)";

static const char *const state_sql[] = {
    "CREATE TABLE @S (filename bytea PRIMARY KEY NOT NULL, revision bigint NOT NULL,"
    " flags integer NOT NULL, etag text, size bigint NOT NULL DEFAULT 0, last_modified bigint,"
    " version_id text, decode bigint NOT NULL DEFAULT 0, failed_etag text, error text)",
    /* Tombstones and failures are few, and are looked for at each listing. */
    "CREATE INDEX @I ON @S (flags, revision) WHERE (flags & 5) <> 1",
    "CREATE TABLE @A (filename bytea PRIMARY KEY NOT NULL, read_at bigint NOT NULL)",
};
enum { STATE_STATEMENTS = sizeof(state_sql) / sizeof(state_sql[0]) };

static const char *const column_types[BKT_COLUMN_COUNT] = {
    "text", "bigint", "timestamptz", "text", "text", "text", "jsonb",
};

static int fail(const struct bkt_postgres *conn, int code, struct bkt_error *err, const char *text)
{
    return bkt_postgres_fail(conn, code, "use", err, text);
}

static int create_sql(const struct bkt_table_spec *spec, struct bkt_buf *out)
{
    int rc = bkt_buf_printf(out, "CREATE TABLE @T (filename text PRIMARY KEY NOT NULL, content %s",
                            spec->binary ? "bytea" : "text");
    for (unsigned i = 0; i < BKT_COLUMN_COUNT && rc == BKT_OK; i++) {
        if (spec->columns & (1u << i))
            rc = bkt_buf_printf(out, ", %s %s", bkt_column_names[i], column_types[i]);
    }
    return rc ? rc : bkt_buf_append_char(out, ')');
}

/* Whom libpq would log in as; the caller frees it.  NULL: not known, or memory is out. */
static char *user_of(const char *url)
{
    PQconninfoOption *lists[] = {PQconninfoParse(url, NULL), PQconndefaults()};
    char *user = NULL;
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        for (const PQconninfoOption *option = lists[i]; !user && option && option->keyword;
             option++) {
            if (strcmp(option->keyword, "user") == 0 && option->val)
                user = bkt_mem_strdup(option->val, strlen(option->val));
        }
        PQconninfoFree(lists[i]);
    }
    return user;
}

static int append_statement(const struct bkt_postgres *conn,
                            const char *sql,
                            const char *user,
                            struct bkt_buf *out)
{
    int rc = bkt_postgres_expand(conn, sql, out);
    if (rc == BKT_OK && user)
        rc = bkt_sql_quote(out, "", user);
    return rc ? rc : bkt_buf_append(out, BKT_STR(";\n"));
}

static int append_ddl(const struct bkt_postgres *conn,
                      const char *rows_sql,
                      const char *user,
                      struct bkt_buf *out)
{
    const char *const statements[] = {
        conn->schema[0] ? "CREATE SCHEMA IF NOT EXISTS @N" : NULL,
        rows_sql,
        record_sql,
        bkt_postgres_boundaries_sql,
        bkt_postgres_lease_sql,
        bkt_postgres_workers_sql,
        state_sql[0],
        state_sql[1],
        state_sql[2],
    };
    static const char *const grants[] = {
        "GRANT USAGE ON SCHEMA @N TO ",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON @T, @S, @A, @R, @B, @L, @W TO ",
    };
    int rc = BKT_OK;
    for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]) && rc == BKT_OK; i++) {
        if (statements[i])
            rc = append_statement(conn, statements[i], NULL, out);
    }
    for (size_t i = conn->schema[0] ? 0 : 1; i < 2 && rc == BKT_OK; i++)
        rc = append_statement(conn, grants[i], user, out);
    return rc;
}

int bkt_postgres_ddl(const struct bkt_table_spec *spec,
                     struct bkt_str url,
                     struct bkt_str table,
                     struct bkt_buf *out,
                     struct bkt_error *err)
{
    struct bkt_postgres conn = {0};
    struct bkt_buf rows = BKT_BUF_INIT(BKT_POSTGRES_SQL_BYTES);
    int rc = bkt_postgres_init(&conn, url, table, err);
    if (rc)
        return rc;
    char *user = user_of(conn.url);
    rc = user ? create_sql(spec, &rows) : BKT_ENOMEM;
    if (rc == BKT_OK)
        rc = append_ddl(&conn, rows.ptr, user, out);
    if (rc)
        (void)bkt_error_set(err, rc, "write the tables' DDL: %s", bkt_error_text(rc));
    bkt_buf_clear(&rows);
    bkt_mem_free(user);
    bkt_postgres_clear(&conn);
    return rc;
}

static int exec(struct bkt_postgres *conn, const char *sql, struct bkt_error *err)
{
    return bkt_postgres_exec(conn, "use", sql, NULL, NULL, err);
}

/* Run `sql`, which makes something; where that is not allowed, say what would help. */
static int create(struct bkt_postgres *conn, const char *sql, struct bkt_error *err)
{
    int rc = bkt_postgres_exec(conn, "make", sql, NULL, NULL, err);
    if (rc != BKT_ETARGET || !bkt_postgres_said(conn, "42501"))
        return rc;
    return bkt_postgres_fail_to_make(conn, conn->said, err);
}

/*
 * Find the record or put an empty one in its place, and hold its lock: whoever attaches at the same
 * time waits here.
 */
static int hold_record(struct bkt_postgres *conn,
                       const struct bkt_table_spec *spec,
                       PGresult **out_result,
                       struct bkt_error *err)
{
    bool has_records = false;
    int rc = bkt_postgres_exists(conn, "@R", &has_records, err);
    if (rc == BKT_OK && !has_records)
        rc = create(conn, record_sql, err);
    if (rc)
        return rc;
    struct bkt_postgres_params name = bkt_postgres_table_param(conn);
    struct bkt_postgres_params insert = name;
    bkt_postgres_param(&insert, BKT_POSTGRES_TEXT, spec->source);
    const struct bkt_postgres_statement statements[] = {
        {"INSERT INTO @R (table_name, schema_version, source, spec, is_binary, columns, epoch,"
         " clock, floor, row_count, failed_count, created_at, updated_at)"
         " VALUES ($1::text, 0, $2::text, '', false, 0, 0, 0, 0, 0, 0, now(), now())"
         " ON CONFLICT (table_name) DO NOTHING",
         &insert},
        {"SELECT " BKT_POSTGRES_RECORD_COLUMNS " FROM @R WHERE table_name = $1::text FOR UPDATE",
         &name},
    };
    PGresult *results[2] = {0};
    rc = bkt_postgres_run(conn, "use", statements, 2, results, err);
    PQclear(results[0]);
    if (rc == BKT_OK)
        *out_result = results[1];
    return rc;
}

static int write_record(struct bkt_postgres *conn,
                        const struct bkt_table_spec *spec,
                        const struct bkt_postgres_record *record,
                        struct bkt_error *err)
{
    static const char sql[] =
        "UPDATE @R SET schema_version = $2::int8, source = $3::text, spec = $4::text,"
        " is_binary = $5::int8 <> 0, columns = $6::int8, epoch = $7::int8, clock = $8::int8,"
        " floor = $9::int8, updated_at = now() WHERE table_name = $1::text";
    struct bkt_postgres_params params = bkt_postgres_table_param(conn);
    bkt_postgres_param_int(&params, BKT_POSTGRES_SCHEMA_VERSION);
    bkt_postgres_param(&params, BKT_POSTGRES_TEXT, spec->source);
    bkt_postgres_param(&params, BKT_POSTGRES_TEXT, spec->spec);
    bkt_postgres_param_int(&params, spec->binary);
    bkt_postgres_param_int(&params, spec->columns);
    bkt_postgres_param_int(&params, (int64_t)record->clock.epoch);
    bkt_postgres_param_int(&params, (int64_t)record->clock.clock);
    bkt_postgres_param_int(&params, (int64_t)record->clock.floor);
    return bkt_postgres_exec(conn, "use", sql, &params, NULL, err);
}

/*
 * A table that somebody dropped is built again, for whichever source asks: that is how a table is
 * given up.  The clock goes on, and the floor refuses what was read for the table that was.
 */
static int create_all(struct bkt_postgres *conn,
                      const struct bkt_table_spec *spec,
                      struct bkt_postgres_record *record,
                      struct bkt_error *err)
{
    struct bkt_postgres_params name = bkt_postgres_table_param(conn);
    const struct bkt_postgres_statement drop[] = {
        {"DROP TABLE IF EXISTS @S", NULL},
        {"DROP TABLE IF EXISTS @A", NULL},
        {"UPDATE @R SET row_count = 0, failed_count = 0, created_at = now(),"
         " listing_ended_at = NULL, listing_listed = NULL, listing_matched = NULL,"
         " listing_failed = NULL WHERE table_name = $1::text",
         &name},
    };
    struct bkt_buf sql = BKT_BUF_INIT(BKT_POSTGRES_SQL_BYTES);
    int rc = bkt_postgres_run(conn, "use", drop, 3, NULL, err);
    for (size_t i = 0; i < STATE_STATEMENTS && rc == BKT_OK; i++)
        rc = create(conn, state_sql[i], err);
    if (rc == BKT_OK) {
        rc = create_sql(spec, &sql);
        rc = rc ? fail(conn, rc, err, bkt_error_text(rc)) : create(conn, sql.ptr, err);
    }
    bkt_buf_clear(&sql);
    if (rc)
        return rc;
    if (record->exists)
        record->clock.floor = ++record->clock.clock;
    record->clock.epoch++;
    record->row_count = 0;
    return write_record(conn, spec, record, err);
}

/*
 * Text becomes its bytes; bytes that are no text become their escaped form, until the objects are
 * read again.
 */
static int retype_content(struct bkt_postgres *conn, bool to_binary, struct bkt_error *err)
{
    if (to_binary) {
        return exec(conn,
                    "ALTER TABLE @T ALTER COLUMN content TYPE bytea"
                    " USING convert_to(content, 'UTF8')",
                    err);
    }
    int rc = exec(conn, "SAVEPOINT bucketable_type", err);
    if (rc)
        return rc;
    rc = exec(conn,
              "ALTER TABLE @T ALTER COLUMN content TYPE text"
              " USING convert_from(content, 'UTF8')",
              err);
    if (rc != BKT_ETARGET || !bkt_postgres_said(conn, "22"))
        return rc;
    rc = exec(conn, "ROLLBACK TO SAVEPOINT bucketable_type", err);
    return rc ? rc
              : exec(conn,
                     "ALTER TABLE @T ALTER COLUMN content TYPE text"
                     " USING encode(content, 'escape')",
                     err);
}

static int alter_columns(struct bkt_postgres *conn,
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
                       name, is_drop ? "" : column_types[i]);
        int rc = exec(conn, sql, err);
        if (rc == BKT_ETARGET && is_drop && conn->sqlstate[0] && err && !err->retriable) {
            return bkt_error_wrap(err, rc,
                                  "drop column %s (keep it in `columns`, or drop the view or "
                                  "constraint that needs it)",
                                  name);
        }
        if (rc)
            return rc;
    }
    return BKT_OK;
}

/* To what `spec` asks for; what stands in the way was looked for before. */
static int follow_shape(struct bkt_postgres *conn,
                        const struct bkt_table_spec *spec,
                        const struct bkt_postgres_record *record,
                        const struct bkt_postgres_shape *shape,
                        struct bkt_error *err)
{
    unsigned ours = record->columns & shape->columns;
    int rc = BKT_OK;
    if (shape->is_binary != spec->binary)
        rc = retype_content(conn, spec->binary, err);
    if (rc == BKT_OK)
        rc = alter_columns(conn, true, ours & ~spec->columns, err);
    return rc ? rc : alter_columns(conn, false, spec->columns & ~ours, err);
}

static int attach_found(struct bkt_postgres *conn,
                        const struct bkt_table_spec *spec,
                        struct bkt_postgres_record *record,
                        const struct bkt_postgres_shape *shape,
                        struct bkt_attached *attached,
                        struct bkt_error *err)
{
    int rc = bkt_postgres_shape_compare(conn, spec, record, shape, attached, err);
    if (rc == BKT_OK && !shape->exists)
        return create_all(conn, spec, record, err);
    if (rc == BKT_OK && record->exists)
        rc = follow_shape(conn, spec, record, shape, err);
    if (rc || (record->exists && record->same_spec && !attached->columns_changed))
        return rc;
    record->clock.clock += record->exists;
    record->clock.epoch += !record->same_spec;
    return write_record(conn, spec, record, err);
}

static int attach_held(struct bkt_postgres *conn,
                       const struct bkt_table_spec *spec,
                       struct bkt_attached *out,
                       struct bkt_error *err)
{
    struct bkt_postgres_record record = {0};
    struct bkt_postgres_shape shape = {0};
    struct bkt_attached attached = {0};
    PGresult *result = NULL;
    int rc = exec(conn, "BEGIN", err);
    if (rc == BKT_OK)
        rc = hold_record(conn, spec, &result, err);
    if (rc == BKT_OK)
        rc = bkt_postgres_record_read(conn, result, spec, &record, err);
    PQclear(result);
    if (rc == BKT_OK)
        rc = bkt_postgres_shape_read(conn, &shape, err);
    if (rc == BKT_OK)
        rc = attach_found(conn, spec, &record, &shape, &attached, err);
    if (rc == BKT_OK)
        rc = exec(conn, "COMMIT", err);
    if (rc)
        return rc;
    attached.clock = record.clock;
    *out = attached;
    return BKT_OK;
}

/* Two that make the same table at once: the second one finds it when it looks again. */
static bool met_another(const struct bkt_postgres *conn)
{
    static const char *const states[] = {"23505", "42P07", "42710", "XX000"};
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        if (bkt_postgres_said(conn, states[i]))
            return true;
    }
    return bkt_postgres_is_conflict(conn);
}

int bkt_postgres_schema_attach(struct bkt_postgres *conn,
                               const struct bkt_table_spec *spec,
                               struct bkt_attached *out,
                               struct bkt_error *err)
{
    int rc = bkt_postgres_find_schema(conn, err);
    if (rc)
        return rc;
    for (unsigned attempt = 1;; attempt++) {
        rc = attach_held(conn, spec, out, err);
        if (rc == BKT_OK)
            return rc;
        bool again = rc == BKT_ETARGET && met_another(conn);
        bkt_postgres_rollback(conn);
        if (!again || !bkt_postgres_wait(attempt))
            return rc;
    }
}
