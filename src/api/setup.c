#include "api/setup_int.h"

#include "api/queue.h"
#include "api/service.h"
#include "core/json.h"
#include "core/mem.h"

#include <stdarg.h>
#include <stdio.h>

enum {
    BODY_BYTES_MAX = 1 << 20,
    SETTLE_PAUSE_MS = 3000, /* a queue's new policy takes up to a minute to be known everywhere */
};

static int choose_route(struct bkt_setup *setup, struct bkt_error *err)
{
    const struct bkt_settings *settings = setup->settings;
    const char *topic = setup->options.sns_topic_arn;
    if (topic && setup->options.eventbridge)
        return bkt_error_set(err, BKT_ECONFIG, "setup: a topic or EventBridge, not both");
    if (topic && strncmp(topic, "arn:", 4) != 0)
        return bkt_error_set(err, BKT_ECONFIG,
                             "setup: the topic's ARN is wanted, like "
                             "arn:aws:sns:REGION:ACCOUNT:NAME");
    if (strncmp(settings->bucket_name, "arn:", 4) == 0)
        return bkt_error_set(err, BKT_ECONFIG,
                             "setup: buckets tell of changes, access points do not: give the "
                             "bucket's name");
    setup->route = settings->redis_url          ? SETUP_REDIS
                   : topic                      ? SETUP_SNS
                   : setup->options.eventbridge ? SETUP_EVENTBRIDGE
                                                : SETUP_DIRECT;
    if (setup->route == SETUP_REDIS || settings->sqs_queue_url)
        return BKT_OK;
    return bkt_error_set(err, BKT_ECONFIG,
                         "setup needs the queue: --sqs-queue-url URL (make one with aws sqs "
                         "create-queue --queue-name NAME)");
}

int bkt_setup_new(const struct bkt_config *config,
                  const struct bkt_setup_options *options,
                  struct bkt_setup **out_setup,
                  struct bkt_error *err)
{
    int rc = bkt_config_check(config, BKT_CONFIG_SOURCE, NULL, NULL, err);
    if (rc)
        return rc;
    struct bkt_setup *setup = bkt_mem_calloc(1, sizeof(*setup));
    if (!setup)
        return bkt_error_set(err, BKT_ENOMEM, "setup: out of memory");
    setup->config = config;
    setup->settings = bkt_config_settings(config);
    setup->options = *options;
    setup->policy = BKT_BUF_INIT(BKT_POLICY_BYTES_MAX);
    setup->notification = BKT_BUF_INIT(BKT_NOTIFY_BYTES_MAX);
    atomic_init(&setup->asker.is_stopped, false);
    rc = choose_route(setup, err);
    if (rc) {
        bkt_setup_free(setup);
        return rc;
    }
    *out_setup = setup;
    return BKT_OK;
}

void bkt_setup_free(struct bkt_setup *setup)
{
    if (!setup)
        return;
    bkt_asker_close(&setup->asker);
    bkt_buf_clear(&setup->policy);
    bkt_buf_clear(&setup->notification);
    bkt_mem_free(setup);
}

void bkt_setup_stop(struct bkt_setup *setup)
{
    bkt_asker_stop(&setup->asker);
}

void setup_say(const struct bkt_setup *setup, const char *fmt, ...)
{
    char line[2048];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    setup->options.said(setup->options.ctx, line);
}

static bool is_fatal(int rc)
{
    return rc == BKT_ECANCELED || rc == BKT_ENOMEM || rc == BKT_EIO;
}

/* What is there. */

/* Printing may go on without what may not be read; changing may not. */
static int bear(const struct bkt_setup *setup, const char *what, int rc, struct bkt_error *err)
{
    if (is_fatal(rc) || setup->options.action != BKT_SETUP_PRINT)
        return rc;
    setup_say(setup, "%s; so %s here is not merged with what is there: do not put it in its place",
              err->message, what);
    return BKT_OK;
}

