/* The pages of a listing: asked for, merged with the state, and what they lack noted as absent. */
#include "table/engine_int.h"

#include "core/mem.h"

#include <assert.h>

static void push_merge(struct bkt_engine *engine, struct bkt_merge *merge)
{
    struct listing *listing = &engine->listing;
    if (listing->merge_last)
        listing->merge_last->next = merge;
    else
        listing->merge_first = merge;
    listing->merge_last = merge;
    listing->merge_count++;
}

static void pop_merge(struct bkt_engine *engine)
{
    struct listing *listing = &engine->listing;
    struct bkt_merge *merge = listing->merge_first;
    listing->merge_first = merge->next;
    if (!listing->merge_first)
        listing->merge_last = NULL;
    listing->merge_count--;
    bkt_merge_clear(merge);
    bkt_mem_free(merge);
}

void bkt_engine_pages_clear(struct bkt_engine *engine)
{
    while (engine->listing.merge_first)
        pop_merge(engine);
    bkt_lister_free(engine->listing.lister);
    engine->listing.lister = NULL;
    bkt_job_free(engine->listing.absences);
    engine->listing.absences = NULL;
}

/*
 * Cut the listing by what the last one saw.  Boundaries save time and nothing else: where they
 * cannot be had, the listing finds its own.
 */
static void cut_listing(struct bkt_engine *engine)
{
    const struct bkt_table_target *target = engine->options.target;
    if (!target->ops->load_boundaries || engine->options.list_concurrency < 2)
        return;
    struct bkt_buf bytes = BKT_BUF_INIT(BKT_BOUNDARIES_BYTES_MAX);
    struct bkt_arena arena = {0};
    const struct bkt_str *keys;
    size_t count;
    if (target->ops->load_boundaries(target->self, &bytes, NULL) == BKT_OK &&
        bkt_boundaries_read(bkt_buf_str(&bytes), &arena, &keys, &count) == BKT_OK)
        (void)!bkt_lister_cut(engine->listing.lister, keys, count);
    bkt_arena_clear(&arena);
    bkt_buf_clear(&bytes);
}

int bkt_engine_pages_begin(struct bkt_engine *engine, struct bkt_error *err)
{
    const struct bkt_engine_options *options = &engine->options;
    struct listing *listing = &engine->listing;
    int rc = bkt_lister_new(options->filter, options->bucket, &listing->lister, err);
    if (rc)
        return rc;
    bkt_lister_set_slots(listing->lister, options->list_concurrency);
    bkt_boundaries_clear(&listing->boundaries); /* of one that failed */
    cut_listing(engine);
    struct bkt_covered gap;
    while (bkt_lister_next_gap(listing->lister, engine->clock.clock, &gap)) {
        struct bkt_merge *merge = bkt_mem_calloc(1, sizeof(*merge));
        if (!merge)
            return BKT_ENOMEM;
        merge->covered = gap;
        bkt_merge_begin(merge, NULL);
        push_merge(engine, merge);
    }
    return BKT_OK;
}

bool bkt_engine_pages_want(struct bkt_engine *engine, struct bkt_want *out_want)
{
    struct listing *listing = &engine->listing;
    uint32_t slots = bkt_slots_now(&listing->slots, engine->now_ms);
    if (listing->phase != LISTING_RUNS || bkt_engine_backlog(engine) >= WORK_MAX ||
        listing->pages_out + listing->merge_count >= slots)
        return false;
    struct bkt_want want = {.kind = BKT_WANT_LIST};
    if (!bkt_lister_next(listing->lister, engine->clock.clock, &want.list))
        return false;
    want.id = want.list.chain; /* which asks for one page at a time */
    listing->pages_out++;
    *out_want = want;
    return true;
}

void bkt_engine_throttled(struct bkt_engine *engine)
{
    bkt_slots_throttled(&engine->listing.slots, engine->now_ms);
}

static int note_boundary(struct bkt_engine *engine,
                         const struct bkt_page *page,
                         const struct bkt_covered *covered)
{
    size_t end = page->object_count - covered->drop;
    if (covered->skip == end)
        return BKT_OK;
    return bkt_boundaries_add(&engine->listing.boundaries, page->objects[end - 1].key,
                              end - covered->skip);
}

/* The page is the merge's, or still the caller's when this fails. */
static int take_page(struct bkt_engine *engine,
                     size_t chain,
                     const struct bkt_page *page,
                     struct bkt_error *err)
{
    struct bkt_merge *merge = bkt_mem_calloc(1, sizeof(*merge));
    if (!merge)
        return BKT_ENOMEM;
    int rc =
        bkt_lister_page(engine->listing.lister, chain, page, &merge->arena, &merge->covered, err);
    if (rc == BKT_OK)
        rc = note_boundary(engine, page, &merge->covered);
    if (rc) {
        bkt_merge_clear(merge);
        bkt_mem_free(merge);
        return rc;
    }
    bkt_merge_begin(merge, page);
    push_merge(engine, merge);
    return BKT_OK;
}

