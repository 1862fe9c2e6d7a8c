#include "events/notification.h"

#include "core/ascii.h"
#include "core/json_write.h"
#include "core/mem.h"
#include "core/percent.h"
#include "core/time.h"
#include "events/doc.h"

#include <inttypes.h>

enum { EVENTS_CAP_MIN = 4 };

void bkt_event_list_reset(struct bkt_event_list *list)
{
    list->count = 0;
    list->bad_count = 0;
    list->bad_reason = NULL;
    bkt_arena_reset(&list->arena);
}

void bkt_event_list_clear(struct bkt_event_list *list)
{
    if (!list)
        return;
    bkt_arena_clear(&list->arena);
    bkt_mem_free(list->events);
    *list = (struct bkt_event_list){0};
}

int bkt_event_list_add(struct bkt_event_list *list, const struct bkt_event *event)
{
    if (list->count == list->cap) {
        size_t cap = list->cap > 0 ? list->cap * 2 : EVENTS_CAP_MIN;
        struct bkt_event *events = bkt_mem_realloc(list->events, cap * sizeof(*events));
        if (!events)
            return BKT_ENOMEM;
        list->events = events;
        list->cap = cap;
    }
    list->events[list->count++] = *event;
    return BKT_OK;
}

/*
 * The first row whose family and member fit; an empty member fits all.  Kinds that this table does
 * not know are CHANGED: a read too many is harmless.
 */
static const struct {
    const char *family;
    const char *member;
    enum bkt_event_kind kind;
} kinds[] = {
    /* MinIO announces what S3 calls ObjectTagging and so on as a creation. */
    {"ObjectCreated", "PutTagging", BKT_EVENT_METADATA},
    {"ObjectCreated", "DeleteTagging", BKT_EVENT_METADATA},
    {"ObjectCreated", "PutRetention", BKT_EVENT_METADATA},
    {"ObjectCreated", "PutLegalHold", BKT_EVENT_METADATA},
    {"ObjectCreated", "", BKT_EVENT_CHANGED},
    {"ObjectRemoved", "", BKT_EVENT_CHANGED},
    {"LifecycleExpiration", "", BKT_EVENT_CHANGED},
    {"LifecycleDelMarkerExpiration", "", BKT_EVENT_CHANGED},
    {"ReducedRedundancyLostObject", "", BKT_EVENT_CHANGED},
    /* An archived object can be read from now on. */
    {"ObjectRestore", "Completed", BKT_EVENT_CHANGED},
    {"ObjectRestore", "", BKT_EVENT_NOTHING},
    {"ObjectTagging", "", BKT_EVENT_METADATA},
    {"ObjectAcl", "", BKT_EVENT_METADATA},
    {"ObjectAnnotation", "", BKT_EVENT_METADATA},
    {"LifecycleTransition", "", BKT_EVENT_METADATA},
    {"IntelligentTiering", "", BKT_EVENT_METADATA},
    {"ObjectTransition", "Failed", BKT_EVENT_NOTHING},
    {"ObjectTransition", "", BKT_EVENT_METADATA},
    /* Ceph: three parts, as in ObjectLifecycle:Expiration:NonCurrent. */
    {"ObjectLifecycle", "Transition", BKT_EVENT_METADATA},
    {"ObjectLifecycle", "", BKT_EVENT_CHANGED},
    {"ObjectSynced", "", BKT_EVENT_CHANGED},
    {"ObjectAccessed", "", BKT_EVENT_NOTHING},
    {"Replication", "", BKT_EVENT_NOTHING},
    {"BucketCreated", "", BKT_EVENT_NOTHING},
    {"BucketRemoved", "", BKT_EVENT_NOTHING},
    {"Scanner", "", BKT_EVENT_NOTHING},
};

/* What comes before the next colon; `text` moves past it. */
static struct bkt_str next_part(const char **text)
{
    const char *start = *text;
    size_t len = strcspn(start, ":");
    *text = start + len + (start[len] == ':');
    return (struct bkt_str){start, len};
}

enum bkt_event_kind bkt_event_kind_of(const char *name)
{
    if (strncmp(name, "s3:", 3) == 0)
        name += 3;
    struct bkt_str family = next_part(&name);
    struct bkt_str member = next_part(&name);

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct bkt_str wanted = bkt_str_from(kinds[i].member);
        if (bkt_str_eq(family, bkt_str_from(kinds[i].family)) &&
            (wanted.len == 0 || bkt_str_eq(member, wanted)))
            return kinds[i].kind;
    }
    return BKT_EVENT_CHANGED;
}

/*
 * Could this be what a form encoder made?  Java's (S3) and Go's (MinIO) leave a few bytes as they
 * are; with any other byte, or a `%` that begins no %XX, the sender may have encoded nothing.
 */
static bool looks_encoded(struct bkt_str raw)
{
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.ptr[i];
        if (bkt_is_alnum(c) || (c != '\0' && strchr("+/-_.*~", c)))
            continue;
        if (c != '%' || raw.len - i < 3 || bkt_hex_value(raw.ptr[i + 1]) < 0 ||
            bkt_hex_value(raw.ptr[i + 2]) < 0)
            return false;
        i += 2;
    }
    return true;
}

enum sender {
    SENDER_ENCODES,
    SENDER_RAW,
    SENDER_UNKNOWN,
    SENDER_FOREIGN, /* the record is of another service */
};

static enum sender sender_of(const cJSON *record)
{
    const cJSON *node = bkt_json_get(record, "eventSource");
    if (!node)
        return SENDER_UNKNOWN;
    const char *source = cJSON_GetStringValue(node);
    if (!source)
        return SENDER_FOREIGN;
    if (strcmp(source, "aws:s3") == 0 || strcmp(source, "minio:s3") == 0)
        return SENDER_ENCODES;
    if (strcmp(source, "ceph:s3") == 0)
        return SENDER_RAW;

