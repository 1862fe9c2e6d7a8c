#include "events/sqs_answer.h"

#include "core/checksum.h"
#include "events/doc.h"
#include "events/sqs_error.h"

#include <assert.h>
#include <strings.h>

static const struct bkt_doc_limits answer_limits = {
    .bytes_max = BKT_SQS_ANSWER_BYTES_MAX,
    .depth_max = 16,
    .values_max = 20000,
};

/* An empty answer is a document without members. */
static int parse_answer(struct bkt_str answer,
                        const char *what,
                        struct cJSON **out_doc,
                        struct bkt_error *err)
{
    if (answer.len == 0)
        return BKT_OK;

    struct cJSON *doc = NULL;
    int rc = bkt_doc_parse(answer, &answer_limits, &doc, err);
    if (rc)
        return bkt_error_wrap(err, rc, "the answer to %s", what);
    if (!cJSON_IsObject(doc)) {
        bkt_json_free(doc);
        return bkt_error_set(err, BKT_EPARSE, "the answer to %s is no JSON object", what);
    }
    *out_doc = doc;
    return BKT_OK;
}

/* The elements of a list that may be missing; `*out_first` is NULL when there are none. */
static int first_of(const cJSON *root,
                    const char *name,
                    const cJSON **out_first,
                    struct bkt_error *err)
{
    const cJSON *list = bkt_json_get(root, name);
    if (list && !cJSON_IsNull(list) && !cJSON_IsArray(list))
        return bkt_error_set(err, BKT_EPARSE, "%s in an SQS answer is no list", name);
    *out_first = list ? list->child : NULL;
    return BKT_OK;
}

/* A whole number that is a string, as SQS writes them, or a number; -1 when it is neither. */
static int64_t get_number(const cJSON *object, const char *name)
{
    const cJSON *node = bkt_json_get(object, name);
    if (cJSON_IsNumber(node) && node->valuedouble >= 0 && node->valuedouble < 1e15)
        return (int64_t)node->valuedouble;

    const char *text = cJSON_GetStringValue(node);
    size_t len = text ? strlen(text) : 0;
    if (len == 0 || len > 15 || strspn(text, "0123456789") != len)
        return -1;
    int64_t number = 0;
    for (size_t i = 0; i < len; i++)
        number = number * 10 + (text[i] - '0');
    return number;
}

/*
 * Is `expected`, hex in either case, the MD5 of `body`?  Where OpenSSL may not do MD5 (FIPS mode)
 * there is nothing to tell damage by; TLS and TCP have had their own look.
 */
static bool md5_matches(struct bkt_str body, const char *expected)
{
    char hex[BKT_MD5_HEX_BYTES];
    return !bkt_checksum_md5_hex(body, hex) || strcasecmp(hex, expected) == 0;
}

static int read_message(const cJSON *node, struct bkt_sqs_messages *messages)
{
    const cJSON *body = bkt_json_get(node, "Body");
    const cJSON *receipt = bkt_json_get(node, "ReceiptHandle");
    const cJSON *id = bkt_json_get(node, "MessageId");
    if (!cJSON_IsString(body) || !cJSON_IsString(receipt) || messages->count == BKT_SQS_BATCH_MAX) {
        messages->bad_count++;
        return BKT_OK;
    }

    struct bkt_sqs_message message = {.is_damaged = false};
    int rc = bkt_doc_dup(body, &messages->arena, &message.body);
    if (!rc)
        rc = bkt_doc_dup(receipt, &messages->arena, &message.receipt);
    if (!rc && cJSON_IsString(id))
        rc = bkt_doc_dup(id, &messages->arena, &message.id);
    if (rc)
        return rc;

    const char *md5 = bkt_doc_text(node, "MD5OfBody");
    message.is_damaged = md5 && !md5_matches(message.body, md5);

    messages->messages[messages->count++] = message;
    return BKT_OK;
}

int bkt_sqs_read_messages(struct bkt_str answer,
                          struct bkt_sqs_messages *messages,
                          struct bkt_error *err)
{
    messages->count = 0;
    messages->bad_count = 0;
    bkt_arena_reset(&messages->arena);

