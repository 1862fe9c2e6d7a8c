#include "targets/sqlite_db.h"

#include "core/mem.h"
#include "core/time.h"
#include "targets/sql.h"

#include <errno.h>
#include <stdio.h>

enum { BUSY_MS = 10000, WAL_TRIES = 100, WAL_WAIT_MS = 50 };

static const char *const write_pragmas[] = {
    /* Only a file that is made just now takes it: 8 KiB pages write 1 KiB rows 1.4 times faster. */
    "PRAGMA page_size = 8192",
    "PRAGMA synchronous = NORMAL",
    "PRAGMA cache_size = -65536",
    "PRAGMA wal_autocheckpoint = 10000",
};

static const char *describe(int primary)
{
    switch (primary) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return "it is locked by another process: try again when that is done";
    case SQLITE_FULL:
        return "the disk is full: make room";
    case SQLITE_READONLY:
        return "it is read-only: check the permissions of the file and of its folder";
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return "permission denied";
    case SQLITE_NOTADB:
        return "it is no SQLite database: name another file";
    case SQLITE_CORRUPT:
        return "the file is damaged: restore it, or remove it to have the table built again";
    default:
        return NULL;
    }
}

int bkt_sqlite_fail(const struct bkt_sqlite *conn, int rc, const char *doing, struct bkt_error *err)
{
    int primary = rc & 0xff;
    if (primary == SQLITE_NOMEM)
        return bkt_error_set(err, BKT_ENOMEM, "%s %s: out of memory", doing, conn->path);

    const char *text = describe(primary);
    int system = conn->db ? sqlite3_system_errno(conn->db) : 0;
    if (text) {
        (void)bkt_error_set(err, BKT_ETARGET, "%s %s: %s", doing, conn->path, text);
    } else if ((primary == SQLITE_CANTOPEN || primary == SQLITE_IOERR) && system != 0) {
        char reason[128] = "";
        (void)strerror_r(system, reason, sizeof(reason));
        (void)bkt_error_set(err, BKT_ETARGET, "%s %s: %s: %s", doing, conn->path,
                            sqlite3_errstr(primary), reason);
    } else if (primary == SQLITE_IOERR) {
        (void)bkt_error_set(err, BKT_ETARGET,
                            "%s %s: %s: look for a quota, a limit on the size of files, or a "
                            "failing disk",
                            doing, conn->path, sqlite3_errstr(primary));
    } else {
        const char *said = conn->db ? sqlite3_errmsg(conn->db) : sqlite3_errstr(rc);
        (void)bkt_error_set(err, BKT_ETARGET, "%s %s: %s", doing, conn->path, said);
    }
    if (err) {
        err->retriable =
            primary == SQLITE_BUSY || primary == SQLITE_LOCKED || primary == SQLITE_FULL;
    }
    return BKT_ETARGET;
}

int bkt_sqlite_refuse(const struct bkt_sqlite *conn,
                      int code,
                      struct bkt_error *err,
                      const char *what)
{
    return bkt_error_set(err, code, "table %s in %s: %s", conn->table, conn->path, what);
}

static int check_table_name(struct bkt_str table, struct bkt_error *err)
{
    static const char *const reserved[] = {"sqlite_", "bucketable_"};
    if (table.len == 0)
        return bkt_error_set(err, BKT_ECONFIG, "the table's name is empty");
    if (table.len > BKT_SQLITE_NAME_BYTES || memchr(table.ptr, '\0', table.len)) {
        return bkt_error_set(err, BKT_ECONFIG,
                             "the table's name is longer than %d bytes or has NULs",
                             BKT_SQLITE_NAME_BYTES);
    }
    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
        size_t len = strlen(reserved[i]);
        if (table.len >= len && sqlite3_strnicmp(table.ptr, reserved[i], (int)len) == 0) {
            return bkt_error_set(err, BKT_ECONFIG,
                                 "table %.*s: names that begin with %s are reserved: take another",
                                 BKT_STR_ARG(table), reserved[i]);
        }
    }
    return BKT_OK;
}

/*
 * SQLite takes "file:..." for a URI and ":memory:" or nothing for a database that ends with its
 * connection; ours are always files, which "./" makes plain.
 */
static int open_handle(struct bkt_sqlite *conn, enum bkt_sqlite_mode mode, struct bkt_error *err)
{
    int flags = SQLITE_OPEN_NOMUTEX;
    switch (mode) {
    case BKT_SQLITE_WRITE:
        flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
        break;
    case BKT_SQLITE_SCAN:
        flags |= SQLITE_OPEN_READWRITE;
        break;
    case BKT_SQLITE_READ:
        flags |= SQLITE_OPEN_READONLY;
        break;
    }
    char *file = sqlite3_mprintf("%s%s", conn->path[0] == '/' ? "" : "./", conn->path);
    if (!file)
        return bkt_error_set(err, BKT_ENOMEM, "open %s: out of memory", conn->path);
    int rc = sqlite3_open_v2(file, &conn->db, flags, NULL);
    sqlite3_free(file);
    if (rc)
        return bkt_sqlite_fail(conn, rc, "open", err);
    /* SQLite opens for reading what it may not write. */
    if (mode != BKT_SQLITE_READ && sqlite3_db_readonly(conn->db, "main") == 1)
        return bkt_sqlite_fail(conn, SQLITE_READONLY, "open", err);
    (void)sqlite3_extended_result_codes(conn->db, 1);
    (void)sqlite3_busy_timeout(conn->db, BUSY_MS);
    return BKT_OK;
}

