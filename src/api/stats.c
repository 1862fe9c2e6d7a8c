#include <bucketable/stats.h>

double bkt_stats_commit_bound_s(size_t i)
{
    static const double bounds[BKT_STATS_COMMIT_BOUNDS] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                           0.1,   0.25,   0.5,   1,    2.5,   10};
    return bounds[i < BKT_STATS_COMMIT_BOUNDS ? i : BKT_STATS_COMMIT_BOUNDS - 1];
}

static bool is_ill(const struct bkt_stats_trouble *trouble, int64_t now_ms, int64_t limit_ms)
{
    return trouble->since_ms != 0 && now_ms - trouble->since_ms > limit_ms;
}

const char *bkt_stats_illness(const struct bkt_stats *stats, int64_t limit_ms)
{
    if (is_ill(&stats->table, stats->now_ms, limit_ms))
        return stats->table.text;
    for (size_t i = 0; i < stats->channel_count; i++) {
        if (is_ill(&stats->channels[i].trouble, stats->now_ms, limit_ms))
            return stats->channels[i].trouble.text;
    }
    return NULL;
}
