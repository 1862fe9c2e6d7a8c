/*
 * A small bucket of words around one target: put(), gone(), touch(), broken() make changes, the
 * tests apply them at chosen values of the clock and look at rows and state afterwards.
 */
#include "targets/target_conformance.h"

#include "core/time.h"

#include <bucketable/error.h>

#include "t.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a target cannot do is left out by a return: to TAP's readers cmocka's skip() is a failure.
 */
static const struct target_kit *kit;

static const struct bkt_table_spec plain = {
    .source = {"s3://bucket", 11}, .spec = {"{\"a\":1}", 7}, .columns = 0};
static const struct bkt_table_spec other_spec = {
    .source = {"s3://bucket", 11}, .spec = {"{\"a\":2}", 7}, .columns = 0};

static struct bkt_str str(const char *text)
{
    return bkt_str_from(text);
}

static void must(int rc, const struct bkt_error *err)
{
    if (rc != BKT_OK)
        fail_msg("%s: %s", bkt_error_name(rc), err->message);
}

static struct bkt_table_target open_handle(void)
{
    struct bkt_error err = {0};
    struct bkt_table_target target;
    must(kit->open(kit->ctx, &target, &err), &err);
    return target;
}

static struct bkt_attached attach(struct bkt_table_target t, const struct bkt_table_spec *spec)
{
    struct bkt_error err = {0};
    struct bkt_attached attached;
    must(t.ops->attach(t.self, spec, &attached, &err), &err);
    return attached;
}

static struct bkt_table_target open_attached(const struct bkt_table_spec *spec)
{
    struct bkt_table_target t = open_handle();
    (void)attach(t, spec);
    return t;
}

static void close_handle(struct bkt_table_target t)
{
    t.ops->free(t.self);
}

static struct bkt_clock clock_of(struct bkt_table_target t)
{
    struct bkt_error err = {0};
    struct bkt_clock clock;
    must(t.ops->read_clock(t.self, &clock, &err), &err);
    return clock;
}

static struct bkt_change put(const char *key,
                             const char *etag,
                             const char *content,
                             uint64_t read_at)
{
    return (struct bkt_change){.op = BKT_CHANGE_UPSERT,
                               .object = {.key = str(key),
                                          .etag = str(etag),
                                          .size = strlen(content),
                                          .last_modified_ms = 1700000000000},
                               .content = str(content),
                               .read_at = read_at};
}

static struct bkt_change gone(const char *key, uint64_t read_at)
{
    return (struct bkt_change){.op = BKT_CHANGE_DELETE,
                               .object = {.key = str(key), .last_modified_ms = BKT_TIME_NONE},
                               .read_at = read_at};
}

static struct bkt_change touch(const char *key, const char *etag, uint64_t read_at)
{
    return (struct bkt_change){
        .op = BKT_CHANGE_TOUCH,
        .object = {.key = str(key), .etag = str(etag), .last_modified_ms = BKT_TIME_NONE},
        .read_at = read_at};
}

static struct bkt_change broken(const char *key,
                                const char *etag,
                                bool by_content,
                                uint64_t read_at)
{
    return (struct bkt_change){
        .op = BKT_CHANGE_FAIL,
        .object = {.key = str(key), .etag = str(etag), .last_modified_ms = BKT_TIME_NONE},
        .failed_by_content = by_content,
        .reason = BKT_STR("it could not be read"),
        .read_at = read_at};
}

/* Apply and give back the clock. */
static uint64_t apply(struct bkt_table_target t, struct bkt_change *changes, size_t count)
{
    struct bkt_error err = {0};
    struct bkt_clock clock;
    must(t.ops->apply(t.self, changes, count, false, &clock, &err), &err);
    return clock.clock;
}

static enum bkt_outcome outcome_of(struct bkt_table_target t, struct bkt_change change)
{
    (void)apply(t, &change, 1);
    return change.outcome;
}

/* State rows, copied out of a scan. */
struct seen {
    char key[1100];
    size_t key_len;
    char etag[40];
    char failed_etag[40];
    struct bkt_state_row row;
};

struct collection {
    struct seen *rows;
    size_t max;
    size_t count;
};

static int collect(void *ctx, const struct bkt_state_row *row, struct bkt_error *err)
{
    struct collection *all = ctx;
    (void)err;
    assert_true(all->count < all->max);
    struct seen *seen = &all->rows[all->count++];
    assert_true(row->key.len < sizeof(seen->key));
    memcpy(seen->key, row->key.ptr, row->key.len);
    seen->key_len = row->key.len;
    (void)snprintf(seen->etag, sizeof(seen->etag), "%.*s", BKT_STR_ARG(row->etag));
    (void)snprintf(seen->failed_etag, sizeof(seen->failed_etag), "%.*s",
                   BKT_STR_ARG(row->failed_etag));
    seen->row = *row;
    return BKT_OK;
}

static size_t scan(struct bkt_table_target t, struct bkt_scan range, struct seen *rows, size_t max)
{
    struct bkt_error err = {0};
    struct collection all = {.rows = rows, .max = max};
    size_t count = 0;
    must(t.ops->scan(t.self, &range, collect, &all, &count, &err), &err);
    assert_int_equal(count, all.count);
    return count;
}

static struct seen state_of(struct bkt_table_target t, const char *key)
{
    /* The range that holds `key` only begins right before it. */
    static struct seen rows[64];
    size_t count = scan(t, (struct bkt_scan){.up_to = str(key), .has_up_to = true, .limit = 64},
                        rows, T_COUNT(rows));
    struct seen none = {0};
    if (count == 0)
        return none;
    struct seen *last = &rows[count - 1];
    return last->key_len == strlen(key) && memcmp(last->key, key, last->key_len) == 0 ? *last
                                                                                      : none;
}

static void assert_row(const char *key, const char *content)
{
    struct bkt_buf found = BKT_BUF_INIT(1 << 20);
    bool is_bytes = false;
    bool exists = kit->read_row(kit->ctx, str(key), &found, &is_bytes);
    if (content) {
        assert_true(exists);
        assert_int_equal(found.len, strlen(content));
        assert_memory_equal(bkt_buf_str(&found).ptr, content, found.len);
    } else {
        assert_false(exists);
    }
    bkt_buf_clear(&found);
}

static void assert_column(const char *key, const char *column, const char *text)
{
    struct bkt_buf found = BKT_BUF_INIT(1 << 20);
    assert_true(kit->read_column(kit->ctx, str(key), column, &found));
    assert_string_equal(found.ptr, text);
    bkt_buf_clear(&found);
}

static struct bkt_clock begin_listing(struct bkt_table_target t)
{
    struct bkt_error err = {0};
    struct bkt_clock clock;
    must(t.ops->begin_listing(t.self, &clock, &err), &err);
    return clock;
}

static void stage(struct bkt_table_target t, const char *key, uint64_t read_at)
{
    struct bkt_error err = {0};
    struct bkt_absence absence = {str(key), read_at};
    must(t.ops->stage(t.self, &absence, 1, &err), &err);
}

/* The keys that a sweep told of, one after the other: "-a ?b". */
struct told {
    char text[256];
};

static void tell(struct told *told, char mark, struct bkt_str key)
{
    size_t len = strlen(told->text);
    (void)snprintf(told->text + len, sizeof(told->text) - len, "%s%c%.*s", len > 0 ? " " : "", mark,
                   BKT_STR_ARG(key));
}

static void tell_refused(void *ctx, struct bkt_str key)
{
    tell(ctx, '?', key);
}

static void tell_deleted(void *ctx, struct bkt_str key)
{
    tell(ctx, '-', key);
}

static int sweep(struct bkt_table_target t, struct bkt_sweep *request, struct told *told)
{
    struct bkt_error err = {0};
    struct bkt_clock clock;
    *told = (struct told){0};
    request->ctx = told;
    request->refused = tell_refused;
    request->deleted = tell_deleted;
    return t.ops->sweep(t.self, request, &clock, &err);
}

static uint64_t count_failed(struct bkt_table_target t)
{
    struct bkt_error err = {0};
    uint64_t count = 0;
    must(t.ops->count_failed(t.self, &count, &err), &err);
    return count;
}

static void attach_makes_the_table_once(void **state)
{
    (void)state;
    struct bkt_table_target t = open_handle();
    struct bkt_attached attached = attach(t, &plain);
    assert_true(attached.is_new);
    assert_false(attached.spec_changed);
    assert_int_equal(attached.row_count, 0);
    close_handle(t);

    t = open_handle();
    struct bkt_attached again = attach(t, &plain);
    assert_false(again.is_new);
    assert_false(again.spec_changed);
    assert_false(again.columns_changed);
    assert_memory_equal(&again.clock, &attached.clock, sizeof(again.clock));
    close_handle(t);
}

