#include "api/walker.h"

#include "core/mem.h"

enum { STATE_ROWS = 4096 };

/* Nothing that the state holds is newer: it was looked at before the first page was asked for. */
static const uint64_t clock_at_the_end = UINT64_MAX;

struct walker {
    struct bkt_asker *asker;
    struct bkt_lister *lister;
    struct bkt_merge *page; /* at hand, waiting for a gap before it */
    struct bkt_covered gap;
    bool has_gap;
};

static void free_merge(struct bkt_merge *merge)
{
    if (!merge)
        return;
    bkt_merge_clear(merge);
    bkt_mem_free(merge);
}

/* Ask for the next page; `walker->page` stays NULL after the last one. */
static int fetch(struct walker *walker, struct bkt_error *err)
{
    struct bkt_list_request request;
    if (walker->page || !bkt_lister_next(walker->lister, clock_at_the_end, &request))
        return BKT_OK;
    struct bkt_s3_page *answer;
    int rc = bkt_asker_page(walker->asker, &request, &answer, err);
    if (rc)
        return rc;
    struct bkt_merge *merge = bkt_mem_calloc(1, sizeof(*merge));
    if (!merge) {
        bkt_s3_page_free(answer);
        return bkt_error_set(err, BKT_ENOMEM, "list the bucket: out of memory");
    }
    rc = bkt_lister_page(walker->lister, request.chain, &answer->page, &merge->arena,
                         &merge->covered, err);
    if (rc) {
        bkt_s3_page_free(answer);
        free_merge(merge);
        return rc;
    }
    bkt_merge_begin(merge, &answer->page);
    walker->page = merge;
    return BKT_OK;
}

static int take_gap(struct walker *walker, struct bkt_merge **out_merge, struct bkt_error *err)
{
    struct bkt_merge *merge = bkt_mem_calloc(1, sizeof(*merge));
    if (!merge)
        return bkt_error_set(err, BKT_ENOMEM, "list the bucket: out of memory");
    merge->covered = walker->gap;
    bkt_merge_begin(merge, NULL);
    walker->has_gap = false;
    *out_merge = merge;
    return BKT_OK;
}

/* The next stretch, begun; NULL past the last one. */
static int next(struct walker *walker, struct bkt_merge **out_merge, struct bkt_error *err)
{
    int rc = fetch(walker, err);
    if (rc)
        return rc;
    if (!walker->has_gap)
        walker->has_gap = bkt_lister_next_gap(walker->lister, clock_at_the_end, &walker->gap);
    bool is_gap_next = walker->has_gap &&
                       (!walker->page ||
                        bkt_str_cmp(walker->gap.span.after, walker->page->covered.span.after) < 0);
    if (is_gap_next)
        return take_gap(walker, out_merge, err);
    *out_merge = walker->page;
    walker->page = NULL;
    return BKT_OK;
}

static int run(struct bkt_asker *asker,
               struct bkt_merge *merge,
               const struct bkt_merge_rules *rules,
               const struct bkt_table_target *target,
               struct bkt_merge_counts *counts,
               bkt_difference_fn *fn,
               void *ctx,
               struct bkt_error *err)
{
    int rc = BKT_OK;
    while (rc == BKT_OK && !merge->is_done) {
        if (asker && atomic_load(&asker->is_stopped))
            return bkt_error_set(err, BKT_ECANCELED, "stopped");
        rc = bkt_merge_run(merge, rules, target, STATE_ROWS, counts, fn, ctx, err);
    }
    return rc;
}

int bkt_walk(struct bkt_asker *asker,
             const struct bkt_merge_rules *rules,
             const struct bkt_table_target *target,
             struct bkt_merge_counts *counts,
             bkt_difference_fn *fn,
             void *ctx,
             struct bkt_error *err)
{
    struct walker walker = {.asker = asker};
    struct bkt_merge *merge = NULL;
    int rc =
        bkt_lister_new(rules->filter, asker->bucket.settings->bucket_name, &walker.lister, err);
    while (rc == BKT_OK && (rc = next(&walker, &merge, err)) == BKT_OK && merge) {
        rc = run(asker, merge, rules, target, counts, fn, ctx, err);
        free_merge(merge);
    }
    free_merge(walker.page);
    bkt_lister_free(walker.lister);
    return rc;
}

/* A table without state: every object that is a row is new to it. */
static int scan_nothing(void *self,
                        const struct bkt_scan *scan,
                        bkt_state_fn *fn,
                        void *ctx,
                        size_t *out_count,
                        struct bkt_error *err)
{
    (void)self;
    (void)scan;
    (void)fn;
    (void)ctx;
    (void)err;
    *out_count = 0;
    return BKT_OK;
}

int bkt_walk_bucket(struct bkt_asker *asker,
                    struct bkt_merge_counts *counts,
                    bkt_difference_fn *fn,
                    void *ctx,
                    struct bkt_error *err)
{
    static const struct bkt_table_target_ops ops = {.scan = scan_nothing};
    static const struct bkt_table_target no_table = {.ops = &ops};
    struct bkt_merge_rules rules = {.filter = asker->bucket.filter};
    return bkt_walk(asker, &rules, &no_table, counts, fn, ctx, err);
}

int bkt_walk_key(struct bkt_str key,
                 const struct bkt_object *object,
                 const struct bkt_merge_rules *rules,
                 const struct bkt_table_target *target,
                 bkt_difference_fn *fn,
                 void *ctx,
                 struct bkt_error *err)
{
    struct bkt_merge_counts counts = {0};
    struct bkt_page page = {.objects = object, .object_count = object ? 1 : 0};
    struct bkt_merge merge = {
        .covered = {.span = {.up_to = key, .has_up_to = true}, .read_at = clock_at_the_end},
    };
    int rc = bkt_span_before(&merge.arena, key, &merge.covered.span.after);
    if (rc)
        return bkt_error_set(err, rc, "look at the state: %s", bkt_error_text(rc));
    bkt_merge_begin(&merge, &page);
    rc = run(NULL, &merge, rules, target, &counts, fn, ctx, err);
    bkt_merge_clear(&merge);
    return rc;
}
