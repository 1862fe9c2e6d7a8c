#include "api/check_int.h"

#include "core/time.h"
#include "events/redis_look.h"

static int turn(struct bkt_check *check, struct bkt_redis_look *look, struct bkt_error *err)
{
    int rc = BKT_OK;
    while (rc == BKT_OK && !bkt_redis_look_is_done(look)) {
        if (atomic_load(&check->asker.is_stopped))
            return bkt_error_set(err, BKT_ECANCELED, "stopped");
        int64_t now_ms = bkt_time_monotonic_ms();
        bkt_redis_look_tick(look, now_ms);
        if (!bkt_redis_look_is_done(look))
            rc = bkt_http_run_once(check->asker.bucket.http, bkt_redis_look_wait_ms(look, now_ms),
                                   err);
    }
    return rc;
}

int check_redis(struct bkt_check *check, struct bkt_error *err)
{
    static const enum bkt_check_result results[] = {
        [BKT_REDIS_SEEN_OK] = BKT_CHECK_OK,
        [BKT_REDIS_SEEN_WARNING] = BKT_CHECK_WARNING,
        [BKT_REDIS_SEEN_WRONG] = BKT_CHECK_WRONG,
    };
    struct bkt_redis_look_options options = {
        .http = check->asker.bucket.http,
        .url = bkt_str_from(check->settings->redis_url),
        .default_password = bkt_env_get(bkt_env_process(), "REDISCLI_AUTH"),
        .name = bkt_str_from(check->settings->redis_channel),
        .ca_bundle = bkt_str_from(check->asker.bucket.ca_bundle),
    };
    struct bkt_redis_look *look = NULL;
    int rc = bkt_redis_look_new(&options, &look, err);
    if (rc == BKT_OK)
        rc = turn(check, look, err);
    if (rc == BKT_OK) {
        size_t count;
        const struct bkt_redis_finding *findings = bkt_redis_look_findings(look, &count);
        for (size_t i = 0; i < count; i++) {
            check_tell(check, findings[i].what, results[findings[i].seen], findings[i].fix, "%s",
                       findings[i].detail);
        }
    } else if (!check_is_fatal(rc)) {
        check_tell(check, "redis", BKT_CHECK_WRONG, NULL, "%s", err->message);
        rc = BKT_OK;
    }
    bkt_redis_look_free(look);
    return rc;
}
