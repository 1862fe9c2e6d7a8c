#include "targets/sqlite_reader.h"

#include "core/mem.h"
#include "targets/sqlite_record.h"
#include "targets/sqlite_shape.h"
#include "targets/sqlite_state.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

enum { PIECE_BYTES = 64 << 10 };

enum statement { READ_ERROR, FIND_ROW, ROWS, STATEMENT_COUNT };

static const char *const statement_sql[STATEMENT_COUNT] = {
    [READ_ERROR] = "SELECT error FROM @S WHERE filename = ?1",
    [FIND_ROW] = "SELECT filename, rowid, typeof(content) FROM @T WHERE filename = ?1",
    /* Blobs, which no key of ours is, come after all texts and would break the order. */
    [ROWS] = ("SELECT filename, rowid, typeof(content) FROM @T WHERE filename >= ''"
              " AND typeof(filename) = 'text' ORDER BY filename"),
};

struct reader {
    struct bkt_sqlite conn; /* closed when there is no file */
    bool has_rows;
    bool is_new; /* there is no table */
    struct bkt_sqlite_state_scan scan;
    sqlite3_stmt *stmts[STATEMENT_COUNT];
    sqlite3_blob *content; /* of the row told last, or of one before it */
    bool has_content;
};

static int fail(const struct reader *reader, int status, struct bkt_error *err)
{
    char doing[BKT_SQLITE_NAME_BYTES + 32];
    (void)snprintf(doing, sizeof(doing), "read table %s in", reader->conn.table);
    return bkt_sqlite_fail(&reader->conn, status, doing, err);
}

static int statement(struct reader *reader,
                     enum statement which,
                     sqlite3_stmt **out_stmt,
                     struct bkt_error *err)
{
    int rc = BKT_OK;
    if (!reader->stmts[which])
        rc = bkt_sqlite_prepare(&reader->conn, statement_sql[which], &reader->stmts[which], err);
    if (rc == BKT_OK) {
        (void)sqlite3_reset(reader->stmts[which]);
        *out_stmt = reader->stmts[which];
    }
    return rc;
}

/* Rows elsewhere whose batch was cut off are unknown until the table is attached. */
static int check_pending(const struct reader *reader, struct bkt_error *err)
{
    int64_t pending = 0;
    int rc = bkt_sqlite_number(&reader->conn, "SELECT count(*) FROM @P", &pending, err);
    if (rc || pending == 0)
        return rc;
    return bkt_error_set(err, BKT_EUNSUPPORTED,
                         "%s: the last run was cut off in the middle of a batch: run sync first",
                         reader->conn.path);
}

static int compare_record(const struct reader *reader,
                          const struct bkt_table_spec *spec,
                          const struct bkt_sqlite_record *record,
                          const struct bkt_sqlite_shape *shape,
                          struct bkt_attached *out,
                          struct bkt_error *err)
{
    if (!record->same_source)
        return bkt_sqlite_record_foreign(&reader->conn, record, err);
    const struct bkt_sqlite_shape *rows = reader->has_rows ? shape : NULL;
    int rc = bkt_sqlite_shape_check(&reader->conn, spec, record, rows, err);
    if (rc == BKT_OK && !rows)
        rc = check_pending(reader, err);
    if (rc)
        return rc;
    *out = (struct bkt_attached){
        .clock = record->clock,
        .row_count = record->row_count,
        .spec_changed = !record->same_spec,
        .columns_changed = bkt_sqlite_shape_lacks(spec, record, rows),
    };
    return BKT_OK;
}

static int read_table(const struct reader *reader,
                      const struct bkt_table_spec *spec,
                      struct bkt_sqlite_record *record,
                      struct bkt_sqlite_shape *shape,
                      struct bkt_error *err)
{
    bool is_kept = false;
    int rc = bkt_sqlite_exec(&reader->conn, "BEGIN", err);
    if (rc == BKT_OK)
        rc = bkt_sqlite_record_is_kept(&reader->conn, &is_kept, err);
    if (rc == BKT_OK && is_kept)
        rc = bkt_sqlite_record_read(&reader->conn, spec, !reader->has_rows, NULL, record, err);
    return rc ? rc : bkt_sqlite_shape_read(&reader->conn, shape, err);
}

