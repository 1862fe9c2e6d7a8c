#include "targets/postgres_workers.h"

#include "targets/libpq_load.h"
#include "targets/postgres_error.h"
#include "targets/postgres_run.h"
#include "targets/postgres_shape.h"

#include <stdlib.h>

const char bkt_postgres_workers_sql[] =
    "CREATE TABLE IF NOT EXISTS @W (table_name text NOT NULL, worker text NOT NULL,"
    " is_lister boolean NOT NULL, started_at timestamptz NOT NULL, seen_at timestamptz NOT NULL,"
    " changes bigint NOT NULL, epoch bigint NOT NULL, PRIMARY KEY (table_name, worker))";

static const char doing[] = "tell that this worker lives, for";

void bkt_postgres_worker_begin(struct bkt_postgres_worker *worker, const char *name, int64_t now_ms)
{
    *worker = (struct bkt_postgres_worker){
        .name = name, .started_ms = now_ms, .due_ms = now_ms + BKT_POSTGRES_FIRST_BEAT_MS};
}

/* In one round trip, which waits for no disk: a lost beat is made up for by the next. */
static int renew(const struct bkt_postgres_worker *worker,
                 struct bkt_postgres *conn,
                 const struct bkt_status_worker *seen,
                 int64_t now_ms)
{
    static const char sweep_sql[] =
        "DELETE FROM @W WHERE table_name = $1::text AND worker <> $2::text"
        " AND seen_at < clock_timestamp() - interval '1 hour'";
    static const char renew_sql[] =
        "INSERT INTO @W (table_name, worker, is_lister, started_at, seen_at, changes, epoch)"
        " VALUES ($1::text, $2::text, $3::int8 <> 0,"
        " clock_timestamp() - $4::int8 * interval '1 millisecond', clock_timestamp(), $5::int8,"
        " $6::int8) ON CONFLICT (table_name, worker) DO UPDATE SET is_lister = excluded.is_lister,"
        " seen_at = excluded.seen_at, changes = excluded.changes, epoch = excluded.epoch";
    struct bkt_postgres_params sweep = bkt_postgres_table_param(conn);
    bkt_postgres_param(&sweep, BKT_POSTGRES_TEXT, bkt_str_from(worker->name));
    struct bkt_postgres_params params = sweep;
    bkt_postgres_param_int(&params, seen->is_lister);
    bkt_postgres_param_int(&params, now_ms - worker->started_ms);
    bkt_postgres_param_int(&params, (int64_t)seen->changes);
    bkt_postgres_param_int(&params, (int64_t)seen->epoch);
    const struct bkt_postgres_statement statements[] = {
        {"BEGIN", NULL},     {"SET LOCAL synchronous_commit = off", NULL},
        {sweep_sql, &sweep}, {renew_sql, &params},
        {"COMMIT", NULL},
    };
    return bkt_postgres_run_or_make(conn, doing, bkt_postgres_workers_sql, statements, 5, NULL,
                                    NULL);
}

int64_t bkt_postgres_worker_beat(struct bkt_postgres_worker *worker,
                                 struct bkt_postgres *conn,
                                 const struct bkt_status_worker *seen,
                                 int64_t now_ms)
{
    if (worker->is_refused)
        return INT64_MAX;
    bool is_other = worker->has_row && worker->was_lister != seen->is_lister;
    if (now_ms < worker->due_ms && !is_other)
        return worker->due_ms;
    worker->due_ms = now_ms + BKT_POSTGRES_BEAT_MS;
    int rc = renew(worker, conn, seen, now_ms);
    bkt_postgres_rollback(conn);
    if (rc == BKT_OK) {
        worker->has_row = true;
        worker->was_lister = seen->is_lister;
    }
    worker->is_refused = rc == BKT_ETARGET && bkt_postgres_said(conn, "42");
    return worker->is_refused ? INT64_MAX : worker->due_ms;
}

void bkt_postgres_worker_end(struct bkt_postgres_worker *worker, struct bkt_postgres *conn)
{
    struct bkt_postgres_params params = bkt_postgres_table_param(conn);
    if (!worker->has_row || !conn->conn)
        return;
    bkt_postgres_param(&params, BKT_POSTGRES_TEXT, bkt_str_from(worker->name));
    (void)!bkt_postgres_exec(conn, doing,
                             "DELETE FROM @W WHERE table_name = $1::text AND worker = $2::text",
                             &params, NULL, NULL);
    worker->has_row = false;
}

int bkt_postgres_workers_are_kept(struct bkt_postgres *conn,
                                  bool *out_are_kept,
                                  struct bkt_error *err)
{
    return bkt_postgres_ask(conn, "@W",
                            "SELECT coalesce(has_table_privilege(to_regclass($1::text)::oid,"
                            " 'SELECT'), false)",
                            out_are_kept, err);
}

/* "host:pid:random", by the last two colons: a host's name may have some too. */
static void split_name(struct bkt_str name, struct bkt_status_worker *out)
{
    size_t colons[2] = {name.len, name.len};
    size_t found = 0;
    for (size_t i = name.len; i > 0 && found < 2; i--) {
        if (name.ptr[i - 1] == ':')
            colons[found++] = i - 1;
    }
    out->host = name;
    if (found == 2) {
        out->host.len = colons[1];
        out->pid = strtoll(name.ptr + colons[1] + 1, NULL, 10);
    }
}

int bkt_postgres_workers_tell(struct bkt_postgres *conn,
                              const struct bkt_status_told *told,
                              struct bkt_error *err)
{
    static const char sql[] =
        "SELECT worker, is_lister, (extract(epoch FROM started_at) * 1000)::int8,"
        " (extract(epoch FROM seen_at) * 1000)::int8,"
        " (extract(epoch FROM clock_timestamp() - seen_at) * 1000)::int8, changes, epoch"
        " FROM @W WHERE table_name = $1::text ORDER BY worker COLLATE \"C\"";
    struct bkt_postgres_params params = bkt_postgres_table_param(conn);
    PGresult *result = NULL;
    int rc = bkt_postgres_exec(conn, "read the state of", sql, &params, &result, err);
    for (int row = 0; rc == BKT_OK && row < PQntuples(result); row++) {
        struct bkt_status_worker worker = {
            .is_lister = bkt_postgres_int(result, row, 1) != 0,
            .started_ms = bkt_postgres_int(result, row, 2),
            .seen_ms = bkt_postgres_int(result, row, 3),
            .silent_ms = bkt_postgres_int(result, row, 4),
            .changes = (uint64_t)bkt_postgres_int(result, row, 5),
            .epoch = (uint64_t)bkt_postgres_int(result, row, 6),
        };
        split_name(bkt_postgres_str(result, row, 0), &worker);
        rc = told->worker(told->ctx, &worker, err);
    }
    PQclear(result);
    return rc;
}
