#include "targets/postgres_copy.h"

#include "targets/postgres_error.h"
#include "targets/postgres_run.h"
#include "targets/postgres_state.h"

#include <stdio.h>

/* Bytes of contents that one round trip carries; a larger content goes alone. */
enum { CHUNK_BYTES = 8 << 20 };

/* New rows from which on the round trips more that COPY takes are worth it. */
enum { COPIED_ROWS_MIN = 50 };

#define MARK_SQL "SAVEPOINT bucketable_rows; "

int bkt_postgres_undo_marked(struct bkt_postgres_writer *writer, struct bkt_error *err)
{
    static const struct bkt_postgres_statement statements[] = {
        {"ROLLBACK TO SAVEPOINT bucketable_rows", NULL},
        {"RELEASE SAVEPOINT bucketable_rows", NULL},
    };
    return bkt_postgres_run(&writer->conn, "write", statements, 2, NULL, err);
}

static bool is_new_row(const struct bkt_postgres_item *item)
{
    return item->change->op == BKT_CHANGE_UPSERT && item->change->outcome == BKT_OUTCOME_APPLIED &&
           !item->change->had_row;
}

/* 42501, 0A000 and their kind: the statement itself, whatever the rows. */
static bool is_copy_forbidden(const struct bkt_postgres *conn)
{
    return bkt_postgres_said(conn, "42") || bkt_postgres_said(conn, "0A");
}

/* What the server refuses goes back to the savepoint that `sql` may begin with. */
static int copy(struct bkt_postgres_writer *writer,
                const char *sql,
                struct bkt_str data,
                bool *out_is_refused,
                struct bkt_error *err)
{
    int rc = bkt_postgres_copy(&writer->conn, "write", sql, data, out_is_refused, err);
    if (rc || !*out_is_refused)
        return rc;
    writer->has_no_copy = is_copy_forbidden(&writer->conn);
    return bkt_postgres_undo_marked(writer, err);
}

static int copy_rows(struct bkt_postgres_writer *writer,
                     const struct bkt_postgres_item *items,
                     size_t count,
                     bool with_mark,
                     bool *out_is_refused,
                     struct bkt_error *err)
{
    struct bkt_postgres_rows *rows = &writer->rows[BKT_POSTGRES_COPY];
    struct bkt_str data = {0};
    int rc = BKT_OK;
    bkt_postgres_rows_reset(rows);
    for (size_t i = 0; i < count && rc == BKT_OK; i++) {
        if (is_new_row(&items[i]))
            rc = bkt_postgres_rows_add(rows, items[i].change);
    }
    if (rc == BKT_OK && rows->count == 0)
        return BKT_OK;
    if (rc == BKT_OK)
        rc = bkt_postgres_rows_data(rows, &data);
    if (rc)
        return bkt_postgres_fail_as(writer, rc, err);
    struct bkt_buf sql = BKT_BUF_INIT(BKT_POSTGRES_SQL_BYTES);
    rc = bkt_buf_printf(&sql, "%s%s", with_mark ? MARK_SQL : "", rows->sql.ptr);
    rc = rc ? bkt_postgres_fail_as(writer, rc, err)
            : copy(writer, sql.ptr, data, out_is_refused, err);
    bkt_buf_clear(&sql);
    return rc;
}

int bkt_postgres_copy_new(struct bkt_postgres_writer *writer,
                          const struct bkt_postgres_batch *batch,
                          struct bkt_postgres_item *items,
                          size_t count,
                          struct bkt_error *err)
{
    bool is_refused = false;
    size_t new_count = 0;
    for (size_t i = 0; i < count; i++)
        new_count += is_new_row(&items[i]);
    if (new_count < COPIED_ROWS_MIN || writer->has_no_copy || batch->is_copy_refused)
        return BKT_OK;
    int rc = copy_rows(writer, items, count, true, &is_refused, err);
    for (size_t i = 0; rc == BKT_OK && !is_refused && i < count; i++)
        items[i].is_copied = is_new_row(&items[i]);
    return rc;
}

size_t bkt_postgres_chunk_end(const struct bkt_postgres_batch *batch, size_t first)
{
    size_t end = first;
    size_t bytes = 0;
    do {
        bytes += batch->items[end].change->content.len;
        end++;
    } while (end < batch->count && bytes + batch->items[end].change->content.len <= CHUNK_BYTES);
    return end;
}

static int copy_states(struct bkt_postgres_writer *writer,
                       struct bkt_postgres_batch *batch,
                       bool *out_is_refused,
                       struct bkt_error *err)
{
    struct bkt_postgres_array rows;
    struct bkt_str data = {0};
    struct bkt_buf sql = BKT_BUF_INIT(BKT_POSTGRES_SQL_BYTES);
    bkt_postgres_array_init(&rows, BKT_POSTGRES_INT8);
    int rc = bkt_buf_printf(&sql, "%s%s", MARK_SQL, bkt_postgres_state_copy_sql);
    for (size_t i = 0; i < batch->count && rc == BKT_OK; i++) {
        if (is_new_row(&batch->items[i]))
            rc = bkt_postgres_state_copy_row(&rows, batch->items[i].change, batch->clock.clock);
    }
    if (rc == BKT_OK)
        rc = bkt_postgres_copy_finish(&rows, &data);
    rc = rc ? bkt_postgres_fail_as(writer, rc, err)
            : copy(writer, sql.ptr, data, out_is_refused, err);
    bkt_postgres_array_clear(&rows);
    bkt_buf_clear(&sql);
    return rc;
}

int bkt_postgres_copy_all(struct bkt_postgres_writer *writer,
                          struct bkt_postgres_batch *batch,
                          struct bkt_error *err)
{
    bool is_refused = false;
    size_t first = 0;
    size_t new_count = 0;
    for (size_t i = 0; i < batch->count; i++)
        new_count += is_new_row(&batch->items[i]);
    int rc = new_count > 0 ? copy_states(writer, batch, &is_refused, err) : BKT_OK;
    writer->expects_new = !is_refused;
    while (rc == BKT_OK && new_count > 0 && !is_refused && first < batch->count) {
        size_t end = bkt_postgres_chunk_end(batch, first);
        rc = copy_rows(writer, batch->items + first, end - first, false, &is_refused, err);
        batch->is_copy_refused = is_refused;
        first = end;
    }
    batch->is_copied = !is_refused;
    return rc;
}

bool bkt_postgres_may_all_be_new(const struct bkt_postgres_writer *writer,
                                 const struct bkt_postgres_batch *batch)
{
    bool may_be = writer->expects_new && !writer->has_no_copy && batch->count >= COPIED_ROWS_MIN;
    for (size_t i = 0; i < batch->count && may_be; i++)
        may_be = batch->items[i].change->op == BKT_CHANGE_UPSERT;
    return may_be;
}
