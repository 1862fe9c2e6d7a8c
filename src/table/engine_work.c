/* A key from the moment that something may be new with it to the commit of its row. */
#include "table/engine_int.h"

#include "core/mem.h"
#include "core/time.h"
#include "table/span.h"

#include <assert.h>
#include <stdlib.h>

enum { TORN_READS_MAX = 2 };

struct touch {
    struct bkt_engine *engine;
    struct bkt_work_item *item;
};

/* The key's entry, in which one more read is due from now on. */
static int find_or_add(struct bkt_engine *engine, struct bkt_str key, struct bkt_work_item **out)
{
    struct bkt_work_item *item = bkt_work_find(&engine->work, key);
    if (!item)
        return bkt_work_add(&engine->work, key, out);
    if (item->stage == BKT_WORK_WAITING)
        bkt_work_move(&engine->work, item, BKT_WORK_QUEUED);
    else if (item->stage != BKT_WORK_QUEUED)
        item->again = true; /* what is being read may be older than what was learned just now */
    *out = item;
    return BKT_OK;
}

/*
 * Where a row is, and is as it would be made today, a read may be answered "not modified".  After a
 * failure, `decode` may tell of a content that failed and no longer of the row's.
 */
static int set_condition(struct bkt_engine *engine,
                         struct bkt_work_item *item,
                         const struct bkt_state_row *row)
{
    bool is_conditional = (row->flags & BKT_STATE_ROW) && !(row->flags & BKT_STATE_FAILED) &&
                          engine->options.columns == 0 &&
                          bkt_filter_matches(engine->options.filter, row->key, row->size, NULL) &&
                          bkt_decode_is_current(row->decode, row->flags & BKT_STATE_REPLACED, false,
                                                engine->options.policy);
    if (is_conditional)
        return bkt_work_set_etag(item, row->etag);
    bkt_work_forget_etag(item);
    return BKT_OK;
}

/*
 * `row` is the key's state, or NULL when it is not known or the key is new; `listed` what a listing
 * says of the object, or NULL.
 */
int bkt_engine_work_add(struct bkt_engine *engine,
                        struct bkt_str key,
                        const struct bkt_state_row *row,
                        const struct bkt_object *listed)
{
    struct bkt_work_item *item;
    int rc = find_or_add(engine, key, &item);
    if (rc)
        return rc;
    if (!item->was_listed && engine->phase != LISTING_NONE) {
        item->was_listed = true;
        engine->listed_work++;
    }
    if (item->stage != BKT_WORK_QUEUED)
        return BKT_OK; /* the condition of the read under way stays what it is */
    item->size_hint = listed ? listed->size : 0;
    item->modified_ms = listed ? listed->last_modified_ms : BKT_TIME_NONE;
    item->is_class_listed = listed != NULL;
    item->class_mark = listed ? bkt_class_mark(listed->storage_class) : 0;
    return row ? set_condition(engine, item, row) : BKT_OK;
}

/* The condition that makes the read of a touched key cheap: the ETag that its row has. */
static int on_touched_row(void *ctx, const struct bkt_state_row *row, struct bkt_error *err)
{
    (void)err;
    struct touch *touch = ctx;
    return set_condition(touch->engine, touch->item, row);
}

static int find_condition(struct bkt_engine *engine,
                          struct bkt_work_item *item,
                          struct bkt_error *err)
{
    const struct bkt_table_target *target = engine->options.target;
    struct touch touch = {engine, item};
    struct bkt_arena arena = {0};
    struct bkt_scan scan = {.up_to = item->key, .has_up_to = true, .limit = 1};
    size_t count;
    int rc = bkt_span_before(&arena, item->key, &scan.after);
    if (rc == BKT_OK)
        rc = target->ops->scan(target->self, &scan, on_touched_row, &touch, &count, err);
    bkt_arena_clear(&arena);
    return rc;
}

int bkt_engine_touch(struct bkt_engine *engine,
                     struct bkt_str key,
                     void *ticket,
                     struct bkt_error *err)
{
    struct bkt_work_item *item;
    bool is_new = bkt_work_find(&engine->work, key) == NULL;
    int rc = find_or_add(engine, key, &item);
    if (rc == BKT_OK)
        rc = bkt_work_add_ticket(&item->tickets, ticket);
    if (rc)
        return bkt_error_set(err, rc, "note a changed key: %s", bkt_error_text(rc));
    if (!is_new)
        return BKT_OK;
    item->modified_ms = BKT_TIME_NONE;
    item->is_class_listed = false;
    /* Where the state cannot be asked now, the read is unconditional. */
    if (engine->options.columns == 0 && find_condition(engine, item, NULL) != BKT_OK)
        bkt_work_forget_etag(item);
    return BKT_OK;
}

