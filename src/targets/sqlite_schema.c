#include "targets/sqlite_schema.h"

#include "core/time.h"
#include "targets/sqlite_recover.h"
#include "targets/sqlite_shape.h"

static const char record_sql[] =
    "CREATE TABLE IF NOT EXISTS bucketable_tables ("
    "table_name TEXT PRIMARY KEY NOT NULL COLLATE NOCASE, schema_version INTEGER NOT NULL,"
    " source TEXT NOT NULL, spec TEXT NOT NULL, is_binary INTEGER NOT NULL,"
    " columns INTEGER NOT NULL, epoch INTEGER NOT NULL, clock INTEGER NOT NULL,"
    " floor INTEGER NOT NULL, row_count INTEGER NOT NULL, failed_count INTEGER NOT NULL,"
    " created_at TEXT NOT NULL, updated_at TEXT NOT NULL, listing_ended_at TEXT,"
    " listing_listed INTEGER, listing_matched INTEGER, listing_failed INTEGER, target TEXT)"
    " WITHOUT ROWID";

static const char *const state_sql[] = {
    "CREATE TABLE @S (filename BLOB PRIMARY KEY NOT NULL, revision INTEGER NOT NULL,"
    " flags INTEGER NOT NULL, etag TEXT, size INTEGER NOT NULL DEFAULT 0, last_modified INTEGER,"
    " version_id TEXT, decode INTEGER NOT NULL DEFAULT 0, failed_etag TEXT, error TEXT)"
    " WITHOUT ROWID",
    /* Tombstones and failures are few, and are looked for at each listing. */
    "CREATE INDEX @I ON @S (flags, revision) WHERE (flags & 5) <> 1",
    "CREATE TABLE @A (filename BLOB PRIMARY KEY NOT NULL, read_at INTEGER NOT NULL) WITHOUT ROWID",
    /* Keys whose rows, kept elsewhere, are being written. */
    "CREATE TABLE @P (filename BLOB PRIMARY KEY NOT NULL) WITHOUT ROWID",
};

struct record {
    bool exists;
    int64_t schema_version;
    bool binary;
    unsigned columns;
    bool same_source;
    bool same_spec;
    uint64_t row_count;
    struct bkt_clock clock;
};

static int fail(const struct bkt_sqlite *conn, int code, struct bkt_error *err, const char *text)
{
    return bkt_error_set(err, code, "table %s in %s: %s", conn->table, conn->path, text);
}

static int read_version(const struct bkt_sqlite *conn, struct record *record, struct bkt_error *err)
{
    int64_t version = 0;
    int rc = bkt_sqlite_number(
        conn, "SELECT schema_version FROM bucketable_tables WHERE table_name = ?", &version, err);
    record->schema_version = version;
    record->exists = version != 0;
    return rc;
}

/* Steps from one version of a table's state to the next; the number is the version it starts from.
 */
typedef int upgrade_fn(const struct bkt_sqlite *conn, struct bkt_error *err);
static upgrade_fn *const upgrades[BKT_SQLITE_SCHEMA_VERSION] = {
    NULL, /* version 1 is the first */
};

static int upgrade(const struct bkt_sqlite *conn, struct record *record, struct bkt_error *err)
{
    if (record->schema_version > BKT_SQLITE_SCHEMA_VERSION) {
        return bkt_error_set(
            err, BKT_ETARGET,
            "table %s in %s: its state has version %lld and this program knows %d: "
            "use a newer bucketable",
            conn->table, conn->path, (long long)record->schema_version, BKT_SQLITE_SCHEMA_VERSION);
    }
    while (record->schema_version < BKT_SQLITE_SCHEMA_VERSION) {
        upgrade_fn *step = record->schema_version > 0 ? upgrades[record->schema_version] : NULL;
        if (!step)
            return fail(conn, BKT_ETARGET, err, "its state has a version that never was: drop it");
        int rc = step(conn, err);
        if (rc)
            return rc;
        record->schema_version++;
    }
    return BKT_OK;
}

