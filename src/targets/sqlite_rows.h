/*
 * The statements that write the user's rows: their text and what is bound, side by side.
 *
 * Both depend on the metadata columns asked for.  ?1 is the key, ?2 the content.
 */
#ifndef TARGETS_SQLITE_ROWS_H
#define TARGETS_SQLITE_ROWS_H

#include "core/buf.h"
#include "table/table_target.h"

#include <sqlite3.h>

enum bkt_sqlite_row_op {
    BKT_SQLITE_INSERT, /* or update, where there is a row that the state does not know */
    /*
     * All that bucketable_batch shows, or none is wanted: OR FAIL, so that SQLite keeps no copies
     * of pages to take half a statement back, which would double the writes where keys are far
     * apart.
     */
    BKT_SQLITE_INSERT_ALL,
    BKT_SQLITE_UPDATE,
    BKT_SQLITE_TOUCH, /* only what is told and differs, so that no trigger fires for nothing */
    BKT_SQLITE_DELETE,
    BKT_SQLITE_ROW_OP_COUNT,
};

/* TOUCH wants `columns` of which some are BKT_COLUMNS_TOUCHED, and leaves out the others. */
BKT_MUST_CHECK int bkt_sqlite_rows_sql(enum bkt_sqlite_row_op op,
                                       unsigned columns,
                                       struct bkt_buf *out);

/*
 * Not for INSERT_ALL.  `binary`: content is a blob whatever the change says.  SQLite's code.  The
 * change lives until the statement is reset.
 */
BKT_MUST_CHECK int bkt_sqlite_rows_bind(sqlite3_stmt *stmt,
                                        enum bkt_sqlite_row_op op,
                                        unsigned columns,
                                        const struct bkt_change *change,
                                        bool binary);

#endif
