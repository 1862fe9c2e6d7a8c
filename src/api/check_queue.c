#include "api/check_int.h"

#include "api/queue.h"
#include "core/json.h"
#include "events/foreign.h"
#include "events/queue_policy.h"
#include "events/sqs_answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    LOOK_VISIBILITY_S = 10, /* messages are hidden from others so long, if we die before release */
    VISIBILITY_S_MIN = 30,
    VISIBILITY_S_MAX = 3600,
    RETENTION_S_MIN = 86400,
    RECEIVES_MIN = 3,
    REDRIVE_DEPTH_MAX = 4,
};

/* What is being looked at. */
struct look {
    struct bkt_check *check;
    struct bkt_queue queue;
    struct cJSON *attributes; /* NULL: may not be read */
    struct bkt_names names;
};

static struct bkt_str attribute(const struct look *look, const char *name)
{
    return bkt_queue_attribute(look->attributes, name);
}

/* An attribute that is a number, or -1. */
static long number(const struct look *look, const char *name)
{
    struct bkt_str text = attribute(look, name);
    return text.len > 0 ? strtol(text.ptr, NULL, 10) : -1;
}

static void fix_statement(const struct look *look, const char *action, char fix[CHECK_FIX_BYTES])
{
    const char *arn = look->names.queue_arn;
    char quoted[64];
    (void)snprintf(quoted, sizeof(quoted), "\"%s\"", action);
    check_statement(fix, quoted, arn[0] ? arn : "*");
}

void check_fix_setup(const struct bkt_check *check, char fix[CHECK_FIX_BYTES])
{
    const struct bkt_settings *settings = check->settings;
    (void)snprintf(fix, CHECK_FIX_BYTES, "bucketable setup 's3://%s/%s' --sqs-queue-url %s --apply",
                   settings->bucket_name, settings->prefix, settings->sqs_queue_url);
}

static void fix_attribute(const struct look *look, const char *value, char fix[CHECK_FIX_BYTES])
{
    (void)snprintf(fix, CHECK_FIX_BYTES,
                   "aws sqs set-queue-attributes --queue-url %s --attributes '%s'",
                   look->check->settings->sqs_queue_url, value);
}

/* Is it there? */

static int look_at_attributes(struct look *look, bool *out_is_there, struct bkt_error *err)
{
    struct bkt_check *check = look->check;
    struct bkt_sqs_failure failure = {.fault = BKT_SQS_FAULT_TRANSIENT};
    const char *region = bkt_s3_region(check->asker.bucket.s3);
    char fix[CHECK_FIX_BYTES] = "";
    int rc = bkt_queue_attributes(&look->queue, &look->attributes, &failure, err);
    bkt_names_find(check->settings, region, attribute(look, "QueueArn"), &look->names);
    *out_is_there = rc == BKT_OK;
    if (check_is_fatal(rc))
        return rc;
    if (rc == BKT_OK) {
        check_tell(check, "queue", BKT_CHECK_OK, NULL,
                   "%s: about %ld messages wait, %ld are being worked on", look->names.queue_arn,
                   number(look, "ApproximateNumberOfMessages"),
                   number(look, "ApproximateNumberOfMessagesNotVisible"));
        return BKT_OK;
    }
    if (failure.fault == BKT_SQS_FAULT_NO_QUEUE && look->names.queue_name[0]) {
        (void)snprintf(fix, sizeof(fix), "aws sqs create-queue --queue-name %s",
                       look->names.queue_name);
    } else if (failure.fault == BKT_SQS_FAULT_DENIED) {
        fix_statement(look, "sqs:GetQueueAttributes", fix);
        *out_is_there = true; /* the rest may work all the same */
    }
    check_tell(check, "queue", BKT_CHECK_WRONG, fix, "%s", err->message);
    return BKT_OK;
}

/* Receive, and give back. */

