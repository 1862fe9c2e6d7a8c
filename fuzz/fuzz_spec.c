/*
 * A spec file of hostile bytes: taken or refused with one line, then checked, printed as a
 * fingerprint and freed with nothing left.  What was taken is taken again from the schema's side:
 * every setting is within its bounds.
 */
#include "api/config_int.h"
#include "core/json.h"
#include "core/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_settings(const struct bkt_settings *settings)
{
    struct bkt_buf text = BKT_BUF_INIT(16 << 20);
    struct cJSON *json = NULL;
    if (settings->list_concurrency < 1 || settings->list_concurrency > 256 ||
        settings->columns >= 1 << 7 || !settings->prefix || !settings->table ||
        settings->refresh_interval < 0)
        __builtin_trap();
    if (bkt_config_fingerprint(settings, &text) != BKT_OK ||
        bkt_json_parse(bkt_buf_str(&text), 4, &json, NULL) != BKT_OK)
        __builtin_trap();
    bkt_json_free(json);
    bkt_buf_clear(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t held = bkt_mem_live();
    struct bkt_config *config = NULL;
    struct bkt_error err = {0};
    if (bkt_config_new(&config, &err) != BKT_OK)
        return 0;

    int rc = bkt_config_load_spec(config, (const char *)data, size, "fuzz", &err);
    if (rc != BKT_OK && (rc != BKT_ECONFIG || err.message[0] == '\0' || strchr(err.message, '\n')))
        __builtin_trap();
    check_settings(bkt_config_settings(config));
    rc = bkt_config_check(config, BKT_CONFIG_SOURCE | BKT_CONFIG_TARGET, NULL, NULL, &err);
    if (rc != BKT_OK && rc != BKT_ECONFIG)
        __builtin_trap();
    bkt_config_free(config);
    if (bkt_mem_live() != held)
        __builtin_trap();
    return 0;
}