    struct cJSON *doc = NULL;
    const cJSON *node = NULL;
    int rc = parse_answer(answer, "ReceiveMessage", &doc, err);
    if (!rc)
        rc = first_of(doc, "Messages", &node, err);
    for (; node && rc == BKT_OK; node = node->next) {
        rc = read_message(node, messages);
        if (rc)
            (void)bkt_error_set(err, rc, "read an SQS message: %s", bkt_error_text(rc));
    }
    bkt_json_free(doc);
    return rc;
}

void bkt_sqs_messages_clear(struct bkt_sqs_messages *messages)
{
    if (!messages)
        return;
    bkt_arena_clear(&messages->arena);
    *messages = (struct bkt_sqs_messages){0};
}

/* An entry's Id is its index in the request; `count` when it is none of those. */
static size_t entry_index(const cJSON *entry, size_t count)
{
    int64_t index = get_number(entry, "Id");
    return index >= 0 && (uint64_t)index < count ? (size_t)index : count;
}

static enum bkt_sqs_entry_status status_of_failure(const cJSON *entry, const char *code)
{
    const cJSON *sender = bkt_json_get(entry, "SenderFault");
    enum bkt_sqs_fault fault = bkt_sqs_fault_of(code, 0);
    bool later = fault == BKT_SQS_FAULT_THROTTLED || fault == BKT_SQS_FAULT_TRANSIENT;
    bool is_sender = cJSON_IsTrue(sender) ||
                     (cJSON_IsString(sender) && strcmp(sender->valuestring, "true") == 0);
    return is_sender && !later ? BKT_SQS_ENTRY_REFUSED : BKT_SQS_ENTRY_RETRY;
}

/* Gives whether an entry up to this one is refused for good: that is what the result then tells. */
static bool read_failure(const cJSON *entry,
                         size_t count,
                         bool had_refused,
                         struct bkt_sqs_batch_result *result)
{
    char code[sizeof(result->code)];
    bkt_sqs_copy_code(code, sizeof(code), bkt_str_from(bkt_doc_text(entry, "Code")));
    enum bkt_sqs_entry_status status = status_of_failure(entry, code);
    size_t index = entry_index(entry, count);
    bool is_refused = index < count && status == BKT_SQS_ENTRY_REFUSED;
    if (index < count)
        result->entries[index] = status;
    bool is_first = result->code[0] == '\0' && result->message[0] == '\0';
    if (is_first || (is_refused && !had_refused)) {
        memcpy(result->code, code, sizeof(code));
        bkt_sqs_copy_message(result->message, sizeof(result->message),
                             bkt_str_from(bkt_doc_text(entry, "Message")));
    }
    return had_refused || is_refused;
}

int bkt_sqs_read_batch(struct bkt_str answer,
                       size_t count,
                       struct bkt_sqs_batch_result *out_result,
                       struct bkt_error *err)
{
    assert(count <= BKT_SQS_BATCH_MAX);

    struct bkt_sqs_batch_result result = {0};
    struct cJSON *doc = NULL;
    const cJSON *done = NULL;
    const cJSON *failed = NULL;
    int rc = parse_answer(answer, "an SQS batch", &doc, err);
    if (!rc)
        rc = first_of(doc, "Successful", &done, err);
    if (!rc)
        rc = first_of(doc, "Failed", &failed, err);
    if (rc)
        goto end;

    for (; done; done = done->next) {
        size_t index = entry_index(done, count);
        if (index < count)
            result.entries[index] = BKT_SQS_ENTRY_DONE;
    }
    /* An entry that is in both lists has failed. */
    bool has_refused = false;
    for (; failed; failed = failed->next)
        has_refused = read_failure(failed, count, has_refused, &result);
    *out_result = result;

end:
    bkt_json_free(doc);
    return rc;
}

int bkt_sqs_read_queue(struct bkt_str answer,
                       struct bkt_sqs_queue *out_queue,
                       struct bkt_error *err)
{
    struct cJSON *doc = NULL;
    int rc = parse_answer(answer, "GetQueueAttributes", &doc, err);
    if (rc)
        return rc;

    const cJSON *attributes = bkt_json_get(doc, "Attributes");
    const char *redrive = bkt_doc_text(attributes, "RedrivePolicy");
    *out_queue = (struct bkt_sqs_queue){
        .visibility_s = get_number(attributes, "VisibilityTimeout"),
        .message_count = get_number(attributes, "ApproximateNumberOfMessages"),
        .has_redrive_policy = redrive && redrive[0] != '\0',
    };
    bkt_json_free(doc);
    return BKT_OK;
}
