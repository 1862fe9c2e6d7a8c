/*
 * What a refusal says of the credentials or the clock, put right, so that the request may be made
 * again.
 */
#ifndef EVENTS_MEND_H
#define EVENTS_MEND_H

#include "aws/caller.h"
#include "events/sqs_error.h"

/* What has been put right for one request: each once is enough.  All-zero is nothing. */
struct bkt_mended {
    bool creds;
    bool clock;
};

enum bkt_mend {
    BKT_MEND_NOTHING, /* the refusal is to be told */
    BKT_MEND_DONE,    /* make the request again */
    BKT_MEND_FAILED,  /* `err` says why there are no other credentials; BKT_EBUSY: not yet */
};

enum bkt_mend bkt_mend(struct bkt_caller *caller,
                       struct bkt_mended *mended,
                       const struct bkt_sqs_error *said,
                       const struct bkt_http_response *response,
                       struct bkt_error *err);

#endif