/* A state belongs to one target as a table belongs to one source; "" is the file itself. */
static int check_target(const struct bkt_sqlite *conn,
                        const struct bkt_sqlite_outside *outside,
                        struct bkt_str found,
                        struct bkt_error *err)
{
    struct bkt_str wanted = bkt_str_from(outside ? outside->name : "");
    if (bkt_str_eq(found, wanted))
        return BKT_OK;
    if (found.len == 0) {
        return fail(conn, BKT_EFOREIGN, err,
                    "the rows are in this file: name another one for the state");
    }
    return bkt_error_set(err, BKT_EFOREIGN,
                         "table %s in %s: it is the state of the target %.*s: name another file",
                         conn->table, conn->path, BKT_STR_ARG(found));
}

static int read_record(const struct bkt_sqlite *conn,
                       const struct bkt_table_spec *spec,
                       const struct bkt_sqlite_outside *outside,
                       struct record *record,
                       struct bkt_error *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = bkt_sqlite_prepare(conn,
                                "SELECT source, spec, is_binary, columns, epoch, clock, floor,"
                                " row_count, target, listing_ended_at IS NULL"
                                " FROM bucketable_tables WHERE table_name = ?",
                                &stmt, err);
    if (rc)
        return rc;
    (void)bkt_sqlite_bind_text(stmt, 1, bkt_str_from(conn->table));
    if (sqlite3_step(stmt) == SQLITE_ROW) {
        record->same_source = bkt_str_eq(bkt_sqlite_column(stmt, 0), spec->source);
        record->same_spec = bkt_str_eq(bkt_sqlite_column(stmt, 1), spec->spec);
        record->binary = sqlite3_column_int(stmt, 2) != 0;
        record->columns = (unsigned)sqlite3_column_int(stmt, 3);
        record->clock.epoch = (uint64_t)sqlite3_column_int64(stmt, 4);
        record->clock.clock = (uint64_t)sqlite3_column_int64(stmt, 5);
        record->clock.floor = (uint64_t)sqlite3_column_int64(stmt, 6);
        record->row_count = (uint64_t)sqlite3_column_int64(stmt, 7);
        bool is_unclaimed = false;
        if (!record->same_source) {
            rc = bkt_sqlite_is_unclaimed(conn, stmt, 7, 9, outside != NULL, &is_unclaimed, err);
        }
        if (is_unclaimed) {
            record->same_source = true;
            record->same_spec = false;
        }
        if (rc == BKT_OK && !record->same_source) {
            struct bkt_str owner = bkt_sqlite_column(stmt, 0);
            (void)bkt_error_set(err, BKT_EFOREIGN,
                                "table %s in %s holds %.*s: name another table, or drop this one",
                                conn->table, conn->path, BKT_STR_ARG(owner));
        }
        if (rc == BKT_OK)
            rc = check_target(conn, outside, bkt_sqlite_column(stmt, 8), err);
    }
    int status = sqlite3_finalize(stmt);
    if (rc == BKT_OK && status)
        rc = bkt_sqlite_fail(conn, status, "use", err);
    return rc;
}

static int write_record(const struct bkt_sqlite *conn,
                        const struct bkt_table_spec *spec,
                        const struct bkt_sqlite_outside *outside,
                        const struct record *record,
                        struct bkt_error *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = bkt_sqlite_prepare(
        conn,
        "INSERT INTO bucketable_tables (table_name, schema_version, source, spec, is_binary,"
        " columns, epoch, clock, floor, row_count, failed_count, created_at, updated_at, target)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, 0, ?10, ?10, ?11)"
        " ON CONFLICT (table_name) DO UPDATE SET schema_version = ?2, source = ?3, spec = ?4,"
        " is_binary = ?5,"
        " columns = ?6, epoch = ?7, clock = ?8, floor = ?9, updated_at = ?10",
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
           bkt_sqlite_bind_text_or_null(stmt, 11, bkt_str_from(outside ? outside->name : "")));
    (void)sqlite3_step(stmt);
    int status = sqlite3_finalize(stmt);
    return status ? bkt_sqlite_fail(conn, status, "use", err) : BKT_OK;
}

