#include "api/config_int.h"

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)

enum { DAY_MS = 86400000 };

#define PROPERTY(member, option_name, kind_name, section_name, group_name)   \
    .offset = offsetof(struct bkt_settings, member), .public.name = #member, \
    .public.option = (option_name), .public.kind = BKT_PROPERTY_##kind_name, \
    .public.section = BKT_SECTION_##section_name, .public.group = BKT_GROUP_##group_name

/* In the order of the manual.  `values` stand in the order of the enum that they name. */
static const struct bkt_config_property properties[] = {
    {PROPERTY(bucket_name, "bucket-name", STRING, SOURCE, BUCKET), .public.placeholder = "NAME",
     .public.help = "The bucket, or the ARN of an access point; `s3://bucket/prefix` sets it too."},
    {PROPERTY(region, "region", STRING, SOURCE, BUCKET), .public.placeholder = "REGION",
     .public.help = "The bucket's region, over the environment's and the AWS files' value."},
    {PROPERTY(endpoint_url, "endpoint-url", STRING, SOURCE, BUCKET), .public.placeholder = "URL",
     .public.help = "Where S3 answers, for S3-compatible servers: `http://localhost:9000`."},
    {PROPERTY(profile, "profile", STRING, SOURCE, BUCKET), .public.placeholder = "NAME",
     .public.help = "The profile of the AWS files that credentials and settings come from."},
    {PROPERTY(force_path_style, "force-path-style", ENUM, SOURCE, BUCKET),
     .public.placeholder = "WHEN", .public.values = "auto, true, false",
     .public.default_text = "auto",
     .public.help =
         "Whether the bucket's name goes into the path rather than the host; `auto`: for "
         "IP addresses, `localhost`, dotted names and custom endpoints."},
    {PROPERTY(no_sign_request, "no-sign-request", BOOL, SOURCE, BUCKET),
     .public.default_text = "false",
     .public.help = "Send requests without credentials, for public buckets."},
    {PROPERTY(request_payer, "request-payer", BOOL, SOURCE, BUCKET), .public.default_text = "false",
     .public.help = "Agree to pay for the requests, for requester-pays buckets."},
    {PROPERTY(ca_bundle, "ca-bundle", STRING, NONE, BUCKET), .public.placeholder = "FILE",
     .public.help = "Certificates to trust (PEM) in place of the system's."},

    {PROPERTY(prefix, "prefix", STRING, SOURCE, ROWS), .public.placeholder = "PREFIX",
     .public.default_text = "",
     .public.help = "Only keys that begin with it, byte for byte, are rows."},
    {PROPERTY(included_patterns, "include", LIST, SOURCE, ROWS), .public.placeholder = "GLOB",
     .public.help =
         "Only keys that match one of these globs are rows; without any, all are. A glob "
         "is matched against the whole key."},
    {PROPERTY(excluded_patterns, "exclude", LIST, SOURCE, ROWS), .public.placeholder = "GLOB",
     .public.help = "Keys that match one of these globs are no rows, nor is anything under a "
                    "directory that matches."},
    {PROPERTY(max_file_size, "max-file-size", SIZE, SOURCE, ROWS), .public.placeholder = "SIZE",
     .max = INT64_MAX, .public.help = "Larger objects are no rows."},

    {PROPERTY(binary, "binary", BOOL, SOURCE, CONTENT), .public.default_text = "false",
     .public.help = "Content is the object's bytes instead of text."},
    {PROPERTY(text_errors, "text-errors", ENUM, SOURCE, CONTENT), .public.placeholder = "POLICY",
     .public.values = "replace, strict, bytes", .public.default_text = "replace",
     .public.help = "What becomes of an object that cannot be decoded: U+FFFD in place of what is "
                    "ill-formed, no row and a recorded reason, or its bytes as they are."},
    {PROPERTY(columns, "columns", SET, SOURCE, CONTENT), .public.placeholder = "COLUMNS",
     .public.values =
         "etag, size, last_modified, version_id, storage_class, content_type, metadata",
     .public.help = "Metadata columns after `content`."},

    {PROPERTY(sqs_queue_url, "sqs-queue-url", STRING, SOURCE, EVENTS), .public.placeholder = "URL",
     .public.help = "An SQS queue that receives the bucket's change events."},
    {PROPERTY(sqs_region, "sqs-region", STRING, SOURCE, EVENTS), .public.placeholder = "REGION",
     .public.help = "The queue's region, where its URL does not tell."},
    {PROPERTY(sqs_endpoint_url, "sqs-endpoint-url", STRING, SOURCE, EVENTS),
     .public.placeholder = "URL",
     .public.help = "Where SQS answers, in place of the queue URL's host."},
    {PROPERTY(keep_foreign_messages, "keep-foreign-messages", BOOL, NONE, EVENTS),
     .public.default_text = "false",
     .public.help = "Leave messages of other buckets on the queue instead of removing them."},
    {PROPERTY(redis_url, "redis-url", STRING, SOURCE, EVENTS), .public.placeholder = "URL",
     .public.is_secret = true,
     .public.help =
         "A Redis server that receives the bucket's change events; needs redis_channel."},
    {PROPERTY(redis_channel, "redis-channel", STRING, SOURCE, EVENTS), .public.placeholder = "NAME",
     .public.help =
         "The pub/sub channel, and the list or hash of that name, as MinIO writes them."},
    {PROPERTY(minio_listen, "minio-listen", BOOL, SOURCE, EVENTS), .public.default_text = "false",
     .public.help = "Take change events straight from MinIO (ListenBucketNotification)."},
    {PROPERTY(refresh_interval, "refresh-interval", DURATION, SOURCE, EVENTS),
     .public.placeholder = "DURATION", .min = 100, .max = (uint64_t)366 * DAY_MS,
     .public.help = "List the bucket again this often."},

    {PROPERTY(url, "url", STRING, TARGET, TARGET), .public.placeholder = "URL",
     .public.is_secret = true,
     .public.help = "Where the table lives; the argument TARGET sets it too: `docs.db`, "
                    "`sqlite:docs.db`, `postgresql://host/db`, "
                    "`kafka://broker:9092/topic`, `jsonl:-`, `jsonl:FILE`."},
    {PROPERTY(table, "table", STRING, TARGET, TARGET), .public.placeholder = "NAME",
     .public.default_text = "objects", .public.help = "The table's name."},
    {PROPERTY(state, "state", STRING, NONE, TARGET), .public.placeholder = "FILE",
     .public.help = "Where the state lies of a target that is no database. Kafka needs it; for "
                    "`jsonl:FILE` it is `FILE.state`; `jsonl:-` without it writes the whole table "
                    "each run."},
    {PROPERTY(rebuild_state, "rebuild-state", BOOL, NONE, TARGET), .public.default_text = "false",
     .public.help =
         "A state file that is new is made from what the Kafka topic holds, every key of "
         "which is taken for a row of this bucket."},
    {PROPERTY(large_objects, "large-objects", ENUM, NONE, TARGET), .public.placeholder = "POLICY",
     .public.values = "fail, reference", .public.default_text = "fail",
     .public.help = "What becomes of an object that is too large for a message of the Kafka topic: "
                    "a failed object, or a row that holds its bucket, key, ETag and size instead "
                    "of its content."},
    {PROPERTY(kafka_option, "kafka-option", LIST, NONE, TARGET), .public.placeholder = "NAME=VALUE",
     .public.is_secret = true, .public.help = "A setting of librdkafka: `security.protocol=ssl`."},

    {PROPERTY(max_deletes, "max-deletes", DELETES, SOURCE, RUN), .public.placeholder = "LIMIT",
     .public.default_text = "50%",
     .public.help = "A listing that would remove more rows than this removes none and stops. A "
                    "percentage lets tables under 20 rows through; a count does not."},
    {PROPERTY(list_concurrency, "list-concurrency", UINT, SOURCE, RUN), .public.placeholder = "N",
     .public.default_text = "16", .min = 1, .max = 256,
     .public.help = "Key ranges listed at the same time."},
    {PROPERTY(get_concurrency, "get-concurrency", UINT, SOURCE, RUN), .public.placeholder = "N",
     .public.default_text = "64", .min = 1, .max = 1024,
     .public.help = "Objects read at the same time."},
    {PROPERTY(memory_limit, "memory-limit", SIZE, SOURCE, RUN), .public.placeholder = "SIZE",
     .public.default_text = "256MiB", .min = 16 * MIB, .max = KIB * KIB * MIB,
     .public.help = "About how much memory contents under way may take. A larger object is read "
                    "alone."},
    {PROPERTY(retry_time, "retry-time", DURATION, SOURCE, RUN), .public.placeholder = "DURATION",
     .public.default_text = "60s", .max = DAY_MS,
     .public.help = "How long a request that fails for the moment is tried again."},
};

