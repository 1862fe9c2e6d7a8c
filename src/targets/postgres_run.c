#include "targets/postgres_run.h"

#include "targets/libpq_load.h"
#include "targets/postgres_error.h"

static void add_param(struct bkt_postgres_params *params, Oid type, const char *value, size_t len)
{
    int i = params->count++;
    params->types[i] = type;
    params->values[i] = value;
    params->lengths[i] = (int)len;
}

void bkt_postgres_param(struct bkt_postgres_params *params,
                        enum bkt_postgres_type type,
                        struct bkt_str bytes)
{
    add_param(params, (Oid)type, bytes.ptr ? bytes.ptr : "", bytes.len);
}

struct bkt_postgres_params bkt_postgres_table_param(const struct bkt_postgres *conn)
{
    struct bkt_postgres_params params = {0};
    bkt_postgres_param(&params, BKT_POSTGRES_TEXT, bkt_str_from(conn->table));
    return params;
}

void bkt_postgres_param_int(struct bkt_postgres_params *params, int64_t number)
{
    char *bytes = params->numbers[params->count];
    bkt_postgres_put_int((uint64_t)number, 8, bytes);
    add_param(params, BKT_POSTGRES_INT8, bytes, 8);
}

int bkt_postgres_param_array(struct bkt_postgres_params *params, struct bkt_postgres_array *array)
{
    struct bkt_str bytes;
    int rc = bkt_postgres_array_finish(array, &bytes);
    if (rc == BKT_OK)
        add_param(params, (Oid)bkt_postgres_array_type(array), bytes.ptr, bytes.len);
    return rc;
}

static int send_statement(const struct bkt_postgres *conn,
                          const char *sql,
                          const struct bkt_postgres_params *params)
{
    static const struct bkt_postgres_params none;
    int formats[BKT_POSTGRES_PARAMS_MAX];
    for (int i = 0; i < BKT_POSTGRES_PARAMS_MAX; i++)
        formats[i] = 1;
    if (!params)
        params = &none;
    return PQsendQueryParams(conn->conn, sql, params->count, params->types, params->values,
                             params->lengths, formats, 1);
}

/* The expanded texts, one after the other with their NULs; before anything is sent, so that running
 * out of memory leaves no half of a pipeline behind. */
static int expand_all(const struct bkt_postgres *conn,
                      const struct bkt_postgres_statement *statements,
                      size_t count,
                      struct bkt_buf *out)
{
    int rc = BKT_OK;
    for (size_t i = 0; i < count && rc == BKT_OK; i++) {
        if (!statements[i].sql)
            continue;
        rc = bkt_postgres_expand(conn, statements[i].sql, out);
        if (rc == BKT_OK)
            rc = bkt_buf_append_char(out, '\0');
    }
    return rc;
}

static bool send_all(const struct bkt_postgres *conn,
                     const struct bkt_postgres_statement *statements,
                     size_t count,
                     const char *sql)
{
    bool sent = PQenterPipelineMode(conn->conn) == 1;
    for (size_t i = 0; i < count && sent; i++) {
        if (!statements[i].sql)
            continue;
        sent = send_statement(conn, sql, statements[i].params) == 1;
        sql += strlen(sql) + 1;
    }
    return sent && PQpipelineSync(conn->conn) == 1;
}

/* Every statement's result and a NULL after it, then the one for the sync. */
static bool receive_all(const struct bkt_postgres *conn,
                        const struct bkt_postgres_statement *statements,
                        size_t count,
                        PGresult **results,
                        PGresult **out_failed)
{
    for (size_t i = 0; i < count; i++) {
        if (!statements[i].sql)
            continue;
        PGresult *result = PQgetResult(conn->conn);
        if (!result)
            return false;
        ExecStatusType status = PQresultStatus(result);
        if (status == PGRES_FATAL_ERROR && !*out_failed) {
            *out_failed = result;
        } else {
            results[i] = result;
        }
        while (status != PGRES_PIPELINE_SYNC && (result = PQgetResult(conn->conn)) != NULL)
            PQclear(result);
        if (PQstatus(conn->conn) != CONNECTION_OK)
            return false;
    }
    PGresult *sync = PQgetResult(conn->conn);
    bool is_synced = PQresultStatus(sync) == PGRES_PIPELINE_SYNC;
    PQclear(sync);
    return is_synced && PQexitPipelineMode(conn->conn) == 1;
}