/* In a UTF-16 database too, whose texts SQLite converts here. */
static bool column_is(sqlite3_stmt *stmt, const char *text)
{
    const unsigned char *found = sqlite3_column_text(stmt, 0);
    return found && strcmp((const char *)found, text) == 0;
}

static int journal_mode(const struct bkt_sqlite *conn, const char *sql, bool *out_is_wal)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(conn->db, sql, -1, &stmt, NULL);
    if (rc)
        return rc;
    rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        *out_is_wal = column_is(stmt, "wal");
    return sqlite3_finalize(stmt);
}

/* The busy handler is not asked when the mode changes under another opener's hands: wait here. */
static int enter_wal(const struct bkt_sqlite *conn, struct bkt_error *err)
{
    bool is_wal = false;
    int rc = SQLITE_BUSY;
    for (int i = 0; i < WAL_TRIES && (rc & 0xff) == SQLITE_BUSY; i++) {
        if (i > 0)
            (void)sqlite3_sleep(WAL_WAIT_MS);
        rc = journal_mode(conn, "PRAGMA journal_mode", &is_wal);
        if (rc == SQLITE_OK && !is_wal)
            rc = journal_mode(conn, "PRAGMA journal_mode = WAL", &is_wal);
    }
    if (rc)
        return bkt_sqlite_fail(conn, rc, "open", err);
    if (!is_wal) {
        return bkt_error_set(err, BKT_ETARGET,
                             "open %s: it cannot be put into WAL mode: use a local file system",
                             conn->path);
    }
    return BKT_OK;
}

/*
 * Keys are bytes and are stored as they are, which only a UTF-8 database does: a UTF-16 one would
 * convert them, and two keys could become one.
 */
static int check_encoding(const struct bkt_sqlite *conn, struct bkt_error *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(conn->db, "PRAGMA encoding", -1, &stmt, NULL);
    if (rc)
        return bkt_sqlite_fail(conn, rc, "open", err);
    rc = sqlite3_step(stmt);
    bool is_utf8 = rc == SQLITE_ROW && column_is(stmt, "UTF-8");
    rc = sqlite3_finalize(stmt);
    if (rc)
        return bkt_sqlite_fail(conn, rc, "open", err);
    if (!is_utf8) {
        return bkt_error_set(
            err, BKT_ETARGET,
            "open %s: its encoding is UTF-16, and keys are bytes: name another file", conn->path);
    }
    return BKT_OK;
}

static int set_up(const struct bkt_sqlite *conn, enum bkt_sqlite_mode mode, struct bkt_error *err)
{
    if (mode == BKT_SQLITE_SCAN)
        return bkt_sqlite_exec(conn, "PRAGMA query_only = ON", err);
    if (mode == BKT_SQLITE_READ)
        return BKT_OK;

    for (size_t i = 0; i < sizeof(write_pragmas) / sizeof(write_pragmas[0]); i++) {
        int rc = bkt_sqlite_exec(conn, write_pragmas[i], err);
        if (rc)
            return rc;
    }
    /* First, so that a file that is refused stays as it was. */
    int rc = check_encoding(conn, err);
    return rc ? rc : enter_wal(conn, err);
}

int bkt_sqlite_open(struct bkt_sqlite *conn,
                    const char *path,
                    struct bkt_str table,
                    enum bkt_sqlite_mode mode,
                    struct bkt_error *err)
{
    *conn = (struct bkt_sqlite){0};
    if (path[0] == '\0' || strcmp(path, ":memory:") == 0)
        return bkt_error_set(err, BKT_ECONFIG, "open SQLite database \"%s\": name a file", path);
    int rc = mode == BKT_SQLITE_READ ? BKT_OK : check_table_name(table, err);
    if (rc)
        return rc;

    conn->path = bkt_mem_strdup(path, strlen(path));
    if (conn->path)
        conn->table = bkt_mem_strdup(table.ptr, table.len);
    if (!conn->table)
        rc = bkt_error_set(err, BKT_ENOMEM, "open %s: out of memory", path);
    if (rc == BKT_OK)
        rc = open_handle(conn, mode, err);
    if (rc == BKT_OK)
        rc = set_up(conn, mode, err);
    if (rc)
        bkt_sqlite_close(conn);
    return rc;
}

void bkt_sqlite_close(struct bkt_sqlite *conn)
{
    (void)sqlite3_close_v2(conn->db);
    bkt_mem_free(conn->path);
    bkt_mem_free(conn->table);
    *conn = (struct bkt_sqlite){0};
}