enum { PROPERTY_COUNT = sizeof(properties) / sizeof(properties[0]), NAME_BYTES_MAX = 64 };

const struct bkt_config_property *bkt_config_property_at(size_t i)
{
    return i < PROPERTY_COUNT ? &properties[i] : NULL;
}

const struct bkt_property *bkt_property_at(size_t i)
{
    return i < PROPERTY_COUNT ? &properties[i].public : NULL;
}

const struct bkt_property *bkt_property_find(const char *name)
{
    for (size_t i = 0; i < PROPERTY_COUNT; i++) {
        if (strcmp(properties[i].public.name, name) == 0)
            return &properties[i].public;
    }
    return NULL;
}

const char *bkt_property_group_title(enum bkt_property_group group)
{
    switch (group) {
    case BKT_GROUP_BUCKET:
        return "the bucket and the way to it";
    case BKT_GROUP_ROWS:
        return "which objects are rows";
    case BKT_GROUP_CONTENT:
        return "what a row holds";
    case BKT_GROUP_EVENTS:
        return "how changes become known";
    case BKT_GROUP_TARGET:
        return "where the table lives";
    case BKT_GROUP_RUN:
        return "bounds";
    }
    return "";
}

struct bkt_str bkt_property_value_at(const struct bkt_property *property, size_t i)
{
    const char *at = property->values;
    for (; i > 0; i--) {
        at = strchr(at, ',');
        if (!at)
            return (struct bkt_str){"", 0};
        at += 2; /* ", " */
    }
    return (struct bkt_str){at, strcspn(at, ",")};
}