static void a_table_belongs_to_one_source(void **state)
{
    (void)state;
    struct bkt_table_target t = open_attached(&plain);
    struct bkt_change change = put("a", "1", "A", 0);
    (void)apply(t, &change, 1);
    close_handle(t);

    struct bkt_table_spec foreign = plain;
    foreign.source = BKT_STR("s3://another");
    struct bkt_error err = {0};
    struct bkt_attached attached;
    t = open_handle();
    assert_int_equal(t.ops->attach(t.self, &foreign, &attached, &err), BKT_EFOREIGN);
    assert_non_null(strstr(err.message, "s3://bucket"));
    assert_false(err.retriable);
    assert_false(attach(t, &plain).spec_changed);
    close_handle(t);
}

/* A misspelled bucket does not keep the right one out. */
static void a_source_of_which_nothing_came_has_no_claim(void **state)
{
    (void)state;
    struct bkt_table_spec misspelled = plain;
    misspelled.source = BKT_STR("s3://bukcet");
    struct bkt_table_target old = open_attached(&misspelled);
    struct bkt_table_target t = open_handle();
    struct bkt_attached attached = attach(t, &plain);
    assert_true(attached.spec_changed);
    struct bkt_change change = put("a", "1", "A", attached.clock.clock);
    (void)apply(t, &change, 1);
    close_handle(old);
    close_handle(t);

    struct bkt_error err = {0};
    t = open_handle();
    assert_int_equal(t.ops->attach(t.self, &misspelled, &attached, &err), BKT_EFOREIGN);
    assert_false(attach(t, &plain).spec_changed);
    close_handle(t);
}

/* One that was listed and is empty does: that is what the table holds. */
static void an_empty_source_has_a_claim(void **state)
{
    (void)state;
    struct bkt_error err = {0};
    struct bkt_listing_record record = {.ended_wall_ms = 1709287200000};
    struct bkt_table_target t = open_attached(&plain);
    (void)begin_listing(t);
    must(t.ops->end_listing(t.self, &record, &err), &err);
    close_handle(t);
    struct bkt_table_spec foreign = plain;
    foreign.source = BKT_STR("s3://another");
    struct bkt_attached attached;
    t = open_handle();
    assert_int_equal(t.ops->attach(t.self, &foreign, &attached, &err), BKT_EFOREIGN);
    close_handle(t);
}

static void another_spec_takes_an_epoch_and_stops_the_others(void **state)
{
    (void)state;
    if (kit->has_one_writer)
        return;
    struct bkt_table_target old = open_attached(&plain);
    struct bkt_table_target new = open_handle();
    struct bkt_attached attached = attach(new, &other_spec);
    assert_true(attached.spec_changed);
    assert_false(attached.is_new);
    assert_int_equal(clock_of(old).epoch, attached.clock.epoch);

    struct bkt_error err = {0};
    struct bkt_change change = put("a", "1", "A", attached.clock.clock);
    struct bkt_clock clock;
    struct bkt_absence absence = {BKT_STR("a"), attached.clock.clock};
    struct bkt_listing_record record = {0};
    int apply_rc = old.ops->apply(old.self, &change, 1, false, &clock, &err);
    assert_int_equal(apply_rc, BKT_EFOREIGN);
    assert_int_equal(old.ops->begin_listing(old.self, &clock, &err), BKT_EFOREIGN);
    assert_int_equal(old.ops->stage(old.self, &absence, 1, &err), BKT_EFOREIGN);
    assert_int_equal(old.ops->end_listing(old.self, &record, &err), BKT_EFOREIGN);
    assert_row("a", NULL);
    assert_int_equal(clock_of(new).clock, attached.clock.clock);

    assert_false(attach(old, &other_spec).spec_changed);
    assert_int_equal(outcome_of(old, change), BKT_OUTCOME_APPLIED);
    close_handle(old);
    close_handle(new);
}

static const unsigned a_class = 0x00abcd00;

static void an_upsert_writes_row_and_state(void **state)
{
    (void)state;
    struct bkt_table_target t = open_attached(&plain);
    uint64_t read_at = clock_of(t).clock;
    struct bkt_change changes[] = {put("a", "etag-a", "A", read_at), put("b", "", "B", read_at)};
    changes[0].replaced = true;
    changes[0].decode = 7;
    changes[0].class_mark = BKT_STATE_CLASS; /* the largest there is */
    uint64_t clock = apply(t, changes, 2);
    assert_int_equal(changes[0].outcome, BKT_OUTCOME_APPLIED);
    assert_false(changes[0].had_row);
    assert_true(clock > read_at);
    assert_int_equal(clock_of(t).clock, clock);

    struct seen seen = state_of(t, "a");
    assert_string_equal(seen.etag, "etag-a");
    assert_int_equal(seen.row.flags, BKT_STATE_ROW | BKT_STATE_REPLACED | BKT_STATE_CLASS);
    assert_int_equal(seen.row.decode, 7);
    assert_int_equal(seen.row.size, 1);
    assert_int_equal(seen.row.last_modified_ms, 1700000000000);
    assert_true(seen.row.revision > read_at && seen.row.revision <= clock);
    assert_row("a", "A");
    assert_row("b", "B");

    struct bkt_change again = put("a", "etag-2", "A2", clock);
    (void)apply(t, &again, 1);
    assert_true(again.had_row);
    assert_row("a", "A2");
    assert_int_equal(state_of(t, "a").row.flags, BKT_STATE_ROW);
    close_handle(t);
    t = open_handle();
    assert_int_equal(attach(t, &plain).row_count, 2);
    close_handle(t);
}

static void a_late_read_is_refused_and_its_neighbors_are_not(void **state)
{
    (void)state;
    struct bkt_table_target t = open_attached(&plain);
    uint64_t early = clock_of(t).clock;
    struct bkt_change first = put("b", "2", "new", early);
    uint64_t clock = apply(t, &first, 1);

    struct bkt_change changes[] = {put("a", "1", "A", early), put("b", "1", "old", early),
                                   put("c", "1", "C", early)};
    (void)apply(t, changes, 3);
    assert_int_equal(changes[0].outcome, BKT_OUTCOME_APPLIED);
    assert_int_equal(changes[1].outcome, BKT_OUTCOME_REFUSED);
    assert_int_equal(changes[2].outcome, BKT_OUTCOME_APPLIED);
    assert_row("b", "new");
    assert_string_equal(state_of(t, "b").etag, "2");

    assert_int_equal(outcome_of(t, gone("b", early)), BKT_OUTCOME_REFUSED);
    assert_int_equal(outcome_of(t, touch("b", "2", early)), BKT_OUTCOME_REFUSED);
    assert_int_equal(outcome_of(t, broken("b", "1", true, early)), BKT_OUTCOME_REFUSED);
    assert_int_equal(state_of(t, "b").row.revision, clock);
    assert_int_equal(outcome_of(t, put("b", "3", "newer", clock)), BKT_OUTCOME_APPLIED);
    close_handle(t);
}

static void a_listing_refuses_what_was_read_before_it(void **state)
{
    (void)state;
    struct bkt_table_target t = open_attached(&plain);
    uint64_t early = clock_of(t).clock;
    struct bkt_clock listing = begin_listing(t);
    assert_int_equal(listing.floor, listing.clock);
    assert_true(listing.floor > early);
    assert_int_equal(clock_of(t).floor, listing.floor);
    assert_int_equal(outcome_of(t, put("a", "1", "A", early)), BKT_OUTCOME_REFUSED);
    assert_int_equal(outcome_of(t, gone("a", early)), BKT_OUTCOME_REFUSED);
    assert_int_equal(outcome_of(t, broken("a", "1", false, early)), BKT_OUTCOME_REFUSED);
    assert_int_equal(state_of(t, "a").key_len, 0);
    assert_int_equal(outcome_of(t, put("a", "1", "A", listing.clock)), BKT_OUTCOME_APPLIED);
    close_handle(t);
}

