#include "api/target_look.h"

#include "api/target.h"
#include "api/target_url.h"
#include "targets/sqlite_reader.h"
#include "targets/sqlite_status.h"
#ifdef BKT_HAVE_POSTGRES
#include "targets/postgres_reader.h"
#include "targets/postgres_status.h"
#endif

#include <bucketable/target.h>

enum { PATH_BYTES_MAX = 4096 };

/* The name of the one table that a state file of rows elsewhere has. */
static const struct bkt_str state_table = {"objects", 7};

int bkt_target_state_file(const struct bkt_settings *settings,
                          struct bkt_buf *out_path,
                          bool *out_has_rows,
                          struct bkt_error *err)
{
    struct bkt_target_url url = {.kind = BKT_TARGET_KAFKA};
    int rc = settings->target_ops ? BKT_OK : bkt_target_url_parse(settings->url, &url, err);
    if (rc)
        return rc;
    *out_has_rows = url.kind == BKT_TARGET_SQLITE;
    out_path->max = PATH_BYTES_MAX;
    if (url.kind == BKT_TARGET_SQLITE) {
        rc = bkt_buf_append(out_path, url.rest);
    } else if (settings->state) {
        rc = bkt_buf_append(out_path, bkt_str_from(settings->state));
    } else if (url.kind == BKT_TARGET_JSONL && !bkt_str_eq(url.rest, BKT_STR("-"))) {
        rc = bkt_buf_printf(out_path, "%.*s.state", BKT_STR_ARG(url.rest));
    }
    return rc ? bkt_error_set(err, rc, "open the target: %s", bkt_error_text(rc)) : BKT_OK;
}

#ifdef BKT_HAVE_POSTGRES
static int look_at_database(const struct bkt_settings *settings,
                            struct bkt_str url,
                            struct bkt_table_target *out_target,
                            struct bkt_error *err)
{
    return bkt_postgres_reader_new(url, bkt_str_from(settings->table), out_target, err);
}

static int status_of_database(const struct bkt_settings *settings,
                              struct bkt_str url,
                              const struct bkt_status_told *told,
                              struct bkt_error *err)
{
    return bkt_postgres_status_read(url, bkt_str_from(settings->table), told, err);
}
#else
static int look_at_database(const struct bkt_settings *settings,
                            struct bkt_str url,
                            struct bkt_table_target *out_target,
                            struct bkt_error *err)
{
    (void)url;
    return bkt_target_open(settings, out_target, err); /* says that this build cannot */
}

static int status_of_database(const struct bkt_settings *settings,
                              struct bkt_str url,
                              const struct bkt_status_told *told,
                              struct bkt_error *err)
{
    (void)told;
    struct bkt_table_target target;
    return look_at_database(settings, url, &target, err);
}
#endif

/* A file in `out_path`, or else a database's URL; it fails where there is neither. */
static int find_state(const struct bkt_settings *settings,
                      struct bkt_buf *out_path,
                      bool *out_has_rows,
                      struct bkt_str *out_url,
                      struct bkt_error *err)
{
    struct bkt_target_url url = {.kind = BKT_TARGET_KAFKA};
    int rc = bkt_target_state_file(settings, out_path, out_has_rows, err);
    if (rc || out_path->len > 0)
        return rc;
    if (settings->url)
        rc = bkt_target_url_parse(settings->url, &url, err);
    *out_url = url.rest;
    if (rc || url.kind == BKT_TARGET_POSTGRES)
        return rc;
    return bkt_error_set(err, BKT_EUNSUPPORTED,
                         "%s has no state that lasts: name one with --state FILE",
                         settings->url ? settings->url : "the target");
}

int bkt_target_look(const struct bkt_settings *settings,
                    struct bkt_table_target *out_target,
                    struct bkt_error *err)
{
    struct bkt_buf path = BKT_BUF_INIT(PATH_BYTES_MAX);
    struct bkt_str url = {0};
    bool has_rows = false;
    int rc = find_state(settings, &path, &has_rows, &url, err);
    if (rc == BKT_OK && path.len > 0) {
        struct bkt_str table = has_rows ? bkt_str_from(settings->table) : state_table;
        rc = bkt_sqlite_reader_new(path.ptr, table, has_rows, out_target, err);
    } else if (rc == BKT_OK) {
        rc = look_at_database(settings, url, out_target, err);
    }
    bkt_buf_clear(&path);
    return rc;
}

int bkt_target_status(const struct bkt_settings *settings,
                      const struct bkt_status_told *told,
                      struct bkt_error *err)
{
    struct bkt_buf path = BKT_BUF_INIT(PATH_BYTES_MAX);
    struct bkt_str url = {0};
    bool has_rows = false;
    int rc = find_state(settings, &path, &has_rows, &url, err);
    if (rc == BKT_OK) {
        rc = path.len > 0 ? bkt_sqlite_status_read(path.ptr, told, err)
                          : status_of_database(settings, url, told, err);
    }
    bkt_buf_clear(&path);
    return rc;
}

int bkt_target_peek(const struct bkt_settings *settings,
                    const struct bkt_table_target *target,
                    struct bkt_attached *out_attached,
                    struct bkt_error *err)
{
    /* It is told the same as attach(). */
    const struct bkt_table_target_ops ops = {.attach = target->ops->peek};
    const struct bkt_table_target peeked = {.ops = &ops, .self = target->self};
    return bkt_target_attach(settings, &peeked, out_attached, err);
}
