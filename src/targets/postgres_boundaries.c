#include "targets/postgres_boundaries.h"

#include "targets/libpq_load.h"

const char bkt_postgres_boundaries_sql[] =
    "CREATE TABLE IF NOT EXISTS @B (table_name text PRIMARY KEY NOT NULL, keys bytea NOT NULL)";

static const char doing[] = "keep the boundaries of a listing of";

/* There is no such table, it may not be used or made, or somebody else is making it. */
static bool is_refused(const struct bkt_postgres *conn)
{
    return bkt_postgres_said(conn, "42") || bkt_postgres_said(conn, "23505");
}

static int save(struct bkt_postgres *conn, struct bkt_str boundaries, struct bkt_error *err)
{
    struct bkt_postgres_params params = {0};
    bkt_postgres_param(&params, BKT_POSTGRES_TEXT, bkt_str_from(conn->table));
    bkt_postgres_param(&params, BKT_POSTGRES_BYTEA, boundaries);
    return bkt_postgres_exec(conn, doing,
                             "INSERT INTO @B (table_name, keys) VALUES ($1::text, $2::bytea)"
                             " ON CONFLICT (table_name) DO UPDATE SET keys = excluded.keys",
                             &params, NULL, err);
}

int bkt_postgres_boundaries_save(struct bkt_postgres *conn,
                                 struct bkt_str boundaries,
                                 struct bkt_error *err)
{
    int rc = save(conn, boundaries, err);
    if (rc == BKT_ETARGET && bkt_postgres_said(conn, "42P01")) {
        rc = bkt_postgres_exec(conn, doing, bkt_postgres_boundaries_sql, NULL, NULL, err);
        if (rc == BKT_OK)
            rc = save(conn, boundaries, err);
    }
    return rc == BKT_ETARGET && is_refused(conn) ? BKT_OK : rc;
}

int bkt_postgres_boundaries_load(struct bkt_postgres *conn,
                                 struct bkt_buf *out,
                                 struct bkt_error *err)
{
    struct bkt_postgres_params params = {0};
    PGresult *result = NULL;
    bkt_postgres_param(&params, BKT_POSTGRES_TEXT, bkt_str_from(conn->table));
    bkt_buf_reset(out);
    int rc = bkt_postgres_exec(conn, doing, "SELECT keys FROM @B WHERE table_name = $1::text",
                               &params, &result, err);
    if (rc == BKT_OK && PQntuples(result) > 0) {
        rc = bkt_buf_append(out, bkt_postgres_str(result, 0, 0));
        if (rc)
            rc = bkt_postgres_fail(conn, rc, doing, err, bkt_error_text(rc));
    }
    PQclear(result);
    return rc == BKT_ETARGET && is_refused(conn) ? BKT_OK : rc;
}
