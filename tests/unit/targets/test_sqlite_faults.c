/*
 * A listing is brought into an SQLite file whose disk fails at the first, second, third ... read,
 * write, sync or truncation, or loses its power there.  Whatever happens: the file is sound, the
 * table is as it was after one of the transactions, none that was called done is lost (where the
 * power is cut: none that was called durable), the counters agree with the rows, and a run on a
 * disk in order ends with the table that was wanted.
 */
#include "targets/sqlite_target.h"

#include "targets/sqlite_faults.h"

#include <bucketable/error.h>

#include "t.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { KEYS = 12, STEPS = 7, ABSENT = -1, CONTENT_BYTES = 9000, SEEDS = 3 };

static char folder[] = "/tmp/bkt-faults-XXXXXX";
static char path[64];
static char template_path[64];
static int64_t template_floor;

static const struct bkt_table_spec spec = {.source = {"s3://bucket", 11}, .spec = {"{}", 2}};
static const char keys[KEYS][2] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"};

/* The version of each key that each step leaves; 'l' is not there at first. */
static const int versions[STEPS + 1][KEYS] = {
    {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ABSENT},
    {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ABSENT}, /* the listing has begun */
    {2, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 2},      /* durable */
    {2, 2, 2, 3, 3, ABSENT, 0, 0, 0, 0, 0, 2}, /* not durable */
    {4, 2, 2, 3, 3, ABSENT, 0, 0, 0, 0, 4, 2}, /* durable */
    {4, 2, 2, 3, 3, ABSENT, 0, 0, 0, 0, 4, 2}, /* staged */
    {4, 2, 2, 3, 3, ABSENT, 0, 0, ABSENT, ABSENT, 4, 2},
    {4, 2, 2, 3, 3, ABSENT, 0, 0, ABSENT, ABSENT, 4, 2}, /* the listing has ended */
};

/* What a run came to. */
struct outcome {
    int durable;   /* the last step that may not be lost, whatever happens */
    int done;      /* the last step that was said to have happened */
    int attempted; /* the last step that may have happened */
    int rc;
};

static struct bkt_str content_of(int version)
{
    static char text[STEPS][CONTENT_BYTES];
    memset(text[version], 'a' + version, CONTENT_BYTES);
    return (struct bkt_str){text[version], CONTENT_BYTES};
}

static struct bkt_str etag_of(int version)
{
    static const char digits[] = "0123456789";
    return (struct bkt_str){digits + version, 1};
}

/* Make the table of one row of `versions` into that of another. */
static int apply(struct bkt_table_target t,
                 const int *from,
                 const int *to,
                 bool durable,
                 struct bkt_clock *clock,
                 struct bkt_error *err)
{
    struct bkt_change changes[KEYS];
    size_t count = 0;
    for (size_t i = 0; i < KEYS; i++) {
        if (from[i] == to[i])
            continue;
        struct bkt_change *change = &changes[count++];
        *change = (struct bkt_change){
            .op = BKT_CHANGE_DELETE, .object.key = {keys[i], 1}, .read_at = clock->clock};
        if (to[i] == ABSENT)
            continue;
        change->op = BKT_CHANGE_UPSERT;
        change->object.etag = etag_of(to[i]);
        change->object.size = CONTENT_BYTES;
        change->object.last_modified_ms = 1700000000000;
        change->content = content_of(to[i]);
    }
    return t.ops->apply(t.self, changes, count, durable, clock, err);
}

static void ignore(void *ctx, struct bkt_str key)
{
    (void)ctx;
    (void)key;
}

/* Stage what one row of `versions` has and another has not, and remove it. */
static int stage(struct bkt_table_target t,
                 const int *from,
                 const int *to,
                 const struct bkt_clock *clock,
                 struct bkt_error *err)
{
    struct bkt_absence absences[KEYS];
    size_t count = 0;
    for (size_t i = 0; i < KEYS; i++) {
        if (from[i] != ABSENT && to[i] == ABSENT)
            absences[count++] = (struct bkt_absence){{keys[i], 1}, clock->clock};
    }
    return t.ops->stage(t.self, absences, count, err);
}

static int sweep(struct bkt_table_target t, struct bkt_clock *clock, struct bkt_error *err)
{
    struct bkt_sweep told = {.refused = ignore, .deleted = ignore};
    return t.ops->sweep(t.self, &told, clock, err);
}

/* The user reads while the run writes, and puts the log into the file. */
static void checkpoint(void)
{
    sqlite3 *db = NULL;
    if (sqlite3_open(path, &db) == SQLITE_OK)
        (void)sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
    (void)sqlite3_close(db);
}

