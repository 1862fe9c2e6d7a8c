/* The HTTP loop's own state, shared by its files and nobody else. */
#ifndef AWS_HTTP_INT_H
#define AWS_HTTP_INT_H

#include "aws/http.h"

#include <curl/curl.h>

enum { HTTP_REQUEST_HEADERS_MAX = 24 };

/* Where a header lies in raw_headers, which moves while it grows. */
struct header_span {
    size_t name_at, name_len;
    size_t value_at, value_len;
};

/* One request under way, or a free place for one whose easy handle is kept for the next. */
struct transfer {
    struct bkt_http *http;
    CURL *easy;
    uint64_t id; /* place and generation; the latter is 0 in a free one */
    struct transfer *next_free;

    bkt_http_head_fn *on_head;
    bkt_http_data_fn *on_data;
    bkt_http_done_fn *on_done;
    void *ctx;

    /* What libcurl reads while the request runs: header lines and their list, the body. */
    struct bkt_buf sent;
    struct curl_slist header_nodes[HTTP_REQUEST_HEADERS_MAX + 3];

    struct bkt_buf raw_headers; /* of the answer, one after another */
    struct header_span spans[BKT_HTTP_HEADERS_MAX];
    struct bkt_http_header headers[BKT_HTTP_HEADERS_MAX];
    size_t header_count;
    struct bkt_buf body;
    struct bkt_http_response response;

    uint32_t stall_ms;
    int64_t moved_ms; /* when it began, or its last byte came */

    bool head_is_in;
    bool is_canceled; /* by a callback; libcurl has it until that returns */
    int rc;           /* what a callback or a limit ended it with */
    struct bkt_error err;
    char curl_message[CURL_ERROR_SIZE];
};

static inline bool http_is_active(const struct transfer *transfer)
{
    return transfer->id > UINT32_MAX;
}

/* What epoll watches a descriptor for, and who asked. */
struct watch {
    bool is_curl;
    unsigned wanted;     /* by libcurl now; 0 while the connection is idle */
    unsigned registered; /* with epoll */
    bkt_http_fd_fn *fn;
    void *ctx;
};

/*
 * "http://host:port", parsed once.  libcurl 7.88 parses a URL for every transfer and then puts it
 * together again, a byte at a time; with the origin parsed and the rest given as the request's
 * target, it does neither, and the target is sent as it is.
 */
struct origin {
    struct origin *next;
    CURLU *url;
    size_t len;
    char text[];
};

struct bkt_http {
    CURLM *multi;
    CURLSH *share;
    int epoll_fd;
    int wakeup_fd;
    int64_t timer_at_ms;  /* INT64_MAX: none */
    int64_t now_ms;       /* when this turn began */
    int64_t stalls_at_ms; /* when to look for them next */
    size_t active_count;
    bool is_inside;        /* of libcurl, which is calling us and cannot be called */
    size_t canceled_count; /* meanwhile */
    int rc;                /* a socket could not be watched: requests would wait for ever */

    struct watch *watches; /* by descriptor */
    size_t watch_count;

    struct transfer **transfers; /* by the low half of their id, minus 1 */
    size_t transfer_count;
    struct transfer *free_list;
    uint32_t generation;

    struct origin *origins; /* few: one for each service that is talked to */
    bool has_proxy;         /* the environment names one, for some URLs at least */
    char *ca_bundle;
};

/* http.c: the callback for a socket that libcurl closes. */
int http_on_close_socket(void *http, curl_socket_t fd);

/* http_answer.c: libcurl's callbacks with a struct transfer. */
size_t http_on_header(char *bytes, size_t size, size_t count, void *transfer);
size_t http_on_body(char *bytes, size_t size, size_t count, void *transfer);

/* Say what the way to the answer failed with; returns the code. */
int http_explain(struct transfer *transfer, CURLcode result);

/* http_request.c: take a transfer away from libcurl; its id has ended. */
void http_retire(struct transfer *transfer);

/* The same, if that was not done, and make it free for the next request. */
void http_release(struct transfer *transfer);

#endif
