/*
 * The conformance suite over a PostgreSQL server, and what only PostgreSQL has: connections that
 * are lost, around a COMMIT too, permissions, schemas, transactions that are given up.  A second
 * connection, the superuser's, plays user and administrator.
 *
 * tests/postgres.py starts the server and says where it is.
 */
#include "targets/postgres_target.h"

#include "core/time.h"
#include "targets/postgres_proxy.h"
#include "targets/postgres_reader.h"
#include "targets/postgres_schema.h"
#include "targets/postgres_status.h"
#include "targets/target_conformance.h"

#include <bucketable/error.h>

#include "t.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *url; /* what the target is given */
static PGconn *admin;

static const struct bkt_table_spec plain = {.source = {"s3://bucket", 11}, .spec = {"{}", 2}};

static void sql(const char *text)
{
    PGresult *result = PQexec(admin, text);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s: %s", text, PQresultErrorMessage(result));
    PQclear(result);
}

/* The first value of the answer, "NULL" for none; false: no row. */
static bool ask(const char *text, struct bkt_str key, struct bkt_buf *out)
{
    const char *values[] = {key.ptr};
    int lengths[] = {(int)key.len};
    int formats[] = {1};
    const Oid types[] = {25};
    PGresult *result =
        PQexecParams(admin, text, key.ptr ? 1 : 0, types, values, lengths, formats, 1);
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", text, PQresultErrorMessage(result));
    bool found = PQntuples(result) > 0;
    if (found && PQgetisnull(result, 0, 0)) {
        assert_int_equal(bkt_buf_append(out, BKT_STR("NULL")), BKT_OK);
    } else if (found) {
        struct bkt_str value = {PQgetvalue(result, 0, 0), (size_t)PQgetlength(result, 0, 0)};
        assert_int_equal(bkt_buf_append(out, value), BKT_OK);
    }
    PQclear(result);
    return found;
}

static void assert_answer(const char *question, const char *answer)
{
    struct bkt_buf found = BKT_BUF_INIT(1 << 20);
    assert_true(ask(question, (struct bkt_str){0}, &found));
    assert_string_equal(found.ptr ? found.ptr : "", answer);
    bkt_buf_clear(&found);
}

static void forget(void *ctx)
{
    (void)ctx;
    sql("DROP TABLE IF EXISTS objects, bucketable_tables, bucketable_state_objects,"
        " bucketable_absent_objects, bucketable_boundaries, bucketable_leases, bucketable_workers"
        " CASCADE; DROP SCHEMA IF EXISTS other CASCADE;"
        " DROP TABLE IF EXISTS log; DROP FUNCTION IF EXISTS watch; "
        " GRANT CREATE ON SCHEMA public TO tester; ALTER ROLE tester RESET search_path");
}

static int open_table(void *ctx, struct bkt_table_target *out_target, struct bkt_error *err)
{
    (void)ctx;
    return bkt_postgres_target_new(bkt_str_from(url), BKT_STR("objects"), out_target, err);
}

static int look_at_table(void *ctx, struct bkt_table_target *out_target, struct bkt_error *err)
{
    (void)ctx;
    return bkt_postgres_reader_new(bkt_str_from(url), BKT_STR("objects"), out_target, err);
}

static int status_of(void *ctx, const struct bkt_status_told *told, struct bkt_error *err)
{
    (void)ctx;
    return bkt_postgres_status_read(bkt_str_from(url), BKT_STR("objects"), told, err);
}

static bool read_row(void *ctx, struct bkt_str key, struct bkt_buf *content, bool *out_is_bytes)
{
    (void)ctx;
    struct bkt_buf type = BKT_BUF_INIT(100);
    *out_is_bytes =
        ask("SELECT pg_typeof(content)::text FROM objects LIMIT 1", (struct bkt_str){0}, &type) &&
        strcmp(type.ptr, "bytea") == 0;
    bkt_buf_clear(&type);
    return ask("SELECT content FROM objects WHERE filename = $1", key, content);
}

static bool read_column(void *ctx, struct bkt_str key, const char *column, struct bkt_buf *text)
{
    (void)ctx;
    static const struct {
        const char *column;
        const char *as_text;
    } forms[] = {
        {"last_modified", "replace(to_char(last_modified AT TIME ZONE 'UTC',"
                          " 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'), '.000Z', 'Z')"},
        {"metadata", "replace(metadata::text, ': ', ':')"},
        {"size", "size::text"},
    };
    const char *form = column;
    for (size_t i = 0; i < T_COUNT(forms); i++) {
        if (strcmp(forms[i].column, column) == 0)
            form = forms[i].as_text;
    }
    char question[200];
    (void)snprintf(question, sizeof(question), "SELECT %s FROM objects WHERE filename = $1", form);
    return ask(question, key, text);
}

static struct bkt_table_target open_at(const char *where, const char *table)
{
    struct bkt_error err = {0};
    struct bkt_table_target t;
    if (bkt_postgres_target_new(bkt_str_from(where), bkt_str_from(table), &t, &err))
        fail_msg("%s", err.message);
    return t;
}

static struct bkt_attached attach(struct bkt_table_target t, const struct bkt_table_spec *spec)
{
    struct bkt_error err = {0};
    struct bkt_attached attached;
    if (t.ops->attach(t.self, spec, &attached, &err))
        fail_msg("%s", err.message);
    return attached;
}

static struct bkt_table_target open_attached(const struct bkt_table_spec *spec)
{
    struct bkt_table_target t = open_at(url, "objects");
    (void)attach(t, spec);
    return t;
}

static void close_table(struct bkt_table_target t)
{
    t.ops->free(t.self);
}

/* attach() fails; its message and code are checked, and that it shows no password. */
static struct bkt_error attach_fails(struct bkt_table_target t,
                                     const struct bkt_table_spec *spec,
                                     int code,
                                     const char *what)
{
    struct bkt_error err = {0};
    struct bkt_attached attached;
    assert_int_equal(t.ops->attach(t.self, spec, &attached, &err), code);
    print_message("# %s\n", err.message);
    assert_non_null(strstr(err.message, what));
    assert_null(strstr(err.message, "s3cret"));
    assert_null(strchr(err.message, '\n'));
    return err;
}

static struct bkt_change put(const char *key, const char *content, uint64_t read_at)
{
    return (struct bkt_change){.op = BKT_CHANGE_UPSERT,
                               .object = {.key = bkt_str_from(key),
                                          .etag = BKT_STR("e"),
                                          .size = strlen(content),
                                          .last_modified_ms = 1700000000123},
                               .content = bkt_str_from(content),
                               .read_at = read_at};
}

static struct bkt_change gone(const char *key, uint64_t read_at)
{
    return (struct bkt_change){
        .op = BKT_CHANGE_DELETE,
        .object = {.key = bkt_str_from(key), .last_modified_ms = BKT_TIME_NONE},
        .read_at = read_at};
}

static int try_apply(struct bkt_table_target t,
                     struct bkt_change *changes,
                     size_t count,
                     struct bkt_error *err)
{
    struct bkt_clock clock;
    *err = (struct bkt_error){0};
    return t.ops->apply(t.self, changes, count, false, &clock, err);
}

static uint64_t apply(struct bkt_table_target t, struct bkt_change *changes, size_t count)
{
    struct bkt_error err = {0};
    struct bkt_clock clock;
    if (t.ops->apply(t.self, changes, count, false, &clock, &err))
        fail_msg("%s", err.message);
    return clock.clock;
}

