#include "targets/sqlite_schema.h"

#include "targets/sqlite_record.h"
#include "targets/sqlite_recover.h"
#include "targets/sqlite_shape.h"

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

static const char *name_of(const struct bkt_sqlite_outside *outside)
{
    return outside ? outside->name : "";
}

/*
 * A table that somebody dropped is built again, for whichever source asks: that is how a table is
 * given up.  The clock goes on, and the floor refuses what was read for the table that was.
 */
static int create_all(const struct bkt_sqlite *conn,
                      const struct bkt_table_spec *spec,
                      const struct bkt_sqlite_outside *outside,
                      struct bkt_sqlite_record *record,
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
    return rc ? rc : bkt_sqlite_record_write(conn, spec, name_of(outside), record, err);
}

/*
 * What a batch that was cut off was writing: the row is unknown.  Without an ETag and as a failure
 * it is read again by the next listing, or deleted when that lacks it.
 */
static int resolve_pending(const struct bkt_sqlite *conn,
                           struct bkt_sqlite_record *record,
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
        rc = bkt_sqlite_record_count(conn, record, err);
    return rc ? rc : bkt_sqlite_exec(conn, "DELETE FROM @P", err);
}

/* The state is new, and the target may hold rows all the same. */
static int recover(const struct bkt_sqlite *conn,
                   const struct bkt_table_spec *spec,
                   const struct bkt_sqlite_outside *outside,
                   struct bkt_sqlite_record *record,
                   struct bkt_error *err)
{
    if (!outside || !outside->recover)
        return BKT_OK;
    bool found_any = false;
    int rc = bkt_sqlite_recover(conn, outside, spec->plain_decode, &found_any, err);
    return rc || !found_any ? rc : bkt_sqlite_record_count(conn, record, err);
}

static int attach_existing(const struct bkt_sqlite *conn,
                           const struct bkt_table_spec *spec,
                           const struct bkt_sqlite_outside *outside,
                           struct bkt_sqlite_record *record,
                           const struct bkt_sqlite_shape *shape,
                           struct bkt_attached *attached,
                           struct bkt_error *err)
{
    if (!record->same_source)
        return bkt_sqlite_record_foreign(conn, record, err);

    const struct bkt_sqlite_shape *rows = outside ? NULL : shape;
    int rc = bkt_sqlite_shape_check(conn, spec, record, rows, err);
    if (rc == BKT_OK) {
        rc = outside ? resolve_pending(conn, record, err)
                     : bkt_sqlite_shape_follow(conn, spec, record, shape, err);
    }
    if (rc)
        return rc;
    attached->columns_changed = bkt_sqlite_shape_lacks(spec, record, rows);
    attached->spec_changed = !record->same_spec;
    if (record->same_spec && !attached->columns_changed)
        return BKT_OK;
    record->clock.clock++;
    record->clock.epoch += !record->same_spec;
    return bkt_sqlite_record_write(conn, spec, name_of(outside), record, err);
}

static int attach_locked(const struct bkt_sqlite *conn,
                         const struct bkt_table_spec *spec,
                         const struct bkt_sqlite_outside *outside,
                         struct bkt_attached *out,
                         struct bkt_error *err)
{
    struct bkt_sqlite_record record = {0};
    struct bkt_sqlite_shape shape = {0};
    struct bkt_attached attached = {0};
    int rc = bkt_sqlite_record_prepare(conn, err);
    if (rc == BKT_OK)
        rc = bkt_sqlite_record_read(conn, spec, outside != NULL, name_of(outside), &record, err);
    if (rc == BKT_OK)
        rc = bkt_sqlite_shape_read(conn, &shape, err);
    if (rc)
        return rc;

    /* Rows that are elsewhere have no table here, and their state is all that there is. */
    if (outside && !shape.exists)
        shape = (struct bkt_sqlite_shape){.exists = record.exists, .is_table = true};
    if (shape.exists && (!record.exists || !shape.is_table)) {
        return bkt_sqlite_record_missing(conn, err);
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
