/*
 * A target of the caller's own: rows in memory, with a hand on every call.  The conformance suite
 * over it, and what must hold when it fails, or the program ends, between any two steps.
 */
#include "targets/state_target.h"

#include "targets/target_conformance.h"

#include <bucketable/error.h>

#include "t.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY_BYTES = 1100, ROWS_MAX = 12100 };

struct held {
    char key[KEY_BYTES];
    size_t key_len;
    char *content;
    size_t content_len;
    bool is_bytes;
};

enum step { STEP_NONE, STEP_ATTACH, STEP_BEGIN, STEP_APPLY, STEP_COMMIT, STEP_COMMITTED };

/* Rows as the target has them; a batch is written at once, as by a store without transactions. */
static struct {
    struct held rows[ROWS_MAX];
    size_t count;
    enum step fails_at;
    const char *rejects; /* a key */
    unsigned begun, committed, rolled_back, freed;
} memory;

static char folder[] = "/tmp/bkt-state-XXXXXX";
static char path[64];

static int fail_at(enum step step, struct bkt_error *err)
{
    if (memory.fails_at != step)
        return BKT_OK;
    (void)bkt_error_set(err, BKT_ETARGET, "write to memory: told to fail");
    err->retriable = true;
    return BKT_ETARGET;
}

static struct held *find(struct bkt_str key)
{
    for (size_t i = 0; i < memory.count; i++) {
        struct held *row = &memory.rows[i];
        if (bkt_str_eq((struct bkt_str){row->key, row->key_len}, key))
            return row;
    }
    return NULL;
}

static int attach(void *self, const struct bkt_target_table *table, struct bkt_error *err)
{
    (void)self;
    bool is_known =
        strcmp(table->source, "s3://bucket") == 0 || strcmp(table->source, "s3://bukcet") == 0;
    if (!is_known)
        return bkt_error_set(err, BKT_ETARGET, "source %s", table->source);
    return fail_at(STEP_ATTACH, err);
}

static int begin(void *self, struct bkt_error *err)
{
    (void)self;
    memory.begun++;
    return fail_at(STEP_BEGIN, err);
}

static int apply_row(void *self, const struct bkt_row *row, struct bkt_error *err)
{
    (void)self;
    struct bkt_str key = {row->key, row->key_len};
    if (memory.rejects && bkt_str_eq(key, bkt_str_from(memory.rejects)))
        return bkt_error_set(err, BKT_EUNSUPPORTED, "it does not fit");
    int rc = fail_at(STEP_APPLY, err);
    if (rc)
        return rc;
    struct held *held = find(key);
    if (row->op == BKT_ROW_DELETE) {
        if (held) {
            free(held->content);
            *held = memory.rows[--memory.count];
        }
        return BKT_OK;
    }
    if (!held) {
        assert_true(memory.count < ROWS_MAX);
        held = &memory.rows[memory.count++];
        memcpy(held->key, key.ptr, key.len);
        held->key_len = key.len;
        held->content = NULL;
    }
    held->content = realloc(held->content, row->content_len + 1);
    assert_non_null(held->content);
    memcpy(held->content, row->content, row->content_len);
    held->content_len = row->content_len;
    held->is_bytes = row->content_is_bytes;
    return BKT_OK;
}

static int commit(void *self, struct bkt_error *err)
{
    (void)self;
    memory.committed++;
    int rc = fail_at(STEP_COMMIT, err);
    return rc ? rc : fail_at(STEP_COMMITTED, err);
}

static void rollback(void *self)
{
    (void)self;
    memory.rolled_back++;
}

static void memory_free(void *self)
{
    (void)self;
    memory.freed++;
}

static const struct bkt_target_ops memory_ops = {
    .size = sizeof(memory_ops),
    .name = "memory",
    .attach = attach,
    .begin = begin,
    .apply = apply_row,
    .commit = commit,
    .rollback = rollback,
    .free = memory_free,
};

