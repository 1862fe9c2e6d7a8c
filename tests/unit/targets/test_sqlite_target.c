/*
 * The conformance suite over an SQLite file, and what only SQLite has: files that are none, disks
 * that are full, tables that people have changed, triggers that raise.  A second connection plays
 * the user, with plain SQL.
 */
#include "targets/sqlite_target.h"

#include "core/time.h"
#include "targets/sqlite_reader.h"
#include "targets/sqlite_shim.h"
#include "targets/sqlite_status.h"
#include "targets/target_conformance.h"

#include <bucketable/error.h>

#include "t.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/bkt-sqlite-XXXXXX";
static char path[64];

static const struct bkt_table_spec plain = {.source = {"s3://bucket", 11}, .spec = {"{}", 2}};

static void forget(void *ctx)
{
    (void)ctx;
    target_remove(path);
    sqlite_shim_fill_after(-1);
    sqlite_shim_read_only(false);
}

static int open_table(void *ctx, struct bkt_table_target *out_target, struct bkt_error *err)
{
    (void)ctx;
    return bkt_sqlite_target_new(path, BKT_STR("objects"), out_target, err);
}

/* What the user does. */
static void sql(const char *text)
{
    sqlite3 *db = NULL;
    char *message = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, text, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", text, message);
    (void)sqlite3_close(db);
}

/* The first value of the answer, "NULL" for none; false: no row. */
static bool ask(const char *text, struct bkt_str key, struct bkt_buf *out, bool *out_is_bytes)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, text, -1, &stmt, NULL), SQLITE_OK);
    if (key.ptr)
        (void)sqlite3_bind_text(stmt, 1, key.ptr, (int)key.len, SQLITE_STATIC);
    bool found = sqlite3_step(stmt) == SQLITE_ROW;
    if (found) {
        *out_is_bytes = sqlite3_column_type(stmt, 0) == SQLITE_BLOB;
        bool is_null = sqlite3_column_type(stmt, 0) == SQLITE_NULL;
        const char *ptr = is_null ? "NULL" : sqlite3_column_blob(stmt, 0);
        size_t len = is_null ? 4 : (size_t)sqlite3_column_bytes(stmt, 0);
        assert_int_equal(bkt_buf_append(out, (struct bkt_str){ptr ? ptr : "", len}), BKT_OK);
    }
    assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
    (void)sqlite3_close(db);
    return found;
}

static int look_at_table(void *ctx, struct bkt_table_target *out_target, struct bkt_error *err)
{
    (void)ctx;
    return bkt_sqlite_reader_new(path, BKT_STR("objects"), true, out_target, err);
}

static int status_of(void *ctx, const struct bkt_status_told *told, struct bkt_error *err)
{
    (void)ctx;
    return bkt_sqlite_status_read(path, told, err);
}

static bool read_row(void *ctx, struct bkt_str key, struct bkt_buf *content, bool *out_is_bytes)
{
    (void)ctx;
    return ask("SELECT content FROM objects WHERE filename = ?", key, content, out_is_bytes);
}

static bool read_column(void *ctx, struct bkt_str key, const char *column, struct bkt_buf *text)
{
    (void)ctx;
    char question[96];
    bool is_bytes;
    (void)snprintf(question, sizeof(question), "SELECT %s FROM objects WHERE filename = ?", column);
    return ask(question, key, text, &is_bytes);
}

static unsigned long count_syncs(void *ctx)
{
    (void)ctx;
    return sqlite_shim_syncs();
}

static void assert_answer(const char *question, const char *answer)
{
    struct bkt_buf found = BKT_BUF_INIT(1 << 20);
    bool is_bytes;
    assert_true(ask(question, (struct bkt_str){0}, &found, &is_bytes));
    assert_string_equal(found.ptr, answer);
    bkt_buf_clear(&found);
}

static struct bkt_table_target open_attached(const struct bkt_table_spec *spec)
{
    struct bkt_error err = {0};
    struct bkt_table_target t;
    struct bkt_attached attached;
    if (open_table(NULL, &t, &err) || t.ops->attach(t.self, spec, &attached, &err))
        fail_msg("%s", err.message);
    return t;
}

static void close_table(struct bkt_table_target t)
{
    t.ops->free(t.self);
}

/* Attach, with the code that is expected and a part of the message. */
static void attach_says(const struct bkt_table_spec *spec, int code, const char *part)
{
    struct bkt_error err = {0};
    struct bkt_table_target t;
    struct bkt_attached attached;
    assert_int_equal(open_table(NULL, &t, &err), BKT_OK);
    int rc = t.ops->attach(t.self, spec, &attached, &err);
    if (rc != code || (part && !strstr(err.message, part)))
        fail_msg("%s: %s", bkt_error_name(rc), err.message);
    close_table(t);
}

