#include "targets/postgres_schema.h"

#include "targets/change.h"

#include <stdio.h>

#define RECORD_COLUMNS \
    "source, spec, is_binary, columns, epoch, clock, floor, row_count, schema_version"

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

struct record {
    bool exists; /* with version 0 it was made just now */
    bool same_source;
    bool same_spec;
    bool binary;
    unsigned columns;
    uint64_t row_count;
    struct bkt_clock clock;
};

/* What the tables look like now. */
struct shape {
    bool exists; /* something of the table's name does */
    bool is_table;
    bool has_filename; /* with a unique index of its own */
    bool has_content;
    bool is_binary;
    unsigned columns;                        /* names of ours that it has, whoever made them */
    char other[BKT_POSTGRES_NAME_BYTES + 1]; /* a column that has to be given a value */
    bool has_state;
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

int bkt_postgres_ddl(const struct bkt_table_spec *spec,
                     struct bkt_str table,
                     struct bkt_buf *out,
                     struct bkt_error *err)
{
    struct bkt_postgres conn = {0};
    struct bkt_buf rows = BKT_BUF_INIT(BKT_POSTGRES_SQL_BYTES);
    int rc = bkt_postgres_name(&conn, table, err);
    if (rc)
        return rc;
    rc = create_sql(spec, &rows);
    const char *const statements[] = {
        rows.ptr, record_sql, state_sql[0], state_sql[1], state_sql[2],
    };
    for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]) && rc == BKT_OK; i++) {
        rc = bkt_postgres_expand(&conn, statements[i], out);
        if (rc == BKT_OK)
            rc = bkt_buf_append(out, BKT_STR(";\n"));
    }
    if (rc)
        (void)bkt_error_set(err, rc, "write the tables' DDL: %s", bkt_error_text(rc));
    bkt_buf_clear(&rows);
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
    if (rc != BKT_ETARGET || strcmp(conn->sqlstate, "42501") != 0)
        return rc;
    char what[512];
    (void)snprintf(what, sizeof(what),
                   "%s: have an administrator run GRANT CREATE ON SCHEMA \"%s\" TO \"%s\", or make "
                   "the tables with the statements that --ddl prints",
                   conn->said, conn->schema, PQuser(conn->conn));
    return bkt_postgres_fail(conn, BKT_ETARGET, "make", err, what);
}

/* Is there something of the name that `mark` stands for? */
static int exists(struct bkt_postgres *conn, const char *mark, bool *out, struct bkt_error *err)
{
    struct bkt_buf name = BKT_BUF_INIT(BKT_POSTGRES_SQL_BYTES);
    struct bkt_postgres_params params = {0};
    PGresult *result = NULL;
    int rc = bkt_postgres_expand(conn, mark, &name);
    if (rc)
        return fail(conn, rc, err, bkt_error_text(rc));
    bkt_postgres_param(&params, BKT_POSTGRES_TEXT, bkt_buf_str(&name));
    rc = bkt_postgres_exec(conn, "use", "SELECT to_regclass($1::text) IS NOT NULL", &params,
                           &result, err);
    if (rc == BKT_OK)
        *out = bkt_postgres_int(result, 0, 0) != 0;
    PQclear(result);
    bkt_buf_clear(&name);
    return rc;
}

static void note_column(const PGresult *result, int row, struct shape *shape)
{
    struct bkt_str name = bkt_postgres_str(result, row, 0);
    struct bkt_str type = bkt_postgres_str(result, row, 1);
    bool is_key = bkt_postgres_int(result, row, 2) != 0;
    bool needs_value = bkt_postgres_int(result, row, 3) != 0;
    bool is_ours = false;
    if (bkt_str_eq(name, BKT_STR("filename"))) {
        is_ours = true;
        shape->has_filename = is_key;
    } else if (bkt_str_eq(name, BKT_STR("content"))) {
        is_ours = true;
        shape->is_binary = bkt_str_eq(type, BKT_STR("bytea"));
        shape->has_content = shape->is_binary || bkt_str_eq(type, BKT_STR("text"));
    }
    for (unsigned i = 0; i < BKT_COLUMN_COUNT; i++) {
        if (bkt_str_eq(name, bkt_str_from(bkt_column_names[i]))) {
            is_ours = true;
            shape->columns |= 1u << i;
        }
    }
    if (needs_value && !is_ours)
        (void)snprintf(shape->other, sizeof(shape->other), "%.*s", BKT_STR_ARG(name));
}