static int give_back(struct look *look,
                     const struct bkt_sqs_messages *messages,
                     struct bkt_error *err)
{
    struct bkt_str receipts[BKT_SQS_BATCH_MAX];
    struct bkt_buf body = BKT_BUF_INIT(BKT_SQS_BODY_BYTES_MAX);
    struct bkt_buf answer = BKT_BUF_INIT(BKT_SQS_BODY_BYTES_MAX);
    char fix[CHECK_FIX_BYTES] = "";
    if (messages->count == 0)
        return BKT_OK;
    for (size_t i = 0; i < messages->count; i++)
        receipts[i] = messages->messages[i].receipt;
    int rc = bkt_sqs_write_visibility(&body, bkt_sqs_client_queue_url(look->queue.client), receipts,
                                      messages->count, 0);
    if (rc)
        (void)bkt_error_set(err, rc, "give messages back: %s", bkt_error_text(rc));
    else
        rc = bkt_queue_ask(&look->queue, BKT_SQS_VISIBILITY_BATCH, &body, &answer, NULL, err);
    bkt_buf_clear(&body);
    bkt_buf_clear(&answer);
    if (rc == BKT_OK || check_is_fatal(rc))
        return rc;
    fix_statement(look, "sqs:ChangeMessageVisibility", fix);
    check_tell(look->check, "queue-keep", BKT_CHECK_WRONG, fix, "%s", err->message);
    return BKT_OK;
}

static int look_at_messages(struct look *look,
                            const struct bkt_sqs_messages *messages,
                            struct bkt_error *err)
{
    struct bkt_check *check = look->check;
    size_t foreign_count;
    char example[128];
    int rc = bkt_foreign_count(messages, bkt_str_from(check->settings->bucket_name), &foreign_count,
                               example, sizeof(example));
    if (rc)
        return bkt_error_set(err, rc, "look at messages: %s", bkt_error_text(rc));
    check_tell(check, "queue-receive", BKT_CHECK_OK, NULL, "%zu messages were looked at%s",
               messages->count, messages->count > 0 ? " and given back" : "");
    if (foreign_count > 0 && strncmp(check->settings->bucket_name, "arn:", 4) != 0) {
        check_tell(check, "queue-shared", BKT_CHECK_WARNING,
                   "give each table a queue of its own; or watch with --keep-foreign-messages",
                   "%zu of %zu messages are of other buckets (%s): watch would remove them",
                   foreign_count, messages->count, example);
    }
    return give_back(look, messages, err);
}

static int try_receive(struct look *look, struct bkt_error *err)
{
    static const struct bkt_sqs_receive receive = {
        .messages_max = BKT_SQS_BATCH_MAX, .wait_s = 1, .visibility_s = LOOK_VISIBILITY_S};
    struct bkt_buf body = BKT_BUF_INIT(BKT_SQS_BODY_BYTES_MAX);
    struct bkt_buf answer = BKT_BUF_INIT(BKT_SQS_ANSWER_BYTES_MAX);
    struct bkt_sqs_messages messages = {0};
    char fix[CHECK_FIX_BYTES] = "";
    struct bkt_sqs_failure failure = {.fault = BKT_SQS_FAULT_TRANSIENT};
    int rc = bkt_sqs_write_receive(&body, bkt_sqs_client_queue_url(look->queue.client), &receive);
    if (rc)
        (void)bkt_error_set(err, rc, "receive messages: %s", bkt_error_text(rc));
    else
        rc = bkt_queue_ask(&look->queue, BKT_SQS_RECEIVE, &body, &answer, &failure, err);
    if (rc == BKT_OK)
        rc = bkt_sqs_read_messages(bkt_buf_str(&answer), &messages, err);
    if (rc == BKT_OK) {
        rc = look_at_messages(look, &messages, err);
    } else if (!check_is_fatal(rc)) {
        if (failure.fault == BKT_SQS_FAULT_DENIED)
            fix_statement(look, "sqs:ReceiveMessage", fix);
        check_tell(look->check, "queue-receive", BKT_CHECK_WRONG, fix, "%s", err->message);
        rc = BKT_OK;
    }
    bkt_sqs_messages_clear(&messages);
    bkt_buf_clear(&body);
    bkt_buf_clear(&answer);
    return rc;
}

