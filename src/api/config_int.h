/*
 * A configuration from the inside: every property as a value of its type, ready for use.
 *
 * bkt_config_check() is what makes them fit together; whoever reads the settings may rely on it.
 */
#ifndef API_CONFIG_INT_H
#define API_CONFIG_INT_H

#include "api/config_value.h"
#include "aws/endpoint.h"
#include "core/buf.h"
#include "core/log.h"
#include "table/decode.h"

#include <bucketable/config.h>
#include <bucketable/target.h>

/* Owned strings, each ended by a NUL.  All-zero is a valid empty list. */
struct bkt_strings {
    char **items;
    size_t count;
};

/* What becomes of an object that the target cannot hold (Kafka: over max.message.bytes). */
enum bkt_large_objects {
    BKT_LARGE_OBJECTS_FAIL,      /* a failed object, its reason recorded */
    BKT_LARGE_OBJECTS_REFERENCE, /* a row that says where the object is (Kafka alone) */
};

#define BKT_SIZE_NONE UINT64_MAX

/* Strings are NULL when not set, and never empty but for `prefix`. */
struct bkt_settings {
    char *bucket_name; /* or an access point's ARN */
    char *prefix;      /* never NULL */
    char *region;
    char *endpoint_url;
    char *profile;
    char *ca_bundle;
    char *sqs_queue_url;
    char *sqs_region;
    char *sqs_endpoint_url;
    char *redis_url; /* may hold a password */
    char *redis_channel;
    char *url;   /* of the target; may hold a password */
    char *table; /* never NULL */
    char *state;
    struct bkt_strings included_patterns;
    struct bkt_strings excluded_patterns;
    struct bkt_strings kafka_option; /* "name=value" each */
    unsigned columns;                /* of enum bkt_column */
    uint64_t max_file_size;          /* bytes; BKT_SIZE_NONE: no limit */
    uint64_t memory_limit;           /* bytes */
    int64_t refresh_interval;        /* ms; 0: never */
    int64_t retry_time;              /* ms */
    uint32_t list_concurrency;
    uint32_t get_concurrency;
    struct bkt_deletes max_deletes;
    int force_path_style; /* enum bkt_path_style */
    int text_errors;      /* enum bkt_text_errors */
    int large_objects;    /* enum bkt_large_objects */
    bool binary;
    bool no_sign_request;
    bool request_payer;
    bool minio_listen;
    bool keep_foreign_messages;
    bool rebuild_state;
    /* The caller's own target, borrowed, in place of `url`; NULL: none. */
    const struct bkt_target_ops *target_ops;
    void *target_self;
    struct bkt_log log; /* of all handles that are made of it */
};

/* Valid as long as the configuration, and until it changes. */
const struct bkt_settings *bkt_config_settings(const struct bkt_config *config);

/*
 * Append the canonical JSON of what decides rows and their contents (prefix, patterns,
 * max_file_size, binary, text_errors, columns) and of nothing else: where the same text stands
 * beside a table, the same rows are wanted.  Errors are the buffer's.
 */
BKT_MUST_CHECK int bkt_config_fingerprint(const struct bkt_settings *settings, struct bkt_buf *out);

/* What the property table knows and a user need not. */
struct bkt_config_property {
    struct bkt_property public;
    size_t offset; /* in struct bkt_settings */
    uint64_t min;  /* of UINT, SIZE and (in ms) DURATION */
    uint64_t max;
};

const struct bkt_config_property *bkt_config_property_at(size_t i);

/* NULL when there is none; then `err` says so and proposes the nearest name. */
const struct bkt_config_property *bkt_config_property_find(const char *name, struct bkt_error *err);

/* The property of a spec file's section that `name` may be a misspelling of; NULL: none is near. */
const char *bkt_config_nearest_name(const char *name, enum bkt_property_section section);

/* The `i`-th of the comma-separated `values`; empty past the last. */
struct bkt_str bkt_property_value_at(const struct bkt_property *property, size_t i);

/* What is set from here on wins over what was set before: see bucketable/config.h. */
void bkt_config_begin_layer(struct bkt_config *config);

/* Empty a LIST or SET, for this layer and those below. */
BKT_MUST_CHECK int bkt_config_clear_list(struct bkt_config *config,
                                         const char *name,
                                         struct bkt_error *err);

/* A bucket's name or an access point's ARN that we can serve. */
BKT_MUST_CHECK int bkt_config_check_bucket(struct bkt_str bucket, struct bkt_error *err);

#endif
