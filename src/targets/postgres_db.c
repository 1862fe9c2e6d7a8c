#include "targets/postgres_db.h"

#include "core/mem.h"
#include "targets/libpq_load.h"
#include "targets/postgres_error.h"
#include "targets/sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static int note_name(struct bkt_postgres *conn, struct bkt_str table, struct bkt_error *err)
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
    int rc = note_name(conn, table, err);
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

static void ignore_notice(void *ctx, const PGresult *result)
{
    (void)ctx;
    (void)result;
}

int bkt_postgres_connect(struct bkt_postgres *conn, struct bkt_error *err)
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
        return bkt_postgres_connect_failed(conn, err);
    (void)PQsetNoticeReceiver(conn->conn, ignore_notice, NULL);
    return BKT_OK;
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

static int append_mark(const void *ctx, char mark, struct bkt_buf *out)
{
    const struct bkt_postgres *conn = ctx;
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
            rc = bkt_sql_quote(out, "", conn->schema);
            if (rc == BKT_OK && names[i].before)
                rc = bkt_buf_append_char(out, '.');
        }
        if (rc == BKT_OK && names[i].before)
            rc = bkt_sql_quote(out, names[i].before, names[i].has_table ? conn->table : "");
    }
    return rc;
}

int bkt_postgres_expand(const struct bkt_postgres *conn, const char *sql, struct bkt_buf *out)
{
    return bkt_sql_expand(sql, append_mark, conn, out);
}
