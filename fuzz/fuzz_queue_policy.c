/*
 * Policies: with our statement in it a policy reads again, allows what it should, and does not
 * change the second time.
 */
#include "core/mem.h"
#include "events/queue_policy.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct bkt_policy_grant grant = {
    .sid = {"bucketable-s3-b", 15},
    .service = "s3.amazonaws.com",
    .action = "sqs:SendMessage",
    .resource = {"arn:aws:sqs:r:1:q", 17},
    .source_arn = {"arn:aws:s3:::b", 14},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bkt_str policy = {(const char *)data, size};
    struct bkt_buf with = BKT_BUF_INIT(BKT_POLICY_BYTES_MAX);
    struct bkt_buf twice = BKT_BUF_INIT(BKT_POLICY_BYTES_MAX);
    struct bkt_buf without = BKT_BUF_INIT(BKT_POLICY_BYTES_MAX);
    enum bkt_policy_answer answer;
    bool is_changed;
    if (size <= 16 << 10 && bkt_policy_add(policy, &grant, &with, &is_changed, NULL) == BKT_OK) {
        if (bkt_policy_add(bkt_buf_str(&with), &grant, &twice, &is_changed, NULL) != BKT_OK ||
            is_changed || !bkt_str_eq(bkt_buf_str(&twice), bkt_buf_str(&with)))
            abort();
        if (bkt_policy_allows(bkt_buf_str(&with), &grant, &answer, NULL) != BKT_OK)
            abort();
        if (bkt_policy_remove(bkt_buf_str(&with), grant.sid, &without, &is_changed, NULL) !=
                BKT_OK ||
            !is_changed)
            abort();
    }
    bkt_buf_clear(&with);
    bkt_buf_clear(&twice);
    bkt_buf_clear(&without);
    if (bkt_mem_live() != 0)
        abort();
    return 0;
}
