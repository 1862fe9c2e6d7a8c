#include "targets/sqlite_record.h"

#include "core/time.h"

#include <stdio.h>

int bkt_sqlite_record_prepare(const struct bkt_sqlite *conn, struct bkt_error *err)
{
    static const char sql[] =
        "CREATE TABLE IF NOT EXISTS bucketable_tables ("
        "table_name TEXT PRIMARY KEY NOT NULL COLLATE NOCASE, schema_version INTEGER NOT NULL,"
        " source TEXT NOT NULL, spec TEXT NOT NULL, is_binary INTEGER NOT NULL,"
        " columns INTEGER NOT NULL, epoch INTEGER NOT NULL, clock INTEGER NOT NULL,"
        " floor INTEGER NOT NULL, row_count INTEGER NOT NULL, failed_count INTEGER NOT NULL,"
        " created_at TEXT NOT NULL, updated_at TEXT NOT NULL, listing_ended_at TEXT,"
        " listing_listed INTEGER, listing_matched INTEGER, listing_failed INTEGER, target TEXT)"
        " WITHOUT ROWID";
    return bkt_sqlite_exec(conn, sql, err);
}

int bkt_sqlite_record_is_kept(const struct bkt_sqlite *conn,
                              bool *out_is_kept,
                              struct bkt_error *err)
{
    int64_t tables = 0;
    int rc = bkt_sqlite_number(
        conn, "SELECT count(*) FROM sqlite_schema WHERE name = 'bucketable_tables'", &tables, err);
    if (rc == BKT_OK)
        *out_is_kept = tables > 0;
    return rc;
}

static int check_version(const struct bkt_sqlite *conn, int64_t version, struct bkt_error *err)
{
    if (version == BKT_SQLITE_SCHEMA_VERSION)
        return BKT_OK;
    if (version < BKT_SQLITE_SCHEMA_VERSION)
        return bkt_sqlite_refuse(conn, BKT_ETARGET, err,
                                 "its state has a version that never was: drop it");
    char text[128];
    (void)snprintf(text, sizeof(text),
                   "its state has version %lld and this program knows %d: use a newer bucketable",
                   (long long)version, BKT_SQLITE_SCHEMA_VERSION);
    return bkt_sqlite_refuse(conn, BKT_ETARGET, err, text);
}

/* A state belongs to one target as a table belongs to one source. */
static int check_target(const struct bkt_sqlite *conn,
                        const char *wanted,
                        struct bkt_str found,
                        struct bkt_error *err)
{
    if (!wanted || bkt_str_eq(found, bkt_str_from(wanted)))
        return BKT_OK;
    if (found.len == 0) {
        return bkt_sqlite_refuse(conn, BKT_EFOREIGN, err,
                                 "the rows are in this file: name another one for the state");
    }
    return bkt_error_set(err, BKT_EFOREIGN,
                         "table %s in %s: it is the state of the target %.*s: name another file",
                         conn->table, conn->path, BKT_STR_ARG(found));
}

/*
 * A bucket of which nothing ever came, such as a misspelled one, has no claim to the table.  Where
 * the rows are elsewhere, what a batch that was cut off was writing may have come.
 */
static int check_claim(const struct bkt_sqlite *conn,
                       sqlite3_stmt *stmt,
                       bool is_outside,
                       struct bkt_sqlite_record *record,
                       struct bkt_error *err)
{
    int64_t pending = 0;
    bool never_listed = sqlite3_column_int(stmt, 9) != 0;
    if (record->same_source || record->row_count > 0 || !never_listed)
        return BKT_OK;
    int rc =
        is_outside ? bkt_sqlite_number(conn, "SELECT count(*) FROM @P", &pending, err) : BKT_OK;
    if (rc == BKT_OK && pending == 0) {
        record->same_source = true;
        record->same_spec = false;
    }
    return rc;
}

static int read_columns(const struct bkt_sqlite *conn,
                        sqlite3_stmt *stmt,
                        const struct bkt_table_spec *spec,
                        bool is_outside,
                        const char *target,
                        struct bkt_sqlite_record *out,
                        struct bkt_error *err)
{
    int64_t version = sqlite3_column_int64(stmt, 0);
    struct bkt_str source = bkt_sqlite_column(stmt, 1);
    if (version == 0)
        return BKT_OK;
    struct bkt_sqlite_record record = {
        .exists = true,
        .same_source = bkt_str_eq(source, spec->source),
        .same_spec = bkt_str_eq(bkt_sqlite_column(stmt, 2), spec->spec),
        .binary = sqlite3_column_int(stmt, 3) != 0,
        .columns = (unsigned)sqlite3_column_int(stmt, 4),
        .clock = {.clock = (uint64_t)sqlite3_column_int64(stmt, 5),
                  .floor = (uint64_t)sqlite3_column_int64(stmt, 6),
                  .epoch = (uint64_t)sqlite3_column_int64(stmt, 7)},
        .row_count = (uint64_t)sqlite3_column_int64(stmt, 8),
    };
    (void)snprintf(record.source, sizeof(record.source), "%.*s", BKT_STR_ARG(source));
    int rc = check_version(conn, version, err);
    if (rc == BKT_OK)
        rc = check_claim(conn, stmt, is_outside, &record, err);
    if (rc == BKT_OK)
        rc = check_target(conn, target, bkt_sqlite_column(stmt, 10), err);
    if (rc == BKT_OK)
        *out = record;
    return rc;
}