static void forget(void *ctx)
{
    (void)ctx;
    target_remove(path);
    for (size_t i = 0; i < memory.count; i++)
        free(memory.rows[i].content);
    memory.count = 0;
    memory.fails_at = STEP_NONE;
    memory.rejects = NULL;
    memory.begun = memory.committed = memory.rolled_back = memory.freed = 0;
}

static int open_table(void *ctx, struct bkt_table_target *out_target, struct bkt_error *err)
{
    (void)ctx;
    return bkt_state_target_new(&memory_ops, NULL, path, out_target, err);
}

static bool read_row(void *ctx, struct bkt_str key, struct bkt_buf *content, bool *out_is_bytes)
{
    (void)ctx;
    const struct held *held = find(key);
    if (!held)
        return false;
    *out_is_bytes = held->is_bytes;
    struct bkt_str found = {held->content, held->content_len};
    assert_int_equal(bkt_buf_append(content, found), BKT_OK);
    return true;
}

static const struct bkt_table_spec plain = {.source = {"s3://bucket", 11}, .spec = {"{}", 2}};

static struct bkt_table_target open_attached(struct bkt_attached *out)
{
    struct bkt_error err = {0};
    struct bkt_table_target t;
    if (open_table(NULL, &t, &err) || t.ops->attach(t.self, &plain, out, &err))
        fail_msg("%s", err.message);
    return t;
}

static struct bkt_change change_of(enum bkt_change_op op, const char *key, const char *content)
{
    return (struct bkt_change){
        .op = op,
        .object = {.key = bkt_str_from(key), .etag = bkt_str_from(content)},
        .content = bkt_str_from(content),
        .read_at = INT64_MAX,
    };
}

static int apply(struct bkt_table_target t,
                 struct bkt_change *changes,
                 size_t count,
                 struct bkt_error *err)
{
    struct bkt_clock clock;
    return t.ops->apply(t.self, changes, count, false, &clock, err);
}

static void a_batch_is_begun_committed_and_freed(void **state)
{
    (void)state;
    struct bkt_error err = {0};
    struct bkt_attached attached;
    struct bkt_table_target t = open_attached(&attached);
    struct bkt_change changes[] = {change_of(BKT_CHANGE_UPSERT, "a", "1"),
                                   change_of(BKT_CHANGE_DELETE, "b", "")};
    assert_int_equal(apply(t, changes, 2, &err), BKT_OK);
    assert_int_equal(memory.begun, 1);
    assert_int_equal(memory.committed, 1);
    assert_int_equal(memory.rolled_back, 0);

    /* What writes no row does not bother the target. */
    struct bkt_change touch = change_of(BKT_CHANGE_TOUCH, "a", "1");
    assert_int_equal(apply(t, &touch, 1, &err), BKT_OK);
    assert_int_equal(touch.outcome, BKT_OUTCOME_APPLIED);
    assert_int_equal(memory.begun, 1);
    assert_int_equal(memory.freed, 0);
    t.ops->free(t.self);
    assert_int_equal(memory.freed, 1);
}

static void a_failing_step_keeps_the_state_and_the_next_try_succeeds(void **state)
{
    (void)state;
    static const enum step steps[] = {STEP_BEGIN, STEP_APPLY, STEP_COMMIT, STEP_COMMITTED};
    for (size_t i = 0; i < T_COUNT(steps); i++) {
        forget(NULL);
        struct bkt_error err = {0};
        struct bkt_attached attached;
        struct bkt_table_target t = open_attached(&attached);
        struct bkt_change first = change_of(BKT_CHANGE_UPSERT, "a", "1");
        assert_int_equal(apply(t, &first, 1, &err), BKT_OK);
        struct bkt_change changes[] = {change_of(BKT_CHANGE_DELETE, "a", ""),
                                       change_of(BKT_CHANGE_UPSERT, "b", "2")};
        memory.fails_at = steps[i];
        assert_int_equal(apply(t, changes, 2, &err), BKT_ETARGET);
        assert_true(err.retriable);
        assert_string_equal(err.message, "write to memory: told to fail");
        assert_int_equal(memory.rolled_back, 1);
        target_assert_state(t, "a:1:1");

        memory.fails_at = STEP_NONE;
        assert_int_equal(apply(t, changes, 2, &err), BKT_OK);
        target_assert_state(t, "a:0: b:1:2");
        t.ops->free(t.self);

        /* Nothing of the failure is left for the next run. */
        t = open_attached(&attached);
        assert_int_equal(attached.row_count, 1);
        target_assert_state(t, "a:0: b:1:2");
        t.ops->free(t.self);
    }
}