static void a_touch_holds_only_for_the_etag_of_the_row(void **state)
{
    (void)state;
    struct bkt_table_target t = open_attached(&plain);
    struct bkt_change change = put("a", "1", "A", clock_of(t).clock);
    change.decode = 3;
    change.replaced = true;
    change.class_mark = a_class;
    uint64_t clock = apply(t, &change, 1);

    assert_int_equal(outcome_of(t, touch("a", "2", clock)), BKT_OUTCOME_REFUSED);
    assert_int_equal(outcome_of(t, touch("b", "1", clock)), BKT_OUTCOME_REFUSED);
    assert_int_equal(state_of(t, "b").key_len, 0);
    assert_int_equal(state_of(t, "a").row.revision, clock);

    assert_int_equal(outcome_of(t, touch("a", "1", clock)), BKT_OUTCOME_APPLIED);
    struct seen seen = state_of(t, "a");
    assert_true(seen.row.revision > clock);
    assert_int_equal(seen.row.flags, BKT_STATE_ROW | BKT_STATE_REPLACED | a_class);
    assert_int_equal(seen.row.decode, 3);
    assert_row("a", "A");

    clock = clock_of(t).clock;
    assert_int_equal(outcome_of(t, gone("a", clock)), BKT_OUTCOME_APPLIED);
    clock = clock_of(t).clock;
    assert_int_equal(outcome_of(t, touch("a", "1", clock)), BKT_OUTCOME_REFUSED);
    assert_int_equal(outcome_of(t, touch("a", "", clock)), BKT_OUTCOME_REFUSED);
    close_handle(t);
}

static void a_tombstone_fences_late_reads_off(void **state)
{
    (void)state;
    struct bkt_table_target t = open_attached(&plain);
    uint64_t early = clock_of(t).clock;
    assert_int_equal(outcome_of(t, gone("never", early)), BKT_OUTCOME_APPLIED);
    struct seen seen = state_of(t, "never");
    assert_int_equal(seen.key_len, 5);
    assert_int_equal(seen.row.flags, 0);
    assert_int_equal(outcome_of(t, put("never", "1", "late", early)), BKT_OUTCOME_REFUSED);
    assert_row("never", NULL);

    /* A listing may drop it: the floor refuses the same reads. */
    (void)begin_listing(t);
    assert_int_equal(state_of(t, "never").key_len, 0);
    assert_int_equal(outcome_of(t, put("never", "1", "late", early)), BKT_OUTCOME_REFUSED);

    struct bkt_change change = put("a", "1", "A", clock_of(t).clock);
    uint64_t clock = apply(t, &change, 1);
    change = gone("a", clock);
    (void)apply(t, &change, 1);
    assert_true(change.had_row);
    seen = state_of(t, "a");
    assert_int_equal(seen.row.flags, 0);
    assert_string_equal(seen.etag, "");
    assert_row("a", NULL);
    close_handle(t);
}

static void a_failure_keeps_the_row_and_is_cleared_by_success(void **state)
{
    (void)state;
    struct bkt_table_target t = open_attached(&plain);
    struct bkt_change changes[] = {put("a", "1", "A", 0), put("b", "1", "B", 0)};
    changes[0].read_at = changes[1].read_at = clock_of(t).clock;
    changes[1].class_mark = a_class;
    uint64_t clock = apply(t, changes, 2);
    struct bkt_change failures[] = {broken("a", "2", true, clock), broken("b", "", false, clock),
                                    broken("c", "9", true, clock)};
    failures[2].reason.len = 0;
    clock = apply(t, failures, 3);
    assert_int_equal(count_failed(t), 3);

    struct seen seen = state_of(t, "a");
    assert_string_equal(seen.etag, "1");
    assert_string_equal(seen.failed_etag, "2");
    assert_int_equal(seen.row.flags, BKT_STATE_ROW | BKT_STATE_FAILED | BKT_STATE_FAILED_CONTENT);
    assert_int_equal(seen.row.size, 1);
    assert_int_equal(seen.row.revision, clock);
    seen = state_of(t, "b");
    assert_int_equal(seen.row.flags, BKT_STATE_ROW | BKT_STATE_FAILED | a_class);
    assert_string_equal(seen.failed_etag, "");
    seen = state_of(t, "c");
    assert_int_equal(seen.row.flags, BKT_STATE_FAILED | BKT_STATE_FAILED_CONTENT);
    assert_row("a", "A");
    assert_row("c", NULL);

    /* Failures outlive a listing's cleaning; they are no tombstones. */
    clock = begin_listing(t).clock;
    assert_int_equal(state_of(t, "c").key_len, 1);
    struct bkt_change successes[] = {put("a", "2", "A2", clock), touch("b", "1", clock),
                                     gone("c", clock)};
    (void)apply(t, successes, 3);
    assert_int_equal(successes[1].outcome, BKT_OUTCOME_APPLIED);
    assert_int_equal(count_failed(t), 0);
    assert_int_equal(state_of(t, "a").row.flags, BKT_STATE_ROW);
    assert_string_equal(state_of(t, "a").failed_etag, "");
    assert_int_equal(state_of(t, "b").row.flags, BKT_STATE_ROW | a_class);
    assert_int_equal(state_of(t, "c").row.flags, 0);
    close_handle(t);
}

static void a_sweep_removes_what_the_read_clock_allows(void **state)
{
    (void)state;
    struct bkt_table_target t = open_attached(&plain);
    struct bkt_change changes[] = {put("a", "1", "A", 0), put("b", "1", "B", 0),
                                   put("c", "1", "C", 0), put("d", "1", "D", 0)};
    for (size_t i = 0; i < 4; i++)
        changes[i].read_at = clock_of(t).clock;
    uint64_t before = apply(t, changes, 4);
    uint64_t page = begin_listing(t).clock;
    assert_int_equal(outcome_of(t, put("b", "2", "newer", page)), BKT_OUTCOME_APPLIED);
    assert_int_equal(outcome_of(t, broken("x", "", false, page)), BKT_OUTCOME_APPLIED);
    uint64_t late = clock_of(t).clock;

    stage(t, "a", page);
    stage(t, "a", before); /* the page that was read last is the better witness */
    stage(t, "b", page);   /* committed anew after the page was read */
    stage(t, "d", before); /* read before the listing's own floor */
    stage(t, "unknown", page);
    stage(t, "x", late);
    struct bkt_sweep request = {.is_limited = true, .limit = 1};
    struct told told;
    assert_int_equal(sweep(t, &request, &told), BKT_OK);
    assert_string_equal(told.text, "-a ?b ?d");
    assert_int_equal(request.row_count, 1);
    assert_row("a", NULL);
    assert_row("b", "newer");
    assert_row("d", "D");
    assert_int_equal(state_of(t, "a").row.flags, 0);
    assert_true(state_of(t, "a").row.revision > late);
    assert_int_equal(state_of(t, "unknown").key_len, 0);
    assert_int_equal(state_of(t, "x").row.flags, 0);
    assert_int_equal(count_failed(t), 0);
    close_handle(t);
    t = open_handle();
    assert_int_equal(attach(t, &plain).row_count, 3);
    close_handle(t);
}

static void a_sweep_over_the_limit_removes_nothing(void **state)
{
    (void)state;
    struct bkt_table_target t = open_attached(&plain);
    struct bkt_change changes[] = {put("a", "1", "A", 0), put("b", "1", "B", 0)};
    (void)apply(t, changes, 2);
    uint64_t page = begin_listing(t).clock;
    stage(t, "a", page);
    stage(t, "b", page);
    struct bkt_sweep request = {.is_limited = true, .limit = 1};
    struct told told;
    assert_int_equal(sweep(t, &request, &told), BKT_EGUARD);
    assert_int_equal(request.row_count, 2);
    assert_string_equal(told.text, "");
    assert_row("a", "A");
    assert_row("b", "B");

    request = (struct bkt_sweep){.is_limited = true, .limit = 2};
    assert_int_equal(sweep(t, &request, &told), BKT_OK);
    assert_string_equal(told.text, "-a -b");
    close_handle(t);
}

static void a_listing_drops_what_the_one_before_staged(void **state)
{
    (void)state;
    struct bkt_table_target t = open_attached(&plain);
    struct bkt_change change = put("a", "1", "A", 0);
    (void)apply(t, &change, 1);
    stage(t, "a", begin_listing(t).clock);
    (void)begin_listing(t);
    struct bkt_sweep request = {0};
    struct told told;
    assert_int_equal(sweep(t, &request, &told), BKT_OK);
    assert_string_equal(told.text, "");
    assert_row("a", "A");
    close_handle(t);
}

/* What a listing that was overtaken may no longer do, whatever it does first. */
static void assert_is_overtaken(struct bkt_table_target t, uint64_t page)
{
    struct bkt_error err = {0};
    struct bkt_absence absence = {str("b"), page};
    struct bkt_listing_record record = {0};
    struct bkt_sweep request = {0};
    struct told told;
    assert_int_equal(t.ops->stage(t.self, &absence, 1, &err), BKT_EBUSY);
    assert_false(err.retriable);
    assert_int_equal(sweep(t, &request, &told), BKT_EBUSY);
    assert_string_equal(told.text, "");
    assert_int_equal(request.row_count, 0);
    assert_int_equal(t.ops->end_listing(t.self, &record, &err), BKT_EBUSY);
    assert_false(err.retriable);
}