static uint64_t clock_of(struct bkt_table_target t)
{
    struct bkt_error err = {0};
    struct bkt_clock clock;
    if (t.ops->read_clock(t.self, &clock, &err))
        fail_msg("%s", err.message);
    return clock.clock;
}

static void names_and_urls_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        const char *table;
        const char *what;
    } cases[] = {
        {"postgresql://h/d", "", "NAME or SCHEMA.NAME"},
        {"postgresql://h/d", "a.b.c", "NAME or SCHEMA.NAME"},
        {"postgresql://h/d", ".a", "NAME or SCHEMA.NAME"},
        {"postgresql://h/d", "a.", "NAME or SCHEMA.NAME"},
        {"postgresql://h/d", "s.Bucketable_x", "reserved"},
        {"postgresql://h/d", "a23456789012345678901234567890123456789012345x", "longer than 45"},
        {"postgresql://h/d?s3cret", "t", "libpq cannot read the URL"},
        {"postgresql://u:%zzs3cret@h/d", "t", "libpq cannot read the URL"},
        {"postgresql://u:a@s3cret@h/d", "t", "%40 for @"},
        {"postgresql://u:a/s3cret@h/d", "t", "%2F for /"},
        {"postgresql://u:a?b@s3cret@h/d", "t", "libpq cannot read the URL"},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# %s %s\n", cases[i].url, cases[i].table);
        struct bkt_error err = {0};
        struct bkt_table_target t;
        int rc = bkt_postgres_target_new(bkt_str_from(cases[i].url), bkt_str_from(cases[i].table),
                                         &t, &err);
        assert_int_equal(rc, BKT_ECONFIG);
        assert_non_null(strstr(err.message, cases[i].what));
        assert_null(strstr(err.message, "s3cret"));
    }
}

/* The tests' URL with another value for one of its parts; the caller frees it. */
static char *url_with(const char *name, const char *value)
{
    char *changed = NULL;
    PQconninfoOption *options = PQconninfoParse(url, NULL);
    struct bkt_buf out = BKT_BUF_INIT(1 << 10);
    assert_int_equal(bkt_buf_append(&out, BKT_STR("postgresql://?sslmode=disable")), BKT_OK);
    for (PQconninfoOption *option = options; option->keyword; option++) {
        const char *used = strcmp(option->keyword, name) == 0 ? value : option->val;
        if (used)
            assert_int_equal(bkt_buf_printf(&out, "&%s=%s", option->keyword, used), BKT_OK);
    }
    PQconninfoFree(options);
    changed = strdup(out.ptr);
    bkt_buf_clear(&out);
    assert_non_null(changed);
    return changed;
}

static void a_server_that_cannot_be_used_says_why(void **state)
{
    (void)state;
    static const struct {
        const char *part;
        const char *value;
        const char *what;
    } cases[] = {
        {"password", "wrong-s3cret", ": set PGPASSWORD, or write it into ~/.pgpass"},
        {"password", "", ": set PGPASSWORD, or write it into ~/.pgpass"},
        {"dbname", "nosuch", "\"nosuch\" does not exist: create it, or name another"},
        {"port", "1", "Connection refused"},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        char *changed = url_with(cases[i].part, cases[i].value);
        struct bkt_table_target t = open_at(changed, "objects");
        struct bkt_error err = attach_fails(t, &plain, BKT_ETARGET, cases[i].what);
        assert_false(err.retriable);
        close_table(t);
        free(changed);
    }
}

static void a_table_lives_in_the_schema_that_is_named(void **state)
{
    (void)state;
    struct bkt_table_target t = open_at(url, "other.Objects \"1\"");
    (void)attach_fails(t, &plain, BKT_ETARGET, "CREATE SCHEMA");
    sql("CREATE SCHEMA other; GRANT ALL ON SCHEMA other TO tester");
    assert_true(attach(t, &plain).is_new);
    struct bkt_change change = put("a", "A", 0);
    (void)apply(t, &change, 1);
    assert_answer("SELECT content FROM other.\"Objects \"\"1\"\"\"", "A");
    assert_answer("SELECT count(*)::text FROM other.\"bucketable_state_Objects \"\"1\"\"\"", "1");
    assert_answer("SELECT to_regclass('bucketable_tables')::text", "NULL");
    close_table(t);
}

static void a_table_of_others_is_not_taken(void **state)
{
    (void)state;
    static const char *const makers[] = {
        "CREATE TABLE objects (filename text PRIMARY KEY, content text)",
        "CREATE VIEW objects AS SELECT 1 AS filename",
        "CREATE SEQUENCE objects",
    };
    static const char *const removers[] = {"DROP TABLE objects", "DROP VIEW objects",
                                           "DROP SEQUENCE objects"};
    for (size_t i = 0; i < T_COUNT(makers); i++) {
        sql(makers[i]);
        struct bkt_table_target t = open_at(url, "objects");
        (void)attach_fails(t, &plain, BKT_EFOREIGN, "bucketable did not make it");
        assert_answer("SELECT to_regclass('bucketable_tables')::text", "NULL");
        close_table(t);
        sql(removers[i]);
    }
}

static void an_administrator_may_make_the_tables(void **state)
{
    (void)state;
    sql("REVOKE CREATE ON SCHEMA public FROM tester");
    struct bkt_table_spec spec = plain;
    spec.columns = BKT_COLUMN_SIZE | BKT_COLUMN_METADATA;
    struct bkt_table_target t = open_at(url, "public.objects");
    (void)attach_fails(t, &spec, BKT_ETARGET, "GRANT CREATE ON SCHEMA \"public\" TO \"tester\"");

    struct bkt_buf ddl = BKT_BUF_INIT(1 << 16);
    struct bkt_error err = {0};
    assert_int_equal(
        bkt_postgres_ddl(&spec, bkt_str_from(url), BKT_STR("public.objects"), &ddl, &err), BKT_OK);
    sql("SET client_min_messages = error");
    sql(ddl.ptr);
    sql("REVOKE ALL ON objects FROM tester");
    (void)attach_fails(t, &spec, BKT_ETARGET, "permission denied for table objects");
    sql("GRANT SELECT, INSERT, UPDATE, DELETE ON objects TO tester");
    struct bkt_table_spec binary = spec;
    binary.binary = true;
    (void)attach_fails(t, &binary, BKT_ETARGET, "it was made for other columns");
    assert_true(attach(t, &spec).is_new);
    struct bkt_change change = put("a", "A", 0);
    (void)apply(t, &change, 1);
    assert_answer("SELECT content FROM objects", "A");
    assert_false(attach(t, &spec).is_new);
    assert_int_equal(t.ops->save_boundaries(t.self, BKT_STR("b"), &err), BKT_OK);
    assert_answer("SELECT keys::text FROM bucketable_boundaries", "\\x62");
    /* Without that table it works as well. */
    sql("DROP TABLE bucketable_boundaries");
    assert_int_equal(t.ops->save_boundaries(t.self, BKT_STR("b"), &err), BKT_OK);
    assert_int_equal(t.ops->load_boundaries(t.self, &ddl, &err), BKT_OK);
    assert_int_equal(ddl.len, 0);
    bkt_buf_clear(&ddl);
    close_table(t);
}

