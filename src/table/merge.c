#include "table/merge.h"

#include "core/mem.h"
#include "core/time.h"

/* State may hold keys that a lenient server let through. */
enum { STATE_KEY_BYTES_MAX = 64 << 10 };

struct walk {
    struct bkt_merge *merge;
    const struct bkt_merge_rules *rules;
    struct bkt_merge_counts *counts;
    size_t rows_left; /* of the limit */
    bkt_difference_fn *fn;
    void *ctx;
};

void bkt_merge_begin(struct bkt_merge *merge, const struct bkt_page *page)
{
    if (page) {
        merge->page = *page;
        merge->page.object_count -= merge->covered.drop;
    }
    merge->next_object = merge->covered.skip;
    merge->after = BKT_BUF_INIT(STATE_KEY_BYTES_MAX);
    merge->last = BKT_BUF_INIT(STATE_KEY_BYTES_MAX);
}

void bkt_merge_clear(struct bkt_merge *merge)
{
    if (merge->page.free)
        merge->page.free(merge->page.owner);
    bkt_buf_clear(&merge->after);
    bkt_buf_clear(&merge->last);
    bkt_arena_clear(&merge->arena);
}

/* A listing has milliseconds on many servers, the head of a read never: compare what both have. */
static bool same_time(int64_t a_ms, int64_t b_ms)
{
    if (a_ms % 1000 != 0 && b_ms % 1000 != 0)
        return a_ms == b_ms;
    return a_ms / 1000 == b_ms / 1000;
}

static bool same_content(const struct bkt_object *object, const struct bkt_state_row *row)
{
    if (object->size != row->size)
        return false;
    if (object->etag.len > 0 && row->etag.len > 0)
        return bkt_str_eq(object->etag, row->etag);
    /* A server without ETags in its listings: the time is all there is. */
    return object->last_modified_ms != BKT_TIME_NONE &&
           same_time(object->last_modified_ms, row->last_modified_ms);
}

/* Metadata that a listing shows, where a column shows it too. */
static bool same_metadata(const struct bkt_merge_rules *rules,
                          const struct bkt_object *object,
                          const struct bkt_state_row *row)
{
    if (rules->columns == 0)
        return true;
    if ((rules->columns & BKT_COLUMN_STORAGE_CLASS) &&
        bkt_class_mark(object->storage_class) != (row->flags & BKT_STATE_CLASS))
        return false;
    return object->last_modified_ms == BKT_TIME_NONE ||
           same_time(object->last_modified_ms, row->last_modified_ms);
}

static enum bkt_difference compare(const struct bkt_merge_rules *rules,
                                   const struct bkt_object *object,
                                   const struct bkt_state_row *row)
{
    bool decode_is_current = rules->decode_is_current(rules->ctx, row);
    if (row->flags & BKT_STATE_FAILED) {
        bool in_vain = (row->flags & BKT_STATE_FAILED_CONTENT) && decode_is_current &&
                       object->etag.len > 0 && bkt_str_eq(object->etag, row->failed_etag);
        return in_vain ? BKT_DIFFERENCE_FAILED : BKT_DIFFERENCE_READ;
    }
    if ((row->flags & BKT_STATE_ROW) && decode_is_current && !rules->rows_lack_columns &&
        same_content(object, row) && same_metadata(rules, object, row))
        return BKT_DIFFERENCE_NONE;
    return BKT_DIFFERENCE_READ;
}

/* State without an object that is a row. */
static int gone(struct walk *walk, const struct bkt_state_row *row, struct bkt_error *err)
{
    if (!(row->flags & (BKT_STATE_ROW | BKT_STATE_FAILED)))
        return BKT_OK; /* a tombstone already */
    const struct bkt_merge *merge = walk->merge;
    if (merge->covered.is_gap && bkt_filter_matches_key(walk->rules->filter, row->key))
        return bkt_error_set(err, BKT_EUNSUPPORTED,
                             "internal error: a stretch that was not listed could hold the row "
                             "\"%.*s\"; nothing was removed, please report this",
                             BKT_STR_ARG(row->key));
    enum bkt_difference difference =
        row->revision <= merge->covered.read_at ? BKT_DIFFERENCE_ABSENT : BKT_DIFFERENCE_UNCERTAIN;
    return walk->fn(walk->ctx, difference, NULL, row, err);
}

/* An object, and the state row of its key if there is one. */
static int visit(struct walk *walk,
                 const struct bkt_object *object,
                 const struct bkt_state_row *row,
                 struct bkt_error *err)
{
    walk->counts->listed++;
    if (!bkt_filter_matches(walk->rules->filter, object->key, object->size, NULL))
        return row ? gone(walk, row, err) : BKT_OK;
    walk->counts->matched++;
    enum bkt_difference difference = row ? compare(walk->rules, object, row) : BKT_DIFFERENCE_READ;
    return walk->fn(walk->ctx, difference, object, row, err);
}

/* The objects that come before `key`: they have no state. */
static int visit_before(struct walk *walk, const struct bkt_str *key, struct bkt_error *err)
{
    struct bkt_merge *merge = walk->merge;
    while (merge->next_object < merge->page.object_count) {
        const struct bkt_object *object = &merge->page.objects[merge->next_object];
        if (key && bkt_str_cmp(object->key, *key) >= 0)
            return BKT_OK;
        merge->next_object++;
        int rc = visit(walk, object, NULL, err);
        if (rc)
            return rc;
    }
    return BKT_OK;
}

static int on_row(void *ctx, const struct bkt_state_row *row, struct bkt_error *err)
{
    struct walk *walk = ctx;
    struct bkt_merge *merge = walk->merge;
    int rc = visit_before(walk, &row->key, err);
    if (rc)
        return rc;

    const struct bkt_object *object = merge->next_object < merge->page.object_count
                                          ? &merge->page.objects[merge->next_object]
                                          : NULL;
    if (object && bkt_str_eq(object->key, row->key)) {
        merge->next_object++;
        rc = visit(walk, object, row, err);
    } else {
        rc = gone(walk, row, err);
    }
    if (rc || --walk->rows_left > 0)
        return rc;
    /* The last row of this run.  Not into `after`: the scan under way may still look at that. */
    return bkt_buf_set(&merge->last, row->key);
}

int bkt_merge_run(struct bkt_merge *merge,
                  const struct bkt_merge_rules *rules,
                  const struct bkt_table_target *target,
                  size_t limit,
                  struct bkt_merge_counts *counts,
                  bkt_difference_fn *fn,
                  void *ctx,
                  struct bkt_error *err)
{
    struct walk walk = {
        .merge = merge, .rules = rules, .counts = counts, .rows_left = limit, .fn = fn, .ctx = ctx};
    struct bkt_scan scan = {
        .after = merge->after.len > 0 ? bkt_buf_str(&merge->after) : merge->covered.span.after,
        .up_to = merge->covered.span.up_to,
        .has_up_to = merge->covered.span.has_up_to,
        .limit = limit,
    };
    size_t count = 0;
    int rc = target->ops->scan(target->self, &scan, on_row, &walk, &count, err);
    if (rc)
        return rc;
    if (count == limit) {
        struct bkt_buf done = merge->after;
        merge->after = merge->last;
        merge->last = done;
        return BKT_OK;
    }
    merge->is_done = true;
    return visit_before(&walk, NULL, err);
}
