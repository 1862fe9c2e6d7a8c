#include "api/check_int.h"

#include "api/service.h"
#include "core/escape.h"
#include "s3/notify_config.h"

#include <stdio.h>

static bool has_kind(const struct bkt_notify_config *config, enum bkt_notify_kind kind)
{
    for (size_t i = 0; i < config->count; i++) {
        if (config->entries[i].kind == kind)
            return true;
    }
    return false;
}

/* What is not told to the queue, in words; true when only lifecycle rules' deletes are not. */
static bool describe_gaps(const struct bkt_notify_config *config,
                          const struct bkt_notify_want *want,
                          char *out,
                          size_t size)
{
    bool is_minor = true;
    out[0] = '\0';
    for (size_t f = 0; f < BKT_NOTIFY_FAMILY_COUNT; f++) {
        const struct bkt_notify_entry *entry;
        enum bkt_notify_state state =
            bkt_notify_look(config, want, (enum bkt_notify_family)f, false, &entry);
        if (state == BKT_NOTIFY_COVERED)
            continue;
        is_minor = is_minor && f == BKT_NOTIFY_EXPIRED;
        char id[128] = "";
        if (entry)
            bkt_escape(entry->id, id, sizeof(id));
        const char *how = state == BKT_NOTIFY_MISSING ? "is told to nobody"
                          : state == BKT_NOTIFY_PARTLY
                              ? "is told in part: the filter or the kinds hide some"
                              : "is told to another destination";
        size_t len = strlen(out);
        (void)snprintf(out + len, size - len, "%s%s %s%s%s%s", len > 0 ? "; " : "",
                       bkt_notify_family_events((enum bkt_notify_family)f), how,
                       id[0] ? " (\"" : "", id, id[0] ? "\")" : "");
    }
    return is_minor;
}

static void tell_gaps(struct bkt_check *check,
                      const struct bkt_names *names,
                      const struct bkt_notify_config *config)
{
    struct bkt_notify_want want = {
        .kind = BKT_NOTIFY_QUEUE,
        .id = bkt_str_from(names->id),
        .arn = bkt_str_from(names->queue_arn),
        .prefix = bkt_str_from(check->settings->prefix),
        .suffix = bkt_names_suffix(check->settings),
    };
    char gaps[1024];
    char fix[CHECK_FIX_BYTES];
    bool is_minor = describe_gaps(config, &want, gaps, sizeof(gaps));
    check_fix_setup(check, fix);
    if (gaps[0] == '\0') {
        check_tell(check, "notification", BKT_CHECK_OK, NULL,
                   "the bucket tells the queue of creations, deletions and expirations");
    } else if (has_kind(config, BKT_NOTIFY_EVENTBRIDGE)) {
        check_tell(check, "notification", BKT_CHECK_WARNING,
                   "see it with: aws events list-rule-names-by-target --target-arn QUEUE-ARN",
                   "the bucket tells EventBridge; whether a rule sends it on to the queue cannot "
                   "be seen here");
    } else if (has_kind(config, BKT_NOTIFY_TOPIC) && !is_minor) {
        check_tell(check, "notification", BKT_CHECK_WARNING,
                   "see it with: aws sns list-subscriptions-by-topic --topic-arn TOPIC-ARN",
                   "the bucket tells a topic; whether the queue is subscribed cannot be seen here "
                   "(for the queue itself: %s)",
                   gaps);
    } else {
        check_tell(check, "notification", is_minor ? BKT_CHECK_WARNING : BKT_CHECK_WRONG, fix, "%s",
                   gaps);
    }
}

int check_notification(struct bkt_check *check,
                       const struct bkt_names *names,
                       struct bkt_error *err)
{
    struct bkt_service bucket = {0};
    struct bkt_service_answer answer = {0};
    struct bkt_service_call call = {.method = "GET", .query = BKT_STR("notification")};
    struct bkt_notify_config config = {0};
    char fix[CHECK_FIX_BYTES] = "";
    int rc = bkt_service_open_bucket(&bucket, &check->asker, err);
    if (rc == BKT_OK)
        rc = bkt_service_ask(&bucket, &call, &answer, err);
    if (rc == BKT_OK && bkt_service_is_ok(&answer)) {
        rc = bkt_notify_read(bkt_buf_str(&answer.body), &config, err);
        if (rc == BKT_OK)
            tell_gaps(check, names, &config);
    } else if (rc == BKT_OK) {
        if (answer.status == 403) {
            check_statement(fix, "\"s3:GetBucketNotification\"", names->bucket_arn);
        }
        check_tell(check, "notification", BKT_CHECK_WARNING, fix,
                   "the bucket's notifications may not be read, which watch does not need: %s",
                   answer.err.message);
    }
    if (rc && !check_is_fatal(rc)) {
        check_tell(check, "notification", BKT_CHECK_WRONG, NULL, "%s", err->message);
        rc = BKT_OK;
    }
    bkt_notify_clear(&config);
    bkt_service_answer_clear(&answer);
    bkt_service_close(&bucket);
    return rc;
}