static int read_policy(struct bkt_setup *setup, struct bkt_buf *out, struct bkt_error *err)
{
    struct bkt_queue queue = {0};
    struct cJSON *attributes = NULL;
    int rc = bkt_queue_open(&queue, &setup->asker, err);
    if (rc == BKT_OK)
        rc = bkt_queue_attributes(&queue, &attributes, NULL, err);
    if (rc == BKT_OK)
        rc = bkt_buf_append(out, bkt_queue_attribute(attributes, "Policy"));
    bkt_names_find(setup->settings, bkt_s3_region(setup->asker.bucket.s3),
                   bkt_queue_attribute(attributes, "QueueArn"), &setup->names);
    bkt_json_free(attributes);
    bkt_queue_close(&queue);
    bool has_arn = setup->names.queue_arn[0] != '\0';
    if (rc && has_arn)
        rc = bear(setup, "queue_policy", rc, err);
    else if (rc == BKT_OK && !has_arn)
        rc = bkt_error_set(err, BKT_ECONFIG, "setup: the queue does not tell its ARN");
    return rc;
}

/* `?notification`, got or put; in the region where the bucket turns out to be. */
static int call_bucket(struct bkt_setup *setup,
                       const struct bkt_service_call *call,
                       struct bkt_service_answer *answer,
                       struct bkt_error *err)
{
    int rc = BKT_OK;
    for (int i = 0; i < 2 && rc == BKT_OK; i++) {
        struct bkt_service bucket = {0};
        bkt_service_answer_clear(answer);
        rc = bkt_service_open_bucket(&bucket, &setup->asker, err);
        if (rc == BKT_OK)
            rc = bkt_service_ask(&bucket, call, answer, err);
        bkt_service_close(&bucket);
        if (rc || bkt_service_is_ok(answer) || answer->class != BKT_S3ERROR_WRONG_REGION)
            break;
        /* Listing follows the redirect; whether it may list does not matter. */
        struct bkt_list_request request = {.prefix = bkt_str_from(setup->settings->prefix)};
        struct bkt_s3_page *page = NULL;
        int list_rc = bkt_asker_page(&setup->asker, &request, &page, err);
        bkt_s3_page_free(page);
        rc = is_fatal(list_rc) ? list_rc : BKT_OK;
    }
    return rc;
}

/* An answer that is none of success, as the error it is. */
static int refuse(const struct bkt_setup *setup,
                  const struct bkt_service_answer *answer,
                  const char *what,
                  const char *permission,
                  struct bkt_error *err)
{
    if (err)
        *err = answer->err;
    int code = answer->err.code ? answer->err.code : BKT_ES3;
    (void)bkt_error_wrap(err, code, "%s of s3://%s", what, setup->settings->bucket_name);
    if (err && answer->status == 403) {
        char message[sizeof(err->message)];
        memcpy(message, err->message, sizeof(message));
        (void)bkt_error_set(err, code, "%.800s; allow %s", message, permission);
    }
    return code;
}

static int read_notification(struct bkt_setup *setup, struct bkt_buf *out, struct bkt_error *err)
{
    struct bkt_service_answer answer = {0};
    struct bkt_service_call call = {.method = "GET", .query = BKT_STR("notification")};
    int rc = call_bucket(setup, &call, &answer, err);
    if (rc == BKT_OK && bkt_service_is_ok(&answer)) {
        rc = bkt_buf_append(out, bkt_buf_str(&answer.body));
        if (rc)
            (void)bkt_error_set(err, rc, "setup: %s", bkt_error_text(rc));
    } else if (rc == BKT_OK) {
        rc = bear(setup, "bucket_notification",
                  refuse(setup, &answer, "read the notifications", "s3:GetBucketNotification", err),
                  err);
    }
    bkt_service_answer_clear(&answer);
    return rc;
}

/* What is to be. */

