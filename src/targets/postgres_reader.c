#include "targets/postgres_reader.h"

#include "core/mem.h"
#include "targets/libpq_load.h"
#include "targets/postgres_error.h"
#include "targets/postgres_run.h"
#include "targets/postgres_shape.h"
#include "targets/postgres_state.h"

enum { PAGE_ROWS = 1000, CONTENTS_BYTES_MAX = 4 << 20 };

struct reader {
    struct bkt_postgres conn;
    bool is_new; /* there is no table */
    bool is_binary;
    bool has_rows; /* the cursor is open */
    PGresult *found;
    PGresult *page; /* of the cursor's rows */
    int row_count;  /* of that page's rows those that were told */
    int read_count; /* those up to the one whose content was read last */
    PGresult *contents;
    int contents_first; /* the row of the page that they begin with */
};

/* Whether the schema is there, and one may make a table in it. */
static int check_schema(struct bkt_postgres *conn, struct bkt_error *err)
{
    struct bkt_postgres_params params = {0};
    PGresult *result = NULL;
    bkt_postgres_param(&params, BKT_POSTGRES_TEXT, bkt_str_from(conn->schema));
    int rc = bkt_postgres_exec(conn, "look at",
                               "SELECT has_schema_privilege(oid, 'CREATE') FROM pg_namespace"
                               " WHERE nspname = $1::text",
                               &params, &result, err);
    if (rc)
        return rc;
    if (PQntuples(result) == 0) {
        rc = bkt_postgres_fail(conn, BKT_ETARGET, "look at", err,
                               "there is no such schema: create it: CREATE SCHEMA");
    } else if (bkt_postgres_int(result, 0, 0) == 0) {
        rc = bkt_postgres_fail_to_make(conn, "permission denied for the schema", err);
    }
    PQclear(result);
    return rc;
}

static int read_record(struct bkt_postgres *conn,
                       const struct bkt_table_spec *spec,
                       struct bkt_postgres_record *record,
                       struct bkt_error *err)
{
    struct bkt_postgres_params params = bkt_postgres_table_param(conn);
    PGresult *result = NULL;
    bool has_records = false;
    int rc = bkt_postgres_exists(conn, "@R", &has_records, err);
    if (rc || !has_records)
        return rc;
    rc = bkt_postgres_exec(conn, "look at",
                           "SELECT " BKT_POSTGRES_RECORD_COLUMNS
                           " FROM @R WHERE table_name = $1::text",
                           &params, &result, err);
    if (rc == BKT_OK && PQntuples(result) > 0)
        rc = bkt_postgres_record_read(conn, result, spec, record, err);
    PQclear(result);
    return rc;
}

static int peek(void *self,
                const struct bkt_table_spec *spec,
                struct bkt_attached *out,
                struct bkt_error *err)
{
    struct reader *reader = self;
    struct bkt_postgres *conn = &reader->conn;
    struct bkt_postgres_record record = {0};
    struct bkt_postgres_shape shape = {0};
    struct bkt_attached attached = {0};
    int rc = bkt_postgres_find_schema(conn, err);
    if (rc == BKT_OK)
        rc = bkt_postgres_begin_look(conn, err);
    if (rc == BKT_OK)
        rc = read_record(conn, spec, &record, err);
    if (rc == BKT_OK)
        rc = bkt_postgres_shape_read(conn, &shape, err);
    if (rc == BKT_OK && !shape.exists)
        rc = check_schema(conn, err);
    if (rc == BKT_OK)
        rc = bkt_postgres_shape_compare(conn, spec, &record, &shape, &attached, err);
    if (rc)
        return rc;
    reader->is_new = attached.is_new;
    reader->is_binary = shape.is_binary;
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
    return bkt_postgres_state_scan(&reader->conn, range, fn, ctx, out_count, err);
}

static int out_of(const struct reader *reader, int rc, struct bkt_error *err)
{
    return rc ? bkt_postgres_fail(&reader->conn, rc, "read", err, bkt_error_text(rc)) : rc;
}

