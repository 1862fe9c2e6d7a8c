#include "sqlite/table.h"

#include "sqlite/arguments.h"

#include <string.h>

SQLITE_EXTENSION_INIT3

/* Only a read of the object tells these. */
static const char *const extra_names[EXT_EXTRAS_MAX] = {"version_id", "content_type", "metadata"};

int ext_source_column(const struct ext_table *table)
{
    return table->is_function ? EXT_LISTED_COUNT + table->extra_count : -1;
}

int ext_options_column(const struct ext_table *table)
{
    return table->is_function ? EXT_LISTED_COUNT + table->extra_count + 1 : -1;
}

int ext_error_column(const struct ext_table *table)
{
    return EXT_LISTED_COUNT + table->extra_count + (table->is_function ? 2 : 0);
}

/* Strings compare in the encoding of the database: only that of UTF-8 is the order of the keys. */
static bool find_encoding(sqlite3 *db)
{
    sqlite3_stmt *statement = NULL;
    bool is_utf8 = false;
    if (sqlite3_prepare_v2(db, "PRAGMA encoding", -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW) {
        const unsigned char *name = sqlite3_column_text(statement, 0);
        is_utf8 = name && strcmp((const char *)name, "UTF-8") == 0;
    }
    (void)sqlite3_finalize(statement);
    return is_utf8;
}

static int declare(struct ext_table *table)
{
    bool is_binary = table->place.config && bkt_config_has(table->place.config, "binary", "true");
    char *sql = sqlite3_mprintf("CREATE TABLE x(filename TEXT NOT NULL PRIMARY KEY, content %s, "
                                "size INTEGER, last_modified TEXT, etag TEXT, storage_class TEXT",
                                is_binary ? "BLOB" : "TEXT");
    for (int i = 0; i < table->extra_count && sql; i++) {
        char *longer = sqlite3_mprintf("%s, %s TEXT", sql, table->extras[i]);
        sqlite3_free(sql);
        sql = longer;
    }
    if (!sql)
        return SQLITE_NOMEM;
    char *whole = sqlite3_mprintf("%s%s, error TEXT HIDDEN) WITHOUT ROWID", sql,
                                  table->is_function ? ", source HIDDEN, options HIDDEN" : "");
    sqlite3_free(sql);
    if (!whole)
        return SQLITE_NOMEM;
    int rc = sqlite3_declare_vtab(table->db, whole);
    sqlite3_free(whole);
    return rc;
}

int ext_connect(sqlite3 *db,
                void *aux,
                int argc,
                const char *const *argv,
                sqlite3_vtab **out_table,
                char **out_message)
{
    (void)aux;
    struct ext_table *table = sqlite3_malloc64(sizeof(*table));
    if (!table)
        return SQLITE_NOMEM;
    *table = (struct ext_table){
        .db = db,
        .is_function = argc == 3 && strcmp(argv[0], argv[2]) == 0,
        .is_utf8 = find_encoding(db),
    };
    struct bkt_error err = {.code = BKT_OK};
    int rc = BKT_OK;
    if (!table->is_function)
        rc = ext_arguments_read(&table->place, argc - 3, argv + 3, &err);
    for (int i = 0; i < EXT_EXTRAS_MAX && rc == BKT_OK && !table->is_function; i++) {
        if (bkt_config_has(table->place.config, "columns", extra_names[i]))
            table->extras[table->extra_count++] = extra_names[i];
    }
    if (rc) {
        *out_message = sqlite3_mprintf("%s", err.message);
        (void)ext_disconnect(&table->base);
        return rc == BKT_ENOMEM ? SQLITE_NOMEM : SQLITE_ERROR;
    }
    rc = declare(table);
    if (rc) {
        (void)ext_disconnect(&table->base);
        return rc;
    }
    *out_table = &table->base;
    return SQLITE_OK;
}

int ext_disconnect(sqlite3_vtab *base)
{
    struct ext_table *table = (struct ext_table *)base;
    ext_place_clear(&table->place);
    sqlite3_free(table);
    return SQLITE_OK;
}

/* A statement of its own ends at once where the one around it was interrupted. */
static bool is_interrupted(void *ctx)
{
    sqlite3 *db = ctx;
#if SQLITE_VERSION_NUMBER >= 3041000
    if (sqlite3_libversion_number() >= 3041000)
        return sqlite3_is_interrupted(db) != 0;
#endif
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(db, "SELECT 1", -1, &statement, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    (void)sqlite3_finalize(statement);
    return rc == SQLITE_INTERRUPT;
}

int ext_place_reach(struct ext_place *place, sqlite3 *db, struct bkt_error *err)
{
    if (place->source)
        return BKT_OK;
    int rc = bkt_source_new(place->config, &place->source, err);
    if (rc == BKT_OK)
        bkt_source_set_interrupt(place->source, is_interrupted, db);
    return rc;
}

void ext_place_clear(struct ext_place *place)
{
    bkt_source_free(place->source);
    bkt_config_free(place->config);
    *place = (struct ext_place){0};
}