static void a_dropped_table_is_built_again(void **state)
{
    (void)state;
    struct bkt_table_target t = open_attached(&plain);
    struct bkt_change change = put("a", "A", 0);
    uint64_t clock = apply(t, &change, 1);
    sql("DROP TABLE objects");
    struct bkt_error err = {0};
    change = put("b", "B", clock);
    assert_int_equal(try_apply(t, &change, 1, &err), BKT_ETARGET);
    assert_false(err.retriable);

    struct bkt_table_spec another = plain;
    another.source = BKT_STR("s3://another");
    struct bkt_attached attached = attach(t, &another);
    assert_true(attached.is_new);
    assert_int_equal(attached.row_count, 0);
    assert_true(attached.clock.floor > clock);
    change = put("b", "B", clock);
    (void)apply(t, &change, 1);
    assert_int_equal(change.outcome, BKT_OUTCOME_REFUSED);
    close_table(t);
}

static void changes_by_others_are_tolerated_or_named(void **state)
{
    (void)state;
    static const struct {
        const char *change;
        const char *what; /* NULL: tolerated */
    } cases[] = {
        {"ALTER TABLE objects ADD COLUMN mine text DEFAULT 'x' NOT NULL", NULL},
        {"CREATE INDEX ON objects (md5(content))", NULL},
        {"ALTER TABLE objects ADD COLUMN n int NOT NULL", "column n is NOT NULL"},
        {"ALTER TABLE objects DROP COLUMN content", "column content"},
        {"ALTER TABLE objects ALTER COLUMN content TYPE int USING 1", "column content"},
        {"ALTER TABLE objects DROP CONSTRAINT objects_pkey", "unique column filename"},
        {"ALTER TABLE objects ADD COLUMN size bigint", "bucketable did not make"},
        {"DROP TABLE bucketable_absent_objects", "its state is gone"},
        {"UPDATE bucketable_tables SET schema_version = 9", "use a newer bucketable"},
    };
    struct bkt_table_spec spec = plain;
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# %s\n", cases[i].change);
        forget(NULL);
        struct bkt_table_target t = open_attached(&plain);
        sql(cases[i].change);
        spec.columns = strstr(cases[i].change, "size") ? BKT_COLUMN_SIZE : 0;
        if (cases[i].what) {
            (void)attach_fails(t, &spec, BKT_ETARGET, cases[i].what);
        } else {
            (void)attach(t, &spec);
            struct bkt_change change = put("a", "A", 0);
            (void)apply(t, &change, 1);
            assert_int_equal(change.outcome, BKT_OUTCOME_APPLIED);
        }
        close_table(t);
    }
}

/* Between two batches of a run: nothing of a batch is kept, and the message says what to do. */
static void changes_by_others_meanwhile_are_named(void **state)
{
    (void)state;
    enum { MANY = 60 };
    static const struct {
        const char *change;
        const char *what;
    } cases[] = {
        {"ALTER TABLE objects DROP COLUMN content", "column \"content\" of relation"},
        {"ALTER TABLE objects RENAME filename TO name", "column \"filename\" of relation"},
        {"ALTER TABLE objects ALTER COLUMN content TYPE int USING 1", "of type integer"},
        {"ALTER TABLE bucketable_state_objects DROP COLUMN etag", "column \"etag\""},
        {"DROP TABLE objects", "somebody has dropped it: run it again"},
        {"DROP TABLE bucketable_state_objects", "somebody has dropped it: run it again"},
        {"DROP TABLE bucketable_tables", "somebody has dropped it: run it again"},
        {"DELETE FROM bucketable_tables", "its record is gone"},
        {"REVOKE ALL ON objects FROM tester; ALTER TABLE objects OWNER TO postgres",
         "permission denied for table objects: have an administrator grant it"},
    };
    for (size_t i = 0; i < 2 * T_COUNT(cases); i++) {
        forget(NULL);
        struct bkt_error err;
        struct bkt_table_target t = open_attached(&plain);
        struct bkt_change changes[MANY];
        static char keys[MANY][8];
        for (size_t k = 0; k < MANY; k++) {
            (void)snprintf(keys[k], sizeof(keys[k]), "k%03zu", k);
            changes[k] = put(keys[k], "x", 0);
        }
        sql(cases[i / 2].change);
        int rc = try_apply(t, changes, i % 2 ? MANY : 1, &err);
        print_message("# %s: %s\n", cases[i / 2].change, err.message);
        assert_true(rc == BKT_ETARGET || rc == BKT_EFOREIGN);
        assert_non_null(strstr(err.message, cases[i / 2].what));
        assert_false(err.retriable);
        if (strncmp(cases[i / 2].change, "DROP", 4) != 0) {
            assert_answer("SELECT count(*)::text FROM objects", "0");
            assert_answer("SELECT count(*)::text FROM bucketable_state_objects", "0");
        }
        close_table(t);
    }
}

/* Bytes order the keys, and a database in LATIN2 has others for them. */
static void a_database_in_another_encoding_keeps_the_order(void **state)
{
    (void)state;
    sql("DROP DATABASE IF EXISTS latin2");
    sql("CREATE DATABASE latin2 ENCODING 'LATIN2' LOCALE 'C' TEMPLATE template0 OWNER tester");
    char *there = url_with("dbname", "latin2");
    struct bkt_table_target t = open_at(there, "tester.objects");
    struct bkt_error err = {0};
    PGconn *own = PQconnectdb(there);
    PQclear(PQexec(own, "CREATE SCHEMA tester"));
    PQfinish(own);
    (void)attach(t, &plain);
    struct bkt_change changes[] = {put("\u00c1", "a", 0), put("\u0141", "\u0142", 0),
                                   put("\u4e2d", "c", 0)};
    assert_int_equal(try_apply(t, changes, 3, &err), BKT_OK);
    assert_int_equal(changes[1].outcome, BKT_OUTCOME_APPLIED);
    assert_int_equal(changes[2].outcome, BKT_OUTCOME_REJECTED);
    close_table(t);

    struct bkt_attached attached;
    struct bkt_table_row row;
    struct bkt_buf content = BKT_BUF_INIT(100);
    bool has_row = false;
    assert_int_equal(
        bkt_postgres_reader_new(bkt_str_from(there), BKT_STR("tester.objects"), &t, &err), BKT_OK);
    assert_int_equal(t.ops->peek(t.self, &plain, &attached, &err), BKT_OK);
    assert_int_equal(t.ops->begin_rows(t.self, &err), BKT_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(t.ops->next_row(t.self, &row, &has_row, &err), BKT_OK);
        assert_true(has_row && bkt_str_eq(row.key, changes[i].object.key));
        bkt_buf_reset(&content);
        assert_int_equal(t.ops->read_content(t.self, &content, &err), BKT_OK);
        assert_true(bkt_str_eq(bkt_buf_str(&content), changes[i].content));
    }
    t.ops->free(t.self);
    bkt_buf_clear(&content);
    free(there);
    sql("DROP DATABASE latin2");
}

static void bytes_that_are_no_text_survive_a_change_of_type(void **state)
{
    (void)state;
    struct bkt_table_spec binary = plain;
    binary.binary = true;
    struct bkt_table_target t = open_attached(&binary);
    struct bkt_change change = put("a", "\xff\\", 0);
    uint64_t clock = apply(t, &change, 1);
    assert_true(attach(t, &plain).columns_changed);
    assert_answer("SELECT content FROM objects", "\\377\\\\");
    change = put("a", "text", clock + 1);
    (void)apply(t, &change, 1);
    assert_int_equal(change.outcome, BKT_OUTCOME_APPLIED);
    assert_answer("SELECT content FROM objects", "text");
    close_table(t);
}