static void a_listing_that_was_overtaken_is_told_so(void **state)
{
    (void)state;
    struct bkt_error err = {0};
    struct bkt_listing_record record = {0};
    struct bkt_table_target t = open_attached(&plain);
    struct bkt_table_target u = open_attached(&plain);
    struct bkt_change changes[] = {put("a", "1", "A", 0), put("b", "1", "B", 0)};
    (void)apply(t, changes, 2);
    uint64_t page = begin_listing(t).clock;
    stage(t, "a", page);
    uint64_t newer_page = begin_listing(u).clock;
    stage(u, "b", newer_page);
    assert_is_overtaken(t, page);

    struct bkt_sweep request = {.is_limited = true, .limit = 1};
    struct told told;
    assert_int_equal(sweep(u, &request, &told), BKT_OK);
    assert_string_equal(told.text, "-b");
    must(u.ops->end_listing(u.self, &record, &err), &err);
    assert_row("a", "A");

    /* It begins anew, and the other one is told so. */
    page = begin_listing(t).clock;
    assert_is_overtaken(u, page);
    stage(t, "a", page);
    if (kit->has_one_writer) {
        assert_int_equal(sweep(t, &request, &told), BKT_EFOREIGN);
    } else {
        assert_int_equal(sweep(t, &request, &told), BKT_OK);
        assert_string_equal(told.text, "-a");
        must(t.ops->end_listing(t.self, &record, &err), &err);
    }
    close_handle(t);
    close_handle(u);
}

enum { MANY = 12000, MANY_STEP = 1000 };

static void count_key(void *ctx, struct bkt_str key)
{
    (void)key;
    ++*(size_t *)ctx;
}

static void a_sweep_goes_on_past_one_transaction(void **state)
{
    (void)state;
    struct bkt_error err = {0};
    struct bkt_table_target t = open_attached(&plain);
    static char keys[MANY][8];
    static struct bkt_change changes[MANY_STEP];
    static struct bkt_absence absences[MANY];
    for (size_t i = 0; i < MANY; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "k%05zu", i);
        changes[i % MANY_STEP] = put(keys[i], "1", "x", clock_of(t).clock);
        if (i % MANY_STEP == MANY_STEP - 1)
            (void)apply(t, changes, MANY_STEP);
    }
    uint64_t page = begin_listing(t).clock;
    for (size_t i = 0; i < MANY; i++)
        absences[i] = (struct bkt_absence){str(keys[i]), page};
    must(t.ops->stage(t.self, absences, MANY - 1, &err), &err);
    size_t deleted = 0;
    struct bkt_clock clock;
    struct bkt_sweep request = {.deleted = count_key, .ctx = &deleted};
    must(t.ops->sweep(t.self, &request, &clock, &err), &err);
    assert_int_equal(deleted, MANY - 1);
    assert_int_equal(request.row_count, MANY - 1);
    assert_int_equal(clock.clock, clock_of(t).clock);
    assert_row(keys[MANY - 2], NULL);
    assert_row(keys[MANY - 1], "x");
    close_handle(t);
}

/* Begins a listing of its own, of which every key is absent, when the first row is gone. */
struct rival {
    struct bkt_table_target target;
    const struct bkt_absence *absences;
    size_t deleted;
    size_t refused;
};

static void begin_rival(void *ctx, struct bkt_str key)
{
    (void)key;
    struct rival *rival = ctx;
    if (rival->deleted++ > 0)
        return;
    struct bkt_error err = {0};
    static struct bkt_absence absences[MANY];
    uint64_t page = begin_listing(rival->target).clock;
    for (size_t i = 0; i < MANY; i++)
        absences[i] = (struct bkt_absence){rival->absences[i].key, page};
    must(rival->target.ops->stage(rival->target.self, absences, MANY, &err), &err);
}

static void count_refused(void *ctx, struct bkt_str key)
{
    (void)key;
    ((struct rival *)ctx)->refused++;
}

static void a_sweep_that_is_overtaken_takes_nothing_of_the_other(void **state)
{
    (void)state;
    if (kit->has_one_writer)
        return;
    struct bkt_error err = {0};
    struct rival rival = {.target = open_attached(&plain)};
    struct bkt_table_target t = open_attached(&plain);
    static char keys[MANY][8];
    static struct bkt_change changes[MANY];
    static struct bkt_absence absences[MANY];
    for (size_t i = 0; i < MANY; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "k%05zu", i);
        changes[i] = put(keys[i], "1", "x", 0);
    }
    (void)apply(t, changes, MANY);
    uint64_t page = begin_listing(t).clock;
    for (size_t i = 0; i < MANY; i++)
        absences[i] = (struct bkt_absence){str(keys[i]), page};
    rival.absences = absences;
    must(t.ops->stage(t.self, absences, MANY, &err), &err);
    struct bkt_clock clock;
    struct bkt_sweep request = {.deleted = begin_rival, .refused = count_refused, .ctx = &rival};
    assert_int_equal(t.ops->sweep(t.self, &request, &clock, &err), BKT_EBUSY);
    assert_true(rival.deleted > 0 && rival.deleted < MANY);
    assert_int_equal(rival.refused, 0);
    assert_row(keys[rival.deleted - 1], NULL);
    assert_row(keys[rival.deleted], "x");
    close_handle(t);
    close_handle(rival.target);
}

static void keys_are_bytes(void **state)
{
    (void)state;
    static char longest[1025];
    memset(longest, 'k', sizeof(longest) - 1);
    /* In the order of their bytes. */
    const char *keys[] = {
        " ",         "-x",    "A",          "a",        "a/b", "emoji/\xf0\x9f\x98\x80",
        "e\xcc\x81", longest, "l\\n\"';--", "\xc3\xa9",
    };
    struct bkt_table_target t = open_attached(&plain);
    struct bkt_change changes[T_COUNT(keys)];
    char contents[T_COUNT(keys)][8];
    for (size_t i = 0; i < T_COUNT(keys); i++) {
        (void)snprintf(contents[i], sizeof(contents[i]), "%zu", i);
        changes[i] = put(keys[i], "1", contents[i], clock_of(t).clock);
    }
    (void)apply(t, changes, T_COUNT(keys));
    struct seen seen[T_COUNT(keys) + 1];
    size_t count = scan(t, (struct bkt_scan){.limit = 100}, seen, T_COUNT(seen));
    assert_int_equal(count, T_COUNT(keys));
    for (size_t i = 0; i < T_COUNT(keys); i++) {
        print_message("# %.20s\n", keys[i]);
        assert_int_equal(seen[i].key_len, strlen(keys[i]));
        assert_memory_equal(seen[i].key, keys[i], seen[i].key_len);
        assert_row(keys[i], contents[i]);
    }
    close_handle(t);
}

static void keys_that_are_no_text_are_rows_where_the_target_can(void **state)
{
    (void)state;
    if (!kit->can_hold_bytes)
        return;
    struct bkt_table_target t = open_attached(&plain);
    struct bkt_change changes[] = {put("\xc3", "1", "c3", 0), put("\xfe", "1", "fe", 0),
                                   put("\xff", "1", "ff", 0), put("\xff/", "1", "ff/", 0)};
    (void)apply(t, changes, T_COUNT(changes));
    struct seen seen[8];
    assert_int_equal(scan(t, (struct bkt_scan){.after = BKT_STR("\xfe"), .limit = 100}, seen, 8),
                     2);
    assert_int_equal(seen[0].key_len, 1);
    assert_memory_equal(seen[0].key, "\xff", 1);
    assert_row("\xc3", "c3");
    assert_row("\xff", "ff");
    assert_int_equal(outcome_of(t, gone("\xff", clock_of(t).clock)), BKT_OUTCOME_APPLIED);
    assert_row("\xff", NULL);
    assert_row("\xff/", "ff/");
    close_handle(t);
}

static int stop_at_second(void *ctx, const struct bkt_state_row *row, struct bkt_error *err)
{
    (void)row;
    return ++*(int *)ctx < 2 ? BKT_OK : bkt_error_set(err, BKT_ECANCELED, "enough");
}

