#include "aws/http_int.h"

#include "aws/libcurl_load.h"
#include "core/mem.h"
#include "core/time.h"

#include <stdlib.h>

enum {
    CONNECT_TIMEOUT_MS = 10000,
    STALL_TIMEOUT_MS = 20000,
    /* libcurl takes and frees as much for each transfer; above 64 KB that means mmap each time. */
    READ_BYTES = 16 << 10,
    READ_BYTES_MEDIUM = 64 << 10,
    READ_BYTES_LARGE = 256 << 10,
    SIZE_MEDIUM = 32 << 10,
    SIZE_LARGE = 1 << 20,
};

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
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "bucketable/" BKT_VERSION);
    curl_easy_setopt(easy, CURLOPT_SHARE, http->share);
    if (!http->has_proxy)
        curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* or it asks the environment every time */
    if (http->ca_bundle)
        curl_easy_setopt(easy, CURLOPT_CAINFO, http->ca_bundle);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->curl_message);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, http_on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, http_on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, http_on_close_socket);
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

void http_retire(struct transfer *transfer)
{
    if (!http_is_active(transfer))
        return;
    curl_multi_remove_handle(transfer->http->multi, transfer->easy);
    transfer->id &= UINT32_MAX;
    transfer->http->active_count--;
}

void http_release(struct transfer *transfer)
{
    struct bkt_http *http = transfer->http;
    http_retire(transfer);
    bkt_buf_clear(&transfer->body);
    bkt_buf_wipe(&transfer->sent); /* holds the authorization and perhaps a token */
    bkt_buf_reset(&transfer->raw_headers);
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
    if (request->header_count > HTTP_REQUEST_HEADERS_MAX)
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

    http->generation = http->generation % UINT32_MAX + 1; /* 0 is that of a free place */
    transfer->id = (transfer->id & UINT32_MAX) | (uint64_t)http->generation << 32;
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
    transfer->response = (struct bkt_http_response){.body = &transfer->body, .content_length = -1};

    int rc = set_headers(transfer, request);
    if (rc == BKT_OK) {
        set_method(transfer, request);
        set_limits(http, transfer->easy, request);
        rc = set_url(http, transfer->easy, request->url);
        if (rc == BKT_OK && curl_multi_add_handle(http->multi, transfer->easy) != CURLM_OK)
            rc = BKT_ENOMEM;
    }
    if (rc) {
        http_release(transfer);
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
    if (http->is_inside) { /* libcurl would refuse to let it go */
        http->canceled_count += !transfer->is_canceled;
        transfer->is_canceled = true;
        return;
    }
    http_release(transfer);
}
