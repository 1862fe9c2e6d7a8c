#include "s3/notify_config.h"

#include "core/json_write.h"
#include "core/mem.h"
#include "core/xml.h"

#include <strings.h>

/* The elements that name a destination, as S3 and as its SDKs call them. */
static const struct {
    const char *element;
    const char *arn;
    const char *json_list;
    const char *json_arn;
    enum bkt_notify_kind kind;
} kinds[] = {
    {"QueueConfiguration", "Queue", "QueueConfigurations", "QueueArn", BKT_NOTIFY_QUEUE},
    {"TopicConfiguration", "Topic", "TopicConfigurations", "TopicArn", BKT_NOTIFY_TOPIC},
    {"CloudFunctionConfiguration", "CloudFunction", "LambdaFunctionConfigurations",
     "LambdaFunctionArn", BKT_NOTIFY_FUNCTION},
};
enum { KIND_COUNT = sizeof(kinds) / sizeof(kinds[0]) };

static bool is_named(const struct bkt_xml *xml, const char *name)
{
    return bkt_str_eq(xml->name, bkt_str_from(name));
}

/* Elements inside the open one: `take` is called behind the START of each and reads it whole. */
typedef int take_fn(void *ctx, struct bkt_xml *xml, struct bkt_arena *arena, struct bkt_error *err);

static int each_element(
    struct bkt_xml *xml, struct bkt_arena *arena, take_fn *take, void *ctx, struct bkt_error *err)
{
    for (;;) {
        enum bkt_xml_token token;
        int rc = bkt_xml_next(xml, &token, err);
        if (rc || token != BKT_XML_START)
            return rc;
        rc = take(ctx, xml, arena, err);
        if (rc)
            return rc;
    }
}

struct rule {
    struct bkt_str name;
    struct bkt_str value;
};

static int take_rule_part(void *ctx,
                          struct bkt_xml *xml,
                          struct bkt_arena *arena,
                          struct bkt_error *err)
{
    struct rule *rule = ctx;
    if (is_named(xml, "Name"))
        return bkt_xml_text(xml, arena, &rule->name, err);
    if (is_named(xml, "Value"))
        return bkt_xml_text(xml, arena, &rule->value, err);
    return bkt_xml_skip(xml, err);
}

/* Filter and S3Key are looked into; FilterRule is the leaf. */
static int take_filter_part(void *ctx,
                            struct bkt_xml *xml,
                            struct bkt_arena *arena,
                            struct bkt_error *err)
{
    struct bkt_notify_entry *entry = ctx;
    if (is_named(xml, "S3Key"))
        return each_element(xml, arena, take_filter_part, entry, err);
    if (!is_named(xml, "FilterRule"))
        return bkt_xml_skip(xml, err);
    struct rule rule = {0};
    int rc = each_element(xml, arena, take_rule_part, &rule, err);
    if (rule.name.len == 6 && strncasecmp(rule.name.ptr, "prefix", 6) == 0)
        entry->prefix = rule.value;
    if (rule.name.len == 6 && strncasecmp(rule.name.ptr, "suffix", 6) == 0)
        entry->suffix = rule.value;
    return rc;
}

static int take_entry_part(void *ctx,
                           struct bkt_xml *xml,
                           struct bkt_arena *arena,
                           struct bkt_error *err)
{
    struct bkt_notify_entry *entry = ctx;
    if (is_named(xml, "Id"))
        return bkt_xml_text(xml, arena, &entry->id, err);
    if (is_named(xml, kinds[entry->kind].arn))
        return bkt_xml_text(xml, arena, &entry->arn, err);
    if (is_named(xml, "Filter"))
        return each_element(xml, arena, take_filter_part, entry, err);
    if (!is_named(xml, "Event"))
        return bkt_xml_skip(xml, err);
    if (entry->event_count == BKT_NOTIFY_EVENTS_MAX) {
        return bkt_error_set(err, BKT_ELIMIT, "more than %d events in one configuration",
                             BKT_NOTIFY_EVENTS_MAX);
    }
    return bkt_xml_text(xml, arena, &entry->events[entry->event_count++], err);
}

