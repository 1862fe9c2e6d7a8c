/*
 * What a topic holds, read from its beginning to its end: the rows for a state that was lost.
 *
 * A row is told as known where that is beyond doubt, whoever wrote it: its ETag is the MD5 of its
 * value, as S3 gives it to an object that was put in one piece and not encrypted with a key of KMS.
 * An object that has this ETag has these bytes.  All others are told as to be read again.
 */
#ifndef TARGETS_KAFKA_RECOVER_H
#define TARGETS_KAFKA_RECOVER_H

#include "targets/kafka_client.h"
#include "targets/sqlite_outside.h"

#define BKT_KAFKA_REFERENCE_HEADER "bucketable-reference"

struct bkt_kafka_recovery {
    unsigned columns; /* of enum bkt_column, that rows have to have as headers */
    bool binary;
    bkt_outside_found_fn *fn;
    void *ctx;
};

/*
 * Read all that is committed now.  `producer` is the cluster's.  BKT_EFOREIGN: a message whose key
 * no object can have, so that this is no table.
 */
BKT_MUST_CHECK int bkt_kafka_recovery_run(const struct bkt_kafka_recovery *recovery,
                                          struct bkt_kafka_client *producer,
                                          struct bkt_error *err);

#endif
