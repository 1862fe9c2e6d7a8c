/*
 * A topic as an independent consumer sees it: read from its start, what is committed, folded by
 * key.
 */
#ifndef TESTS_TARGETS_TOPIC_FOLD_H
#define TESTS_TARGETS_TOPIC_FOLD_H

#include "core/buf.h"

struct topic_row {
    bool exists;
    struct bkt_buf value;
    struct bkt_buf headers; /* "name=value" each, with a line feed */
};

/* The last message of the key; `row` is to be cleared. */
void topic_read_row(const char *brokers,
                    const char *topic,
                    struct bkt_str key,
                    struct topic_row *row);
void topic_row_clear(struct topic_row *row);

/* Make a topic of one partition, or remove one. */
void topic_create(const char *brokers, const char *topic, const char *name, const char *value);
void topic_remove(const char *brokers, const char *topic);

/* Add a second partition. */
void topic_grow(const char *brokers, const char *topic);

/* Write one message outside of any transaction; a NULL key or value is none. */
void topic_write(const char *brokers, const char *topic, const char *key, const char *value);
void topic_write_to(
    const char *brokers, const char *topic, int32_t partition, const char *key, const char *value);

/* Write one in a transaction of that id, which stays open, or is aborted. */
void topic_write_in(const char *brokers,
                    const char *topic,
                    const char *transactional_id,
                    bool is_aborted,
                    const char *key,
                    const char *value);

#endif
