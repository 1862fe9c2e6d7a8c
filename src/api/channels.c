#include "api/channels.h"

int bkt_channels_open(struct bkt_bucket *bucket,
                      const struct bkt_channel_owner *owners,
                      struct bkt_channel *out_channels,
                      size_t *out_count,
                      struct bkt_error *err)
{
    (void)bucket;
    (void)owners;
    (void)out_channels;
    (void)err;
    *out_count = 0;
    return BKT_OK;
}
