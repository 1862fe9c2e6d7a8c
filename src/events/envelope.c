#include "events/envelope.h"

#include "events/doc.h"

#include <stdio.h>

struct reader {
    struct bkt_envelope *envelope;
    struct bkt_doc_limits limits;
    enum bkt_key_form form;
    size_t record_count;
};

static int say(struct reader *reader, const char *reason)
{
    (void)snprintf(reader->envelope->reason, sizeof(reader->envelope->reason), "%.*s",
                   (int)sizeof(reader->envelope->reason) - 1, reason);
    return BKT_OK;
}

static int poison(struct reader *reader, const char *reason)
{
    reader->envelope->is_poison = true;
    return say(reader, reason);
}

static int add_bad(struct reader *reader, const char *reason)
{
    struct bkt_event_list *list = &reader->envelope->list;
    if (list->bad_count++ == 0)
        list->bad_reason = reason;
    return BKT_OK;
}

static int read_record(struct reader *reader, const cJSON *record)
{
    /* Past the limit records are only counted: the message stays, and says why. */
    if (reader->record_count++ >= BKT_ENVELOPE_RECORDS_MAX)
        return add_bad(reader, "more than 10000 records");
    return bkt_notification_read(record, reader->form, &reader->envelope->list);
}

/* An array of records, a document that has one, or a single record. */
static int read_records(struct reader *reader, const cJSON *node)
{
    const cJSON *inner = bkt_json_get(node, "Records");
    if (inner)
        node = inner;
    if (!cJSON_IsArray(node))
        return read_record(reader, node);

    int rc = BKT_OK;
    for (const cJSON *record = node->child; record && rc == BKT_OK; record = record->next)
        rc = read_record(reader, record);
    return rc;
}

/* [time, event], as older MinIO wrote it. */
static bool is_time_and_event(const cJSON *node)
{
    const cJSON *time = cJSON_IsArray(node) ? node->child : NULL;
    const cJSON *event = time ? time->next : NULL;
    if (!event || event->next)
        return false;
    return cJSON_IsString(time) && (cJSON_IsObject(event) || cJSON_IsArray(event));
}

static int read_access_entry(struct reader *reader, const cJSON *entry)
{
    if (is_time_and_event(entry))
        return read_records(reader, entry->child->next);

    const cJSON *event = bkt_json_get(entry, "Event");
    if (!event)
        return add_bad(reader, "an array's element is no MinIO event");
    return read_records(reader, event);
}

static int read_array(struct reader *reader, const cJSON *array)
{
    if (is_time_and_event(array))
        return read_access_entry(reader, array);

    int rc = BKT_OK;
    for (const cJSON *entry = array->child; entry && rc == BKT_OK; entry = entry->next)
        rc = read_access_entry(reader, entry);
    return rc;
}

static const struct {
    const char *type;
    enum bkt_event_kind kind;
} detail_types[] = {
    {"Object Created", BKT_EVENT_CHANGED},
    {"Object Deleted", BKT_EVENT_CHANGED},
    {"Object Restore Initiated", BKT_EVENT_NOTHING},
    {"Object Restore Completed", BKT_EVENT_CHANGED},
    {"Object Restore Expired", BKT_EVENT_NOTHING},
    {"Object Storage Class Changed", BKT_EVENT_METADATA},
    {"Object Access Tier Changed", BKT_EVENT_METADATA},
    {"Object ACL Updated", BKT_EVENT_METADATA},
    {"Object Tags Added", BKT_EVENT_METADATA},
    {"Object Tags Deleted", BKT_EVENT_METADATA},
};

static int read_eventbridge(struct reader *reader, const cJSON *root)
{
    const cJSON *detail = bkt_json_get(root, "detail");
    const cJSON *bucket = bkt_json_get(bkt_json_get(detail, "bucket"), "name");
    const cJSON *key = bkt_json_get(bkt_json_get(detail, "object"), "key");
    const char *type = bkt_doc_text(root, "detail-type");

    /* CloudTrail's "AWS API Call" comes from aws.s3 as well, in a shape of its own. */
    if (!type || strncmp(type, "Object ", 7) != 0)
        return poison(reader, "an EventBridge event that is of no object");
    if (!cJSON_IsString(bucket) || !cJSON_IsString(key) || bucket->valuestring[0] == '\0' ||
        key->valuestring[0] == '\0') {
        return poison(reader,
                      "an EventBridge event without detail.bucket.name or detail.object.key");
    }

    struct bkt_event event = {.kind = BKT_EVENT_CHANGED};
    for (size_t i = 0; i < sizeof(detail_types) / sizeof(detail_types[0]); i++) {
        if (strcmp(type, detail_types[i].type) == 0)
            event.kind = detail_types[i].kind;
    }
    /* The key is raw here: those who decode it break on `+` and `%`. */
    struct bkt_event_list *list = &reader->envelope->list;
    int rc = bkt_doc_dup(bucket, &list->arena, &event.bucket);
    if (!rc)
        rc = bkt_doc_dup(key, &list->arena, &event.key);
    return rc ? rc : bkt_event_list_add(list, &event);
}

