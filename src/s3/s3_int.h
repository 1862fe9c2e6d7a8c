/* The client's own state, shared by its files and nobody else. */
#ifndef S3_S3_INT_H
#define S3_S3_INT_H

#include "aws/sigv4.h"
#include "s3/s3.h"
#include "s3/s3error.h"

enum s3_op_kind { S3_OP_LIST, S3_OP_GET, S3_OP_BUCKET };

/* One request through all its attempts. */
struct s3_op {
    struct bkt_s3 *s3;
    enum s3_op_kind kind;
    struct s3_op *newer, *older; /* in s3->first: all ops */
    struct s3_op *next_due;      /* in s3->due: those that wait to be tried again */
    uint64_t http_id;            /* 0: not under way */

    struct bkt_str key; /* GET; it and the next point into `texts` */
    struct bkt_str if_none_match;
    struct bkt_str prefix, start_after, token; /* LIST */
    uint32_t max_keys;
    char *texts;

    uint64_t id;
    uint64_t size_hint;
    bkt_s3_size_fn *on_size;
    bkt_s3_object_fn *on_object;
    bkt_s3_page_fn *on_page;
    bkt_s3_bucket_fn *on_bucket;
    void *ctx;

    unsigned failures; /* in a row */
    int64_t first_failed_ms;
    int64_t due_ms;
    bool fresh_connection;
    bool was_stopped;    /* by on_size */
    bool was_redirected; /* once is enough */
    bool was_renewed;
    bool was_skewed;
    struct bkt_object object; /* from the head of the answer: sizes and times only */
};

struct bkt_s3 {
    struct bkt_s3_options options;
    char *bucket;
    char *endpoint_url;
    char region[BKT_REGION_BYTES];
    struct bkt_endpoint endpoint;
    struct bkt_sigv4 *signer;
    struct bkt_sigv4_lines lines;
    struct bkt_creds creds;
    uint64_t creds_generation;
    int64_t skew_ms;  /* the server's wall time less ours */
    bool was_reached; /* an answer has come from there: what fails now may pass */
    struct bkt_buf url;
    struct bkt_s3_stats stats;
    struct s3_op *first;
    struct s3_op *due; /* by due_ms */
    uint64_t jitter;
};

/* s3_request.c: sign the op's request and start it. */
int s3_send(struct s3_op *op, struct bkt_error *err);
int s3_renew_creds(struct bkt_s3 *s3, struct bkt_error *err);

/* s3.c: the end of an attempt. */
void s3_on_done(void *ctx, int rc, struct bkt_http_response *response, const struct bkt_error *err);
int s3_on_head(void *ctx, struct bkt_http_response *response, struct bkt_error *err);

/* s3_answer.c: make what the callback is told; BKT_OK, or why the answer is not one. */
int s3_answer_page(const struct s3_op *op,
                   struct bkt_http_response *response,
                   struct bkt_s3_page **out_page,
                   struct bkt_error *err);
int s3_answer_object(const struct s3_op *op,
                     struct bkt_http_response *response,
                     struct bkt_s3_object *out_object,
                     struct bkt_buf *metadata,
                     struct bkt_error *err);

#endif
