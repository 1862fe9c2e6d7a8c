#include "s3.h"

#include "control.h"
#include "object.h"
#include "stamp.h"

#include <strings.h>

enum { SKEW_MS_MAX = 15 * 60 * 1000 };

#define HOST_ID "Ipn2mcmZ1gCEMcPmwNZcvLGuQ8vBE7HTyvA3pBxJVGDBTTVwN8Rt1t8eaVHIbYhQ+6TfkJOuxyE="

/* What a request asks for. */
struct address {
    struct bkt_str bucket; /* empty: the service itself */
    struct bkt_str key;    /* decoded; empty: the bucket itself */
    enum stub_op op;
};

static bool host_names_bucket(struct bkt_str host, const char *bucket)
{
    size_t len = strlen(bucket);
    return host.len > len && host.ptr[len] == '.' && strncasecmp(host.ptr, bucket, len) == 0;
}

/* `scratch` keeps the decoded path. */
static struct address find_address(const struct stub_s3 *s3,
                                   const struct stub_request *request,
                                   struct stub_text *scratch)
{
    struct address address = {0};
    struct bkt_str path = request->path;
    if (path.len > 0 && path.ptr[0] == '/') {
        path.ptr++;
        path.len--;
    }
    if (host_names_bucket(stub_request_header(request, BKT_STR("host")), s3->bucket_name)) {
        address.bucket = bkt_str_from(s3->bucket_name);
    } else {
        const char *slash = path.len > 0 ? memchr(path.ptr, '/', path.len) : NULL;
        size_t len = slash != NULL ? (size_t)(slash - path.ptr) : path.len;
        address.bucket = (struct bkt_str){path.ptr, len};
        path.ptr += len + (slash != NULL ? 1 : 0);
        path.len -= len + (slash != NULL ? 1 : 0);
    }
    stub_percent_decode(scratch, path, false);
    address.key = stub_text_str(scratch);

    struct bkt_str method = request->method;
    if (bkt_str_eq(method, BKT_STR("GET")) && address.bucket.len > 0)
        address.op = address.key.len > 0 ? STUB_OP_GET : STUB_OP_LIST;
    else if (bkt_str_eq(method, BKT_STR("HEAD")))
        address.op = STUB_OP_HEAD;
    else if (bkt_str_eq(method, BKT_STR("PUT")))
        address.op = STUB_OP_PUT;
    else if (bkt_str_eq(method, BKT_STR("DELETE")))
        address.op = STUB_OP_DELETE;
    return address;
}

static void put_request_id(struct stub_text *out, uint64_t request_no)
{
    char id[16];
    stub_hex64(id, stub_mix(request_no));
    for (size_t i = 0; i < sizeof(id); i++) {
        if (id[i] >= 'a')
            id[i] = (char)(id[i] - 'a' + 'A');
    }
    stub_text_add(out, id, sizeof(id));
}

static void put_common_headers(struct stub_s3 *s3, struct stub_text *out, int64_t now_ms)
{
    if (s3->date_second != now_ms / 1000) {
        s3->date_second = now_ms / 1000;
        stub_stamp_http(now_ms, s3->date);
    }
    stub_text_lit(out, "x-amz-id-2: " HOST_ID "\r\nx-amz-request-id: ");
    put_request_id(out, s3->request_no);
    stub_text_lit(out, "\r\nDate: ");
    stub_text_add(out, s3->date, STUB_STAMP_HTTP_BYTES - 1);
    stub_text_lit(out, "\r\nServer: AmazonS3\r\n");
}

static void put_xml_element(struct stub_text *out, const char *name, struct bkt_str value)
{
    stub_text_printf(out, "<%s>", name);
    stub_xml_escape(out, value);
    stub_text_printf(out, "</%s>", name);
}