/* The same of a look at the table. */
static void look_says(const struct bkt_table_spec *spec, int code, const char *part)
{
    struct bkt_error err = {0};
    struct bkt_table_target t;
    struct bkt_attached attached;
    assert_int_equal(look_at_table(NULL, &t, &err), BKT_OK);
    int rc = t.ops->peek(t.self, spec, &attached, &err);
    if (rc != code || (part && !strstr(err.message, part)))
        fail_msg("%s: %s", bkt_error_name(rc), err.message);
    close_table(t);
}

static struct bkt_change put(const char *key, const char *content, uint64_t read_at)
{
    return (struct bkt_change){.op = BKT_CHANGE_UPSERT,
                               .object = {.key = bkt_str_from(key),
                                          .etag = BKT_STR("e"),
                                          .last_modified_ms = BKT_TIME_NONE},
                               .content = bkt_str_from(content),
                               .read_at = read_at};
}

static int apply(struct bkt_table_target t,
                 struct bkt_change *changes,
                 size_t count,
                 struct bkt_error *err)
{
    struct bkt_clock clock;
    return t.ops->apply(t.self, changes, count, false, &clock, err);
}

static void must_apply(struct bkt_table_target t, struct bkt_change *changes, size_t count)
{
    struct bkt_error err = {0};
    struct bkt_clock now;
    if (t.ops->read_clock(t.self, &now, &err))
        fail_msg("%s", err.message);
    for (size_t i = 0; i < count; i++)
        changes[i].read_at = now.clock;
    if (apply(t, changes, count, &err))
        fail_msg("%s", err.message);
}

static void names_and_paths_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *path;
        struct bkt_str table;
        int rc;
    } cases[] = {
        {"SQLite's own names", path, {"sqlite_x", 8}, BKT_ECONFIG},
        {"ours", path, {"BucketAble_tables", 17}, BKT_ECONFIG},
        {"no name", path, {"", 0}, BKT_ECONFIG},
        {"a NUL", path, {"a\0b", 3}, BKT_ECONFIG},
        {"a database of one connection", ":memory:", {"objects", 7}, BKT_ECONFIG},
        {"no path", "", {"objects", 7}, BKT_ECONFIG},
        {"no folder", "/nonexistent/x.db", {"objects", 7}, BKT_ETARGET},
        {"a folder", "/", {"objects", 7}, BKT_ETARGET},
        {"any other name", path, {"o\"b'j [x] --", 12}, BKT_OK},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# %s\n", cases[i].name);
        struct bkt_error err = {0};
        struct bkt_table_target t;
        struct bkt_attached attached;
        int rc = bkt_sqlite_target_new(cases[i].path, cases[i].table, &t, &err);
        assert_int_equal(rc, cases[i].rc);
        if (rc) {
            assert_int_equal(err.code, rc);
            continue;
        }
        struct bkt_change change = put("k", "x", 0);
        assert_int_equal(t.ops->attach(t.self, &plain, &attached, &err), BKT_OK);
        must_apply(t, &change, 1);
        close_table(t);
    }
    assert_answer("SELECT content FROM \"o\"\"b'j [x] --\"", "x");
}

static void a_uri_is_a_file_name(void **state)
{
    (void)state;
    char here[512];
    struct bkt_error err = {0};
    struct bkt_table_target t;
    assert_non_null(getcwd(here, sizeof(here)));
    assert_int_equal(chdir(folder), 0);
    assert_int_equal(bkt_sqlite_target_new("file:x.db?mode=memory", BKT_STR("objects"), &t, &err),
                     BKT_OK);
    close_table(t);
    assert_int_equal(access("file:x.db?mode=memory", F_OK), 0);
    assert_int_equal(remove("file:x.db?mode=memory"), 0);
    assert_int_equal(chdir(here), 0);
}

static void a_file_that_is_no_database_is_left_alone(void **state)
{
    (void)state;
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    for (int i = 0; i < 200; i++)
        (void)fputs("this is no database\n", file);
    assert_int_equal(fclose(file), 0);

    struct bkt_error err = {0};
    struct bkt_table_target t;
    assert_int_equal(open_table(NULL, &t, &err), BKT_ETARGET);
    assert_non_null(strstr(err.message, "no SQLite database"));
    assert_non_null(strstr(err.message, path));
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_size, 4000);
}

