#include "targets/postgres_apply.h"

#include "core/mem.h"
#include "targets/change.h"
#include "targets/libpq_load.h"
#include "targets/postgres_copy.h"
#include "targets/postgres_error.h"
#include "targets/postgres_run.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static size_t row_bytes(const struct bkt_change *change)
{
    return change->object.key.len + change->content.len + change->extra.metadata.len +
           change->extra.content_type.len;
}

/* With U+FFFD, which has three bytes, for each U+0000. */
static size_t grown_bytes(const struct bkt_change *change)
{
    size_t bytes = row_bytes(change);
    for (size_t i = 0; i < change->content.len; i++)
        bytes += change->content.ptr[i] == '\0' ? 2 : 0;
    return bytes;
}

static const char too_large[] = "it is larger than PostgreSQL's 1 GB for a row";

/* Why no row of this table can hold it, whatever it meets there; NULL: one can. */
static const char *unfit_for(const struct bkt_postgres_writer *writer, struct bkt_change *change)
{
    if (change->op != BKT_CHANGE_UPSERT)
        return NULL;
    if (row_bytes(change) > BKT_POSTGRES_BYTES_MAX)
        return too_large;
    if (!bkt_postgres_is_text(change->object.key))
        return "its key is no UTF-8 text without U+0000, as PostgreSQL's text has to be";
    if (writer->binary)
        return NULL;
    if (change->content_is_bytes)
        return "it is not text, and PostgreSQL's text cannot hold bytes: use --binary";
    if (change->content.len == 0 || !memchr(change->content.ptr, '\0', change->content.len))
        return NULL;
    if (!writer->replace_nul)
        return "it holds U+0000, which PostgreSQL's text cannot";
    change->replaced = true;
    return grown_bytes(change) > BKT_POSTGRES_BYTES_MAX ? too_large : NULL;
}

/* Rows of the state and items are both in the order of keys. */
static void match_known(struct bkt_postgres_batch *batch)
{
    int rows = PQntuples(batch->known);
    int row = 0;
    for (size_t i = 0; i < batch->count; i++) {
        struct bkt_postgres_item *item = &batch->items[i];
        item->before = (struct bkt_postgres_state){0};
        item->is_copied = false;
        if (row == rows)
            continue;
        struct bkt_postgres_state state = bkt_postgres_state_row(batch->known, row);
        if (bkt_str_eq(state.row.key, item->change->object.key)) {
            item->before = state;
            row++;
        }
    }
}

/* The statement that reads the states of all keys. */
static int states_query(struct bkt_postgres_batch *batch,
                        struct bkt_postgres_params *params,
                        struct bkt_postgres_statement *out_get)
{
    bkt_postgres_array_reset(&batch->keys);
    int rc = BKT_OK;
    for (size_t i = 0; i < batch->count && rc == BKT_OK; i++)
        rc = bkt_postgres_array_add(&batch->keys, batch->items[i].change->object.key);
    if (rc == BKT_OK)
        rc = bkt_postgres_param_array(params, &batch->keys);
    *out_get = (struct bkt_postgres_statement){bkt_postgres_state_get_sql, params};
    return rc;
}

static void forget_known(struct bkt_postgres_batch *batch)
{
    PQclear(batch->known);
    batch->known = NULL;
}

static int begin(struct bkt_postgres_writer *writer,
                 struct bkt_postgres_batch *batch,
                 bool with_states,
                 struct bkt_error *err)
{
    struct bkt_postgres_params params = {0};
    struct bkt_postgres_statement get = {0};
    int rc = with_states ? states_query(batch, &params, &get) : BKT_OK;
    if (rc)
        return bkt_postgres_fail_as(writer, rc, err);
    forget_known(batch);
    rc = bkt_postgres_writer_begin(writer, BKT_POSTGRES_CLOCK, batch->durable, get, &batch->known,
                                   &batch->clock, err);
    if (rc == BKT_OK)
        match_known(batch);
    return rc;
}

