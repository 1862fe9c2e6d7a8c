#include "targets/postgres_shape.h"

#include "targets/change.h"
#include "targets/libpq_load.h"
#include "targets/postgres_error.h"
#include "targets/postgres_run.h"

#include <stdio.h>

static int fail(const struct bkt_postgres *conn, int code, struct bkt_error *err, const char *text)
{
    return bkt_postgres_fail(conn, code, "use", err, text);
}

int bkt_postgres_find_schema(struct bkt_postgres *conn, struct bkt_error *err)
{
    PGresult *result = NULL;
    if (conn->schema[0])
        return BKT_OK;
    int rc = bkt_postgres_exec(conn, "find", "SELECT current_schema()", NULL, &result, err);
    if (rc)
        return rc;
    struct bkt_str schema = bkt_postgres_str(result, 0, 0);
    if (schema.len == 0 || schema.len > BKT_POSTGRES_NAME_BYTES) {
        rc =
            bkt_postgres_fail(conn, BKT_ETARGET, "find", err,
                              "no schema of the search path exists: name one, --table SCHEMA.NAME");
    } else {
        (void)snprintf(conn->schema, sizeof(conn->schema), "%.*s", BKT_STR_ARG(schema));
    }
    PQclear(result);
    return rc;
}

int bkt_postgres_begin_look(struct bkt_postgres *conn, struct bkt_error *err)
{
    return bkt_postgres_exec(conn, "look at", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
                             NULL, NULL, err);
}

/* Run `sql`, whose only parameter is the name that `mark` stands for. */
static int exec_on_name(struct bkt_postgres *conn,
                        const char *mark,
                        const char *sql,
                        PGresult **out_result,
                        struct bkt_error *err)
{
    struct bkt_buf name = BKT_BUF_INIT(BKT_POSTGRES_SQL_BYTES);
    struct bkt_postgres_params params = {0};
    int rc = bkt_postgres_expand(conn, mark, &name);
    if (rc) {
        rc = fail(conn, rc, err, bkt_error_text(rc));
    } else {
        bkt_postgres_param(&params, BKT_POSTGRES_TEXT, bkt_buf_str(&name));
        rc = bkt_postgres_exec(conn, "use", sql, &params, out_result, err);
    }
    bkt_buf_clear(&name);
    return rc;
}

int bkt_postgres_ask(
    struct bkt_postgres *conn, const char *mark, const char *sql, bool *out, struct bkt_error *err)
{
    PGresult *result = NULL;
    int rc = exec_on_name(conn, mark, sql, &result, err);
    if (rc == BKT_OK)
        *out = bkt_postgres_int(result, 0, 0) != 0;
    PQclear(result);
    return rc;
}

int bkt_postgres_exists(struct bkt_postgres *conn,
                        const char *mark,
                        bool *out,
                        struct bkt_error *err)
{
    return bkt_postgres_ask(conn, mark, "SELECT to_regclass($1::text) IS NOT NULL", out, err);
}

static void note_column(const PGresult *result, int row, struct bkt_postgres_shape *shape)
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

static int read_columns(struct bkt_postgres *conn,
                        struct bkt_postgres_shape *shape,
                        struct bkt_error *err)
{
    static const char sql[] =
        "SELECT a.attname::text, format_type(a.atttypid, NULL), EXISTS (SELECT 1 FROM pg_index x"
        " WHERE x.indrelid = c.oid AND x.indisunique AND x.indpred IS NULL AND x.indnatts = 1"
        " AND x.indkey[0] = a.attnum), a.attnotnull AND NOT a.atthasdef AND a.attidentity = '',"
        " c.relkind IN ('r', 'p') FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE c.oid = to_regclass($1::text)::oid AND a.attnum > 0 AND NOT a.attisdropped";
    PGresult *result = NULL;
    int rc = exec_on_name(conn, "@T", sql, &result, err);
    for (int row = 0; rc == BKT_OK && row < PQntuples(result); row++) {
        shape->is_table = bkt_postgres_int(result, row, 4) != 0;
        note_column(result, row, shape);
    }
    PQclear(result);
    return rc;
}

int bkt_postgres_shape_read(struct bkt_postgres *conn,
                            struct bkt_postgres_shape *shape,
                            struct bkt_error *err)
{
    bool has_absent = false;
    int rc = bkt_postgres_exists(conn, "@T", &shape->exists, err);
    if (rc == BKT_OK)
        rc = bkt_postgres_exists(conn, "@S", &shape->has_state, err);
    if (rc == BKT_OK)
        rc = bkt_postgres_exists(conn, "@A", &has_absent, err);
    shape->has_state = shape->has_state && has_absent;
    return rc || !shape->exists ? rc : read_columns(conn, shape, err);
}

