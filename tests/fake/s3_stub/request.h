/*
 * One HTTP/1.1 request: views into the connection's input, and the answer to it.
 */
#ifndef STUB_REQUEST_H
#define STUB_REQUEST_H

#include "bucket.h"

enum { STUB_HEADERS_MAX = 64, STUB_HEAD_BYTES_MAX = 65536, STUB_BODY_BYTES_MAX = 256 << 20 };

struct stub_header {
    struct bkt_str name; /* as received */
    struct bkt_str value;
};

struct stub_request {
    struct bkt_str method;
    struct bkt_str target; /* as received */
    struct bkt_str path;   /* up to the `?` */
    struct bkt_str query;  /* after it */
    struct stub_header headers[STUB_HEADERS_MAX];
    size_t header_count;
    size_t head_len; /* with the empty line */
    struct bkt_str body;
    uint64_t body_len; /* announced */
    bool close;        /* the client wants the connection closed */
    bool expects_100;
};

enum stub_parse {
    STUB_PARSE_DONE, /* the head; `body` is for the caller to fill in */
    STUB_PARSE_MORE,
    STUB_PARSE_BAD,
};

enum stub_parse stub_request_parse(struct bkt_str in, struct stub_request *out_request);

/* The first header of that name (lower case), or an empty view. */
struct bkt_str stub_request_header(const struct stub_request *request, struct bkt_str name);

/* Decoded value of a query parameter in `out`; false when it is absent. */
bool stub_query_get(struct bkt_str query, struct bkt_str name, struct stub_text *out);
uint64_t stub_query_number(struct bkt_str query, struct bkt_str name, uint64_t otherwise);

enum stub_kind { STUB_KIND_OTHER, STUB_KIND_GET, STUB_KIND_LIST, STUB_KIND_COUNT };

enum { STUB_NEVER = -1 };

/*
 * The answer, and what is to go wrong with it on the way.  Byte counts are of the body as sent;
 * STUB_NEVER means that it does not happen.
 */
struct stub_response {
    int status;
    struct stub_text headers; /* "Name: value\r\n" lines; the server adds length and connection */
    struct stub_text body;
    struct stub_content content; /* sent after `body` */
    uint64_t content_from;
    uint64_t content_to;
    enum stub_kind kind; /* for the count of concurrent ones */
    bool head_only;      /* HEAD: announce the length, send no body */
    bool close;
    int64_t delay_us;

    bool reset_at_once; /* without an answer */
    bool raw;           /* send `body` alone, no head, then close */
    bool chunked;
    bool endless;
    bool status_100_first;
    int64_t length_delta; /* added to Content-Length */
    int64_t reset_at;
    int64_t cut_at;
    int64_t stall_at;
    int64_t stall_ms; /* 0: for good */
    int64_t drip_ms;  /* one byte each */
};

/* Empty, memory kept. */
void stub_response_reset(struct stub_response *response);
void stub_response_clear(struct stub_response *response);

#endif
