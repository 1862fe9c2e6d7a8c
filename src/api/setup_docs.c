#include "api/setup_int.h"

#include "core/json.h"
#include "core/json_write.h"
#include "core/mem.h"
#include "events/redis_url.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>

enum { DOCUMENT_BYTES_MAX = 8 << 20, JSON_DEPTH_MAX = 40 };

static const char *service_of(enum setup_route route)
{
    switch (route) {
    case SETUP_SNS:
        return "sns.amazonaws.com";
    case SETUP_EVENTBRIDGE:
        return "events.amazonaws.com";
    case SETUP_DIRECT:
    case SETUP_REDIS:
        break;
    }
    return "s3.amazonaws.com";
}

/* What stands behind the last colon. */
static const char *last_part(const char *arn)
{
    const char *colon = strrchr(arn, ':');
    return colon ? colon + 1 : arn;
}

void setup_name_route(struct bkt_setup *setup)
{
    const struct bkt_names *names = &setup->names;
    const char *topic = setup->options.sns_topic_arn;
    const char *sid = names->sid;
    const char *source = names->bucket_arn;
    const char *target = names->queue_arn;
    char made_sid[128];
    char made_arn[256];
    switch (setup->route) {
    case SETUP_DIRECT:
        break;
    case SETUP_SNS:
        (void)snprintf(made_sid, sizeof(made_sid), "bucketable-sns-%.100s", last_part(topic));
        sid = made_sid;
        source = topic;
        target = topic;
        break;
    case SETUP_EVENTBRIDGE:
        (void)snprintf(made_sid, sizeof(made_sid), "bucketable-events-%.100s",
                       names->sid + strlen("bucketable-s3-"));
        (void)snprintf(made_arn, sizeof(made_arn), "arn:%s:events:%s:%s:rule/%s", names->partition,
                       names->region, names->account, names->rule);
        sid = made_sid;
        source = made_arn;
        break;
    case SETUP_REDIS:
        target = "arn:minio:sqs::" SETUP_REDIS_ID ":redis";
        break;
    }
    (void)snprintf(setup->sid, sizeof(setup->sid), "%s", sid);
    (void)snprintf(setup->source_arn, sizeof(setup->source_arn), "%s", source);
    (void)snprintf(setup->target_arn, sizeof(setup->target_arn), "%s", target);
}

struct bkt_policy_grant setup_grant(const struct bkt_setup *setup)
{
    /*
     * The account that owns the bucket is not demanded: it may be another than the queue's, and
     * then no event would come.
     */
    return (struct bkt_policy_grant){
        .sid = bkt_str_from(setup->sid),
        .service = service_of(setup->route),
        .action = "sqs:SendMessage",
        .resource = bkt_str_from(setup->names.queue_arn),
        .source_arn = bkt_str_from(setup->source_arn),
    };
}

struct bkt_notify_want setup_want(const struct bkt_setup *setup)
{
    bool is_redis = setup->route == SETUP_REDIS;
    return (struct bkt_notify_want){
        .kind = setup->route == SETUP_SNS ? BKT_NOTIFY_TOPIC : BKT_NOTIFY_QUEUE,
        .id = is_redis ? BKT_STR("bucketable-redis") : bkt_str_from(setup->names.id),
        .arn = bkt_str_from(setup->target_arn),
        .prefix = bkt_str_from(setup->settings->prefix),
        .suffix = bkt_names_suffix(setup->settings),
        .without_expired = is_redis, /* MinIO calls them ObjectRemoved, and knows no other name */
    };
}

/*
 * ListBucket is asked for the whole bucket: with a condition on s3:prefix, S3 would answer 403
 * rather than 404 for an object that is gone, and a 403 deletes no row.
 */
static int append_iam(const struct bkt_setup *setup, struct bkt_buf *out)
{
    const struct bkt_names *names = &setup->names;
    struct bkt_buf objects = BKT_BUF_INIT(DOCUMENT_BYTES_MAX);
    int rc = bkt_buf_printf(out,
                            "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":"
                            "\"BucketableList\",\"Effect\":\"Allow\",\"Action\":\"s3:ListBucket\","
                            "\"Resource\":\"%s\"},{\"Sid\":\"BucketableRead\",\"Effect\":\"Allow\","
                            "\"Action\":\"s3:GetObject\",\"Resource\":",
                            names->bucket_arn);
    if (rc == BKT_OK)
        rc = bkt_names_append_objects(setup->settings, names, &objects);
    if (rc == BKT_OK)
        rc = bkt_json_append_string(out, bkt_buf_str(&objects));
    if (rc == BKT_OK && setup->route != SETUP_REDIS) {
        rc = bkt_buf_printf(out,
                            "},{\"Sid\":\"BucketableQueue\",\"Effect\":\"Allow\",\"Action\":["
                            "\"sqs:ReceiveMessage\",\"sqs:DeleteMessage\","
                            "\"sqs:ChangeMessageVisibility\",\"sqs:GetQueueAttributes\"],"
                            "\"Resource\":\"%s\"",
                            names->queue_arn);
    }
    bkt_buf_clear(&objects);
    return rc ? rc : bkt_buf_append(out, BKT_STR("}]}"));
}

