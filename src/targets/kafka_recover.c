#include "targets/kafka_recover.h"

#include "core/checksum.h"
#include "core/mem.h"
#include "core/text.h"
#include "core/time.h"
#include "targets/change.h"
#include "targets/kafka_topic.h"
#include "targets/rdkafka_load.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    POLL_MS = 100,
    /* Another producer's open transaction ends by itself after a minute, unless told otherwise. */
    SILENT_MS = 90000,
    /* Headers of these can be held against the message or the listing; of others they cannot. */
    COLUMNS_PROVEN = BKT_COLUMN_ETAG | BKT_COLUMN_SIZE | BKT_COLUMN_LAST_MODIFIED,
};

struct reading {
    const struct bkt_kafka_recovery *recovery;
    struct bkt_kafka_client client;
    struct bkt_kafka_partition *partitions;
    size_t count;
    size_t started; /* partitions that are being read, the first of them */
    size_t open;    /* that did not come to their end yet */
    rd_kafka_topic_t *topic;
    rd_kafka_queue_t *queue;
};

static bool has_header(const rd_kafka_headers_t *headers, const char *name, struct bkt_str *out)
{
    const void *value = NULL;
    size_t len = 0;
    if (!headers || rd_kafka_header_get_last(headers, name, &value, &len) || !value)
        return false;
    *out = (struct bkt_str){value, len};
    return true;
}

/* The columns that rows are to have are there as headers, and are those of this content. */
static bool has_columns(unsigned columns,
                        const rd_kafka_headers_t *headers,
                        struct bkt_outside_found *found)
{
    struct bkt_str value;
    char size[24];
    if (columns & ~(unsigned)COLUMNS_PROVEN)
        return false;
    if ((columns & BKT_COLUMN_ETAG) &&
        !(has_header(headers, "etag", &value) && bkt_str_eq(value, found->etag)))
        return false;
    (void)snprintf(size, sizeof(size), "%" PRIu64, found->size);
    if ((columns & BKT_COLUMN_SIZE) &&
        !(has_header(headers, "size", &value) && bkt_str_eq(value, bkt_str_from(size))))
        return false;
    return !(columns & BKT_COLUMN_LAST_MODIFIED) ||
           (has_header(headers, "last_modified", &value) &&
            bkt_time_parse_iso(value, &found->last_modified_ms));
}

/* Text may be the object's bytes only if it comes out of them as it is. */
static bool is_plain(bool binary, struct bkt_str content)
{
    size_t bom_len = 0;
    if (binary)
        return true;
    (void)bkt_text_sniff(content, &bom_len);
    return bom_len == 0 && bkt_utf8_valid_len(content) == content.len;
}

static int tell(struct reading *reading,
                const rd_kafka_message_t *message,
                const struct bkt_kafka_partition *partition,
                struct bkt_error *err)
{
    const struct bkt_kafka_recovery *recovery = reading->recovery;
    struct bkt_str content = {message->payload ? message->payload : "", message->len};
    rd_kafka_headers_t *headers = NULL;
    struct bkt_str ignored;
    char etag[BKT_MD5_HEX_BYTES] = "";
    if (!message->key || message->key_len == 0 || message->key_len > BKT_KEY_BYTES_MAX) {
        const struct bkt_kafka_cluster *cluster = reading->client.cluster;
        return bkt_error_set(err, BKT_EFOREIGN,
                             "rebuild the state from kafka topic %s at %s: the message at offset "
                             "%" PRId64 " of partition %" PRId32 " has a key that no object can "
                             "have: this is not the topic of a bucket",
                             cluster->topic, cluster->brokers, message->offset, partition->id);
    }
    struct bkt_outside_found found = {
        .key = {message->key, message->key_len},
        .has_row = message->payload != NULL,
        .part = partition->id,
        .size = content.len,
        .last_modified_ms = BKT_TIME_NONE,
    };
    if (found.has_row) {
        (void)rd_kafka_message_headers(message, &headers);
        found.is_known = !has_header(headers, BKT_KAFKA_REFERENCE_HEADER, &ignored) &&
                         is_plain(recovery->binary, content) && bkt_checksum_md5_hex(content, etag);
        found.etag = bkt_str_from(etag);
        found.is_known = found.is_known && has_columns(recovery->columns, headers, &found);
    }
    return recovery->fn(recovery->ctx, &found, err);
}