int bkt_sqlite_record_read(const struct bkt_sqlite *conn,
                           const struct bkt_table_spec *spec,
                           bool is_outside,
                           const char *target,
                           struct bkt_sqlite_record *out,
                           struct bkt_error *err)
{
    sqlite3_stmt *stmt = NULL;
    struct bkt_sqlite_record record = {0};
    int rc = bkt_sqlite_prepare(conn,
                                "SELECT schema_version, source, spec, is_binary, columns, clock,"
                                " floor, epoch, row_count, listing_ended_at IS NULL, target"
                                " FROM bucketable_tables WHERE table_name = ?1",
                                &stmt, err);
    if (rc)
        return rc;
    (void)bkt_sqlite_bind_text(stmt, 1, bkt_str_from(conn->table));
    if (sqlite3_step(stmt) == SQLITE_ROW)
        rc = read_columns(conn, stmt, spec, is_outside, target, &record, err);
    int status = sqlite3_finalize(stmt);
    if (rc == BKT_OK && status)
        rc = bkt_sqlite_fail(conn, status, "use", err);
    if (rc == BKT_OK)
        *out = record;
    return rc;
}

int bkt_sqlite_record_write(const struct bkt_sqlite *conn,
                            const struct bkt_table_spec *spec,
                            const char *target,
                            const struct bkt_sqlite_record *record,
                            struct bkt_error *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = bkt_sqlite_prepare(
        conn,
        "INSERT INTO bucketable_tables (table_name, schema_version, source, spec, is_binary,"
        " columns, epoch, clock, floor, row_count, failed_count, created_at, updated_at, target)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, 0, ?10, ?10, ?11)"
        " ON CONFLICT (table_name) DO UPDATE SET schema_version = ?2, source = ?3, spec = ?4,"
        " is_binary = ?5, columns = ?6, epoch = ?7, clock = ?8, floor = ?9, updated_at = ?10",
        &stmt, err);
    if (rc)
        return rc;
    (void)(bkt_sqlite_bind_text(stmt, 1, bkt_str_from(conn->table)) ||
           sqlite3_bind_int(stmt, 2, BKT_SQLITE_SCHEMA_VERSION) ||
           bkt_sqlite_bind_text(stmt, 3, spec->source) ||
           bkt_sqlite_bind_text(stmt, 4, spec->spec) || sqlite3_bind_int(stmt, 5, spec->binary) ||
           sqlite3_bind_int(stmt, 6, (int)spec->columns) ||
           sqlite3_bind_int64(stmt, 7, (sqlite3_int64)record->clock.epoch) ||
           sqlite3_bind_int64(stmt, 8, (sqlite3_int64)record->clock.clock) ||
           sqlite3_bind_int64(stmt, 9, (sqlite3_int64)record->clock.floor) ||
           bkt_sqlite_bind_time(stmt, 10, bkt_time_wall_ms()) ||
           bkt_sqlite_bind_text_or_null(stmt, 11, bkt_str_from(target)));
    (void)sqlite3_step(stmt);
    int status = sqlite3_finalize(stmt);
    return status ? bkt_sqlite_fail(conn, status, "use", err) : BKT_OK;
}

int bkt_sqlite_record_count(const struct bkt_sqlite *conn,
                            struct bkt_sqlite_record *record,
                            struct bkt_error *err)
{
    int64_t rows = 0;
    int rc = bkt_sqlite_number(
        conn,
        "UPDATE bucketable_tables SET clock = clock + 1,"
        " row_count = (SELECT count(*) FROM @S WHERE flags & 1),"
        " failed_count = (SELECT count(*) FROM @S WHERE (flags & 5) <> 1 AND flags & 4)"
        " WHERE table_name = ?1 RETURNING row_count",
        &rows, err);
    record->clock.clock++;
    record->row_count = (uint64_t)rows;
    return rc;
}

int bkt_sqlite_record_foreign(const struct bkt_sqlite *conn,
                              const struct bkt_sqlite_record *record,
                              struct bkt_error *err)
{
    return bkt_error_set(err, BKT_EFOREIGN,
                         "table %s in %s holds %s: name another table, or drop this one",
                         conn->table, conn->path, record->source);
}

int bkt_sqlite_record_missing(const struct bkt_sqlite *conn, struct bkt_error *err)
{
    return bkt_sqlite_refuse(conn, BKT_EFOREIGN, err,
                             "it exists and bucketable did not make it: name another table, or "
                             "drop or rename that one");
}
