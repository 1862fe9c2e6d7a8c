/* apply() of table_target.h. */
#include "targets/change.h"
#include "targets/postgres_state.h"
#include "targets/postgres_writer.h"

#include "core/mem.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* Bytes of contents that one round trip carries; a larger content goes alone. */
enum { CHUNK_BYTES = 8 << 20 };

/* New rows from which on the two round trips more that COPY takes are worth it. */
enum { COPIED_ROWS_MIN = 50 };

/* A change on its way through. */
struct item {
    struct bkt_change *change;
    struct bkt_postgres_state before;
    bool is_unfit;  /* no row can hold it: known before anything is sent */
    bool is_copied; /* the row is written */
};

struct batch {
    struct item *items; /* in the order of keys */
    size_t count;
    bool durable;
    struct bkt_postgres_array keys;
    struct bkt_postgres_states states;
    PGresult *known; /* what the items' `before` are views of */
    struct bkt_clock clock;
};

static int out_of(const struct bkt_postgres_writer *writer, int rc, struct bkt_error *err)
{
    return bkt_postgres_fail(&writer->conn, rc, "write", err, bkt_error_text(rc));
}

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
static void match_known(struct batch *batch)
{
    int rows = PQntuples(batch->known);
    int row = 0;
    for (size_t i = 0; i < batch->count; i++) {
        struct item *item = &batch->items[i];
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

static int begin(struct bkt_postgres_writer *writer, struct batch *batch, struct bkt_error *err)
{
    struct bkt_postgres_params params = {0};
    bkt_postgres_array_reset(&batch->keys);
    int rc = BKT_OK;
    for (size_t i = 0; i < batch->count && rc == BKT_OK; i++)
        rc = bkt_postgres_array_add(&batch->keys, batch->items[i].change->object.key);
    if (rc == BKT_OK)
        rc = bkt_postgres_param_array(&params, &batch->keys);
    if (rc)
        return out_of(writer, rc, err);
    struct bkt_postgres_statement get = {bkt_postgres_state_get_sql, &params};
    PQclear(batch->known);
    batch->known = NULL;
    rc = bkt_postgres_writer_begin(writer, BKT_POSTGRES_CLOCK, batch->durable, get, &batch->known,
                                   &batch->clock, err);
    if (rc == BKT_OK)
        match_known(batch);
    return rc;
}

static void decide(const struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct item *item = &batch->items[i];
        struct bkt_change *change = item->change;
        const struct bkt_state_row *before = &item->before.row;
        change->had_row = (before->flags & BKT_STATE_ROW) != 0;
        change->outcome = item->is_unfit ? BKT_OUTCOME_REJECTED : BKT_OUTCOME_APPLIED;
        if (bkt_change_is_refused(change, batch->clock.floor, before->revision, before->flags,
                                  before->etag))
            change->outcome = BKT_OUTCOME_REFUSED;
    }
}

/* What the row itself is at fault for: data, constraints, limits, a trigger that raises. */
static bool is_rejection(const struct bkt_postgres *conn)
{
    static const char *const classes[] = {"22", "23", "38", "39", "44", "54", "P0"};
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        if (strncmp(conn->sqlstate, classes[i], 2) == 0)
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
                  const struct item *items,
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
                        const struct item *items,
                        size_t count,
                        bool is_second,
                        bool *out_is_missing,
                        struct bkt_error *err)
{
    struct bkt_postgres_statement ops[BKT_POSTGRES_ROW_OP_COUNT];
    int rc = gather(writer, items, count, ops);
    if (rc)
        return out_of(writer, rc, err);
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
    if (is_second)
        return updates > 0 ? bkt_postgres_run(&writer->conn, "write", second, 3, NULL, err)
                           : BKT_OK;

    PGresult *results[sizeof(first) / sizeof(first[0])] = {0};
    rc = bkt_postgres_run(&writer->conn, "write", first, 6, results, err);
    if (rc)
        return rc;
    *out_is_missing = updates > 0 && strtoull(PQcmdTuples(results[UPDATE_AT]), NULL, 10) < updates;
    for (size_t i = 0; i < 6; i++)
        PQclear(results[i]);
    return BKT_OK;
}

static int undo_marked(struct bkt_postgres_writer *writer, struct bkt_error *err)
{
    static const struct bkt_postgres_statement statements[] = {
        {"ROLLBACK TO SAVEPOINT bucketable_rows", NULL},
        {"RELEASE SAVEPOINT bucketable_rows", NULL},
    };
    return bkt_postgres_run(&writer->conn, "write", statements, 2, NULL, err);
}

static size_t count_applied(const struct item *items, size_t count, size_t *out_last)
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
                      struct item *items,
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
    rc = undo_marked(writer, err);
    if (rc || applied == 1)
        return rc;
    rc = write_rows(writer, items, count / 2, is_second, err);
    return rc ? rc : write_rows(writer, items + count / 2, count - count / 2, is_second, err);
}

static bool is_new_row(const struct item *item)
{
    return item->change->op == BKT_CHANGE_UPSERT && item->change->outcome == BKT_OUTCOME_APPLIED &&
           !item->change->had_row;
}

/*
 * COPY what is new, when it is much.  Where one of the rows is at fault, or the table has a row
 * that the state does not know, or COPY is not allowed, nothing is copied: the usual way tells them
 * apart.
 */
static int copy_new(struct bkt_postgres_writer *writer,
                    struct item *items,
                    size_t count,
                    struct bkt_error *err)
{
    static const struct bkt_postgres_statement mark = {"SAVEPOINT bucketable_rows", NULL};
    static const struct bkt_postgres_statement unmark = {"RELEASE SAVEPOINT bucketable_rows", NULL};
    struct bkt_postgres_rows *rows = &writer->rows[BKT_POSTGRES_COPY];
    struct bkt_str data = {0};
    size_t new_count = 0;
    for (size_t i = 0; i < count; i++)
        new_count += is_new_row(&items[i]);
    if (new_count < COPIED_ROWS_MIN || writer->has_no_copy)
        return BKT_OK;

