#include "s3/notify_config.h"

#include "core/escape.h"
#include "core/percent.h"

static const char *const family_events[BKT_NOTIFY_FAMILY_COUNT] = {
    [BKT_NOTIFY_CREATED] = "s3:ObjectCreated:*",
    [BKT_NOTIFY_REMOVED] = "s3:ObjectRemoved:*",
    [BKT_NOTIFY_EXPIRED] = "s3:LifecycleExpiration:*",
};

const char *bkt_notify_family_events(enum bkt_notify_family family)
{
    return family_events[family];
}

static bool ends_in(struct bkt_str text, struct bkt_str end)
{
    if (end.len == 0 || text.len < end.len)
        return end.len == 0;
    return memcmp(text.ptr + text.len - end.len, end.ptr, end.len) == 0;
}

/* Filters are percent-encoded where people took S3's advice, and plain elsewhere. */
static struct bkt_str decode(struct bkt_str text, char *out, size_t size)
{
    if (text.len > size)
        return text;
    return (struct bkt_str){out, bkt_percent_decode_form(out, text)};
}

/* Whether all, or some, keys with the wanted prefix pass the entry's filter. */
static void compare_filter(const struct bkt_notify_entry *entry,
                           const struct bkt_notify_want *want,
                           bool *out_all,
                           bool *out_some)
{
    char room[2048];
    struct bkt_str plain = decode(entry->prefix, room, sizeof(room));
    bool all =
        bkt_str_has_prefix(want->prefix, entry->prefix) || bkt_str_has_prefix(want->prefix, plain);
    *out_some = all || bkt_str_has_prefix(entry->prefix, want->prefix) ||
                bkt_str_has_prefix(plain, want->prefix);
    *out_all = all && ends_in(want->suffix, entry->suffix);
}

/* Whether all, or some, events of the family are told. */
static void compare_events(const struct bkt_notify_entry *entry,
                           enum bkt_notify_family family,
                           bool *out_all,
                           bool *out_some)
{
    struct bkt_str whole = bkt_str_from(family_events[family]);
    struct bkt_str stem = {whole.ptr, whole.len - 1};
    *out_all = false;
    *out_some = false;
    for (size_t i = 0; i < entry->event_count; i++) {
        *out_all = *out_all || bkt_str_eq(entry->events[i], whole);
        *out_some = *out_some || bkt_str_has_prefix(entry->events[i], stem);
    }
}

enum bkt_notify_state bkt_notify_look(const struct bkt_notify_config *config,
                                      const struct bkt_notify_want *want,
                                      enum bkt_notify_family family,
                                      bool without_own,
                                      const struct bkt_notify_entry **out_entry)
{
    enum bkt_notify_state state = BKT_NOTIFY_MISSING;
    *out_entry = NULL;
    for (size_t i = 0; i < config->count; i++) {
        const struct bkt_notify_entry *entry = &config->entries[i];
        if (entry->kind >= BKT_NOTIFY_EVENTBRIDGE ||
            (without_own && bkt_str_eq(entry->id, want->id)))
            continue;
        bool all_keys, some_keys, all_events, some_events;
        compare_filter(entry, want, &all_keys, &some_keys);
        compare_events(entry, family, &all_events, &some_events);
        if (!some_keys || !some_events)
            continue;
        bool is_ours = entry->kind == want->kind && bkt_str_eq(entry->arn, want->arn);
        *out_entry = entry;
        if (is_ours && all_keys && all_events)
            return BKT_NOTIFY_COVERED;
        state = is_ours ? BKT_NOTIFY_PARTLY : BKT_NOTIFY_ELSEWHERE;
        if (state == BKT_NOTIFY_ELSEWHERE && without_own)
            return state;
    }
    return state;
}

struct bkt_str bkt_notify_filter_prefix(struct bkt_str prefix)
{
    static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                               "/-_.!*'()";
    size_t len = 0;
    while (len < prefix.len && prefix.ptr[len] != '\0' && strchr(safe, prefix.ptr[len]))
        len++;
    return (struct bkt_str){prefix.ptr, len};
}

/* Writing. */

