/*
 * Notification configurations: what was read and written with ours in it reads again, holds ours
 * once, and does not change the second time; taking ours away leaves as many of the others.
 */
#include "core/mem.h"
#include "s3/notify_config.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct bkt_notify_want want = {
    .kind = BKT_NOTIFY_QUEUE,
    .id = {"bucketable-1-q", 14},
    .arn = {"arn:aws:sqs:r:1:q", 17},
    .prefix = {"docs/", 5},
};

static void add_twice(const struct bkt_notify_config *config, const struct bkt_buf *with)
{
    struct bkt_notify_config again;
    struct bkt_buf twice = BKT_BUF_INIT(BKT_NOTIFY_BYTES_MAX);
    struct bkt_buf without = BKT_BUF_INIT(BKT_NOTIFY_BYTES_MAX);
    bool is_changed = true;
    if (bkt_notify_read(bkt_buf_str(with), &again, NULL) != BKT_OK)
        abort();
    if (bkt_notify_add(&again, &want, &twice, &is_changed, NULL) != BKT_OK || is_changed ||
        !bkt_str_eq(bkt_buf_str(&twice), bkt_buf_str(with)))
        abort();
    if (bkt_notify_remove(&again, want.id, &without, &is_changed, NULL) != BKT_OK)
        abort();
    size_t own = 0;
    for (size_t i = 0; i < config->count; i++)
        own += bkt_str_eq(config->entries[i].id, want.id);
    bkt_notify_clear(&again);
    if (bkt_notify_read(bkt_buf_str(&without), &again, NULL) != BKT_OK ||
        again.count != config->count - own)
        abort();
    bkt_notify_clear(&again);
    bkt_buf_clear(&twice);
    bkt_buf_clear(&without);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bkt_notify_config config;
    struct bkt_str xml = {(const char *)data, size};
    if (size > 64 << 10 || bkt_notify_read(xml, &config, NULL) != BKT_OK)
        return 0;
    struct bkt_buf with = BKT_BUF_INIT(BKT_NOTIFY_BYTES_MAX);
    struct bkt_buf json = BKT_BUF_INIT(BKT_NOTIFY_BYTES_MAX);
    bool is_changed;
    if (bkt_notify_add(&config, &want, &with, &is_changed, NULL) == BKT_OK)
        add_twice(&config, &with);
    if (bkt_notify_write_json(&config, &json) != BKT_OK)
        abort();
    bkt_notify_clear(&config);
    bkt_buf_clear(&with);
    bkt_buf_clear(&json);
    if (bkt_mem_live() != 0)
        abort();
    return 0;
}