static void a_database_in_utf_16_is_refused(void **state)
{
    (void)state;
    sql("PRAGMA encoding = 'UTF-16le'; CREATE TABLE mine (x)");
    struct bkt_error err = {0};
    struct bkt_table_target t;
    assert_int_equal(open_table(NULL, &t, &err), BKT_ETARGET);
    assert_non_null(strstr(err.message, "UTF-16"));
}

static void a_read_only_file_says_so(void **state)
{
    (void)state;
    close_table(open_attached(&plain));
    struct bkt_error err = {0};
    struct bkt_table_target t;
    sqlite_shim_read_only(true);
    int rc = open_table(NULL, &t, &err);
    sqlite_shim_read_only(false);
    assert_int_equal(rc, BKT_ETARGET);
    assert_non_null(strstr(err.message, "read-only"));
}

static void a_full_disk_keeps_nothing_of_the_batch(void **state)
{
    (void)state;
    struct bkt_error err = {0};
    struct bkt_table_target t = open_attached(&plain);
    struct bkt_change first = put("a", "A", 0);
    must_apply(t, &first, 1);
    static char large[100000];
    memset(large, 'x', sizeof(large) - 1);

    /* After every number of writes that a batch needs, until it gets through. */
    bool filled = false;
    for (long writes = 0;; writes++) {
        struct bkt_change changes[] = {put("a", large, 1000), put("b", large, 1000)};
        sqlite_shim_fill_after(writes);
        int rc = apply(t, changes, 2, &err);
        sqlite_shim_fill_after(-1);
        if (rc == BKT_OK)
            break;
        filled = true;
        assert_int_equal(rc, BKT_ETARGET);
        assert_non_null(strstr(err.message, "the disk is full: make room"));
        assert_true(err.retriable); /* a watch goes on when there is room */
        assert_answer("SELECT content FROM objects WHERE filename = 'a'", "A");
        assert_answer("SELECT count(*) || ' ' || (SELECT row_count FROM bucketable_tables)"
                      " FROM objects",
                      "1 1");
    }
    assert_true(filled);
    assert_answer("SELECT count(*) || ' ' || (SELECT row_count FROM bucketable_tables)"
                  " FROM objects",
                  "2 2");
    close_table(t);
}

static void a_lock_of_another_process_is_worth_another_try(void **state)
{
    (void)state;
    struct bkt_error err = {0};
    struct bkt_table_target t = open_attached(&plain);
    sqlite3 *other = NULL;
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    struct bkt_change change = put("a", "A", 0);
    assert_int_equal(apply(t, &change, 1, &err), BKT_ETARGET);
    assert_true(err.retriable);
    assert_non_null(strstr(err.message, path));
    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(other);
    assert_int_equal(apply(t, &change, 1, &err), BKT_OK);
    assert_int_equal(change.outcome, BKT_OUTCOME_APPLIED);
    close_table(t);
}

static void a_table_of_others_is_not_taken(void **state)
{
    (void)state;
    sql("CREATE TABLE objects (filename TEXT PRIMARY KEY NOT NULL, content TEXT);"
        "INSERT INTO objects VALUES ('mine', 'mine')");
    attach_says(&plain, BKT_EFOREIGN, "bucketable did not make it");
    assert_answer("SELECT content FROM objects", "mine");
    sql("DROP TABLE objects; CREATE VIEW Objects AS SELECT 1 AS filename, 2 AS content");
    attach_says(&plain, BKT_EFOREIGN, "bucketable did not make it");
}

static void a_dropped_table_is_built_again(void **state)
{
    (void)state;
    struct bkt_table_target t = open_attached(&plain);
    struct bkt_change change = put("a", "A", 0);
    must_apply(t, &change, 1);
    sql("DROP TABLE objects");
    struct bkt_table_spec heir = plain;
    heir.source = BKT_STR("s3://heir");
    struct bkt_table_target u = open_attached(&heir);
    assert_answer("SELECT count(*) FROM objects", "0");
    assert_answer("SELECT source || row_count FROM bucketable_tables", "s3://heir0");

    struct bkt_error err = {0};
    change.read_at = 1000;
    assert_int_equal(apply(t, &change, 1, &err), BKT_EFOREIGN);
    change.read_at = 1;
    assert_int_equal(apply(u, &change, 1, &err), BKT_OK);
    assert_int_equal(change.outcome, BKT_OUTCOME_REFUSED);
    t.ops->free(t.self);
    u.ops->free(u.self);
}