static void decide(const struct bkt_postgres_writer *writer, const struct bkt_postgres_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct bkt_postgres_item *item = &batch->items[i];
        struct bkt_change *change = item->change;
        const struct bkt_state_row *before = &item->before.row;
        change->had_row = (before->flags & BKT_STATE_ROW) != 0;
        change->outcome = item->is_unfit ? BKT_OUTCOME_REJECTED : BKT_OUTCOME_APPLIED;
        if (change->read_at < writer->void_below ||
            bkt_change_is_refused(change, batch->clock.floor, before->revision, before->flags,
                                  before->etag))
            change->outcome = BKT_OUTCOME_REFUSED;
    }
}

/* What the row itself is at fault for: data, constraints, limits, a trigger that raises. */
static bool is_rejection(const struct bkt_postgres *conn)
{
    static const char *const classes[] = {"22", "23", "38", "39", "44", "54", "P0"};
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        if (bkt_postgres_said(conn, classes[i]))
            return true;
    }
    return false;
}

/* Which statement carries the change; false: none, its state alone is written. */
static bool row_op_of(const struct bkt_postgres_writer *writer,
                      const struct bkt_change *change,
                      enum bkt_postgres_row_op *out_op)
{
    switch (change->op) {
    case BKT_CHANGE_UPSERT:
        /* An update where there is a row, so that BEFORE INSERT triggers fire for new ones only. */
        *out_op = change->had_row ? BKT_POSTGRES_UPDATE : BKT_POSTGRES_INSERT;
        return true;
    case BKT_CHANGE_TOUCH:
        *out_op = BKT_POSTGRES_TOUCH;
        return (writer->columns & BKT_COLUMNS_TOUCHED) != 0;
    case BKT_CHANGE_DELETE:
        *out_op = BKT_POSTGRES_DELETE;
        return bkt_postgres_is_text(change->object.key);
    case BKT_CHANGE_FAIL:
        break;
    }
    return false;
}

static int gather(struct bkt_postgres_writer *writer,
                  const struct bkt_postgres_item *items,
                  size_t count,
                  struct bkt_postgres_statement *statements)
{
    int rc = BKT_OK;
    for (int op = 0; op < BKT_POSTGRES_ROW_OP_COUNT; op++)
        bkt_postgres_rows_reset(&writer->rows[op]);
    for (size_t i = 0; i < count && rc == BKT_OK; i++) {
        enum bkt_postgres_row_op op;
        if (items[i].change->outcome == BKT_OUTCOME_APPLIED && !items[i].is_copied &&
            row_op_of(writer, items[i].change, &op))
            rc = bkt_postgres_rows_add(&writer->rows[op], items[i].change);
    }
    for (int op = 0; op < BKT_POSTGRES_ROW_OP_COUNT && rc == BKT_OK; op++)
        rc = bkt_postgres_rows_finish(&writer->rows[op], &statements[op]);
    return rc;
}

/*
 * Send the items' rows between two marks of a savepoint.  `is_second` is for rows that an update
 * did not find, since somebody has removed them: they are inserted.
 */
static int write_marked(struct bkt_postgres_writer *writer,
                        const struct bkt_postgres_item *items,
                        size_t count,
                        bool is_second,
                        bool *out_is_missing,
                        struct bkt_error *err)
{
    struct bkt_postgres_statement ops[BKT_POSTGRES_ROW_OP_COUNT];
    int rc = gather(writer, items, count, ops);
    if (rc)
        return bkt_postgres_fail_as(writer, rc, err);
    const struct bkt_postgres_statement second[] = {
        {"SAVEPOINT bucketable_rows", NULL},
        {writer->rows[BKT_POSTGRES_MISSING].sql.ptr, ops[BKT_POSTGRES_UPDATE].params},
        {"RELEASE SAVEPOINT bucketable_rows", NULL},
    };
    const struct bkt_postgres_statement first[] = {
        second[0],
        ops[BKT_POSTGRES_DELETE],
        ops[BKT_POSTGRES_INSERT],
        ops[BKT_POSTGRES_UPDATE],
        ops[BKT_POSTGRES_TOUCH],
        second[2],
    };
    enum { UPDATE_AT = 3 };
    size_t updates = writer->rows[BKT_POSTGRES_UPDATE].count;
    if (is_second) {
        return updates > 0 ? bkt_postgres_run(&writer->conn, "write", second, 3, NULL, err)
                           : BKT_OK;
    }

