/*
 * Rows a second into a Kafka topic, of 1 KB each.
 *
 * sink:  apply() of the target: notes, a transaction for 8,000 rows, state.
 * bare:  a loop of rd_kafka_produce() with librdkafka's defaults, no transactions, one flush.
 *
 *   bench_kafka_sink BROKERS STATE_FILE [ROWS]
 */
#include "core/time.h"
#include "sink.h"
#include "targets/kafka.h"
#include "targets/state_target.h"

#include <bucketable/error.h>

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 8000, WAIT_MS = 60000 };

static struct bkt_table_target open_target(const char *brokers,
                                           const char *topic,
                                           const char *state)
{
    struct bkt_error err = {.code = BKT_OK};
    struct bkt_kafka_options options = {.brokers = bkt_str_from(brokers),
                                        .topic = bkt_str_from(topic)};
    struct bkt_table_target target;
    void *kafka;
    if (bkt_kafka_new(&options, &kafka, &err) ||
        bkt_state_target_new(bkt_kafka_ops(kafka), kafka, state, &target, &err))
        sink_die(err.message);
    sink_attach(target);
    return target;
}

static double run_sink(struct bkt_table_target target, size_t rows)
{
    /* The first batch also makes the producer known. */
    sink_fill(target, &(struct sink_rows){0, BATCH, BATCH, SINK_CONTENT_BYTES});
    return sink_measure(target, "kafka_sink",
                        &(struct sink_rows){BATCH, rows, BATCH, SINK_CONTENT_BYTES});
}

static void produce_bare(rd_kafka_t *rk, rd_kafka_topic_t *topic, size_t i)
{
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__QUEUE_FULL;
    while (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        bool is_refused =
            rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, sink_contents[i],
                             SINK_CONTENT_BYTES, sink_keys[i], strlen(sink_keys[i]), NULL) != 0;
        code = is_refused ? rd_kafka_last_error() : RD_KAFKA_RESP_ERR_NO_ERROR;
        if (is_refused)
            (void)rd_kafka_poll(rk, 100);
    }
    if (code)
        sink_die(rd_kafka_err2str(code));
    (void)rd_kafka_poll(rk, 0);
}

static void count_delivered(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    (void)rk;
    *(size_t *)opaque += message->err == RD_KAFKA_RESP_ERR_NO_ERROR;
}

static double run_bare(const char *brokers, const char *topic, size_t rows)
{
    char text[256] = "";
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (rd_kafka_conf_set(conf, "bootstrap.servers", brokers, text, sizeof(text)))
        sink_die(text);
    size_t delivered = 0;
    rd_kafka_conf_set_opaque(conf, &delivered);
    rd_kafka_conf_set_dr_msg_cb(conf, count_delivered);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    if (!rk)
        sink_die(text);
    rd_kafka_topic_t *handle = rd_kafka_topic_new(rk, topic, NULL);
    struct sink_timer timer = sink_timer_start();
    for (size_t done = 0; done < rows; done += BATCH) {
        sink_make_keys(done, BATCH);
        for (size_t i = 0; i < BATCH; i++)
            produce_bare(rk, handle, i);
    }
    if (rd_kafka_flush(rk, WAIT_MS) || delivered != rows)
        sink_die("not everything was delivered");
    double rate = sink_timer_print(timer, "kafka_bare", rows);
    rd_kafka_topic_destroy(handle);
    rd_kafka_destroy(rk);
    return rate;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        sink_die("usage: bench_kafka_sink BROKERS STATE_FILE [ROWS]");
    size_t rows = argc > 3 ? strtoul(argv[3], NULL, 10) / BATCH * BATCH : 160000;
    char topic[64];
    (void)snprintf(topic, sizeof(topic), "bench-%lld", (long long)bkt_time_wall_ms());
    sink_make_contents();
    struct bkt_table_target target = open_target(argv[1], topic, argv[2]);
    double sink = run_sink(target, rows);
    double bare = run_bare(argv[1], topic, rows);
    (void)printf("kafka_sink_over_bare %.2f\n", sink / bare);
    target.ops->free(target.self);
    return 0;
}