static void changes_by_others_are_tolerated_or_named(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        int rc;
        const char *part;
    } cases[] = {
        {"ALTER TABLE objects ADD COLUMN mine TEXT", BKT_OK, NULL},
        {"ALTER TABLE objects ADD COLUMN mine TEXT NOT NULL DEFAULT 'x'", BKT_OK, NULL},
        {"CREATE INDEX mine ON objects (content)", BKT_OK, NULL},
        {"ALTER TABLE objects DROP COLUMN content", BKT_ETARGET, "content"},
        {"ALTER TABLE objects RENAME COLUMN filename TO name", BKT_ETARGET, "filename"},
        {"DROP TABLE objects; CREATE TABLE objects (filename TEXT PRIMARY KEY NOT NULL,"
         " content TEXT, mine TEXT NOT NULL)",
         BKT_ETARGET, "mine is NOT NULL"},
        {"DROP TABLE bucketable_state_objects", BKT_ETARGET, "its state is gone"},
        {"UPDATE bucketable_tables SET schema_version = 2", BKT_ETARGET, "newer bucketable"},
        {"UPDATE bucketable_tables SET schema_version = -1", BKT_ETARGET, "never was"},
        {"UPDATE bucketable_tables SET schema_version = 2; DROP TABLE objects", BKT_ETARGET,
         "newer bucketable"},
        {"DELETE FROM bucketable_tables", BKT_EFOREIGN, "did not make"},
        {"DROP TABLE objects; CREATE VIEW objects AS SELECT 1 AS filename, 2 AS content",
         BKT_EFOREIGN, "did not make"},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# %s\n", cases[i].sql);
        forget(NULL);
        close_table(open_attached(&plain));
        sql(cases[i].sql);
        look_says(&plain, cases[i].rc, cases[i].part);
        attach_says(&plain, cases[i].rc, cases[i].part);
        if (cases[i].rc == BKT_OK) {
            struct bkt_table_target t = open_attached(&plain);
            struct bkt_change change = put("a", "A", 0);
            must_apply(t, &change, 1);
            assert_int_equal(change.outcome, BKT_OUTCOME_APPLIED);
            close_table(t);
        }
    }
}

static void columns_come_and_go_beside_those_of_others(void **state)
{
    (void)state;
    struct bkt_table_spec with = plain;
    with.columns = BKT_COLUMN_ETAG | BKT_COLUMN_SIZE;
    close_table(open_attached(&with));
    sql("ALTER TABLE objects ADD COLUMN version_id TEXT; CREATE INDEX mine ON objects (etag)");

    with.columns |= BKT_COLUMN_VERSION_ID;
    attach_says(&with, BKT_ETARGET, "did not make");
    attach_says(&plain, BKT_ETARGET, "drop column etag");
    sql("DROP INDEX mine");
    attach_says(&plain, BKT_OK, NULL);
    assert_answer("SELECT group_concat(name) FROM pragma_table_info('objects')",
                  "filename,content,version_id");

    /* One that somebody dropped comes back. */
    with.columns = BKT_COLUMN_ETAG;
    close_table(open_attached(&with));
    sql("ALTER TABLE objects DROP COLUMN etag");
    struct bkt_error err = {0};
    struct bkt_table_target t;
    struct bkt_attached attached;
    assert_int_equal(open_table(NULL, &t, &err), BKT_OK);
    assert_int_equal(t.ops->attach(t.self, &with, &attached, &err), BKT_OK);
    assert_true(attached.columns_changed);
    assert_false(attached.spec_changed);
    close_table(t);
}

static void the_type_of_content_changes_around_indexes_and_triggers(void **state)
{
    (void)state;
    struct bkt_table_target t = open_attached(&plain);
    struct bkt_change change = put("a", "A", 0);
    must_apply(t, &change, 1);
    close_table(t);
    sql("CREATE INDEX mine ON objects (content); CREATE TABLE log (x);"
        "CREATE TRIGGER noted AFTER UPDATE ON objects BEGIN INSERT INTO log VALUES (new.filename);"
        " END; CREATE VIEW seen AS SELECT content FROM objects;"
        "ALTER TABLE objects ADD COLUMN extra TEXT CHECK (extra <> 'content TEXT')");

    struct bkt_table_spec binary = plain;
    binary.binary = true;
    t = open_attached(&binary);
    assert_answer("SELECT type FROM pragma_table_info('objects') WHERE name = 'content'", "BLOB");
    must_apply(t, &change, 1);
    assert_answer("SELECT typeof(content) FROM seen", "blob");
    assert_answer("SELECT x FROM log", "a");
    assert_answer("PRAGMA integrity_check", "ok");
    close_table(t);
    close_table(open_attached(&plain));
    assert_answer("SELECT type FROM pragma_table_info('objects') WHERE name = 'content'", "TEXT");

    forget(NULL);
    close_table(open_attached(&plain));
    sql("DROP TABLE objects; CREATE TABLE objects (filename PRIMARY KEY NOT NULL, content)");
    attach_says(&binary, BKT_ETARGET, "drop it to have it built again");
}