static void columns_have_their_types(void **state)
{
    (void)state;
    struct bkt_table_spec spec = plain;
    spec.columns = (1u << BKT_COLUMN_COUNT) - 1;
    struct bkt_table_target t = open_attached(&spec);
    struct bkt_change change = put("a", "A", 0);
    change.extra.metadata = BKT_STR("{\"a\":\"\xc3\xa9\"}");
    change.extra.content_type = BKT_STR("text/\xff");
    (void)apply(t, &change, 1);
    assert_answer("SELECT string_agg(format_type(atttypid, NULL), ' ' ORDER BY attnum) FROM"
                  " pg_attribute WHERE attrelid = 'objects'::regclass AND attnum > 0",
                  "text text text bigint timestamp with time zone text text text jsonb");
    assert_answer("SELECT to_char(last_modified AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS')"
                  " FROM objects",
                  "2023-11-14 22:13:20.123");
    assert_answer("SELECT metadata ->> 'a' FROM objects", "\xc3\xa9");
    assert_answer("SELECT content_type FROM objects", "text/\xef\xbf\xbd");
    close_table(t);
}

static void what_postgresql_cannot_hold_is_rejected_alone(void **state)
{
    (void)state;
    static const char small[] = "a\0b";
    static const struct {
        struct bkt_str key;
        struct bkt_str content;
        bool is_bytes;
        const char *what;
    } cases[] = {
        {{"m\xff", 2}, {"x", 1}, false, "its key"},
        {{"m\0m", 3}, {"x", 1}, false, "its key"},
        {{"m", 1}, {small, 3}, false, "U+0000"},
        {{"m", 1}, {"\xff", 1}, true, "--binary"},
        {{"m", 1}, {"\xff", 1}, false, "invalid byte sequence"},
        /* Its bytes are not looked at: there are not as many. */
        {{"m", 1}, {small, 2000000000}, false, "1 GB"},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# %s\n", cases[i].what);
        forget(NULL);
        struct bkt_table_target t = open_attached(&plain);
        struct bkt_change changes[] = {put("a", "A", 0), put("", "", 0), put("z", "Z", 0)};
        changes[1].object.key = cases[i].key;
        changes[1].content = cases[i].content;
        changes[1].content_is_bytes = cases[i].is_bytes;
        uint64_t clock = apply(t, changes, 3);
        assert_int_equal(changes[0].outcome, BKT_OUTCOME_APPLIED);
        assert_int_equal(changes[1].outcome, BKT_OUTCOME_REJECTED);
        assert_int_equal(changes[2].outcome, BKT_OUTCOME_APPLIED);
        assert_non_null(strstr(changes[1].reject_reason, cases[i].what));
        assert_answer("SELECT string_agg(content, '') FROM objects", "AZ");

        /* Its failure can be recorded, and forgotten when the object is gone. */
        changes[1].op = BKT_CHANGE_FAIL;
        changes[1].read_at = clock;
        changes[1].reason = BKT_STR("no\0 row \xff");
        clock = apply(t, &changes[1], 1);
        assert_int_equal(changes[1].outcome, BKT_OUTCOME_APPLIED);
        assert_answer("SELECT error FROM bucketable_state_objects WHERE flags = 4",
                      "no\xef\xbf\xbd row \xef\xbf\xbd");
        changes[1].op = BKT_CHANGE_DELETE;
        changes[1].read_at = clock;
        (void)apply(t, &changes[1], 1);
        assert_int_equal(changes[1].outcome, BKT_OUTCOME_APPLIED);
        assert_answer("SELECT failed_count::text FROM bucketable_tables", "0");
        close_table(t);
    }
}

static void nul_is_replaced_where_the_spec_says_so(void **state)
{
    (void)state;
    struct bkt_table_spec spec = plain;
    spec.replace_nul = true;
    struct bkt_table_target t = open_attached(&spec);
    struct bkt_change change = put("a", "", 0);
    change.content = BKT_STR("\0b\0\0c\0");
    (void)apply(t, &change, 1);
    assert_int_equal(change.outcome, BKT_OUTCOME_APPLIED);
    assert_answer("SELECT replace(content, U&'\\FFFD', '.') FROM objects", ".b..c.");
    assert_answer("SELECT flags::text FROM bucketable_state_objects", "3");
    close_table(t);
}

static void what_a_row_violates_rejects_it_alone(void **state)
{
    (void)state;
    enum { ROWS = 90 }; /* enough to be copied, were they all good */
    struct bkt_table_target t = open_attached(&plain);
    sql("ALTER TABLE objects ADD CONSTRAINT no_bad CHECK (content <> 'bad');"
        "CREATE UNIQUE INDEX one_each ON objects (content) WHERE content LIKE 'one%';"
        "CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF new.content = 'raise' THEN RAISE EXCEPTION E'not\nthis'; END IF; RETURN new; END $$;"
        "CREATE TRIGGER watch BEFORE INSERT OR UPDATE ON objects FOR EACH ROW"
        " EXECUTE FUNCTION watch()");
    static char keys[ROWS][8];
    struct bkt_change changes[ROWS];
    for (size_t i = 0; i < ROWS; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "k%02zu", i);
        changes[i] = put(keys[i], "good", 0);
    }
    changes[0].content = changes[21].content = changes[89].content = BKT_STR("bad");
    changes[7].content = BKT_STR("raise");
    changes[8].content = changes[9].content = BKT_STR("one");
    uint64_t clock = apply(t, changes, ROWS);
    size_t rejected = 0;
    for (size_t i = 0; i < ROWS; i++)
        rejected += changes[i].outcome == BKT_OUTCOME_REJECTED;
    assert_int_equal(rejected, 5);
    assert_non_null(strstr(changes[0].reject_reason, "no_bad"));
    assert_non_null(strstr(changes[7].reject_reason, "not this"));
    assert_non_null(strstr(changes[9].reject_reason, "one_each"));
    assert_answer("SELECT count(*)::text FROM objects", "85");
    assert_answer("SELECT count(*)::text FROM bucketable_state_objects", "85");
    assert_answer("SELECT row_count::text FROM bucketable_tables", "85");

    /* Updates as well, with rows among them that somebody has removed. */
    sql("DELETE FROM objects WHERE filename IN ('k02', 'k03')");
    struct bkt_change again[] = {put("k01", "bad", clock), put("k02", "bad", clock),
                                 put("k03", "new", clock), gone("k04", clock)};
    (void)apply(t, again, 4);
    assert_int_equal(again[0].outcome, BKT_OUTCOME_REJECTED);
    assert_int_equal(again[1].outcome, BKT_OUTCOME_REJECTED);
    assert_int_equal(again[2].outcome, BKT_OUTCOME_APPLIED);
    assert_int_equal(again[3].outcome, BKT_OUTCOME_APPLIED);
    assert_answer("SELECT string_agg(filename || content, ',' ORDER BY filename) FROM objects"
                  " WHERE filename < 'k06'",
                  "k01good,k03new,k05good");
    close_table(t);
}

