#include "targets/kafka_topic.h"

#include "core/str.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    MESSAGE_BYTES_MAX = 1048588, /* Kafka's own default */
    APPEAR_MS = 100,
    APPEAR_TRIES = 100,
};

/* A request's answer, of which the caller reads what it asked for. */
struct answer {
    rd_kafka_queue_t *queue;
    rd_kafka_event_t *event;
};

static void answer_clear(struct answer *answer)
{
    if (answer->event)
        rd_kafka_event_destroy(answer->event);
    rd_kafka_queue_destroy(answer->queue);
}

static rd_kafka_AdminOptions_t *options_for(struct bkt_kafka_client *client, rd_kafka_admin_op_t op)
{
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(client->rk, op);
    char text[64];
    (void)rd_kafka_AdminOptions_set_request_timeout(options, BKT_KAFKA_WAIT_MS, text, sizeof(text));
    return options;
}

/* The answer's own error; what the resources in it say comes after. */
static rd_kafka_resp_err_t answer_wait(struct answer *answer)
{
    answer->event = rd_kafka_queue_poll(answer->queue, 2 * BKT_KAFKA_WAIT_MS);
    return answer->event ? rd_kafka_event_error(answer->event) : RD_KAFKA_RESP_ERR__TIMED_OUT;
}

struct description {
    char policy[64];
    int message_bytes_max;
};

static void read_configs(const rd_kafka_ConfigResource_t *resource, struct description *out)
{
    size_t count;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &count);
    for (size_t i = 0; i < count; i++) {
        const char *name = rd_kafka_ConfigEntry_name(entries[i]);
        const char *value = rd_kafka_ConfigEntry_value(entries[i]);
        if (!value)
            continue;
        if (strcmp(name, "cleanup.policy") == 0) {
            (void)snprintf(out->policy, sizeof(out->policy), "%s", value);
        } else if (strcmp(name, "max.message.bytes") == 0) {
            long bytes = strtol(value, NULL, 10);
            if (bytes > 0 && bytes <= INT32_MAX)
                out->message_bytes_max = (int)bytes;
        }
    }
}

/*
 * The topic's settings, or the error that the broker gave.  This asks for no metadata: a broker
 * that makes topics by itself would make this one then, with its own cleanup.policy.
 */
static rd_kafka_resp_err_t describe(struct bkt_kafka_client *client, struct description *out)
{
    struct answer answer = {.queue = rd_kafka_queue_new(client->rk)};
    rd_kafka_AdminOptions_t *options = options_for(client, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    rd_kafka_ConfigResource_t *asked =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, client->cluster->topic);
    rd_kafka_DescribeConfigs(client->rk, &asked, 1, options, answer.queue);

    *out = (struct description){.message_bytes_max = MESSAGE_BYTES_MAX};
    rd_kafka_resp_err_t code = answer_wait(&answer);
    if (!code) {
        size_t count = 0;
        const rd_kafka_ConfigResource_t **found = rd_kafka_DescribeConfigs_result_resources(
            rd_kafka_event_DescribeConfigs_result(answer.event), &count);
        code = count == 1 ? rd_kafka_ConfigResource_error(found[0]) : RD_KAFKA_RESP_ERR__BAD_MSG;
        if (!code)
            read_configs(found[0], out);
    }
    rd_kafka_ConfigResource_destroy(asked);
    rd_kafka_AdminOptions_destroy(options);
    answer_clear(&answer);
    return code;
}

