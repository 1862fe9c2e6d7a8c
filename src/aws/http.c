#include "aws/http.h"

#include "core/mem.h"
#include "core/time.h"

#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    CONNECT_TIMEOUT_MS = 10000,
    STALL_TIMEOUT_MS = 20000,
    STALLS_EVERY_MS = 1000,
    CONNECTIONS_MAX = 256,
    EVENTS_PER_TURN = 64,
    REQUEST_HEADERS_MAX = 24,
    /* libcurl takes and frees as much for each transfer; above 64 KB that means mmap each time. */
    READ_BYTES = 16 << 10,
    READ_BYTES_MEDIUM = 64 << 10,
    READ_BYTES_LARGE = 256 << 10,
    SIZE_MEDIUM = 32 << 10,
    SIZE_LARGE = 1 << 20,
};

/* Where a header lies in raw_headers, which moves while it grows. */
struct header_span {
    size_t name_at, name_len;
    size_t value_at, value_len;
};

/* One request under way, or a free place for one whose easy handle is kept for the next. */
struct transfer {
    struct bkt_http *http;
    CURL *easy;
    uint64_t id; /* 0: free */
    struct transfer *next_free;

    bkt_http_head_fn *on_head;
    bkt_http_data_fn *on_data;
    bkt_http_done_fn *on_done;
    void *ctx;

    /* What libcurl reads while the request runs: header lines and their list, the body. */
    struct bkt_buf sent;
    struct curl_slist header_nodes[REQUEST_HEADERS_MAX + 3];

    struct bkt_buf raw_headers; /* of the answer, one after another */
    struct header_span spans[BKT_HTTP_HEADERS_MAX];
    struct bkt_http_header headers[BKT_HTTP_HEADERS_MAX];
    size_t header_count;
    struct bkt_buf body;
    struct bkt_http_response response;

    uint32_t stall_ms;
    int64_t moved_ms; /* when it began, or its last byte came */

    bool head_is_in;
    int rc; /* what a callback or a limit ended it with */
    struct bkt_error err;
    char curl_message[CURL_ERROR_SIZE];
};

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
    int rc; /* a socket could not be watched: requests would wait for ever */

    struct watch *watches; /* by descriptor */
    size_t watch_count;

    struct transfer **transfers; /* by the low half of their id, minus 1 */
    size_t transfer_count;
    struct transfer *free_list;
    uint32_t generation;

    struct origin *origins; /* few: one for each service that is talked to */
    bool has_proxy;         /* the environment names one, for some URLs at least */
    char *ca_bundle;
    char *user_agent;
};

/* Descriptors. */

static int watch_of(struct bkt_http *http, int fd, struct watch **out)
{
    size_t index = (size_t)fd;
    if (index >= http->watch_count) {
        size_t count = index + 64;
        struct watch *moved = bkt_mem_realloc(http->watches, count * sizeof(*moved));
        if (!moved)
            return BKT_ENOMEM;
        memset(moved + http->watch_count, 0, (count - http->watch_count) * sizeof(*moved));
        http->watches = moved;
        http->watch_count = count;
    }
    *out = &http->watches[index];
    return BKT_OK;
}

static int epoll_set(struct bkt_http *http, int fd, struct watch *watch, unsigned events)
{
    if (watch->registered == events)
        return BKT_OK;
    int op = EPOLL_CTL_MOD;
    if (events == 0)
        op = EPOLL_CTL_DEL;
    else if (watch->registered == 0)
        op = EPOLL_CTL_ADD;
    struct epoll_event event = {.events = events, .data.fd = fd};
    if (epoll_ctl(http->epoll_fd, op, fd, &event) != 0 && events != 0)
        return BKT_EIO;
    watch->registered = events;
    return BKT_OK;
}

/*
 * libcurl takes a socket out and puts it back for every transfer.  A removal is only noted here
 * (two system calls less per request); if the idle socket becomes ready it is taken out for real.
 */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
    (void)easy;
    (void)socket_ctx;
    struct bkt_http *http = ctx;
    struct watch *watch;
    http->rc = watch_of(http, fd, &watch);
    if (http->rc)
        return -1;
    unsigned wanted = 0;
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
        wanted |= EPOLLIN;
    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
        wanted |= EPOLLOUT;
    watch->is_curl = true;
    watch->wanted = wanted;
    if (wanted == 0)
        return 0;
    http->rc = epoll_set(http, fd, watch, wanted);
    return http->rc ? -1 : 0;
}