/* Many new rows are copied, few are inserted: nobody can tell. */
static void many_new_rows_are_as_few_are(void **state)
{
    (void)state;
    enum { ROWS = 60, FEW = 3 };
    static const char summary[] =
        "SELECT string_agg(concat_ws('|', filename, content, etag, size, last_modified, version_id,"
        " storage_class, content_type, metadata), ',' ORDER BY filename) || (SELECT"
        " string_agg(s::text, ',' ORDER BY s.filename) FROM bucketable_state_objects AS s"
        " WHERE s.filename < 'k03'::bytea) FROM objects WHERE filename < 'k03'";
    struct bkt_table_spec spec = plain;
    spec.columns = (1u << BKT_COLUMN_COUNT) - 1;
    spec.replace_nul = true;
    static char keys[ROWS][8];
    char answers[2][2000];
    for (int pass = 0; pass < 2; pass++) {
        forget(NULL);
        struct bkt_table_target t = open_attached(&spec);
        struct bkt_change changes[ROWS];
        for (size_t i = 0; i < ROWS; i++) {
            (void)snprintf(keys[i], sizeof(keys[i]), "k%02zu", i);
            changes[i] = put(keys[i], "good", 0);
        }
        changes[0].content = BKT_STR("\0b\0");
        changes[1].object.last_modified_ms = BKT_TIME_NONE;
        changes[1].content.len = 0;
        changes[2].extra = (struct bkt_object_extra){.version_id = BKT_STR("v\xff"),
                                                     .content_type = BKT_STR("text/plain"),
                                                     .metadata = BKT_STR("{\"m\":\"1\"}")};
        (void)apply(t, changes, pass ? ROWS : FEW);
        struct bkt_buf found = BKT_BUF_INIT(sizeof(answers[pass]) - 1);
        assert_true(ask(summary, (struct bkt_str){0}, &found));
        (void)snprintf(answers[pass], sizeof(answers[pass]), "%s", found.ptr);
        bkt_buf_clear(&found);
        close_table(t);
    }
    assert_string_equal(answers[0], answers[1]);
    assert_answer("SELECT count(*)::text FROM objects", "60");

    /* One of the keys has a row already, which the state does not know. */
    sql("DELETE FROM bucketable_state_objects; UPDATE objects SET content = 'old';"
        "DELETE FROM objects WHERE filename <> 'k30'");
    struct bkt_table_target t = open_attached(&spec);
    struct bkt_change changes[ROWS];
    for (size_t i = 0; i < ROWS; i++)
        changes[i] = put(keys[i], "good", clock_of(t));
    (void)apply(t, changes, ROWS);
    assert_answer("SELECT count(*)::text FROM objects WHERE content = 'good'", "60");
    close_table(t);
}

enum { MANY_NEW = 60 };

/* Keys "k<first>" and so on; views of `keys`. */
static void put_many(struct bkt_change *changes, char keys[][8], size_t first, uint64_t read_at)
{
    for (size_t i = 0; i < MANY_NEW; i++) {
        (void)snprintf(keys[i], 8, "k%03zu", first + i);
        changes[i] = put(keys[i], "many", read_at);
    }
}

static size_t count_outcomes(const struct bkt_change *changes, enum bkt_outcome outcome)
{
    size_t count = 0;
    for (size_t i = 0; i < MANY_NEW; i++)
        count += changes[i].outcome == outcome;
    return count;
}

/* Batches of a first sync are taken to be new: what is not is found out, and handled as ever. */
static void what_is_taken_for_new_and_is_not(void **state)
{
    (void)state;
    static char keys[MANY_NEW][8];
    static struct bkt_change changes[MANY_NEW];
    struct bkt_table_target t = open_attached(&plain);
    struct bkt_table_target u = open_attached(&plain);
    put_many(changes, keys, 0, 0);
    uint64_t before = apply(t, changes, MANY_NEW);
    assert_int_equal(count_outcomes(changes, BKT_OUTCOME_APPLIED), MANY_NEW);

    /* Others have written two of the next keys, and removed one. */
    struct bkt_change others[] = {put("k060", "newer", before), put("k061", "newer", before),
                                  gone("k062", before)};
    (void)apply(u, others, 3);
    put_many(changes, keys, 60, before);
    uint64_t after = apply(t, changes, MANY_NEW);
    assert_int_equal(count_outcomes(changes, BKT_OUTCOME_REFUSED), 3);
    assert_int_equal(count_outcomes(changes, BKT_OUTCOME_APPLIED), MANY_NEW - 3);
    put_many(changes, keys, 60, after);
    uint64_t again = apply(t, changes, MANY_NEW);
    assert_int_equal(count_outcomes(changes, BKT_OUTCOME_APPLIED), MANY_NEW);
    assert_true(changes[0].had_row && !changes[2].had_row);
    assert_answer("SELECT count(*)::text FROM objects", "120");
    assert_answer("SELECT row_count::text FROM bucketable_tables", "120");

    /* A row that the state does not know, and one that violates something. */
    put_many(changes, keys, 120, again);
    (void)apply(t, changes, MANY_NEW);
    sql("INSERT INTO objects VALUES ('k190', 'mine');"
        "ALTER TABLE objects ADD CHECK (content <> 'bad')");
    put_many(changes, keys, 180, again);
    changes[30].content = BKT_STR("bad");
    (void)apply(t, changes, MANY_NEW);
    assert_int_equal(changes[30].outcome, BKT_OUTCOME_REJECTED);
    assert_int_equal(count_outcomes(changes, BKT_OUTCOME_APPLIED), MANY_NEW - 1);
    assert_answer("SELECT content FROM objects WHERE filename = 'k190'", "many");
    assert_answer("SELECT count(*)::text FROM bucketable_state_objects", "239");
    assert_answer("SELECT row_count::text FROM bucketable_tables", "239");

    /* A listing that began meanwhile refuses all of it. */
    struct bkt_clock clock;
    struct bkt_error err = {0};
    put_many(changes, keys, 240, again);
    (void)apply(t, changes, MANY_NEW);
    assert_int_equal(u.ops->begin_listing(u.self, &clock, &err), BKT_OK);
    put_many(changes, keys, 300, again);
    (void)apply(t, changes, MANY_NEW);
    assert_int_equal(count_outcomes(changes, BKT_OUTCOME_REFUSED), MANY_NEW);
    close_table(t);
    close_table(u);
}

static int apply_many_new(size_t *run)
{
    static char keys[MANY_NEW][8];
    static struct bkt_change changes[MANY_NEW];
    struct bkt_error err = {0};
    struct bkt_clock clock;
    struct bkt_table_target t;
    struct bkt_attached attached;
    put_many(changes, keys, MANY_NEW * (*run)++, 1000000);
    int rc = open_table(NULL, &t, &err);
    if (rc)
        return rc;
    rc = t.ops->attach(t.self, &plain, &attached, &err);
    if (rc == BKT_OK)
        rc = t.ops->apply(t.self, changes, MANY_NEW, false, &clock, &err);
    put_many(changes, keys, MANY_NEW * (*run)++, 1000000);
    if (rc == BKT_OK)
        rc = t.ops->apply(t.self, changes, MANY_NEW, false, &clock, &err);
    t.ops->free(t.self);
    if (rc) {
        assert_answer("SELECT (count(*) % 60)::text FROM objects", "0");
        assert_answer("SELECT (count(*) % 60)::text FROM bucketable_state_objects", "0");
    }
    return rc;
}

static void running_out_of_memory_copies_all_or_nothing(void **state)
{
    (void)state;
    size_t run = 0;
    close_table(open_attached(&plain));
    T_TORTURE(apply_many_new(&run));
}

