/* Keys that have been read: committed in batches, and what the commit makes of each. */
#include "table/engine_int.h"

#include <stdlib.h>

enum { TORN_READS_MAX = 2 };

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

int bkt_engine_commit_step(struct bkt_engine *engine)
{
    int64_t now_ms = engine->now_ms;
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
        engine->reading_count > 0 && !engine->is_stopping && engine->listing.phase != LISTING_NONE;
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
        bkt_engine_tell(engine, BKT_EVENT_UPSERT, change->object.key, BKT_STR(""));
        return;
    case BKT_CHANGE_DELETE:
        counts->deleted += change->had_row;
        engine->row_count -= change->had_row;
        if (change->had_row)
            bkt_engine_tell(engine, BKT_EVENT_DELETE, change->object.key, BKT_STR(""));
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
    bkt_engine_work_release(engine, item);
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
        engine->listing.work_count--;
    item->was_listed = false;
}

/* The key's commit is done: what next with it? */
static void finish(struct bkt_engine *engine, struct bkt_work_item *item, bool is_worth_trying)
{
    bkt_engine_work_release(engine, item);
    bkt_work_drop_change(item);
    bkt_work_forget_etag(item);
    if (item->again) {
        bkt_work_move(&engine->work, item, BKT_WORK_QUEUED);
        return;
    }
    leave_listing(engine, item);
    if (is_worth_trying)
        bkt_engine_work_try_later(engine, item);
    else
        bkt_work_remove(&engine->work, item);
}

void bkt_engine_commit_job_done(struct bkt_engine *engine, struct bkt_job *job)
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
        if (engine->listing.ended > 0 && item->was_listed && item->tickets.count == 0 &&
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