static int peek(void *self,
                const struct bkt_table_spec *spec,
                struct bkt_attached *out,
                struct bkt_error *err)
{
    struct reader *reader = self;
    struct bkt_sqlite_record record = {0};
    struct bkt_sqlite_shape shape = {0};
    struct bkt_attached attached = {.is_new = true};
    int rc = reader->conn.db ? read_table(reader, spec, &record, &shape, err) : BKT_OK;
    if (rc)
        return rc;
    if (shape.exists && (!record.exists || !shape.is_table)) {
        rc = bkt_sqlite_record_missing(&reader->conn, err);
    } else if (record.exists && (shape.exists || !reader->has_rows)) {
        rc = compare_record(reader, spec, &record, &shape, &attached, err);
    }
    if (rc)
        return rc;
    reader->is_new = attached.is_new;
    *out = attached;
    return BKT_OK;
}

static int scan(void *self,
                const struct bkt_scan *range,
                bkt_state_fn *fn,
                void *ctx,
                size_t *out_count,
                struct bkt_error *err)
{
    struct reader *reader = self;
    if (reader->is_new) {
        *out_count = 0;
        return BKT_OK;
    }
    return bkt_sqlite_state_scan(&reader->scan, &reader->conn, range, fn, ctx, out_count, err);
}

static int read_error(void *self, struct bkt_str key, struct bkt_buf *out, struct bkt_error *err)
{
    struct reader *reader = self;
    if (reader->is_new)
        return BKT_OK;
    sqlite3_stmt *stmt = NULL;
    int rc = statement(reader, READ_ERROR, &stmt, err);
    if (rc)
        return rc;
    (void)bkt_sqlite_bind_blob(stmt, 1, key);
    int status = sqlite3_step(stmt);
    if (status == SQLITE_ROW) {
        rc = bkt_buf_append(out, bkt_sqlite_column(stmt, 0));
        if (rc)
            (void)bkt_error_set(err, rc, "read the state: %s", bkt_error_text(rc));
    } else if (status != SQLITE_DONE) {
        rc = fail(reader, status, err);
    }
    (void)sqlite3_reset(stmt);
    return rc;
}

static int begin_rows(void *self, struct bkt_error *err)
{
    struct reader *reader = self;
    sqlite3_stmt *stmt;
    reader->has_content = false;
    return reader->is_new ? BKT_OK : statement(reader, ROWS, &stmt, err);
}

/* The content is opened, not read: its length is known before its bytes are touched. */
static int open_content(struct reader *reader, sqlite3_int64 rowid)
{
    if (reader->content)
        return sqlite3_blob_reopen(reader->content, rowid);
    return sqlite3_blob_open(reader->conn.db, "main", reader->conn.table, "content", rowid, 0,
                             &reader->content);
}

static int tell_row(struct reader *reader,
                    sqlite3_stmt *stmt,
                    struct bkt_table_row *out_row,
                    bool *out_has_row,
                    struct bkt_error *err)
{
    *out_has_row = false;
    reader->has_content = false;
    int status = sqlite3_step(stmt);
    if (status == SQLITE_DONE) {
        (void)sqlite3_reset(stmt);
        return BKT_OK;
    }
    if (status != SQLITE_ROW)
        return fail(reader, status, err);

    struct bkt_table_row row = {.key = bkt_sqlite_column(stmt, 0)};
    struct bkt_str type = bkt_sqlite_column(stmt, 2);
    if (bkt_str_eq(type, BKT_STR("text"))) {
        row.kind = BKT_CONTENT_TEXT;
    } else if (bkt_str_eq(type, BKT_STR("blob"))) {
        row.kind = BKT_CONTENT_BYTES;
    }
    reader->has_content = row.kind != BKT_CONTENT_NONE;
    if (reader->has_content) {
        status = open_content(reader, sqlite3_column_int64(stmt, 1));
        if (status)
            return fail(reader, status, err);
        row.content_len = (uint64_t)sqlite3_blob_bytes(reader->content);
    }
    *out_row = row;
    *out_has_row = true;
    return BKT_OK;
}

