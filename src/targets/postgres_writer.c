#include "targets/postgres_writer.h"

#include "core/time.h"
#include "targets/libpq_load.h"
#include "targets/postgres_error.h"
#include "targets/postgres_run.h"

static const char *const hold_sql[] = {
    [BKT_POSTGRES_HOLD] =
        "SELECT clock, floor, epoch FROM @R WHERE table_name = $1::text FOR UPDATE",
    [BKT_POSTGRES_CLOCK] = "UPDATE @R SET clock = clock + 1, updated_at = now()"
                           " WHERE table_name = $1::text RETURNING clock, floor, epoch",
    [BKT_POSTGRES_FLOOR] = "UPDATE @R SET clock = clock + 1, floor = clock + 1, updated_at = now()"
                           " WHERE table_name = $1::text RETURNING clock, floor, epoch",
};

static const char server_sql[] = "SELECT pg_postmaster_start_time()";

/* No table's floor: a listing that was begun on another server is to begin anew. */
#define FLOOR_VOID UINT64_MAX

int bkt_postgres_clock_read(const struct bkt_postgres *conn,
                            const PGresult *result,
                            uint64_t seen,
                            struct bkt_clock *out_clock,
                            struct bkt_error *err)
{
    if (PQntuples(result) != 1) {
        return bkt_postgres_fail(conn, BKT_EFOREIGN, "use", err,
                                 "its record is gone: drop the table to have it built again");
    }
    struct bkt_clock clock = {
        .clock = (uint64_t)bkt_postgres_int(result, 0, 0),
        .floor = (uint64_t)bkt_postgres_int(result, 0, 1),
        .epoch = (uint64_t)bkt_postgres_int(result, 0, 2),
    };
    if (clock.clock < seen) {
        return bkt_postgres_fail(conn, BKT_ETARGET, "use", err,
                                 "its clock has gone back: the server was restored, or replaced by "
                                 "one that lacks the newest commits: run it again");
    }
    *out_clock = clock;
    return BKT_OK;
}

void bkt_postgres_writer_saw(struct bkt_postgres_writer *writer, uint64_t clock)
{
    uint64_t seen = atomic_load(&writer->seen);
    while (seen < clock && !atomic_compare_exchange_weak(&writer->seen, &seen, clock))
        continue;
}

int bkt_postgres_fail_as(const struct bkt_postgres_writer *writer, int rc, struct bkt_error *err)
{
    return bkt_postgres_fail(&writer->conn, rc, "write", err, bkt_error_text(rc));
}

int bkt_postgres_writer_do(struct bkt_postgres_writer *writer,
                           bkt_postgres_work_fn *work,
                           void *ctx,
                           struct bkt_error *err)
{
    for (unsigned attempt = 1;; attempt++) {
        int rc = work(writer, ctx, err);
        if (rc == BKT_OK)
            return rc;
        bool again = rc == BKT_ETARGET && bkt_postgres_is_conflict(&writer->conn);
        bkt_postgres_rollback(&writer->conn);
        if (!again || !bkt_postgres_wait(attempt))
            return rc;
    }
}

static bool knows_server(const struct bkt_postgres_writer *writer, int64_t started)
{
    size_t count = writer->server_count < BKT_POSTGRES_SERVERS_MAX ? writer->server_count
                                                                   : BKT_POSTGRES_SERVERS_MAX;
    for (size_t i = 0; i < count; i++) {
        if (writer->servers[i] == started)
            return true;
    }
    return false;
}

/*
 * The record's lock is held, so every clock that was noted on this server is less than `clock`, and
 * what was noted on another one is not more than `seen`.
 */
static void note_server(struct bkt_postgres_writer *writer, int64_t started, uint64_t clock)
{
    if (knows_server(writer, started))
        return;
    writer->servers[writer->server_count++ % BKT_POSTGRES_SERVERS_MAX] = started;
    writer->void_below = clock;
    writer->floor = FLOOR_VOID;
}

/* What the transaction's first statements found; the lock on the record is held. */
static int read_held(struct bkt_postgres_writer *writer,
                     enum bkt_postgres_hold hold,
                     const PGresult *record,
                     const PGresult *server,
                     struct bkt_clock *out_clock,
                     struct bkt_error *err)
{
    struct bkt_clock clock;
    uint64_t seen = atomic_load(&writer->seen) + (hold != BKT_POSTGRES_HOLD);
    int rc = bkt_postgres_clock_read(&writer->conn, record, seen, &clock, err);
    if (rc)
        return rc;
    if (clock.epoch != writer->epoch) {
        return bkt_postgres_fail(&writer->conn, BKT_EFOREIGN, "write", err,
                                 "the spec of this table was changed by another process: run with "
                                 "the new one");
    }
    if (server) {
        note_server(writer, bkt_postgres_int(server, 0, 0),
                    clock.clock + (hold == BKT_POSTGRES_HOLD));
    }
    *out_clock = clock;
    return BKT_OK;
}