    PGresult *results[sizeof(first) / sizeof(first[0])] = {0};
    rc = bkt_postgres_run(&writer->conn, "write", first, 6, results, err);
    if (rc)
        return rc;
    *out_is_missing = updates > 0 && strtoull(PQcmdTuples(results[UPDATE_AT]), NULL, 10) < updates;
    for (size_t i = 0; i < 6; i++)
        PQclear(results[i]);
    return BKT_OK;
}

static size_t count_applied(const struct bkt_postgres_item *items, size_t count, size_t *out_last)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        if (items[i].change->outcome == BKT_OUTCOME_APPLIED && !items[i].is_copied) {
            *out_last = i;
            found++;
        }
    }
    return found;
}

/*
 * When a row is at fault the whole lot is undone and tried by halves, down to that row: its
 * neighbors are written, at the price of a few more round trips.
 */
static int write_rows(struct bkt_postgres_writer *writer,
                      struct bkt_postgres_item *items,
                      size_t count,
                      bool is_second,
                      struct bkt_error *err)
{
    bool is_missing = false;
    size_t last = 0;
    size_t applied = count_applied(items, count, &last);
    if (applied == 0)
        return BKT_OK;
    int rc = write_marked(writer, items, count, is_second, &is_missing, err);
    if (rc == BKT_OK)
        return is_missing ? write_rows(writer, items, count, true, err) : BKT_OK;
    if (rc != BKT_ETARGET || !writer->conn.conn || !is_rejection(&writer->conn))
        return rc;

    struct bkt_change *change = items[last].change;
    if (applied == 1) {
        change->outcome = BKT_OUTCOME_REJECTED;
        (void)snprintf(change->reject_reason, sizeof(change->reject_reason), "table %s: %.200s",
                       writer->conn.table, writer->conn.said);
    }
    rc = bkt_postgres_undo_marked(writer, err);
    if (rc || applied == 1)
        return rc;
    rc = write_rows(writer, items, count / 2, is_second, err);
    return rc ? rc : write_rows(writer, items + count / 2, count - count / 2, is_second, err);
}

/* The states are read after all. */
static int read_states(struct bkt_postgres_writer *writer,
                       struct bkt_postgres_batch *batch,
                       struct bkt_error *err)
{
    struct bkt_postgres_params params = {0};
    struct bkt_postgres_statement get;
    int rc = states_query(batch, &params, &get);
    if (rc)
        return bkt_postgres_fail_as(writer, rc, err);
    rc = bkt_postgres_run(&writer->conn, "write", &get, 1, &batch->known, err);
    if (rc == BKT_OK)
        match_known(batch);
    return rc;
}

static int write_chunks(struct bkt_postgres_writer *writer,
                        const struct bkt_postgres_batch *batch,
                        struct bkt_error *err)
{
    int rc = BKT_OK;
    size_t first = 0;
    while (first < batch->count && rc == BKT_OK) {
        size_t end = bkt_postgres_chunk_end(batch, first);
        rc = bkt_postgres_copy_new(writer, batch, batch->items + first, end - first, err);
        if (rc == BKT_OK)
            rc = write_rows(writer, batch->items + first, end - first, false, err);
        first = end;
    }
    return rc;
}

