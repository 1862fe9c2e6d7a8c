/* The client's own state, shared by its files and nobody else. */
#ifndef S3_S3_INT_H
#define S3_S3_INT_H

#include "aws/sigv4.h"
#include "s3/pace.h"
#include "s3/s3.h"
#include "s3/s3error.h"

enum s3_op_kind { S3_OP_LIST, S3_OP_GET, S3_OP_BUCKET };

struct s3_op;

/* A request under way for an op, or none.  A straggler may have two: the first answer wins. */
struct s3_try {
    struct s3_op *op;
    uint64_t http_id; /* 0: none */
};

/* One request through all its attempts. */
struct s3_op {
    struct bkt_s3 *s3;
    enum s3_op_kind kind;
    struct s3_op *newer, *older; /* in s3->first: all ops */
    struct s3_op *next_due;      /* in s3->due: those that wait to be tried again */
    struct s3_op *next_held;     /* in s3->held_first: those that the pace holds back */
    struct s3_try tries[2];

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
    bool was_stopped; /* by on_size */

    /* Of the newest attempt. */
    int64_t sent_ms;
    uint64_t sent_generation; /* of the credentials */
    unsigned sent_region_no;
    bool head_is_in;

    /* What is put right at once, and how often it was. */
    unsigned put_right;
    bool was_redirected;
    bool was_renewed;
    bool was_skewed;
    bool renew_first;             /* the credentials, before the next attempt */
    bool asks_region;             /* this attempt is a HEAD of the bucket, for its region */
    struct bkt_error *refusal;    /* that made us ask */
    struct bkt_endpoint *detour;  /* named by a TemporaryRedirect: for this op alone */
    struct bkt_checksum checksum; /* of the whole object, from the head */
    struct bkt_object object;     /* from the head of the answer: its size only */

    /* The beginning of an object whose transfer broke, and what it is the beginning of. */
    struct bkt_buf partial;
    char partial_etag[128];
};

struct bkt_s3 {
    struct bkt_s3_options options;
    char *bucket;
    char *endpoint_url;
    char region[BKT_REGION_BYTES];
    unsigned region_no; /* counts the changes of it */
    struct bkt_endpoint endpoint;
    struct bkt_sigv4 *signer;
    struct bkt_sigv4_lines lines;
    struct bkt_creds creds;
    uint64_t creds_generation;

    /* The server's wall time, once it differed from ours too much: since then, by our monotonic. */
    bool has_clock;
    int64_t clock_wall_ms;
    int64_t clock_read_ms;

    bool was_reached; /* an answer has come from there: what fails now may pass */
    struct bkt_buf url;
    struct bkt_s3_stats stats;
    struct s3_op *first;
    struct s3_op *due; /* by due_ms */
    struct s3_op *held_first, *held_last;
    struct bkt_pace pace; /* of GETs */
    unsigned gets_under_way;
    int64_t look_ms; /* for stragglers, next */
    uint64_t jitter;
};

/* s3.c */
void s3_op_free(struct s3_op *op);
void s3_wait_until(struct s3_op *op, int64_t due_ms);

/* s3_request.c: sign the op's request and start it. */
int s3_send(struct s3_op *op, struct s3_try *attempt, struct bkt_error *err);
int64_t s3_wall_ms(const struct bkt_s3 *s3);

/* s3_attempt.c: from there to the end of an attempt, and the second one of a straggler. */
void s3_on_done(void *ctx, int rc, struct bkt_http_response *response, const struct bkt_error *err);
int s3_on_head(void *ctx, struct bkt_http_response *response, struct bkt_error *err);
void s3_hedge_stragglers(struct bkt_s3 *s3, int64_t now_ms);
void s3_cancel(struct s3_op *op);

/* s3_retry.c: an attempt failed, or was refused; and the end of an op. */
void s3_refused(struct s3_op *op, struct bkt_http_response *response);
void s3_answered_region(struct s3_op *op, const struct bkt_http_response *response);
void s3_retry_or_fail(struct s3_op *op,
                      bool throttled,
                      int64_t server_hint_ms,
                      const struct bkt_error *why);
void s3_failed(struct s3_op *op, const struct bkt_error *err);
void s3_tell_object(struct s3_op *op, struct bkt_s3_object *object);

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

/* s3_checksum.c: what the head of a whole object says of its content; or none. */
void s3_checksum_of(const struct bkt_http_response *response, struct bkt_checksum *out);

#endif
