#include <bucketable/ddl.h>

#include "api/config_int.h"
#include "api/target_url.h"
#ifdef BKT_HAVE_POSTGRES
#include "targets/postgres_schema.h"
#endif

#ifdef BKT_HAVE_POSTGRES
enum { DDL_BYTES_MAX = 64 << 10 };

static int write_postgres(const struct bkt_settings *settings,
                          struct bkt_str url,
                          bkt_write_fn *write,
                          void *ctx,
                          struct bkt_error *err)
{
    struct bkt_table_spec spec = {.binary = settings->binary, .columns = settings->columns};
    struct bkt_buf ddl = BKT_BUF_INIT(DDL_BYTES_MAX);
    int rc = bkt_postgres_ddl(&spec, url, bkt_str_from(settings->table), &ddl, err);
    if (rc == BKT_OK)
        rc = write(ctx, ddl.ptr, ddl.len);
    bkt_buf_clear(&ddl);
    return rc;
}
#else
static int write_postgres(const struct bkt_settings *settings,
                          struct bkt_str url,
                          bkt_write_fn *write,
                          void *ctx,
                          struct bkt_error *err)
{
    (void)settings;
    (void)url;
    (void)write;
    (void)ctx;
    return bkt_error_set(err, BKT_ECONFIG, "target: this build has no support for PostgreSQL");
}
#endif

int bkt_ddl_write(const struct bkt_config *config,
                  bkt_write_fn *write,
                  void *ctx,
                  struct bkt_error *err)
{
    const struct bkt_settings *settings = bkt_config_settings(config);
    struct bkt_target_url url = {.kind = BKT_TARGET_SQLITE};
    int rc = bkt_config_check(config, BKT_CONFIG_SOURCE | BKT_CONFIG_TARGET, NULL, NULL, err);
    if (rc == BKT_OK && settings->url)
        rc = bkt_target_url_parse(settings->url, &url, err);
    if (rc)
        return rc;
    if (url.kind != BKT_TARGET_POSTGRES) {
        return bkt_error_set(err, BKT_ECONFIG,
                             "the target's DDL: there is none to run beforehand, but for tables in "
                             "PostgreSQL");
    }
    return write_postgres(settings, url.rest, write, ctx, err);
}
