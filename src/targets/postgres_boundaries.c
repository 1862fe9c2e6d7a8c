#include "targets/postgres_boundaries.h"

#include "targets/libpq_load.h"
#include "targets/postgres_error.h"
#include "targets/postgres_run.h"

const char bkt_postgres_boundaries_sql[] =
    "CREATE TABLE IF NOT EXISTS @B (table_name text PRIMARY KEY NOT NULL, keys bytea NOT NULL)";

static const char doing[] = "keep the boundaries of a listing of";

int bkt_postgres_boundaries_save(struct bkt_postgres *conn,
                                 struct bkt_str boundaries,
                                 struct bkt_error *err)
{
    static const char sql[] = "INSERT INTO @B (table_name, keys) VALUES ($1::text, $2::bytea)"
                              " ON CONFLICT (table_name) DO UPDATE SET keys = excluded.keys";
    struct bkt_postgres_params params = bkt_postgres_table_param(conn);
    const struct bkt_postgres_statement save = {sql, &params};
    bkt_postgres_param(&params, BKT_POSTGRES_BYTEA, boundaries);
    int rc =
        bkt_postgres_run_or_make(conn, doing, bkt_postgres_boundaries_sql, &save, 1, NULL, err);
    return rc == BKT_ETARGET && bkt_postgres_is_barred(conn) ? BKT_OK : rc;
}

int bkt_postgres_boundaries_load(struct bkt_postgres *conn,
                                 struct bkt_buf *out,
                                 struct bkt_error *err)
{
    struct bkt_postgres_params params = bkt_postgres_table_param(conn);
    PGresult *result = NULL;
    bkt_buf_reset(out);
    int rc = bkt_postgres_exec(conn, doing, "SELECT keys FROM @B WHERE table_name = $1::text",
                               &params, &result, err);
    if (rc == BKT_OK && PQntuples(result) > 0) {
        rc = bkt_buf_append(out, bkt_postgres_str(result, 0, 0));
        if (rc)
            rc = bkt_postgres_fail(conn, rc, doing, err, bkt_error_text(rc));
    }
    PQclear(result);
    return rc == BKT_ETARGET && bkt_postgres_is_barred(conn) ? BKT_OK : rc;
}