static int append_escaped(struct bkt_buf *out, struct bkt_str text)
{
    int rc = BKT_OK;
    for (size_t i = 0; i < text.len && rc == BKT_OK; i++) {
        switch (text.ptr[i]) {
        case '&':
            rc = bkt_buf_append(out, BKT_STR("&amp;"));
            break;
        case '<':
            rc = bkt_buf_append(out, BKT_STR("&lt;"));
            break;
        case '>':
            rc = bkt_buf_append(out, BKT_STR("&gt;"));
            break;
        default:
            rc = bkt_buf_append_char(out, text.ptr[i]);
        }
    }
    return rc;
}

static int append_element(struct bkt_buf *out, const char *name, struct bkt_str text)
{
    int rc = bkt_buf_printf(out, "<%s>", name);
    if (rc == BKT_OK)
        rc = append_escaped(out, text);
    return rc ? rc : bkt_buf_printf(out, "</%s>", name);
}

/* Whether a family is missing, for each. */
struct missing {
    bool families[BKT_NOTIFY_FAMILY_COUNT];
    size_t count;
};

static int append_own(const struct bkt_notify_want *want,
                      const struct missing *missing,
                      struct bkt_buf *out)
{
    bool is_queue = want->kind == BKT_NOTIFY_QUEUE;
    const char *element = is_queue ? "QueueConfiguration" : "TopicConfiguration";
    struct bkt_str prefix = bkt_notify_filter_prefix(want->prefix);
    int rc = bkt_buf_printf(out, "<%s>", element);
    if (rc == BKT_OK)
        rc = append_element(out, "Id", want->id);
    if (rc == BKT_OK)
        rc = append_element(out, is_queue ? "Queue" : "Topic", want->arn);
    for (size_t f = 0; f < BKT_NOTIFY_FAMILY_COUNT && rc == BKT_OK; f++) {
        if (missing->families[f])
            rc = append_element(out, "Event", bkt_str_from(family_events[f]));
    }
    if (rc == BKT_OK && prefix.len > 0) {
        rc = bkt_buf_append(out, BKT_STR("<Filter><S3Key><FilterRule><Name>prefix</Name>"));
        if (rc == BKT_OK)
            rc = append_element(out, "Value", prefix);
        if (rc == BKT_OK)
            rc = bkt_buf_append(out, BKT_STR("</FilterRule></S3Key></Filter>"));
    }
    return rc ? rc : bkt_buf_printf(out, "</%s>", element);
}

/* The root and all entries but those of `id`. */
static int append_others(const struct bkt_notify_config *config,
                         struct bkt_str id,
                         struct bkt_buf *out)
{
    static const char plain[] =
        "<NotificationConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
    int rc = bkt_buf_append(out, config->root_tag.len > 0 ? config->root_tag : bkt_str_from(plain));
    for (size_t i = 0; i < config->count && rc == BKT_OK; i++) {
        if (id.len == 0 || !bkt_str_eq(config->entries[i].id, id))
            rc = bkt_buf_append(out, config->entries[i].xml);
    }
    return rc;
}

/* The root may have a prefix of its own: `<ns:NotificationConfiguration`. */
static int append_end(const struct bkt_notify_config *config, struct bkt_buf *out)
{
    struct bkt_str name = BKT_STR("NotificationConfiguration");
    if (config->root_tag.len > 0) {
        name.ptr = config->root_tag.ptr + 1;
        name.len = 0;
        while (!strchr(" \t\r\n>/", name.ptr[name.len]))
            name.len++;
    }
    return bkt_buf_printf(out, "</%.*s>", BKT_STR_ARG(name));
}

static int fail_write(struct bkt_error *err, int rc)
{
    return bkt_error_set(err, rc, "write the bucket's notification configuration: %s",
                         bkt_error_text(rc));
}