static void a_trigger_that_raises_rejects_its_row_alone(void **state)
{
    (void)state;
    static const struct {
        const char *action;
        const char *when;
    } cases[] = {
        {"ABORT, 'no b'", "BEFORE"}, {"FAIL, 'no b'", "BEFORE"}, {"ROLLBACK, 'no b'", "BEFORE"},
        {"ABORT, 'no b'", "AFTER"},  {"FAIL, 'no b'", "AFTER"},  {"ROLLBACK, 'no b'", "AFTER"},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# %s RAISE(%s)\n", cases[i].when, cases[i].action);
        forget(NULL);
        struct bkt_table_target t = open_attached(&plain);
        char text[256];
        (void)snprintf(text, sizeof(text),
                       "CREATE TRIGGER no %s INSERT ON objects WHEN new.filename LIKE 'b%%'"
                       " BEGIN SELECT RAISE(%s); END",
                       cases[i].when, cases[i].action);
        sql(text);
        struct bkt_change changes[] = {put("a", "A", 0), put("b", "B", 0), put("b2", "B", 0),
                                       put("c", "C", 0)};
        must_apply(t, changes, 4);
        assert_int_equal(changes[0].outcome, BKT_OUTCOME_APPLIED);
        assert_int_equal(changes[1].outcome, BKT_OUTCOME_REJECTED);
        assert_int_equal(changes[2].outcome, BKT_OUTCOME_REJECTED);
        assert_int_equal(changes[3].outcome, BKT_OUTCOME_APPLIED);
        assert_non_null(strstr(changes[1].reject_reason, "no b"));
        assert_answer("SELECT group_concat(filename) FROM objects", "a,c");
        assert_answer("SELECT count(*) FROM bucketable_state_objects", "2");
        assert_answer("SELECT row_count FROM bucketable_tables", "2");
        close_table(t);
    }
}

static void what_a_row_cannot_satisfy_rejects_it_alone(void **state)
{
    (void)state;
    static const char *const obstacles[] = {
        "CREATE UNIQUE INDEX mine ON objects (content)",
        "CREATE INDEX mine ON objects (json_extract(content, '$.x'))",
        "ALTER TABLE objects ADD COLUMN mine AS (abs(content)) VIRTUAL;"
        "CREATE TRIGGER t AFTER INSERT ON objects WHEN new.filename = 'b' BEGIN"
        " INSERT INTO objects (filename) VALUES (NULL); END",
    };
    for (size_t i = 0; i < T_COUNT(obstacles); i++) {
        print_message("# %s\n", obstacles[i]);
        forget(NULL);
        struct bkt_table_target t = open_attached(&plain);
        struct bkt_change first = put("Z", "{x", 0);
        if (i == 0)
            must_apply(t, &first, 1);
        sql(obstacles[i]);
        struct bkt_change changes[] = {put("a", "{\"x\":1}", 0), put("b", "{x", 0),
                                       put("c", "{\"x\":2}", 0)};
        must_apply(t, changes, 3);
        assert_int_equal(changes[0].outcome, BKT_OUTCOME_APPLIED);
        assert_int_equal(changes[1].outcome, BKT_OUTCOME_REJECTED);
        assert_int_equal(changes[2].outcome, BKT_OUTCOME_APPLIED);
        assert_true(strlen(changes[1].reject_reason) > 10);
        assert_answer("SELECT group_concat(filename) FROM objects WHERE filename > 'Z'", "a,c");
        close_table(t);
    }
}

