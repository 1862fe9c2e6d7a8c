/*
 * A handle of librdkafka: how it is set up, and what its failures mean.
 *
 * librdkafka logs nothing here, and its threads take no signals.
 */
#ifndef TARGETS_KAFKA_CLIENT_H
#define TARGETS_KAFKA_CLIENT_H

#include <bucketable/error.h>

#include <librdkafka/rdkafka.h>

enum { BKT_KAFKA_TROUBLE_BYTES = 256, BKT_KAFKA_WAIT_MS = 10000 };

/* What every handle is made of.  Borrowed. */
struct bkt_kafka_cluster {
    const char *brokers;
    const char *topic;     /* for messages */
    char *const *settings; /* "name=value", checked */
    size_t setting_count;
};

/* All-zero is closed. */
struct bkt_kafka_client {
    const struct bkt_kafka_cluster *cluster;
    rd_kafka_t *rk;
    bool is_refused; /* a broker takes the credentials for wrong, or is not trusted */
    char trouble[BKT_KAFKA_TROUBLE_BYTES];     /* what a broker's connection last died of */
    char undelivered[BKT_KAFKA_TROUBLE_BYTES]; /* why the first message of a batch was not taken */
};

/* Does librdkafka take the settings?  BKT_ECONFIG names the first that it does not, no value. */
BKT_MUST_CHECK int bkt_kafka_check_settings(const struct bkt_kafka_cluster *cluster,
                                            struct bkt_error *err);

/*
 * Open a producer that sends at most `message_bytes_max` at once; with a transactional id, one
 * whose batches are transactions.  Reaches nothing yet.  The client must not move.
 */
BKT_MUST_CHECK int bkt_kafka_client_open(struct bkt_kafka_client *client,
                                         const struct bkt_kafka_cluster *cluster,
                                         const char *transactional_id,
                                         int message_bytes_max,
                                         struct bkt_error *err);

/*
 * Open a consumer of what was committed, that belongs to no group and says where a partition ends.
 * The client must not move.
 */
BKT_MUST_CHECK int bkt_kafka_client_open_reader(struct bkt_kafka_client *client,
                                                const struct bkt_kafka_cluster *cluster,
                                                struct bkt_error *err);

/* What was not delivered is dropped. */
void bkt_kafka_client_close(struct bkt_kafka_client *client);

/*
 * Put into `err` what came back: `text` may be NULL.  Returns BKT_ETARGET, retriable where brokers
 * could not be reached; BKT_EFOREIGN when another producer has taken the topic over.
 */
int bkt_kafka_fail(struct bkt_kafka_client *client,
                   const char *doing,
                   rd_kafka_resp_err_t code,
                   const char *text,
                   struct bkt_error *err);

#endif