static void triggers_see_inserts_updates_and_nothing_for_nothing(void **state)
{
    (void)state;
    struct bkt_table_spec spec = plain;
    spec.columns = BKT_COLUMN_LAST_MODIFIED;
    struct bkt_table_target t = open_attached(&spec);
    sql("CREATE TABLE log (n serial, what text, filename text, sync text);"
        "GRANT ALL ON log, log_n_seq TO tester;"
        "CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log"
        " (what, filename, sync) VALUES (lower(tg_op), coalesce(new.filename, old.filename),"
        " current_setting('synchronous_commit')); RETURN coalesce(new, old); END $$;"
        "CREATE TRIGGER watch BEFORE INSERT OR UPDATE OR DELETE ON objects FOR EACH ROW"
        " EXECUTE FUNCTION watch()");
    struct bkt_change change = put("a", "A", 0);
    change.read_at = apply(t, &change, 1);
    change.op = BKT_CHANGE_TOUCH;
    change.read_at = apply(t, &change, 1);
    assert_int_equal(change.outcome, BKT_OUTCOME_APPLIED);
    change.op = BKT_CHANGE_UPSERT;
    change.read_at = apply(t, &change, 1);
    change.op = BKT_CHANGE_TOUCH;
    change.object.last_modified_ms++;
    change.read_at = apply(t, &change, 1);
    change.op = BKT_CHANGE_DELETE;
    (void)apply(t, &change, 1);
    assert_answer("SELECT string_agg(what, ' ' ORDER BY n) FROM log",
                  "insert update update delete");
    close_table(t);
}

static void a_durable_commit_is_synced_whatever_the_default(void **state)
{
    (void)state;
    triggers_see_inserts_updates_and_nothing_for_nothing(state);
    sql("ALTER ROLE tester SET synchronous_commit = off; TRUNCATE log");
    char *direct = url_with("application_name", "direct");
    struct bkt_table_target t = open_at(direct, "objects");
    struct bkt_table_spec spec = plain;
    spec.columns = BKT_COLUMN_LAST_MODIFIED;
    struct bkt_clock clock = attach(t, &spec).clock;
    struct bkt_error err = {0};
    for (int durable = 0; durable < 3; durable++) {
        struct bkt_change change = put("a", "A", clock.clock);
        assert_int_equal(t.ops->apply(t.self, &change, 1, durable == 1, &clock, &err), BKT_OK);
    }
    close_table(t);
    free(direct);
    sql("ALTER ROLE tester RESET synchronous_commit");
    assert_answer("SELECT split_part(string_agg(sync, ' ' ORDER BY n), ' ', 2) FROM log", "on");
}

static void kill_all(void)
{
    sql("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'tester'");
}

static void a_lost_connection_is_made_again(void **state)
{
    (void)state;
    struct bkt_table_target t = open_attached(&plain);
    struct bkt_change change = put("a", "A", clock_of(t));
    (void)apply(t, &change, 1);
    kill_all();
    struct bkt_error err = {0};
    struct bkt_clock clock;
    assert_int_equal(t.ops->read_clock(t.self, &clock, &err), BKT_ETARGET);
    assert_true(err.retriable);
    uint64_t now = clock_of(t);
    change = put("a", "B", now);
    assert_int_equal(try_apply(t, &change, 1, &err), BKT_ETARGET);
    assert_true(err.retriable);
    assert_int_equal(apply(t, &change, 1), now + 1);
    assert_int_equal(change.outcome, BKT_OUTCOME_APPLIED);
    assert_answer("SELECT content FROM objects", "B");
    close_table(t);
}

/* A repeated batch is refused where it was committed and applied where it was not: never twice. */
static void a_commit_of_unknown_outcome_can_be_repeated(void **state)
{
    (void)state;
    PQconninfoOption *options = PQconninfoParse(url, NULL);
    int port = 0;
    for (PQconninfoOption *option = options; option->keyword; option++) {
        if (strcmp(option->keyword, "port") == 0)
            port = atoi(option->val);
    }
    PQconninfoFree(options);
    struct proxy *proxy = proxy_new(port);
    assert_non_null(proxy);
    char text[16];
    (void)snprintf(text, sizeof(text), "%d", proxy_port(proxy));
    char *through = url_with("port", text);
    struct bkt_table_target t = open_at(through, "objects");
    uint64_t read_at = attach(t, &plain).clock.clock;

    static const enum proxy_cut cuts[] = {PROXY_CUT_BEFORE_COMMIT, PROXY_CUT_AFTER_COMMIT};
    for (int i = 0; i < 2; i++) {
        struct bkt_error err = {0};
        struct bkt_change changes[] = {put("a", i ? "A2" : "A1", read_at),
                                       put("b", i ? "B2" : "B1", read_at)};
        proxy_set(proxy, cuts[i]);
        assert_int_equal(try_apply(t, changes, 2, &err), BKT_ETARGET);
        assert_int_equal(proxy_cuts(proxy), i + 1);
        assert_true(err.retriable);
        read_at = apply(t, changes, 2);
        bool was_committed = cuts[i] == PROXY_CUT_AFTER_COMMIT;
        assert_int_equal(changes[0].outcome,
                         was_committed ? BKT_OUTCOME_REFUSED : BKT_OUTCOME_APPLIED);
        assert_answer("SELECT string_agg(content, '' ORDER BY filename) FROM objects",
                      i ? "A2B2" : "A1B1");
        assert_answer("SELECT row_count::text FROM bucketable_tables", "2");
    }
    close_table(t);
    free(through);
    proxy_free(proxy);
}

/* What a transaction does at its very end: a constraint that is checked by COMMIT alone. */
static void let_commits_fail(const char *table)
{
    char text[400];
    (void)snprintf(text, sizeof(text),
                   "CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                   " RAISE 'not today'; END $$;"
                   "CREATE CONSTRAINT TRIGGER watch AFTER INSERT OR UPDATE ON %s"
                   " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION watch()",
                   table);
    sql(text);
}

static void let_commits_be(void)
{
    sql("DROP FUNCTION watch CASCADE");
}

static void a_commit_that_fails_is_not_believed(void **state)
{
    (void)state;
    struct bkt_table_target t = open_attached(&plain);
    struct bkt_change change = put("a", "A", clock_of(t));
    (void)apply(t, &change, 1);
    const struct bkt_listing_record record = {.ended_wall_ms = 1700000000000, .listed = 1};
    struct bkt_error err = {0};
    struct bkt_clock clock;

    let_commits_fail("bucketable_tables");
    assert_int_equal(t.ops->begin_listing(t.self, &clock, &err), BKT_ETARGET);
    assert_non_null(strstr(err.message, "not today"));
    assert_answer("SELECT floor::text FROM bucketable_tables", "0");
    let_commits_be();
    assert_int_equal(t.ops->begin_listing(t.self, &clock, &err), BKT_OK);

    const struct bkt_absence absence = {BKT_STR("a"), clock.clock};
    let_commits_fail("bucketable_absent_objects");
    assert_int_equal(t.ops->stage(t.self, &absence, 1, &err), BKT_ETARGET);
    assert_answer("SELECT count(*)::text FROM bucketable_absent_objects", "0");
    let_commits_be();
    assert_int_equal(t.ops->stage(t.self, &absence, 1, &err), BKT_OK);

    struct bkt_sweep told = {0};
    let_commits_fail("bucketable_tables");
    assert_int_equal(t.ops->sweep(t.self, &told, &clock, &err), BKT_ETARGET);
    assert_answer("SELECT content FROM objects", "A");
    assert_int_equal(t.ops->end_listing(t.self, &record, &err), BKT_ETARGET);
    assert_answer("SELECT listing_ended_at::text FROM bucketable_tables", "NULL");
    let_commits_be();
    assert_int_equal(t.ops->sweep(t.self, &told, &clock, &err), BKT_OK);
    assert_answer("SELECT count(*)::text FROM objects", "0");
    assert_int_equal(t.ops->end_listing(t.self, &record, &err), BKT_OK);
    assert_answer("SELECT listing_listed::text FROM bucketable_tables", "1");
    close_table(t);
}

