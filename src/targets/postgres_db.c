#include "targets/postgres_db.h"

#include "core/escape.h"
#include "core/mem.h"
#include "core/text.h"
#include "core/time.h"
#include "targets/libpq_load.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

enum { TRIES_MAX = 24, WAIT_MS_MAX = 200 };

static const struct {
    const char *sqlstate; /* or the class that it begins with */
    bool retriable;
    const char *text;
} meanings[] = {
    {"08", true, NULL},
    {"25006", true, "it is read-only: name the server that takes writes"},
    {"3D000", false, "create it, or name another"},
    {"3F000", false, "create it: CREATE SCHEMA"},
    {"40", true, NULL},
    {"42501", false, "have an administrator grant it, or make the tables beforehand"},
    {"42703", false, "somebody has changed the table or its state: drop it to have it built again"},
    {"42804", false, "somebody has changed the table or its state: drop it to have it built again"},
    {"42P01", false, "somebody has dropped it: run it again"},
    {"53100", true, "make room"},
    {"53", true, NULL},
    {"55P03", true, "it is locked by another process: try again when that is done"},
    {"57014", true, NULL},
    {"57P", true, NULL},
    {"58", true, NULL},
};

int bkt_postgres_fail(const struct bkt_postgres *conn,
                      int code,
                      const char *doing,
                      struct bkt_error *err,
                      const char *what)
{
    const char *db = conn->conn ? PQdb(conn->conn) : NULL;
    return bkt_error_set(err, code, "%s table %s%s%s%s%s: %s", doing, conn->schema,
                         conn->schema[0] ? "." : "", conn->table, db ? " in database " : "",
                         db ? db : "", what);
}

/* One line of what the server or libpq said. */
static void note_said(struct bkt_postgres *conn, const char *text)
{
    size_t len = strlen(text);
    while (len > 0 && isspace((unsigned char)text[len - 1]))
        len--;
    char line[sizeof(conn->said)];
    size_t used = 0;
    for (size_t i = 0; i < len && used < sizeof(line); i++)
        line[used++] = isspace((unsigned char)text[i]) ? ' ' : text[i];
    bkt_escape((struct bkt_str){line, used}, conn->said, sizeof(conn->said));
}

static int server_failed(struct bkt_postgres *conn,
                         const char *doing,
                         const PGresult *result,
                         struct bkt_error *err)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *said = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    (void)snprintf(conn->sqlstate, sizeof(conn->sqlstate), "%s", sqlstate ? sqlstate : "");
    note_said(conn, said ? said : PQresultErrorMessage(result));

    bool retriable = PQstatus(conn->conn) != CONNECTION_OK;
    const char *text = NULL;
    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
        const char *prefix = meanings[i].sqlstate;
        if (strncmp(conn->sqlstate, prefix, strlen(prefix)) == 0) {
            retriable |= meanings[i].retriable;
            text = meanings[i].text;
            break;
        }
    }
    char what[512];
    (void)snprintf(what, sizeof(what), "%s%s%s", conn->said, text ? ": " : "", text ? text : "");
    (void)bkt_postgres_fail(conn, BKT_ETARGET, doing, err, what);
    if (err)
        err->retriable = retriable;
    /* A server that stopped taking writes is no longer the one to talk to. */
    if (PQstatus(conn->conn) != CONNECTION_OK || strcmp(conn->sqlstate, "25006") == 0)
        bkt_postgres_disconnect(conn);
    return BKT_ETARGET;
}

/* libpq itself failed: the connection is of no use any more. */
static int lost(struct bkt_postgres *conn, const char *doing, struct bkt_error *err)
{
    conn->sqlstate[0] = '\0';
    note_said(conn, PQerrorMessage(conn->conn));
    const char *said = conn->said[0] ? conn->said : "the connection was lost";
    (void)bkt_postgres_fail(conn, BKT_ETARGET, doing, err, said);
    if (err)
        err->retriable = true;
    bkt_postgres_disconnect(conn);
    return BKT_ETARGET;
}

