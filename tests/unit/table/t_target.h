/*
 * A target with the state of a few keys in memory and nothing that goes wrong by itself, for the
 * tests of what stands above it.  The rules are table_target.h's; the simulation has the rest.
 */
#ifndef TESTS_TABLE_T_TARGET_H
#define TESTS_TABLE_T_TARGET_H

#include "table/table_target.h"

#include <stdio.h>
#include <stdlib.h>

enum { T_ROWS_MAX = 40, T_TEXT_BYTES = 64 };

struct t_row {
    char key[T_TEXT_BYTES];
    char content[T_TEXT_BYTES];
    char etag[T_TEXT_BYTES];
    char failed_etag[T_TEXT_BYTES];
    char reason[T_TEXT_BYTES];
    unsigned flags;
    uint64_t revision;
    uint64_t size;
    uint32_t decode;
    bool is_staged;
    uint64_t staged_read_at;
};

struct t_target {
    struct t_row rows[T_ROWS_MAX]; /* in the order of their keys */
    size_t count;
    struct bkt_clock clock;
    int fail_rc; /* the next call of the writer fails so, once */
    bool fail_is_retriable;
    unsigned applies, durable_applies, listings_ended;
};

static inline void t_copy(char out[T_TEXT_BYTES], struct bkt_str text)
{
    (void)snprintf(out, T_TEXT_BYTES, "%.*s", BKT_STR_ARG(text));
}

static inline struct t_row *t_find(struct t_target *target, struct bkt_str key)
{
    for (size_t i = 0; i < target->count; i++) {
        if (bkt_str_eq(bkt_str_from(target->rows[i].key), key))
            return &target->rows[i];
    }
    return NULL;
}

/* A copy to look at; all-zero without state. */
static inline struct t_row t_look(struct t_target *target, struct bkt_str key)
{
    const struct t_row *row = t_find(target, key);
    return row ? *row : (struct t_row){.flags = 0};
}

static inline struct t_row *t_find_or_add(struct t_target *target, struct bkt_str key)
{
    struct t_row *row = t_find(target, key);
    size_t at = target->count;
    if (row)
        return row;
    for (; at > 0 && bkt_str_cmp(bkt_str_from(target->rows[at - 1].key), key) > 0; at--)
        target->rows[at] = target->rows[at - 1];
    target->count++;
    target->rows[at] = (struct t_row){.flags = 0};
    t_copy(target->rows[at].key, key);
    return &target->rows[at];
}

static inline int t_fail(struct t_target *target, struct bkt_error *err)
{
    int rc = target->fail_rc;
    target->fail_rc = BKT_OK;
    if (rc == BKT_OK)
        return BKT_OK;
    (void)bkt_error_set(err, rc, "the test wants it so");
    err->retriable = target->fail_is_retriable;
    return rc;
}

static inline int t_scan(void *self,
                         const struct bkt_scan *scan,
                         bkt_state_fn *fn,
                         void *ctx,
                         size_t *out_count,
                         struct bkt_error *err)
{
    struct t_target *target = self;
    size_t count = 0;
    for (size_t i = 0; i < target->count && count < scan->limit; i++) {
        const struct t_row *row = &target->rows[i];
        struct bkt_state_row state = {.key = bkt_str_from(row->key),
                                      .etag = bkt_str_from(row->etag),
                                      .failed_etag = bkt_str_from(row->failed_etag),
                                      .revision = row->revision,
                                      .size = row->size,
                                      .last_modified_ms = INT64_MIN,
                                      .decode = row->decode,
                                      .flags = row->flags};
        if (bkt_str_cmp(state.key, scan->after) <= 0 ||
            (scan->has_up_to && bkt_str_cmp(state.key, scan->up_to) > 0))
            continue;
        int rc = fn(ctx, &state, err);
        if (rc)
            return rc;
        count++;
    }
    *out_count = count;
    return BKT_OK;
}