/*
 * The program ends after a step of a batch.  The next run does not know what the target has, and
 * must neither take a row for current nor forget one that it may have to delete.
 */
static void what_a_crash_cut_off_is_read_again(void **state)
{
    (void)state;
    static const enum step steps[] = {STEP_BEGIN, STEP_APPLY, STEP_COMMIT, STEP_COMMITTED};
    for (size_t i = 0; i < T_COUNT(steps); i++) {
        forget(NULL);
        struct bkt_error err = {0};
        struct bkt_attached attached;
        struct bkt_table_target t = open_attached(&attached);
        struct bkt_change first[] = {change_of(BKT_CHANGE_UPSERT, "a", "1"),
                                     change_of(BKT_CHANGE_UPSERT, "c", "3")};
        assert_int_equal(apply(t, first, 2, &err), BKT_OK);
        struct bkt_change changes[] = {change_of(BKT_CHANGE_DELETE, "a", ""),
                                       change_of(BKT_CHANGE_UPSERT, "b", "2")};
        memory.fails_at = steps[i];
        assert_int_equal(apply(t, changes, 2, &err), BKT_ETARGET);
        t.ops->free(t.self);

        memory.fails_at = STEP_NONE;
        uint64_t clock_before = attached.clock.clock;
        t = open_attached(&attached);
        assert_true(attached.clock.clock > clock_before);
        assert_int_equal(attached.row_count, 3);
        target_assert_state(t, "a:5: b:5: c:1:3");
        uint64_t failed = 0;
        assert_int_equal(t.ops->count_failed(t.self, &failed, &err), BKT_OK);
        assert_int_equal(failed, 2);

        /* A read of before the crash is refused; one of now settles it. */
        changes[0].read_at = changes[1].read_at = attached.clock.clock - 1;
        assert_int_equal(apply(t, changes, 2, &err), BKT_OK);
        assert_int_equal(changes[0].outcome, BKT_OUTCOME_REFUSED);
        changes[0].read_at = changes[1].read_at = INT64_MAX;
        assert_int_equal(apply(t, changes, 2, &err), BKT_OK);
        target_assert_state(t, "a:0: b:1:2 c:1:3");
        assert_null(find(BKT_STR("a")));
        assert_non_null(find(BKT_STR("b")));
        t.ops->free(t.self);
        t = open_attached(&attached);
        assert_int_equal(attached.row_count, 2);
        t.ops->free(t.self);
    }
}

/* Nothing is known to have come of the bucket, but a batch that was cut off may have brought it. */
static void what_may_have_been_written_is_a_claim(void **state)
{
    (void)state;
    struct bkt_table_spec another = plain;
    another.source = BKT_STR("s3://another");
    struct bkt_error err = {0};
    struct bkt_attached attached;
    struct bkt_table_target t = open_attached(&attached);
    struct bkt_change change = change_of(BKT_CHANGE_UPSERT, "a", "1");
    memory.fails_at = STEP_COMMITTED;
    assert_int_equal(apply(t, &change, 1, &err), BKT_ETARGET);
    t.ops->free(t.self);
    memory.fails_at = STEP_NONE;
    assert_int_equal(open_table(NULL, &t, &err), BKT_OK);
    assert_int_equal(t.ops->attach(t.self, &another, &attached, &err), BKT_EFOREIGN);
    assert_non_null(strstr(err.message, "holds s3://"));
    t.ops->free(t.self);
}