/*
 * A table that somebody dropped is built again, for whichever source asks: that is how a table is
 * given up.  The clock goes on, and the floor refuses what was read for the table that was.
 */
static int create_all(const struct bkt_sqlite *conn,
                      const struct bkt_table_spec *spec,
                      const struct bkt_sqlite_outside *outside,
                      struct record *record,
                      struct bkt_error *err)
{
    static const char *const drop[] = {
        "DROP TABLE IF EXISTS @S",
        "DROP TABLE IF EXISTS @A",
        "DROP TABLE IF EXISTS @P",
        "DELETE FROM bucketable_tables WHERE table_name = ?",
    };
    int64_t ignored;
    int rc = BKT_OK;
    for (size_t i = 0; i < sizeof(drop) / sizeof(drop[0]) && rc == BKT_OK; i++)
        rc = bkt_sqlite_number(conn, drop[i], &ignored, err);
    for (size_t i = 0; i < sizeof(state_sql) / sizeof(state_sql[0]) && rc == BKT_OK; i++)
        rc = bkt_sqlite_exec(conn, state_sql[i], err);
    if (rc == BKT_OK && !outside)
        rc = bkt_sqlite_shape_create(conn, spec, err);
    if (record->exists)
        record->clock.floor = ++record->clock.clock;
    record->clock.epoch++;
    record->row_count = 0;
    record->binary = spec->binary;
    record->columns = spec->columns;
    return rc ? rc : write_record(conn, spec, outside, record, err);
}

/* State rows were written with the clock's next number: it is taken, and the rows are counted. */
static int count_rows(const struct bkt_sqlite *conn, struct record *record, struct bkt_error *err)
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

/*
 * What a batch that was cut off was writing: the row is unknown.  Without an ETag and as a failure
 * it is read again by the next listing, or deleted when that lacks it.
 */
static int resolve_pending(const struct bkt_sqlite *conn,
                           struct record *record,
                           struct bkt_error *err)
{
    static const char sql[] =
        "REPLACE INTO @S (filename, revision, flags, error) SELECT filename, (SELECT clock + 1"
        " FROM bucketable_tables WHERE table_name = ?1), 5, 'a run was cut off while it was being"
        " written; the next listing reads it again' FROM @P";
    int64_t pending = 0;
    int64_t ignored;
    int rc = bkt_sqlite_number(conn, "SELECT count(*) FROM @P", &pending, err);
    if (rc || pending == 0)
        return rc;
    rc = bkt_sqlite_number(conn, sql, &ignored, err);
    if (rc == BKT_OK)
        rc = count_rows(conn, record, err);
    return rc ? rc : bkt_sqlite_exec(conn, "DELETE FROM @P", err);
}

/* The state is new, and the target may hold rows all the same. */
static int recover(const struct bkt_sqlite *conn,
                   const struct bkt_table_spec *spec,
                   const struct bkt_sqlite_outside *outside,
                   struct record *record,
                   struct bkt_error *err)
{
    if (!outside || !outside->recover)
        return BKT_OK;
    bool found_any = false;
    int rc = bkt_sqlite_recover(conn, outside, spec->plain_decode, &found_any, err);
    return rc || !found_any ? rc : count_rows(conn, record, err);
}

static int follow_outside(const struct bkt_sqlite *conn,
                          const struct bkt_table_spec *spec,
                          struct record *record,
                          bool *out_columns_changed,
                          struct bkt_error *err)
{
    *out_columns_changed =
        record->binary != spec->binary || (spec->columns & ~record->columns) != 0;
    return resolve_pending(conn, record, err);
}