static void a_scan_keeps_to_its_range(void **state)
{
    (void)state;
    struct bkt_table_target t = open_attached(&plain);
    struct bkt_change changes[] = {put("a", "1", "", 0), put("a/b", "1", "", 0),
                                   put("b", "1", "", 0), put("c", "1", "", 0)};
    (void)apply(t, changes, T_COUNT(changes));
    static const struct {
        const char *after;
        const char *up_to;
        size_t limit;
        const char *keys;
    } cases[] = {
        {"", NULL, 100, "a a/b b c"},
        {"a", NULL, 100, "a/b b c"},
        {"", "b", 100, "a a/b b"},
        {"a", "a/b", 100, "a/b"},
        {"a0", "bz", 100, "b"},
        {"", NULL, 2, "a a/b"},
        {"c", NULL, 100, ""},
        {"b", "b", 100, ""},
        {"", "", 100, ""},
        {"", NULL, 0, ""},
        {"", NULL, SIZE_MAX, "a a/b b c"},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# (%s, %s]\n", cases[i].after, cases[i].up_to ? cases[i].up_to : "end");
        struct bkt_scan range = {.after = str(cases[i].after), .limit = cases[i].limit};
        range.has_up_to = cases[i].up_to != NULL;
        range.up_to = str(cases[i].up_to);
        struct seen seen[8];
        size_t count = scan(t, range, seen, T_COUNT(seen));
        struct told told = {0};
        for (size_t k = 0; k < count; k++) {
            size_t len = strlen(told.text);
            (void)snprintf(told.text + len, sizeof(told.text) - len, "%s%.*s", len ? " " : "",
                           (int)seen[k].key_len, seen[k].key);
        }
        assert_string_equal(told.text, cases[i].keys);
    }

    int calls = 0;
    size_t count = 0;
    struct bkt_error err = {0};
    struct bkt_scan all = {.limit = 100};
    int rc = t.ops->scan(t.self, &all, stop_at_second, &calls, &count, &err);
    assert_int_equal(rc, BKT_ECANCELED);
    assert_string_equal(err.message, "enough");
    assert_int_equal(calls, 2);
    close_handle(t);
}

static void contents_come_back_byte_for_byte(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct bkt_str content;
        bool is_bytes;
        bool wants_nul;
    } cases[] = {
        {"empty", {"", 0}, false, false},
        {"empty, no pointer", {NULL, 0}, false, false},
        {"text", {"h\xc3\xa9llo\n", 7}, false, false},
        {"NULs", {"a\0b\0", 4}, false, true},
        {"bytes that are no text", {"\xff\xfe\x00\x80", 4}, true, false},
        {"empty bytes", {"", 0}, true, false},
    };
    struct bkt_table_target t = open_attached(&plain);
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# %s\n", cases[i].name);
        if ((cases[i].wants_nul && !kit->can_hold_nul) ||
            (cases[i].is_bytes && !kit->can_hold_bytes))
            continue;
        struct bkt_change change = put("k", "1", "", clock_of(t).clock);
        change.content = cases[i].content;
        change.content_is_bytes = cases[i].is_bytes;
        assert_int_equal(outcome_of(t, change), BKT_OUTCOME_APPLIED);
        struct bkt_buf found = BKT_BUF_INIT(1 << 10);
        bool is_bytes = false;
        assert_true(kit->read_row(kit->ctx, BKT_STR("k"), &found, &is_bytes));
        assert_true(bkt_str_eq(bkt_buf_str(&found), cases[i].content));
        if (!kit->is_untyped)
            assert_int_equal(is_bytes, cases[i].is_bytes);
        bkt_buf_clear(&found);
    }
    close_handle(t);
}

static void what_is_too_large_is_rejected_and_its_neighbors_are_not(void **state)
{
    (void)state;
    if (kit->content_max == 0)
        return;
    char *content = calloc(1, kit->content_max + 1);
    assert_non_null(content);
    struct bkt_table_target t = open_attached(&plain);
    struct bkt_change changes[] = {put("a", "1", "A", 0), put("b", "1", "", 0),
                                   put("c", "1", "C", 0)};
    changes[1].content = (struct bkt_str){content, kit->content_max + 1};
    uint64_t clock = apply(t, changes, 3);
    assert_int_equal(changes[0].outcome, BKT_OUTCOME_APPLIED);
    assert_int_equal(changes[1].outcome, BKT_OUTCOME_REJECTED);
    assert_int_equal(changes[2].outcome, BKT_OUTCOME_APPLIED);
    assert_true(changes[1].reject_reason[0] != '\0');
    assert_row("a", "A");
    assert_row("b", NULL);
    assert_row("c", "C");
    assert_int_equal(state_of(t, "b").key_len, 0);
    assert_int_equal(outcome_of(t, put("b", "1", "B", clock)), BKT_OUTCOME_APPLIED);
    assert_row("b", "B");
    close_handle(t);
    t = open_handle();
    assert_int_equal(attach(t, &plain).row_count, 3);
    assert_int_equal(count_failed(t), 0);
    close_handle(t);
    free(content);
}

static void a_large_content_is_a_row(void **state)
{
    (void)state;
    size_t size = kit->large_bytes > 0 ? kit->large_bytes : 100 << 20;
    if (kit->content_max > 0 && kit->content_max < size)
        return;
    struct bkt_table_target t = open_attached(&plain);
    char *content = malloc(size);
    assert_non_null(content);
    memset(content, 'x', size);
    content[size - 1] = 'y';
    struct bkt_change change = put("large", "1", "", clock_of(t).clock);
    change.content = (struct bkt_str){content, size};
    assert_int_equal(outcome_of(t, change), BKT_OUTCOME_APPLIED);
    struct bkt_buf found = BKT_BUF_INIT(size);
    bool is_bytes = false;
    assert_true(kit->read_row(kit->ctx, BKT_STR("large"), &found, &is_bytes));
    assert_true(bkt_str_eq(bkt_buf_str(&found), change.content));
    bkt_buf_clear(&found);
    free(content);
    close_handle(t);
}

static const struct bkt_table_spec all_columns = {.source = {"s3://bucket", 11},
                                                  .spec = {"{\"columns\":7}", 13},
                                                  .columns = (1u << BKT_COLUMN_COUNT) - 1};

static void columns_are_written_and_touched(void **state)
{
    (void)state;
    if (!kit->read_column)
        return;
    struct bkt_table_target t = open_attached(&all_columns);
    struct bkt_change bare = put("a", "", "A", clock_of(t).clock);
    bare.object.last_modified_ms = BKT_TIME_NONE;
    struct bkt_change full = put("b", "e", "B", clock_of(t).clock);
    full.object.storage_class = BKT_STR("GLACIER");
    full.extra = (struct bkt_object_extra){.version_id = BKT_STR("v1"),
                                           .content_type = BKT_STR("text/plain"),
                                           .metadata = BKT_STR("{\"m\":\"1\"}")};
    struct bkt_change changes[] = {bare, full};
    uint64_t clock = apply(t, changes, 2);
    assert_column("a", "etag", "NULL");
    assert_column("a", "size", "1");
    assert_column("a", "last_modified", "NULL");
    assert_column("a", "version_id", "NULL");
    assert_column("a", "storage_class", "STANDARD");
    assert_column("a", "content_type", "NULL");
    assert_column("a", "metadata", "{}");
    assert_column("b", "etag", "e");
    assert_column("b", "last_modified", "2023-11-14T22:13:20Z");
    assert_column("b", "version_id", "v1");
    assert_column("b", "storage_class", "GLACIER");
    assert_column("b", "content_type", "text/plain");
    assert_column("b", "metadata", "{\"m\":\"1\"}");
    if (kit->is_whole) {
        close_handle(t);
        return;
    }

    /* A touch changes what it is told and keeps what it is not. */
    struct bkt_change change = touch("b", "e", clock);
    change.object.last_modified_ms = 1700000000250;
    change.object.storage_class = BKT_STR("STANDARD_IA");
    assert_int_equal(outcome_of(t, change), BKT_OUTCOME_APPLIED);
    assert_column("b", "last_modified", "2023-11-14T22:13:20.250Z");
    assert_column("b", "storage_class", "STANDARD_IA");
    assert_column("b", "version_id", "v1");
    assert_column("b", "content_type", "text/plain");
    assert_column("b", "size", "1");
    assert_int_equal(state_of(t, "b").row.last_modified_ms, 1700000000250);
    close_handle(t);
}