static void a_clock_that_went_back_stops_the_run(void **state)
{
    (void)state;
    struct bkt_table_target t = open_attached(&plain);
    struct bkt_error err = {0};
    struct bkt_clock clock;
    for (int i = 0; i < 3; i++) {
        struct bkt_change change = put("a", "A", clock_of(t));
        (void)apply(t, &change, 1);
    }
    (void)clock_of(t);
    sql("UPDATE bucketable_tables SET clock = clock - 2");
    assert_int_equal(t.ops->read_clock(t.self, &clock, &err), BKT_ETARGET);
    assert_non_null(strstr(err.message, "its clock has gone back"));
    assert_false(err.retriable);
    struct bkt_change change = put("a", "B", 100);
    assert_int_equal(try_apply(t, &change, 1, &err), BKT_ETARGET);
    assert_non_null(strstr(err.message, "its clock has gone back"));
    assert_false(err.retriable);
    assert_answer("SELECT content FROM objects", "A");
    assert_int_equal(t.ops->begin_listing(t.self, &clock, &err), BKT_ETARGET);
    close_table(t);
}

static void a_clock_that_is_ahead_goes_on_from_there(void **state)
{
    (void)state;
    struct bkt_table_target t = open_attached(&plain);
    struct bkt_change change = put("a", "A", clock_of(t));
    (void)apply(t, &change, 1);
    sql("UPDATE bucketable_tables SET clock = clock + 1000, updated_at = now() + interval '1 day'");
    uint64_t now = clock_of(t);
    assert_int_equal(now, 1001);
    change = put("a", "B", now);
    assert_int_equal(apply(t, &change, 1), now + 1);
    assert_int_equal(change.outcome, BKT_OUTCOME_APPLIED);
    change = put("a", "late", now);
    assert_int_equal(apply(t, &change, 1), now + 2);
    assert_int_equal(change.outcome, BKT_OUTCOME_REFUSED);
    close_table(t);
}

/* The table's user sees a server that was started at the hour of other.started. */
static struct bkt_table_target open_on_server_of(const char *hour)
{
    char text[200];
    (void)snprintf(text, sizeof(text), "UPDATE other.started SET at = '2024-01-01 %s:00Z'", hour);
    sql(text);
    struct bkt_table_target t = open_at(url, "public.objects");
    (void)attach(t, &plain);
    return t;
}

/*
 * A standby takes over that lacks the newest commits, and others have made up for their number: the
 * clock alone does not show it.  What was read before must not come after what they wrote.
 */
static void what_was_read_before_a_failover_is_void(void **state)
{
    (void)state;
    sql("CREATE SCHEMA other; CREATE TABLE other.started (at timestamptz);"
        "INSERT INTO other.started VALUES (now());"
        "CREATE FUNCTION other.pg_postmaster_start_time() RETURNS timestamptz LANGUAGE sql"
        " AS 'SELECT at FROM other.started';"
        "GRANT USAGE ON SCHEMA other TO tester; GRANT SELECT ON other.started TO tester;"
        "ALTER ROLE tester SET search_path TO other, pg_catalog, public");
    struct bkt_error err = {0};
    struct bkt_clock listing;
    struct bkt_listing_record record = {0};
    struct bkt_table_target t = open_on_server_of("01");
    for (int i = 0; i < 5; i++) {
        struct bkt_change change = put("b", "lost", clock_of(t));
        (void)apply(t, &change, 1);
    }
    uint64_t read_at = clock_of(t);
    sql("UPDATE bucketable_tables SET clock = 1, row_count = 1;"
        "UPDATE bucketable_state_objects SET revision = 1");
    struct bkt_table_target u = open_on_server_of("02");
    for (int i = 0; i < 5; i++) {
        struct bkt_change change = put("a", i < 2 ? "newer" : "newest", clock_of(u));
        (void)apply(u, &change, 1);
    }
    struct bkt_change late[] = {put("a", "older", read_at), put("b", "older", read_at)};
    (void)apply(t, late, 2);
    assert_int_equal(late[0].outcome, BKT_OUTCOME_REFUSED);
    assert_int_equal(late[1].outcome, BKT_OUTCOME_REFUSED);
    assert_answer("SELECT content FROM objects WHERE filename = 'a'", "newest");
    struct bkt_change again = put("a", "read again", clock_of(t));
    (void)apply(t, &again, 1);
    assert_int_equal(again.outcome, BKT_OUTCOME_APPLIED);

    /* A listing goes on where it was begun only.  The first server is known by now. */
    assert_int_equal(t.ops->begin_listing(t.self, &listing, &err), BKT_OK);
    sql("UPDATE other.started SET at = '2024-01-01 03:00Z'");
    assert_int_equal(t.ops->end_listing(t.self, &record, &err), BKT_EBUSY);
    assert_non_null(strstr(err.message, "restarted or replaced"));
    assert_int_equal(t.ops->begin_listing(t.self, &listing, &err), BKT_OK);
    sql("UPDATE other.started SET at = '2024-01-01 01:00Z'");
    assert_int_equal(t.ops->end_listing(t.self, &record, &err), BKT_OK);
    close_table(t);
    close_table(u);
}

/* An engine that does not tell when it was started. */
static void a_server_need_not_tell_when_it_was_started(void **state)
{
    (void)state;
    sql("CREATE SCHEMA other; CREATE FUNCTION other.pg_postmaster_start_time() RETURNS timestamptz"
        " LANGUAGE plpgsql AS 'BEGIN RAISE undefined_function; END';"
        "GRANT USAGE ON SCHEMA other TO tester;"
        "ALTER ROLE tester SET search_path TO other, pg_catalog, public");
    struct bkt_table_target t = open_at(url, "public.objects");
    (void)attach(t, &plain);
    struct bkt_change change = put("a", "A", 0);
    (void)apply(t, &change, 1);
    assert_int_equal(change.outcome, BKT_OUTCOME_APPLIED);
    close_table(t);
}

/* Beats at `ms` after the attachment; when the next one is due, after it. */
static int64_t beat(struct bkt_table_target t, int64_t start_ms, int64_t ms)
{
    return t.ops->beat(t.self, start_ms + ms) - start_ms;
}

static const char workers_sql[] =
    "SELECT coalesce(string_agg(format('%s %s %s', is_lister, changes, epoch),"
    " ', ' ORDER BY started_at), 'none') FROM bucketable_workers";

static void workers_tell_that_they_live(void **state)
{
    (void)state;
    int64_t start_ms = bkt_time_monotonic_ms();
    struct bkt_table_target first = open_attached(&plain);
    struct bkt_table_target second = open_attached(&plain);
    struct bkt_error err = {0};

    /* A run of less than a second tells nothing; the first that does makes the table. */
    assert_true(beat(first, start_ms, 0) >= 1000);
    assert_answer("SELECT (to_regclass('bucketable_workers') IS NULL)::text", "true");
    assert_int_equal(beat(first, start_ms, 3000), 13000);
    assert_answer(workers_sql, "f 0 1");
    struct bkt_change changes[] = {put("a", "A", 0), put("b", "B", 0)};
    (void)apply(first, changes, 2);
    assert_int_equal(beat(first, start_ms, 12999), 13000);
    assert_answer(workers_sql, "f 0 1");
    assert_int_equal(beat(first, start_ms, 13000), 23000);
    assert_int_equal(beat(second, start_ms, 2000), 12000);
    assert_answer(workers_sql, "f 2 1, f 0 1");

    /* Another role is told at once. */
    assert_int_equal(second.ops->hold_listing(second.self, &err), BKT_OK);
    assert_int_equal(beat(second, start_ms, 2001), 12001);
    assert_answer(workers_sql, "f 2 1, t 0 1");

    /* Who ends is gone, who died goes with time. */
    second.ops->leave(second.self);
    assert_answer(workers_sql, "f 2 1");
    sql("INSERT INTO bucketable_workers SELECT table_name, 'dead' || h, false, now(),"
        " now() - h * interval '50 minutes', h, 1 FROM bucketable_workers,"
        " generate_series(1, 2) AS h");
    assert_int_equal(beat(first, start_ms, 23000), 33000);
    assert_answer("SELECT string_agg(changes::text, ',' ORDER BY changes) FROM bucketable_workers",
                  "1,2");
    close_table(first);
    close_table(second);
}