/* The next batch is another: what the first one noted stays noted, and nothing else. */
static void notes_of_a_failed_batch_outlive_a_later_one(void **state)
{
    (void)state;
    struct bkt_error err = {0};
    struct bkt_attached attached;
    struct bkt_table_target t = open_attached(&attached);
    struct bkt_change failing[] = {change_of(BKT_CHANGE_UPSERT, "a", "1"),
                                   change_of(BKT_CHANGE_UPSERT, "c", "3")};
    memory.fails_at = STEP_COMMITTED;
    assert_int_equal(apply(t, failing, 2, &err), BKT_ETARGET);
    memory.fails_at = STEP_NONE;
    struct bkt_change later[] = {change_of(BKT_CHANGE_UPSERT, "b", "2"),
                                 change_of(BKT_CHANGE_UPSERT, "c", "3")};
    assert_int_equal(apply(t, later, 2, &err), BKT_OK);
    t.ops->free(t.self);
    t = open_attached(&attached);
    target_assert_state(t, "a:5: b:1:2 c:1:3");
    t.ops->free(t.self);
}

/* Whether there was a row is told rightly for keys before, between, side by side and behind. */
static void each_change_meets_its_own_state(void **state)
{
    (void)state;
    enum { COUNT = 40 };
    static const char *const asked[] = {"k00", "k01",  "k02", "k03x", "k04", "k19",
                                        "k20", "k20x", "k39", "k39x", "k40"};
    static const bool has_row[] = {true, false, true,  false, true, false,
                                   true, false, false, false, false};
    char keys[COUNT][8];
    struct bkt_change changes[COUNT];
    struct bkt_error err = {0};
    struct bkt_attached attached;
    struct bkt_table_target t = open_attached(&attached);
    for (int i = 0; i < COUNT / 2; i++) { /* the even ones */
        (void)snprintf(keys[i], sizeof(keys[i]), "k%02d", 2 * i);
        changes[i] = change_of(BKT_CHANGE_UPSERT, keys[i], keys[i]);
    }
    assert_int_equal(apply(t, changes, COUNT / 2, &err), BKT_OK);
    for (size_t from = 0; from < T_COUNT(asked); from++) {
        for (size_t i = from; i < T_COUNT(asked); i++) {
            changes[i] = change_of(BKT_CHANGE_TOUCH, asked[i], asked[i]);
            changes[i].read_at = INT64_MAX;
        }
        assert_int_equal(apply(t, changes + from, T_COUNT(asked) - from, &err), BKT_OK);
        for (size_t i = from; i < T_COUNT(asked); i++) {
            assert_int_equal(changes[i].had_row, has_row[i]);
            assert_int_equal(changes[i].outcome,
                             has_row[i] ? BKT_OUTCOME_APPLIED : BKT_OUTCOME_REFUSED);
        }
    }
    t.ops->free(t.self);
}

static void a_rejected_row_leaves_no_trace(void **state)
{
    (void)state;
    struct bkt_error err = {0};
    struct bkt_attached attached;
    struct bkt_table_target t = open_attached(&attached);
    struct bkt_change changes[] = {change_of(BKT_CHANGE_UPSERT, "a", "1"),
                                   change_of(BKT_CHANGE_UPSERT, "b", "2"),
                                   change_of(BKT_CHANGE_UPSERT, "c", "3")};
    memory.rejects = "b";
    assert_int_equal(apply(t, changes, 3, &err), BKT_OK);
    assert_int_equal(changes[1].outcome, BKT_OUTCOME_REJECTED);
    assert_string_equal(changes[1].reject_reason, "it does not fit");
    target_assert_state(t, "a:1:1 c:1:3");
    t.ops->free(t.self);
    t = open_attached(&attached);
    target_assert_state(t, "a:1:1 c:1:3");
    t.ops->free(t.self);
}

