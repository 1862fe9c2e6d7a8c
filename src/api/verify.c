#include <bucketable/verify.h>

#include "api/deep.h"
#include "api/look.h"
#include "api/mend.h"
#include "core/mem.h"

#include <assert.h>

struct bkt_verify {
    const struct bkt_config *config;
    struct bkt_verify_options options;
    struct bkt_look look;
    struct bkt_spool damaged; /* rows that are not what their state says */
    struct bkt_mend mend;
};

struct run {
    struct bkt_verify *verify;
    struct bkt_verify_counts counts;
    bkt_step_fn *fn;
    void *ctx;
    struct bkt_deep *deep;    /* NULL: rows cannot be seen */
    struct bkt_table_row row; /* at hand, not yet passed */
    bool has_row;
    struct bkt_buf content;
};

/* What goes through the queue of what is found. */
enum tag { TAG_ADD, TAG_UPDATE, TAG_DELETE, TAG_COMPARE };

int bkt_verify_new(const struct bkt_config *config,
                   const struct bkt_verify_options *options,
                   struct bkt_verify **out_verify,
                   struct bkt_error *err)
{
    struct bkt_verify *verify = bkt_mem_calloc(1, sizeof(*verify));
    if (!verify)
        return bkt_error_set(err, BKT_ENOMEM, "prepare to verify: out of memory");
    verify->config = config;
    if (options) {
        size_t size = sizeof(verify->options);
        memcpy(&verify->options, options, options->size < size ? options->size : size);
    }
    int rc = bkt_config_check(config, BKT_CONFIG_SOURCE | BKT_CONFIG_TARGET, NULL, NULL, err);
    if (rc == BKT_OK)
        rc = bkt_look_open(&verify->look, config, err);
    if (rc) {
        bkt_verify_free(verify);
        return rc;
    }
    *out_verify = verify;
    return BKT_OK;
}

void bkt_verify_free(struct bkt_verify *verify)
{
    if (!verify)
        return;
    bkt_look_close(&verify->look);
    bkt_spool_clear(&verify->damaged);
    bkt_mem_free(verify);
}

void bkt_verify_stop(struct bkt_verify *verify)
{
    bkt_asker_stop(&verify->look.asker);
    bkt_mend_stop(&verify->mend);
}

/* Telling. */

static int tell(struct run *run, enum tag tag, struct bkt_str key)
{
    struct bkt_step step = {.key = key.ptr, .key_len = key.len};
    switch (tag) {
    case TAG_ADD:
        run->counts.missing++;
        step.op = BKT_STEP_ADD;
        break;
    case TAG_UPDATE:
        run->counts.different++;
        step.op = BKT_STEP_UPDATE;
        break;
    case TAG_DELETE:
        run->counts.extra++;
        step.op = BKT_STEP_DELETE;
        break;
    case TAG_COMPARE:
        return BKT_OK;
    }
    return run->fn(run->ctx, &step);
}

/* In its turn, behind what is still being compared. */
static int found(struct run *run, enum tag tag, struct bkt_str key, struct bkt_error *err)
{
    return run->deep ? bkt_deep_pass(run->deep, tag, key, err) : tell(run, tag, key);
}

/* The row is not what its state says, so that a listing would not find it. */
static int damaged(struct run *run, enum tag tag, struct bkt_str key, struct bkt_error *err)
{
    int rc = BKT_OK;
    if (run->verify->options.will_repair)
        rc = bkt_spool_add(&run->verify->damaged, key, err);
    return rc ? rc : found(run, tag, key, err);
}

static void failed(struct run *run, struct bkt_str key, const char *why)
{
    const struct bkt_verify_options *options = &run->verify->options;
    run->counts.failed++;
    if (options->failed)
        options->failed(options->ctx, key.ptr, key.len, why);
}