static void changed_columns_are_followed(void **state)
{
    (void)state;
    struct bkt_table_target t = open_attached(&all_columns);
    assert_int_equal(outcome_of(t, put("a", "e", "A", 0)), BKT_OUTCOME_APPLIED);
    struct bkt_table_spec fewer = other_spec;
    fewer.columns = BKT_COLUMN_ETAG;
    struct bkt_attached attached = attach(t, &fewer);
    assert_true(attached.spec_changed);
    assert_false(attached.columns_changed);
    assert_row("a", "A");
    if (kit->read_column)
        assert_column("a", "etag", "e");

    attached = attach(t, &all_columns);
    assert_true(attached.columns_changed);
    if (kit->read_column && !kit->is_whole)
        assert_column("a", "size", "NULL");
    struct bkt_change change = put("a", "e", "A", attached.clock.clock);
    assert_int_equal(outcome_of(t, change), BKT_OUTCOME_APPLIED);
    if (kit->read_column)
        assert_column("a", "size", "1");
    close_handle(t);
}

static void a_change_to_bytes_keeps_the_rows_until_they_are_read_again(void **state)
{
    (void)state;
    struct bkt_table_target t = open_attached(&plain);
    assert_int_equal(outcome_of(t, put("a", "e", "A", 0)), BKT_OUTCOME_APPLIED);
    struct bkt_table_spec binary = other_spec;
    binary.binary = true;
    struct bkt_attached attached = attach(t, &binary);
    assert_true(attached.columns_changed);
    assert_int_equal(attached.row_count, 1);
    assert_row("a", "A");
    struct bkt_change change = put("a", "e", "A", attached.clock.clock);
    assert_int_equal(outcome_of(t, change), BKT_OUTCOME_APPLIED);
    struct bkt_buf found = BKT_BUF_INIT(1 << 10);
    bool is_bytes = false;
    assert_true(kit->read_row(kit->ctx, BKT_STR("a"), &found, &is_bytes));
    assert_true(is_bytes || kit->is_untyped);
    bkt_buf_clear(&found);
    assert_true(attach(t, &plain).columns_changed);
    assert_row("a", "A");
    close_handle(t);
}

static void boundaries_are_kept(void **state)
{
    (void)state;
    struct bkt_error err = {0};
    struct bkt_buf found = BKT_BUF_INIT(BKT_BOUNDARIES_BYTES_MAX);
    struct bkt_table_target t = open_attached(&plain);
    must(t.ops->load_boundaries(t.self, &found, &err), &err);
    assert_int_equal(found.len, 0);
    must(t.ops->save_boundaries(t.self, BKT_STR("\0\1a"), &err), &err);
    must(t.ops->save_boundaries(t.self, BKT_STR("\0\1b"), &err), &err);
    if (!kit->is_volatile) {
        close_handle(t);
        t = open_attached(&plain);
    }
    must(t.ops->load_boundaries(t.self, &found, &err), &err);
    assert_true(bkt_str_eq(bkt_buf_str(&found), BKT_STR("\0\1b")));
    close_handle(t);
    bkt_buf_clear(&found);
}

static struct bkt_table_target look(void)
{
    struct bkt_error err = {0};
    struct bkt_table_target l;
    must(kit->look(kit->ctx, &l, &err), &err);
    return l;
}

static struct bkt_attached peek(struct bkt_table_target l, const struct bkt_table_spec *spec)
{
    struct bkt_error err = {0};
    struct bkt_attached attached;
    must(l.ops->peek(l.self, spec, &attached, &err), &err);
    return attached;
}

static struct bkt_attached peek_once(const struct bkt_table_spec *spec)
{
    struct bkt_table_target l = look();
    struct bkt_attached attached = peek(l, spec);
    close_handle(l);
    return attached;
}

static void a_look_tells_what_attaching_would_find(void **state)
{
    (void)state;
    if (!kit->look)
        return;
    struct bkt_error err = {0};
    struct bkt_attached attached = peek_once(&plain);
    assert_true(attached.is_new);
    assert_int_equal(attached.row_count, 0);
    /* Nothing was made, or the next one would find it. */
    struct bkt_table_target t = open_handle();
    assert_true(attach(t, &plain).is_new);
    struct bkt_change changes[] = {put("a", "1", "A", 0), broken("b", "", false, 0)};
    uint64_t clock = apply(t, changes, 2);

    attached = peek_once(&plain);
    assert_false(attached.is_new || attached.spec_changed || attached.columns_changed);
    assert_int_equal(attached.clock.clock, clock);
    assert_int_equal(attached.row_count, 1);
    assert_true(peek_once(&other_spec).spec_changed);
    struct bkt_table_spec spec = plain;
    spec.columns = BKT_COLUMN_SIZE;
    assert_true(peek_once(&spec).columns_changed);
    spec = plain;
    spec.binary = true;
    assert_true(peek_once(&spec).columns_changed);
    spec.source = BKT_STR("s3://another");
    struct bkt_table_target l = look();
    assert_int_equal(l.ops->peek(l.self, &spec, &attached, &err), BKT_EFOREIGN);
    assert_non_null(strstr(err.message, "s3://bucket"));
    close_handle(l);
    assert_false(attach(t, &plain).spec_changed);
    close_handle(t);
}

static void a_look_sees_one_moment(void **state)
{
    (void)state;
    if (!kit->look)
        return;
    struct bkt_error err = {0};
    struct bkt_table_target t = open_attached(&plain);
    struct bkt_change changes[] = {put("a", "1", "A", 0), broken("b", "", false, 0)};
    uint64_t clock = apply(t, changes, 2);
    struct bkt_table_target l = look();
    (void)peek(l, &plain);
    struct bkt_change later[] = {put("a", "2", "later", clock), put("b", "2", "B", clock)};
    (void)apply(t, later, 2);

    struct bkt_buf why = BKT_BUF_INIT(1000);
    struct bkt_table_row row;
    bool has_row = false;
    assert_string_equal(state_of(l, "a").etag, "1");
    assert_int_equal(state_of(l, "b").row.flags, BKT_STATE_FAILED);
    must(l.ops->read_error(l.self, str("b"), &why, &err), &err);
    assert_string_equal(bkt_buf_str(&why).ptr, "it could not be read");
    must(l.ops->find_row(l.self, str("a"), &row, &has_row, &err), &err);
    assert_true(has_row);
    assert_int_equal(row.content_len, 1);
    must(l.ops->find_row(l.self, str("b"), &row, &has_row, &err), &err);
    assert_false(has_row);
    must(l.ops->find_row(l.self, BKT_STR("\xff\0"), &row, &has_row, &err), &err);
    assert_false(has_row);
    close_handle(l);
    bkt_buf_clear(&why);
    assert_row("a", "later");
    close_handle(t);
}

enum { LOOKED_ROWS = 2500 };

/* Of every key's content or of some only, as comparing does. */
static void read_rows(struct bkt_table_target l, size_t count, size_t step)
{
    struct bkt_error err = {0};
    struct bkt_buf content = BKT_BUF_INIT(1 << 20);
    must(l.ops->begin_rows(l.self, &err), &err);
    for (size_t i = 0;; i++) {
        char key[16];
        struct bkt_table_row row;
        bool has_row = false;
        must(l.ops->next_row(l.self, &row, &has_row, &err), &err);
        assert_int_equal(has_row, i < count);
        if (!has_row)
            break;
        (void)snprintf(key, sizeof(key), "%c%zu", i < count / 2 ? 'A' : 'b', 10000 + i);
        assert_true(bkt_str_eq(row.key, str(key)));
        assert_int_equal(row.kind, BKT_CONTENT_TEXT);
        if (i % step != 0)
            continue;
        bkt_buf_reset(&content);
        must(l.ops->read_content(l.self, &content, &err), &err);
        assert_int_equal(content.len, row.content_len);
        assert_true(bkt_str_eq(bkt_buf_str(&content), row.key));
    }
    bkt_buf_clear(&content);
}

static void rows_are_told_in_the_order_of_their_bytes(void **state)
{
    (void)state;
    if (!kit->look)
        return;
    static char keys[LOOKED_ROWS][16];
    static struct bkt_change changes[LOOKED_ROWS];
    struct bkt_table_target t = open_attached(&plain);
    for (size_t i = 0; i < LOOKED_ROWS; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "%c%zu", i < LOOKED_ROWS / 2 ? 'A' : 'b',
                       10000 + i);
        changes[i] = put(keys[i], "1", keys[i], 0);
    }
    (void)apply(t, changes, LOOKED_ROWS);
    struct bkt_table_target l = look();
    (void)peek(l, &plain);
    read_rows(l, LOOKED_ROWS, 1);
    read_rows(l, LOOKED_ROWS, 7);
    close_handle(l);
    close_handle(t);
}