static int attach_existing(const struct bkt_sqlite *conn,
                           const struct bkt_table_spec *spec,
                           const struct bkt_sqlite_outside *outside,
                           struct record *record,
                           const struct bkt_sqlite_shape *shape,
                           struct bkt_attached *attached,
                           struct bkt_error *err)
{
    if (!record->same_source)
        return BKT_EFOREIGN; /* read_record() has said whose it is */

    int64_t state_tables = 0;
    int rc = bkt_sqlite_number(conn,
                               "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name"
                               " COLLATE NOCASE IN ('bucketable_state_' || ?1,"
                               " 'bucketable_absent_' || ?1)",
                               &state_tables, err);
    if (rc)
        return rc;
    if (state_tables != 2)
        return fail(conn, BKT_ETARGET, err, "its state is gone: drop it to have it built again");

    if (outside) {
        rc = follow_outside(conn, spec, record, &attached->columns_changed, err);
    } else {
        const struct bkt_sqlite_had had = {record->columns, record->binary};
        rc = bkt_sqlite_shape_follow(conn, spec, &had, shape, &attached->columns_changed, err);
        if (rc == BKT_OK)
            rc = bkt_sqlite_shape_check_others(conn, spec, err);
    }
    if (rc)
        return rc;
    attached->spec_changed = !record->same_spec;
    if (record->same_spec && !attached->columns_changed)
        return BKT_OK;
    record->clock.clock++;
    record->clock.epoch += !record->same_spec;
    return write_record(conn, spec, outside, record, err);
}

static int attach_locked(const struct bkt_sqlite *conn,
                         const struct bkt_table_spec *spec,
                         const struct bkt_sqlite_outside *outside,
                         struct bkt_attached *out,
                         struct bkt_error *err)
{
    struct record record = {0};
    struct bkt_sqlite_shape shape = {0};
    struct bkt_attached attached = {0};
    int rc = bkt_sqlite_exec(conn, record_sql, err);
    if (rc == BKT_OK)
        rc = read_version(conn, &record, err);
    if (rc == BKT_OK && record.exists)
        rc = upgrade(conn, &record, err);
    if (rc == BKT_OK)
        rc = bkt_sqlite_shape_read(conn, &shape, err);
    if (rc == BKT_OK && record.exists)
        rc = read_record(conn, spec, outside, &record, err);
    if (rc)
        return rc;

    /* Rows that are elsewhere have no table here, and their state is all that there is. */
    if (outside && !shape.exists)
        shape = (struct bkt_sqlite_shape){.exists = record.exists, .is_table = true};
    if (shape.exists && (!record.exists || !shape.is_table)) {
        return fail(conn, BKT_EFOREIGN, err,
                    "it exists and bucketable did not make it: name another table, or drop or "
                    "rename that one");
    }
    attached.is_new = !shape.exists;
    if (outside && (attached.is_new || record.same_source))
        rc = outside->attach(outside->self, spec, attached.is_new, err);
    if (rc)
        return rc;
    if (attached.is_new) {
        rc = create_all(conn, spec, outside, &record, err);
        if (rc == BKT_OK)
            rc = recover(conn, spec, outside, &record, err);
    } else {
        rc = attach_existing(conn, spec, outside, &record, &shape, &attached, err);
    }
    if (rc)
        return rc;
    attached.clock = record.clock;
    attached.row_count = record.row_count;
    *out = attached;
    return BKT_OK;
}

int bkt_sqlite_schema_attach(const struct bkt_sqlite *conn,
                             const struct bkt_sqlite_outside *outside,
                             const struct bkt_table_spec *spec,
                             struct bkt_attached *out,
                             struct bkt_error *err)
{
    struct bkt_attached attached = {0};
    int rc = bkt_sqlite_exec(conn, "BEGIN IMMEDIATE", err);
    if (rc == BKT_OK)
        rc = attach_locked(conn, spec, outside, &attached, err);
    if (rc == BKT_OK)
        rc = bkt_sqlite_exec(conn, "COMMIT", err);
    if (rc) {
        bkt_sqlite_rollback(conn);
        return rc;
    }
    *out = attached;
    return BKT_OK;
}