/* How many letters must change to make one name of the other (Levenshtein). */
static size_t edit_distance(const char *a, const char *b)
{
    size_t row[NAME_BYTES_MAX + 1];
    size_t b_len = strlen(b);
    for (size_t j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t swap = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            size_t step = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            row[j] = swap < step ? swap : step;
        }
    }
    return row[b_len];
}

const char *bkt_config_nearest_name(const char *name, enum bkt_property_section section)
{
    size_t len = strlen(name);
    if (len > NAME_BYTES_MAX)
        return NULL;

    const char *nearest = NULL;
    size_t least = len / 3 + 1;
    for (size_t i = 0; i < PROPERTY_COUNT; i++) {
        const struct bkt_property *property = &properties[i].public;
        if (section != BKT_SECTION_NONE && property->section != section)
            continue;
        size_t distance = edit_distance(name, property->name);
        if (distance <= least && (!nearest || distance < least)) {
            nearest = property->name;
            least = distance;
        }
    }
    return nearest;
}

const struct bkt_config_property *bkt_config_property_find(const char *name, struct bkt_error *err)
{
    for (size_t i = 0; i < PROPERTY_COUNT; i++) {
        if (strcmp(properties[i].public.name, name) == 0)
            return &properties[i];
    }

    char quoted[BKT_QUOTE_BYTES];
    bkt_quote(quoted, bkt_str_from(name));
    const char *nearest = bkt_config_nearest_name(name, BKT_SECTION_NONE);
    if (nearest) {
        (void)bkt_error_set(err, BKT_ECONFIG, "no property %s; is %s meant?", quoted, nearest);
    } else {
        (void)bkt_error_set(err, BKT_ECONFIG, "no property %s", quoted);
    }
    return NULL;
}
