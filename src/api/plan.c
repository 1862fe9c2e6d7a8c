#include <bucketable/plan.h>

#include "api/look.h"
#include "core/mem.h"

struct bkt_plan {
    struct bkt_look look;
};

struct run {
    struct bkt_plan_counts counts;
    bkt_step_fn *fn;
    void *ctx;
};

int bkt_plan_new(const struct bkt_config *config, struct bkt_plan **out_plan, struct bkt_error *err)
{
    struct bkt_plan *plan = bkt_mem_calloc(1, sizeof(*plan));
    if (!plan)
        return bkt_error_set(err, BKT_ENOMEM, "prepare a plan: out of memory");
    int rc = bkt_config_check(config, BKT_CONFIG_SOURCE | BKT_CONFIG_TARGET, NULL, NULL, err);
    if (rc == BKT_OK)
        rc = bkt_look_open(&plan->look, config, err);
    if (rc) {
        bkt_plan_free(plan);
        return rc;
    }
    *out_plan = plan;
    return BKT_OK;
}

void bkt_plan_free(struct bkt_plan *plan)
{
    if (!plan)
        return;
    bkt_look_close(&plan->look);
    bkt_mem_free(plan);
}

void bkt_plan_stop(struct bkt_plan *plan)
{
    bkt_asker_stop(&plan->look.asker);
}

static int tell(const struct run *run, enum bkt_step_op op, struct bkt_str key)
{
    struct bkt_step step = {.op = op, .key = key.ptr, .key_len = key.len};
    return run->fn(run->ctx, &step);
}

static int on_difference(void *ctx,
                         enum bkt_difference difference,
                         const struct bkt_object *object,
                         const struct bkt_state_row *row,
                         struct bkt_error *err)
{
    (void)err;
    struct run *run = ctx;
    switch (bkt_look_op(difference, row)) {
    case BKT_LOOK_NOTHING:
        run->counts.unchanged += object != NULL;
        return BKT_OK;
    case BKT_LOOK_FAILED:
        run->counts.failed++;
        return BKT_OK;
    case BKT_LOOK_ADD:
        run->counts.added++;
        return tell(run, BKT_STEP_ADD, object->key);
    case BKT_LOOK_UPDATE:
        run->counts.updated++;
        return tell(run, BKT_STEP_UPDATE, object->key);
    case BKT_LOOK_DELETE:
        run->counts.deleted++;
        return tell(run, BKT_STEP_DELETE, row->key);
    }
    return BKT_OK;
}

static int run_plan(struct bkt_plan *plan,
                    bkt_step_fn *fn,
                    void *ctx,
                    struct bkt_plan_counts *out_counts,
                    struct bkt_error *err)
{
    struct bkt_look *look = &plan->look;
    struct run run = {.fn = fn, .ctx = ctx};
    struct bkt_merge_counts counts = {0};
    int rc = bkt_look_begin(look, err);
    if (rc == BKT_OK)
        rc = bkt_walk(&look->asker, &look->rules, &look->target, &counts, on_difference, &run, err);
    run.counts.listed = counts.listed;
    run.counts.matched = counts.matched;
    run.counts.rows = look->attached.row_count;
    run.counts.deletes_max = bkt_look_deletes_max(look);
    run.counts.is_guarded = run.counts.deleted > run.counts.deletes_max;
    bkt_look_end(look);
    *out_counts = run.counts;
    return rc;
}

int bkt_plan_run(struct bkt_plan *plan,
                 bkt_step_fn *fn,
                 void *ctx,
                 struct bkt_plan_counts *out_counts,
                 struct bkt_error *err)
{
    int rc = bkt_guard_enter(&plan->look.asker.guard, "bkt_plan_run()", err);
    if (rc)
        return rc;
    rc = run_plan(plan, fn, ctx, out_counts, err);
    bkt_guard_leave(&plan->look.asker.guard);
    return rc;
}