/* The states of what was applied, the counters, the commit. */
static int finish(struct bkt_postgres_writer *writer,
                  struct bkt_postgres_batch *batch,
                  struct bkt_error *err)
{
    static const char counts_sql[] =
        "UPDATE @R SET row_count = row_count + $2::int8, failed_count = failed_count + $3::int8"
        " WHERE table_name = $1::text";
    int64_t rows = 0;
    int64_t failed = 0;
    int rc = BKT_OK;
    struct bkt_postgres_params states = {0};
    struct bkt_postgres_params counts = bkt_postgres_table_param(&writer->conn);
    bkt_postgres_states_clear(&batch->states);
    for (size_t i = 0; i < batch->count && rc == BKT_OK; i++) {
        const struct bkt_postgres_item *item = &batch->items[i];
        if (item->change->outcome != BKT_OUTCOME_APPLIED)
            continue;
        unsigned before = item->before.row.flags;
        unsigned after = bkt_change_flags(item->change, before);
        rows += (int)(after & BKT_STATE_ROW) - (int)(before & BKT_STATE_ROW);
        failed += (after & BKT_STATE_FAILED) != 0;
        failed -= (before & BKT_STATE_FAILED) != 0;
        if (!batch->is_copied)
            rc = bkt_postgres_states_add(&batch->states, item->change, &item->before);
    }
    if (rc == BKT_OK)
        rc = bkt_postgres_states_params(&batch->states, batch->clock.clock, &states);
    if (rc)
        return bkt_postgres_fail_as(writer, rc, err);
    bkt_postgres_param_int(&counts, rows);
    bkt_postgres_param_int(&counts, failed);
    struct bkt_postgres_statement put = {batch->states.new_count == batch->states.count
                                             ? bkt_postgres_state_add_sql
                                             : bkt_postgres_state_put_sql,
                                         &states};
    if (batch->states.count == 0)
        put.sql = NULL;
    struct bkt_postgres_statement count = {rows != 0 || failed != 0 ? counts_sql : NULL, &counts};
    return bkt_postgres_writer_commit(writer, put, count, err);
}

static int apply_once(struct bkt_postgres_writer *writer, void *ctx, struct bkt_error *err)
{
    struct bkt_postgres_batch *batch = ctx;
    bool is_new = bkt_postgres_may_all_be_new(writer, batch);
    batch->is_copied = false;
    batch->is_copy_refused = false;
    int rc = begin(writer, batch, !is_new, err);
    if (rc)
        return rc;
    decide(writer, batch);
    if (is_new) {
        rc = bkt_postgres_copy_all(writer, batch, err);
        if (rc || batch->is_copied)
            return rc ? rc : finish(writer, batch, err);
        rc = read_states(writer, batch, err);
        if (rc)
            return rc;
        decide(writer, batch);
    }
    rc = write_chunks(writer, batch, err);
    if (rc)
        return rc;
    rc = finish(writer, batch, err);
    if (rc == BKT_OK) {
        writer->expects_new =
            batch->states.count > 0 && batch->states.new_count == batch->states.count;
    }
    return rc;
}

static void note_changes(const struct bkt_postgres_writer *writer,
                         struct bkt_change *changes,
                         size_t count,
                         struct bkt_postgres_item *items)
{
    for (size_t i = 0; i < count; i++) {
        struct bkt_change *change = &changes[i];
        assert(i == 0 || bkt_str_cmp(changes[i - 1].object.key, change->object.key) < 0);
        const char *reason = unfit_for(writer, change);
        (void)snprintf(change->reject_reason, sizeof(change->reject_reason), "%s",
                       reason ? reason : "");
        items[i] = (struct bkt_postgres_item){.change = change, .is_unfit = reason != NULL};
    }
}

int bkt_postgres_apply(struct bkt_postgres_writer *writer,
                       struct bkt_change *changes,
                       size_t count,
                       bool durable,
                       struct bkt_clock *out_clock,
                       struct bkt_error *err)
{
    struct bkt_postgres_batch batch = {.count = count, .durable = durable};
    batch.items = bkt_mem_alloc((count > 0 ? count : 1) * sizeof(*batch.items));
    if (!batch.items)
        return bkt_postgres_fail_as(writer, BKT_ENOMEM, err);
    note_changes(writer, changes, count, batch.items);
    bkt_postgres_array_init(&batch.keys, BKT_POSTGRES_BYTEA);
    bkt_postgres_states_init(&batch.states);

    int rc = bkt_postgres_writer_do(writer, apply_once, &batch, err);
    if (rc == BKT_OK) {
        bkt_postgres_writer_saw(writer, batch.clock.clock);
        for (size_t i = 0; i < count; i++)
            writer->committed += changes[i].outcome == BKT_OUTCOME_APPLIED;
        *out_clock = batch.clock;
    }
    PQclear(batch.known);
    bkt_postgres_states_clear(&batch.states);
    bkt_postgres_array_clear(&batch.keys);
    bkt_mem_free(batch.items);
    return rc;
}