static void fail(struct stub_s3 *s3,
                 struct stub_response *response,
                 const struct address *address,
                 struct stub_failure failure)
{
    struct stub_text *out = &response->body;
    out->len = 0;
    response->status = failure.status;
    response->content_from = response->content_to = 0;
    stub_text_lit(&response->headers, "Content-Type: application/xml\r\n");
    stub_text_lit(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>");
    put_xml_element(out, "Code", bkt_str_from(failure.code));
    put_xml_element(out, "Message", bkt_str_from(failure.message));
    if (strcmp(failure.code, "NoSuchBucket") == 0)
        put_xml_element(out, "BucketName", address->bucket);
    else if (address->key.len > 0)
        put_xml_element(out, "Key", address->key);
    if (strcmp(failure.code, "AuthorizationHeaderMalformed") == 0)
        put_xml_element(out, "Region", bkt_str_from(s3->region));
    stub_text_lit(out, "<RequestId>");
    put_request_id(out, s3->request_no);
    stub_text_lit(out, "</RequestId><HostId>" HOST_ID "</HostId></Error>");
}

static void answer_skewed(struct stub_s3 *s3,
                          const struct stub_request *request,
                          struct stub_response *response,
                          int64_t now_ms)
{
    char server_time[STUB_STAMP_ISO_BYTES];
    struct bkt_str stamp = stub_request_header(request, BKT_STR("x-amz-date"));
    stub_stamp_iso(now_ms / 1000 * 1000, server_time);
    response->status = 403;
    stub_text_lit(&response->headers, "Content-Type: application/xml\r\n");
    stub_text_printf(&response->body,
                     "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>"
                     "<Code>RequestTimeTooSkewed</Code><Message>The difference between the request "
                     "time and the current time is too large.</Message><RequestTime>%.*s"
                     "</RequestTime><ServerTime>%.19sZ</ServerTime><MaxAllowedSkewMilliseconds>%d"
                     "</MaxAllowedSkewMilliseconds><RequestId>",
                     BKT_STR_ARG(stamp), server_time, (int)SKEW_MS_MAX);
    put_request_id(&response->body, s3->request_no);
    stub_text_lit(&response->body, "</RequestId></Error>");
}

static bool is_skewed(const struct stub_request *request, int64_t now_ms)
{
    int64_t signed_ms;
    if (!stub_stamp_parse_basic(stub_request_header(request, BKT_STR("x-amz-date")), &signed_ms))
        return false;
    int64_t skew = signed_ms > now_ms ? signed_ms - now_ms : now_ms - signed_ms;
    return skew > SKEW_MS_MAX;
}

/* 301 and 307, or 400 when the rule says so: the bucket is said to be in another region. */
static void answer_redirect(struct stub_s3 *s3,
                            const cJSON *what,
                            struct stub_response *response,
                            const struct address *address)
{
    const char *kind = stub_fault_text(what, "redirect");
    const char *region = stub_fault_text(what, "region");
    const char *location = stub_fault_text(what, "location");
    struct stub_failure failure = {301, "PermanentRedirect",
                                   "The bucket you are attempting to access must be addressed "
                                   "using the specified endpoint."};
    if (strcmp(kind, "307") == 0)
        failure = (struct stub_failure){307, "TemporaryRedirect", "Please re-send this request."};
    else if (strcmp(kind, "400") == 0)
        failure = (struct stub_failure){400, "AuthorizationHeaderMalformed",
                                        "The authorization header is malformed; the region is "
                                        "wrong."};
    const char *own_region = s3->region;
    if (region != NULL) {
        stub_text_printf(&response->headers, "x-amz-bucket-region: %s\r\n", region);
        s3->region = region;
    }
    if (location != NULL)
        stub_text_printf(&response->headers, "Location: %s\r\n", location);
    fail(s3, response, address, failure);
    s3->region = own_region;
}

/* Rules that put another answer in the place of the real one; false: this rule does not. */
static bool answer_fault(struct stub_s3 *s3,
                         const cJSON *what,
                         struct stub_response *response,
                         const struct address *address)
{
    int status = (int)stub_fault_number(what, "status", 0);
    const char *code_200 = stub_fault_text(what, "error_body_200");
    const char *code = stub_fault_text(what, "code");
    const char *message = stub_fault_text(what, "message");
    if (stub_fault_text(what, "redirect") != NULL) {
        answer_redirect(s3, what, response, address);
        return true;
    }
    if (code_200 != NULL) {
        fail(s3, response, address,
             (struct stub_failure){200, code_200, "An error in an answer of status 200."});
        return true;
    }
    if (stub_fault_flag(what, "html")) {
        response->status = status > 0 ? status : 200;
        stub_text_lit(&response->headers, "Content-Type: text/html\r\n");
        stub_text_lit(&response->body, "<html><head><title>Proxy</title></head>"
                                       "<body><h1>It works!</h1></body></html>\n");
        return true;
    }
    if (status == 0)
        return false;
    fail(s3, response, address,
         (struct stub_failure){status, code != NULL ? code : "InternalError",
                               message != NULL ? message : "A rule of the stub says so."});
    return true;
}

static struct stub_failure answer_list(struct stub_s3 *s3,
                                       const struct stub_request *request,
                                       const cJSON *what,
                                       struct stub_response *response)
{
    struct stub_text none = {0};
    const char *wrong = NULL;
    stub_text_lit(&response->headers, "Content-Type: application/xml\r\n");
    if (stub_query_get(request->query, BKT_STR("location"), &none)) {
        stub_text_printf(&response->body,
                         "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<LocationConstraint "
                         "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">%s"
                         "</LocationConstraint>",
                         strcmp(s3->region, "us-east-1") == 0 ? "" : s3->region);
    } else if (stub_query_get(request->query, BKT_STR("versioning"), &none)) {
        stub_text_lit(&response->body,
                      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<VersioningConfiguration "
                      "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"/>");
    } else {
        struct stub_list list = {.bucket = &s3->bucket,
                                 .bucket_name = bkt_str_from(s3->bucket_name),
                                 .query = request->query,
                                 .lies = stub_fault_lies(what)};
        stub_list_page(&list, &response->body, &wrong);
    }
    stub_text_clear(&none);
    if (wrong != NULL)
        return (struct stub_failure){400, "InvalidArgument", wrong};
    return (struct stub_failure){0};
}

static void answer_service(const struct stub_s3 *s3, struct stub_response *response)
{
    stub_text_lit(&response->headers, "Content-Type: application/xml\r\n");
    stub_text_printf(&response->body,
                     "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListAllMyBucketsResult "
                     "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Buckets><Bucket><Name>%s"
                     "</Name><CreationDate>2024-01-01T00:00:00.000Z</CreationDate></Bucket>"
                     "</Buckets></ListAllMyBucketsResult>",
                     s3->bucket_name);
}

static struct stub_failure answer(struct stub_s3 *s3,
                                  const struct stub_request *request,
                                  const struct address *address,
                                  const cJSON *what,
                                  struct stub_response *response)
{
    if (address->bucket.len == 0 && address->op == STUB_OP_OTHER) {
        answer_service(s3, response);
        return (struct stub_failure){0};
    }
    if (!bkt_str_eq(address->bucket, bkt_str_from(s3->bucket_name)))
        return (struct stub_failure){404, "NoSuchBucket", "The specified bucket does not exist"};
    if (address->op == STUB_OP_LIST)
        return answer_list(s3, request, what, response);
    if (address->op == STUB_OP_OTHER || (address->key.len == 0 && address->op == STUB_OP_DELETE))
        return (struct stub_failure){501, "NotImplemented", "The stub does not do this"};
    if (address->key.len == 0) {
        stub_text_printf(&response->headers, "x-amz-bucket-region: %s\r\n", s3->region);
        return (struct stub_failure){0};
    }
    if (address->op == STUB_OP_PUT)
        return stub_object_put(&s3->bucket, address->key, request, stub_wall_ms(), response);
    if (address->op == STUB_OP_DELETE)
        return stub_object_delete(&s3->bucket, address->key, response);
    return stub_object_get(&s3->bucket, address->key, request, response);
}

static void record(struct stub_s3 *s3,
                   const struct stub_request *request,
                   const struct address *address)
{
    if (s3->record_count >= s3->record_max)
        return;
    struct stub_text *out = &s3->record;
    stub_text_printf(out, "%s{\"op\":\"%s\",\"key\":", s3->record_count++ > 0 ? "," : "",
                     stub_op_name(address->op));
    stub_json_string(out, address->key);
    stub_text_lit(out, ",\"query\":");
    stub_json_string(out, request->query);
    stub_text_lit(out, ",\"range\":");
    stub_json_string(out, stub_request_header(request, BKT_STR("range")));
    stub_text_lit(out, ",\"if_match\":");
    stub_json_string(out, stub_request_header(request, BKT_STR("if-match")));
    stub_text_lit(out, ",\"if_none_match\":");
    stub_json_string(out, stub_request_header(request, BKT_STR("if-none-match")));
    stub_text_lit(out, "}");
}

static const cJSON *match_fault(struct stub_s3 *s3,
                                const struct stub_request *request,
                                const struct address *address)
{
    if (s3->faults.first == NULL)
        return NULL;
    struct stub_text prefix = {0};
    struct stub_target target = {.op = address->op, .key = address->key, .query = request->query};
    if (address->op == STUB_OP_LIST) {
        stub_query_get(request->query, BKT_STR("prefix"), &prefix);
        target.key = stub_text_str(&prefix);
    }
    const cJSON *what = stub_faults_match(&s3->faults, &target);
    stub_text_clear(&prefix);
    return what;
}

/* A change by somebody else between the listing and this request. */
static void mutate_first(struct stub_s3 *s3, const cJSON *what, const struct address *address)
{
    const char *mutate = stub_fault_text(what, "mutate");
    if (mutate == NULL || address->key.len == 0)
        return;
    if (strcmp(mutate, "delete") == 0)
        stub_bucket_delete(&s3->bucket, address->key);
    else
        stub_bucket_touch(&s3->bucket, address->key, stub_wall_ms());
}

static void set_delay(struct stub_s3 *s3,
                      const struct address *address,
                      struct stub_response *response)
{
    uint64_t mean = 0;
    if (address->op == STUB_OP_LIST) {
        response->kind = STUB_KIND_LIST;
        mean = s3->page_us;
    } else if (address->op == STUB_OP_GET || address->op == STUB_OP_HEAD) {
        response->kind = STUB_KIND_GET;
        mean = s3->get_us;
    }
    if (mean == 0)
        return;
    uint64_t spread = mean * s3->jitter_percent / 100;
    uint64_t offset = spread > 0 ? stub_mix(s3->request_no) % (2 * spread + 1) : 0;
    response->delay_us = (int64_t)(mean + offset - spread);
}

static void handle_object(struct stub_s3 *s3,
                          const struct stub_request *request,
                          const struct address *address,
                          struct stub_response *response)
{
    s3->request_no++;
    s3->op_counts[address->op]++;
    if (s3->record_max > 0)
        record(s3, request, address);
    const cJSON *what = match_fault(s3, request, address);
    int64_t now_ms = stub_wall_ms() + stub_fault_number(what, "skew_seconds", 0) * 1000;
    put_common_headers(s3, &response->headers, now_ms);
    set_delay(s3, address, response);
    if (what != NULL)
        mutate_first(s3, what, address);

