/*
 * A bucket as a virtual table: its columns, and the way to the bucket.
 *
 * A declared table has the configuration of its CREATE VIRTUAL TABLE statement; the table of the
 * module's own name is made of a cursor's arguments, see struct ext_place.  The bucket is reached
 * when a statement first needs it, never to declare or to open a table.
 */
#ifndef SQLITE_TABLE_H
#define SQLITE_TABLE_H

#include <bucketable/config.h>
#include <bucketable/source.h>

#include <sqlite3ext.h>

/* In the order of their declaration.  Behind them come those of `extras`, then hidden ones. */
enum ext_column {
    EXT_FILENAME,
    EXT_CONTENT,
    EXT_SIZE,
    EXT_LAST_MODIFIED,
    EXT_ETAG,
    EXT_STORAGE_CLASS,
    EXT_LISTED_COUNT,
};

/* Columns that only a read tells: those of them that the field "columns" names. */
enum { EXT_EXTRAS_MAX = 3 };

/* What a failed read does to its statement. */
enum ext_on_error {
    EXT_ON_ERROR_FAIL,
    EXT_ON_ERROR_NULL, /* the content is NULL, and the column error says why */
};

/* A bucket and the way to it; all-zero: none yet. */
struct ext_place {
    struct bkt_config *config;
    struct bkt_source *source; /* NULL: not reached yet */
    enum ext_on_error on_error;
};

struct ext_table {
    sqlite3_vtab base;
    sqlite3 *db;
    struct ext_place place; /* of a declared table */
    const char *extras[EXT_EXTRAS_MAX];
    int extra_count;
    bool is_function; /* source and options are arguments */
    bool is_utf8;     /* text compares by the bytes of its UTF-8 */
};

/* Hidden columns, by their place in `table`; -1: it has none such. */
int ext_error_column(const struct ext_table *table);
int ext_source_column(const struct ext_table *table);
int ext_options_column(const struct ext_table *table);

/* sqlite3_module's. */
int ext_connect(sqlite3 *db,
                void *aux,
                int argc,
                const char *const *argv,
                sqlite3_vtab **out_table,
                char **out_message);
int ext_disconnect(sqlite3_vtab *base);

/* Reach the bucket, if that has not been done; an interrupted statement gives up. */
BKT_MUST_CHECK int ext_place_reach(struct ext_place *place, sqlite3 *db, struct bkt_error *err);
void ext_place_clear(struct ext_place *place);

#endif