int bkt_postgres_record_read(const struct bkt_postgres *conn,
                             const PGresult *result,
                             const struct bkt_table_spec *spec,
                             struct bkt_postgres_record *out,
                             struct bkt_error *err)
{
    struct bkt_str source = bkt_postgres_str(result, 0, 0);
    int64_t version = bkt_postgres_int(result, 0, 8);
    if (version > BKT_POSTGRES_SCHEMA_VERSION || version < 0) {
        char what[128];
        (void)snprintf(what, sizeof(what),
                       "its state has version %lld and this program knows %d: use a newer "
                       "bucketable",
                       (long long)version, BKT_POSTGRES_SCHEMA_VERSION);
        return fail(conn, BKT_ETARGET, err, what);
    }
    *out = (struct bkt_postgres_record){
        .exists = version != 0,
        .same_source = bkt_str_eq(source, spec->source),
        .same_spec = bkt_str_eq(bkt_postgres_str(result, 0, 1), spec->spec),
        .binary = bkt_postgres_int(result, 0, 2) != 0,
        .columns = (unsigned)bkt_postgres_int(result, 0, 3),
        .clock = {.epoch = (uint64_t)bkt_postgres_int(result, 0, 4),
                  .clock = (uint64_t)bkt_postgres_int(result, 0, 5),
                  .floor = (uint64_t)bkt_postgres_int(result, 0, 6)},
        .row_count = (uint64_t)bkt_postgres_int(result, 0, 7),
    };
    (void)snprintf(out->source, sizeof(out->source), "%.*s", BKT_STR_ARG(source));
    /* A bucket of which nothing ever came, such as a misspelled one, has no claim to the table. */
    bool is_unclaimed = out->row_count == 0 && bkt_postgres_int(result, 0, 9) != 0;
    if (!out->same_source && is_unclaimed) {
        out->same_source = true;
        out->same_spec = false;
    }
    return BKT_OK;
}

/* Rows with our columns only must be possible. */
static int check_shape(const struct bkt_postgres *conn,
                       const struct bkt_postgres_shape *shape,
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

static int check_existing(const struct bkt_postgres *conn,
                          const struct bkt_table_spec *spec,
                          const struct bkt_postgres_record *record,
                          const struct bkt_postgres_shape *shape,
                          struct bkt_attached *attached,
                          struct bkt_error *err)
{
    if (!record->same_source) {
        char what[320];
        (void)snprintf(what, sizeof(what), "it holds %s: name another table, or drop this one",
                       record->source);
        return fail(conn, BKT_EFOREIGN, err, what);
    }
    if (!shape->has_state)
        return fail(conn, BKT_ETARGET, err, "its state is gone: drop it to have it built again");
    unsigned missing = spec->columns & ~(record->columns & shape->columns);
    int rc = check_shape(conn, shape, err);
    if (rc == BKT_OK && (missing & shape->columns) != 0)
        rc = foreign_column(conn, missing & shape->columns, err);
    if (rc)
        return rc;
    attached->spec_changed = !record->same_spec;
    attached->columns_changed = record->binary != spec->binary || missing != 0;
    return BKT_OK;
}

/* Tables that an administrator made from bkt_postgres_ddl(): all there, and all empty. */
static int check_adoptable(struct bkt_postgres *conn,
                           const struct bkt_table_spec *spec,
                           const struct bkt_postgres_shape *shape,
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
    return BKT_OK;
}

int bkt_postgres_shape_compare(struct bkt_postgres *conn,
                               const struct bkt_table_spec *spec,
                               const struct bkt_postgres_record *record,
                               const struct bkt_postgres_shape *shape,
                               struct bkt_attached *out,
                               struct bkt_error *err)
{
    struct bkt_attached attached = {
        .clock = record->clock,
        .row_count = shape->exists ? record->row_count : 0,
        .is_new = !shape->exists || !record->exists,
    };
    int rc = BKT_OK;
    if (shape->exists) {
        rc = record->exists ? check_existing(conn, spec, record, shape, &attached, err)
                            : check_adoptable(conn, spec, shape, err);
    }
    if (rc == BKT_OK)
        *out = attached;
    return rc;
}

int bkt_postgres_fail_to_make(const struct bkt_postgres *conn,
                              const char *said,
                              struct bkt_error *err)
{
    char what[512];
    (void)snprintf(what, sizeof(what),
                   "%s: have an administrator run GRANT CREATE ON SCHEMA \"%s\" TO \"%s\", or make "
                   "the tables with the statements that --ddl prints",
                   said, conn->schema, PQuser(conn->conn));
    return bkt_postgres_fail(conn, BKT_ETARGET, "make", err, what);
}