void bkt_engine_listed(struct bkt_engine *engine,
                       uint64_t id,
                       const struct bkt_page *page,
                       const struct bkt_error *why)
{
    assert(engine->listing.pages_out > 0);
    engine->listing.pages_out--;
    if (engine->listing.phase == LISTING_FAILED) {
        if (page)
            page->free(page->owner);
        bkt_engine_listing_end_failed(engine);
        return;
    }
    if (!page) {
        bkt_engine_listing_fail(engine, why->code, why);
        return;
    }
    struct bkt_error err = {.code = BKT_OK};
    int rc = take_page(engine, (size_t)id, page, &err);
    if (rc) {
        page->free(page->owner);
        bkt_engine_listing_fail(engine, rc, err.code ? &err : NULL);
    }
}

/* To the target in batches; they are only counted when the listing is complete. */
static int note_absence(struct bkt_engine *engine,
                        const struct bkt_state_row *row,
                        uint64_t read_at)
{
    struct bkt_job *job = engine->listing.absences;
    if (!job) {
        job = bkt_job_new(BKT_JOB_STAGE, BATCH_CHANGES_MAX);
        if (!job)
            return BKT_ENOMEM;
        job->listing = engine->listing.number;
        engine->listing.absences = job;
    }
    struct bkt_absence *absence = &job->absences[job->count];
    absence->read_at = read_at;
    int rc = bkt_arena_dup(&job->arena, row->key, &absence->key);
    if (rc)
        return rc;
    if (++job->count == BATCH_CHANGES_MAX)
        bkt_engine_pages_stage(engine);
    return BKT_OK;
}

void bkt_engine_pages_stage(struct bkt_engine *engine)
{
    if (engine->listing.absences)
        bkt_engine_queue_job(engine, engine->listing.absences);
    engine->listing.absences = NULL;
}

static int on_difference(void *ctx,
                         enum bkt_difference difference,
                         const struct bkt_object *object,
                         const struct bkt_state_row *row,
                         struct bkt_error *err)
{
    (void)err;
    struct bkt_engine *engine = ctx;
    switch (difference) {
    case BKT_DIFFERENCE_NONE:
        engine->counts.unchanged++;
        return BKT_OK;
    case BKT_DIFFERENCE_FAILED:
        engine->counts.failed++;
        return BKT_OK;
    case BKT_DIFFERENCE_READ:
        return bkt_engine_work_add(engine, object->key, row, object);
    case BKT_DIFFERENCE_ABSENT:
        return note_absence(engine, row, engine->listing.merge_first->covered.read_at);
    case BKT_DIFFERENCE_UNCERTAIN:
        return bkt_engine_work_add(engine, row->key, row, NULL);
    }
    return BKT_OK;
}

static bool decode_is_current(const void *ctx, const struct bkt_state_row *row)
{
    const struct bkt_engine *engine = ctx;
    return bkt_decode_is_current(row->decode, row->flags & BKT_STATE_REPLACED,
                                 row->flags & BKT_STATE_FAILED_CONTENT, engine->options.policy);
}

int bkt_engine_pages_merge(struct bkt_engine *engine, struct bkt_error *err)
{
    struct bkt_merge_rules rules = {
        .filter = engine->options.filter,
        .columns = engine->options.columns,
        .rows_lack_columns = engine->listing.rows_lack_columns,
        .decode_is_current = decode_is_current,
        .ctx = engine,
    };
    while (engine->listing.merge_first && bkt_engine_backlog(engine) < WORK_MAX &&
           engine->job_ready < JOBS_READY_MAX) {
        struct bkt_merge *merge = engine->listing.merge_first;
        struct bkt_merge_counts counts = {0};
        int rc = bkt_merge_run(merge, &rules, engine->options.target, MERGE_ROWS, &counts,
                               on_difference, engine, err);
        engine->counts.listed += counts.listed;
        engine->counts.matched += counts.matched;
        if (rc)
            return rc;
        if (merge->is_done)
            pop_merge(engine);
    }
    return BKT_OK;
}

bool bkt_engine_pages_are_done(const struct bkt_engine *engine)
{
    const struct listing *listing = &engine->listing;
    return listing->pages_out == 0 && listing->merge_count == 0 &&
           bkt_lister_is_done(listing->lister);
}