static int on_compared(void *ctx,
                       enum bkt_deep_result result,
                       int tag,
                       struct bkt_str key,
                       const char *why,
                       struct bkt_error *err)
{
    struct run *run = ctx;
    enum tag told = (enum tag)tag;
    switch (result) {
    case BKT_DEEP_SAME:
        run->counts.same++;
        return BKT_OK;
    case BKT_DEEP_FAILED:
        failed(run, key, why);
        return BKT_OK;
    case BKT_DEEP_OTHER:
        told = TAG_UPDATE;
        break;
    case BKT_DEEP_GONE:
        told = TAG_DELETE;
        break;
    case BKT_DEEP_PASSED:
        return tell(run, told, key);
    }
    int rc = BKT_OK;
    if (run->verify->options.will_repair)
        rc = bkt_spool_add(&run->verify->damaged, key, err);
    return rc ? rc : tell(run, told, key);
}

/* The rows. */

static int next_row(struct run *run, struct bkt_error *err)
{
    const struct bkt_table_target *target = &run->verify->look.target;
    return target->ops->next_row(target->self, &run->row, &run->has_row, err);
}

/* Rows before `key` (NULL: all that are left) have neither object nor state. */
static int pass_rows(struct run *run, const struct bkt_str *key, struct bkt_error *err)
{
    int rc = BKT_OK;
    while (rc == BKT_OK && run->has_row && (!key || bkt_str_cmp(run->row.key, *key) < 0)) {
        rc = damaged(run, TAG_DELETE, run->row.key, err);
        if (rc == BKT_OK)
            rc = next_row(run, err);
    }
    return rc;
}

/* A row where one should be, as its state and the listing say. */
static int compare_row(struct run *run,
                       const struct bkt_object *object,
                       const struct bkt_state_row *state,
                       struct bkt_error *err)
{
    const struct bkt_table_target *target = &run->verify->look.target;
    bool is_bytes = run->row.kind == BKT_CONTENT_BYTES;
    if (run->row.kind == BKT_CONTENT_NONE ||
        !bkt_decode_may_be(state->decode, state->flags & BKT_STATE_REPLACED, state->size, is_bytes,
                           run->row.content_len))
        return damaged(run, TAG_UPDATE, object->key, err);
    /* A mark, UTF-16 and what was replaced make other lengths: those objects are read, too. */
    if (!run->verify->options.is_deep && run->row.content_len == state->size) {
        run->counts.same++;
        return BKT_OK;
    }
    run->content.max = SIZE_MAX / 2;
    bkt_buf_reset(&run->content);
    int rc = target->ops->read_content(target->self, &run->content, err);
    if (rc)
        return rc;
    return bkt_deep_compare(run->deep, TAG_COMPARE, object->key, &run->content, is_bytes,
                            object->size, err);
}

static int difference_of_row(struct run *run,
                             enum bkt_difference difference,
                             const struct bkt_object *object,
                             const struct bkt_state_row *state,
                             bool has_row,
                             struct bkt_error *err)
{
    switch (difference) {
    case BKT_DIFFERENCE_NONE:
        assert(object && state);
        return has_row ? compare_row(run, object, state, err)
                       : damaged(run, TAG_ADD, object->key, err);
    case BKT_DIFFERENCE_FAILED:
        run->counts.failed++;
        return BKT_OK;
    case BKT_DIFFERENCE_READ:
        assert(object);
        return found(run, has_row ? TAG_UPDATE : TAG_ADD, object->key, err);
    case BKT_DIFFERENCE_ABSENT:
    case BKT_DIFFERENCE_UNCERTAIN:
        assert(state);
        if (!has_row)
            return BKT_OK;
        return state->flags & BKT_STATE_ROW ? found(run, TAG_DELETE, state->key, err)
                                            : damaged(run, TAG_DELETE, state->key, err);
    }
    return BKT_OK;
}

