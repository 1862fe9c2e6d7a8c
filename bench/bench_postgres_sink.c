/*
 * Rows a second into PostgreSQL.
 *
 * copy:   a bare COPY into the rows' table alone, a transaction a batch: what the server can take.
 * single: one prepared upsert a row and a round trip each, a transaction a batch.
 * sink:   apply() of the target: read clock, state, row, counters.
 *
 *   bench_postgres_sink URL [ROWS]
 *
 * URL is a database to make and drop tables in: tests/postgres.py has one, in BKT_TEST_POSTGRES.
 */
#include "sink.h"
#include "targets/postgres_target.h"

#include <bucketable/error.h>

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 1000 };

static void run_sql(PGconn *conn, const char *sql)
{
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_COPY_IN)
        sink_die(PQerrorMessage(conn));
    PQclear(result);
}

static void forget(PGconn *conn)
{
    run_sql(conn, "DROP TABLE IF EXISTS objects, bucketable_tables, bucketable_state_objects,"
                  " bucketable_absent_objects");
}

static void copy_batch(PGconn *conn)
{
    char line[SINK_CONTENT_BYTES + SINK_KEY_BYTES + 8];
    run_sql(conn, "COPY objects FROM STDIN");
    for (size_t i = 0; i < BATCH; i++) {
        int len = snprintf(line, sizeof(line), "%s\t%s\n", sink_keys[i], sink_contents[i]);
        if (PQputCopyData(conn, line, len) != 1)
            sink_die(PQerrorMessage(conn));
    }
    if (PQputCopyEnd(conn, NULL) != 1)
        sink_die(PQerrorMessage(conn));
    PGresult *result = PQgetResult(conn);
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        sink_die(PQerrorMessage(conn));
    PQclear(result);
    PQclear(PQgetResult(conn));
}

static void single_batch(PGconn *conn)
{
    run_sql(conn, "BEGIN");
    for (size_t i = 0; i < BATCH; i++) {
        const char *values[] = {sink_keys[i], sink_contents[i]};
        PGresult *result = PQexecPrepared(conn, "put", 2, values, NULL, NULL, 0);
        if (PQresultStatus(result) != PGRES_COMMAND_OK)
            sink_die(PQerrorMessage(conn));
        PQclear(result);
    }
    run_sql(conn, "COMMIT");
}

static double bench_bare(PGconn *conn, size_t rows, const char *name, void (*batch)(PGconn *conn))
{
    forget(conn);
    run_sql(conn, "CREATE TABLE objects (filename text PRIMARY KEY NOT NULL, content text)");
    run_sql(conn, "DEALLOCATE ALL");
    PQclear(PQprepare(conn, "put",
                      "INSERT INTO objects VALUES ($1, $2) ON CONFLICT (filename)"
                      " DO UPDATE SET content = excluded.content",
                      2, NULL));
    struct sink_timer timer = sink_timer_start();
    for (size_t done = 0; done < rows; done += BATCH) {
        sink_make_keys(done, BATCH);
        batch(conn);
    }
    return sink_timer_print(timer, name, rows);
}

static double bench_sink(PGconn *conn, const char *url, size_t rows)
{
    struct bkt_error err = {0};
    struct bkt_table_target target;
    forget(conn);
    if (bkt_postgres_target_new(bkt_str_from(url), BKT_STR("objects"), &target, &err))
        sink_die(err.message);
    sink_attach(target);
    double rate =
        sink_measure(target, "sink", &(struct sink_rows){0, rows, BATCH, SINK_CONTENT_BYTES});
    target.ops->free(target.self);
    return rate;
}

int main(int argc, char **argv)
{
    const char *url = argc > 1 ? argv[1] : getenv("BKT_TEST_POSTGRES");
    if (!url)
        sink_die("usage: bench_postgres_sink URL [ROWS]");
    size_t rows = argc > 2 ? strtoul(argv[2], NULL, 10) : 100000;
    PGconn *conn = PQconnectdb(url);
    if (PQstatus(conn) != CONNECTION_OK)
        sink_die(PQerrorMessage(conn));
    sink_make_contents();
    run_sql(conn, "SET client_min_messages = error");
    double single = bench_bare(conn, rows, "single", single_batch);
    double copy = bench_bare(conn, rows, "copy", copy_batch);
    double sink = bench_sink(conn, url, rows);
    (void)printf("sink_over_single %.2f\nsink_over_copy %.2f\n", sink / single, sink / copy);
    forget(conn);
    PQfinish(conn);
    return 0;
}