/* Reading. */

static bool reserve(struct bkt_engine *engine, struct bkt_work_item *item, uint64_t bytes)
{
    uint64_t others = engine->reserved_bytes - item->reserved_bytes;
    uint64_t limit = engine->options.memory_limit;
    /* What is larger than all there is, is let in alone. */
    if (others > 0 && (bytes > limit || others > limit - bytes))
        return false;
    engine->reserved_bytes = others + bytes;
    item->reserved_bytes = bytes;
    return true;
}

static void release(struct bkt_engine *engine, struct bkt_work_item *item)
{
    engine->reserved_bytes -= item->reserved_bytes;
    item->reserved_bytes = 0;
}

/* It could not be read: again, later. */
static void try_later(struct bkt_engine *engine, struct bkt_work_item *item)
{
    item->failures++;
    item->due_ms = engine->now_ms + bkt_engine_retry_delay_ms(item->failures);
    if (item->due_ms < engine->wake_at_ms)
        engine->wake_at_ms = item->due_ms;
    bkt_work_move(&engine->work, item, BKT_WORK_WAITING);
}

/* Keys whose time has come. */
static void wake_waiting(struct bkt_engine *engine)
{
    if (engine->now_ms < engine->wake_at_ms)
        return;
    engine->wake_at_ms = INT64_MAX;
    struct bkt_work_item *item = engine->work.queues[BKT_WORK_WAITING].oldest;
    while (item) {
        struct bkt_work_item *newer = item->newer;
        if (item->due_ms <= engine->now_ms)
            bkt_work_move(&engine->work, item, BKT_WORK_QUEUED);
        else if (item->due_ms < engine->wake_at_ms)
            engine->wake_at_ms = item->due_ms;
        item = newer;
    }
}

bool bkt_engine_work_want(struct bkt_engine *engine, struct bkt_want *out_want)
{
    size_t unconfirmed = engine->work.queues[BKT_WORK_UNCONFIRMED].count;
    if (unconfirmed > 0 && engine->bucket_asked_for == 0) {
        engine->bucket_asked_for = unconfirmed;
        *out_want = (struct bkt_want){.kind = BKT_WANT_BUCKET};
        return true;
    }
    wake_waiting(engine);
    struct bkt_work_item *item = engine->work.queues[BKT_WORK_QUEUED].oldest;
    if (!item || engine->reading_count == engine->options.get_concurrency)
        return false;
    uint64_t bytes = item->size_hint > 0 ? item->size_hint : READ_BYTES_UNKNOWN;
    /* Who has a change in hand keeps what it reserved for it, and expects no more. */
    if (!item->has_change && !reserve(engine, item, bytes + READ_BYTES_OVERHEAD))
        return false;

    struct bkt_want want = {.kind = BKT_WANT_READ};
    while (engine->reading[want.id])
        want.id++;
    engine->reading[want.id] = item;
    engine->reading_count++;
    bkt_work_move(&engine->work, item, BKT_WORK_READING);
    item->again = false;
    item->tickets.covered = item->tickets.count;
    item->read_at = engine->clock.clock;
    want.read.key = item->key;
    want.read.size_hint = item->size_hint;
    want.read.if_none_match = item->has_change ? item->change.object.etag : item->known_etag;
    *out_want = want;
    return true;
}

bool bkt_engine_admit(struct bkt_engine *engine, uint64_t id, uint64_t size)
{
    struct bkt_work_item *item = engine->reading[id];
    assert(item);
    return bkt_filter_matches(engine->options.filter, item->key, size, NULL) &&
           reserve(engine, item, size + READ_BYTES_OVERHEAD + item->body.len);
}

/* Listings and heads of some servers differ for good; it is a listing that it will be held against.
 */
static unsigned class_mark(const struct bkt_engine *engine,
                           const struct bkt_work_item *item,
                           const struct bkt_object *read)
{
    if (!(engine->options.columns & BKT_COLUMN_STORAGE_CLASS))
        return 0;
    return item->is_class_listed ? item->class_mark : bkt_class_mark(read->storage_class);
}

