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
#include "sink.h"
#include "targets/sqlite_target.h"

#include <bucketable/error.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 1000 };

static void remove_file(const char *path)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 3; i++) {
        char name[512];
        (void)snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
        (void)remove(name);
    }
}

static void run_sql(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        sink_die(sqlite3_errmsg(db));
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL) != SQLITE_OK)
        sink_die(sqlite3_errmsg(db));
    return stmt;
}

static void bare_batch(sqlite3_stmt *row, sqlite3_stmt *state)
{
    for (size_t i = 0; i < BATCH; i++) {
        int len = (int)strlen(sink_keys[i]);
        (void)sqlite3_bind_text(row, 1, sink_keys[i], len, SQLITE_STATIC);
        (void)sqlite3_bind_text(row, 2, sink_contents[i], SINK_CONTENT_BYTES, SQLITE_STATIC);
        (void)sqlite3_step(row);
        (void)sqlite3_reset(row);
        if (!state)
            continue;
        (void)sqlite3_bind_blob(state, 1, sink_keys[i], len, SQLITE_STATIC);
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
        sink_die("cannot open the file");
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
    struct sink_timer timer = sink_timer_start();
    for (size_t done = 0; done < rows; done += BATCH) {
        sink_make_keys(done, BATCH);
        run_sql(db, "BEGIN IMMEDIATE");
        bare_batch(row, with_state ? state : NULL);
        run_sql(db, "COMMIT");
    }
    double rate = sink_timer_print(timer, name, rows);
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
    remove_file(path);
    if (bkt_sqlite_target_new(path, BKT_STR("objects"), &target, &err))
        sink_die(err.message);
    sink_attach(target);
    return target;
}

static double bench_sink(const char *path, size_t rows)
{
    struct bkt_table_target target = open_target(path);
    double rate =
        sink_measure(target, "sink", &(struct sink_rows){0, rows, BATCH, SINK_CONTENT_BYTES});
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
    struct bkt_table_target target = open_target(path);
    sink_fill(target, &(struct sink_rows){0, rows, BATCH, 1});
    for (int round = 0; round < 2; round++) {
        char last[SINK_KEY_BYTES] = "";
        struct bkt_error err = {0};
        size_t count = 0;
        size_t total = 0;
        struct sink_timer timer = sink_timer_start();
        do {
            struct bkt_scan range = {.after = bkt_str_from(last), .limit = BATCH};
            char next[SINK_KEY_BYTES] = "";
            if (target.ops->scan(target.self, &range, keep_last, next, &count, &err))
                sink_die(err.message);
            memcpy(last, next, sizeof(last));
            total += count;
        } while (count == BATCH);
        (void)sink_timer_print(timer, round == 0 ? "scan_first" : "scan_again", total);
    }
    target.ops->free(target.self);
    remove_file(path);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        sink_die("usage: bench_sqlite_sink FOLDER [ROWS [SCAN_ROWS]]");
    size_t rows = argc > 2 ? strtoul(argv[2], NULL, 10) : 200000;
    size_t scan_rows = argc > 3 ? strtoul(argv[3], NULL, 10) : 1000000;
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/bench-sink.db", argv[1]);
    sink_make_contents();

    double bare = bench_bare(path, rows, false, "bare");
    double pair = bench_bare(path, rows, true, "pair");
    double sink = bench_sink(path, rows);
    (void)printf("sink_over_bare %.2f\nsink_over_pair %.2f\n", sink / bare, sink / pair);
    if (scan_rows > 0)
        bench_scan(path, scan_rows);
    return 0;
}