static int read_columns(struct bkt_postgres *conn, struct shape *shape, struct bkt_error *err)
{
    static const char sql[] =
        "SELECT a.attname::text, format_type(a.atttypid, NULL), EXISTS (SELECT 1 FROM pg_index x"
        " WHERE x.indrelid = c.oid AND x.indisunique AND x.indpred IS NULL AND x.indnatts = 1"
        " AND x.indkey[0] = a.attnum), a.attnotnull AND NOT a.atthasdef AND a.attidentity = '',"
        " c.relkind IN ('r', 'p') FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE c.oid = to_regclass($1::text)::oid AND a.attnum > 0 AND NOT a.attisdropped";
    struct bkt_buf name = BKT_BUF_INIT(BKT_POSTGRES_SQL_BYTES);
    struct bkt_postgres_params params = {0};
    PGresult *result = NULL;
    int rc = bkt_postgres_expand(conn, "@T", &name);
    if (rc)
        return fail(conn, rc, err, bkt_error_text(rc));
    bkt_postgres_param(&params, BKT_POSTGRES_TEXT, bkt_buf_str(&name));
    rc = bkt_postgres_exec(conn, "use", sql, &params, &result, err);
    for (int row = 0; rc == BKT_OK && row < PQntuples(result); row++) {
        shape->is_table = bkt_postgres_int(result, row, 4) != 0;
        note_column(result, row, shape);
    }
    PQclear(result);
    bkt_buf_clear(&name);
    return rc;
}

static int read_shape(struct bkt_postgres *conn, struct shape *shape, struct bkt_error *err)
{
    bool has_absent = false;
    int rc = exists(conn, "@T", &shape->exists, err);
    if (rc == BKT_OK)
        rc = exists(conn, "@S", &shape->has_state, err);
    if (rc == BKT_OK)
        rc = exists(conn, "@A", &has_absent, err);
    shape->has_state = shape->has_state && has_absent;
    return rc || !shape->exists ? rc : read_columns(conn, shape, err);
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
    int rc = exists(conn, "@R", &has_records, err);
    if (rc == BKT_OK && !has_records)
        rc = create(conn, record_sql, err);
    if (rc)
        return rc;
    struct bkt_postgres_params name = {0};
    bkt_postgres_param(&name, BKT_POSTGRES_TEXT, bkt_str_from(conn->table));
    struct bkt_postgres_params insert = name;
    bkt_postgres_param(&insert, BKT_POSTGRES_TEXT, spec->source);
    const struct bkt_postgres_statement statements[] = {
        {"INSERT INTO @R (table_name, schema_version, source, spec, is_binary, columns, epoch,"
         " clock, floor, row_count, failed_count, created_at, updated_at)"
         " VALUES ($1::text, 0, $2::text, '', false, 0, 0, 0, 0, 0, 0, now(), now())"
         " ON CONFLICT (table_name) DO NOTHING",
         &insert},
        {"SELECT " RECORD_COLUMNS " FROM @R WHERE table_name = $1::text FOR UPDATE", &name},
    };
    PGresult *results[2] = {0};
    rc = bkt_postgres_run(conn, "use", statements, 2, results, err);
    PQclear(results[0]);
    if (rc == BKT_OK)
        *out_result = results[1];
    return rc;
}