/* The number may be another socket's the next moment: forget what is known of this one. */
static int on_close_socket(void *ctx, curl_socket_t fd)
{
    struct bkt_http *http = ctx;
    if ((size_t)fd < http->watch_count)
        http->watches[fd] = (struct watch){0};
    return close(fd);
}

static int on_timer(CURLM *multi, long timeout_ms, void *ctx)
{
    (void)multi;
    struct bkt_http *http = ctx;
    http->timer_at_ms = timeout_ms < 0 ? INT64_MAX : bkt_time_monotonic_ms() + timeout_ms;
    return 0;
}

/* The answer: status line, headers, body, in libcurl's callbacks. */

static void end_with(struct transfer *transfer, int rc)
{
    if (transfer->rc != BKT_OK)
        return;
    transfer->rc = rc;
    if (transfer->err.code != rc)
        (void)bkt_error_set(&transfer->err, rc, "%s", bkt_error_text(rc));
}

static int add_header(struct transfer *transfer, struct bkt_str line)
{
    const char *colon = memchr(line.ptr, ':', line.len);
    if (!colon)
        return BKT_OK; /* libcurl has its own opinion of such a line */
    if (transfer->header_count == BKT_HTTP_HEADERS_MAX)
        return bkt_error_set(&transfer->err, BKT_ELIMIT, "the answer has more than %d headers",
                             BKT_HTTP_HEADERS_MAX);
    size_t start = transfer->raw_headers.len;
    int rc = bkt_buf_append(&transfer->raw_headers, line);
    if (rc == BKT_ELIMIT)
        return bkt_error_set(&transfer->err, rc, "the answer has more than %d bytes of headers",
                             BKT_HTTP_HEADER_BYTES_MAX);
    if (rc)
        return rc;

    size_t name_len = (size_t)(colon - line.ptr);
    size_t value_at = name_len + 1;
    size_t end = line.len;
    while (value_at < end && (line.ptr[value_at] == ' ' || line.ptr[value_at] == '\t'))
        value_at++;
    while (end > value_at && (line.ptr[end - 1] == ' ' || line.ptr[end - 1] == '\t'))
        end--;
    transfer->spans[transfer->header_count++] =
        (struct header_span){start, name_len, start + value_at, end - value_at};
    return BKT_OK;
}

static int finish_head(struct transfer *transfer)
{
    struct bkt_http_response *response = &transfer->response;
    long status = 0;
    curl_off_t length = -1;
    char *ip = NULL;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status < 200)
        return BKT_OK; /* 100 Continue and the like: the real head follows */
    curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    curl_easy_getinfo(transfer->easy, CURLINFO_PRIMARY_IP, &ip);

    for (size_t i = 0; i < transfer->header_count; i++) {
        const struct header_span *span = &transfer->spans[i];
        const char *raw = transfer->raw_headers.ptr;
        transfer->headers[i] = (struct bkt_http_header){
            .name = {raw + span->name_at, span->name_len},
            .value = {raw + span->value_at, span->value_len},
        };
    }
    response->status = (int)status;
    response->headers = transfer->headers;
    response->header_count = transfer->header_count;
    response->content_length = length;
    response->remote_ip = ip ? ip : "";
    transfer->head_is_in = true;

    if (transfer->on_head) {
        int rc = transfer->on_head(transfer->ctx, response, &transfer->err);
        if (rc)
            return rc;
    }
    if (!transfer->on_data && length > 0) {
        if ((uint64_t)length > transfer->body.max)
            return bkt_error_set(&transfer->err, BKT_ELIMIT,
                                 "the answer has %lld bytes, more than the %zu allowed",
                                 (long long)length, transfer->body.max);
        return bkt_buf_reserve(&transfer->body, (size_t)length);
    }
    return BKT_OK;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *ctx)
{
    struct transfer *transfer = ctx;
    struct bkt_str line = {bytes, size * count};
    transfer->moved_ms = transfer->http->now_ms;
    while (line.len > 0 && (line.ptr[line.len - 1] == '\n' || line.ptr[line.len - 1] == '\r'))
        line.len--;
    if (transfer->head_is_in)
        return size * count; /* trailers of a chunked body */

    int rc = BKT_OK;
    if (bkt_str_has_prefix(line, BKT_STR("HTTP/"))) {
        transfer->header_count = 0;
        bkt_buf_reset(&transfer->raw_headers);
    } else if (line.len > 0) {
        rc = add_header(transfer, line);
    } else {
        rc = finish_head(transfer);
    }
    if (rc == BKT_OK)
        return size * count;
    end_with(transfer, rc);
    return 0;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *ctx)
{
    struct transfer *transfer = ctx;
    struct bkt_str piece = {bytes, size * count};
    transfer->moved_ms = transfer->http->now_ms;
    int rc;
    if (transfer->on_data) {
        rc = transfer->on_data(transfer->ctx, piece, &transfer->err);
    } else {
        rc = bkt_buf_append(&transfer->body, piece);
        if (rc == BKT_ELIMIT)
            (void)bkt_error_set(&transfer->err, rc,
                                "the answer has more than the %zu bytes allowed",
                                transfer->body.max);
    }
    if (rc == BKT_OK)
        return piece.len;
    end_with(transfer, rc);
    return CURL_WRITEFUNC_ERROR;
}

