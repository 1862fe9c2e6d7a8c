#include "targets/topic_fold.h"

#include <bucketable/error.h>

#include "t.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>

enum { WAIT_MS = 20000, ROW_BYTES_MAX = 8 << 20 };

static rd_kafka_t *handle(rd_kafka_type_t type, const char *brokers)
{
    static const char *const settings[][2] = {
        {"group.id", "test"},
        {"isolation.level", "read_committed"},
        {"enable.partition.eof", "true"},
        {"auto.offset.reset", "earliest"},
        {"enable.auto.commit", "false"},
        {"fetch.wait.max.ms", "10"},
    };
    char text[256] = "";
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    assert_int_equal(rd_kafka_conf_set(conf, "bootstrap.servers", brokers, text, sizeof(text)),
                     RD_KAFKA_CONF_OK);
    for (size_t i = 0; type == RD_KAFKA_CONSUMER && i < T_COUNT(settings); i++) {
        assert_int_equal(
            rd_kafka_conf_set(conf, settings[i][0], settings[i][1], text, sizeof(text)),
            RD_KAFKA_CONF_OK);
    }
    rd_kafka_t *rk = rd_kafka_new(type, conf, text, sizeof(text));
    if (!rk)
        fail_msg("%s", text);
    return rk;
}

static void append(struct bkt_buf *buf, const void *bytes, size_t len)
{
    assert_int_equal(bkt_buf_append(buf, (struct bkt_str){bytes, len}), BKT_OK);
}

static void keep(const rd_kafka_message_t *message, struct topic_row *row)
{
    row->exists = message->payload != NULL;
    bkt_buf_reset(&row->value);
    bkt_buf_reset(&row->headers);
    if (message->payload)
        append(&row->value, message->payload, message->len);
    rd_kafka_headers_t *headers = NULL;
    if (rd_kafka_message_headers(message, &headers))
        return;
    const char *name;
    const void *value;
    size_t len;
    for (size_t i = 0; !rd_kafka_header_get_all(headers, i, &name, &value, &len); i++) {
        append(&row->headers, name, strlen(name));
        append(&row->headers, "=", 1);
        append(&row->headers, value, len);
        append(&row->headers, "\n", 1);
    }
}

void topic_read_row(const char *brokers,
                    const char *topic,
                    struct bkt_str key,
                    struct topic_row *row)
{
    *row = (struct topic_row){.value = BKT_BUF_INIT(ROW_BYTES_MAX),
                              .headers = BKT_BUF_INIT(ROW_BYTES_MAX)};
    rd_kafka_t *rk = handle(RD_KAFKA_CONSUMER, brokers);
    (void)rd_kafka_poll_set_consumer(rk);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, 0)->offset = RD_KAFKA_OFFSET_BEGINNING;
    assert_int_equal(rd_kafka_assign(rk, list), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(list);
    bool is_at_end = false;
    while (!is_at_end) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(rk, WAIT_MS);
        assert_non_null(message);
        is_at_end = message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
        if (message->err && !is_at_end)
            fail_msg("read %s: %s", topic, rd_kafka_message_errstr(message));
        struct bkt_str found = {message->key, message->key_len};
        if (!message->err && bkt_str_eq(found, key))
            keep(message, row);
        rd_kafka_message_destroy(message);
    }
    (void)rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
}

void topic_row_clear(struct topic_row *row)
{
    bkt_buf_clear(&row->value);
    bkt_buf_clear(&row->headers);
}

/* The broker's answer to one request; the queue ends. */
static rd_kafka_resp_err_t answer_of(rd_kafka_queue_t *queue)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, WAIT_MS);
    assert_non_null(event);
    rd_kafka_resp_err_t error = rd_kafka_event_error(event);
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    return error;
}

void topic_create(const char *brokers, const char *topic, const char *name, const char *value)
{
    char text[128];
    rd_kafka_t *rk = handle(RD_KAFKA_PRODUCER, brokers);
    rd_kafka_NewTopic_t *made = rd_kafka_NewTopic_new(topic, 1, 1, text, sizeof(text));
    (void)rd_kafka_NewTopic_set_config(made, "cleanup.policy", "compact");
    (void)rd_kafka_NewTopic_set_config(made, name, value);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_CreateTopics(rk, &made, 1, NULL, queue);
    assert_int_equal(answer_of(queue), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_NewTopic_destroy(made);
    rd_kafka_destroy(rk);
}

void topic_remove(const char *brokers, const char *topic)
{
    rd_kafka_t *rk = handle(RD_KAFKA_PRODUCER, brokers);
    rd_kafka_DeleteTopic_t *gone = rd_kafka_DeleteTopic_new(topic);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_DeleteTopics(rk, &gone, 1, NULL, queue);
    (void)answer_of(queue); /* it may not be there */
    rd_kafka_DeleteTopic_destroy(gone);
    rd_kafka_destroy(rk);
}

void topic_grow(const char *brokers, const char *topic)
{
    char text[128];
    rd_kafka_t *rk = handle(RD_KAFKA_PRODUCER, brokers);
    rd_kafka_NewPartitions_t *more = rd_kafka_NewPartitions_new(topic, 2, text, sizeof(text));
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_CreatePartitions(rk, &more, 1, NULL, queue);
    assert_int_equal(answer_of(queue), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_NewPartitions_destroy(more);
    rd_kafka_destroy(rk);
}

static void produce(
    rd_kafka_t *rk, const char *topic, int32_t partition, const char *key, const char *value)
{
    rd_kafka_topic_t *handle_of_topic = rd_kafka_topic_new(rk, topic, NULL);
    char bytes[64] = "";
    size_t len = value ? (size_t)snprintf(bytes, sizeof(bytes), "%s", value) : 0;
    assert_int_equal(rd_kafka_produce(handle_of_topic, partition, RD_KAFKA_MSG_F_COPY,
                                      value ? bytes : NULL, len, key, key ? strlen(key) : 0, NULL),
                     0);
    assert_int_equal(rd_kafka_flush(rk, WAIT_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_destroy(handle_of_topic);
}

void topic_write_to(
    const char *brokers, const char *topic, int32_t partition, const char *key, const char *value)
{
    rd_kafka_t *rk = handle(RD_KAFKA_PRODUCER, brokers);
    produce(rk, topic, partition, key, value);
    rd_kafka_destroy(rk);
}

void topic_write(const char *brokers, const char *topic, const char *key, const char *value)
{
    topic_write_to(brokers, topic, 0, key, value);
}

static void must(rd_kafka_error_t *error)
{
    if (error)
        fail_msg("%s", rd_kafka_error_string(error));
}

void topic_write_in(const char *brokers,
                    const char *topic,
                    const char *transactional_id,
                    bool is_aborted,
                    const char *key,
                    const char *value)
{
    char text[128];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    (void)rd_kafka_conf_set(conf, "bootstrap.servers", brokers, text, sizeof(text));
    (void)rd_kafka_conf_set(conf, "transactional.id", transactional_id, text, sizeof(text));
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    assert_non_null(rk);
    must(rd_kafka_init_transactions(rk, WAIT_MS));
    must(rd_kafka_begin_transaction(rk));
    produce(rk, topic, 0, key, value);
    if (is_aborted)
        must(rd_kafka_abort_transaction(rk, WAIT_MS));
    rd_kafka_destroy(rk);
}