static rd_kafka_resp_err_t create(struct bkt_kafka_client *client)
{
    char text[128];
    rd_kafka_NewTopic_t *topic =
        rd_kafka_NewTopic_new(client->cluster->topic, -1, -1, text, sizeof(text));
    if (!topic)
        return RD_KAFKA_RESP_ERR__INVALID_ARG;
    (void)rd_kafka_NewTopic_set_config(topic, "cleanup.policy", "compact");
    struct answer answer = {.queue = rd_kafka_queue_new(client->rk)};
    rd_kafka_AdminOptions_t *options = options_for(client, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_CreateTopics(client->rk, &topic, 1, options, answer.queue);

    rd_kafka_resp_err_t code = answer_wait(&answer);
    if (!code) {
        size_t count = 0;
        const rd_kafka_topic_result_t **made = rd_kafka_CreateTopics_result_topics(
            rd_kafka_event_CreateTopics_result(answer.event), &count);
        code = count == 1 ? rd_kafka_topic_result_error(made[0]) : RD_KAFKA_RESP_ERR__BAD_MSG;
    }
    rd_kafka_NewTopic_destroy(topic);
    rd_kafka_AdminOptions_destroy(options);
    answer_clear(&answer);
    return code;
}

/* Whether any partition has, or had, a message. */
static rd_kafka_resp_err_t look_inside(struct bkt_kafka_client *client, bool *out_is_used)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(client->rk, client->cluster->topic, NULL);
    if (!topic)
        return rd_kafka_last_error();
    rd_kafka_resp_err_t code =
        rd_kafka_metadata(client->rk, 0, topic, &metadata, BKT_KAFKA_WAIT_MS);
    bool is_used = false;
    if (!code && metadata->topic_cnt != 1)
        code = RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
    if (!code)
        code = metadata->topics[0].err;
    for (int i = 0; !code && i < metadata->topics[0].partition_cnt; i++) {
        int64_t low = 0;
        int64_t high = 0;
        code = rd_kafka_query_watermark_offsets(client->rk, client->cluster->topic,
                                                metadata->topics[0].partitions[i].id, &low, &high,
                                                BKT_KAFKA_WAIT_MS);
        is_used = is_used || high > 0;
    }
    if (metadata)
        rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(topic);
    if (!code)
        *out_is_used = is_used;
    return code;
}

static int check_empty(struct bkt_kafka_client *client, struct bkt_error *err)
{
    bool is_used = false;
    rd_kafka_resp_err_t code = look_inside(client, &is_used);
    if (code)
        return bkt_kafka_fail(client, "look into", code, NULL, err);
    if (!is_used)
        return BKT_OK;
    return bkt_error_set(
        err, BKT_EFOREIGN,
        "kafka topic %s at %s holds messages and its state is new, so nobody would "
        "know which of its rows to delete: name its state file, or another topic",
        client->cluster->topic, client->cluster->brokers);
}

int bkt_kafka_topic_prepare(struct bkt_kafka_client *client,
                            bool must_be_empty,
                            int *out_message_bytes_max,
                            struct bkt_error *err)
{
    const struct bkt_kafka_cluster *cluster = client->cluster;
    struct description found;
    rd_kafka_resp_err_t code = describe(client, &found);
    if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        code = create(client);
        if (code && code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
            return bkt_kafka_fail(client, "create", code, NULL, err);
        must_be_empty = must_be_empty && code != RD_KAFKA_RESP_ERR_NO_ERROR;
        code = describe(client, &found);
        /* What one broker has made, another knows a moment later. */
        for (int i = 0; code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART && i < APPEAR_TRIES; i++) {
            (void)rd_kafka_poll(client->rk, APPEAR_MS);
            code = describe(client, &found);
        }
    }
    if (code)
        return bkt_kafka_fail(client, "read the settings of", code, NULL, err);
    if (strcmp(found.policy, "compact") != 0) {
        return bkt_error_set(
            err, BKT_ETARGET,
            "kafka topic %s at %s: its cleanup.policy is %s, which drops rows with "
            "time: kafka-configs.sh --bootstrap-server %s --alter --entity-type "
            "topics --entity-name %s --add-config cleanup.policy=compact",
            cluster->topic, cluster->brokers, found.policy, cluster->brokers, cluster->topic);
    }
    int rc = must_be_empty ? check_empty(client, err) : BKT_OK;
    if (rc == BKT_OK)
        *out_message_bytes_max = found.message_bytes_max;
    return rc;
}