static int plan_policy(struct bkt_setup *setup, struct bkt_str policy, struct bkt_error *err)
{
    struct bkt_policy_grant grant = setup_grant(setup);
    if (setup->options.action == BKT_SETUP_UNDO)
        return bkt_policy_remove(policy, grant.sid, &setup->policy, &setup->policy_changes, err);
    return bkt_policy_add(policy, &grant, &setup->policy, &setup->policy_changes, err);
}

static int plan_notification(struct bkt_setup *setup, struct bkt_str xml, struct bkt_error *err)
{
    struct bkt_notify_config config;
    struct bkt_notify_want want = setup_want(setup);
    int rc = bkt_notify_read(xml, &config, err);
    if (rc)
        return rc;
    if (setup->options.action == BKT_SETUP_UNDO) {
        rc = bkt_notify_remove(&config, want.id, &setup->notification, &setup->notification_changes,
                               err);
    } else if (setup->route == SETUP_EVENTBRIDGE) {
        rc = bkt_notify_add_eventbridge(&config, &setup->notification, &setup->notification_changes,
                                        err);
    } else {
        rc =
            bkt_notify_add(&config, &want, &setup->notification, &setup->notification_changes, err);
    }
    bkt_notify_clear(&config);
    return rc;
}

static int plan(struct bkt_setup *setup, struct bkt_error *err)
{
    struct bkt_buf policy = BKT_BUF_INIT(BKT_POLICY_BYTES_MAX);
    struct bkt_buf xml = BKT_BUF_INIT(BKT_NOTIFY_BYTES_MAX);
    /* First, since it finds the bucket's region. */
    int rc = read_notification(setup, &xml, err);
    if (rc == BKT_OK && setup->route != SETUP_REDIS)
        rc = read_policy(setup, &policy, err);
    else if (rc == BKT_OK)
        bkt_names_find(setup->settings, bkt_s3_region(setup->asker.bucket.s3), BKT_STR(""),
                       &setup->names);
    if (rc == BKT_OK) {
        setup_name_route(setup);
        bkt_buf_reset(&setup->policy);
        bkt_buf_reset(&setup->notification);
        setup->policy_changes = false;
    }
    if (rc == BKT_OK && setup->route != SETUP_REDIS)
        rc = plan_policy(setup, bkt_buf_str(&policy), err);
    if (rc == BKT_OK)
        rc = plan_notification(setup, bkt_buf_str(&xml), err);
    bkt_buf_clear(&policy);
    bkt_buf_clear(&xml);
    return rc;
}

/* Changing it. */

static int set_policy(struct bkt_setup *setup, struct bkt_error *err)
{
    if (!setup->policy_changes)
        return BKT_OK;
    struct bkt_queue queue = {0};
    struct bkt_buf body = BKT_BUF_INIT(BODY_BYTES_MAX);
    struct bkt_buf answer = BKT_BUF_INIT(BODY_BYTES_MAX);
    int rc = bkt_queue_open(&queue, &setup->asker, err);
    if (rc == BKT_OK) {
        rc = bkt_sqs_write_set_attribute(&body, bkt_sqs_client_queue_url(queue.client), "Policy",
                                         bkt_buf_str(&setup->policy));
        if (rc)
            (void)bkt_error_set(err, rc, "setup: %s", bkt_error_text(rc));
    }
    if (rc == BKT_OK)
        rc = bkt_queue_ask(&queue, BKT_SQS_SET_ATTRIBUTES, &body, &answer, NULL, err);
    bkt_queue_close(&queue);
    bkt_buf_clear(&body);
    bkt_buf_clear(&answer);
    return rc;
}

/* S3 tries the destination before it takes a configuration. */
static bool is_unsettled(const struct bkt_service_answer *answer)
{
    return strcmp(answer->said.code, "InvalidArgument") == 0 &&
           strstr(answer->said.message, "validate");
}