int bkt_postgres_name(struct bkt_postgres *conn, struct bkt_str table, struct bkt_error *err)
{
    static const char reserved[] = "bucketable_";
    struct bkt_str schema = {0};
    const char *dot = table.len > 0 ? memchr(table.ptr, '.', table.len) : NULL;
    if (dot) {
        schema = (struct bkt_str){table.ptr, (size_t)(dot - table.ptr)};
        table = (struct bkt_str){dot + 1, table.len - schema.len - 1};
    }
    if (table.len == 0 || (dot && schema.len == 0) || memchr(table.ptr, '.', table.len)) {
        return bkt_error_set(err, BKT_ECONFIG,
                             "the table's name in PostgreSQL is NAME or SCHEMA.NAME");
    }
    if (table.len > BKT_POSTGRES_TABLE_BYTES || schema.len > BKT_POSTGRES_NAME_BYTES ||
        memchr(table.ptr, '\0', table.len) || (dot && memchr(schema.ptr, '\0', schema.len))) {
        return bkt_error_set(err, BKT_ECONFIG,
                             "the table's name is longer than %d bytes, its schema's than %d, or "
                             "one of them has NULs",
                             BKT_POSTGRES_TABLE_BYTES, BKT_POSTGRES_NAME_BYTES);
    }
    if (table.len >= sizeof(reserved) - 1 &&
        strncasecmp(table.ptr, reserved, sizeof(reserved) - 1) == 0) {
        return bkt_error_set(err, BKT_ECONFIG,
                             "table %.*s: names that begin with %s are reserved: take another",
                             BKT_STR_ARG(table), reserved);
    }
    (void)snprintf(conn->table, sizeof(conn->table), "%.*s", BKT_STR_ARG(table));
    (void)snprintf(conn->schema, sizeof(conn->schema), "%.*s", BKT_STR_ARG(schema));
    return BKT_OK;
}

/*
 * A password with "@" or "/" as they are makes libpq see a part of it as a host, a port or a
 * database, which its messages show: such a URL is not given to it.
 */
static bool is_ambiguous(const char *url)
{
    const char *start = strstr(url, "://");
    if (!start)
        return true;
    start += 3;
    /* To libpq everything up to the first "@" is user and password, unless a "/" comes before. */
    size_t user_len = strcspn(start, "@/");
    const char *host = start[user_len] == '@' ? start + user_len + 1 : start;
    return memchr(host, '@', strcspn(host, "?")) != NULL;
}

int bkt_postgres_init(struct bkt_postgres *conn,
                      struct bkt_str url,
                      struct bkt_str table,
                      struct bkt_error *err)
{
    *conn = (struct bkt_postgres){0};
    int rc = bkt_postgres_name(conn, table, err);
    if (rc == BKT_OK)
        rc = bkt_libpq_load(err);
    if (rc)
        return rc;
    conn->url = bkt_mem_strdup(url.ptr, url.len);
    if (!conn->url)
        return bkt_error_set(err, BKT_ENOMEM, "open the target: out of memory");

    /* libpq's own message may show the part that it cannot read, and that may be a password. */
    PQconninfoOption *options = is_ambiguous(conn->url) ? NULL : PQconninfoParse(conn->url, NULL);
    if (!options) {
        bkt_postgres_clear(conn);
        return bkt_error_set(err, BKT_ECONFIG,
                             "target: libpq cannot read the URL: write "
                             "postgresql://USER:PASSWORD@HOST:PORT/DATABASE?OPTION=VALUE, with "
                             "%%40 for @ and %%2F for / within a part");
    }
    PQconninfoFree(options);
    return BKT_OK;
}

void bkt_postgres_disconnect(struct bkt_postgres *conn)
{
    if (conn->conn)
        PQfinish(conn->conn);
    conn->conn = NULL;
}

void bkt_postgres_clear(struct bkt_postgres *conn)
{
    bkt_postgres_disconnect(conn);
    if (conn->url)
        bkt_mem_wipe(conn->url, strlen(conn->url));
    bkt_mem_free(conn->url);
    *conn = (struct bkt_postgres){0};
}

/* What stands before "dbname" in the list is a default: the URL says otherwise. */
struct setting {
    const char *name;
    const char *value;
    const char *environment; /* which says otherwise too */
};