static int on_difference(void *ctx,
                         enum bkt_difference difference,
                         const struct bkt_object *object,
                         const struct bkt_state_row *state,
                         struct bkt_error *err)
{
    struct run *run = ctx;
    bool has_row = state && (state->flags & BKT_STATE_ROW);
    if (!run->counts.has_seen_rows) {
        if (difference == BKT_DIFFERENCE_NONE) {
            run->counts.same++;
            return BKT_OK;
        }
        return difference_of_row(run, difference, object, state, has_row, err);
    }
    assert(object || state);
    struct bkt_str key = object ? object->key : state->key;
    int rc = pass_rows(run, &key, err);
    if (rc)
        return rc;
    has_row = run->has_row && bkt_str_eq(run->row.key, key);
    rc = difference_of_row(run, difference, object, state, has_row, err);
    return rc || !has_row ? rc : next_row(run, err);
}

static int begin(struct run *run, struct bkt_error *err)
{
    struct bkt_verify *verify = run->verify;
    struct bkt_look *look = &verify->look;
    bkt_spool_clear(&verify->damaged);
    int rc = bkt_look_begin(look, err);
    if (rc)
        return rc;
    run->counts.has_seen_rows = look->target.ops->begin_rows != NULL;
    if (!run->counts.has_seen_rows) {
        return verify->options.is_deep ? bkt_error_set(err, BKT_EUNSUPPORTED,
                                                       "verify --deep: rows of %s cannot be read "
                                                       "back; without --deep their state is "
                                                       "compared with the bucket",
                                                       look->settings->url)
                                       : BKT_OK;
    }
    rc = look->target.ops->begin_rows(look->target.self, err);
    if (rc == BKT_OK)
        rc = next_row(run, err);
    if (rc == BKT_OK)
        rc = bkt_deep_new(&look->asker, on_compared, run, &run->deep, err);
    return rc;
}

static int run_verify(struct bkt_verify *verify,
                      bkt_step_fn *fn,
                      void *ctx,
                      struct bkt_verify_counts *out_counts,
                      struct bkt_error *err)
{
    struct bkt_look *look = &verify->look;
    struct run run = {.verify = verify, .fn = fn, .ctx = ctx};
    struct bkt_merge_counts counts = {0};
    int rc = begin(&run, err);
    if (rc == BKT_OK)
        rc = bkt_walk(&look->asker, &look->rules, &look->target, &counts, on_difference, &run, err);
    if (rc == BKT_OK)
        rc = pass_rows(&run, NULL, err);
    if (rc == BKT_OK && run.deep)
        rc = bkt_deep_flush(run.deep, err);
    bkt_deep_free(run.deep);
    bkt_buf_clear(&run.content);
    bkt_look_end(look);
    run.counts.listed = counts.listed;
    run.counts.matched = counts.matched;
    *out_counts = run.counts;
    return rc;
}

int bkt_verify_run(struct bkt_verify *verify,
                   bkt_step_fn *fn,
                   void *ctx,
                   struct bkt_verify_counts *out_counts,
                   struct bkt_error *err)
{
    int rc = bkt_guard_enter(&verify->look.asker.guard, "bkt_verify_run()", err);
    if (rc)
        return rc;
    rc = run_verify(verify, fn, ctx, out_counts, err);
    bkt_guard_leave(&verify->look.asker.guard);
    return rc;
}

static int repair(struct bkt_verify *verify, struct bkt_counts *out_counts, struct bkt_error *err)
{
    *out_counts = (struct bkt_counts){0};
    if (atomic_load(&verify->look.asker.is_stopped))
        return bkt_error_set(err, BKT_ECANCELED, "stopped");
    return bkt_mend_run(&verify->mend, verify->config, &verify->damaged, out_counts, err);
}

int bkt_verify_repair(struct bkt_verify *verify,
                      struct bkt_counts *out_counts,
                      struct bkt_error *err)
{
    int rc = bkt_guard_enter(&verify->look.asker.guard, "bkt_verify_repair()", err);
    if (rc)
        return rc;
    rc = repair(verify, out_counts, err);
    bkt_guard_leave(&verify->look.asker.guard);
    return rc;
}