static void nobody_need_know_the_workers(void **state)
{
    (void)state;
    int64_t start_ms = bkt_time_monotonic_ms();
    struct bkt_table_target t = open_attached(&plain);
    sql("REVOKE CREATE ON SCHEMA public FROM tester");
    assert_true(beat(t, start_ms, 2000) > INT64_MAX / 2);
    assert_true(beat(t, start_ms, 90000) > INT64_MAX / 2);
    struct bkt_change change = put("a", "A", 0);
    (void)apply(t, &change, 1);
    t.ops->leave(t.self);
    close_table(t);

    /* A lost connection is no end of it. */
    sql("GRANT CREATE ON SCHEMA public TO tester");
    t = open_attached(&plain);
    kill_all();
    (void)beat(t, start_ms, 3000);
    assert_true(beat(t, start_ms, 13000) < INT64_MAX / 2);
    assert_answer(workers_sql, "f 0 1");
    kill_all();
    t.ops->leave(t.self);
    close_table(t);
}

enum { WRITERS = 2, WRITER_TURNS = 40, WRITER_KEYS = 5 };

static void *write_much(void *ctx)
{
    static const char *const keys[WRITER_KEYS] = {"a", "b", "c", "d", "e"};
    struct bkt_table_target t = open_at(url, "objects");
    struct bkt_error err = {0};
    struct bkt_attached attached;
    size_t *failures = ctx;
    *failures += t.ops->attach(t.self, &plain, &attached, &err) != BKT_OK;
    struct bkt_clock clock = attached.clock;
    for (int turn = 0; turn < WRITER_TURNS && *failures == 0; turn++) {
        struct bkt_change changes[WRITER_KEYS];
        for (size_t k = 0; k < WRITER_KEYS; k++)
            changes[k] = turn % 3 ? put(keys[k], "x", clock.clock) : gone(keys[k], clock.clock);
        (void)t.ops->beat(t.self, bkt_time_monotonic_ms() + 10000 * (turn + 1));
        if (t.ops->apply(t.self, changes, WRITER_KEYS, false, &clock, &err) ||
            t.ops->read_clock(t.self, &clock, &err)) {
            print_message("# %s\n", err.message);
            ++*failures;
        }
    }
    close_table(t);
    return NULL;
}

/* Both also make the table, at once.  Under serializable isolation they meet 40001 all the time. */
static void writers_at_once_lose_nothing_and_double_nothing(void **state)
{
    (void)state;
    pthread_t threads[WRITERS];
    size_t failures[WRITERS] = {0};
    for (size_t i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_much, &failures[i]), 0);
    for (size_t i = 0; i < WRITERS; i++) {
        (void)pthread_join(threads[i], NULL);
        assert_int_equal(failures[i], 0);
    }
    assert_answer("SELECT (clock = 80)::text FROM bucketable_tables", "true");
    assert_answer("SELECT (row_count = (SELECT count(*) FROM objects))::text FROM"
                  " bucketable_tables",
                  "true");
    assert_answer("SELECT count(*)::text FROM objects o FULL JOIN bucketable_state_objects s ON"
                  " s.filename = convert_to(o.filename, 'UTF8')"
                  " WHERE (o.filename IS NOT NULL) <> (s.flags & 1 = 1)",
                  "0");
}

static const struct target_kit kit = {
    .forget = forget,
    .open = open_table,
    .look = look_at_table,
    .status = status_of,
    .read_row = read_row,
    .read_column = read_column,
};

static int run_all(void)
{
    const struct CMUnitTest tests[] = {
        TARGET_TEST(names_and_urls_are_checked),
        TARGET_TEST(a_server_that_cannot_be_used_says_why),
        TARGET_TEST(a_table_lives_in_the_schema_that_is_named),
        TARGET_TEST(a_table_of_others_is_not_taken),
        TARGET_TEST(an_administrator_may_make_the_tables),
        TARGET_TEST(a_dropped_table_is_built_again),
        TARGET_TEST(changes_by_others_are_tolerated_or_named),
        TARGET_TEST(changes_by_others_meanwhile_are_named),
        TARGET_TEST(a_database_in_another_encoding_keeps_the_order),
        TARGET_TEST(bytes_that_are_no_text_survive_a_change_of_type),
        TARGET_TEST(columns_have_their_types),
        TARGET_TEST(what_postgresql_cannot_hold_is_rejected_alone),
        TARGET_TEST(nul_is_replaced_where_the_spec_says_so),
        TARGET_TEST(what_a_row_violates_rejects_it_alone),
        TARGET_TEST(many_new_rows_are_as_few_are),
        TARGET_TEST(what_is_taken_for_new_and_is_not),
        TARGET_TEST(running_out_of_memory_copies_all_or_nothing),
        TARGET_TEST(triggers_see_inserts_updates_and_nothing_for_nothing),
        TARGET_TEST(a_durable_commit_is_synced_whatever_the_default),
        TARGET_TEST(a_lost_connection_is_made_again),
        TARGET_TEST(a_commit_of_unknown_outcome_can_be_repeated),
        TARGET_TEST(a_commit_that_fails_is_not_believed),
        TARGET_TEST(a_clock_that_went_back_stops_the_run),
        TARGET_TEST(a_clock_that_is_ahead_goes_on_from_there),
        TARGET_TEST(what_was_read_before_a_failover_is_void),
        TARGET_TEST(a_server_need_not_tell_when_it_was_started),
        TARGET_TEST(workers_tell_that_they_live),
        TARGET_TEST(nobody_need_know_the_workers),
        TARGET_TEST(writers_at_once_lose_nothing_and_double_nothing),
    };
    return target_tests(&kit, "postgres", tests, T_COUNT(tests));
}

/* "conformance": that suite; "writers": the last test alone; else what only PostgreSQL has. */
int main(int argc, char **argv)
{
    const struct CMUnitTest writers[] = {
        TARGET_TEST(writers_at_once_lose_nothing_and_double_nothing),
    };
    url = getenv("BKT_TEST_POSTGRES");
    const char *admin_url = getenv("BKT_TEST_POSTGRES_ADMIN");
    if (!url || !admin_url) {
        (void)fprintf(stderr, "run it by tests/postgres.py\n");
        return 1;
    }
    admin = PQconnectdb(admin_url);
    if (PQstatus(admin) != CONNECTION_OK) {
        (void)fprintf(stderr, "%s", PQerrorMessage(admin));
        return 1;
    }
    PQclear(PQexec(admin, "SET client_min_messages = error"));
    int failed;
    if (argc > 1 && strcmp(argv[1], "conformance") == 0) {
        failed = target_conformance(&kit);
    } else if (argc > 1 && strcmp(argv[1], "writers") == 0) {
        failed = target_tests(&kit, "writers", writers, T_COUNT(writers));
    } else {
        failed = run_all();
    }
    PQfinish(admin);
    return failed;
}