struct bkt_str bkt_http_header_get(const struct bkt_http_response *response, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < response->header_count; i++) {
        const struct bkt_http_header *header = &response->headers[i];
        if (header->name.len == len && strncasecmp(header->name.ptr, name, len) == 0)
            return header->value;
    }
    return (struct bkt_str){"", 0};
}

/* Transfers. */

static void set_constant_options(struct bkt_http *http, struct transfer *transfer)
{
    CURL *easy = transfer->easy;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_DNS_SHUFFLE_ADDRESSES, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, http->user_agent);
    curl_easy_setopt(easy, CURLOPT_SHARE, http->share);
    if (!http->has_proxy)
        curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* or it asks the environment every time */
    if (http->ca_bundle)
        curl_easy_setopt(easy, CURLOPT_CAINFO, http->ca_bundle);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->curl_message);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, http);
}

static struct transfer *transfer_new(struct bkt_http *http)
{
    struct transfer *transfer = bkt_mem_calloc(1, sizeof(*transfer));
    if (!transfer)
        return NULL;
    transfer->http = http;
    transfer->raw_headers = BKT_BUF_INIT(BKT_HTTP_HEADER_BYTES_MAX);
    transfer->easy = curl_easy_init();
    size_t count = http->transfer_count + 1;
    struct transfer **moved = bkt_mem_realloc(http->transfers, count * sizeof(*moved));
    if (moved)
        http->transfers = moved;
    if (!transfer->easy || !moved) {
        curl_easy_cleanup(transfer->easy);
        bkt_mem_free(transfer);
        return NULL;
    }
    set_constant_options(http, transfer);
    http->transfers[http->transfer_count] = transfer;
    http->transfer_count = count;
    /* The index in the low half stays with the place; the high half changes with each use. */
    transfer->id = count;
    return transfer;
}

static uint64_t index_of(uint64_t id)
{
    return (id & UINT32_MAX) - 1;
}

static void release(struct transfer *transfer)
{
    struct bkt_http *http = transfer->http;
    bkt_buf_clear(&transfer->body);
    bkt_buf_wipe(&transfer->sent); /* holds the authorization and perhaps a token */
    bkt_buf_reset(&transfer->raw_headers);
    transfer->id &= UINT32_MAX;
    http->active_count--;
    transfer->next_free = http->free_list;
    http->free_list = transfer;
}