/* Make the change that the answer calls for. */
static int to_change(struct bkt_engine *engine, struct bkt_work_item *item, struct bkt_read *read)
{
    if (read->kind == BKT_READ_NOT_MODIFIED && item->has_change) {
        item->change.read_at = item->read_at;
        return BKT_OK;
    }
    bkt_work_drop_change(item);
    struct bkt_change *change = &item->change;
    struct bkt_object object = read->object;
    object.key = item->key;
    bkt_object_refine_time(&object, item->modified_ms);
    if (read->kind == BKT_READ_NOT_MODIFIED)
        object.etag = item->known_etag;
    item->strings = bkt_object_dup(&object, &read->extra, &change->object, &change->extra);
    if (!item->strings)
        return BKT_ENOMEM;
    change->read_at = item->read_at;

    switch (read->kind) {
    case BKT_READ_OBJECT:
        change->op = BKT_CHANGE_DELETE;
        if (bkt_filter_matches(engine->options.filter, item->key, object.size, NULL)) {
            change->op = BKT_CHANGE_UPSERT;
            change->class_mark = class_mark(engine, item, &object);
            item->body = *read->body;
            item->checksum = read->checksum;
            *read->body = BKT_BUF_INIT(read->body->max);
        }
        return BKT_OK;
    case BKT_READ_NOT_MODIFIED:
        change->op = BKT_CHANGE_TOUCH;
        return BKT_OK;
    case BKT_READ_ABSENT:
    case BKT_READ_STOPPED:
        change->op = BKT_CHANGE_DELETE;
        return BKT_OK;
    case BKT_READ_FAILED:
        change->op = BKT_CHANGE_FAIL;
        item->body = BKT_BUF_INIT(read->reason.len);
        return bkt_buf_append(&item->body, read->reason);
    }
    return BKT_OK;
}

int bkt_engine_reread(struct bkt_engine *engine, struct bkt_str key, struct bkt_error *err)
{
    struct bkt_work_item *item;
    int rc = find_or_add(engine, key, &item);
    if (rc)
        goto done;
    item->modified_ms = BKT_TIME_NONE;
    item->is_class_listed = false;
    bkt_work_forget_etag(item);
    if (item->stage != BKT_WORK_QUEUED || bkt_filter_matches_key(engine->options.filter, key))
        return BKT_OK;
    /* Whatever the object is, it is no row; and what somebody named a row may be no key at all. */
    struct bkt_read read = {.kind = BKT_READ_ABSENT};
    item->read_at = engine->clock.clock;
    rc = to_change(engine, item, &read);
    if (rc == BKT_OK)
        bkt_work_move(&engine->work, item, BKT_WORK_READ);

done:
    return rc ? bkt_error_set(err, rc, "note a damaged row: %s", bkt_error_text(rc)) : BKT_OK;
}

void bkt_engine_read(struct bkt_engine *engine, uint64_t id, struct bkt_read *read)
{
    struct bkt_work_item *item = engine->reading[id];
    assert(item);
    engine->reading[id] = NULL;
    engine->reading_count--;
    if (read->kind == BKT_READ_STOPPED &&
        bkt_filter_matches(engine->options.filter, item->key, read->object.size, NULL)) {
        /* It is a row, but there was no room: with its size known, it is let in when there is. */
        bkt_work_drop_change(item);
        release(engine, item);
        item->size_hint = read->object.size;
        bkt_work_move(&engine->work, item, BKT_WORK_QUEUED);
        return;
    }
    int rc = to_change(engine, item, read);
    if (rc)
        (void)bkt_engine_fail(engine, rc, NULL);
    bkt_work_move(&engine->work, item,
                  read->kind == BKT_READ_ABSENT ? BKT_WORK_UNCONFIRMED : BKT_WORK_READ);
}

/* Its absence could not be confirmed: read it again, later. */
static void doubt(struct bkt_engine *engine, struct bkt_work_item *item)
{
    bkt_work_drop_change(item);
    release(engine, item);
    try_later(engine, item);
}