static int find_row(void *self,
                    struct bkt_str key,
                    struct bkt_table_row *out_row,
                    bool *out_has_row,
                    struct bkt_error *err)
{
    struct reader *reader = self;
    sqlite3_stmt *stmt = NULL;
    *out_has_row = false;
    int rc = reader->is_new ? BKT_OK : statement(reader, FIND_ROW, &stmt, err);
    if (rc || !stmt)
        return rc;
    int status = bkt_sqlite_bind_text(stmt, 1, key);
    return status ? fail(reader, status, err) : tell_row(reader, stmt, out_row, out_has_row, err);
}

static int next_row(void *self,
                    struct bkt_table_row *out_row,
                    bool *out_has_row,
                    struct bkt_error *err)
{
    struct reader *reader = self;
    *out_has_row = false;
    return reader->is_new ? BKT_OK
                          : tell_row(reader, reader->stmts[ROWS], out_row, out_has_row, err);
}

static int read_content(void *self, struct bkt_buf *out, struct bkt_error *err)
{
    struct reader *reader = self;
    if (!reader->has_content)
        return BKT_OK;
    int len = sqlite3_blob_bytes(reader->content);
    char piece[PIECE_BYTES];
    for (int at = 0; at < len;) {
        int count = len - at < PIECE_BYTES ? len - at : PIECE_BYTES;
        int status = sqlite3_blob_read(reader->content, piece, count, at);
        if (status)
            return fail(reader, status, err);
        int rc = bkt_buf_append(out, (struct bkt_str){piece, (size_t)count});
        if (rc) {
            return bkt_error_set(err, rc, "read table %s: %s", reader->conn.table,
                                 bkt_error_text(rc));
        }
        at += count;
    }
    return BKT_OK;
}

static void reader_free(void *self)
{
    struct reader *reader = self;
    if (!reader)
        return;
    (void)sqlite3_blob_close(reader->content);
    for (size_t i = 0; i < STATEMENT_COUNT; i++)
        (void)sqlite3_finalize(reader->stmts[i]);
    bkt_sqlite_state_scan_clear(&reader->scan);
    if (reader->conn.db)
        bkt_sqlite_rollback(&reader->conn);
    bkt_sqlite_close(&reader->conn);
    bkt_mem_free(reader);
}

static const struct bkt_table_target_ops ops = {
    .name = "sqlite",
    .scan = scan,
    .free = reader_free,
    .peek = peek,
    .read_error = read_error,
    .find_row = find_row,
    .begin_rows = begin_rows,
    .next_row = next_row,
    .read_content = read_content,
};

/* Rows that are elsewhere cannot be looked at from here. */
static const struct bkt_table_target_ops state_ops = {
    .name = "sqlite",
    .scan = scan,
    .free = reader_free,
    .peek = peek,
    .read_error = read_error,
};

/*
 * As a writer that does not write, where that may be: then SQLite tidies up its side files when it
 * is done, which it leaves lying for whoever may only read.
 */
int bkt_sqlite_open_to_look(struct bkt_sqlite *conn,
                            const char *path,
                            struct bkt_str table,
                            struct bkt_error *err)
{
    if (access(path, W_OK) == 0)
        return bkt_sqlite_open(conn, path, table, BKT_SQLITE_SCAN, err);
    return bkt_sqlite_open(conn, path, table, BKT_SQLITE_READ, err);
}

int bkt_sqlite_reader_new(const char *path,
                          struct bkt_str table,
                          bool has_rows,
                          struct bkt_table_target *out_target,
                          struct bkt_error *err)
{
    struct reader *reader = bkt_mem_calloc(1, sizeof(*reader));
    if (!reader)
        return bkt_error_set(err, BKT_ENOMEM, "open %s: out of memory", path);
    reader->has_rows = has_rows;
    bool is_there = access(path, F_OK) == 0 || errno != ENOENT;
    int rc = is_there ? bkt_sqlite_open_to_look(&reader->conn, path, table, err) : BKT_OK;
    if (rc) {
        reader_free(reader);
        return rc;
    }
    *out_target = (struct bkt_table_target){.ops = has_rows ? &ops : &state_ops, .self = reader};
    return BKT_OK;
}
