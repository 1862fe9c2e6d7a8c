/* GET, HEAD, PUT and DELETE of one object: conditions, ranges and headers. */
#ifndef STUB_OBJECT_H
#define STUB_OBJECT_H

#include "bucket.h"
#include "request.h"

/* How an operation ended; `code` is NULL when `response` is complete. */
struct stub_failure {
    int status;
    const char *code;
    const char *message;
};

struct stub_failure stub_object_get(const struct stub_bucket *bucket,
                                    struct bkt_str key,
                                    const struct stub_request *request,
                                    struct stub_response *response);
struct stub_failure stub_object_put(struct stub_bucket *bucket,
                                    struct bkt_str key,
                                    const struct stub_request *request,
                                    int64_t now_ms,
                                    struct stub_response *response);
struct stub_failure stub_object_delete(struct stub_bucket *bucket,
                                       struct bkt_str key,
                                       struct stub_response *response);

#endif