/* Copy the request's lines into transfer->sent and chain them for libcurl. */
static int set_headers(struct transfer *transfer, const struct bkt_http_request *request)
{
    /* What libcurl would add by itself and nobody asked for. */
    static const struct bkt_str silenced[] = {
        {"Expect:", sizeof("Expect:") - 1},
        {"Accept:", sizeof("Accept:") - 1},
    };
    if (request->header_count > REQUEST_HEADERS_MAX)
        return BKT_ELIMIT;

    size_t bytes = request->body.len + 64;
    for (size_t i = 0; i < request->header_count; i++)
        bytes += request->headers[i].len + 1;
    transfer->sent = BKT_BUF_INIT(bytes);
    int rc = bkt_buf_reserve(&transfer->sent, bytes);
    if (rc)
        return rc;

    struct curl_slist *list = NULL;
    size_t count = request->header_count + sizeof(silenced) / sizeof(silenced[0]);
    for (size_t i = 0; i < count && rc == BKT_OK; i++) {
        struct bkt_str line =
            i < request->header_count ? request->headers[i] : silenced[i - request->header_count];
        char *at = transfer->sent.ptr + transfer->sent.len;
        rc = bkt_buf_append(&transfer->sent, line);
        if (rc == BKT_OK)
            rc = bkt_buf_append_char(&transfer->sent, '\0');
        transfer->header_nodes[i] = (struct curl_slist){.data = at, .next = list};
        list = &transfer->header_nodes[i];
    }
    curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, list);
    if (rc == BKT_OK)
        rc = bkt_buf_append(&transfer->sent, request->body);
    return rc;
}

static void set_method(struct transfer *transfer, const struct bkt_http_request *request)
{
    CURL *easy = transfer->easy;
    curl_easy_setopt(easy, CURLOPT_NOBODY, 0L);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, NULL);
    if (strcmp(request->method, "GET") == 0) {
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
        return;
    }
    if (strcmp(request->method, "HEAD") == 0) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
        return;
    }
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
                     transfer->sent.ptr + transfer->sent.len - request->body.len);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
    if (strcmp(request->method, "POST") != 0)
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

static void set_limits(struct bkt_http *http, CURL *easy, const struct bkt_http_request *request)
{
    uint32_t connect_ms =
        request->connect_timeout_ms > 0 ? request->connect_timeout_ms : CONNECT_TIMEOUT_MS;
    long read_bytes = READ_BYTES;
    if (request->size_hint > SIZE_LARGE)
        read_bytes = READ_BYTES_LARGE;
    else if (request->size_hint > SIZE_MEDIUM)
        read_bytes = READ_BYTES_MEDIUM;
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->total_timeout_ms);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, request->fresh_connection ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, read_bytes);
    if (http->has_proxy)
        curl_easy_setopt(easy, CURLOPT_NOPROXY, request->no_proxy ? "*" : NULL);
}

/* `*out` stays NULL for what libcurl takes for no URL: it is to say so itself. */
static int origin_of(struct bkt_http *http, const char *url, size_t len, struct origin **out)
{
    struct origin *origin = http->origins;
    while (origin && (origin->len != len || memcmp(origin->text, url, len) != 0))
        origin = origin->next;
    if (origin) {
        *out = origin;
        return BKT_OK;
    }
    origin = bkt_mem_calloc(1, sizeof(*origin) + len + 1);
    CURLU *parsed = curl_url();
    int rc = origin && parsed ? BKT_OK : BKT_ENOMEM;
    if (rc == BKT_OK) {
        memcpy(origin->text, url, len);
        if (curl_url_set(parsed, CURLUPART_URL, origin->text, 0) == CURLUE_OK) {
            origin->url = parsed;
            origin->len = len;
            origin->next = http->origins;
            http->origins = origin;
            *out = origin;
            return BKT_OK;
        }
    }
    curl_url_cleanup(parsed);
    bkt_mem_free(origin);
    return rc;
}

/* A plain proxy wants the whole URL in the request: where there may be one, libcurl builds it. */
static int set_url(struct bkt_http *http, CURL *easy, const char *url)
{
    static const char http_scheme[] = "http://";
    const char *host = strstr(url, "://");
    size_t origin_len = host ? (size_t)(host - url) + 3 : 0;
    origin_len += strcspn(url + origin_len, "/?");
    struct origin *origin = NULL;
    if (!http->has_proxy || strncmp(url, http_scheme, sizeof(http_scheme) - 1) != 0) {
        int rc = origin_of(http, url, origin_len, &origin);
        if (rc)
            return rc;
    }

    curl_easy_setopt(easy, CURLOPT_CURLU, origin ? origin->url : NULL);
    const char *target = url[origin_len] ? url + origin_len : "/";
    if (curl_easy_setopt(easy, CURLOPT_REQUEST_TARGET, origin ? target : NULL) != CURLE_OK)
        return BKT_ENOMEM;
    if (!origin && curl_easy_setopt(easy, CURLOPT_URL, url) != CURLE_OK)
        return BKT_ENOMEM;
    return BKT_OK;
}