/* Everything that a look does, whatever fails of it; nothing is left open. */
static int look_around(void)
{
    struct bkt_error err = {0};
    struct bkt_table_target l;
    struct bkt_attached attached;
    struct bkt_table_row row;
    struct bkt_buf text = BKT_BUF_INIT(1000);
    bool has_row = false;
    int rc = kit->look(kit->ctx, &l, &err);
    if (rc)
        return rc;
    rc = l.ops->peek(l.self, &plain, &attached, &err);
    if (rc == BKT_OK)
        rc = l.ops->read_error(l.self, str("b"), &text, &err);
    if (rc == BKT_OK)
        rc = l.ops->find_row(l.self, str("a"), &row, &has_row, &err);
    if (rc == BKT_OK)
        rc = l.ops->begin_rows(l.self, &err);
    if (rc == BKT_OK)
        rc = l.ops->next_row(l.self, &row, &has_row, &err);
    if (rc == BKT_OK)
        rc = l.ops->read_content(l.self, &text, &err);
    l.ops->free(l.self);
    bkt_buf_clear(&text);
    return rc;
}

static void a_look_that_runs_out_of_memory_says_so(void **state)
{
    (void)state;
    if (!kit->look)
        return;
    struct bkt_table_target t = open_attached(&plain);
    struct bkt_change changes[] = {put("a", "1", "A", 0), broken("b", "", false, 0)};
    (void)apply(t, changes, 2);
    close_handle(t);
    T_TORTURE(look_around());
}

struct heard {
    struct bkt_status_table last;
    char text[256];
};

static int hear_table(void *ctx, const struct bkt_status_table *table, struct bkt_error *err)
{
    (void)err;
    struct heard *heard = ctx;
    size_t len = strlen(heard->text);
    heard->last = *table;
    (void)snprintf(heard->text + len, sizeof(heard->text) - len, "[%.*s of %.*s]",
                   BKT_STR_ARG(table->table), BKT_STR_ARG(table->source));
    return BKT_OK;
}

static int hear_failed(void *ctx, struct bkt_str key, struct bkt_str reason, struct bkt_error *err)
{
    (void)err;
    struct heard *heard = ctx;
    size_t len = strlen(heard->text);
    (void)snprintf(heard->text + len, sizeof(heard->text) - len, " %.*s: %.*s", BKT_STR_ARG(key),
                   BKT_STR_ARG(reason));
    return BKT_OK;
}

static int hear_status(struct heard *heard)
{
    struct bkt_error err = {0};
    struct bkt_status_told told = {.table = hear_table, .failed = hear_failed, .ctx = heard};
    *heard = (struct heard){0};
    return kit->status(kit->ctx, &told, &err);
}

static void status_tells_of_tables_and_failures(void **state)
{
    (void)state;
    if (!kit->status)
        return;
    struct heard heard;
    struct bkt_error err = {0};
    assert_int_equal(hear_status(&heard), BKT_ETARGET);
    struct bkt_table_target t = open_attached(&plain);
    struct bkt_change changes[] = {broken("a", "", false, 0), put("b", "1", "B", 0),
                                   broken("c", "", false, 0)};
    (void)apply(t, changes, 3);
    assert_int_equal(hear_status(&heard), BKT_OK);
    assert_string_equal(heard.text,
                        "[objects of s3://bucket] a: it could not be read c: it could not be read");
    assert_int_equal(heard.last.row_count, 1);
    assert_int_equal(heard.last.failed_count, 2);
    assert_int_equal(heard.last.clock, 1);
    assert_true(heard.last.updated_ms > 1700000000000);
    assert_true(heard.last.listing_ended_ms == BKT_TIME_NONE);

    struct bkt_listing_record record = {
        .ended_wall_ms = 1700000000123, .listed = 5, .matched = 3, .failed = 2};
    (void)begin_listing(t);
    must(t.ops->end_listing(t.self, &record, &err), &err);
    assert_int_equal(hear_status(&heard), BKT_OK);
    assert_int_equal(heard.last.listing_ended_ms, 1700000000123);
    assert_int_equal(heard.last.listing_listed, 5);
    assert_int_equal(heard.last.listing_matched, 3);
    assert_int_equal(heard.last.listing_failed, 2);
    close_handle(t);
    T_TORTURE(hear_status(&heard));
}

static void two_handles_share_one_clock(void **state)
{
    (void)state;
    if (kit->has_one_writer)
        return;
    struct bkt_table_target t = open_attached(&plain);
    struct bkt_table_target u = open_attached(&plain);
    uint64_t early = clock_of(u).clock;
    struct bkt_change change = put("a", "1", "t", early);
    uint64_t clock = apply(t, &change, 1);
    assert_int_equal(clock_of(u).clock, clock);
    assert_int_equal(outcome_of(u, put("a", "2", "u", early)), BKT_OUTCOME_REFUSED);
    assert_int_equal(outcome_of(u, put("a", "2", "u", clock)), BKT_OUTCOME_APPLIED);
    assert_int_equal(outcome_of(t, put("a", "3", "t", clock)), BKT_OUTCOME_REFUSED);
    assert_string_equal(state_of(t, "a").etag, "2");
    assert_row("a", "u");
    close_handle(t);
    close_handle(u);
}

static void what_was_applied_outlives_the_process(void **state)
{
    (void)state;
    if (kit->is_volatile)
        return;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct bkt_table_target t = open_attached(&plain);
        (void)outcome_of(t, put("a", "1", "A", 0));
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    struct bkt_table_target t = open_handle();
    struct bkt_attached attached = attach(t, &plain);
    assert_false(attached.is_new);
    assert_int_equal(attached.row_count, 1);
    assert_row("a", "A");
    assert_int_equal(outcome_of(t, put("a", "2", "late", 0)), BKT_OUTCOME_REFUSED);
    close_handle(t);
}

static void a_durable_commit_is_synced(void **state)
{
    (void)state;
    if (!kit->count_syncs)
        return;
    struct bkt_error err = {0};
    struct bkt_clock clock;
    struct bkt_table_target t = open_attached(&plain);
    struct bkt_change changes[] = {put("a", "1", "A", 0)};
    unsigned long before = kit->count_syncs(kit->ctx);
    must(t.ops->apply(t.self, changes, 1, false, &clock, &err), &err);
    assert_int_equal(kit->count_syncs(kit->ctx), before);
    for (int i = 0; i < 3; i++) {
        before = kit->count_syncs(kit->ctx);
        changes[0].read_at = clock.clock;
        must(t.ops->apply(t.self, changes, 1, true, &clock, &err), &err);
        assert_true(kit->count_syncs(kit->ctx) > before);
    }
    /* Also when there is nothing to change: what was committed before becomes durable. */
    before = kit->count_syncs(kit->ctx);
    must(t.ops->apply(t.self, changes, 0, true, &clock, &err), &err);
    assert_true(kit->count_syncs(kit->ctx) > before);
    close_handle(t);
}

/* Ten obvious lines: what the read clock makes of a change. */
struct model {
    uint64_t revision;
    bool exists;
    bool failed;
    int etag;
};

static bool model_apply(
    struct model *model, const struct bkt_change *change, int etag, uint64_t clock, uint64_t floor)
{
    bool fits = change->op != BKT_CHANGE_TOUCH || (model->exists && model->etag == etag);
    if (model->revision > change->read_at || floor > change->read_at || !fits)
        return false;
    model->revision = clock;
    model->failed = change->op == BKT_CHANGE_FAIL;
    if (change->op == BKT_CHANGE_UPSERT)
        model->etag = etag;
    if (change->op == BKT_CHANGE_UPSERT || change->op == BKT_CHANGE_DELETE)
        model->exists = change->op == BKT_CHANGE_UPSERT;
    return true;
}

static uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

static struct bkt_change random_change(uint32_t *seed,
                                       const char *key,
                                       const char *etag,
                                       uint64_t clock)
{
    uint32_t behind = next_random(seed) % 4;
    uint64_t read_at = clock > behind ? clock - behind : 0;
    switch (next_random(seed) % 4) {
    case 0:
        return gone(key, read_at);
    case 1:
        return touch(key, etag, read_at);
    case 2:
        return broken(key, etag, false, read_at);
    default:
        return put(key, etag, etag, read_at);
    }
}

