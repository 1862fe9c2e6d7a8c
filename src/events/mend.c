#include "events/mend.h"

enum { SKEW_MS_MIN = 4 * 60 * 1000 };

/* A signature that is refused may be right, and made at another time than the server's. */
static bool is_skewed(const struct bkt_caller *caller,
                      const struct bkt_sqs_error *said,
                      const struct bkt_http_response *response)
{
    if (said->fault == BKT_SQS_FAULT_SKEW)
        return true;
    int64_t gap_ms;
    return strstr(said->code, "Signature") && bkt_caller_clock_gap(caller, response, &gap_ms) &&
           (gap_ms > SKEW_MS_MIN || gap_ms < -SKEW_MS_MIN);
}

enum bkt_mend bkt_mend(struct bkt_caller *caller,
                       struct bkt_mended *mended,
                       const struct bkt_sqs_error *said,
                       const struct bkt_http_response *response,
                       struct bkt_error *err)
{
    if (caller->options.no_sign_request)
        return BKT_MEND_NOTHING;
    if (said->fault == BKT_SQS_FAULT_EXPIRED && !mended->creds) {
        int rc = bkt_caller_renew(caller, err);
        mended->creds = rc != BKT_EBUSY;
        return rc ? BKT_MEND_FAILED : BKT_MEND_DONE;
    }
    if (is_skewed(caller, said, response) && !mended->clock) {
        mended->clock = true;
        return bkt_caller_adopt_clock(caller, response) ? BKT_MEND_DONE : BKT_MEND_NOTHING;
    }
    return BKT_MEND_NOTHING;
}
