#include "targets/kafka_topic.h"

#include "core/mem.h"
#include "core/str.h"
#include "core/time.h"
#include "targets/rdkafka_load.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    MESSAGE_BYTES_MAX = 1048588, /* Kafka's own default */
    APPEAR_MS = 100,
    APPEAR_TRIES = 100,
    POLL_MS = 100,
    REFUSED_MS = 2000,
};

/* A request to the brokers' administration, and its answer, once there is one. */
struct request {
    struct bkt_kafka_client *client;
    rd_kafka_AdminOptions_t *options;
    rd_kafka_queue_t *queue;
    rd_kafka_event_t *event;
};

static struct request request_make(struct bkt_kafka_client *client, rd_kafka_admin_op_t op)
{
    char text[64];
    struct request request = {
        .client = client,
        .options = rd_kafka_AdminOptions_new(client->rk, op),
        .queue = rd_kafka_queue_new(client->rk),
    };
    (void)rd_kafka_AdminOptions_set_request_timeout(request.options, BKT_KAFKA_WAIT_MS, text,
                                                    sizeof(text));
    return request;
}

static void request_clear(struct request *request)
{
    if (request->event)
        rd_kafka_event_destroy(request->event);
    rd_kafka_queue_destroy(request->queue);
    rd_kafka_AdminOptions_destroy(request->options);
}

/* The answer's own error; what the resources in it say comes after. */
static rd_kafka_resp_err_t request_wait(struct request *request)
{
    const struct bkt_kafka_client *client = request->client;
    bool was_refused = false;
    int64_t now_ms = bkt_time_monotonic_ms();
    int64_t end_ms = now_ms + 2 * BKT_KAFKA_WAIT_MS;
    for (; !request->event && now_ms < end_ms; now_ms = bkt_time_monotonic_ms()) {
        request->event = rd_kafka_queue_poll(request->queue, POLL_MS);
        (void)rd_kafka_poll(client->rk, 0);
        /* Another broker may still answer, but a password does not get right with time. */
        if (client->is_refused && !was_refused && now_ms + REFUSED_MS < end_ms)
            end_ms = now_ms + REFUSED_MS;
        was_refused = client->is_refused;
    }
    if (request->event)
        return rd_kafka_event_error(request->event);
    return client->is_refused ? RD_KAFKA_RESP_ERR__AUTHENTICATION : RD_KAFKA_RESP_ERR__TIMED_OUT;
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
    struct request request = request_make(client, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    rd_kafka_ConfigResource_t *asked =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, client->cluster->topic);
    rd_kafka_DescribeConfigs(client->rk, &asked, 1, request.options, request.queue);

    *out = (struct description){.message_bytes_max = MESSAGE_BYTES_MAX};
    rd_kafka_resp_err_t code = request_wait(&request);
    if (!code) {
        size_t count = 0;
        const rd_kafka_ConfigResource_t **found = rd_kafka_DescribeConfigs_result_resources(
            rd_kafka_event_DescribeConfigs_result(request.event), &count);
        code = count == 1 ? rd_kafka_ConfigResource_error(found[0]) : RD_KAFKA_RESP_ERR__BAD_MSG;
        if (!code)
            read_configs(found[0], out);
    }
    rd_kafka_ConfigResource_destroy(asked);
    request_clear(&request);
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
    struct request request = request_make(client, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_CreateTopics(client->rk, &topic, 1, request.options, request.queue);

    rd_kafka_resp_err_t code = request_wait(&request);
    if (!code) {
        size_t count = 0;
        const rd_kafka_topic_result_t **made = rd_kafka_CreateTopics_result_topics(
            rd_kafka_event_CreateTopics_result(request.event), &count);
        code = count == 1 ? rd_kafka_topic_result_error(made[0]) : RD_KAFKA_RESP_ERR__BAD_MSG;
    }
    rd_kafka_NewTopic_destroy(topic);
    request_clear(&request);
    return code;
}

static int ask_partitions(struct bkt_kafka_client *client,
                          const struct rd_kafka_metadata_topic *topic,
                          struct bkt_kafka_partition **out_partitions,
                          struct bkt_error *err)
{
    size_t count = topic->partition_cnt > 0 ? (size_t)topic->partition_cnt : 1;
    struct bkt_kafka_partition *partitions = bkt_mem_calloc(count, sizeof(*partitions));
    if (!partitions)
        return bkt_error_set(err, BKT_ENOMEM, "look into kafka topic %s: out of memory",
                             client->cluster->topic);
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    for (int i = 0; !code && i < topic->partition_cnt; i++) {
        partitions[i].id = topic->partitions[i].id;
        code = rd_kafka_query_watermark_offsets(client->rk, client->cluster->topic,
                                                partitions[i].id, &partitions[i].begin,
                                                &partitions[i].end, BKT_KAFKA_WAIT_MS);
    }
    if (code) {
        bkt_mem_free(partitions);
        return bkt_kafka_fail(client, "look into", code, NULL, err);
    }
    *out_partitions = partitions;
    return BKT_OK;
}

int bkt_kafka_topic_partitions(struct bkt_kafka_client *client,
                               struct bkt_kafka_partition **out_partitions,
                               size_t *out_count,
                               struct bkt_error *err)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(client->rk, client->cluster->topic, NULL);
    if (!topic)
        return bkt_kafka_fail(client, "look into", rd_kafka_last_error(), NULL, err);
    rd_kafka_resp_err_t code =
        rd_kafka_metadata(client->rk, 0, topic, &metadata, BKT_KAFKA_WAIT_MS);
    if (!code && metadata->topic_cnt != 1)
        code = RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
    if (!code)
        code = metadata->topics[0].err;
    int rc = code ? bkt_kafka_fail(client, "look into", code, NULL, err)
                  : ask_partitions(client, &metadata->topics[0], out_partitions, err);
    if (rc == BKT_OK)
        *out_count = (size_t)metadata->topics[0].partition_cnt;
    if (metadata)
        rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(topic);
    return rc;
}

/* Whether any partition has, or had, a message. */
static int check_empty(struct bkt_kafka_client *client, struct bkt_error *err)
{
    struct bkt_kafka_partition *partitions = NULL;
    size_t count = 0;
    int rc = bkt_kafka_topic_partitions(client, &partitions, &count, err);
    for (size_t i = 0; rc == BKT_OK && i < count; i++) {
        if (partitions[i].end == 0)
            continue;
        rc = bkt_error_set(err, BKT_EFOREIGN,
                           "kafka topic %s at %s holds messages and its state is new, so nobody "
                           "would know which of its rows to delete: name its state file, or "
                           "another topic; if it is this bucket's, --rebuild-state makes a state "
                           "of what it holds",
                           client->cluster->topic, client->cluster->brokers);
    }
    bkt_mem_free(partitions);
    return rc;
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