/* There is no SQLSTATE for a connection that was not made; the words may be in any language. */
static const char *connect_hint(const char *said)
{
    static const struct {
        const char *words;
        const char *more;
        const char *hint;
    } hints[] = {
        {"session is read-only", "", "name the server that takes writes"},
        {"database \"", "does not exist", "create it, or name another"},
        {"password authentication failed", "", "set PGPASSWORD, or write it into ~/.pgpass"},
        {"no password supplied", "", "set PGPASSWORD, or write it into ~/.pgpass"},
        {"too many", "", "a sync needs two connections"},
        {"remaining connection slots", "", "a sync needs two connections"},
    };
    for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
        if (strstr(said, hints[i].words) && strstr(said, hints[i].more))
            return hints[i].hint;
    }
    return "";
}

static int connect_failed(struct bkt_postgres *conn, struct bkt_error *err)
{
    conn->sqlstate[0] = '\0';
    note_said(conn, conn->conn ? PQerrorMessage(conn->conn) : "out of memory");
    const char *hint = connect_hint(conn->said);
    (void)bkt_error_set(err, BKT_ETARGET, "connect to PostgreSQL: %s%s%s", conn->said,
                        hint[0] ? ": " : "", hint);
    if (err)
        err->retriable = conn->is_known;
    bkt_postgres_disconnect(conn);
    return BKT_ETARGET;
}

static void ignore_notice(void *ctx, const PGresult *result)
{
    (void)ctx;
    (void)result;
}

static int ensure_connected(struct bkt_postgres *conn, struct bkt_error *err)
{
    static const struct setting settings[] = {
        {"connect_timeout", "10", "PGCONNECT_TIMEOUT"},
        {"keepalives_idle", "30", NULL},
        {"keepalives_interval", "10", NULL},
        {"keepalives_count", "3", NULL},
        {"tcp_user_timeout", "60000", NULL},
        {"fallback_application_name", "bucketable", NULL},
        /* A standby lags, and the state is to be read after what was committed before. */
        {"target_session_attrs", "read-write", "PGTARGETSESSIONATTRS"},
    };
    enum { SETTINGS = sizeof(settings) / sizeof(settings[0]) };
    const char *names[SETTINGS + 3] = {0};
    const char *values[SETTINGS + 3] = {0};
    size_t count = 0;
    if (conn->conn)
        return BKT_OK;
    for (size_t i = 0; i < SETTINGS; i++) {
        if (settings[i].environment && getenv(settings[i].environment))
            continue;
        names[count] = settings[i].name;
        values[count++] = settings[i].value;
    }
    names[count] = "dbname";
    values[count++] = conn->url;
    names[count] = "client_encoding";
    values[count] = "UTF8";
    conn->conn = PQconnectdbParams(names, values, 1);
    if (PQstatus(conn->conn) != CONNECTION_OK)
        return connect_failed(conn, err);
    (void)PQsetNoticeReceiver(conn->conn, ignore_notice, NULL);
    return BKT_OK;
}

int bkt_postgres_find_schema(struct bkt_postgres *conn, struct bkt_error *err)
{
    PGresult *result = NULL;
    if (conn->schema[0])
        return BKT_OK;
    int rc = bkt_postgres_exec(conn, "find", "SELECT current_schema()", NULL, &result, err);
    if (rc)
        return rc;
    struct bkt_str schema = bkt_postgres_str(result, 0, 0);
    if (schema.len == 0 || schema.len > BKT_POSTGRES_NAME_BYTES) {
        rc =
            bkt_postgres_fail(conn, BKT_ETARGET, "find", err,
                              "no schema of the search path exists: name one, --table SCHEMA.NAME");
    } else {
        (void)snprintf(conn->schema, sizeof(conn->schema), "%.*s", BKT_STR_ARG(schema));
    }
    PQclear(result);
    return rc;
}

int bkt_postgres_begin_look(struct bkt_postgres *conn, struct bkt_error *err)
{
    return bkt_postgres_exec(conn, "look at", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
                             NULL, NULL, err);
}