void bkt_engine_bucket_exists(struct bkt_engine *engine, const struct bkt_error *why)
{
    size_t asked_for = engine->bucket_asked_for;
    engine->bucket_asked_for = 0;
    engine->bucket_fails = why != NULL;
    if (why && (!engine->options.is_live || why->code == BKT_ENOMEM)) {
        (void)bkt_engine_fail(engine, why->code, why);
        return;
    }
    if (why) {
        /*
         * What was said to be absent may have been the bucket itself, and is not believed when that
         * is there again: rows stay, and the keys are read once more then.
         */
        while (engine->work.queues[BKT_WORK_UNCONFIRMED].count > 0)
            doubt(engine, engine->work.queues[BKT_WORK_UNCONFIRMED].oldest);
        bkt_engine_tell(engine, BKT_EVENT_TROUBLE, (struct bkt_str){"", 0},
                        bkt_str_from(why->message));
        return;
    }
    /* Keys that were found absent after the question need another one: it may be gone since. */
    for (; asked_for > 0; asked_for--)
        bkt_work_move(&engine->work, engine->work.queues[BKT_WORK_UNCONFIRMED].oldest,
                      BKT_WORK_READ);
}

/* Committing. */

static int by_key(const void *a, const void *b)
{
    const struct bkt_work_item *const *left = a;
    const struct bkt_work_item *const *right = b;
    return bkt_str_cmp((*left)->key, (*right)->key);
}

/* Give the job what the entry holds; the memory stays the entry's, but for the body. */
static void hand_over(struct bkt_job *job, size_t i)
{
    struct bkt_work_item *item = job->items[i];
    job->is_raw[i] = item->change.op == BKT_CHANGE_UPSERT && !item->has_change;
    job->bodies[i] = item->body;
    job->checksums[i] = item->checksum;
    item->body = (struct bkt_buf){0};
    job->changes[i] = item->change;
    if (item->change.op == BKT_CHANGE_FAIL)
        job->changes[i].reason = bkt_buf_str(&job->bodies[i]);
}

static int commit(struct bkt_engine *engine)
{
    struct bkt_work_queue *ready = &engine->work.queues[BKT_WORK_READ];
    size_t wanted = engine->options.attached.batch_changes;
    size_t most = wanted > 0 ? wanted : BATCH_CHANGES_MAX;
    size_t capacity = ready->count < most ? ready->count : most;
    struct bkt_job *job = bkt_job_new(BKT_JOB_APPLY, capacity);
    if (!job)
        return BKT_ENOMEM;
    job->policy = engine->options.policy;
    uint64_t bytes = 0;
    size_t count = 0;
    while (count < capacity && (count == 0 || bytes < BATCH_BYTES_MAX)) {
        struct bkt_work_item *item = ready->oldest;
        bytes += item->body.len;
        job->durable = job->durable || item->tickets.covered > 0;
        job->items[count++] = item;
        bkt_work_move(&engine->work, item, BKT_WORK_COMMITTING);
    }
    qsort(job->items, count, sizeof(struct bkt_work_item *), by_key);
    for (size_t i = 0; i < count; i++)
        hand_over(job, i);
    job->count = count;
    bkt_engine_queue_job(engine, job);
    return BKT_OK;
}

int bkt_engine_work_step(struct bkt_engine *engine, int64_t now_ms, struct bkt_error *err)
{
    (void)err;
    size_t ready = engine->work.queues[BKT_WORK_READ].count;
    if (ready == 0) {
        engine->ready_since_ms = 0;
        return BKT_OK;
    }
    if (engine->ready_since_ms == 0)
        engine->ready_since_ms = now_ms;
    if (engine->job_ready + engine->job_out >= JOBS_OUT_MAX)
        return BKT_OK;

    bool more_comes =
        engine->reading_count > 0 && !engine->is_stopping && engine->phase != LISTING_NONE;
    size_t wanted = engine->options.attached.batch_changes;
    size_t enough = wanted > 0 ? wanted / BATCH_ENOUGH_PART : BATCH_CHANGES_ENOUGH;
    bool is_full = ready >= enough || engine->reserved_bytes > engine->options.memory_limit / 2;
    if (more_comes && !is_full && now_ms - engine->ready_since_ms < BATCH_LINGER_MS)
        return BKT_OK;
    int rc = commit(engine);
    engine->ready_since_ms = engine->work.queues[BKT_WORK_READ].count > 0 ? now_ms : 0;
    return rc;
}