int bkt_http_start(struct bkt_http *http,
                   const struct bkt_http_request *request,
                   uint64_t *out_id,
                   struct bkt_error *err)
{
    struct transfer *transfer = http->free_list;
    if (transfer)
        http->free_list = transfer->next_free;
    else
        transfer = transfer_new(http);
    if (!transfer)
        return bkt_error_set(err, BKT_ENOMEM, "start a request: out of memory");

    transfer->id = (transfer->id & UINT32_MAX) | (uint64_t)++http->generation << 32;
    transfer->on_head = request->on_head;
    transfer->on_data = request->on_data;
    transfer->on_done = request->on_done;
    transfer->ctx = request->ctx;
    transfer->stall_ms =
        request->stall_timeout_ms > 0 ? request->stall_timeout_ms : STALL_TIMEOUT_MS;
    transfer->moved_ms = bkt_time_monotonic_ms();
    http->active_count++;
    transfer->body = BKT_BUF_INIT(request->body_bytes_max);
    transfer->header_count = 0;
    transfer->head_is_in = false;
    transfer->rc = BKT_OK;
    transfer->err = (struct bkt_error){.code = BKT_OK};
    transfer->curl_message[0] = '\0';
    transfer->response =
        (struct bkt_http_response){.body = &transfer->body, .content_length = -1, .remote_ip = ""};

    int rc = set_headers(transfer, request);
    if (rc == BKT_OK) {
        set_method(transfer, request);
        set_limits(http, transfer->easy, request);
        rc = set_url(http, transfer->easy, request->url);
        if (rc == BKT_OK && curl_multi_add_handle(http->multi, transfer->easy) != CURLM_OK)
            rc = BKT_ENOMEM;
    }
    if (rc) {
        release(transfer);
        return bkt_error_set(err, rc, "start a request: %s", bkt_error_text(rc));
    }
    if (out_id)
        *out_id = transfer->id;
    return BKT_OK;
}

void bkt_http_cancel(struct bkt_http *http, uint64_t id)
{
    uint64_t index = index_of(id);
    if (index >= http->transfer_count || http->transfers[index]->id != id)
        return;
    struct transfer *transfer = http->transfers[index];
    curl_multi_remove_handle(http->multi, transfer->easy);
    release(transfer);
}

/* The way to the answer failed: say what, and whether the same request may succeed later. */
static int explain(struct transfer *transfer, CURLcode result)
{
    static const CURLcode lasting[] = {
        CURLE_URL_MALFORMAT,        CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE,
        CURLE_SSL_CERTPROBLEM,      CURLE_COULDNT_RESOLVE_PROXY,    CURLE_SSL_CONNECT_ERROR,
        CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT,
    };
    if (transfer->rc != BKT_OK)
        return transfer->rc;
    if (result == CURLE_OUT_OF_MEMORY)
        return bkt_error_set(&transfer->err, BKT_ENOMEM, "out of memory");

    long os_error = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &os_error);
    const char *said =
        transfer->curl_message[0] ? transfer->curl_message : curl_easy_strerror(result);
    if (result == CURLE_COULDNT_CONNECT && os_error != 0) {
        char reason[128];
        if (strerror_r((int)os_error, reason, sizeof(reason)) != 0)
            reason[0] = '\0';
        (void)bkt_error_set(&transfer->err, BKT_ENET, "%s (%s)", said, reason);
    } else if (result == CURLE_PEER_FAILED_VERIFICATION) {
        (void)bkt_error_set(&transfer->err, BKT_ENET,
                            "%s; if a private authority signed it, name its certificate with "
                            "--ca-bundle or AWS_CA_BUNDLE",
                            said);
    } else if (result == CURLE_UNSUPPORTED_PROTOCOL) {
        (void)bkt_error_set(
            &transfer->err, BKT_ENET,
            "what came back is no HTTP; is this the right port, and http or https?");
    } else {
        (void)bkt_error_set(&transfer->err, BKT_ENET, "%s", said);
    }
    transfer->err.retriable = true;
    for (size_t i = 0; i < sizeof(lasting) / sizeof(lasting[0]); i++) {
        if (result == lasting[i])
            transfer->err.retriable = false;
    }
    return BKT_ENET;
}

