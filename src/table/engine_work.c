/* A key from the moment that something may be new with it to the end of its read. */
#include "table/engine_int.h"

#include "core/mem.h"
#include "core/time.h"
#include "table/span.h"

#include <assert.h>

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
    if (!item->was_listed && engine->listing.phase != LISTING_NONE) {
        item->was_listed = true;
        engine->listing.work_count++;
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

void bkt_engine_work_release(struct bkt_engine *engine, struct bkt_work_item *item)
{
    engine->reserved_bytes -= item->reserved_bytes;
    item->reserved_bytes = 0;
}

/* It could not be read: again, later. */
void bkt_engine_work_try_later(struct bkt_engine *engine, struct bkt_work_item *item)
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
        bkt_engine_work_release(engine, item);
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
    bkt_engine_work_release(engine, item);
    bkt_engine_work_try_later(engine, item);
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
        bkt_engine_tell_trouble(engine, why->message);
        return;
    }
    /* Keys that were found absent after the question need another one: it may be gone since. */
    for (; asked_for > 0; asked_for--)
        bkt_work_move(&engine->work, engine->work.queues[BKT_WORK_UNCONFIRMED].oldest,
                      BKT_WORK_READ);
}