static void count_applied(struct bkt_engine *engine, const struct bkt_change *change)
{
    struct bkt_engine_counts *counts = &engine->counts;
    switch (change->op) {
    case BKT_CHANGE_UPSERT:
        counts->bytes += change->content.len;
        counts->updated += change->had_row;
        counts->added += !change->had_row;
        engine->row_count += !change->had_row;
        bkt_engine_tell(engine, BKT_EVENT_UPSERT, change->object.key, (struct bkt_str){"", 0});
        return;
    case BKT_CHANGE_DELETE:
        counts->deleted += change->had_row;
        engine->row_count -= change->had_row;
        if (change->had_row)
            bkt_engine_tell(engine, BKT_EVENT_DELETE, change->object.key, (struct bkt_str){"", 0});
        return;
    case BKT_CHANGE_TOUCH:
        counts->unchanged++;
        return;
    case BKT_CHANGE_FAIL:
        counts->failed++;
        bkt_engine_tell(engine, BKT_EVENT_FAILED, change->object.key, change->reason);
        return;
    }
}

/* The read clock said no: read the key again, cheaply if the content at hand may still be right. */
static void read_again(struct bkt_engine *engine, struct bkt_job *job, size_t i)
{
    struct bkt_work_item *item = job->items[i];
    const struct bkt_change *change = &job->changes[i];
    if (change->op == BKT_CHANGE_UPSERT && change->object.etag.len > 0) {
        item->change = *change;
        item->has_change = true;
        item->body = job->bodies[i];
        job->bodies[i] = (struct bkt_buf){0};
        /* It holds memory: it goes first, and does not wait for more. */
        bkt_work_move_first(&engine->work, item, BKT_WORK_QUEUED);
        return;
    }
    /* The row may have another ETag by now: no condition. */
    bkt_work_forget_etag(item);
    bkt_work_drop_change(item);
    release(engine, item);
    bkt_work_move(&engine->work, item, BKT_WORK_QUEUED);
}

/* What came was not what the bucket has: once or twice more, before that is the last word. */
static bool is_to_be_read_again(struct bkt_work_item *item, const struct bkt_job *job, size_t i)
{
    if (job->changes[i].outcome == BKT_OUTCOME_REFUSED)
        return true;
    item->torn_reads = job->is_torn[i] ? item->torn_reads + 1 : 0;
    return job->is_torn[i] && item->torn_reads <= TORN_READS_MAX;
}

static void settle(struct bkt_engine *engine, struct bkt_work_item *item)
{
    struct bkt_tickets *tickets = &item->tickets;
    for (size_t i = 0; i < tickets->covered; i++)
        engine->options.on_settled(engine->options.ctx, tickets->items[i]);
    tickets->count -= tickets->covered;
    if (tickets->count > 0)
        memmove(tickets->items, tickets->items + tickets->covered, tickets->count * sizeof(void *));
    tickets->covered = 0;
}

static void leave_listing(struct bkt_engine *engine, struct bkt_work_item *item)
{
    if (item->was_listed)
        engine->listed_work--;
    item->was_listed = false;
}

/* The key's commit is done: what next with it? */
static void finish(struct bkt_engine *engine, struct bkt_work_item *item, bool is_worth_trying)
{
    release(engine, item);
    bkt_work_drop_change(item);
    bkt_work_forget_etag(item);
    if (item->again) {
        bkt_work_move(&engine->work, item, BKT_WORK_QUEUED);
        return;
    }
    leave_listing(engine, item);
    if (is_worth_trying)
        try_later(engine, item);
    else
        bkt_work_remove(&engine->work, item);
}

void bkt_engine_work_job_done(struct bkt_engine *engine, struct bkt_job *job)
{
    if (job->rc) {
        (void)bkt_engine_fail(engine, job->rc, &job->err);
        return;
    }
    for (size_t i = 0; i < job->count; i++) {
        struct bkt_work_item *item = job->items[i];
        const struct bkt_change *change = &job->changes[i];
        if (is_to_be_read_again(item, job, i)) {
            read_again(engine, job, i);
            continue;
        }
        count_applied(engine, change);
        if (engine->listings_ended > 0 && item->was_listed && item->tickets.count == 0 &&
            (change->op == BKT_CHANGE_UPSERT || change->op == BKT_CHANGE_DELETE))
            engine->counts.missed++;
        settle(engine, item);
        /* What depends on the content alone waits for another content. */
        bool is_worth_trying = change->op == BKT_CHANGE_FAIL && !change->failed_by_content &&
                               engine->options.is_live &&
                               engine->work.queues[BKT_WORK_WAITING].count < WORK_MAX;
        finish(engine, item, is_worth_trying);
    }
}