    bkt_postgres_rows_reset(rows);
    int rc = BKT_OK;
    for (size_t i = 0; i < count && rc == BKT_OK; i++) {
        if (is_new_row(&items[i]))
            rc = bkt_postgres_rows_add(rows, items[i].change);
    }
    if (rc == BKT_OK)
        rc = bkt_postgres_rows_data(rows, &data);
    if (rc)
        return out_of(writer, rc, err);
    bool is_refused = false;
    rc = bkt_postgres_run(&writer->conn, "write", &mark, 1, NULL, err);
    if (rc == BKT_OK)
        rc = bkt_postgres_copy(&writer->conn, "write", rows->sql.ptr, data, &is_refused, err);
    if (rc)
        return rc;
    if (is_refused) {
        /* 42501, 0A000 and their kind: the statement, whatever the rows. */
        const char *sqlstate = writer->conn.sqlstate;
        writer->has_no_copy = strncmp(sqlstate, "42", 2) == 0 || strncmp(sqlstate, "0A", 2) == 0;
        return undo_marked(writer, err);
    }
    for (size_t i = 0; i < count; i++)
        items[i].is_copied = is_new_row(&items[i]);
    return bkt_postgres_run(&writer->conn, "write", &unmark, 1, NULL, err);
}

static int write_chunks(struct bkt_postgres_writer *writer,
                        const struct batch *batch,
                        struct bkt_error *err)
{
    int rc = BKT_OK;
    size_t first = 0;
    while (first < batch->count && rc == BKT_OK) {
        size_t end = first;
        size_t bytes = 0;
        do {
            bytes += batch->items[end].change->content.len;
            end++;
        } while (end < batch->count &&
                 bytes + batch->items[end].change->content.len <= CHUNK_BYTES);
        rc = copy_new(writer, batch->items + first, end - first, err);
        if (rc == BKT_OK)
            rc = write_rows(writer, batch->items + first, end - first, false, err);
        first = end;
    }
    return rc;
}

/* The states of what was applied, the counters, the commit. */
static int finish(struct bkt_postgres_writer *writer, struct batch *batch, struct bkt_error *err)
{
    static const char counts_sql[] =
        "UPDATE @R SET row_count = row_count + $2::int8, failed_count = failed_count + $3::int8"
        " WHERE table_name = $1::text";
    int64_t rows = 0;
    int64_t failed = 0;
    int rc = BKT_OK;
    struct bkt_postgres_params states = {0};
    struct bkt_postgres_params counts = {0};
    bkt_postgres_states_clear(&batch->states);
    for (size_t i = 0; i < batch->count && rc == BKT_OK; i++) {
        const struct item *item = &batch->items[i];
        if (item->change->outcome != BKT_OUTCOME_APPLIED)
            continue;
        unsigned before = item->before.row.flags;
        unsigned after = bkt_change_flags(item->change, before);
        rows += (int)(after & BKT_STATE_ROW) - (int)(before & BKT_STATE_ROW);
        failed += (after & BKT_STATE_FAILED) != 0;
        failed -= (before & BKT_STATE_FAILED) != 0;
        rc = bkt_postgres_states_add(&batch->states, item->change, &item->before);
    }
    if (rc == BKT_OK)
        rc = bkt_postgres_states_params(&batch->states, batch->clock.clock, &states);
    if (rc)
        return out_of(writer, rc, err);
    bkt_postgres_param(&counts, BKT_POSTGRES_TEXT, bkt_str_from(writer->conn.table));
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
    struct batch *batch = ctx;
    int rc = begin(writer, batch, err);
    if (rc)
        return rc;
    decide(batch);
    rc = write_chunks(writer, batch, err);
    return rc ? rc : finish(writer, batch, err);
}

static void note_changes(const struct bkt_postgres_writer *writer,
                         struct bkt_change *changes,
                         size_t count,
                         struct item *items)
{
    for (size_t i = 0; i < count; i++) {
        struct bkt_change *change = &changes[i];
        assert(i == 0 || bkt_str_cmp(changes[i - 1].object.key, change->object.key) < 0);
        const char *reason = unfit_for(writer, change);
        (void)snprintf(change->reject_reason, sizeof(change->reject_reason), "%s",
                       reason ? reason : "");
        items[i] = (struct item){.change = change, .is_unfit = reason != NULL};
    }
}

int bkt_postgres_writer_apply(struct bkt_postgres_writer *writer,
                              struct bkt_change *changes,
                              size_t count,
                              bool durable,
                              struct bkt_clock *out_clock,
                              struct bkt_error *err)
{
    struct batch batch = {.count = count, .durable = durable};
    batch.items = bkt_mem_alloc((count > 0 ? count : 1) * sizeof(*batch.items));
    if (!batch.items)
        return out_of(writer, BKT_ENOMEM, err);
    note_changes(writer, changes, count, batch.items);
    bkt_postgres_array_init(&batch.keys, BKT_POSTGRES_BYTEA);
    bkt_postgres_states_init(&batch.states);

    int rc = bkt_postgres_writer_do(writer, apply_once, &batch, err);
    if (rc == BKT_OK) {
        writer->clock = batch.clock.clock;
        *out_clock = batch.clock;
    }
    PQclear(batch.known);
    bkt_postgres_states_clear(&batch.states);
    bkt_postgres_array_clear(&batch.keys);
    bkt_mem_free(batch.items);
    return rc;
}