static int read_text(struct reader *reader, struct bkt_str text, unsigned wraps);

static int read_sns(struct reader *reader, const cJSON *root, unsigned wraps)
{
    if (bkt_doc_is(root, "Type", "SubscriptionConfirmation") ||
        bkt_doc_is(root, "Type", "UnsubscribeConfirmation"))
        return say(reader, "a confirmation of an SNS subscription");
    if (!bkt_doc_is(root, "Type", "Notification"))
        return poison(reader, "an SNS message of unknown Type");
    if (wraps >= BKT_ENVELOPE_WRAPS_MAX)
        return poison(reader, "SNS messages more than 3 deep");

    struct bkt_str message;
    int rc = bkt_doc_dup(bkt_json_get(root, "Message"), &reader->envelope->list.arena, &message);
    return rc ? rc : read_text(reader, message, wraps + 1);
}

static int read_object(struct reader *reader, const cJSON *root, unsigned wraps)
{
    const cJSON *records = bkt_json_get(root, "Records");
    if (cJSON_IsArray(records))
        return read_records(reader, records);
    if (cJSON_IsNull(records))
        return say(reader, "a ping");
    if (records)
        return poison(reader, "Records is no array");
    if (bkt_doc_is(root, "Event", "s3:TestEvent"))
        return say(reader, "a test event");
    if (bkt_doc_text(root, "Type") && bkt_doc_text(root, "Message"))
        return read_sns(reader, root, wraps);
    if (bkt_doc_is(root, "source", "aws.s3") && bkt_json_get(root, "detail-type"))
        return read_eventbridge(reader, root);
    return poison(reader, "a JSON object of unknown shape");
}

/* Some relays encode the body: `{"`, `{` and a space or line feed, `[{` begin so in base64. */
static bool looks_like_base64(struct bkt_str text)
{
    if (!bkt_str_has_prefix(text, BKT_STR("ey")) && !bkt_str_has_prefix(text, BKT_STR("ew")) &&
        !bkt_str_has_prefix(text, BKT_STR("W3")))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool is_alnum = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
        if (!is_alnum && (c == '\0' || !strchr("+/-_=\r\n", c)))
            return false;
    }
    return true;
}

static int read_text(struct reader *reader, struct bkt_str text, unsigned wraps)
{
    struct cJSON *doc = NULL;
    struct bkt_error err;
    int rc = bkt_doc_parse(text, &reader->limits, &doc, &err);
    if (rc == BKT_ENOMEM)
        return rc;
    if (rc) {
        return poison(reader, looks_like_base64(text) ? "base64 text, not JSON" : err.message);
    }

    if (cJSON_IsObject(doc)) {
        rc = read_object(reader, doc, wraps);
    } else if (cJSON_IsArray(doc)) {
        rc = read_array(reader, doc);
    } else {
        rc = poison(reader, "JSON, but neither object nor array");
    }
    bkt_json_free(doc);
    return rc;
}

int bkt_envelope_read(struct bkt_envelope *envelope,
                      struct bkt_str body,
                      size_t bytes_max,
                      enum bkt_key_form form)
{
    struct reader reader = {
        .envelope = envelope,
        .limits = {.bytes_max = bytes_max,
                   .depth_max = BKT_ENVELOPE_DEPTH_MAX,
                   .values_max = BKT_ENVELOPE_VALUES_MAX},
        .form = form,
    };
    struct bkt_event_list *list = &envelope->list;
    bkt_event_list_reset(list);
    envelope->is_poison = false;
    envelope->reason[0] = '\0';

    int rc = read_text(&reader, body, 0);
    if (rc == BKT_OK && list->bad_count > 0)
        rc = poison(&reader, list->bad_reason);
    return rc;
}

void bkt_envelope_clear(struct bkt_envelope *envelope)
{
    if (!envelope)
        return;
    bkt_event_list_clear(&envelope->list);
    *envelope = (struct bkt_envelope){0};
}
