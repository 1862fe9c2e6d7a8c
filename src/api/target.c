#include "api/target.h"

#include "api/target_url.h"
#include "core/mem.h"
#include "table/decode.h"
#include "targets/jsonl.h"
#include "targets/kafka.h"
#include "targets/sqlite_target.h"
#ifdef BKT_HAVE_POSTGRES
#include "targets/postgres_target.h"
#endif
#include "targets/state_target.h"

enum { SPEC_BYTES_MAX = 4 << 20, SOURCE_BYTES_MAX = 4096, PATH_BYTES_MAX = 4096 };

typedef int open_fn(const struct bkt_settings *settings,
                    const struct bkt_target_url *url,
                    struct bkt_table_target *out_target,
                    struct bkt_error *err);

static int open_sqlite(const struct bkt_settings *settings,
                       const struct bkt_target_url *url,
                       struct bkt_table_target *out_target,
                       struct bkt_error *err)
{
    char *path = bkt_mem_strdup(url->rest.ptr, url->rest.len);
    if (!path)
        return bkt_error_set(err, BKT_ENOMEM, "open the target: out of memory");
    int rc = bkt_sqlite_target_new(path, bkt_str_from(settings->table), out_target, err);
    bkt_mem_free(path);
    return rc;
}

/* "FILE.state" unless another one is named; standard output has none unless one is. */
static int open_jsonl(const struct bkt_settings *settings,
                      const struct bkt_target_url *url,
                      struct bkt_table_target *out_target,
                      struct bkt_error *err)
{
    struct bkt_buf path = BKT_BUF_INIT(PATH_BYTES_MAX);
    struct bkt_buf state = BKT_BUF_INIT(PATH_BYTES_MAX);
    void *jsonl = NULL;
    bool has_state = settings->state || !bkt_str_eq(url->rest, BKT_STR("-"));
    int rc = bkt_buf_append(&path, url->rest);
    if (rc == BKT_OK) {
        rc = settings->state ? bkt_buf_append(&state, bkt_str_from(settings->state))
                             : bkt_buf_printf(&state, "%.*s.state", BKT_STR_ARG(url->rest));
    }
    if (rc) {
        rc = bkt_error_set(err, rc, "open the target: %s", bkt_error_text(rc));
        goto done;
    }
    rc = bkt_jsonl_new(path.ptr, &jsonl, err);
    if (rc)
        goto done;
    rc = bkt_state_target_new(&bkt_jsonl_ops, jsonl, has_state ? state.ptr : NULL, out_target, err);
    if (rc)
        bkt_jsonl_ops.free(jsonl);

done:
    bkt_buf_clear(&path);
    bkt_buf_clear(&state);
    return rc;
}

#ifdef BKT_HAVE_KAFKA
static int open_kafka(const struct bkt_settings *settings,
                      const struct bkt_target_url *url,
                      struct bkt_table_target *out_target,
                      struct bkt_error *err)
{
    struct bkt_kafka_options options = {
        .brokers = url->rest,
        .topic = url->topic,
        .settings = settings->kafka_option.items,
        .setting_count = settings->kafka_option.count,
        .sends_references = settings->large_objects == BKT_LARGE_OBJECTS_REFERENCE,
        .rebuilds_state = settings->rebuild_state,
    };
    void *kafka = NULL;
    int rc = bkt_kafka_new(&options, &kafka, err);
    if (rc)
        return rc;
    rc = bkt_state_target_new_over(bkt_kafka_ops(kafka), kafka, bkt_kafka_recover, settings->state,
                                   out_target, err);
    if (rc)
        bkt_kafka_free(kafka);
    return rc;
}
#endif

#ifdef BKT_HAVE_POSTGRES
static int open_postgres(const struct bkt_settings *settings,
                         const struct bkt_target_url *url,
                         struct bkt_table_target *out_target,
                         struct bkt_error *err)
{
    return bkt_postgres_target_new(url->rest, bkt_str_from(settings->table), out_target, err);
}
#endif

static const struct {
    enum bkt_target_kind kind;
    open_fn *open;
} registry[] = {
    {BKT_TARGET_SQLITE, open_sqlite},
#ifdef BKT_HAVE_POSTGRES
    {BKT_TARGET_POSTGRES, open_postgres},
#endif
    {BKT_TARGET_JSONL, open_jsonl},
#ifdef BKT_HAVE_KAFKA
    {BKT_TARGET_KAFKA, open_kafka},
#endif
};

int bkt_target_open(const struct bkt_settings *settings,
                    struct bkt_table_target *out_target,
                    struct bkt_error *err)
{
    if (settings->target_ops) {
        return bkt_state_target_new(settings->target_ops, settings->target_self, settings->state,
                                    out_target, err);
    }
    struct bkt_target_url url;
    int rc = bkt_target_url_parse(settings->url, &url, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < sizeof(registry) / sizeof(registry[0]); i++) {
        if (registry[i].kind == url.kind)
            return registry[i].open(settings, &url, out_target, err);
    }
    return bkt_error_set(err, BKT_ECONFIG,
                         "target: this build has no support for that kind; write a file name "
                         "for SQLite");
}

int bkt_target_attach(const struct bkt_settings *settings,
                      const struct bkt_table_target *target,
                      struct bkt_attached *out_attached,
                      struct bkt_error *err)
{
    struct bkt_buf spec = BKT_BUF_INIT(SPEC_BYTES_MAX);
    struct bkt_buf source = BKT_BUF_INIT(SOURCE_BYTES_MAX);
    int rc = bkt_config_fingerprint(settings, &spec);
    if (rc == BKT_OK)
        rc = bkt_buf_printf(&source, "s3://%s", settings->bucket_name);
    if (rc) {
        (void)bkt_error_set(err, rc, "describe the table: %s", bkt_error_text(rc));
    } else {
        struct bkt_table_spec table = {
            .source = bkt_buf_str(&source),
            .spec = bkt_buf_str(&spec),
            .binary = settings->binary,
            .columns = settings->columns,
            .replace_nul = settings->text_errors == BKT_TEXT_REPLACE,
            .plain_decode = bkt_decode_plain((struct bkt_decode_policy){
                settings->binary, (enum bkt_text_errors)settings->text_errors}),
        };
        rc = target->ops->attach(target->self, &table, out_attached, err);
    }
    bkt_buf_clear(&spec);
    bkt_buf_clear(&source);
    return rc;
}