/* A handle that is made up: whoever may delete is told that there is no such message. */
static int try_delete(struct look *look, struct bkt_error *err)
{
    static const struct bkt_str made_up = {"bucketable-check", 16};
    struct bkt_buf body = BKT_BUF_INIT(BKT_SQS_BODY_BYTES_MAX);
    struct bkt_buf answer = BKT_BUF_INIT(BKT_SQS_BODY_BYTES_MAX);
    struct bkt_sqs_failure failure = {.fault = BKT_SQS_FAULT_TRANSIENT};
    struct bkt_sqs_batch_result result = {0};
    char fix[CHECK_FIX_BYTES] = "";
    int rc = bkt_sqs_write_delete(&body, bkt_sqs_client_queue_url(look->queue.client), &made_up, 1);
    if (rc)
        (void)bkt_error_set(err, rc, "delete messages: %s", bkt_error_text(rc));
    else
        rc = bkt_queue_ask(&look->queue, BKT_SQS_DELETE_BATCH, &body, &answer, &failure, err);
    bool is_denied = rc && failure.fault == BKT_SQS_FAULT_DENIED;
    bool is_refused_handle = rc && failure.fault == BKT_SQS_FAULT_PERMANENT;
    if (rc == BKT_OK) {
        rc = bkt_sqs_read_batch(bkt_buf_str(&answer), 1, &result, err);
        is_denied = rc == BKT_OK && bkt_sqs_fault_of(result.code, 0) == BKT_SQS_FAULT_DENIED;
        if (is_denied) {
            (void)bkt_error_set(err, BKT_ES3, "delete messages of the queue: %s: %s", result.code,
                                result.message);
        }
    }
    bkt_buf_clear(&body);
    bkt_buf_clear(&answer);
    if (check_is_fatal(rc))
        return rc;
    if (is_denied)
        fix_statement(look, "sqs:DeleteMessage", fix);
    if (is_denied || (rc && !is_refused_handle))
        check_tell(look->check, "queue-delete", BKT_CHECK_WRONG, fix, "%s", err->message);
    else
        check_tell(look->check, "queue-delete", BKT_CHECK_OK, NULL, "messages may be deleted");
    return BKT_OK;
}

/* Policy and settings. */

static int look_at_policy(struct look *look, struct bkt_error *err)
{
    struct bkt_check *check = look->check;
    struct bkt_str policy = attribute(look, "Policy");
    const struct bkt_policy_grant grant = {
        .sid = bkt_str_from(look->names.sid),
        .service = "s3.amazonaws.com",
        .action = "sqs:SendMessage",
        .resource = bkt_str_from(look->names.queue_arn),
        .source_arn = bkt_str_from(look->names.bucket_arn),
    };
    enum bkt_policy_answer answer = BKT_POLICY_NO;
    bool names_sns = false;
    bool names_eventbridge = false;
    char fix[CHECK_FIX_BYTES] = "";
    check_fix_setup(check, fix);
    int rc = bkt_policy_allows(policy, &grant, &answer, err);
    if (rc == BKT_OK)
        rc = bkt_policy_names(policy, "sns.amazonaws.com", grant.action, &names_sns, err);
    if (rc == BKT_OK)
        rc =
            bkt_policy_names(policy, "events.amazonaws.com", grant.action, &names_eventbridge, err);
    if (check_is_fatal(rc))
        return rc;
    if (rc) {
        check_tell(check, "queue-policy", BKT_CHECK_WRONG, NULL, "%s", err->message);
    } else if (answer == BKT_POLICY_YES) {
        check_tell(check, "queue-policy", BKT_CHECK_OK, NULL, "the bucket may send to the queue");
    } else if (answer == BKT_POLICY_PERHAPS) {
        check_tell(check, "queue-policy", BKT_CHECK_WARNING, NULL,
                   "whether the bucket may send depends on conditions that are not known here");
    } else if (names_sns || names_eventbridge) {
        check_tell(check, "queue-policy", BKT_CHECK_WARNING, NULL,
                   "SNS or EventBridge may send to the queue, the bucket itself may not: right if "
                   "its events come that way");
    } else {
        check_tell(check, "queue-policy", BKT_CHECK_WRONG, fix,
                   "the queue's policy does not let %s send to it", look->names.bucket_arn);
    }
    return BKT_OK;
}