static void a_failed_attach_makes_no_state(void **state)
{
    (void)state;
    struct bkt_error err = {0};
    struct bkt_attached attached;
    struct bkt_table_target t;
    memory.fails_at = STEP_ATTACH;
    assert_int_equal(open_table(NULL, &t, &err), BKT_OK);
    assert_int_equal(t.ops->attach(t.self, &plain, &attached, &err), BKT_ETARGET);
    t.ops->free(t.self);
    memory.fails_at = STEP_NONE;
    t = open_attached(&attached);
    assert_true(attached.is_new);
    t.ops->free(t.self);
}

static void a_state_belongs_to_one_target(void **state)
{
    (void)state;
    struct bkt_error err = {0};
    struct bkt_attached attached;
    struct bkt_table_target t = open_attached(&attached);
    t.ops->free(t.self);
    struct bkt_target_ops other = memory_ops;
    other.name = "another";
    assert_int_equal(bkt_state_target_new(&other, NULL, path, &t, &err), BKT_OK);
    assert_int_equal(t.ops->attach(t.self, &plain, &attached, &err), BKT_EFOREIGN);
    assert_non_null(strstr(err.message, "memory"));
    t.ops->free(t.self);
}

static void a_temporary_state_leaves_no_file(void **state)
{
    (void)state;
    struct bkt_error err = {0};
    struct bkt_attached attached;
    struct bkt_table_target t;
    char parent[80];
    (void)snprintf(parent, sizeof(parent), "%s/tmp", folder);
    assert_int_equal(mkdir(parent, 0700), 0);
    assert_int_equal(setenv("TMPDIR", parent, 1), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(bkt_state_target_new(&memory_ops, NULL, NULL, &t, &err), BKT_OK);
        assert_int_equal(t.ops->attach(t.self, &plain, &attached, &err), BKT_OK);
        assert_true(attached.is_new);
        struct bkt_change change = change_of(BKT_CHANGE_UPSERT, "a", "1");
        assert_int_equal(apply(t, &change, 1, &err), BKT_OK);
        target_assert_state(t, "a:1:1");
        assert_int_not_equal(rmdir(parent), 0);
        t.ops->free(t.self);
    }
    assert_int_equal(rmdir(parent), 0);
    assert_int_equal(bkt_state_target_new(&memory_ops, NULL, NULL, &t, &err), BKT_EIO);
    assert_int_equal(unsetenv("TMPDIR"), 0);
}

/* With an argument the conformance suite: one plan of tests a run. */
int main(int argc, char **argv)
{
    (void)argv;
    if (!mkdtemp(folder))
        return 1;
    (void)snprintf(path, sizeof(path), "%s/t.state", folder);
    static const struct target_kit kit = {
        .forget = forget,
        .open = open_table,
        .read_row = read_row,
        .can_hold_nul = true,
        .can_hold_bytes = true,
        .is_whole = true,
        .is_volatile = true,
    };
    const struct CMUnitTest tests[] = {
        TARGET_TEST(a_batch_is_begun_committed_and_freed),
        TARGET_TEST(a_failing_step_keeps_the_state_and_the_next_try_succeeds),
        TARGET_TEST(what_a_crash_cut_off_is_read_again),
        TARGET_TEST(what_may_have_been_written_is_a_claim),
        TARGET_TEST(notes_of_a_failed_batch_outlive_a_later_one),
        TARGET_TEST(each_change_meets_its_own_state),
        TARGET_TEST(a_rejected_row_leaves_no_trace),
        TARGET_TEST(a_failed_attach_makes_no_state),
        TARGET_TEST(a_state_belongs_to_one_target),
        TARGET_TEST(a_temporary_state_leaves_no_file),
    };
    int failed = argc > 1 ? target_conformance(&kit)
                          : target_tests(&kit, "state target", tests, T_COUNT(tests));
    forget(NULL);
    (void)rmdir(folder);
    return failed;
}