static int read_record(struct bkt_postgres *conn,
                       const struct bkt_table_spec *spec,
                       struct record *record,
                       struct bkt_error *err)
{
    PGresult *result = NULL;
    int rc = hold_record(conn, spec, &result, err);
    if (rc)
        return rc;
    struct bkt_str owner = bkt_postgres_str(result, 0, 0);
    int64_t version = bkt_postgres_int(result, 0, 8);
    *record = (struct record){
        .exists = version != 0,
        .same_source = bkt_str_eq(owner, spec->source),
        .same_spec = bkt_str_eq(bkt_postgres_str(result, 0, 1), spec->spec),
        .binary = bkt_postgres_int(result, 0, 2) != 0,
        .columns = (unsigned)bkt_postgres_int(result, 0, 3),
        .clock = {.epoch = (uint64_t)bkt_postgres_int(result, 0, 4),
                  .clock = (uint64_t)bkt_postgres_int(result, 0, 5),
                  .floor = (uint64_t)bkt_postgres_int(result, 0, 6)},
        .row_count = (uint64_t)bkt_postgres_int(result, 0, 7),
    };
    char what[256];
    if (version > BKT_POSTGRES_SCHEMA_VERSION || version < 0) {
        (void)snprintf(what, sizeof(what),
                       "its state has version %lld and this program knows %d: use a newer "
                       "bucketable",
                       (long long)version, BKT_POSTGRES_SCHEMA_VERSION);
        rc = fail(conn, BKT_ETARGET, err, what);
    } else if (!record->same_source) {
        /* Of a table that is gone it is not asked; the caller forgets the error then. */
        (void)snprintf(what, sizeof(what), "it holds %.*s: name another table, or drop this one",
                       BKT_STR_ARG(owner));
        (void)fail(conn, BKT_EFOREIGN, err, what);
    }
    PQclear(result);
    return rc;
}