bool bkt_postgres_is_text(struct bkt_str bytes)
{
    return !(bytes.len > 0 && memchr(bytes.ptr, '\0', bytes.len)) &&
           bkt_utf8_valid_len(bytes) == bytes.len;
}

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

int bkt_postgres_quote(struct bkt_buf *out, const char *before, const char *name)
{
    int rc = bkt_buf_printf(out, "\"%s", before);
    for (; rc == BKT_OK && *name; name++) {
        if (*name == '"')
            rc = bkt_buf_append_char(out, '"');
        if (rc == BKT_OK)
            rc = bkt_buf_append_char(out, *name);
    }
    return rc ? rc : bkt_buf_append_char(out, '"');
}

static int append_mark(const struct bkt_postgres *conn, char mark, struct bkt_buf *out)
{
    static const struct {
        const char *before;
        char mark;
        bool has_schema;
        bool has_table;
    } names[] = {
        {"", 'T', true, true},
        {"bucketable_state_", 'S', true, true},
        {"bucketable_absent_", 'A', true, true},
        {"bucketable_tables", 'R', true, false},
        {"bucketable_boundaries", 'B', true, false},
        {"bucketable_leases", 'L', true, false},
        {"bucketable_workers", 'W', true, false},
        {"bucketable_odd_", 'I', false, true},
        {NULL, 'N', true, false},
    };
    int rc = BKT_OK;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && rc == BKT_OK; i++) {
        if (names[i].mark != mark)
            continue;
        if (names[i].has_schema && conn->schema[0]) {
            rc = bkt_postgres_quote(out, "", conn->schema);
            if (rc == BKT_OK && names[i].before)
                rc = bkt_buf_append_char(out, '.');
        }
        if (rc == BKT_OK && names[i].before)
            rc = bkt_postgres_quote(out, names[i].before, names[i].has_table ? conn->table : "");
    }
    return rc;
}

int bkt_postgres_expand(const struct bkt_postgres *conn, const char *sql, struct bkt_buf *out)
{
    int rc = BKT_OK;
    while (rc == BKT_OK && *sql) {
        size_t len = strcspn(sql, "@");
        rc = bkt_buf_append(out, (struct bkt_str){sql, len});
        sql += len;
        if (rc == BKT_OK && *sql) {
            rc = append_mark(conn, sql[1], out);
            sql += 2;
        }
    }
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
    rc = ensure_connected(conn, err);
    if (rc)
        goto done;
    bool is_whole = send_all(conn, statements, count, bkt_buf_str(&sql).ptr) &&
                    receive_all(conn, statements, count, found, &failed);
    if (failed && PQresultErrorField(failed, PG_DIAG_SQLSTATE)) {
        rc = server_failed(conn, doing, failed, err);
    } else if (failed || !is_whole) {
        rc = lost(conn, doing, err);
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
        rc = lost(conn, doing, err);
    } else if (!is_copied) {
        rc = server_failed(conn, doing, result, err);
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

void bkt_postgres_rollback(struct bkt_postgres *conn)
{
    if (!conn->conn || PQtransactionStatus(conn->conn) == PQTRANS_IDLE)
        return;
    PGresult *result = PQexec(conn->conn, "ROLLBACK");
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        bkt_postgres_disconnect(conn);
    PQclear(result);
}

bool bkt_postgres_said(const struct bkt_postgres *conn, const char *sqlstate)
{
    return strncmp(conn->sqlstate, sqlstate, strlen(sqlstate)) == 0;
}

bool bkt_postgres_is_conflict(const struct bkt_postgres *conn)
{
    /* 40003 is no conflict: whether it was committed is not known. */
    return bkt_postgres_said(conn, "40001") || bkt_postgres_said(conn, "40P01");
}

bool bkt_postgres_wait(unsigned attempt)
{
    if (attempt >= TRIES_MAX)
        return false;
    /* Those that met wait for different times, or they would meet again. */
    unsigned ms_max = attempt < 8 ? 1u << attempt : WAIT_MS_MAX;
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    long us = (long)((unsigned long)now.tv_nsec / 7 % (ms_max * 1000ul));
    struct timespec pause = {.tv_nsec = us * 1000};
    (void)nanosleep(&pause, NULL);
    return true;
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