/* maxReceiveCount, which comes as a number or as a string of one. */
static int read_receives(struct bkt_str redrive, uint64_t *out_receives, struct bkt_error *err)
{
    struct cJSON *json = NULL;
    struct bkt_str text;
    int rc = bkt_json_parse(redrive, REDRIVE_DEPTH_MAX, &json, err);
    if (rc == BKT_OK && !bkt_json_get_uint(json, "maxReceiveCount", out_receives) &&
        !(bkt_json_get_string(json, "maxReceiveCount", &text) &&
          bkt_str_to_uint(text, out_receives)))
        rc = bkt_error_set(err, BKT_EPARSE, "no maxReceiveCount");
    bkt_json_free(json);
    return rc ? bkt_error_wrap(err, rc, "read the redrive policy") : BKT_OK;
}

/* Where it is not known, `*out_receives` stays as it is. */
static int look_at_redrive(struct look *look, uint64_t *out_receives, struct bkt_error *err)
{
    char fix[CHECK_FIX_BYTES];
    struct bkt_str redrive = attribute(look, "RedrivePolicy");
    int rc = redrive.len > 0 ? read_receives(redrive, out_receives, err) : BKT_OK;
    if (check_is_fatal(rc))
        return rc;
    if (rc) {
        check_tell(look->check, "queue-settings", BKT_CHECK_WARNING, NULL, "%s", err->message);
    } else if (redrive.len == 0) {
        struct bkt_str arn = bkt_str_from(look->names.queue_arn);
        (void)snprintf(fix, sizeof(fix),
                       "aws sqs create-queue --queue-name %s-dead, then aws sqs "
                       "set-queue-attributes --queue-url %s --attributes '{\"RedrivePolicy\":"
                       "\"{\\\"deadLetterTargetArn\\\":\\\"%.*s-dead\\\","
                       "\\\"maxReceiveCount\\\":\\\"10\\\"}\"}'",
                       look->names.queue_name, look->check->settings->sqs_queue_url,
                       BKT_STR_ARG(arn));
        check_tell(look->check, "queue-settings", BKT_CHECK_WARNING, fix,
                   "no redrive policy: a message that cannot be understood comes again until it is "
                   "too old");
    } else if (*out_receives < RECEIVES_MIN) {
        check_tell(look->check, "queue-settings", BKT_CHECK_WARNING,
                   "set maxReceiveCount to 10 in the redrive policy",
                   "a message goes to the dead-letter queue after %" PRIu64
                   " receives: a restart at the wrong moment loses good ones",
                   *out_receives);
    }
    return BKT_OK;
}

static void look_at_times(struct look *look)
{
    struct bkt_check *check = look->check;
    char fix[CHECK_FIX_BYTES];
    long visibility_s = number(look, "VisibilityTimeout");
    long retention_s = number(look, "MessageRetentionPeriod");
    fix_attribute(look, "{\"VisibilityTimeout\":\"120\"}", fix);
    if (visibility_s >= 0 && visibility_s < VISIBILITY_S_MIN) {
        check_tell(check, "queue-settings", BKT_CHECK_WARNING, fix,
                   "visibility time-out %ld s: messages come again while they are worked on",
                   visibility_s);
    } else if (visibility_s > VISIBILITY_S_MAX) {
        check_tell(check, "queue-settings", BKT_CHECK_WARNING, fix,
                   "visibility time-out %ld s: after a crash changes wait that long", visibility_s);
    }
    if (retention_s >= 0 && retention_s < RETENTION_S_MIN) {
        fix_attribute(look, "{\"MessageRetentionPeriod\":\"345600\"}", fix);
        check_tell(check, "queue-settings", BKT_CHECK_WARNING, fix,
                   "messages are kept for %ld s alone: changes while watch is down are found by "
                   "the next listing, not by events",
                   retention_s);
    }
}

