#include <bucketable/status.h>

#include "api/target_look.h"
#include "core/arena.h"
#include "core/time.h"

enum { REASON_BYTES_MAX = 2000 };

struct reading {
    const struct bkt_status_callbacks *callbacks;
    struct bkt_arena arena;
    int64_t now_ms;
    uint64_t epoch; /* of the table before */
};

static void format(int64_t ms, char out[BKT_TIME_ISO_BYTES])
{
    out[0] = '\0';
    if (ms != BKT_TIME_NONE)
        bkt_time_format_iso(ms, out);
}

static int on_table(void *ctx, const struct bkt_status_table *found, struct bkt_error *err)
{
    struct reading *reading = ctx;
    struct bkt_str table;
    struct bkt_str source;
    bkt_arena_reset(&reading->arena);
    if (bkt_arena_dup(&reading->arena, found->table, &table) ||
        bkt_arena_dup(&reading->arena, found->source, &source))
        return bkt_error_set(err, BKT_ENOMEM, "read the state: out of memory");
    char changed[BKT_TIME_ISO_BYTES];
    char listed[BKT_TIME_ISO_BYTES];
    format(found->updated_ms, changed);
    format(found->listing_ended_ms, listed);
    struct bkt_table_status status = {
        .table = table.ptr,
        .source = source.ptr,
        .rows = found->row_count,
        .failed = found->failed_count,
        .last_change_ms = found->updated_ms,
        .listing_ended_ms = found->listing_ended_ms,
        .listing_listed = found->listing_listed,
        .listing_matched = found->listing_matched,
        .listing_failed = found->listing_failed,
        .now_ms = reading->now_ms,
        .last_change = changed,
        .listing_ended = listed,
        .keeps_workers = found->keeps_workers,
    };
    reading->epoch = found->epoch;
    return reading->callbacks->table(reading->callbacks->ctx, &status);
}

static int on_worker(void *ctx, const struct bkt_status_worker *found, struct bkt_error *err)
{
    struct reading *reading = ctx;
    struct bkt_str host;
    bkt_arena_reset(&reading->arena);
    if (bkt_arena_dup(&reading->arena, found->host, &host))
        return bkt_error_set(err, BKT_ENOMEM, "read the state: out of memory");
    char started[BKT_TIME_ISO_BYTES];
    char seen[BKT_TIME_ISO_BYTES];
    format(found->started_ms, started);
    format(found->seen_ms, seen);
    struct bkt_worker_status worker = {
        .host = host.ptr,
        .pid = found->pid,
        .is_lister = found->is_lister,
        .has_old_spec = found->epoch != reading->epoch,
        .changes = found->changes,
        .started_ms = found->started_ms,
        .seen_ms = found->seen_ms,
        .silent_ms = found->silent_ms,
        .started = started,
        .seen = seen,
    };
    return reading->callbacks->worker(reading->callbacks->ctx, &worker);
}

static int on_failed(void *ctx, struct bkt_str key, struct bkt_str reason, struct bkt_error *err)
{
    struct reading *reading = ctx;
    struct bkt_str text;
    bkt_arena_reset(&reading->arena);
    if (reason.len > REASON_BYTES_MAX)
        reason.len = REASON_BYTES_MAX;
    if (bkt_arena_dup(&reading->arena, reason, &text))
        return bkt_error_set(err, BKT_ENOMEM, "read the state: out of memory");
    return reading->callbacks->failure(reading->callbacks->ctx, key.ptr, key.len, text.ptr);
}

int bkt_status_read(const struct bkt_config *config,
                    const struct bkt_status_callbacks *callbacks,
                    struct bkt_error *err)
{
    struct bkt_status_callbacks known = {0};
    memcpy(&known, callbacks, callbacks->size < sizeof(known) ? callbacks->size : sizeof(known));
    struct reading reading = {.callbacks = &known, .now_ms = bkt_time_wall_ms()};
    struct bkt_status_told told = {
        .table = on_table,
        .worker = known.worker ? on_worker : NULL,
        .failed = known.failure ? on_failed : NULL,
        .ctx = &reading,
    };
    int rc = bkt_config_check(config, BKT_CONFIG_TARGET, NULL, NULL, err);
    if (rc == BKT_OK)
        rc = bkt_target_status(bkt_config_settings(config), &told, err);
    bkt_arena_clear(&reading.arena);
    return rc;
}
