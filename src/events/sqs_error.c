#include "events/sqs_error.h"

#include "events/doc.h"

/* The first line, with `?` for what is not printable. */
static void copy_line(char *out, size_t size, struct bkt_str text)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len && len + 1 < size; i++) {
        char c = text.ptr[i];
        if (c == '\n' || c == '\r')
            break;
        out[len++] = (char)((unsigned char)c < 0x20 || c == 0x7F ? '?' : c);
    }
    out[len] = '\0';
}

void bkt_sqs_copy_message(char *out, size_t size, struct bkt_str text)
{
    copy_line(out, size, text);
    char *canonical = strstr(out, "The Canonical String");
    if (canonical)
        *canonical = '\0';
    size_t len = strlen(out);
    if (len > 0 && out[len - 1] == '.')
        out[len - 1] = '\0'; /* it goes on: "; check ..." */
}

/* "namespace#Code:https://..." and "Code;Sender" are Code. */
static struct bkt_str bare_code(struct bkt_str code)
{
    for (size_t i = 0; i < code.len; i++) {
        if (code.ptr[i] == ':' || code.ptr[i] == ';')
            code.len = i;
    }
    const char *hash = code.len > 0 ? memchr(code.ptr, '#', code.len) : NULL;
    if (hash) {
        code.len -= (size_t)(hash + 1 - code.ptr);
        code.ptr = hash + 1;
    }
    return code;
}

void bkt_sqs_copy_code(char *out, size_t size, struct bkt_str code)
{
    copy_line(out, size, bare_code(code));
}

static const struct {
    const char *code;
    enum bkt_sqs_fault fault;
} faults[] = {
    {"RequestThrottled", BKT_SQS_FAULT_THROTTLED},
    {"OverLimit", BKT_SQS_FAULT_THROTTLED}, /* too many messages in flight */
    {"KmsThrottled", BKT_SQS_FAULT_THROTTLED},
    {"KMS.ThrottlingException", BKT_SQS_FAULT_THROTTLED},
    {"Throttling", BKT_SQS_FAULT_THROTTLED},
    {"ThrottlingException", BKT_SQS_FAULT_THROTTLED},
    {"ThrottledException", BKT_SQS_FAULT_THROTTLED},
    {"RequestThrottledException", BKT_SQS_FAULT_THROTTLED},
    {"TooManyRequestsException", BKT_SQS_FAULT_THROTTLED},
    {"RequestLimitExceeded", BKT_SQS_FAULT_THROTTLED},
    {"BandwidthLimitExceeded", BKT_SQS_FAULT_THROTTLED},
    {"LimitExceededException", BKT_SQS_FAULT_THROTTLED},
    {"PriorRequestNotComplete", BKT_SQS_FAULT_THROTTLED},
    {"SlowDown", BKT_SQS_FAULT_THROTTLED},
    {"InternalError", BKT_SQS_FAULT_TRANSIENT},
    {"InternalFailure", BKT_SQS_FAULT_TRANSIENT},
    {"ServiceUnavailable", BKT_SQS_FAULT_TRANSIENT},
    {"ServiceUnavailableException", BKT_SQS_FAULT_TRANSIENT},
    {"RequestTimeout", BKT_SQS_FAULT_TRANSIENT},
    {"RequestTimeoutException", BKT_SQS_FAULT_TRANSIENT},
    {"QueueDoesNotExist", BKT_SQS_FAULT_NO_QUEUE},
    {"NonExistentQueue", BKT_SQS_FAULT_NO_QUEUE},
    {"AccessDenied", BKT_SQS_FAULT_DENIED},
    {"AccessDeniedException", BKT_SQS_FAULT_DENIED},
    {"InvalidSecurity", BKT_SQS_FAULT_DENIED},
    {"InvalidClientTokenId", BKT_SQS_FAULT_DENIED},
    {"InvalidAccessKeyId", BKT_SQS_FAULT_DENIED},
    {"UnrecognizedClientException", BKT_SQS_FAULT_DENIED},
    {"MissingAuthenticationToken", BKT_SQS_FAULT_DENIED},
    {"MissingAuthenticationTokenException", BKT_SQS_FAULT_DENIED},
    {"SignatureDoesNotMatch", BKT_SQS_FAULT_DENIED},
    {"InvalidSignatureException", BKT_SQS_FAULT_DENIED},
    {"IncompleteSignature", BKT_SQS_FAULT_DENIED},
    {"IncompleteSignatureException", BKT_SQS_FAULT_DENIED},
    {"NotAuthorized", BKT_SQS_FAULT_DENIED},
    {"OptInRequired", BKT_SQS_FAULT_DENIED},
    {"KmsAccessDenied", BKT_SQS_FAULT_DENIED},
    {"KMS.AccessDeniedException", BKT_SQS_FAULT_DENIED},
    {"KmsOptInRequired", BKT_SQS_FAULT_DENIED},
    {"KMS.OptInRequired", BKT_SQS_FAULT_DENIED},
    {"ExpiredToken", BKT_SQS_FAULT_EXPIRED},
    {"ExpiredTokenException", BKT_SQS_FAULT_EXPIRED},
    {"TokenRefreshRequired", BKT_SQS_FAULT_EXPIRED},
    {"InvalidToken", BKT_SQS_FAULT_EXPIRED},
    {"RequestTimeTooSkewed", BKT_SQS_FAULT_SKEW},
    {"RequestExpired", BKT_SQS_FAULT_SKEW},
    {"RequestInTheFuture", BKT_SQS_FAULT_SKEW},
};

