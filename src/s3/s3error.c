#include "s3/s3error.h"

#include "core/arena.h"
#include "core/time.h"
#include "core/xml.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

/* Errors are short; the rest of a longer body says nothing more. */
enum { BODY_BYTES_MAX = 64 << 10 };

#define TEXT(element, member)                                                                    \
    {                                                                                            \
        element, offsetof(struct bkt_s3error, member), sizeof(((struct bkt_s3error *)0)->member) \
    }

static const struct {
    const char *element;
    size_t offset;
    size_t size;
} texts[] = {
    TEXT("Code", code),
    TEXT("Message", message),
    TEXT("Region", region),
    TEXT("Endpoint", endpoint),
    TEXT("Bucket", bucket),
    TEXT("BucketName", bucket),
    TEXT("RequestId", request_id),
    TEXT("HostId", host_id),
    TEXT("StorageClass", storage_class),
};

#undef TEXT

/* `text` is UTF-8, so that a character ends before a byte that is no continuation. */
static void copy_text(char *out, size_t size, struct bkt_str text)
{
    size_t len = text.len;
    if (len >= size) {
        len = size - 1;
        while (len > 0 && ((unsigned char)text.ptr[len] & 0xc0) == 0x80)
            len--;
    }
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        bool is_c1 = byte == 0xc2 && i + 1 < len && (unsigned char)text.ptr[i + 1] < 0xa0;
        out[i] = text.ptr[i];
        if (byte < 0x20 || byte == 0x7f)
            out[i] = ' ';
        if (is_c1) { /* U+0080 to U+009F: terminals obey some of them */
            out[i++] = ' ';
            out[i] = ' ';
        }
    }
    out[len] = '\0';
}

static bool is_code(const char *code)
{
    for (; *code; code++) {
        bool is_letter = (*code >= 'a' && *code <= 'z') || (*code >= 'A' && *code <= 'Z');
        bool is_digit = *code >= '0' && *code <= '9';
        if (!is_letter && !is_digit && *code != '.' && *code != '-' && *code != '_')
            return false;
    }
    return true;
}

/* The element that has just begun; the first of a name counts. */
static int take_element(struct bkt_xml *xml, struct bkt_arena *arena, struct bkt_s3error *out)
{
    struct bkt_str name = xml->name;
    struct bkt_str text;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char *member = (char *)out + texts[i].offset;
        if (!bkt_str_eq(name, bkt_str_from(texts[i].element)) || member[0] != '\0')
            continue;
        int rc = bkt_xml_text(xml, arena, &text, NULL);
        if (rc == BKT_OK)
            copy_text(member, texts[i].size, text);
        return rc;
    }
    if (!bkt_str_eq(name, BKT_STR("ServerTime")))
        return bkt_xml_skip(xml, NULL);
    int rc = bkt_xml_text(xml, arena, &text, NULL);
    if (rc == BKT_OK && !bkt_time_parse_iso(text, &out->server_time_ms))
        out->server_time_ms = BKT_TIME_NONE;
    return rc;
}

/*
 * `<Error>` holds the elements, and `<ErrorResponse>` of STS an `<Error>` and some of them.  Stops
 * at whatever is wrong with the body.
 */
static void read_document(struct bkt_str body, struct bkt_arena *arena, struct bkt_s3error *out)
{
    struct bkt_xml xml;
    enum bkt_xml_token token;
    if (bkt_xml_begin(&xml, body, NULL) || bkt_xml_next(&xml, &token, NULL))
        return;
    bool is_response = bkt_str_eq(xml.name, BKT_STR("ErrorResponse"));
    if (!is_response && !bkt_str_eq(xml.name, BKT_STR("Error")))
        return;
    while (bkt_xml_next(&xml, &token, NULL) == BKT_OK && token != BKT_XML_DONE) {
        if (token == BKT_XML_END || (is_response && bkt_str_eq(xml.name, BKT_STR("Error"))))
            continue;
        if (take_element(&xml, arena, out))
            return;
    }
}

