#include <bucketable/sync.h>

#include "api/driver.h"
#include "api/guard.h"
#include "api/into.h"
#include "core/mem.h"

#include <stdio.h>

struct bkt_sync {
    struct bkt_guard guard;
    struct bkt_sync_callbacks callbacks;
    const struct bkt_log *log; /* for what no callback takes */
    struct bkt_driver driver;
};

static void warn(void *ctx, const char *message)
{
    struct bkt_sync *sync = ctx;
    if (sync->callbacks.warning)
        sync->callbacks.warning(sync->callbacks.ctx, message);
    else
        bkt_log(sync->log, BKT_LOG_WARNING, "%s", message);
}

static void on_progress(void *ctx, const struct bkt_counts *counts)
{
    struct bkt_sync *sync = ctx;
    sync->callbacks.progress(sync->callbacks.ctx, counts);
}

static void on_event(void *ctx,
                     enum bkt_engine_event event,
                     struct bkt_str key,
                     struct bkt_str text)
{
    struct bkt_sync *sync = ctx;
    char message[1024];
    (void)snprintf(message, sizeof(message), "%.*s", BKT_STR_ARG(text));
    if (event == BKT_EVENT_FAILED && sync->callbacks.failed)
        sync->callbacks.failed(sync->callbacks.ctx, key.ptr, key.len, message);
    else if (event == BKT_EVENT_FAILED)
        bkt_log_of_key(sync->log, BKT_LOG_WARNING, key, message);
    if (event == BKT_EVENT_TROUBLE)
        warn(sync, message);
}

int bkt_sync_new(const struct bkt_config *config,
                 const struct bkt_sync_callbacks *callbacks,
                 struct bkt_sync **out_sync,
                 struct bkt_error *err)
{
    struct bkt_into nothing = {.ops = NULL};
    return bkt_sync_new_into(config, callbacks, &nothing, out_sync, err);
}

int bkt_sync_new_into(const struct bkt_config *config,
                      const struct bkt_sync_callbacks *callbacks,
                      const struct bkt_into *into,
                      struct bkt_sync **out_sync,
                      struct bkt_error *err)
{
    struct bkt_sync *sync = bkt_mem_calloc(1, sizeof(*sync));
    if (!sync)
        return bkt_error_set(err, BKT_ENOMEM, "prepare a sync: out of memory");
    sync->log = &bkt_config_settings(config)->log;
    if (callbacks) {
        size_t size = sizeof(sync->callbacks);
        memcpy(&sync->callbacks, callbacks, callbacks->size < size ? callbacks->size : size);
    }
    sync->driver.options = (struct bkt_driver_options){
        .on_event = on_event,
        .on_progress = sync->callbacks.progress ? on_progress : NULL,
        .ctx = sync,
        .target_ops = into->ops,
        .target_self = into->self,
        .target_state = into->state,
    };
    unsigned parts = into->ops ? BKT_CONFIG_SOURCE : BKT_CONFIG_SOURCE | BKT_CONFIG_TARGET;
    int rc = bkt_config_check(config, parts, warn, sync, err);
    if (rc == BKT_OK)
        rc = bkt_driver_open(&sync->driver, config, err);
    if (rc) {
        bkt_sync_free(sync);
        return rc;
    }
    *out_sync = sync;
    return BKT_OK;
}

void bkt_sync_free(struct bkt_sync *sync)
{
    if (!sync)
        return;
    bkt_driver_close(&sync->driver);
    bkt_mem_free(sync);
}

void bkt_sync_stop(struct bkt_sync *sync)
{
    bkt_driver_stop(&sync->driver);
}

static int run_sync(struct bkt_sync *sync, struct bkt_counts *out_counts, struct bkt_error *err)
{
    struct bkt_driver *driver = &sync->driver;
    int rc = bkt_driver_start(driver, err);
    if (rc == BKT_OK) {
        bkt_engine_list(driver->engine);
        rc = bkt_driver_loop(driver, err);
    }
    if (rc == BKT_OK && atomic_load(&driver->is_stopped))
        rc = bkt_error_set(err, BKT_ECANCELED, "stopped; what was committed is whole");
    *out_counts = bkt_driver_counts(driver);
    bkt_driver_end(driver);
    return rc;
}

int bkt_sync_run(struct bkt_sync *sync, struct bkt_counts *out_counts, struct bkt_error *err)
{
    int rc = bkt_guard_enter(&sync->guard, "bkt_sync_run()", err);
    if (rc)
        return rc;
    rc = run_sync(sync, out_counts, err);
    bkt_guard_leave(&sync->guard);
    return rc;
}
