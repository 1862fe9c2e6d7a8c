#include "events/redis_channel.h"
#include "events/redis_look.h"

int bkt_redis_channel_new(const struct bkt_redis_channel_options *options,
                          const struct bkt_channel_owner *owner,
                          struct bkt_channel *out_channel,
                          struct bkt_error *err)
{
    (void)options;
    (void)owner;
    (void)out_channel;
    return bkt_error_set(err, BKT_EUNSUPPORTED,
                         "follow Redis: this program was built without it (hiredis, libssl)");
}

int bkt_redis_look_new(const struct bkt_redis_look_options *options,
                       struct bkt_redis_look **out_look,
                       struct bkt_error *err)
{
    (void)options;
    (void)out_look;
    return bkt_error_set(err, BKT_EUNSUPPORTED,
                         "look at Redis: this program was built without it (hiredis, libssl)");
}

void bkt_redis_look_free(struct bkt_redis_look *look)
{
    (void)look;
}

void bkt_redis_look_tick(struct bkt_redis_look *look, int64_t now_ms)
{
    (void)look;
    (void)now_ms;
}

int bkt_redis_look_wait_ms(const struct bkt_redis_look *look, int64_t now_ms)
{
    (void)look;
    (void)now_ms;
    return -1;
}

bool bkt_redis_look_is_done(const struct bkt_redis_look *look)
{
    (void)look;
    return true;
}

const struct bkt_redis_finding *bkt_redis_look_findings(const struct bkt_redis_look *look,
                                                        size_t *out_count)
{
    (void)look;
    *out_count = 0;
    return NULL;
}