/* New rows go in together; what stands between them does not, and comes out the same. */
static void a_batch_of_every_kind_is_written_as_if_one_by_one(void **state)
{
    (void)state;
    struct bkt_table_spec with = plain;
    with.columns = (1u << BKT_COLUMN_COUNT) - 1;
    struct bkt_table_target t = open_attached(&with);
    struct bkt_change old[] = {put("b", "B", 0), put("d", "D", 0), put("f", "F", 0)};
    must_apply(t, old, T_COUNT(old));
    /* A tombstone, and a row that the state does not know. */
    old[1].op = BKT_CHANGE_DELETE;
    must_apply(t, &old[1], 1);
    sql("INSERT INTO objects (filename, content) VALUES ('h', 'mine')");

    struct bkt_change changes[] = {
        put("a", "1", 0), put("b", "2", 0), put("c", "3", 0), put("d", "4", 0), put("e", "5", 0),
        put("f", "6", 0), put("g", "7", 0), put("h", "8", 0), put("i", "9", 0), put("j", "0", 0)};
    changes[4].op = BKT_CHANGE_FAIL;
    changes[4].reason = BKT_STR("no");
    changes[5].op = BKT_CHANGE_DELETE;
    changes[6].content_is_bytes = true;
    changes[8].op = BKT_CHANGE_DELETE;
    changes[9].extra.content_type = BKT_STR("text/x");
    changes[9].object.last_modified_ms = BKT_TIME_NONE;
    changes[9].decode = 7;
    changes[9].replaced = true;
    must_apply(t, changes, T_COUNT(changes));
    assert_answer("SELECT group_concat(filename || content || typeof(content), ' ') FROM"
                  " (SELECT * FROM objects ORDER BY filename)",
                  "a1text b2text c3text d4text g7blob h8text j0text");
    assert_answer("SELECT group_concat(CAST(filename AS TEXT) || flags, ' ') FROM"
                  " (SELECT * FROM bucketable_state_objects ORDER BY filename)",
                  "a1 b1 c1 d1 e4 f0 g1 h1 i0 j3");
    assert_answer("SELECT count(DISTINCT revision) FROM bucketable_state_objects", "1");
    assert_answer("SELECT row_count || ' ' || failed_count FROM bucketable_tables", "7 1");
    /* Together (a) and by itself (b): the same values beside the key and the content. */
    assert_answer("SELECT count(*) FROM objects a JOIN objects b ON (a.etag, a.size,"
                  " a.last_modified, a.version_id, a.storage_class, a.content_type, a.metadata) IS"
                  " (b.etag, b.size, b.last_modified, b.version_id, b.storage_class,"
                  " b.content_type, b.metadata) WHERE a.filename = 'a' AND b.filename = 'b'",
                  "1");
    assert_answer("SELECT count(*) FROM bucketable_state_objects a JOIN bucketable_state_objects b"
                  " ON (a.etag, a.size, a.last_modified, a.version_id, a.decode) IS (b.etag,"
                  " b.size, b.last_modified, b.version_id, b.decode)"
                  " WHERE a.filename = x'61' AND b.filename = x'62'",
                  "1");
    assert_answer("SELECT content_type || ' ' || metadata || ' ' || storage_class ||"
                  " coalesce(last_modified, '') FROM objects WHERE filename = 'j'",
                  "text/x {} STANDARD");
    assert_answer("SELECT decode || coalesce(last_modified, '') FROM bucketable_state_objects"
                  " WHERE filename = x'6a'",
                  "7");
    close_table(t);
}

static void a_trigger_that_cannot_run_fails_the_batch(void **state)
{
    (void)state;
    struct bkt_error err = {0};
    struct bkt_table_target t = open_attached(&plain);
    sql("CREATE TRIGGER mine AFTER INSERT ON objects BEGIN INSERT INTO missing VALUES (1); END");
    struct bkt_change change = put("a", "A", 0);
    assert_int_equal(apply(t, &change, 1, &err), BKT_ETARGET);
    assert_non_null(strstr(err.message, "missing"));
    sql("DROP TRIGGER mine");
    assert_int_equal(apply(t, &change, 1, &err), BKT_OK);
    sql("CREATE TRIGGER mine AFTER UPDATE ON objects BEGIN INSERT INTO missing VALUES (1); END");
    must_apply(t, &change, 0);
    change.read_at = 1000;
    assert_int_equal(apply(t, &change, 1, &err), BKT_ETARGET);
    close_table(t);
}

static void more_than_sqlite_holds_is_rejected(void **state)
{
    (void)state;
    /* Never read: the length alone decides. */
    struct bkt_table_target t = open_attached(&plain);
    struct bkt_change changes[] = {put("a", "A", 0), put("b", "B", 0)};
    changes[0].content.len = (size_t)1 << 31;
    must_apply(t, changes, 2);
    assert_int_equal(changes[0].outcome, BKT_OUTCOME_REJECTED);
    assert_non_null(strstr(changes[0].reject_reason, "2147483648 bytes"));
    assert_int_equal(changes[1].outcome, BKT_OUTCOME_APPLIED);
    close_table(t);
}