static int read_error(void *self, struct bkt_str key, struct bkt_buf *out, struct bkt_error *err)
{
    struct reader *reader = self;
    struct bkt_postgres_params params = {0};
    PGresult *result = NULL;
    if (reader->is_new)
        return BKT_OK;
    bkt_postgres_param(&params, BKT_POSTGRES_BYTEA, key);
    int rc =
        bkt_postgres_exec(&reader->conn, "read the state of",
                          "SELECT error FROM @S WHERE filename = $1::bytea", &params, &result, err);
    if (rc == BKT_OK && PQntuples(result) > 0)
        rc = out_of(reader, bkt_buf_append(out, bkt_postgres_str(result, 0, 0)), err);
    PQclear(result);
    return rc;
}

#define ROW_SQL     "SELECT filename, octet_length(content)::int8 FROM @T"
#define CONTENT_SQL "SELECT content FROM @T WHERE filename = ANY ($1::text[])"

/* By the bytes that the key has in S3, which a database in another encoding has not. */
#define ORDER_SQL       " ORDER BY filename COLLATE \"C\""
#define OTHER_ORDER_SQL " ORDER BY convert_to(filename, 'UTF8')"

static bool is_utf8(const struct reader *reader)
{
    const char *encoding = PQparameterStatus(reader->conn.conn, "server_encoding");
    return encoding && strcmp(encoding, "UTF8") == 0;
}

static struct bkt_table_row row_at(const struct reader *reader, const PGresult *result, int row)
{
    bool is_null = PQgetisnull(result, row, 1);
    return (struct bkt_table_row){
        .key = bkt_postgres_str(result, row, 0),
        .kind = is_null             ? BKT_CONTENT_NONE
                : reader->is_binary ? BKT_CONTENT_BYTES
                                    : BKT_CONTENT_TEXT,
        .content_len = (uint64_t)bkt_postgres_int(result, row, 1),
    };
}

static int find_row(void *self,
                    struct bkt_str key,
                    struct bkt_table_row *out_row,
                    bool *out_has_row,
                    struct bkt_error *err)
{
    struct reader *reader = self;
    struct bkt_postgres_params params = {0};
    *out_has_row = false;
    if (reader->is_new || !bkt_postgres_is_text(key))
        return BKT_OK;
    PQclear(reader->found);
    reader->found = NULL;
    bkt_postgres_param(&params, BKT_POSTGRES_TEXT, key);
    int rc = bkt_postgres_exec(&reader->conn, "read", ROW_SQL " WHERE filename = $1::text", &params,
                               &reader->found, err);
    if (rc == BKT_OK && PQntuples(reader->found) > 0) {
        *out_row = row_at(reader, reader->found, 0);
        *out_has_row = true;
    }
    return rc;
}

static void forget_page(struct reader *reader)
{
    PQclear(reader->page);
    PQclear(reader->contents);
    reader->page = NULL;
    reader->contents = NULL;
    reader->row_count = 0;
    reader->read_count = 0;
}

/* The key's own index is in the order of the database's locale; this one sorts, once. */
static int begin_rows(void *self, struct bkt_error *err)
{
    struct reader *reader = self;
    if (reader->is_new)
        return BKT_OK;
    const struct bkt_postgres_statement statements[] = {
        {reader->has_rows ? "CLOSE bucketable_rows" : NULL, NULL},
        {is_utf8(reader) ? "DECLARE bucketable_rows NO SCROLL CURSOR FOR " ROW_SQL ORDER_SQL
                         : "DECLARE bucketable_rows NO SCROLL CURSOR FOR " ROW_SQL OTHER_ORDER_SQL,
         NULL},
    };
    forget_page(reader);
    int rc = bkt_postgres_run(&reader->conn, "read", statements, 2, NULL, err);
    reader->has_rows = rc == BKT_OK;
    return rc;
}

