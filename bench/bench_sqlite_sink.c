/*
 * Rows a second into an SQLite file, and of a scan of the state.
 *
 * bare:  a loop of prepared upserts into the rows' table alone, same pragmas, same batches.
 * pair:  the same loop with the state row written beside each row, into a table like ours: what the
 *        same two rows cost when each is a statement.
 * sink:  apply() of the target: read clock, state, row, counters.
 *
 *   bench_sqlite_sink FOLDER [ROWS [SCAN_ROWS]]
 */
#include "core/time.h"
#include "targets/sqlite_target.h"

#include <bucketable/error.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { BATCH = 1000, CONTENT_BYTES = 1024, KEY_BYTES = 64 };

static char content[CONTENT_BYTES];
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
    (void)fprintf(stderr, "bench_sqlite_sink: %s\n", what);
    exit(1);
}

static void remove_file(const char *path)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 3; i++) {
        char name[512];
        (void)snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
        (void)remove(name);
    }
}

static void make_keys(size_t first)
{
    for (size_t i = 0; i < BATCH; i++)
        (void)snprintf(keys[i], sizeof(keys[i]), "folder/%04zu/object-%010zu.txt",
                       (first + i) / 5000, first + i);
}

static void run_sql(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        die(sqlite3_errmsg(db));
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL) != SQLITE_OK)
        die(sqlite3_errmsg(db));
    return stmt;
}

static void bare_batch(sqlite3_stmt *row, sqlite3_stmt *state)
{
    for (size_t i = 0; i < BATCH; i++) {
        int len = (int)strlen(keys[i]);
        (void)sqlite3_bind_text(row, 1, keys[i], len, SQLITE_STATIC);
        (void)sqlite3_bind_text(row, 2, content, CONTENT_BYTES, SQLITE_STATIC);
        (void)sqlite3_step(row);
        (void)sqlite3_reset(row);
        if (!state)
            continue;
        (void)sqlite3_bind_blob(state, 1, keys[i], len, SQLITE_STATIC);
        (void)sqlite3_bind_text(state, 2, "0123456789abcdef0123456789abcdef", 32, SQLITE_STATIC);
        (void)sqlite3_step(state);
        (void)sqlite3_reset(state);
    }
}

static double bench_bare(const char *path, size_t rows, bool with_state, const char *name)
{
    sqlite3 *db = NULL;
    remove_file(path);
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK)
        die("cannot open the file");
    run_sql(db, "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                "PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 10000;"
                "CREATE TABLE objects (filename TEXT PRIMARY KEY NOT NULL, content TEXT);"
                "CREATE TABLE state (filename BLOB PRIMARY KEY NOT NULL, revision INTEGER NOT NULL,"
                " flags INTEGER NOT NULL, etag TEXT, size INTEGER NOT NULL DEFAULT 0,"
                " last_modified INTEGER, version_id TEXT, decode INTEGER NOT NULL DEFAULT 0,"
                " failed_etag TEXT, error TEXT) WITHOUT ROWID;"
                "CREATE INDEX odd ON state (flags, revision) WHERE (flags & 5) <> 1");
    sqlite3_stmt *row = prepare(db, "INSERT INTO objects VALUES (?1, ?2) ON CONFLICT (filename)"
                                    " DO UPDATE SET content = ?2");
    sqlite3_stmt *state = prepare(db, "REPLACE INTO state VALUES (?1, 123456, 1, ?2, 1024,"
                                      " 1700000000000, NULL, 0, NULL, NULL)");
    struct timer start = timer_start();
    for (size_t done = 0; done < rows; done += BATCH) {
        make_keys(done);
        run_sql(db, "BEGIN IMMEDIATE");
        bare_batch(row, with_state ? state : NULL);
        run_sql(db, "COMMIT");
    }
    double rate = timer_print(start, name, rows);
    (void)sqlite3_finalize(row);
    (void)sqlite3_finalize(state);
    (void)sqlite3_close(db);
    remove_file(path);
    return rate;
}

static struct bkt_table_target open_target(const char *path)
{
    struct bkt_error err = {0};
    struct bkt_table_target target;
    struct bkt_attached attached;
    struct bkt_table_spec spec = {.source = BKT_STR("s3://bench"), .spec = BKT_STR("{}")};
    if (bkt_sqlite_target_new(path, BKT_STR("objects"), &target, &err) ||
        target.ops->attach(target.self, &spec, &attached, &err))
        die(err.message);
    return target;
}

static void fill(struct bkt_table_target target, size_t rows, size_t content_len)
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
            change->object.size = content_len;
            change->object.last_modified_ms = 1700000000000;
            change->content = (struct bkt_str){content, content_len};
        }
        if (target.ops->apply(target.self, changes, BATCH, false, &clock, &err))
            die(err.message);
    }
}

static double bench_sink(const char *path, size_t rows)
{
    remove_file(path);
    struct bkt_table_target target = open_target(path);
    struct timer start = timer_start();
    fill(target, rows, CONTENT_BYTES);
    double rate = timer_print(start, "sink", rows);
    start = timer_start();
    fill(target, rows, CONTENT_BYTES);
    (void)timer_print(start, "sink_update", rows);
    target.ops->free(target.self);
    remove_file(path);
    return rate;
}

static int keep_last(void *ctx, const struct bkt_state_row *row, struct bkt_error *err)
{
    (void)err;
    char *last = ctx;
    memcpy(last, row->key.ptr, row->key.len);
    last[row->key.len] = '\0';
    return BKT_OK;
}

static void bench_scan(const char *path, size_t rows)
{
    remove_file(path);
    struct bkt_table_target target = open_target(path);
    fill(target, rows, 1);
    for (int round = 0; round < 2; round++) {
        char last[KEY_BYTES] = "";
        struct bkt_error err = {0};
        size_t count = 0;
        size_t total = 0;
        struct timer start = timer_start();
        do {
            struct bkt_scan range = {.after = bkt_str_from(last), .limit = BATCH};
            char next[KEY_BYTES] = "";
            if (target.ops->scan(target.self, &range, keep_last, next, &count, &err))
                die(err.message);
            memcpy(last, next, sizeof(last));
            total += count;
        } while (count == BATCH);
        (void)timer_print(start, round == 0 ? "scan_first" : "scan_again", total);
    }
    target.ops->free(target.self);
    remove_file(path);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        die("usage: bench_sqlite_sink FOLDER [ROWS [SCAN_ROWS]]");
    size_t rows = argc > 2 ? strtoul(argv[2], NULL, 10) : 200000;
    size_t scan_rows = argc > 3 ? strtoul(argv[3], NULL, 10) : 1000000;
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/bench-sink.db", argv[1]);
    memset(content, 'x', sizeof(content));

    double bare = bench_bare(path, rows, false, "bare");
    double pair = bench_bare(path, rows, true, "pair");
    double sink = bench_sink(path, rows);
    (void)printf("sink_over_bare %.2f\nsink_over_pair %.2f\n", sink / bare, sink / pair);
    if (scan_rows > 0)
        bench_scan(path, scan_rows);
    return 0;
}
