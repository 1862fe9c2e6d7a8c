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
#include "targets/sqlite_outside.h"

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
    /* A topic with messages is not refused when the state is new: bkt_kafka_recover() tells them.
     */
    bool rebuilds_state;
};

/* BKT_ECONFIG for a setting that librdkafka does not take.  Nothing is reached before attach(). */
BKT_MUST_CHECK int bkt_kafka_new(const struct bkt_kafka_options *options,
                                 void **out_self,
                                 struct bkt_error *err);

/*
 * A bkt_state_recover_fn: tells of the topic's rows, where that is asked for.  Whoever wrote to the
 * topic for this bucket before is fenced off first, and a transaction that it left open is ended.
 */
BKT_MUST_CHECK int bkt_kafka_recover(void *self,
                                     unsigned columns,
                                     bool binary,
                                     bkt_outside_found_fn *fn,
                                     void *ctx,
                                     struct bkt_error *err);

/* Valid as long as `self`: the name is the topic's. */
const struct bkt_target_ops *bkt_kafka_ops(const void *self);

/* NULL is fine. */
void bkt_kafka_free(void *self);

#endif
