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
#include "core/time.h"
#include "targets/postgres_target.h"

#include <bucketable/error.h>

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { BATCH = 1000, CONTENT_BYTES = 1024, KEY_BYTES = 64 };

static char contents[BATCH][CONTENT_BYTES + 1];
static char keys[BATCH][KEY_BYTES];

struct timer {
    int64_t wall_ms;
    double cpu_s;
};

static double cpu_s(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static struct timer timer_start(void)
{
    return (struct timer){bkt_time_monotonic_ms(), cpu_s()};
}

static double timer_print(struct timer start, const char *name, size_t rows)
{
    double seconds = (double)(bkt_time_monotonic_ms() - start.wall_ms) / 1000;
    double rate = (double)rows / seconds;
    (void)printf("%s_rows_per_s %.0f\n%s_cpu_us_per_row %.2f\n", name, rate, name,
                 (cpu_s() - start.cpu_s) * 1e6 / (double)rows);
    return rate;
}

static void die(const char *what)
{
    (void)fprintf(stderr, "bench_postgres_sink: %s\n", what);
    exit(1);
}

static void make_keys(size_t first)
{
    for (size_t i = 0; i < BATCH; i++)
        (void)snprintf(keys[i], sizeof(keys[i]), "folder/%04zu/object-%010zu.txt",
                       (first + i) / 5000, first + i);
}

/* Text that does not compress away, made once: every batch has it under other keys. */
static void make_contents(void)
{
    uint64_t seed = 20240301;
    for (size_t i = 0; i < BATCH * CONTENT_BYTES; i++) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        contents[i / CONTENT_BYTES][i % CONTENT_BYTES] = (char)('a' + seed % 26);
    }
}

static void run_sql(PGconn *conn, const char *sql)
{
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_COPY_IN)
        die(PQerrorMessage(conn));
    PQclear(result);
}

static void forget(PGconn *conn)
{
    run_sql(conn, "DROP TABLE IF EXISTS objects, bucketable_tables, bucketable_state_objects,"
                  " bucketable_absent_objects");
}

static void copy_batch(PGconn *conn)
{
    char line[CONTENT_BYTES + KEY_BYTES + 8];
    run_sql(conn, "COPY objects FROM STDIN");
    for (size_t i = 0; i < BATCH; i++) {
        int len = snprintf(line, sizeof(line), "%s\t%s\n", keys[i], contents[i]);
        if (PQputCopyData(conn, line, len) != 1)
            die(PQerrorMessage(conn));
    }
    if (PQputCopyEnd(conn, NULL) != 1)
        die(PQerrorMessage(conn));
    PGresult *result = PQgetResult(conn);
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        die(PQerrorMessage(conn));
    PQclear(result);
    PQclear(PQgetResult(conn));
}

static void single_batch(PGconn *conn)
{
    run_sql(conn, "BEGIN");
    for (size_t i = 0; i < BATCH; i++) {
        const char *values[] = {keys[i], contents[i]};
        PGresult *result = PQexecPrepared(conn, "put", 2, values, NULL, NULL, 0);
        if (PQresultStatus(result) != PGRES_COMMAND_OK)
            die(PQerrorMessage(conn));
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
    struct timer start = timer_start();
    for (size_t done = 0; done < rows; done += BATCH) {
        make_keys(done);
        batch(conn);
    }
    return timer_print(start, name, rows);
}

static void fill(struct bkt_table_target target, size_t rows)
{
    static struct bkt_change changes[BATCH];
    struct bkt_error err = {0};
    struct bkt_clock clock = {0};
    for (size_t done = 0; done < rows; done += BATCH) {
        make_keys(done);
        for (size_t i = 0; i < BATCH; i++) {
            struct bkt_change *change = &changes[i];
            *change = (struct bkt_change){.op = BKT_CHANGE_UPSERT, .read_at = clock.clock};
            change->object.key = bkt_str_from(keys[i]);
            change->object.etag = BKT_STR("0123456789abcdef0123456789abcdef");
            change->object.size = CONTENT_BYTES;
            change->object.last_modified_ms = 1700000000000;
            change->content = (struct bkt_str){contents[i], CONTENT_BYTES};
        }
        if (target.ops->apply(target.self, changes, BATCH, false, &clock, &err))
            die(err.message);
    }
}

static double bench_sink(PGconn *conn, const char *url, size_t rows)
{
    struct bkt_error err = {0};
    struct bkt_table_target target;
    struct bkt_attached attached;
    struct bkt_table_spec spec = {.source = BKT_STR("s3://bench"), .spec = BKT_STR("{}")};
    forget(conn);
    if (bkt_postgres_target_new(bkt_str_from(url), BKT_STR("objects"), &target, &err) ||
        target.ops->attach(target.self, &spec, &attached, &err))
        die(err.message);
    struct timer start = timer_start();
    fill(target, rows);
    double rate = timer_print(start, "sink", rows);
    start = timer_start();
    fill(target, rows);
    (void)timer_print(start, "sink_update", rows);
    target.ops->free(target.self);
    return rate;
}

int main(int argc, char **argv)
{
    const char *url = argc > 1 ? argv[1] : getenv("BKT_TEST_POSTGRES");
    if (!url)
        die("usage: bench_postgres_sink URL [ROWS]");
    size_t rows = argc > 2 ? strtoul(argv[2], NULL, 10) : 100000;
    PGconn *conn = PQconnectdb(url);
    if (PQstatus(conn) != CONNECTION_OK)
        die(PQerrorMessage(conn));
    make_contents();
    run_sql(conn, "SET client_min_messages = error");
    double single = bench_bare(conn, rows, "single", single_batch);
    double copy = bench_bare(conn, rows, "copy", copy_batch);
    double sink = bench_sink(conn, url, rows);
    (void)printf("sink_over_single %.2f\nsink_over_copy %.2f\n", sink / single, sink / copy);
    forget(conn);
    PQfinish(conn);
    return 0;
}