    size_t len = strlen(source);
    return len > 3 && strcmp(source + len - 3, ":s3") == 0 ? SENDER_UNKNOWN : SENDER_FOREIGN;
}

/* Major version 2, any minor one: S3 adds members with minor versions. */
static bool version_is_known(const cJSON *record)
{
    const cJSON *node = bkt_json_get(record, "eventVersion");
    const char *version = cJSON_GetStringValue(node);
    return !node || (version && version[0] == '2' && (version[1] == '.' || version[1] == '\0'));
}

static int read_keys(const cJSON *node,
                     enum sender sender,
                     struct bkt_arena *arena,
                     struct bkt_event *event)
{
    struct bkt_str raw;
    int rc = bkt_doc_dup(node, arena, &raw);
    if (rc)
        return rc;
    if (sender == SENDER_RAW) {
        event->key = raw;
        return BKT_OK;
    }

    char *decoded = bkt_arena_alloc(arena, raw.len + 1);
    if (!decoded)
        return BKT_ENOMEM;
    event->key = (struct bkt_str){decoded, bkt_percent_decode_form(decoded, raw)};
    decoded[event->key.len] = '\0';
    if ((sender == SENDER_UNKNOWN || !looks_encoded(raw)) && !bkt_str_eq(event->key, raw))
        event->key_other = raw;
    return BKT_OK;
}

static bool is_text(const cJSON *node)
{
    return cJSON_IsString(node) && node->valuestring[0] != '\0';
}

/* Why the record is no use, or NULL. */
static const char *record_fault(const cJSON *record, const cJSON *bucket, const cJSON *key)
{
    const char *name = bkt_doc_text(record, "eventName");
    if (!cJSON_IsObject(record))
        return "a record is no object";
    if (sender_of(record) == SENDER_FOREIGN)
        return "a record is of another service than S3";
    if (!version_is_known(record))
        return "a record has an eventVersion other than 2.x";
    if (!name || name[0] == '\0')
        return "a record has no eventName";
    if (!is_text(bucket))
        return "a record has no s3.bucket.name";

    /* Events of a bucket have no key, or an empty one. */
    if (!is_text(key) && bkt_event_kind_of(name) != BKT_EVENT_NOTHING)
        return "a record has no s3.object.key";
    return NULL;
}

int bkt_notification_read(const cJSON *record, enum bkt_key_form form, struct bkt_event_list *list)
{
    const cJSON *s3 = bkt_json_get(record, "s3");
    const cJSON *bucket = bkt_json_get(bkt_json_get(s3, "bucket"), "name");
    const cJSON *key = bkt_json_get(bkt_json_get(s3, "object"), "key");
    const char *fault = record_fault(record, bucket, key);
    if (fault) {
        list->bad_reason = list->bad_count++ > 0 ? list->bad_reason : fault;
        return BKT_OK;
    }

    struct bkt_event event = {.kind = bkt_event_kind_of(bkt_doc_text(record, "eventName"))};
    int rc = bkt_doc_dup(bucket, &list->arena, &event.bucket);
    if (!rc && cJSON_IsString(key)) {
        rc = read_keys(key, form == BKT_KEY_RAW ? SENDER_RAW : sender_of(record), &list->arena,
                       &event);
    }
    return rc ? rc : bkt_event_list_add(list, &event);
}

/* As S3 does it: a space is `+`. */
static int append_form_encoded(struct bkt_buf *buf, struct bkt_str key)
{
    int rc = BKT_OK;
    for (size_t start = 0; start <= key.len && rc == BKT_OK;) {
        const char *space = start < key.len ? memchr(key.ptr + start, ' ', key.len - start) : NULL;
        size_t end = space ? (size_t)(space - key.ptr) : key.len;
        struct bkt_str run = {key.ptr + start, end - start};
        rc = bkt_percent_encode(buf, run, BKT_PERCENT_KEEP_SLASH);
        if (!rc && space)
            rc = bkt_buf_append_char(buf, '+');
        start = end + 1;
    }
    return rc;
}

int bkt_notification_write(struct bkt_buf *buf, const struct bkt_notification *event)
{
    char time[BKT_TIME_ISO_BYTES];
    bkt_time_format_iso(event->time_ms, time);

    int rc = bkt_buf_append(buf, BKT_STR("{\"Records\":[{\"eventVersion\":\"2.1\","
                                         "\"eventSource\":\"aws:s3\",\"awsRegion\":"));
    if (!rc)
        rc = bkt_json_append_string(buf, event->region);
    if (!rc) {
        rc = bkt_buf_printf(buf,
                            ",\"eventTime\":\"%s\",\"eventName\":\"ObjectCreated:Put\","
                            "\"s3\":{\"s3SchemaVersion\":\"1.0\",\"bucket\":{\"name\":",
                            time);
    }
    if (!rc)
        rc = bkt_json_append_string(buf, event->bucket);
    if (!rc)
        rc = bkt_buf_append(buf, BKT_STR("},\"object\":{\"key\":\""));
    if (!rc)
        rc = append_form_encoded(buf, event->key);
    if (!rc)
        rc = bkt_buf_printf(buf, "\",\"size\":%" PRIu64, event->size);
    if (!rc && event->etag.len > 0) {
        rc = bkt_buf_append(buf, BKT_STR(",\"eTag\":"));
        if (!rc)
            rc = bkt_json_append_string(buf, event->etag);
    }
    return rc ? rc : bkt_buf_append(buf, BKT_STR("}}}]}"));
}
