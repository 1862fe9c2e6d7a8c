#include "s3/pace.h"

enum {
    ONE = 1000,             /* request, in limit_milli */
    FREE_MILLI = 256 * ONE, /* no limit any more: more than anybody reads at once */
    SLOW_DOWN_MS = 1000,
    /* The SDKs' figures (AWS SDKs and Tools Reference Guide, "Retry behavior"). */
    TOKENS_MAX = 500,
    RETRY_TOKENS = 5,
};

void bkt_pace_init(struct bkt_pace *pace)
{
    *pace = (struct bkt_pace){.tokens = TOKENS_MAX};
}

bool bkt_pace_may_start(const struct bkt_pace *pace)
{
    return !pace->is_limited || pace->under_way < pace->limit_milli / ONE;
}

void bkt_pace_start(struct bkt_pace *pace)
{
    pace->under_way++;
}

void bkt_pace_end(struct bkt_pace *pace)
{
    pace->under_way--;
}

void bkt_pace_slow_down(struct bkt_pace *pace, int64_t now_ms)
{
    if (pace->is_limited && now_ms - pace->slowed_ms < SLOW_DOWN_MS)
        return;
    unsigned from = pace->is_limited ? pace->limit_milli : (pace->under_way + 1) * ONE;
    pace->limit_milli = from / 2 > ONE ? from / 2 : ONE;
    pace->is_limited = true;
    pace->slowed_ms = now_ms;
}

void bkt_pace_answered(struct bkt_pace *pace, bool was_retried)
{
    pace->tokens += was_retried ? RETRY_TOKENS : 1;
    if (pace->tokens > TOKENS_MAX)
        pace->tokens = TOKENS_MAX;
    if (!pace->is_limited)
        return;
    pace->limit_milli += ONE * ONE / pace->limit_milli;
    pace->is_limited = pace->limit_milli < FREE_MILLI;
}

bool bkt_pace_retry(struct bkt_pace *pace)
{
    if (pace->tokens < RETRY_TOKENS)
        return false;
    pace->tokens -= RETRY_TOKENS;
    return true;
}