static int add_entry(struct bkt_notify_config *config,
                     const struct bkt_notify_entry *entry,
                     struct bkt_error *err)
{
    if (config->count == BKT_NOTIFY_ENTRIES_MAX)
        return bkt_error_set(err, BKT_ELIMIT, "more than %d configurations",
                             BKT_NOTIFY_ENTRIES_MAX);
    if (config->count == config->cap) {
        size_t cap = config->cap ? config->cap * 2 : 8;
        void *grown = bkt_mem_realloc(config->entries, cap * sizeof(*entry));
        if (!grown)
            return bkt_error_set(err, BKT_ENOMEM, "out of memory");
        config->entries = grown;
        config->cap = cap;
    }
    config->entries[config->count++] = *entry;
    return BKT_OK;
}

static enum bkt_notify_kind kind_of(const struct bkt_xml *xml)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (is_named(xml, kinds[i].element))
            return kinds[i].kind;
    }
    return is_named(xml, "EventBridgeConfiguration") ? BKT_NOTIFY_EVENTBRIDGE : BKT_NOTIFY_UNKNOWN;
}

/* The element is read twice: once for its end, once for what is in it. */
static int take_entry(void *ctx,
                      struct bkt_xml *xml,
                      struct bkt_arena *arena,
                      struct bkt_error *err)
{
    struct bkt_notify_config *config = ctx;
    struct bkt_notify_entry entry = {.kind = kind_of(xml)};
    int rc = bkt_xml_verbatim(xml, &entry.xml, err);
    if (rc == BKT_OK && entry.kind < BKT_NOTIFY_EVENTBRIDGE) {
        struct bkt_xml inner;
        enum bkt_xml_token token;
        entry.events = bkt_arena_alloc(arena, BKT_NOTIFY_EVENTS_MAX * sizeof(*entry.events));
        if (!entry.events)
            return bkt_error_set(err, BKT_ENOMEM, "out of memory");
        rc = bkt_xml_begin(&inner, entry.xml, err);
        if (rc == BKT_OK)
            rc = bkt_xml_next(&inner, &token, err);
        if (rc == BKT_OK)
            rc = each_element(&inner, arena, take_entry_part, &entry, err);
    }
    return rc ? rc : add_entry(config, &entry, err);
}

static int read_document(struct bkt_notify_config *config, struct bkt_error *err)
{
    struct bkt_xml xml;
    enum bkt_xml_token token;
    int rc = bkt_xml_begin(&xml, config->body, err);
    if (rc == BKT_OK)
        rc = bkt_xml_next(&xml, &token, err);
    if (rc)
        return rc;
    /* moto, and others that copy it, name the root after the request. */
    bool is_plain = is_named(&xml, "NotificationConfiguration");
    if (!is_plain && !is_named(&xml, "GetBucketNotificationResponse") &&
        !is_named(&xml, "GetBucketNotificationConfigurationResponse"))
        return bkt_error_set(err, BKT_EPARSE, "the answer is no NotificationConfiguration");
    struct bkt_str tag = bkt_xml_tag(&xml);
    if (is_plain && tag.ptr[tag.len - 2] != '/')
        config->root_tag = tag;
    rc = each_element(&xml, &config->arena, take_entry, config, err);
    return rc ? rc : bkt_xml_next(&xml, &token, err);
}

int bkt_notify_read(struct bkt_str xml, struct bkt_notify_config *config, struct bkt_error *err)
{
    *config = (struct bkt_notify_config){0};
    if (xml.len == 0)
        return BKT_OK;
    int rc = bkt_arena_dup(&config->arena, xml, &config->body);
    if (rc)
        (void)bkt_error_set(err, rc, "out of memory");
    else
        rc = read_document(config, err);
    if (rc) {
        bkt_notify_clear(config);
        return bkt_error_wrap(err, rc, "read the bucket's notification configuration");
    }
    return BKT_OK;
}