static int next_row(void *self,
                    struct bkt_table_row *out_row,
                    bool *out_has_row,
                    struct bkt_error *err)
{
    struct reader *reader = self;
    *out_has_row = false;
    if (reader->is_new)
        return BKT_OK;
    if (!reader->page || reader->row_count == PAGE_ROWS) {
        char sql[64];
        (void)snprintf(sql, sizeof(sql), "FETCH FORWARD %d FROM bucketable_rows", PAGE_ROWS);
        forget_page(reader);
        int rc = bkt_postgres_exec(&reader->conn, "read", sql, NULL, &reader->page, err);
        if (rc)
            return rc;
    }
    if (reader->row_count < PQntuples(reader->page)) {
        *out_row = row_at(reader, reader->page, reader->row_count++);
        *out_has_row = true;
    }
    return BKT_OK;
}

/*
 * The contents of rows of the page from `first` on, so that reading each of them is not a round
 * trip each.  Whoever has skipped rows gets one, since more may not be wanted.
 */
static int fetch_contents(struct reader *reader, int first, struct bkt_error *err)
{
    const char *sql = is_utf8(reader) ? CONTENT_SQL ORDER_SQL : CONTENT_SQL OTHER_ORDER_SQL;
    struct bkt_postgres_array keys;
    struct bkt_postgres_params params = {0};
    bool is_each = first == reader->read_count;
    uint64_t bytes = 0;
    int rc = BKT_OK;
    bkt_postgres_array_init(&keys, BKT_POSTGRES_TEXT);
    for (int row = first; rc == BKT_OK && row < PQntuples(reader->page); row++) {
        bytes += (uint64_t)bkt_postgres_int(reader->page, row, 1);
        if (row > first && (!is_each || bytes > CONTENTS_BYTES_MAX))
            break;
        rc = bkt_postgres_array_add(&keys, bkt_postgres_str(reader->page, row, 0));
    }
    if (rc == BKT_OK)
        rc = bkt_postgres_param_array(&params, &keys);
    rc = out_of(reader, rc, err);
    PQclear(reader->contents);
    reader->contents = NULL;
    if (rc == BKT_OK)
        rc = bkt_postgres_exec(&reader->conn, "read", sql, &params, &reader->contents, err);
    bkt_postgres_array_clear(&keys);
    reader->contents_first = first;
    return rc;
}

static int read_content(void *self, struct bkt_buf *out, struct bkt_error *err)
{
    struct reader *reader = self;
    if (!reader->page || reader->row_count == 0)
        return BKT_OK;
    int row = reader->row_count - 1;
    if (!reader->contents || row - reader->contents_first >= PQntuples(reader->contents)) {
        int rc = fetch_contents(reader, row, err);
        if (rc)
            return rc;
    }
    reader->read_count = reader->row_count;
    struct bkt_str content = bkt_postgres_str(reader->contents, row - reader->contents_first, 0);
    return out_of(reader, bkt_buf_append(out, content), err);
}

static void reader_free(void *self)
{
    struct reader *reader = self;
    if (!reader)
        return;
    forget_page(reader);
    PQclear(reader->found);
    bkt_postgres_clear(&reader->conn);
    bkt_mem_free(reader);
}

static const struct bkt_table_target_ops ops = {
    .name = "postgres",
    .scan = scan,
    .free = reader_free,
    .peek = peek,
    .read_error = read_error,
    .find_row = find_row,
    .begin_rows = begin_rows,
    .next_row = next_row,
    .read_content = read_content,
};

int bkt_postgres_reader_new(struct bkt_str url,
                            struct bkt_str table,
                            struct bkt_table_target *out_target,
                            struct bkt_error *err)
{
    struct reader *reader = bkt_mem_calloc(1, sizeof(*reader));
    if (!reader)
        return bkt_error_set(err, BKT_ENOMEM, "open the target: out of memory");
    int rc = bkt_postgres_init(&reader->conn, url, table, err);
    if (rc) {
        bkt_mem_free(reader);
        return rc;
    }
    *out_target = (struct bkt_table_target){.ops = &ops, .self = reader};
    return BKT_OK;
}