static int look_at_settings(struct look *look, struct bkt_error *err)
{
    struct bkt_check *check = look->check;
    char fix[CHECK_FIX_BYTES];
    uint64_t before = check->counts.warnings + check->counts.wrong;
    uint64_t receives = 0;
    struct bkt_str key = attribute(look, "KmsMasterKeyId");
    if (bkt_str_eq(attribute(look, "FifoQueue"), BKT_STR("true"))) {
        check_tell(check, "queue-settings", BKT_CHECK_WRONG,
                   "make a standard queue: aws sqs create-queue --queue-name NAME",
                   "a FIFO queue: S3 does not send to one");
    }
    if (bkt_str_eq(key, BKT_STR("alias/aws/sqs"))) {
        fix_attribute(look, "{\"KmsMasterKeyId\":\"\",\"SqsManagedSseEnabled\":\"true\"}", fix);
        check_tell(check, "queue-settings", BKT_CHECK_WRONG, fix,
                   "encrypted with AWS's own key for SQS, which S3 may not use");
    }
    look_at_times(look);
    int rc = look_at_redrive(look, &receives, err);
    if (rc == BKT_OK && check->counts.warnings + check->counts.wrong == before) {
        check_tell(check, "queue-settings", BKT_CHECK_OK, NULL,
                   "visibility time-out %ld s, dead letters after %" PRIu64 " receives",
                   number(look, "VisibilityTimeout"), receives);
    }
    return rc;
}

static int look_at_queue(struct look *look, bool is_reached, struct bkt_error *err)
{
    bool is_there = false;
    int rc = look_at_attributes(look, &is_there, err);
    if (rc || !is_there)
        return rc;
    rc = try_receive(look, err);
    if (rc == BKT_OK)
        rc = try_delete(look, err);
    bool has_bucket = look->names.bucket_arn[0] != '\0';
    if (rc == BKT_OK && look->attributes && has_bucket)
        rc = look_at_policy(look, err);
    if (rc == BKT_OK && look->attributes)
        rc = look_at_settings(look, err);
    if (rc == BKT_OK && is_reached && has_bucket && look->names.queue_arn[0])
        rc = check_notification(look->check, &look->names, err);
    return rc;
}

int check_queue(struct bkt_check *check, bool is_reached, struct bkt_error *err)
{
    const struct bkt_settings *settings = check->settings;
    struct look look = {.check = check};
    if (settings->redis_url)
        return check_redis(check, err);
    if (!settings->sqs_queue_url) {
        bool is_told = settings->minio_listen || settings->refresh_interval > 0;
        check_tell(check, "events", is_told ? BKT_CHECK_OK : BKT_CHECK_WARNING,
                   is_told ? NULL : "bucketable setup SOURCE --sqs-queue-url URL --apply",
                   settings->minio_listen           ? "MinIO's listen call"
                   : settings->refresh_interval > 0 ? "the bucket is listed again now and then"
                                                    : "none: watch would see no change; give "
                                                      "sqs_queue_url, redis_url or "
                                                      "refresh_interval");
        return BKT_OK;
    }
    int rc = bkt_queue_open(&look.queue, &check->asker, err);
    if (rc == BKT_OK) {
        rc = look_at_queue(&look, is_reached, err);
    } else if (!check_is_fatal(rc)) {
        check_tell(check, "queue", BKT_CHECK_WRONG, NULL, "%s", err->message);
        rc = BKT_OK;
    }
    bkt_json_free(look.attributes);
    bkt_queue_close(&look.queue);
    return rc;
}