/* The bucket may publish to the topic. */
static int append_topic_policy(const struct bkt_setup *setup, struct bkt_buf *out)
{
    const struct bkt_policy_grant grant = {
        .sid = bkt_str_from(setup->names.sid),
        .service = "s3.amazonaws.com",
        .action = "sns:Publish",
        .resource = bkt_str_from(setup->options.sns_topic_arn),
        .source_arn = bkt_str_from(setup->names.bucket_arn),
    };
    int rc = bkt_buf_append(out, BKT_STR("{\"Version\":\"2012-10-17\",\"Statement\":["));
    if (rc == BKT_OK)
        rc = bkt_policy_write_grant(&grant, out);
    return rc ? rc : bkt_buf_append(out, BKT_STR("]}"));
}

/* EventBridge has keys as they are, so the prefix may be any. */
static int append_event_pattern(const struct bkt_setup *setup, struct bkt_buf *out)
{
    int rc = bkt_buf_printf(out,
                            "{\"source\":[\"aws.s3\"],\"detail-type\":[\"Object Created\","
                            "\"Object Deleted\"],\"detail\":{\"bucket\":{\"name\":[\"%s\"]}",
                            setup->settings->bucket_name);
    if (rc == BKT_OK && setup->settings->prefix[0]) {
        rc = bkt_buf_append(out, BKT_STR(",\"object\":{\"key\":[{\"prefix\":"));
        if (rc == BKT_OK)
            rc = bkt_json_append_string(out, bkt_str_from(setup->settings->prefix));
        if (rc == BKT_OK)
            rc = bkt_buf_append(out, BKT_STR("}]}"));
    }
    return rc ? rc : bkt_buf_append(out, BKT_STR("}}"));
}

static int append_documents(const struct bkt_setup *setup,
                            const struct bkt_notify_config *notification,
                            struct bkt_buf *out)
{
    int rc = bkt_buf_append(out, BKT_STR("{\"queue_policy\":"));
    if (rc == BKT_OK)
        rc = bkt_buf_append(out,
                            setup->policy.len > 0 ? bkt_buf_str(&setup->policy) : BKT_STR("null"));
    if (rc == BKT_OK)
        rc = bkt_buf_append(out, BKT_STR(",\"bucket_notification\":"));
    if (rc == BKT_OK)
        rc = bkt_notify_write_json(notification, out);
    if (rc == BKT_OK)
        rc = bkt_buf_append(out, BKT_STR(",\"iam_policy\":"));
    if (rc == BKT_OK)
        rc = append_iam(setup, out);
    if (rc == BKT_OK && setup->route == SETUP_SNS) {
        rc = bkt_buf_append(out, BKT_STR(",\"topic_policy\":"));
        if (rc == BKT_OK)
            rc = append_topic_policy(setup, out);
    }
    if (rc == BKT_OK && setup->route == SETUP_EVENTBRIDGE) {
        rc = bkt_buf_append(out, BKT_STR(",\"event_pattern\":"));
        if (rc == BKT_OK)
            rc = append_event_pattern(setup, out);
    }
    return rc ? rc : bkt_buf_append_char(out, '}');
}

/* With line breaks: they are read by people, and copied into consoles. */
static int write_pretty(struct bkt_str json, bkt_write_fn *write, void *ctx, struct bkt_error *err)
{
    struct cJSON *parsed = NULL;
    int rc = bkt_json_parse(json, JSON_DEPTH_MAX, &parsed, err);
    if (rc)
        return rc;
    char *text = cJSON_Print(parsed);
    bkt_json_free(parsed);
    if (!text)
        return bkt_error_set(err, BKT_ENOMEM, "write the documents: out of memory");
    rc = write(ctx, text, strlen(text));
    free(text);
    return rc ? rc : write(ctx, "\n", 1);
}

