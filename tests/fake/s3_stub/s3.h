/*
 * What the stub answers: the part of S3 that a reader of one bucket meets, and writing enough to
 * fill it.  Virtual-hosted and path style are both understood.
 */
#ifndef STUB_S3_H
#define STUB_S3_H

#include "fault.h"
#include "server.h"
#include "sigcheck.h"

enum { STUB_OP_COUNT = STUB_OP_DELETE + 1 };

struct stub_s3 {
    struct stub_bucket bucket;
    struct stub_faults faults;
    struct stub_sigcheck sigcheck;
    struct stub_server *server;
    const char *bucket_name;
    const char *region;
    uint64_t get_us; /* mean latency of GET and HEAD */
    uint64_t jitter_percent;
    uint64_t page_us; /* of a page of a listing */
    uint64_t op_counts[STUB_OP_COUNT];
    uint64_t request_no;
    uint64_t record_max; /* requests to keep in `record`; 0: none */
    uint64_t record_count;
    struct stub_text record; /* JSON objects, each with a comma before it but the first */
    int64_t date_second;     /* that `date` is for */
    char date[30];
};

/* stub_handle_fn; `ctx` is a struct stub_s3. */
void stub_s3_handle(void *ctx, const struct stub_request *request, struct stub_response *response);
void stub_s3_clear(struct stub_s3 *s3);

#endif