static int set_notification(struct bkt_setup *setup, struct bkt_error *err)
{
    if (!setup->notification_changes)
        return BKT_OK;
    struct bkt_service_answer answer = {0};
    struct bkt_service_call call = {
        .method = "PUT",
        .query = BKT_STR("notification"),
        .body = bkt_buf_str(&setup->notification),
        .content_type = "application/xml",
    };
    int64_t until_ms = bkt_time_monotonic_ms() + setup->settings->retry_time;
    int rc;
    for (;;) {
        rc = call_bucket(setup, &call, &answer, err);
        if (rc || bkt_service_is_ok(&answer) || !is_unsettled(&answer) ||
            bkt_time_monotonic_ms() >= until_ms)
            break;
        setup_say(setup, "S3 may not send to the queue yet; trying again");
        rc = bkt_asker_pause(&setup->asker, SETTLE_PAUSE_MS, err);
        if (rc)
            break;
    }
    if (rc == BKT_OK && !bkt_service_is_ok(&answer))
        rc = refuse(setup, &answer, "set the notifications", "s3:PutBucketNotification", err);
    bkt_service_answer_clear(&answer);
    return rc;
}

/* Our own part of what changes. */
static void tell_difference(const struct bkt_setup *setup)
{
    bool is_undo = setup->options.action == BKT_SETUP_UNDO;
    const char *sign = is_undo ? "-" : "+";
    const char *does = setup->options.action == BKT_SETUP_PRINT ? "would change" : "changed";
    struct bkt_policy_grant grant = setup_grant(setup);
    struct bkt_notify_want want = setup_want(setup);
    struct bkt_buf statement = BKT_BUF_INIT(BKT_POLICY_BYTES_MAX);
    if (setup->route != SETUP_REDIS && !setup->policy_changes) {
        setup_say(setup, "queue policy: as it should be");
    } else if (setup->route != SETUP_REDIS &&
               bkt_policy_write_grant(&grant, &statement) == BKT_OK) {
        setup_say(setup, "queue policy %s: %s %s", does, sign, statement.ptr);
    }
    if (!setup->notification_changes) {
        setup_say(setup, "bucket notification: as it should be");
    } else if (setup->route == SETUP_EVENTBRIDGE && !is_undo) {
        setup_say(setup, "bucket notification %s: + EventBridge", does);
    } else {
        setup_say(setup, "bucket notification %s: %s \"%.*s\" to %s", does, sign,
                  BKT_STR_ARG(want.id), setup->target_arn);
    }
    bkt_buf_clear(&statement);
}

/* A bucket does not send where it may not, so the policy comes first and goes last. */
static int change(struct bkt_setup *setup, struct bkt_error *err)
{
    int rc = BKT_OK;
    switch (setup->options.action) {
    case BKT_SETUP_PRINT:
        break;
    case BKT_SETUP_APPLY:
        rc = set_policy(setup, err);
        if (rc == BKT_OK)
            rc = set_notification(setup, err);
        break;
    case BKT_SETUP_UNDO:
        rc = set_notification(setup, err);
        if (rc == BKT_OK)
            rc = set_policy(setup, err);
        break;
    }
    return rc;
}

static int run_setup(struct bkt_setup *setup, bkt_write_fn *write, void *ctx, struct bkt_error *err)
{
    struct bkt_error local = {0};
    int rc = bkt_bucket_open(&setup->asker.bucket, setup->config, &local);
    if (rc == BKT_OK)
        rc = plan(setup, &local);
    if (rc == BKT_OK)
        rc = change(setup, &local);
    if (rc == BKT_OK) {
        tell_difference(setup);
        setup_tell_rest(setup);
        rc = setup_write(setup, write, ctx, &local);
    }
    bkt_bucket_close(&setup->asker.bucket);
    if (rc && err)
        *err = local;
    return rc;
}

int bkt_setup_run(struct bkt_setup *setup, bkt_write_fn *write, void *ctx, struct bkt_error *err)
{
    int rc = bkt_guard_enter(&setup->asker.guard, "bkt_setup_run()", err);
    if (rc)
        return rc;
    rc = run_setup(setup, write, ctx, err);
    bkt_guard_leave(&setup->asker.guard);
    return rc;
}
