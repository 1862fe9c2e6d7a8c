/*
 * The module `bucketable` for SQLite: a bucket as a virtual table.  docs/sqlite-extension.md is its
 * manual.
 */
#include "sqlite/cursor.h"
#include "sqlite/plan.h"

SQLITE_EXTENSION_INIT3 /* the declaration of what the next line defines */
    SQLITE_EXTENSION_INIT1

    /* Read only: without xUpdate SQLite says that the table may not be modified. */
    static const sqlite3_module module = {
        .iVersion = 2,
        .xCreate = ext_connect, /* the same as xConnect: it is a table-valued function, too */
        .xConnect = ext_connect,
        .xBestIndex = ext_best_index,
        .xDisconnect = ext_disconnect,
        .xDestroy = ext_disconnect,
        .xOpen = ext_open,
        .xClose = ext_close,
        .xFilter = ext_filter,
        .xNext = ext_next,
        .xEof = ext_eof,
        .xColumn = ext_column,
};

/* What SQLite calls to load bucketable.so, whatever it is told of its name. */
BKT_API int sqlite3_bucketable_init(sqlite3 *db,
                                    char **out_message,
                                    const sqlite3_api_routines *api);

int sqlite3_bucketable_init(sqlite3 *db, char **out_message, const sqlite3_api_routines *api)
{
    (void)out_message;
    SQLITE_EXTENSION_INIT2(api)
    int rc = sqlite3_create_module_v2(db, "bucketable", &module, NULL, NULL);
    /* libcurl and OpenSSL, which came with it, do not like to be unloaded. */
    return rc == SQLITE_OK ? SQLITE_OK_LOAD_PERMANENTLY : rc;
}