int bkt_postgres_writer_begin(struct bkt_postgres_writer *writer,
                              enum bkt_postgres_hold hold,
                              bool durable,
                              struct bkt_postgres_statement more,
                              PGresult **out_more,
                              struct bkt_clock *out_clock,
                              struct bkt_error *err)
{
    struct bkt_postgres_params params = bkt_postgres_table_param(&writer->conn);
    const struct bkt_postgres_statement statements[] = {
        {"BEGIN", NULL},
        {durable ? "SET LOCAL synchronous_commit = on" : NULL, NULL},
        {hold_sql[hold], &params},
        {writer->has_no_server ? NULL : server_sql, NULL},
        more,
    };
    enum { RECORD_AT = 2, SERVER_AT, MORE_AT, COUNT };
    PGresult *results[COUNT] = {0};
    struct bkt_clock clock;
    int rc = bkt_postgres_run(&writer->conn, "write", statements, COUNT, results, err);
    if (rc)
        return rc;
    rc = read_held(writer, hold, results[RECORD_AT], results[SERVER_AT], &clock, err);
    if (rc == BKT_OK && out_more) {
        *out_more = results[MORE_AT];
        results[MORE_AT] = NULL;
    }
    for (size_t i = 0; i < COUNT; i++)
        PQclear(results[i]);
    if (rc == BKT_OK)
        *out_clock = clock;
    return rc;
}

int bkt_postgres_writer_commit(struct bkt_postgres_writer *writer,
                               struct bkt_postgres_statement first,
                               struct bkt_postgres_statement second,
                               struct bkt_error *err)
{
    const struct bkt_postgres_statement statements[] = {first, second, {"COMMIT", NULL}};
    PGresult *results[3] = {0};
    int rc = bkt_postgres_run(&writer->conn, "write", statements, 3, results, err);
    if (rc)
        return rc;
    /* A transaction that had failed before answers with the tag ROLLBACK. */
    if (strcmp(PQcmdStatus(results[2]), "COMMIT") != 0) {
        rc = bkt_postgres_fail(&writer->conn, BKT_ETARGET, "write", err,
                               "the transaction was rolled back");
    }
    for (size_t i = 0; i < 3; i++)
        PQclear(results[i]);
    return rc;
}

int bkt_postgres_writer_check_floor(const struct bkt_postgres_writer *writer,
                                    uint64_t floor,
                                    struct bkt_error *err)
{
    if (floor == writer->floor)
        return BKT_OK;
    return bkt_postgres_fail(&writer->conn, BKT_EBUSY, "list into", err,
                             writer->floor == FLOOR_VOID
                                 ? "the server was restarted or replaced meanwhile"
                                 : "another process has begun to list into it");
}

/* Which server it is, where that can be known. */
static int find_server(struct bkt_postgres_writer *writer, struct bkt_error *err)
{
    PGresult *result = NULL;
    int rc = bkt_postgres_exec(&writer->conn, "use", server_sql, NULL, &result, err);
    writer->has_no_server = rc == BKT_ETARGET && bkt_postgres_said(&writer->conn, "42");
    if (rc == BKT_OK) {
        writer->servers[0] = bkt_postgres_int(result, 0, 0);
        writer->server_count = 1;
    }
    PQclear(result);
    return writer->has_no_server ? BKT_OK : rc;
}

int bkt_postgres_writer_attach(struct bkt_postgres_writer *writer,
                               const struct bkt_table_spec *spec,
                               const struct bkt_clock *clock,
                               struct bkt_error *err)
{
    writer->epoch = clock->epoch;
    atomic_store(&writer->seen, clock->clock);
    writer->void_below = 0;
    writer->columns = spec->columns;
    writer->binary = spec->binary;
    writer->replace_nul = spec->replace_nul;
    for (int op = 0; op < BKT_POSTGRES_ROW_OP_COUNT; op++) {
        bkt_postgres_rows_clear(&writer->rows[op]);
        int rc = bkt_postgres_rows_init(&writer->rows[op], (enum bkt_postgres_row_op)op,
                                        spec->columns, spec->binary);
        if (rc)
            return bkt_postgres_fail(&writer->conn, rc, "use", err, bkt_error_text(rc));
    }
    return find_server(writer, err);
}

void bkt_postgres_writer_clear(struct bkt_postgres_writer *writer)
{
    for (int op = 0; op < BKT_POSTGRES_ROW_OP_COUNT; op++)
        bkt_postgres_rows_clear(&writer->rows[op]);
    bkt_postgres_clear(&writer->conn);
}
