#include "api/mend.h"

enum { KEYS_AT_ONCE = 1000 };

/* Hand keys to the engine as it can take them; when they are done, list. */
static int feed(void *ctx, int64_t now_ms, struct bkt_error *err)
{
    (void)now_ms;
    struct bkt_mend *mend = ctx;
    struct bkt_engine *engine = mend->driver.engine;
    if (atomic_load(&mend->is_stopped))
        bkt_engine_stop(engine);
    bool has_key = true;
    while (!mend->is_fed && has_key && bkt_engine_backlog(engine) < KEYS_AT_ONCE) {
        struct bkt_str key;
        int rc = bkt_spool_next(mend->keys, &key, &has_key, err);
        if (rc == BKT_OK && has_key)
            rc = bkt_engine_reread(engine, key, err);
        if (rc)
            return rc;
    }
    /* The listing comes when the keys are done: it would take their state for the truth. */
    if (!mend->is_fed && !has_key && bkt_engine_backlog(engine) == 0) {
        struct bkt_counts counts = bkt_driver_counts(&mend->driver);
        mend->mended = counts.added + counts.updated + counts.unchanged;
        bkt_engine_list(engine);
        mend->is_fed = true;
    }
    return BKT_OK;
}

static bool is_drained(void *ctx)
{
    const struct bkt_mend *mend = ctx;
    return mend->is_fed || atomic_load(&mend->is_stopped);
}

int bkt_mend_run(struct bkt_mend *mend,
                 const struct bkt_config *config,
                 struct bkt_spool *keys,
                 struct bkt_counts *out_counts,
                 struct bkt_error *err)
{
    struct bkt_driver *driver = &mend->driver;
    *driver = (struct bkt_driver){
        .options = {.part = {.ctx = mend, .tick = feed, .is_drained = is_drained}}};
    mend->keys = keys;
    mend->is_fed = false;
    int rc = bkt_spool_rewind(keys, err);
    if (rc == BKT_OK)
        rc = bkt_driver_open(driver, config, err);
    if (rc == BKT_OK)
        rc = bkt_driver_start(driver, err);
    if (rc == BKT_OK)
        rc = bkt_driver_loop(driver, err);
    if (rc == BKT_OK && atomic_load(&mend->is_stopped))
        rc = bkt_error_set(err, BKT_ECANCELED, "stopped; what was committed is whole");
    if (driver->bucket.s3) {
        *out_counts = bkt_driver_counts(driver);
        out_counts->unchanged -= mend->is_fed && out_counts->unchanged >= mend->mended
                                     ? mend->mended
                                     : 0; /* the listing came upon them again */
        bkt_driver_end(driver);
    }
    bkt_driver_close(driver);
    return rc;
}

void bkt_mend_stop(struct bkt_mend *mend)
{
    atomic_store(&mend->is_stopped, true);
    bkt_driver_stop(&mend->driver);
}
