/*
 * Calls that a table does not need, but whoever sets it up does: of S3 about the bucket
 * (`?notification`, `?versioning`), of STS.  Each is waited for.
 *
 * Threads: one, like the asker's.
 */
#ifndef API_SERVICE_H
#define API_SERVICE_H

#include "api/asker.h"
#include "aws/caller.h"
#include "s3/s3error.h"

/* All-zero is closed. */
struct bkt_service {
    struct bkt_asker *asker; /* borrowed */
    struct bkt_caller caller;
};

/* The bucket, in the region that the asker's client has found by now. */
BKT_MUST_CHECK int bkt_service_open_bucket(struct bkt_service *service,
                                           struct bkt_asker *asker,
                                           struct bkt_error *err);

/* STS; where S3 is not AWS's and no other is set, that of the same server. */
BKT_MUST_CHECK int bkt_service_open_sts(struct bkt_service *service,
                                        struct bkt_asker *asker,
                                        struct bkt_error *err);
void bkt_service_close(struct bkt_service *service);

/* Does the bucket lie at AWS, rather than at another server that speaks S3? */
bool bkt_service_is_aws(const struct bkt_service *service);

struct bkt_service_call {
    const char *method;
    struct bkt_str path;  /* behind the endpoint's own, "/a%20b"; empty: the bucket itself */
    struct bkt_str query; /* percent-encoded, sorted, without `?` */
    struct bkt_str body;
    const char *content_type; /* NULL: none */
};

/* All-zero is empty. */
struct bkt_service_answer {
    int status;              /* 200 and the like; 0: there was no answer */
    struct bkt_buf body;     /* of success */
    struct bkt_s3error said; /* of a refusal */
    enum bkt_s3error_class class;
    char region[BKT_REGION_BYTES]; /* x-amz-bucket-region; "" when not told */
    bool has_date;
    int64_t skew_ms;      /* the server's clock is ahead of ours by this */
    struct bkt_error err; /* unless status is of success: what came back, and what to do */
};

/*
 * That the server refuses, or cannot be reached, is an answer and no failure of this call: it fails
 * with BKT_ECANCELED and BKT_ENOMEM.
 */
BKT_MUST_CHECK int bkt_service_ask(struct bkt_service *service,
                                   const struct bkt_service_call *call,
                                   struct bkt_service_answer *out_answer,
                                   struct bkt_error *err);
void bkt_service_answer_clear(struct bkt_service_answer *answer);

static inline bool bkt_service_is_ok(const struct bkt_service_answer *answer)
{
    return answer->status >= 200 && answer->status < 300;
}

#endif