void bkt_notify_clear(struct bkt_notify_config *config)
{
    if (!config)
        return;
    bkt_mem_free(config->entries);
    bkt_arena_clear(&config->arena);
    *config = (struct bkt_notify_config){0};
}

/* As JSON. */

static int write_rule(const char *name, struct bkt_str value, bool is_first, struct bkt_buf *out)
{
    int rc = bkt_buf_printf(out, "%s{\"Name\":\"%s\",\"Value\":", is_first ? "" : ",", name);
    if (rc == BKT_OK)
        rc = bkt_json_append_string(out, value);
    return rc ? rc : bkt_buf_append_char(out, '}');
}

static int write_filter(const struct bkt_notify_entry *entry, struct bkt_buf *out)
{
    bool has_prefix = entry->prefix.len > 0;
    if (!has_prefix && entry->suffix.len == 0)
        return BKT_OK;
    int rc = bkt_buf_append(out, BKT_STR(",\"Filter\":{\"Key\":{\"FilterRules\":["));
    if (rc == BKT_OK && has_prefix)
        rc = write_rule("prefix", entry->prefix, true, out);
    if (rc == BKT_OK && entry->suffix.len > 0)
        rc = write_rule("suffix", entry->suffix, !has_prefix, out);
    return rc ? rc : bkt_buf_append(out, BKT_STR("]}}"));
}

static int write_entry(const struct bkt_notify_entry *entry, struct bkt_buf *out)
{
    int rc = bkt_buf_append(out, BKT_STR("{\"Id\":"));
    if (rc == BKT_OK)
        rc = bkt_json_append_string(out, entry->id);
    if (rc == BKT_OK)
        rc = bkt_buf_printf(out, ",\"%s\":", kinds[entry->kind].json_arn);
    if (rc == BKT_OK)
        rc = bkt_json_append_string(out, entry->arn);
    if (rc == BKT_OK)
        rc = bkt_buf_append(out, BKT_STR(",\"Events\":["));
    for (size_t i = 0; i < entry->event_count && rc == BKT_OK; i++) {
        if (i > 0)
            rc = bkt_buf_append_char(out, ',');
        if (rc == BKT_OK)
            rc = bkt_json_append_string(out, entry->events[i]);
    }
    if (rc == BKT_OK)
        rc = bkt_buf_append_char(out, ']');
    if (rc == BKT_OK)
        rc = write_filter(entry, out);
    return rc ? rc : bkt_buf_append_char(out, '}');
}

static size_t count_kind(const struct bkt_notify_config *config, enum bkt_notify_kind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < config->count; i++)
        count += config->entries[i].kind == kind;
    return count;
}

static int write_list(const struct bkt_notify_config *config,
                      enum bkt_notify_kind kind,
                      bool is_first,
                      struct bkt_buf *out)
{
    int rc = bkt_buf_printf(out, "%s\"%s\":", is_first ? "" : ",", kinds[kind].json_list);
    char before = '[';
    for (size_t i = 0; i < config->count && rc == BKT_OK; i++) {
        if (config->entries[i].kind != kind)
            continue;
        rc = bkt_buf_append_char(out, before);
        if (rc == BKT_OK)
            rc = write_entry(&config->entries[i], out);
        before = ',';
    }
    return rc ? rc : bkt_buf_append_char(out, ']');
}

int bkt_notify_write_json(const struct bkt_notify_config *config, struct bkt_buf *out)
{
    bool is_first = true;
    int rc = bkt_buf_append_char(out, '{');
    for (size_t i = 0; i < KIND_COUNT && rc == BKT_OK; i++) {
        if (count_kind(config, kinds[i].kind) == 0)
            continue;
        rc = write_list(config, kinds[i].kind, is_first, out);
        is_first = false;
    }
    if (rc == BKT_OK && count_kind(config, BKT_NOTIFY_EVENTBRIDGE) > 0)
        rc = bkt_buf_printf(out, "%s\"EventBridgeConfiguration\":{}", is_first ? "" : ",");
    return rc ? rc : bkt_buf_append_char(out, '}');
}