static bool find_fault(const char *code, enum bkt_sqs_fault *out_fault)
{
    static const char prefix[] = "AWS.SimpleQueueService.";
    if (strncmp(code, prefix, sizeof(prefix) - 1) == 0)
        code += sizeof(prefix) - 1;
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        if (strcmp(code, faults[i].code) == 0) {
            *out_fault = faults[i].fault;
            return true;
        }
    }
    return false;
}

static enum bkt_sqs_fault fault_of_status(int http_status)
{
    if (http_status == 429)
        return BKT_SQS_FAULT_THROTTLED;
    if (http_status == 408 || (http_status >= 500 && http_status != 501 && http_status != 505))
        return BKT_SQS_FAULT_TRANSIENT;
    if (http_status == 401 || http_status == 403)
        return BKT_SQS_FAULT_DENIED;
    return BKT_SQS_FAULT_PERMANENT;
}

enum bkt_sqs_fault bkt_sqs_fault_of(const char *code, int http_status)
{
    enum bkt_sqs_fault fault;
    return find_fault(code, &fault) ? fault : fault_of_status(http_status);
}

/* What stands between `<name>` and the next tag; servers without the JSON protocol answer in XML.
 */
static struct bkt_str xml_text(struct bkt_str body, const char *tag)
{
    size_t tag_len = strlen(tag);
    for (size_t i = 0; body.len - i > tag_len; i++) {
        if (memcmp(body.ptr + i, tag, tag_len) != 0)
            continue;
        const char *start = body.ptr + i + tag_len;
        const char *end = memchr(start, '<', body.len - i - tag_len);
        return end ? (struct bkt_str){start, (size_t)(end - start)} : BKT_STR("");
    }
    return BKT_STR("");
}

static struct bkt_str first_nonempty(struct bkt_str a, struct bkt_str b)
{
    return a.len > 0 ? a : b;
}

void bkt_sqs_read_error(const struct bkt_sqs_refusal *refusal, struct bkt_sqs_error *out_error)
{
    static const struct bkt_doc_limits limits = {
        .bytes_max = 64 << 10, .depth_max = 16, .values_max = 1000};
    struct cJSON *doc = NULL;
    struct bkt_str type = refusal->error_type;
    struct bkt_str message;

    /* A body that cannot be read, for whatever reason, leaves the status and the headers. */
    if (bkt_doc_parse(refusal->body, &limits, &doc, NULL) == BKT_OK) {
        type = first_nonempty(type, bkt_str_from(bkt_doc_text(doc, "__type")));
        type = first_nonempty(type, bkt_str_from(bkt_doc_text(doc, "code")));
        message = first_nonempty(bkt_str_from(bkt_doc_text(doc, "message")),
                                 bkt_str_from(bkt_doc_text(doc, "Message")));
    } else {
        type = first_nonempty(type, xml_text(refusal->body, "<Code>"));
        message = xml_text(refusal->body, "<Message>");
    }

    struct bkt_sqs_error error = {0};
    char query_code[sizeof(error.code)];
    bkt_sqs_copy_code(query_code, sizeof(query_code), refusal->query_error);
    bkt_sqs_copy_code(error.code, sizeof(error.code), type);
    bkt_sqs_copy_message(error.message, sizeof(error.message), message);
    bkt_json_free(doc);

    if (error.code[0] == '\0')
        memcpy(error.code, query_code, sizeof(error.code));
    if (!find_fault(error.code, &error.fault))
        error.fault = bkt_sqs_fault_of(query_code, refusal->http_status);
    if (error.fault == BKT_SQS_FAULT_DENIED &&
        (strstr(error.message, "Signature expired") || strstr(error.message, "not yet current")))
        error.fault = BKT_SQS_FAULT_SKEW;
    *out_error = error;
}