static void finish_transfers(struct bkt_http *http)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(http->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode result = message->data.result;
        char *private = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
        struct transfer *transfer = (struct transfer *)(void *)private;
        curl_multi_remove_handle(http->multi, transfer->easy);

        int rc = result == CURLE_OK ? transfer->rc : explain(transfer, result);
        if (rc == BKT_OK && !transfer->head_is_in) {
            rc = bkt_error_set(&transfer->err, BKT_ENET, "the connection closed without an answer");
            transfer->err.retriable = true;
        }
        transfer->err.http_status = transfer->response.status;
        transfer->on_done(transfer->ctx, rc, &transfer->response, &transfer->err);
        release(transfer);
    }
}

/*
 * Where nothing has come for too long.  libcurl's own LOW_SPEED_TIME sets a timer anew at every
 * byte; to look once a second costs nothing.
 */
static void end_stalled(struct bkt_http *http)
{
    if (http->now_ms < http->stalls_at_ms)
        return;
    http->stalls_at_ms = http->now_ms + STALLS_EVERY_MS;
    for (size_t i = 0; i < http->transfer_count; i++) {
        struct transfer *transfer = http->transfers[i];
        bool is_active = transfer->id > UINT32_MAX;
        if (!is_active || http->now_ms - transfer->moved_ms < transfer->stall_ms)
            continue;
        curl_multi_remove_handle(http->multi, transfer->easy);
        int rc = bkt_error_set(&transfer->err, BKT_ENET, "no byte came for %u seconds",
                               (unsigned)(transfer->stall_ms / 1000));
        transfer->err.retriable = true;
        transfer->on_done(transfer->ctx, rc, &transfer->response, &transfer->err);
        release(transfer);
    }
}

/* The loop. */

static void on_ready(struct bkt_http *http, int fd, unsigned events)
{
    if (fd == http->wakeup_fd) {
        uint64_t count;
        (void)!read(fd, &count, sizeof(count));
        return;
    }
    struct watch *watch = &http->watches[fd];
    if (!watch->is_curl) {
        if (watch->fn)
            watch->fn(watch->ctx, events);
        return;
    }
    if (watch->wanted == 0) {
        /* An idle connection that the server closed; libcurl finds that out when it wants it. */
        (void)epoll_set(http, fd, watch, 0);
        return;
    }
    int what = 0;
    if (events & EPOLLIN)
        what |= CURL_CSELECT_IN;
    if (events & EPOLLOUT)
        what |= CURL_CSELECT_OUT;
    if (events & (EPOLLERR | EPOLLHUP))
        what |= CURL_CSELECT_ERR;
    int running;
    curl_multi_socket_action(http->multi, fd, what, &running);
}

static int wait_ms(const struct bkt_http *http, int timeout_ms)
{
    if (http->active_count > 0 && (timeout_ms < 0 || timeout_ms > STALLS_EVERY_MS))
        timeout_ms = STALLS_EVERY_MS;
    if (http->timer_at_ms == INT64_MAX)
        return timeout_ms;
    int64_t left = http->timer_at_ms - bkt_time_monotonic_ms();
    if (left < 0)
        left = 0;
    if (timeout_ms >= 0 && timeout_ms < left)
        return timeout_ms;
    return left > INT32_MAX ? INT32_MAX : (int)left;
}