static int step(struct bkt_table_target t, int n, struct bkt_clock *clock, struct bkt_error *err)
{
    const struct bkt_listing_record record = {.ended_wall_ms = 1700000000000, .listed = KEYS};
    switch (n) {
    case 1:
        return t.ops->begin_listing(t.self, clock, err);
    case 2:
    case 3:
    case 4:
        return apply(t, versions[n - 1], versions[n], n != 3, clock, err);
    case 5:
        return stage(t, versions[5], versions[6], clock, err);
    case 6:
        return sweep(t, clock, err);
    default:
        return t.ops->end_listing(t.self, &record, err);
    }
}

static int scan_row(void *ctx, const struct bkt_state_row *row, struct bkt_error *err)
{
    (void)ctx;
    (void)row;
    (void)err;
    return BKT_OK;
}

static struct outcome run(void)
{
    struct outcome outcome = {0};
    struct bkt_error err = {0};
    struct bkt_table_target t = {0};
    struct bkt_attached attached;
    size_t count;
    outcome.rc = bkt_sqlite_target_new(path, BKT_STR("objects"), &t, &err);
    if (outcome.rc)
        return outcome;
    outcome.rc = t.ops->attach(t.self, &spec, &attached, &err);
    struct bkt_clock clock = attached.clock;
    for (int n = 1; outcome.rc == BKT_OK && n <= STEPS; n++) {
        outcome.attempted = n;
        outcome.rc = step(t, n, &clock, &err);
        if (outcome.rc == BKT_OK)
            outcome.done = n;
        if (outcome.rc == BKT_OK && (n == 2 || n == 4))
            outcome.durable = n;
        if (outcome.rc == BKT_OK && n == 3)
            checkpoint();
        if (outcome.rc == BKT_OK)
            outcome.rc = t.ops->scan(t.self, &(struct bkt_scan){.limit = KEYS}, scan_row, NULL,
                                     &count, &err);
    }
    t.ops->free(t.self);
    if (outcome.rc)
        assert_true(err.message[0] != '\0');
    return outcome;
}

static int64_t number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    int64_t found = sqlite3_column_int64(stmt, 0);
    (void)sqlite3_finalize(stmt);
    return found;
}

static void read_versions(sqlite3 *db, int *out)
{
    sqlite3_stmt *stmt = NULL;
    for (size_t i = 0; i < KEYS; i++)
        out[i] = ABSENT;
    assert_int_equal(
        sqlite3_prepare_v2(db, "SELECT filename, content FROM objects", -1, &stmt, NULL),
        SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const char *key = (const char *)sqlite3_column_text(stmt, 0);
        const char *content = (const char *)sqlite3_column_text(stmt, 1);
        int version = content[0] - 'a';
        assert_in_range(key[0], 'a', 'a' + KEYS - 1);
        assert_in_range(version, 0, STEPS - 1);
        assert_int_equal(sqlite3_column_bytes(stmt, 1), CONTENT_BYTES);
        assert_memory_equal(content, content_of(version).ptr, CONTENT_BYTES);
        out[key[0] - 'a'] = version;
    }
    (void)sqlite3_finalize(stmt);
}

/* Sound, and as it was after one of the steps from `first` to `last`. */
static void check_file(int first, int last)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    int found[KEYS];
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(stmt, 0), "ok");
    (void)sqlite3_finalize(stmt);

    read_versions(db, found);
    bool is_allowed = false;
    for (int n = first; n <= last; n++)
        is_allowed = is_allowed || memcmp(found, versions[n], sizeof(found)) == 0;
    if (!is_allowed)
        fail_msg("the table is none that steps %d to %d leave", first, last);
    if (first >= 1)
        assert_true(number(db, "SELECT floor FROM bucketable_tables") > template_floor);
    if (first == STEPS)
        assert_int_equal(number(db, "SELECT listing_listed FROM bucketable_tables"), KEYS);

    assert_int_equal(number(db, "SELECT row_count FROM bucketable_tables"),
                     number(db, "SELECT count(*) FROM objects"));
    assert_int_equal(number(db, "SELECT count(*) FROM bucketable_state_objects WHERE flags & 1"),
                     number(db, "SELECT count(*) FROM objects"));
    assert_int_equal(number(db, "SELECT count(*) FROM objects o JOIN bucketable_state_objects s"
                                " ON s.filename = CAST(o.filename AS BLOB) WHERE s.flags & 1"),
                     number(db, "SELECT count(*) FROM objects"));
    (void)sqlite3_close(db);
}

/* Another run, on a disk in order, makes of what it finds what is wanted. */
static void finish(void)
{
    struct bkt_error err = {0};
    struct bkt_table_target t;
    struct bkt_attached attached;
    struct bkt_clock clock;
    sqlite3 *db = NULL;
    int found[KEYS];
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    read_versions(db, found);
    (void)sqlite3_close(db);

    assert_int_equal(bkt_sqlite_target_new(path, BKT_STR("objects"), &t, &err), BKT_OK);
    assert_int_equal(t.ops->attach(t.self, &spec, &attached, &err), BKT_OK);
    assert_int_equal(t.ops->begin_listing(t.self, &clock, &err), BKT_OK);
    assert_int_equal(apply(t, found, versions[STEPS], true, &clock, &err), BKT_OK);
    assert_int_equal(step(t, STEPS, &clock, &err), BKT_OK);
    t.ops->free(t.self);
    check_file(STEPS, STEPS);
}