int bkt_postgres_run(struct bkt_postgres *conn,
                     const char *doing,
                     const struct bkt_postgres_statement *statements,
                     size_t count,
                     PGresult **results,
                     struct bkt_error *err)
{
    PGresult *found[BKT_POSTGRES_STATEMENTS_MAX] = {0};
    PGresult *failed = NULL;
    struct bkt_buf sql = BKT_BUF_INIT(BKT_POSTGRES_SQL_BYTES);
    conn->sqlstate[0] = '\0';
    int rc = expand_all(conn, statements, count, &sql);
    if (rc) {
        rc = bkt_postgres_fail(conn, rc, doing, err, bkt_error_text(rc));
        goto done;
    }
    rc = bkt_postgres_connect(conn, err);
    if (rc)
        goto done;
    bool is_whole = send_all(conn, statements, count, bkt_buf_str(&sql).ptr) &&
                    receive_all(conn, statements, count, found, &failed);
    if (failed && PQresultErrorField(failed, PG_DIAG_SQLSTATE)) {
        rc = bkt_postgres_server_failed(conn, doing, failed, err);
    } else if (failed || !is_whole) {
        rc = bkt_postgres_lost(conn, doing, err);
    }

done:
    PQclear(failed);
    for (size_t i = 0; i < count; i++) {
        if (rc == BKT_OK && results) {
            results[i] = found[i];
        } else {
            PQclear(found[i]);
        }
    }
    bkt_buf_clear(&sql);
    return rc;
}

int bkt_postgres_exec(struct bkt_postgres *conn,
                      const char *doing,
                      const char *sql,
                      const struct bkt_postgres_params *params,
                      PGresult **out_result,
                      struct bkt_error *err)
{
    struct bkt_postgres_statement statement = {sql, params};
    return bkt_postgres_run(conn, doing, &statement, 1, out_result, err);
}

int bkt_postgres_run_or_make(struct bkt_postgres *conn,
                             const char *doing,
                             const char *make_sql,
                             const struct bkt_postgres_statement *statements,
                             size_t count,
                             PGresult **results,
                             struct bkt_error *err)
{
    int rc = bkt_postgres_run(conn, doing, statements, count, results, err);
    if (rc != BKT_ETARGET || !bkt_postgres_said(conn, "42P01"))
        return rc;
    bkt_postgres_rollback(conn);
    rc = bkt_postgres_exec(conn, doing, make_sql, NULL, NULL, err);
    return rc ? rc : bkt_postgres_run(conn, doing, statements, count, results, err);
}

static bool put_copy_data(PGconn *conn, struct bkt_str data)
{
    enum { PIECE_BYTES = 1 << 20 };
    while (data.len > 0) {
        size_t len = data.len < PIECE_BYTES ? data.len : PIECE_BYTES;
        if (PQputCopyData(conn, data.ptr, (int)len) != 1)
            return false;
        data = (struct bkt_str){data.ptr + len, data.len - len};
    }
    return PQputCopyEnd(conn, NULL) == 1;
}

int bkt_postgres_copy(struct bkt_postgres *conn,
                      const char *doing,
                      const char *sql,
                      struct bkt_str data,
                      bool *out_is_refused,
                      struct bkt_error *err)
{
    struct bkt_buf text = BKT_BUF_INIT(BKT_POSTGRES_SQL_BYTES);
    conn->sqlstate[0] = '\0';
    int rc = bkt_postgres_expand(conn, sql, &text);
    PGresult *result = rc ? NULL : PQexec(conn->conn, text.ptr);
    bkt_buf_clear(&text);
    if (rc)
        return bkt_postgres_fail(conn, rc, doing, err, bkt_error_text(rc));
    bool is_done = true;
    if (PQresultStatus(result) == PGRES_COPY_IN) {
        PQclear(result);
        is_done = put_copy_data(conn->conn, data);
        result = is_done ? PQgetResult(conn->conn) : NULL;
    }
    bool is_copied = PQresultStatus(result) == PGRES_COMMAND_OK;
    if (!is_done || PQstatus(conn->conn) != CONNECTION_OK) {
        rc = bkt_postgres_lost(conn, doing, err);
    } else if (!is_copied) {
        rc = bkt_postgres_server_failed(conn, doing, result, err);
        if (conn->conn && !bkt_postgres_is_conflict(conn))
            rc = BKT_OK;
    }
    PQclear(result);
    while (conn->conn && (result = PQgetResult(conn->conn)) != NULL)
        PQclear(result);
    if (rc == BKT_OK)
        *out_is_refused = !is_copied;
    return rc;
}

struct bkt_str bkt_postgres_str(const PGresult *result, int row, int column)
{
    return (struct bkt_str){PQgetvalue(result, row, column),
                            (size_t)PQgetlength(result, row, column)};
}

int64_t bkt_postgres_int(const PGresult *result, int row, int column)
{
    return bkt_postgres_get_int(PQgetvalue(result, row, column),
                                (size_t)PQgetlength(result, row, column));
}