static int write_record(struct bkt_postgres *conn,
                        const struct bkt_table_spec *spec,
                        const struct record *record,
                        struct bkt_error *err)
{
    static const char sql[] =
        "UPDATE @R SET schema_version = $2::int8, source = $3::text, spec = $4::text,"
        " is_binary = $5::int8 <> 0, columns = $6::int8, epoch = $7::int8, clock = $8::int8,"
        " floor = $9::int8, updated_at = now() WHERE table_name = $1::text";
    struct bkt_postgres_params params = {0};
    bkt_postgres_param(&params, BKT_POSTGRES_TEXT, bkt_str_from(conn->table));
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
                      struct record *record,
                      struct bkt_error *err)
{
    struct bkt_postgres_params name = {0};
    bkt_postgres_param(&name, BKT_POSTGRES_TEXT, bkt_str_from(conn->table));
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
    if (rc != BKT_ETARGET || strncmp(conn->sqlstate, "22", 2) != 0)
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

/* Rows with our columns only must be possible. */
static int check_shape(const struct bkt_postgres *conn,
                       const struct shape *shape,
                       struct bkt_error *err)
{
    char what[256];
    if (!shape->is_table || !shape->has_filename || !shape->has_content) {
        return fail(conn, BKT_ETARGET, err,
                    "it is no table with a unique column filename and a column content of type "
                    "text or bytea: drop it to have it built again");
    }
    if (shape->other[0] == '\0')
        return BKT_OK;
    (void)snprintf(what, sizeof(what),
                   "its column %s is NOT NULL without a default, so no row can be added: give it a "
                   "default, or drop it",
                   shape->other);
    return fail(conn, BKT_ETARGET, err, what);
}

static int foreign_column(const struct bkt_postgres *conn, unsigned columns, struct bkt_error *err)
{
    char what[256];
    unsigned i = 0;
    while (!(columns & (1u << i)))
        i++;
    (void)snprintf(what, sizeof(what),
                   "it has a column %s that bucketable did not make: rename it, or leave it out of "
                   "`columns`",
                   bkt_column_names[i]);
    return fail(conn, BKT_ETARGET, err, what);
}

static int follow_shape(struct bkt_postgres *conn,
                        const struct bkt_table_spec *spec,
                        const struct record *record,
                        const struct shape *shape,
                        bool *out_columns_changed,
                        struct bkt_error *err)
{
    unsigned ours = record->columns & shape->columns;
    unsigned missing = spec->columns & ~ours;
    if (missing & shape->columns)
        return foreign_column(conn, missing & shape->columns, err);
    int rc = BKT_OK;
    if (shape->is_binary != spec->binary)
        rc = retype_content(conn, spec->binary, err);
    if (rc == BKT_OK)
        rc = alter_columns(conn, true, ours & ~spec->columns, err);
    if (rc == BKT_OK)
        rc = alter_columns(conn, false, missing, err);
    *out_columns_changed = record->binary != spec->binary || missing != 0;
    return rc;
}

static int attach_existing(struct bkt_postgres *conn,
                           const struct bkt_table_spec *spec,
                           struct record *record,
                           const struct shape *shape,
                           struct bkt_attached *attached,
                           struct bkt_error *err)
{
    if (!record->same_source)
        return BKT_EFOREIGN; /* read_record() has said whose it is */
    if (!shape->has_state)
        return fail(conn, BKT_ETARGET, err, "its state is gone: drop it to have it built again");
    int rc = check_shape(conn, shape, err);
    if (rc == BKT_OK)
        rc = follow_shape(conn, spec, record, shape, &attached->columns_changed, err);
    if (rc)
        return rc;
    attached->spec_changed = !record->same_spec;
    if (record->same_spec && !attached->columns_changed)
        return BKT_OK;
    record->clock.clock++;
    record->clock.epoch += !record->same_spec;
    return write_record(conn, spec, record, err);
}

/* Tables that an administrator made from bkt_postgres_ddl(): all there, and all empty. */
static int adopt(struct bkt_postgres *conn,
                 const struct bkt_table_spec *spec,
                 struct record *record,
                 const struct shape *shape,
                 struct bkt_error *err)
{
    bool is_empty = false;
    PGresult *result = NULL;
    int rc = BKT_OK;
    if (shape->is_table && shape->has_state) {
        rc = bkt_postgres_exec(conn, "use",
                               "SELECT NOT EXISTS (SELECT 1 FROM @T) AND NOT EXISTS (SELECT 1 FROM"
                               " @S)",
                               NULL, &result, err);
        is_empty = rc == BKT_OK && bkt_postgres_int(result, 0, 0) != 0;
        PQclear(result);
    }
    if (rc)
        return rc;
    if (!is_empty) {
        return fail(conn, BKT_EFOREIGN, err,
                    "it exists and bucketable did not make it: name another table, or drop or "
                    "rename that one");
    }
    rc = check_shape(conn, shape, err);
    if (rc)
        return rc;
    if (shape->is_binary != spec->binary || (spec->columns & ~shape->columns) != 0) {
        return fail(conn, BKT_ETARGET, err,
                    "it was made for other columns: make it again with the statements that --ddl "
                    "prints");
    }
    record->clock.epoch++;
    return write_record(conn, spec, record, err);
}

static int attach_held(struct bkt_postgres *conn,
                       const struct bkt_table_spec *spec,
                       struct bkt_attached *out,
                       struct bkt_error *err)
{
    struct record record = {0};
    struct shape shape = {0};
    struct bkt_attached attached = {0};
    int rc = exec(conn, "BEGIN", err);
    if (rc == BKT_OK)
        rc = read_record(conn, spec, &record, err);
    if (rc == BKT_OK)
        rc = read_shape(conn, &shape, err);
    if (rc)
        return rc;
    attached.is_new = !shape.exists || !record.exists;
    if (!shape.exists) {
        rc = create_all(conn, spec, &record, err);
    } else if (!record.exists) {
        rc = adopt(conn, spec, &record, &shape, err);
    } else {
        rc = attach_existing(conn, spec, &record, &shape, &attached, err);
    }
    if (rc == BKT_OK)
        rc = exec(conn, "COMMIT", err);
    if (rc)
        return rc;
    attached.clock = record.clock;
    attached.row_count = record.row_count;
    *out = attached;
    return BKT_OK;
}

/* Two that make the same table at once: the second one finds it when it looks again. */
static bool met_another(const struct bkt_postgres *conn)
{
    static const char *const states[] = {"23505", "42P07", "42710", "XX000"};
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        if (strcmp(conn->sqlstate, states[i]) == 0)
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