static void copy_file(const char *from, const char *to)
{
    static char bytes[1 << 20];
    FILE *file = fopen(from, "rb");
    assert_non_null(file);
    size_t len = fread(bytes, 1, sizeof(bytes), file);
    (void)fclose(file);
    assert_true(len < sizeof(bytes));
    file = fopen(to, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    (void)fclose(file);
}

static void forget(void)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < T_COUNT(suffixes); i++) {
        char name[96];
        (void)snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
        (void)remove(name);
    }
}

/* The file as versions[0] has it, synced. */
static void begin_anew(void)
{
    forget();
    copy_file(template_path, path);
    sqlite_faults_reset();
    sqlite_faults_know(path);
}

/* The -shm file is memory: a machine that starts again does not have it. */
static void lose_shared_memory(void)
{
    char name[96];
    (void)snprintf(name, sizeof(name), "%s-shm", path);
    (void)remove(name);
}

static void fail_each(enum sqlite_fault kind, enum sqlite_unsynced unsynced, unsigned seed)
{
    long n = 0;
    for (bool is_hit = true; is_hit; n++) {
        begin_anew();
        sqlite_faults_arm(kind, n);
        struct outcome outcome = run();
        is_hit = sqlite_faults_disarm();
        if (is_hit && kind == SQLITE_FAULT_POWER) {
            sqlite_faults_power_on(unsynced, seed + (unsigned)n);
            lose_shared_memory();
        }
        if (!is_hit)
            assert_int_equal(outcome.rc, BKT_OK);
        bool is_kept = !is_hit || unsynced == SQLITE_UNSYNCED_KEPT;
        check_file(is_kept ? outcome.done : outcome.durable, outcome.attempted);
        finish();
    }
    print_message("# %ld faults\n", n - 1);
    assert_true(n > 1);
}

static void a_read_fails(void **state)
{
    (void)state;
    fail_each(SQLITE_FAULT_READ, SQLITE_UNSYNCED_KEPT, 0);
}

static void a_write_fails(void **state)
{
    (void)state;
    fail_each(SQLITE_FAULT_WRITE, SQLITE_UNSYNCED_KEPT, 0);
}

static void the_disk_is_full(void **state)
{
    (void)state;
    fail_each(SQLITE_FAULT_FULL, SQLITE_UNSYNCED_KEPT, 0);
}

static void a_sync_fails(void **state)
{
    (void)state;
    fail_each(SQLITE_FAULT_SYNC, SQLITE_UNSYNCED_KEPT, 0);
}

static void a_truncation_fails(void **state)
{
    (void)state;
    fail_each(SQLITE_FAULT_TRUNCATE, SQLITE_UNSYNCED_KEPT, 0);
}

static void the_power_is_cut_and_what_was_not_synced_is_lost(void **state)
{
    (void)state;
    fail_each(SQLITE_FAULT_POWER, SQLITE_UNSYNCED_LOST, 0);
}

static void the_power_is_cut_and_what_was_not_synced_is_kept(void **state)
{
    (void)state;
    fail_each(SQLITE_FAULT_POWER, SQLITE_UNSYNCED_KEPT, 0);
}

static void the_power_is_cut_and_sectors_are_old_and_new(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < SEEDS; seed++)
        fail_each(SQLITE_FAULT_POWER, SQLITE_UNSYNCED_MIXED, seed * 100000);
}

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    (void)snprintf(path, sizeof(path), "%s/t.db", folder);
    (void)snprintf(template_path, sizeof(template_path), "%s/base.db", folder);
    sqlite_faults_install();

    static const int nothing[KEYS] = {ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT,
                                      ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT};
    struct bkt_error err = {0};
    struct bkt_table_target t;
    struct bkt_attached attached;
    struct bkt_clock clock;
    if (bkt_sqlite_target_new(path, BKT_STR("objects"), &t, &err) ||
        t.ops->attach(t.self, &spec, &attached, &err) ||
        t.ops->begin_listing(t.self, &clock, &err) ||
        apply(t, nothing, versions[0], true, &clock, &err))
        return -1;
    template_floor = (int64_t)clock.floor;
    t.ops->free(t.self);
    copy_file(path, template_path);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    forget();
    (void)remove(template_path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_read_fails),
        cmocka_unit_test(a_write_fails),
        cmocka_unit_test(the_disk_is_full),
        cmocka_unit_test(a_sync_fails),
        cmocka_unit_test(a_truncation_fails),
        cmocka_unit_test(the_power_is_cut_and_what_was_not_synced_is_lost),
        cmocka_unit_test(the_power_is_cut_and_what_was_not_synced_is_kept),
        cmocka_unit_test(the_power_is_cut_and_sectors_are_old_and_new),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
