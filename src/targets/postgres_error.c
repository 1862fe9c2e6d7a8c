#include "targets/postgres_error.h"

#include "core/escape.h"
#include "targets/libpq_load.h"

#include <ctype.h>
#include <stdio.h>
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

int bkt_postgres_server_failed(struct bkt_postgres *conn,
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

int bkt_postgres_lost(struct bkt_postgres *conn, const char *doing, struct bkt_error *err)
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

int bkt_postgres_connect_failed(struct bkt_postgres *conn, struct bkt_error *err)
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

bool bkt_postgres_said(const struct bkt_postgres *conn, const char *sqlstate)
{
    return strncmp(conn->sqlstate, sqlstate, strlen(sqlstate)) == 0;
}

bool bkt_postgres_is_conflict(const struct bkt_postgres *conn)
{
    /* 40003 is no conflict: whether it was committed is not known. */
    return bkt_postgres_said(conn, "40001") || bkt_postgres_said(conn, "40P01");
}

bool bkt_postgres_is_barred(const struct bkt_postgres *conn)
{
    return bkt_postgres_said(conn, "42") || bkt_postgres_said(conn, "23505");
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
