#include "targets/postgres_lease.h"

#include "targets/libpq_load.h"
#include "targets/postgres_error.h"
#include "targets/postgres_run.h"

#include <stdio.h>

const char bkt_postgres_lease_sql[] =
    "CREATE TABLE IF NOT EXISTS @L (table_name text PRIMARY KEY NOT NULL, holder text NOT NULL,"
    " until timestamptz NOT NULL)";

static const char doing[] = "ask who lists";

/* Take it where it is free, ours, or of `dead`.  `out_other`: who has it; "" when we have. */
static int try_to_hold(struct bkt_postgres *conn,
                       const char *holder,
                       const char *dead,
                       char out_other[BKT_HOLDER_BYTES],
                       struct bkt_error *err)
{
    static const char sql[] =
        "WITH mine AS (INSERT INTO @L AS l (table_name, holder, until)"
        " VALUES ($1::text, $2::text, clock_timestamp() + interval '15 seconds')"
        " ON CONFLICT (table_name) DO UPDATE SET holder = excluded.holder, until = excluded.until"
        " WHERE l.until < clock_timestamp() OR l.holder IN (excluded.holder, $3::text)"
        " RETURNING 1)"
        " SELECT coalesce((SELECT '' FROM mine), (SELECT holder FROM @L"
        " WHERE table_name = $1::text), 'somebody')";
    struct bkt_postgres_params params = bkt_postgres_table_param(conn);
    const struct bkt_postgres_statement take = {sql, &params};
    PGresult *result = NULL;
    bkt_postgres_param(&params, BKT_POSTGRES_TEXT, bkt_str_from(holder));
    bkt_postgres_param(&params, BKT_POSTGRES_TEXT, bkt_str_from(dead));
    int rc = bkt_postgres_run_or_make(conn, doing, bkt_postgres_lease_sql, &take, 1, &result, err);
    if (rc)
        return rc;
    struct bkt_str other = bkt_postgres_str(result, 0, 0);
    (void)snprintf(out_other, BKT_HOLDER_BYTES, "%.*s", BKT_STR_ARG(other));
    PQclear(result);
    return BKT_OK;
}

int bkt_postgres_lease_hold(struct bkt_postgres *conn, const char *holder, struct bkt_error *err)
{
    char other[BKT_HOLDER_BYTES];
    int rc = try_to_hold(conn, holder, "", other, err);
    if (rc == BKT_OK && other[0] != '\0' && bkt_holder_is_dead(other))
        rc = try_to_hold(conn, holder, other, other, err);
    if (rc == BKT_OK && other[0] != '\0') {
        char text[BKT_HOLDER_BYTES + 64];
        (void)snprintf(text, sizeof(text), "another process lists the bucket: %s", other);
        return bkt_postgres_fail(conn, BKT_EBUSY, "list for", err, text);
    }
    return rc == BKT_ETARGET && bkt_postgres_is_barred(conn) ? BKT_OK : rc;
}

void bkt_postgres_lease_release(struct bkt_postgres *conn, const char *holder)
{
    struct bkt_postgres_params params = bkt_postgres_table_param(conn);
    bkt_postgres_param(&params, BKT_POSTGRES_TEXT, bkt_str_from(holder));
    (void)!bkt_postgres_exec(conn, doing,
                             "UPDATE @L SET until = clock_timestamp() WHERE table_name = $1::text"
                             " AND holder = $2::text",
                             &params, NULL, NULL);
}