/* The families that are told to nobody; what stands in the way is an error. */
static int find_missing(const struct bkt_notify_config *config,
                        const struct bkt_notify_want *want,
                        struct missing *out,
                        struct bkt_error *err)
{
    *out = (struct missing){0};
    for (size_t f = 0; f < BKT_NOTIFY_FAMILY_COUNT; f++) {
        const struct bkt_notify_entry *entry;
        if (f == BKT_NOTIFY_EXPIRED && want->without_expired)
            continue;
        enum bkt_notify_state state =
            bkt_notify_look(config, want, (enum bkt_notify_family)f, true, &entry);
        if (state == BKT_NOTIFY_COVERED)
            continue;
        if (state == BKT_NOTIFY_MISSING) {
            out->families[f] = true;
            out->count++;
            continue;
        }
        char id[300];
        char arn[300];
        bkt_escape(entry->id, id, sizeof(id));
        bkt_escape(entry->arn, arn, sizeof(arn));
        return bkt_error_set(err, BKT_ECONFIG,
                             state == BKT_NOTIFY_PARTLY
                                 ? "the bucket's notification \"%s\" tells %s of some %s already, "
                                   "and S3 takes no second one for the same events: widen its "
                                   "filter and events, or remove it"
                                 : "the bucket's notification \"%s\" sends to %s, and S3 sends "
                                   "%s to one destination alone: fan out through a topic (--sns "
                                   "ARN) or EventBridge (--eventbridge), or remove it",
                             id, arn, family_events[f]);
    }
    return BKT_OK;
}

static bool is_same_entry(const struct bkt_notify_entry *entry,
                          const struct bkt_notify_want *want,
                          const struct missing *missing)
{
    if (entry->kind != want->kind || !bkt_str_eq(entry->arn, want->arn) || entry->suffix.len > 0 ||
        !bkt_str_eq(entry->prefix, bkt_notify_filter_prefix(want->prefix)) ||
        entry->event_count != missing->count)
        return false;
    for (size_t f = 0; f < BKT_NOTIFY_FAMILY_COUNT; f++) {
        bool all, some;
        compare_events(entry, (enum bkt_notify_family)f, &all, &some);
        if (all != missing->families[f])
            return false;
    }
    return true;
}

int bkt_notify_add(const struct bkt_notify_config *config,
                   const struct bkt_notify_want *want,
                   struct bkt_buf *out_xml,
                   bool *out_changed,
                   struct bkt_error *err)
{
    struct missing missing;
    int rc = find_missing(config, want, &missing, err);
    if (rc)
        return rc;
    size_t own = 0;
    size_t same = 0;
    for (size_t i = 0; i < config->count; i++) {
        if (!bkt_str_eq(config->entries[i].id, want->id))
            continue;
        own++;
        same += is_same_entry(&config->entries[i], want, &missing);
    }
    rc = append_others(config, want->id, out_xml);
    if (rc == BKT_OK && missing.count > 0)
        rc = append_own(want, &missing, out_xml);
    if (rc == BKT_OK)
        rc = append_end(config, out_xml);
    if (rc)
        return fail_write(err, rc);
    *out_changed = missing.count > 0 ? own != 1 || same != 1 : own > 0;
    return BKT_OK;
}

int bkt_notify_add_eventbridge(const struct bkt_notify_config *config,
                               struct bkt_buf *out_xml,
                               bool *out_changed,
                               struct bkt_error *err)
{
    bool is_there = false;
    for (size_t i = 0; i < config->count; i++)
        is_there = is_there || config->entries[i].kind == BKT_NOTIFY_EVENTBRIDGE;
    int rc = append_others(config, BKT_STR(""), out_xml);
    if (rc == BKT_OK && !is_there)
        rc = bkt_buf_append(out_xml,
                            BKT_STR("<EventBridgeConfiguration></EventBridgeConfiguration>"));
    if (rc == BKT_OK)
        rc = append_end(config, out_xml);
    if (rc)
        return fail_write(err, rc);
    *out_changed = !is_there;
    return BKT_OK;
}

int bkt_notify_remove(const struct bkt_notify_config *config,
                      struct bkt_str id,
                      struct bkt_buf *out_xml,
                      bool *out_changed,
                      struct bkt_error *err)
{
    bool is_there = false;
    for (size_t i = 0; i < config->count; i++)
        is_there = is_there || bkt_str_eq(config->entries[i].id, id);
    int rc = append_others(config, id, out_xml);
    if (rc == BKT_OK)
        rc = append_end(config, out_xml);
    if (rc)
        return fail_write(err, rc);
    *out_changed = is_there;
    return BKT_OK;
}