static void triggers_see_an_insert_an_update_and_nothing_for_nothing(void **state)
{
    (void)state;
    struct bkt_table_spec with = plain;
    with.columns = BKT_COLUMN_STORAGE_CLASS;
    struct bkt_table_target t = open_attached(&with);
    sql("CREATE TABLE log (x); "
        "CREATE TRIGGER i BEFORE INSERT ON objects BEGIN INSERT INTO log VALUES ('i'); END;"
        "CREATE TRIGGER u BEFORE UPDATE ON objects BEGIN INSERT INTO log VALUES ('u'); END;"
        "CREATE TRIGGER d BEFORE DELETE ON objects BEGIN INSERT INTO log VALUES ('d'); END;");
    struct bkt_change change = put("a", "A", 0);
    must_apply(t, &change, 1);
    must_apply(t, &change, 1);
    change.op = BKT_CHANGE_TOUCH;
    must_apply(t, &change, 1);
    change.object.storage_class = BKT_STR("STANDARD");
    must_apply(t, &change, 1);
    assert_answer("SELECT group_concat(x, '') FROM log", "iu");
    change.object.storage_class = BKT_STR("GLACIER");
    must_apply(t, &change, 1);
    change.op = BKT_CHANGE_DELETE;
    must_apply(t, &change, 1);
    must_apply(t, &change, 1);
    assert_answer("SELECT group_concat(x, '') FROM log", "iuud");

    /* A row that somebody removed comes back with the next change. */
    change.op = BKT_CHANGE_UPSERT;
    must_apply(t, &change, 1);
    sql("DELETE FROM objects");
    must_apply(t, &change, 1);
    assert_true(change.had_row);
    assert_answer("SELECT count(*) FROM objects", "1");
    close_table(t);
}

static void note_key(void *ctx, struct bkt_str key)
{
    (void)snprintf(ctx, 16, "%.*s", BKT_STR_ARG(key));
}

static void a_row_that_must_not_go_is_a_failure(void **state)
{
    (void)state;
    struct bkt_error err = {0};
    struct bkt_table_target t = open_attached(&plain);
    struct bkt_change changes[] = {put("a", "A", 0), put("b", "B", 0)};
    must_apply(t, changes, 2);
    sql("CREATE TRIGGER mine BEFORE DELETE ON objects WHEN old.filename = 'a'"
        " BEGIN SELECT RAISE(ABORT, 'keep a'); END");
    struct bkt_clock clock;
    char deleted[16] = "";
    assert_int_equal(t.ops->begin_listing(t.self, &clock, &err), BKT_OK);
    struct bkt_absence absences[] = {{BKT_STR("a"), clock.clock}, {BKT_STR("b"), clock.clock}};
    struct bkt_sweep request = {.deleted = note_key, .ctx = deleted};
    assert_int_equal(t.ops->stage(t.self, absences, 2, &err), BKT_OK);
    assert_int_equal(t.ops->sweep(t.self, &request, &clock, &err), BKT_OK);
    assert_string_equal(deleted, "b");
    assert_answer("SELECT filename FROM objects", "a");
    assert_answer("SELECT error FROM bucketable_state_objects WHERE flags & 4",
                  "table objects: keep a");
    assert_answer("SELECT row_count || ' ' || failed_count FROM bucketable_tables", "1 1");
    close_table(t);
}

static void the_file_is_made_as_it_should_be(void **state)
{
    (void)state;
    close_table(open_attached(&plain));
    assert_answer("PRAGMA page_size", "8192");
    assert_answer("PRAGMA journal_mode", "wal");
    assert_answer("SELECT group_concat(name || ' ' || type) FROM pragma_table_info('objects')",
                  "filename TEXT,content TEXT");
}

static int ignore_table(void *ctx, const struct bkt_status_table *table, struct bkt_error *err)
{
    (void)ctx;
    (void)table;
    (void)err;
    return BKT_OK;
}

static int hold(struct bkt_table_target t, struct bkt_error *err)
{
    *err = (struct bkt_error){0};
    return t.ops->hold_listing(t.self, err);
}

/* A dead process of this host, a time that is over, and one that a clock which was put back left.
 */