static int append_mark(const void *ctx, char mark, struct bkt_buf *out)
{
    static const struct {
        char mark;
        const char *before;
    } names[] = {{'T', ""},
                 {'S', "bucketable_state_"},
                 {'A', "bucketable_absent_"},
                 {'I', "bucketable_odd_"},
                 {'P', "bucketable_pending_"}};
    const struct bkt_sqlite *conn = ctx;
    int rc = BKT_OK;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && rc == BKT_OK; i++) {
        if (names[i].mark == mark)
            rc = bkt_sql_quote(out, names[i].before, conn->table);
    }
    return rc;
}

int bkt_sqlite_expand(const struct bkt_sqlite *conn, const char *sql, struct bkt_buf *out)
{
    return bkt_sql_expand(sql, append_mark, conn, out);
}

int bkt_sqlite_prepare(const struct bkt_sqlite *conn,
                       const char *sql,
                       sqlite3_stmt **out_stmt,
                       struct bkt_error *err)
{
    struct bkt_buf text = BKT_BUF_INIT(BKT_SQLITE_SQL_BYTES);
    sqlite3_stmt *stmt = NULL;
    int rc = bkt_sqlite_expand(conn, sql, &text);
    if (rc) {
        rc = bkt_error_set(err, rc, "prepare a statement for %s: %s", conn->path,
                           bkt_error_text(rc));
        goto done;
    }
    int status = sqlite3_prepare_v3(conn->db, text.ptr, (int)text.len + 1,
                                    SQLITE_PREPARE_PERSISTENT, &stmt, NULL);
    if (status) {
        rc = bkt_sqlite_fail(conn, status, "use", err);
        goto done;
    }
    *out_stmt = stmt;

done:
    bkt_buf_clear(&text);
    return rc;
}

static int step_to_end(sqlite3_stmt *stmt)
{
    int rc;
    do {
        rc = sqlite3_step(stmt);
    } while (rc == SQLITE_ROW);
    return sqlite3_finalize(stmt);
}

int bkt_sqlite_exec(const struct bkt_sqlite *conn, const char *sql, struct bkt_error *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = bkt_sqlite_prepare(conn, sql, &stmt, err);
    if (rc)
        return rc;
    int status = step_to_end(stmt);
    return status ? bkt_sqlite_fail(conn, status, "use", err) : BKT_OK;
}

int bkt_sqlite_number(const struct bkt_sqlite *conn,
                      const char *sql,
                      int64_t *out_number,
                      struct bkt_error *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = bkt_sqlite_prepare(conn, sql, &stmt, err);
    if (rc)
        return rc;
    int64_t number = 0;
    if (sqlite3_bind_parameter_count(stmt) > 0)
        (void)bkt_sqlite_bind_text(stmt, 1, bkt_str_from(conn->table));
    if (sqlite3_step(stmt) == SQLITE_ROW)
        number = sqlite3_column_int64(stmt, 0);
    int status = sqlite3_finalize(stmt);
    if (status)
        return bkt_sqlite_fail(conn, status, "use", err);
    *out_number = number;
    return BKT_OK;
}

void bkt_sqlite_rollback(const struct bkt_sqlite *conn)
{
    if (!sqlite3_get_autocommit(conn->db))
        (void)sqlite3_exec(conn->db, "ROLLBACK", NULL, NULL, NULL);
}

int bkt_sqlite_bind_text(sqlite3_stmt *stmt, int i, struct bkt_str text)
{
    return sqlite3_bind_text64(stmt, i, text.ptr ? text.ptr : "", text.len, SQLITE_STATIC,
                               SQLITE_UTF8);
}

int bkt_sqlite_bind_text_or_null(sqlite3_stmt *stmt, int i, struct bkt_str text)
{
    return text.len > 0 ? bkt_sqlite_bind_text(stmt, i, text) : sqlite3_bind_null(stmt, i);
}

int bkt_sqlite_bind_blob(sqlite3_stmt *stmt, int i, struct bkt_str bytes)
{
    return sqlite3_bind_blob64(stmt, i, bytes.ptr ? bytes.ptr : "", bytes.len, SQLITE_STATIC);
}

int bkt_sqlite_bind_time(sqlite3_stmt *stmt, int i, int64_t ms)
{
    if (ms == BKT_TIME_NONE)
        return sqlite3_bind_null(stmt, i);
    char iso[BKT_TIME_ISO_BYTES];
    bkt_time_format_iso(ms, iso);
    return sqlite3_bind_text(stmt, i, iso, -1, SQLITE_TRANSIENT);
}

struct bkt_str bkt_sqlite_column(sqlite3_stmt *stmt, int i)
{
    const char *ptr = sqlite3_column_blob(stmt, i);
    return (struct bkt_str){ptr ? ptr : "", (size_t)sqlite3_column_bytes(stmt, i)};
}