    const char *refused = stub_sigcheck_verify(&s3->sigcheck, request);
    bool checks_time = s3->sigcheck.key_id != NULL || cJSON_HasObjectItem(what, "skew_seconds");
    if (checks_time && is_skewed(request, now_ms)) {
        answer_skewed(s3, request, response, now_ms);
    } else if (refused != NULL) {
        int status = strcmp(refused, "AuthorizationHeaderMalformed") == 0 ||
                             strcmp(refused, "XAmzContentSHA256Mismatch") == 0
                         ? 400
                         : 403;
        fail(s3, response, address,
             (struct stub_failure){status, refused, "The request was refused."});
    } else if (what == NULL || !answer_fault(s3, what, response, address)) {
        struct stub_failure failure = answer(s3, request, address, what, response);
        if (failure.code != NULL)
            fail(s3, response, address, failure);
    }
    if (what != NULL)
        stub_fault_apply(what, response);
}

void stub_s3_handle(void *ctx, const struct stub_request *request, struct stub_response *response)
{
    struct stub_s3 *s3 = ctx;
    if (stub_control_is(request)) {
        stub_control_handle(s3, request, response);
        return;
    }
    struct stub_text path = {0};
    struct address address = find_address(s3, request, &path);
    handle_object(s3, request, &address, response);
    if (address.op == STUB_OP_HEAD) {
        response->head_only = true;
        /* S3 sends no body, and no length of one, with the failure of a HEAD. */
        if (response->status >= 300)
            response->body.len = 0;
    }
    stub_text_clear(&path);
}

void stub_s3_clear(struct stub_s3 *s3)
{
    stub_bucket_clear(&s3->bucket);
    stub_faults_clear(&s3->faults);
    stub_text_clear(&s3->record);
}