static void check_model(struct bkt_table_target t, const struct model *models, size_t count)
{
    static const char *const keys[] = {"a", "b", "c", "d"};
    static const char *const etags[] = {"0", "1", "2"};
    uint64_t failed = 0;
    uint64_t rows = 0;
    for (size_t k = 0; k < count; k++) {
        assert_row(keys[k], models[k].exists ? etags[models[k].etag] : NULL);
        struct seen seen = state_of(t, keys[k]);
        assert_int_equal((seen.row.flags & BKT_STATE_ROW) != 0, models[k].exists);
        assert_int_equal((seen.row.flags & BKT_STATE_FAILED) != 0, models[k].failed);
        failed += models[k].failed;
        rows += models[k].exists;
    }
    assert_int_equal(count_failed(t), failed);
    struct bkt_table_target u = open_handle();
    assert_int_equal(attach(u, &plain).row_count, rows);
    u.ops->free(u.self);
}

static void random_changes_agree_with_the_model(void **state)
{
    (void)state;
    static const char *const keys[] = {"a", "b", "c", "d"};
    static const char *const etags[] = {"0", "1", "2"};
    struct model models[T_COUNT(keys)] = {0};
    uint32_t seed = 20240301;
    struct bkt_table_target t = open_attached(&plain);
    for (int turn = 0; turn < (kit->is_slow ? 48 : 500); turn++) {
        struct bkt_clock now = clock_of(t);
        struct bkt_change changes[T_COUNT(keys)];
        int picked[T_COUNT(keys)];
        for (size_t k = 0; k < T_COUNT(keys); k++) {
            picked[k] = (int)(next_random(&seed) % T_COUNT(etags));
            changes[k] = random_change(&seed, keys[k], etags[picked[k]], now.clock);
        }
        uint64_t clock = apply(t, changes, T_COUNT(keys));
        for (size_t k = 0; k < T_COUNT(keys); k++) {
            bool had_row = models[k].exists;
            bool applied = model_apply(&models[k], &changes[k], picked[k], clock, now.floor);
            assert_int_equal(changes[k].outcome,
                             applied ? BKT_OUTCOME_APPLIED : BKT_OUTCOME_REFUSED);
            assert_int_equal(changes[k].had_row, had_row);
        }
        if (turn % 16 == 15) {
            (void)begin_listing(t);
            check_model(t, models, T_COUNT(keys));
        }
    }
    close_handle(t);
}

/* Everything that allocates, once, on a table that is there already. */
static int one_of_each(void)
{
    struct bkt_error err = {0};
    struct bkt_table_target t;
    struct bkt_attached attached;
    struct bkt_clock clock;
    struct bkt_sweep request = {0};
    int rc = kit->open(kit->ctx, &t, &err);
    if (rc)
        return rc;
    rc = t.ops->attach(t.self, &all_columns, &attached, &err);
    if (rc == BKT_OK)
        rc = t.ops->read_clock(t.self, &clock, &err);
    if (rc == BKT_OK) {
        struct bkt_change changes[] = {put("a", "1", "A", clock.clock),
                                       broken("b", "1", true, clock.clock), gone("c", clock.clock)};
        rc = t.ops->apply(t.self, changes, T_COUNT(changes), true, &clock, &err);
    }
    if (rc == BKT_OK)
        rc = t.ops->begin_listing(t.self, &clock, &err);
    struct bkt_change again = touch("a", "1", clock.clock);
    if (rc == BKT_OK)
        rc = t.ops->apply(t.self, &again, 1, false, &clock, &err);
    struct bkt_absence absence = {BKT_STR("a"), clock.clock};
    if (rc == BKT_OK)
        rc = t.ops->stage(t.self, &absence, 1, &err);
    if (rc == BKT_OK)
        rc = t.ops->sweep(t.self, &request, &clock, &err);
    struct bkt_listing_record record = {.ended_wall_ms = 1, .listed = 2, .matched = 1};
    if (rc == BKT_OK)
        rc = t.ops->end_listing(t.self, &record, &err);
    uint64_t failed = 0;
    if (rc == BKT_OK)
        rc = t.ops->count_failed(t.self, &failed, &err);
    t.ops->free(t.self);
    if (rc)
        assert_int_equal(err.code, rc);
    return rc;
}

static void running_out_of_memory_leaves_nothing_behind(void **state)
{
    (void)state;
    if (kit->is_slow)
        return;
    close_handle(open_attached(&all_columns));
    T_TORTURE(one_of_each());
    struct bkt_table_target t = open_handle();
    assert_int_equal(attach(t, &all_columns).row_count, 0);
    close_handle(t);
}

static size_t live_before;

int target_test_begin(void **state)
{
    (void)state;
    live_before = bkt_mem_live();
    kit->forget(kit->ctx);
    return 0;
}

int target_test_end(void **state)
{
    (void)state;
    return bkt_mem_live() == live_before ? 0 : -1;
}

int target_tests(const struct target_kit *tested,
                 const char *name,
                 const struct CMUnitTest *tests,
                 size_t count)
{
    kit = tested;
    return _cmocka_run_group_tests(name, tests, count, NULL, NULL);
}

void target_remove(const char *path)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < T_COUNT(suffixes); i++) {
        char name[96];
        (void)snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
        (void)remove(name);
    }
}

enum { STATE_BYTES = 512 };

static int note_state(void *ctx, const struct bkt_state_row *row, struct bkt_error *err)
{
    (void)err;
    char *text = ctx;
    size_t len = strlen(text);
    (void)snprintf(text + len, STATE_BYTES - len, "%s%.*s:%u:%.*s", len > 0 ? " " : "",
                   BKT_STR_ARG(row->key), row->flags, BKT_STR_ARG(row->etag));
    return BKT_OK;
}

void target_assert_state(struct bkt_table_target t, const char *expected)
{
    char text[STATE_BYTES] = "";
    struct bkt_error err = {0};
    struct bkt_scan all = {.limit = 100};
    size_t count;
    must(t.ops->scan(t.self, &all, note_state, text, &count, &err), &err);
    assert_string_equal(text, expected);
}

int target_conformance(const struct target_kit *tested)
{
    const struct CMUnitTest tests[] = {
        TARGET_TEST(attach_makes_the_table_once),
        TARGET_TEST(a_table_belongs_to_one_source),
        TARGET_TEST(a_source_of_which_nothing_came_has_no_claim),
        TARGET_TEST(an_empty_source_has_a_claim),
        TARGET_TEST(another_spec_takes_an_epoch_and_stops_the_others),
        TARGET_TEST(an_upsert_writes_row_and_state),
        TARGET_TEST(a_late_read_is_refused_and_its_neighbors_are_not),
        TARGET_TEST(a_listing_refuses_what_was_read_before_it),
        TARGET_TEST(a_touch_holds_only_for_the_etag_of_the_row),
        TARGET_TEST(a_tombstone_fences_late_reads_off),
        TARGET_TEST(a_failure_keeps_the_row_and_is_cleared_by_success),
        TARGET_TEST(a_sweep_removes_what_the_read_clock_allows),
        TARGET_TEST(a_sweep_over_the_limit_removes_nothing),
        TARGET_TEST(a_listing_drops_what_the_one_before_staged),
        TARGET_TEST(a_listing_that_was_overtaken_is_told_so),
        TARGET_TEST(a_sweep_that_is_overtaken_takes_nothing_of_the_other),
        TARGET_TEST(a_sweep_goes_on_past_one_transaction),
        TARGET_TEST(keys_are_bytes),
        TARGET_TEST(keys_that_are_no_text_are_rows_where_the_target_can),
        TARGET_TEST(a_scan_keeps_to_its_range),
        TARGET_TEST(contents_come_back_byte_for_byte),
        TARGET_TEST(what_is_too_large_is_rejected_and_its_neighbors_are_not),
        TARGET_TEST(a_large_content_is_a_row),
        TARGET_TEST(columns_are_written_and_touched),
        TARGET_TEST(changed_columns_are_followed),
        TARGET_TEST(a_change_to_bytes_keeps_the_rows_until_they_are_read_again),
        TARGET_TEST(boundaries_are_kept),
        TARGET_TEST(status_tells_of_tables_and_failures),
        TARGET_TEST(a_look_tells_what_attaching_would_find),
        TARGET_TEST(a_look_sees_one_moment),
        TARGET_TEST(rows_are_told_in_the_order_of_their_bytes),
        TARGET_TEST(a_look_that_runs_out_of_memory_says_so),
        TARGET_TEST(two_handles_share_one_clock),
        TARGET_TEST(what_was_applied_outlives_the_process),
        TARGET_TEST(a_durable_commit_is_synced),
        TARGET_TEST(random_changes_agree_with_the_model),
        TARGET_TEST(running_out_of_memory_leaves_nothing_behind),
    };
    return target_tests(tested, "conformance", tests, T_COUNT(tests));
}
