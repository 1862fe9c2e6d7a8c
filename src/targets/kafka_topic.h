/* The topic before anything is written: made, or found to be what a table needs. */
#ifndef TARGETS_KAFKA_TOPIC_H
#define TARGETS_KAFKA_TOPIC_H

#include "targets/kafka_client.h"

/*
 * Make the topic, compacted and with the brokers' own defaults, or check that it is compacted; with
 * `must_be_empty` also that it never held a message: BKT_EFOREIGN.  `out_message_bytes_max` is its
 * max.message.bytes.
 */
BKT_MUST_CHECK int bkt_kafka_topic_prepare(struct bkt_kafka_client *client,
                                           bool must_be_empty,
                                           int *out_message_bytes_max,
                                           struct bkt_error *err);

struct bkt_kafka_partition {
    int32_t id;
    int64_t begin, end; /* offsets; the end is past the newest message, committed or not */
};

/* As they are now; the caller gives them to bkt_mem_free().  By a producer's handle. */
BKT_MUST_CHECK int bkt_kafka_topic_partitions(struct bkt_kafka_client *client,
                                              struct bkt_kafka_partition **out_partitions,
                                              size_t *out_count,
                                              struct bkt_error *err);

#endif
