#include "targets/postgres_status.h"

#include "core/time.h"
#include "targets/libpq_load.h"
#include "targets/postgres_error.h"
#include "targets/postgres_run.h"
#include "targets/postgres_shape.h"
#include "targets/postgres_workers.h"

#include <stdio.h>

enum { PAGE_ROWS = 1000 };

static int64_t time_at(const PGresult *result, int row, int column)
{
    return PQgetisnull(result, row, column) ? BKT_TIME_NONE : bkt_postgres_int(result, row, column);
}

static uint64_t count_at(const PGresult *result, int row, int column)
{
    return (uint64_t)bkt_postgres_int(result, row, column);
}

static struct bkt_status_table table_at(const PGresult *result, int row)
{
    return (struct bkt_status_table){
        .table = bkt_postgres_str(result, row, 0),
        .source = bkt_postgres_str(result, row, 2),
        .spec = bkt_postgres_str(result, row, 3),
        .row_count = count_at(result, row, 4),
        .failed_count = count_at(result, row, 5),
        .epoch = count_at(result, row, 6),
        .clock = count_at(result, row, 7),
        .updated_ms = time_at(result, row, 8),
        .listing_ended_ms = time_at(result, row, 9),
        .listing_listed = count_at(result, row, 10),
        .listing_matched = count_at(result, row, 11),
        .listing_failed = count_at(result, row, 12),
    };
}

/* A page of failed keys after the last one of the page before, which it takes the place of. */
static int next_failed(struct bkt_postgres *conn, PGresult **page, struct bkt_error *err)
{
    static const char sql[] = "SELECT filename, error FROM @S WHERE (flags & 5) <> 1"
                              " AND (flags & 4) = 4 AND filename > $1::bytea"
                              " ORDER BY filename LIMIT $2::int8";
    struct bkt_postgres_params params = {0};
    PGresult *next = NULL;
    bkt_postgres_param(&params, BKT_POSTGRES_BYTEA,
                       *page ? bkt_postgres_str(*page, PQntuples(*page) - 1, 0)
                             : (struct bkt_str){"", 0});
    bkt_postgres_param_int(&params, PAGE_ROWS);
    int rc = bkt_postgres_exec(conn, "read the state of", sql, &params, &next, err);
    PQclear(*page);
    *page = next;
    return rc;
}

static int tell_failed(struct bkt_postgres *conn,
                       const struct bkt_status_told *told,
                       struct bkt_error *err)
{
    PGresult *page = NULL;
    int rc;
    do {
        rc = next_failed(conn, &page, err);
        for (int row = 0; rc == BKT_OK && row < PQntuples(page); row++) {
            rc = told->failed(told->ctx, bkt_postgres_str(page, row, 0),
                              bkt_postgres_str(page, row, 1), err);
        }
    } while (rc == BKT_OK && PQntuples(page) == PAGE_ROWS);
    PQclear(page);
    return rc;
}

/* `conn` becomes the table's, whose name the `@` marks stand for. */
static int tell_table(struct bkt_postgres *conn,
                      const PGresult *result,
                      int row,
                      const struct bkt_status_told *told,
                      struct bkt_error *err)
{
    struct bkt_status_table table = table_at(result, row);
    (void)snprintf(conn->table, sizeof(conn->table), "%.*s", BKT_STR_ARG(table.table));
    if (bkt_postgres_int(result, row, 1) > BKT_POSTGRES_SCHEMA_VERSION) {
        return bkt_postgres_fail(conn, BKT_ETARGET, "read the state of", err,
                                 "it was made by a newer version: use that one");
    }
    int rc = bkt_postgres_workers_are_kept(conn, &table.keeps_workers, err);
    if (rc == BKT_OK)
        rc = told->table(told->ctx, &table, err);
    if (rc == BKT_OK && table.keeps_workers && told->worker)
        rc = bkt_postgres_workers_tell(conn, told, err);
    return rc == BKT_OK && told->failed ? tell_failed(conn, told, err) : rc;
}

static int tell_all(struct bkt_postgres *conn,
                    const struct bkt_status_told *told,
                    struct bkt_error *err)
{
    /* A record with version 0 is being made. */
    static const char sql[] =
        "SELECT table_name, schema_version::int8, source, spec, row_count, failed_count, epoch,"
        " clock, (extract(epoch FROM updated_at) * 1000)::int8,"
        " (extract(epoch FROM listing_ended_at) * 1000)::int8, listing_listed, listing_matched,"
        " listing_failed FROM @R WHERE schema_version > 0 ORDER BY table_name COLLATE \"C\"";
    PGresult *result = NULL;
    bool has_records = false;
    int rc = bkt_postgres_exists(conn, "@R", &has_records, err);
    if (rc)
        return rc;
    if (!has_records) {
        return bkt_error_set(err, BKT_ETARGET,
                             "read database %s: bucketable has no table in schema %s: name another "
                             "one with --table SCHEMA.NAME",
                             PQdb(conn->conn), conn->schema);
    }
    rc = bkt_postgres_exec(conn, "read the state of", sql, NULL, &result, err);
    for (int row = 0; rc == BKT_OK && row < PQntuples(result); row++)
        rc = tell_table(conn, result, row, told, err);
    PQclear(result);
    return rc;
}

int bkt_postgres_status_read(struct bkt_str url,
                             struct bkt_str table,
                             const struct bkt_status_told *told,
                             struct bkt_error *err)
{
    struct bkt_postgres conn;
    int rc = bkt_postgres_init(&conn, url, table, err);
    if (rc)
        return rc;
    rc = bkt_postgres_find_schema(&conn, err);
    if (rc == BKT_OK)
        rc = bkt_postgres_begin_look(&conn, err);
    if (rc == BKT_OK)
        rc = tell_all(&conn, told, err);
    bkt_postgres_clear(&conn);
    return rc;
}
