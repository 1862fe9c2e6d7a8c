/* One walk over a table: sqlite3_module's functions for it. */
#ifndef SQLITE_CURSOR_H
#define SQLITE_CURSOR_H

#include "sqlite/table.h"

int ext_open(sqlite3_vtab *table, sqlite3_vtab_cursor **out_cursor);
int ext_close(sqlite3_vtab_cursor *base);
int ext_filter(
    sqlite3_vtab_cursor *base, int number, const char *words, int argc, sqlite3_value **argv);
int ext_next(sqlite3_vtab_cursor *base);
int ext_eof(sqlite3_vtab_cursor *base);
int ext_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column);

#endif