int bkt_http_run_once(struct bkt_http *http, int timeout_ms, struct bkt_error *err)
{
    struct epoll_event events[EVENTS_PER_TURN];
    int count = epoll_wait(http->epoll_fd, events, EVENTS_PER_TURN, wait_ms(http, timeout_ms));
    if (count < 0 && errno != EINTR)
        return bkt_error_set(err, BKT_EIO, "wait for the network: errno %d", errno);

    http->now_ms = bkt_time_monotonic_ms();
    for (int i = 0; i < count; i++)
        on_ready(http, events[i].data.fd, events[i].events);
    if (http->timer_at_ms <= bkt_time_monotonic_ms()) {
        int running;
        http->timer_at_ms = INT64_MAX;
        curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    finish_transfers(http);
    end_stalled(http);
    if (http->rc)
        return bkt_error_set(err, http->rc, "watch a socket: %s", bkt_error_text(http->rc));
    return BKT_OK;
}

void bkt_http_wakeup(struct bkt_http *http)
{
    uint64_t one = 1;
    (void)!write(http->wakeup_fd, &one, sizeof(one));
}

int bkt_http_watch_fd(struct bkt_http *http,
                      int fd,
                      unsigned events,
                      bkt_http_fd_fn *fn,
                      void *ctx,
                      struct bkt_error *err)
{
    struct watch *watch;
    int rc = watch_of(http, fd, &watch);
    if (rc == BKT_OK)
        rc = epoll_set(http, fd, watch, events);
    if (rc)
        return bkt_error_set(err, rc, "watch a descriptor: %s", bkt_error_text(rc));
    *watch = (struct watch){.registered = events, .fn = fn, .ctx = ctx};
    return BKT_OK;
}

/* Birth and death. */

static void curl_start(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* The variables that libcurl looks at. */
static bool environment_has_proxy(void)
{
    static const char *const names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                        "ALL_PROXY"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = getenv(names[i]);
        if (value && value[0])
            return true;
    }
    return false;
}

static int open_loop(struct bkt_http *http, const struct bkt_http_options *options)
{
    static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&curl_once, curl_start);

    http->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    http->wakeup_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (http->epoll_fd < 0 || http->wakeup_fd < 0)
        return BKT_EIO;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = http->wakeup_fd};
    if (epoll_ctl(http->epoll_fd, EPOLL_CTL_ADD, http->wakeup_fd, &event) != 0)
        return BKT_EIO;

    http->has_proxy = environment_has_proxy();
    http->multi = curl_multi_init();
    http->share = curl_share_init();
    const char *agent =
        options && options->user_agent ? options->user_agent : "bucketable/" BKT_VERSION;
    http->user_agent = bkt_mem_strdup(agent, strlen(agent));
    if (options && options->ca_bundle) {
        http->ca_bundle = bkt_mem_strdup(options->ca_bundle, strlen(options->ca_bundle));
        if (!http->ca_bundle)
            return BKT_ENOMEM;
    }
    if (!http->multi || !http->share || !http->user_agent)
        return BKT_ENOMEM;

    /* One thread owns the loop, so what its connections share needs no lock. */
    curl_share_setopt(http->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    uint32_t connections =
        options && options->connections_max > 0 ? options->connections_max : CONNECTIONS_MAX;
    curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)connections);
    curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
    curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
    return BKT_OK;
}

int bkt_http_new(const struct bkt_http_options *options,
                 struct bkt_http **out_http,
                 struct bkt_error *err)
{
    struct bkt_http *http = bkt_mem_calloc(1, sizeof(*http));
    if (!http)
        return bkt_error_set(err, BKT_ENOMEM, "open the network loop: out of memory");
    http->epoll_fd = -1;
    http->wakeup_fd = -1;
    http->timer_at_ms = INT64_MAX;

    int rc = open_loop(http, options);
    if (rc) {
        bkt_http_free(http);
        return bkt_error_set(err, rc, "open the network loop: %s", bkt_error_text(rc));
    }
    *out_http = http;
    return BKT_OK;
}

void bkt_http_free(struct bkt_http *http)
{
    if (!http)
        return;
    for (size_t i = 0; i < http->transfer_count; i++) {
        struct transfer *transfer = http->transfers[i];
        curl_multi_remove_handle(http->multi, transfer->easy);
        curl_easy_cleanup(transfer->easy);
        bkt_buf_clear(&transfer->body);
        bkt_buf_wipe(&transfer->sent);
        bkt_buf_clear(&transfer->raw_headers);
        bkt_mem_free(transfer);
    }
    bkt_mem_free(http->transfers);
    curl_multi_cleanup(http->multi);
    if (http->share)
        curl_share_cleanup(http->share);
    while (http->origins) {
        struct origin *next = http->origins->next;
        curl_url_cleanup(http->origins->url);
        bkt_mem_free(http->origins);
        http->origins = next;
    }
    bkt_mem_free(http->watches);
    bkt_mem_free(http->ca_bundle);
    bkt_mem_free(http->user_agent);
    if (http->wakeup_fd >= 0)
        (void)close(http->wakeup_fd);
    if (http->epoll_fd >= 0)
        (void)close(http->epoll_fd);
    bkt_mem_free(http);
}
