#include "api/target_look.h"

#include "api/target.h"
#include "api/target_url.h"
#include "targets/sqlite_reader.h"

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

/* Another database; nothing is connected, made or changed before attach(). */
static int look_at_database(const struct bkt_settings *settings,
                            struct bkt_table_target *out_target,
                            struct bkt_error *err)
{
    struct bkt_table_target target;
    int rc = bkt_target_open(settings, &target, err);
    if (rc)
        return rc;
    if (!target.ops->peek) {
        rc = bkt_error_set(err, BKT_EUNSUPPORTED, "this command is not supported by %s targets yet",
                           target.ops->name);
        target.ops->free(target.self);
        return rc;
    }
    *out_target = target;
    return BKT_OK;
}

int bkt_target_look(const struct bkt_settings *settings,
                    struct bkt_table_target *out_target,
                    struct bkt_error *err)
{
    struct bkt_buf path = BKT_BUF_INIT(PATH_BYTES_MAX);
    bool has_rows = false;
    int rc = bkt_target_state_file(settings, &path, &has_rows, err);
    if (rc)
        goto done;
    struct bkt_target_url url = {.kind = BKT_TARGET_KAFKA};
    if (!settings->target_ops)
        rc = bkt_target_url_parse(settings->url, &url, err);
    if (rc)
        goto done;
    if (path.len > 0) {
        struct bkt_str table = has_rows ? bkt_str_from(settings->table) : state_table;
        rc = bkt_sqlite_reader_new(path.ptr, table, has_rows, out_target, err);
    } else if (url.kind == BKT_TARGET_POSTGRES) {
        rc = look_at_database(settings, out_target, err);
    } else {
        rc = bkt_error_set(err, BKT_EUNSUPPORTED,
                           "%s has no state that lasts: name one with --state FILE", settings->url);
    }

done:
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
