#include "targets/sql.h"

#include <bucketable/error.h>

int bkt_sql_expand(const char *sql,
                   bkt_sql_mark_fn *append_mark,
                   const void *ctx,
                   struct bkt_buf *out)
{
    int rc = BKT_OK;
    while (rc == BKT_OK && *sql) {
        size_t len = strcspn(sql, "@");
        rc = bkt_buf_append(out, (struct bkt_str){sql, len});
        sql += len;
        if (rc == BKT_OK && *sql) {
            rc = append_mark(ctx, sql[1], out);
            sql += 2;
        }
    }
    return rc;
}

int bkt_sql_quote(struct bkt_buf *out, const char *before, const char *name)
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