bool bkt_s3error_parse(struct bkt_str body, struct bkt_s3error *out)
{
    *out = (struct bkt_s3error){.server_time_ms = BKT_TIME_NONE};
    if (body.len > BODY_BYTES_MAX)
        body.len = BODY_BYTES_MAX;
    /* Some servers echo a key with its control characters, behind the code: end before them. */
    for (size_t i = 0; i < body.len; i++) {
        unsigned char byte = (unsigned char)body.ptr[i];
        if (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r')
            body.len = i;
    }
    struct bkt_arena arena = {0};
    read_document(body, &arena, out);
    bkt_arena_clear(&arena);

    if (!is_code(out->code))
        out->code[0] = '\0';
    return out->code[0] != '\0';
}

/* By name, for a binary search. */
static const struct rule {
    char code[48];
    enum bkt_s3error_class class;
    const char *advice; /* what to do; NULL: the message says it all */
} rules[] = {
    {"AccessDenied", BKT_S3ERROR_FORBIDDEN,
     "the credentials may not do this; an absent key is answered so without s3:ListBucket"},
    {"AccountProblem", BKT_S3ERROR_FORBIDDEN, NULL},
    {"AllAccessDisabled", BKT_S3ERROR_FORBIDDEN, NULL},
    {"AuthorizationHeaderMalformed", BKT_S3ERROR_WRONG_REGION, NULL},
    {"BadDigest", BKT_S3ERROR_TRANSIENT, NULL},
    {"BandwidthLimitExceeded", BKT_S3ERROR_THROTTLED, NULL},
    {"ClientDisconnected", BKT_S3ERROR_TRANSIENT, NULL},
    {"EC2ThrottledException", BKT_S3ERROR_THROTTLED, NULL},
    {"ExpiredToken", BKT_S3ERROR_EXPIRED_CREDS, "renew the session"},
    {"ExpiredTokenException", BKT_S3ERROR_EXPIRED_CREDS, "renew the session"},
    {"IDPCommunicationError", BKT_S3ERROR_TRANSIENT, NULL},
    {"IllegalLocationConstraintException", BKT_S3ERROR_WRONG_REGION, NULL},
    {"IncorrectEndpoint", BKT_S3ERROR_WRONG_REGION, NULL},
    {"InternalError", BKT_S3ERROR_TRANSIENT, NULL},
    {"InvalidAccessKeyId", BKT_S3ERROR_FORBIDDEN,
     "the server does not know this access key: is it that of another account or server?"},
    {"InvalidObjectState", BKT_S3ERROR_ARCHIVED, "restore the object, or exclude it"},
    {"InvalidRange", BKT_S3ERROR_RANGE, NULL},
    {"InvalidToken", BKT_S3ERROR_EXPIRED_CREDS, "renew the session"},
    {"LimitExceededException", BKT_S3ERROR_THROTTLED, NULL},
    {"NoSuchBucket", BKT_S3ERROR_NO_SUCH_BUCKET, "check the bucket's name and the endpoint"},
    {"NoSuchKey", BKT_S3ERROR_NO_SUCH_KEY, NULL},
    {"NoSuchVersion", BKT_S3ERROR_NO_SUCH_KEY, NULL},
    {"NotSignedUp", BKT_S3ERROR_FORBIDDEN, NULL},
    {"OperationAborted", BKT_S3ERROR_TRANSIENT, NULL},
    {"PermanentRedirect", BKT_S3ERROR_WRONG_REGION, NULL},
    {"PreconditionFailed", BKT_S3ERROR_PRECONDITION, NULL},
    {"PriorRequestNotComplete", BKT_S3ERROR_THROTTLED, NULL},
    {"ProvisionedThroughputExceededException", BKT_S3ERROR_THROTTLED, NULL},
    {"Redirect", BKT_S3ERROR_WRONG_REGION, NULL},
    {"RequestExpired", BKT_S3ERROR_CLOCK_SKEW, "set this machine's clock"},
    {"RequestInTheFuture", BKT_S3ERROR_CLOCK_SKEW, "set this machine's clock"},
    {"RequestLimitExceeded", BKT_S3ERROR_THROTTLED, NULL},
    {"RequestThrottled", BKT_S3ERROR_THROTTLED, NULL},
    {"RequestThrottledException", BKT_S3ERROR_THROTTLED, NULL},
    {"RequestTimeTooSkewed", BKT_S3ERROR_CLOCK_SKEW, "set this machine's clock"},
    {"RequestTimeout", BKT_S3ERROR_TRANSIENT, NULL},
    {"RequestTimeoutException", BKT_S3ERROR_TRANSIENT, NULL},
    {"ServiceUnavailable", BKT_S3ERROR_THROTTLED, NULL},
    {"SignatureDoesNotMatch", BKT_S3ERROR_FORBIDDEN,
     "is the secret key the one of this access key, and does a proxy leave requests as they are?"},
    {"SlowDown", BKT_S3ERROR_THROTTLED, NULL},
    {"SlowDownRead", BKT_S3ERROR_THROTTLED, NULL},
    {"SlowDownWrite", BKT_S3ERROR_THROTTLED, NULL},
    {"TemporaryRedirect", BKT_S3ERROR_WRONG_REGION, NULL},
    {"ThrottledException", BKT_S3ERROR_THROTTLED, NULL},
    {"Throttling", BKT_S3ERROR_THROTTLED, NULL},
    {"ThrottlingException", BKT_S3ERROR_THROTTLED, NULL},
    {"TokenRefreshRequired", BKT_S3ERROR_EXPIRED_CREDS, "renew the session"},
    {"TooManyRequests", BKT_S3ERROR_THROTTLED, NULL},
    {"TooManyRequestsException", BKT_S3ERROR_THROTTLED, NULL},
    {"TransactionInProgressException", BKT_S3ERROR_THROTTLED, NULL},
    {"XMinioServerNotInitialized", BKT_S3ERROR_TRANSIENT, NULL},
};

static int compare_rule(const void *code, const void *rule)
{
    return strcmp(code, ((const struct rule *)rule)->code);
}

static const struct rule *find_rule(const char *code)
{
    return bsearch(code, rules, sizeof(rules) / sizeof(rules[0]), sizeof(rules[0]), compare_rule);
}

/* Where the code is absent or unknown. */
static enum bkt_s3error_class classify_status(int http_status)
{
    switch (http_status) {
    case 200: /* that was none, whatever the answer says */
        return BKT_S3ERROR_TRANSIENT;
    case 301:
    case 302:
    case 307:
    case 308:
        return BKT_S3ERROR_WRONG_REGION;
    case 401:
    case 403:
        return BKT_S3ERROR_FORBIDDEN;
    case 408:
    case 499: /* nginx and MinIO: the client seemed to have gone */
        return BKT_S3ERROR_TRANSIENT;
    case 412:
        return BKT_S3ERROR_PRECONDITION;
    case 416:
        return BKT_S3ERROR_RANGE;
    case 429:
    case 509:
        return BKT_S3ERROR_THROTTLED;
    case 501:
    case 505:
        return BKT_S3ERROR_PERMANENT;
    default:
        return http_status >= 500 ? BKT_S3ERROR_TRANSIENT : BKT_S3ERROR_PERMANENT;
    }
}

enum bkt_s3error_class bkt_s3error_classify(int http_status, const char *code)
{
    const struct rule *rule = find_rule(code);
    if (!rule)
        return classify_status(http_status);
    /* A row is deleted for it: status and code have to agree. */
    if (rule->class == BKT_S3ERROR_NO_SUCH_KEY && http_status != 404)
        return classify_status(http_status);
    return rule->class;
}

/* What to do about an answer without a code, which is no answer of S3. */
static const char *advice_for_status(int http_status)
{
    if (http_status == 404 || http_status == 405)
        return "not an answer of S3: is this the endpoint of an S3 service?";
    if (http_status >= 300 && http_status < 400)
        return "another region or endpoint serves this bucket";
    return NULL;
}

static void describe_place(const struct bkt_s3error *said,
                           const char *region,
                           char *out,
                           size_t size)
{
    if (said->region[0] != '\0' && strcmp(said->region, region) != 0) {
        (void)snprintf(out, size, "; the bucket is in %s, not in %s: set the region", said->region,
                       region);
    } else if (said->endpoint[0] != '\0') {
        (void)snprintf(out, size, "; the bucket is served by %s: set the endpoint or its region",
                       said->endpoint);
    } else {
        (void)snprintf(out, size, "; the bucket is not in %s: set its region", region);
    }
}

void bkt_s3error_describe(const struct bkt_s3error *said,
                          int http_status,
                          const char *region,
                          struct bkt_error *err)
{
    const struct rule *rule = find_rule(said->code);
    enum bkt_s3error_class class = bkt_s3error_classify(http_status, said->code);
    const char *advice = rule ? rule->advice : NULL;
    if (said->code[0] == '\0')
        advice = advice_for_status(http_status);

    char hint[sizeof(said->endpoint) + 128] = "";
    if (class == BKT_S3ERROR_WRONG_REGION && said->code[0] != '\0') {
        describe_place(said, region, hint, sizeof(hint));
    } else if (advice) {
        (void)snprintf(hint, sizeof(hint), "; %s", advice);
    }
    if (class == BKT_S3ERROR_ARCHIVED && said->storage_class[0] != '\0')
        (void)snprintf(hint, sizeof(hint), "; it is in %s: %s", said->storage_class, advice);

    bool has_message = said->message[0] != '\0';
    bool has_id = said->request_id[0] != '\0';
    (void)bkt_error_set(err, BKT_ES3, "HTTP %d%s%s%s%s%s%s%s%s", http_status,
                        said->code[0] ? " " : "", said->code, has_message ? ": " : "",
                        said->message, has_id ? " (request " : "", said->request_id,
                        has_id ? ")" : "", hint);
    if (!err)
        return;
    err->http_status = http_status;
    err->retriable = class == BKT_S3ERROR_TRANSIENT || class == BKT_S3ERROR_THROTTLED;
}
