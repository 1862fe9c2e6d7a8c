#include "events/redis_channel.h"

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