static inline void t_apply_one(struct t_target *target, struct bkt_change *change)
{
    struct t_row *row = t_find_or_add(target, change->object.key);
    struct bkt_str none = {"", 0};
    change->had_row = row->flags & BKT_STATE_ROW;
    change->outcome = BKT_OUTCOME_REFUSED;
    if (row->revision > change->read_at || target->clock.floor > change->read_at)
        return;
    if (change->op == BKT_CHANGE_TOUCH &&
        !(change->had_row && bkt_str_eq(bkt_str_from(row->etag), change->object.etag)))
        return;
    change->outcome = BKT_OUTCOME_REJECTED;
    if (change->op == BKT_CHANGE_UPSERT && bkt_str_has_prefix(change->content, BKT_STR("!"))) {
        (void)snprintf(change->reject_reason, sizeof(change->reject_reason), "begins with !");
        return;
    }
    change->outcome = BKT_OUTCOME_APPLIED;
    row->revision = target->clock.clock;
    if (change->op == BKT_CHANGE_UPSERT) {
        row->flags = BKT_STATE_ROW | (change->replaced ? BKT_STATE_REPLACED : 0u);
        t_copy(row->content, change->content);
        t_copy(row->etag, change->object.etag);
        row->size = change->object.size;
        row->decode = change->decode;
    } else if (change->op == BKT_CHANGE_DELETE) {
        row->flags = 0;
    } else if (change->op == BKT_CHANGE_TOUCH) {
        row->flags &= BKT_STATE_ROW | BKT_STATE_REPLACED;
    } else {
        row->flags |=
            BKT_STATE_FAILED | (change->failed_by_content ? BKT_STATE_FAILED_CONTENT : 0u);
        t_copy(row->reason, change->reason);
        t_copy(row->failed_etag, change->failed_by_content ? change->object.etag : none);
    }
}

static inline int t_apply(void *self,
                          struct bkt_change *changes,
                          size_t count,
                          bool durable,
                          struct bkt_clock *out_clock,
                          struct bkt_error *err)
{
    struct t_target *target = self;
    int rc = t_fail(target, err);
    if (rc)
        return rc;
    target->applies++;
    target->durable_applies += durable;
    target->clock.clock++;
    for (size_t i = 0; i < count; i++) {
        changes[i].reject_reason[0] = '\0';
        t_apply_one(target, &changes[i]);
    }
    *out_clock = target->clock;
    return BKT_OK;
}

static inline int t_begin_listing(void *self, struct bkt_clock *out_clock, struct bkt_error *err)
{
    struct t_target *target = self;
    int rc = t_fail(target, err);
    if (rc)
        return rc;
    target->clock.floor = ++target->clock.clock;
    for (size_t i = 0; i < target->count; i++)
        target->rows[i].is_staged = false;
    *out_clock = target->clock;
    return BKT_OK;
}

static inline int t_stage(void *self,
                          const struct bkt_absence *absences,
                          size_t count,
                          struct bkt_error *err)
{
    struct t_target *target = self;
    int rc = t_fail(target, err);
    for (size_t i = 0; i < count && rc == BKT_OK; i++) {
        struct t_row *row = t_find_or_add(target, absences[i].key);
        row->is_staged = true;
        row->staged_read_at = absences[i].read_at;
    }
    return rc;
}

static inline int t_sweep(void *self,
                          struct bkt_sweep *sweep,
                          struct bkt_clock *out_clock,
                          struct bkt_error *err)
{
    struct t_target *target = self;
    int rc = t_fail(target, err);
    if (rc)
        return rc;
    sweep->row_count = 0;
    for (size_t i = 0; i < target->count; i++)
        sweep->row_count += target->rows[i].is_staged && (target->rows[i].flags & BKT_STATE_ROW);
    if (sweep->is_limited && sweep->row_count > sweep->limit)
        return bkt_error_set(err, BKT_EGUARD, "too many");
    target->clock.clock++;
    for (size_t i = 0; i < target->count; i++) {
        struct t_row *row = &target->rows[i];
        if (!row->is_staged || row->flags == 0)
            continue;
        if (row->revision > row->staged_read_at || target->clock.floor > row->staged_read_at) {
            sweep->refused(sweep->ctx, bkt_str_from(row->key));
            continue;
        }
        if (row->flags & BKT_STATE_ROW)
            sweep->deleted(sweep->ctx, bkt_str_from(row->key));
        row->flags = 0;
        row->revision = target->clock.clock;
    }
    *out_clock = target->clock;
    return BKT_OK;
}

static inline int t_end_listing(void *self,
                                const struct bkt_listing_record *record,
                                struct bkt_error *err)
{
    struct t_target *target = self;
    (void)record;
    int rc = t_fail(target, err);
    target->listings_ended += rc == BKT_OK;
    return rc;
}

static inline int t_count_failed(void *self, uint64_t *out_count, struct bkt_error *err)
{
    (void)self;
    (void)err;
    *out_count = 0;
    return BKT_OK;
}

static const struct bkt_table_target_ops t_target_ops = {
    .name = "test",
    .scan = t_scan,
    .apply = t_apply,
    .begin_listing = t_begin_listing,
    .stage = t_stage,
    .sweep = t_sweep,
    .end_listing = t_end_listing,
    .count_failed = t_count_failed,
};

#endif
