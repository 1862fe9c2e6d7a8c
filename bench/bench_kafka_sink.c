/*
 * Rows a second into a Kafka topic, of 1 KB each.
 *
 * sink:  apply() of the target: notes, a transaction for 8,000 rows, state.
 * bare:  a loop of rd_kafka_produce() with librdkafka's defaults, no transactions, one flush.
 *
 *   bench_kafka_sink BROKERS STATE_FILE [ROWS]
 */
#include "core/mem.h"
#include "core/time.h"
#include "targets/kafka.h"
#include "targets/state_target.h"

#include <bucketable/error.h>

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 8000, CONTENT_BYTES = 1024, KEY_BYTES = 32, WAIT_MS = 60000 };

static char content[CONTENT_BYTES];
static char keys[BATCH][KEY_BYTES];

static void die(const char *what)
{
    (void)fprintf(stderr, "bench_kafka_sink: %s\n", what);
    exit(1);
}

static double print_rate(const char *name, size_t rows, int64_t started_ms)
{
    double rate = (double)rows * 1000 / (double)(bkt_time_monotonic_ms() - started_ms);
    (void)printf("kafka_%s_rows_per_s %.0f\n", name, rate);
    return rate;
}

static void make_keys(size_t first)
{
    for (size_t i = 0; i < BATCH; i++)
        (void)snprintf(keys[i], sizeof(keys[i]), "docs/%012zu.md", first + i);
}

static struct bkt_table_target open_target(const char *brokers,
                                           const char *topic,
                                           const char *state)
{
    struct bkt_error err = {.code = BKT_OK};
    struct bkt_kafka_options options = {bkt_str_from(brokers), bkt_str_from(topic), NULL, 0, false};
    struct bkt_table_spec spec = {.source = BKT_STR("s3://bench"), .spec = BKT_STR("{}")};
    struct bkt_table_target target;
    struct bkt_attached attached;
    void *kafka;
    if (bkt_kafka_new(&options, &kafka, &err) ||
        bkt_state_target_new(bkt_kafka_ops(kafka), kafka, state, &target, &err) ||
        target.ops->attach(target.self, &spec, &attached, &err))
        die(err.message);
    return target;
}

static double run_sink(struct bkt_table_target target, size_t rows)
{
    struct bkt_change *changes = bkt_mem_calloc(BATCH, sizeof(*changes));
    if (!changes)
        die("out of memory");
    int64_t started_ms = 0;
    /* The first batch also makes the producer known. */
    for (size_t done = 0; done < rows + BATCH; done += BATCH) {
        if (done == BATCH)
            started_ms = bkt_time_monotonic_ms();
        struct bkt_error err = {.code = BKT_OK};
        struct bkt_clock clock;
        make_keys(done);
        for (size_t i = 0; i < BATCH; i++) {
            changes[i] = (struct bkt_change){
                .op = BKT_CHANGE_UPSERT,
                .object = {.key = bkt_str_from(keys[i]),
                           .etag = BKT_STR("d41d8cd98f00b204e9800998ecf8427e"),
                           .size = CONTENT_BYTES},
                .content = {content, CONTENT_BYTES},
                .read_at = INT64_MAX,
            };
        }
        if (target.ops->apply(target.self, changes, BATCH, false, &clock, &err))
            die(err.message);
    }
    double rate = print_rate("sink", rows, started_ms);
    bkt_mem_free(changes);
    return rate;
}

static void produce_bare(rd_kafka_t *rk, rd_kafka_topic_t *topic, const char *key)
{
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__QUEUE_FULL;
    while (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        bool is_refused = rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
                                           content, sizeof(content), key, strlen(key), NULL) != 0;
        code = is_refused ? rd_kafka_last_error() : RD_KAFKA_RESP_ERR_NO_ERROR;
        if (is_refused)
            (void)rd_kafka_poll(rk, 100);
    }
    if (code)
        die(rd_kafka_err2str(code));
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
        die(text);
    size_t delivered = 0;
    rd_kafka_conf_set_opaque(conf, &delivered);
    rd_kafka_conf_set_dr_msg_cb(conf, count_delivered);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    if (!rk)
        die(text);
    rd_kafka_topic_t *handle = rd_kafka_topic_new(rk, topic, NULL);
    int64_t started_ms = bkt_time_monotonic_ms();
    for (size_t done = 0; done < rows; done += BATCH) {
        make_keys(done);
        for (size_t i = 0; i < BATCH; i++)
            produce_bare(rk, handle, keys[i]);
    }
    if (rd_kafka_flush(rk, WAIT_MS) || delivered != rows)
        die("not everything was delivered");
    double rate = print_rate("bare", rows, started_ms);
    rd_kafka_topic_destroy(handle);
    rd_kafka_destroy(rk);
    return rate;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        die("usage: bench_kafka_sink BROKERS STATE_FILE [ROWS]");
    size_t rows = argc > 3 ? strtoul(argv[3], NULL, 10) / BATCH * BATCH : 160000;
    char topic[64];
    (void)snprintf(topic, sizeof(topic), "bench-%lld", (long long)bkt_time_wall_ms());
    memset(content, 'x', sizeof(content));
    struct bkt_table_target target = open_target(argv[1], topic, argv[2]);
    double sink = run_sink(target, rows);
    double bare = run_bare(argv[1], topic, rows);
    (void)printf("kafka_sink_over_bare %.2f\n", sink / bare);
    target.ops->free(target.self);
    return 0;
}