static void one_lists_at_a_time(void **state)
{
    (void)state;
    struct bkt_error err;
    struct bkt_listing_record record = {.ended_wall_ms = 1709287200000};
    struct bkt_clock clock;
    struct bkt_table_target first = open_attached(&plain);
    struct bkt_table_target second = open_attached(&plain);
    for (int i = 0; i < 2; i++)
        assert_int_equal(hold(first, &err), BKT_OK);
    assert_int_equal(hold(second, &err), BKT_EBUSY);
    assert_false(err.retriable);
    assert_non_null(strstr(err.message, "another process lists the bucket: "));
    assert_int_equal(first.ops->begin_listing(first.self, &clock, &err), BKT_OK);
    assert_int_equal(first.ops->end_listing(first.self, &record, &err), BKT_OK);
    assert_int_equal(hold(second, &err), BKT_OK);
    assert_int_equal(hold(first, &err), BKT_EBUSY);

    char text[200];
    char host[64];
    assert_int_equal(gethostname(host, sizeof(host)), 0);
    static const char *const takings[] = {
        "UPDATE bucketable_leases SET until = 1",
        "UPDATE bucketable_leases SET until = until + 3600000, holder = 'elsewhere:1:0'",
    };
    for (size_t i = 0; i < T_COUNT(takings); i++) {
        sql(takings[i]);
        assert_int_equal(hold(first, &err), BKT_OK);
        assert_int_equal(hold(second, &err), BKT_EBUSY);
    }
    pid_t dead = fork();
    if (dead == 0)
        _exit(0);
    assert_int_equal(waitpid(dead, NULL, 0), dead);
    (void)snprintf(text, sizeof(text), "UPDATE bucketable_leases SET holder = '%s:%ld:0'", host,
                   (long)dead);
    sql(text);
    assert_int_equal(hold(second, &err), BKT_OK);
    sql("UPDATE bucketable_leases SET holder = 'elsewhere:1:0'");
    assert_int_equal(hold(second, &err), BKT_EBUSY);
    assert_non_null(strstr(err.message, "elsewhere:1:0"));

    /* Who ends in the middle of a listing does not keep the others waiting. */
    sql("DELETE FROM bucketable_leases");
    assert_int_equal(hold(first, &err), BKT_OK);
    first.ops->free(first.self);
    assert_int_equal(hold(second, &err), BKT_OK);
    second.ops->free(second.self);
}

static void status_makes_no_file(void **state)
{
    (void)state;
    struct bkt_error err = {0};
    struct bkt_status_told told = {.table = ignore_table};
    assert_int_equal(bkt_sqlite_status_read(path, &told, &err), BKT_ETARGET);
    assert_int_equal(access(path, F_OK), -1);
    sql("CREATE TABLE mine (x)");
    assert_int_equal(bkt_sqlite_status_read(path, &told, &err), BKT_ETARGET);
    assert_non_null(strstr(err.message, "no table in it"));
}

/* With an argument the conformance suite: one plan of tests a run. */
int main(int argc, char **argv)
{
    (void)argv;
    if (!mkdtemp(folder))
        return 1;
    (void)snprintf(path, sizeof(path), "%s/t.db", folder);
    sqlite_shim_install();
    static const struct target_kit kit = {
        .forget = forget,
        .open = open_table,
        .look = look_at_table,
        .status = status_of,
        .read_row = read_row,
        .read_column = read_column,
        .count_syncs = count_syncs,
        .can_hold_nul = true,
        .can_hold_bytes = true,
    };
    const struct CMUnitTest tests[] = {
        TARGET_TEST(names_and_paths_are_checked),
        TARGET_TEST(a_uri_is_a_file_name),
        TARGET_TEST(a_file_that_is_no_database_is_left_alone),
        TARGET_TEST(a_database_in_utf_16_is_refused),
        TARGET_TEST(a_read_only_file_says_so),
        TARGET_TEST(a_full_disk_keeps_nothing_of_the_batch),
        TARGET_TEST(a_lock_of_another_process_is_worth_another_try),
        TARGET_TEST(a_table_of_others_is_not_taken),
        TARGET_TEST(a_dropped_table_is_built_again),
        TARGET_TEST(changes_by_others_are_tolerated_or_named),
        TARGET_TEST(columns_come_and_go_beside_those_of_others),
        TARGET_TEST(the_type_of_content_changes_around_indexes_and_triggers),
        TARGET_TEST(a_trigger_that_raises_rejects_its_row_alone),
        TARGET_TEST(what_a_row_cannot_satisfy_rejects_it_alone),
        TARGET_TEST(a_batch_of_every_kind_is_written_as_if_one_by_one),
        TARGET_TEST(a_trigger_that_cannot_run_fails_the_batch),
        TARGET_TEST(more_than_sqlite_holds_is_rejected),
        TARGET_TEST(triggers_see_an_insert_an_update_and_nothing_for_nothing),
        TARGET_TEST(a_row_that_must_not_go_is_a_failure),
        TARGET_TEST(one_lists_at_a_time),
        TARGET_TEST(status_makes_no_file),
        TARGET_TEST(the_file_is_made_as_it_should_be),
    };
    int failed =
        argc > 1 ? target_conformance(&kit) : target_tests(&kit, "sqlite", tests, T_COUNT(tests));
    forget(NULL);
    (void)rmdir(folder);
    return failed;
}