int setup_write(struct bkt_setup *setup, bkt_write_fn *write, void *ctx, struct bkt_error *err)
{
    struct bkt_notify_config notification = {0};
    struct bkt_buf out = BKT_BUF_INIT(DOCUMENT_BYTES_MAX);
    int rc = bkt_notify_read(bkt_buf_str(&setup->notification), &notification, err);
    if (rc == BKT_OK) {
        rc = append_documents(setup, &notification, &out);
        if (rc)
            (void)bkt_error_set(err, rc, "write the documents: %s", bkt_error_text(rc));
    }
    if (rc == BKT_OK)
        rc = write_pretty(bkt_buf_str(&out), write, ctx, err);
    bkt_buf_clear(&out);
    bkt_notify_clear(&notification);
    return rc;
}

/* What is not ours to set. */

static void tell_sns(const struct bkt_setup *setup)
{
    const char *topic = setup->options.sns_topic_arn;
    setup_say(setup, "let the bucket publish to the topic: put topic_policy's statement into the "
                     "topic's policy (aws sns set-topic-attributes --attribute-name Policy)");
    setup_say(setup,
              "subscribe the queue: aws sns subscribe --topic-arn %s --protocol sqs "
              "--notification-endpoint %s --attributes RawMessageDelivery=true",
              topic, setup->names.queue_arn);
}

static void tell_eventbridge(const struct bkt_setup *setup)
{
    const struct bkt_names *names = &setup->names;
    struct bkt_buf pattern = BKT_BUF_INIT(DOCUMENT_BYTES_MAX);
    if (append_event_pattern(setup, &pattern) == BKT_OK) {
        setup_say(setup, "make the rule: aws events put-rule --name %s --event-pattern '%s'",
                  names->rule, pattern.ptr);
        setup_say(setup,
                  "send it on: aws events put-targets --rule %s --targets Id=bucketable,Arn=%s",
                  names->rule, names->queue_arn);
    }
    bkt_buf_clear(&pattern);
}

/* The list form: an event stays in Redis until its change is in the table. */
static void tell_redis(const struct bkt_setup *setup)
{
    const char *key = setup->settings->redis_channel;
    struct bkt_redis_url *url = bkt_mem_calloc(1, sizeof(*url));
    if (!url ||
        bkt_redis_url_parse(bkt_str_from(setup->settings->redis_url),
                            bkt_env_get(bkt_env_process(), "REDISCLI_AUTH"), url, NULL) != BKT_OK) {
        bkt_mem_free(url);
        return;
    }
    const char *password = url->password[0] ? " password=PASSWORD" : "";
    const char *user = url->user[0] ? " user=USER" : "";
    setup_say(setup,
              "tell MinIO of Redis, in its environment: MINIO_NOTIFY_REDIS_ENABLE_%s=on "
              "MINIO_NOTIFY_REDIS_ADDRESS_%s=%s:%u MINIO_NOTIFY_REDIS_KEY_%s=%s "
              "MINIO_NOTIFY_REDIS_FORMAT_%s=access%s%s",
              SETUP_REDIS_ID, SETUP_REDIS_ID, url->host, url->port, SETUP_REDIS_ID, key,
              SETUP_REDIS_ID,
              url->user[0] ? " MINIO_NOTIFY_REDIS_USER_" SETUP_REDIS_ID "=USER" : "",
              url->password[0] ? " MINIO_NOTIFY_REDIS_PASSWORD_" SETUP_REDIS_ID "=PASSWORD" : "");
    setup_say(setup,
              "or by its client: mc admin config set ALIAS notify_redis:%s address=\"%s:%u\" "
              "key=\"%s\" format=access%s%s && mc admin service restart ALIAS",
              SETUP_REDIS_ID, url->host, url->port, key, user, password);
    if (setup->options.action == BKT_SETUP_PRINT) {
        setup_say(setup,
                  "then let the bucket tell it: mc event add ALIAS/%s %s --event put,delete%s%s",
                  setup->settings->bucket_name, setup->target_arn,
                  setup->settings->prefix[0] ? " --prefix " : "", setup->settings->prefix);
    }
    bkt_mem_wipe(url, sizeof(*url));
    bkt_mem_free(url);
}

void setup_tell_rest(const struct bkt_setup *setup)
{
    if (setup->options.action == BKT_SETUP_UNDO) {
        if (setup->route == SETUP_EVENTBRIDGE)
            setup_say(setup,
                      "EventBridge stays on for the bucket, others may use it; remove the rule: "
                      "aws events remove-targets --rule %s --ids bucketable && aws events "
                      "delete-rule --name %s",
                      setup->names.rule, setup->names.rule);
        return;
    }
    switch (setup->route) {
    case SETUP_DIRECT:
        break;
    case SETUP_SNS:
        tell_sns(setup);
        break;
    case SETUP_EVENTBRIDGE:
        tell_eventbridge(setup);
        break;
    case SETUP_REDIS:
        tell_redis(setup);
        break;
    }
}
