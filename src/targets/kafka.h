/*
 * A compacted Kafka topic: key = filename, value = content, null value = row deleted, a header for
 * each metadata column that has a value.  An empty object is a value of no bytes.
 *
 * One writer: batches are transactions of a producer whose transactional id is made of topic and
 * source, so that the one that writes last fences an older one off.
 */
#ifndef TARGETS_KAFKA_H
#define TARGETS_KAFKA_H

#include "core/str.h"

#include <bucketable/target.h>

/* Views are copied. */
struct bkt_kafka_options {
    struct bkt_str brokers; /* "b1:9092,b2:9092" */
    struct bkt_str topic;
    char *const *settings; /* librdkafka's, "name=value"; values may be secrets */
    size_t setting_count;
    /*
     * What is larger than the topic's max.message.bytes becomes a row with the header
     * "bucketable-reference" whose value is {"bucket","key","etag","size"} and, where the object
     * has one, "version_id"; otherwise it is refused.
     */
    bool sends_references;
};

/* BKT_ECONFIG for a setting that librdkafka does not take.  Nothing is reached before attach(). */
BKT_MUST_CHECK int bkt_kafka_new(const struct bkt_kafka_options *options,
                                 void **out_self,
                                 struct bkt_error *err);

/* Valid as long as `self`: the name is the topic's. */
const struct bkt_target_ops *bkt_kafka_ops(const void *self);

/* NULL is fine. */
void bkt_kafka_free(void *self);

#endif