static int read_message(struct reading *reading,
                        const rd_kafka_message_t *message,
                        struct bkt_error *err)
{
    size_t i = 0;
    while (i + 1 < reading->count && reading->partitions[i].id != message->partition)
        i++;
    struct bkt_kafka_partition *partition = &reading->partitions[i];
    if (!message->err)
        return tell(reading, message, partition, err);
    if (message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
        return bkt_kafka_fail(&reading->client, "rebuild the state from", message->err, NULL, err);
    /* Short of the end it is where somebody's open transaction begins. */
    if (partition->begin < partition->end && message->offset >= partition->end) {
        partition->begin = partition->end;
        reading->open--;
    }
    return BKT_OK;
}

static int read_all(struct reading *reading, struct bkt_error *err)
{
    int rc = BKT_OK;
    int64_t heard_ms = bkt_time_monotonic_ms();
    while (rc == BKT_OK && reading->open > 0) {
        rd_kafka_message_t *message = rd_kafka_consume_queue(reading->queue, POLL_MS);
        int64_t now_ms = bkt_time_monotonic_ms();
        (void)rd_kafka_poll(reading->client.rk, 0);
        if (message) {
            heard_ms = now_ms;
            rc = read_message(reading, message, err);
            rd_kafka_message_destroy(message);
        } else if (now_ms - heard_ms > SILENT_MS) {
            rc = bkt_kafka_fail(&reading->client, "rebuild the state from",
                                RD_KAFKA_RESP_ERR__TIMED_OUT,
                                "no more messages came, and its end was not reached: a transaction "
                                "of another producer may be open",
                                err);
        }
    }
    return rc;
}

static int start(struct reading *reading, struct bkt_error *err)
{
    rd_kafka_t *rk = reading->client.rk;
    reading->queue = rd_kafka_queue_new(rk);
    reading->topic = rd_kafka_topic_new(rk, reading->client.cluster->topic, NULL);
    int failed = reading->topic ? 0 : -1;
    for (; !failed && reading->started < reading->count; reading->started++) {
        const struct bkt_kafka_partition *partition = &reading->partitions[reading->started];
        reading->open += partition->begin < partition->end;
        failed = rd_kafka_consume_start_queue(reading->topic, partition->id,
                                              RD_KAFKA_OFFSET_BEGINNING, reading->queue);
    }
    if (!failed)
        return BKT_OK;
    return bkt_kafka_fail(&reading->client, "rebuild the state from", rd_kafka_last_error(), NULL,
                          err);
}

static void stop(struct reading *reading)
{
    for (size_t i = 0; i < reading->started; i++)
        (void)rd_kafka_consume_stop(reading->topic, reading->partitions[i].id);
    if (reading->topic)
        rd_kafka_topic_destroy(reading->topic);
    if (reading->queue)
        rd_kafka_queue_destroy(reading->queue);
    bkt_kafka_client_close(&reading->client);
    bkt_mem_free(reading->partitions);
}

int bkt_kafka_recovery_run(const struct bkt_kafka_recovery *recovery,
                           struct bkt_kafka_client *producer,
                           struct bkt_error *err)
{
    struct reading reading = {.recovery = recovery};
    int rc = bkt_kafka_topic_partitions(producer, &reading.partitions, &reading.count, err);
    if (rc == BKT_OK)
        rc = bkt_kafka_client_open_reader(&reading.client, producer->cluster, err);
    if (rc == BKT_OK)
        rc = start(&reading, err);
    if (rc == BKT_OK)
        rc = read_all(&reading, err);
    stop(&reading);
    return rc;
}
