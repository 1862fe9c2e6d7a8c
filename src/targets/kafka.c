#include "targets/kafka.h"

#include "core/buf.h"
#include "core/json_write.h"
#include "core/mem.h"
#include "targets/kafka_client.h"
#include "targets/kafka_recover.h"
#include "targets/kafka_topic.h"
#include "targets/rdkafka_load.h"

#include <stdio.h>

enum {
    INIT_MS = 30000,
    COMMIT_MS = 60000,
    ABORT_MS = 10000,
    FULL_QUEUE_MS = 100,
    FULL_QUEUE_TRIES = 600,
    NAME_BYTES = 300,
    REFERENCE_BYTES_MAX = 16 << 10,
    /* A record batch's head, and the most that a record and a header add to their bytes. */
    BATCH_OVERHEAD = 61,
    RECORD_OVERHEAD = 40,
    HEADER_OVERHEAD = 10,
    /* A transaction costs a few round trips, whatever it holds. */
    BATCH_ROWS = 8000,
};

struct kafka {
    struct bkt_target_ops ops;
    char name[NAME_BYTES]; /* "kafka:TOPIC", what the state belongs to */
    struct bkt_kafka_cluster cluster;
    char *brokers;
    char *topic;
    char **settings;
    size_t setting_count;
    bool sends_references;
    bool rebuilds_state;

    /* Since attach(). */
    char *bucket;
    int message_bytes_max;

    /* Since the first batch, and until one goes wrong. */
    struct bkt_kafka_client producer;
    rd_kafka_topic_t *produced; /* the topic */
    struct bkt_buf reference;
};

/*
 * Reach the topic with a handle of its own, so that one that only looks at the table fences nobody
 * off, and the producer can be told what the topic takes.
 */
static int attach(void *self, const struct bkt_target_table *table, struct bkt_error *err)
{
    static const char scheme[] = "s3://";
    struct kafka *kafka = self;
    const char *bucket = table->source;
    if (strncmp(bucket, scheme, sizeof(scheme) - 1) == 0)
        bucket += sizeof(scheme) - 1;
    char *copy = bkt_mem_strdup(bucket, strlen(bucket));
    if (!copy)
        return bkt_error_set(err, BKT_ENOMEM, "attach kafka topic %s: out of memory", kafka->topic);
    bkt_mem_free(kafka->bucket);
    kafka->bucket = copy;

    struct bkt_kafka_client client;
    int rc = bkt_kafka_client_open(&client, &kafka->cluster, NULL, INT32_MAX, err);
    if (rc)
        return rc;
    rc = bkt_kafka_topic_prepare(&client, table->is_new && !kafka->rebuilds_state,
                                 &kafka->message_bytes_max, err);
    bkt_kafka_client_close(&client);
    return rc;
}

static int fail_with(struct kafka *kafka,
                     const char *doing,
                     rd_kafka_error_t *error,
                     struct bkt_error *err)
{
    int rc = bkt_kafka_fail(&kafka->producer, doing, rd_kafka_error_code(error),
                            rd_kafka_error_string(error), err);
    if (rc == BKT_ETARGET && err && rd_kafka_error_is_retriable(error))
        err->retriable = true;
    rd_kafka_error_destroy(error);
    return rc;
}

/* The transaction that a killed run left open is ended here, and an older twin is fenced off. */
static int open_producer(struct kafka *kafka, struct bkt_error *err)
{
    char id[NAME_BYTES + 300];
    (void)snprintf(id, sizeof(id), "bucketable/%s/%s", kafka->topic, kafka->bucket);
    int rc =
        bkt_kafka_client_open(&kafka->producer, &kafka->cluster, id, kafka->message_bytes_max, err);
    if (rc)
        return rc;
    kafka->produced = rd_kafka_topic_new(kafka->producer.rk, kafka->topic, NULL);
    if (!kafka->produced)
        return bkt_kafka_fail(&kafka->producer, "begin to write", rd_kafka_last_error(), NULL, err);
    rd_kafka_error_t *error = rd_kafka_init_transactions(kafka->producer.rk, INIT_MS);
    return error ? fail_with(kafka, "begin to write", error, err) : BKT_OK;
}

static void close_producer(struct kafka *kafka)
{
    if (kafka->produced)
        rd_kafka_topic_destroy(kafka->produced);
    kafka->produced = NULL;
    bkt_kafka_client_close(&kafka->producer);
}

int bkt_kafka_recover(void *self,
                      unsigned columns,
                      bool binary,
                      bkt_outside_found_fn *fn,
                      void *ctx,
                      struct bkt_error *err)
{
    struct kafka *kafka = self;
    const struct bkt_kafka_recovery recovery = {
        .columns = columns, .binary = binary, .fn = fn, .ctx = ctx};
    if (!kafka->rebuilds_state)
        return BKT_OK;
    int rc = kafka->producer.rk ? BKT_OK : open_producer(kafka, err);
    if (rc == BKT_OK)
        rc = bkt_kafka_recovery_run(&recovery, &kafka->producer, err);
    /* The next try begins anew: what came in between is not known. */
    if (rc)
        close_producer(kafka);
    return rc;
}

static int begin(void *self, struct bkt_error *err)
{
    struct kafka *kafka = self;
    int rc = kafka->producer.rk ? BKT_OK : open_producer(kafka, err);
    if (rc)
        return rc;
    kafka->producer.trouble[0] = '\0';
    kafka->producer.undelivered[0] = '\0';
    rd_kafka_error_t *error = rd_kafka_begin_transaction(kafka->producer.rk);
    return error ? fail_with(kafka, "write", error, err) : BKT_OK;
}

static size_t record_bytes(const struct bkt_row *row)
{
    size_t bytes = BATCH_OVERHEAD + RECORD_OVERHEAD + row->key_len + row->content_len;
    for (size_t i = 0; i < row->column_count; i++)
        bytes += HEADER_OVERHEAD + strlen(row->columns[i].name) + row->columns[i].len;
    return bytes;
}

static int add_field(struct bkt_buf *json, const char *name, struct bkt_str value)
{
    int rc = bkt_buf_append_char(json, json->len == 0 ? '{' : ',');
    return rc ? rc : bkt_json_append_field(json, name, value);
}

/* {"bucket":...,"key":...,"etag":...,"size":...,"version_id":...} */
static int write_reference(struct kafka *kafka, const struct bkt_row *row)
{
    struct bkt_buf *json = &kafka->reference;
    struct bkt_str version_id = {row->version_id, row->version_id_len};
    bkt_buf_reset(json);
    int rc = add_field(json, "bucket", bkt_str_from(kafka->bucket));
    if (rc == BKT_OK)
        rc = add_field(json, "key", (struct bkt_str){row->key, row->key_len});
    if (rc == BKT_OK)
        rc = add_field(json, "etag", (struct bkt_str){row->etag, row->etag_len});
    if (rc == BKT_OK)
        rc = bkt_buf_append_char(json, ',');
    if (rc == BKT_OK)
        rc = bkt_json_append_uint_field(json, "size", row->size);
    if (rc == BKT_OK && version_id.len > 0)
        rc = add_field(json, "version_id", version_id);
    return rc ? rc : bkt_buf_append_char(json, '}');
}

static int fail_size(const struct kafka *kafka, size_t bytes, struct bkt_error *err)
{
    return bkt_error_set(err, BKT_EUNSUPPORTED,
                         "its message has %zu bytes, more than max.message.bytes of the topic, %d: "
                         "raise that, or run with --large-objects reference",
                         bytes, kafka->message_bytes_max);
}

/* NULL: none. */
static rd_kafka_headers_t *make_headers(const struct bkt_row *row, bool is_reference)
{
    if (row->column_count == 0 && !is_reference)
        return NULL;
    rd_kafka_headers_t *headers = rd_kafka_headers_new(row->column_count + 1);
    for (size_t i = 0; i < row->column_count; i++) {
        const struct bkt_value *column = &row->columns[i];
        if (column->kind != BKT_VALUE_NULL)
            (void)rd_kafka_header_add(headers, column->name, -1, column->text,
                                      (ssize_t)column->len);
    }
    if (is_reference)
        (void)rd_kafka_header_add(headers, BKT_KAFKA_REFERENCE_HEADER, -1, "1", 1);
    return headers;
}

/* librdkafka takes a `void *` that it only reads. */
static char *unconst(const char *bytes)
{
    union {
        const char *in;
        char *out;
    } both = {.in = bytes};
    return both.out;
}

/* Kafka tells no value from a value of no bytes by the pointer. */
static int produce(struct kafka *kafka,
                   const struct bkt_row *row,
                   char *value,
                   size_t len,
                   rd_kafka_headers_t *headers,
                   struct bkt_error *err)
{
    rd_kafka_t *rk = kafka->producer.rk;
    const rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = kafka->produced},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {unconst(row->key), row->key_len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {value, len}},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
    };
    size_t count = sizeof(parts) / sizeof(parts[0]) - (headers ? 0 : 1);
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__QUEUE_FULL;
    for (int i = 0; code == RD_KAFKA_RESP_ERR__QUEUE_FULL && i < FULL_QUEUE_TRIES; i++) {
        rd_kafka_error_t *error = rd_kafka_produceva(rk, parts, count);
        code = error ? rd_kafka_error_code(error) : RD_KAFKA_RESP_ERR_NO_ERROR;
        if (error)
            rd_kafka_error_destroy(error);
        (void)rd_kafka_poll(rk, code == RD_KAFKA_RESP_ERR__QUEUE_FULL ? FULL_QUEUE_MS : 0);
    }
    if (!code)
        return BKT_OK;
    if (headers)
        rd_kafka_headers_destroy(headers);
    if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
        return fail_size(kafka, record_bytes(row), err);
    return bkt_kafka_fail(&kafka->producer, "write", code, NULL, err);
}

static int apply(void *self, const struct bkt_row *row, struct bkt_error *err)
{
    struct kafka *kafka = self;
    size_t bytes = record_bytes(row);
    bool is_reference = false;
    if (row->op == BKT_ROW_DELETE)
        return produce(kafka, row, NULL, 0, make_headers(row, false), err);

    const char *value = row->content;
    size_t len = row->content_len;
    if (bytes > (size_t)kafka->message_bytes_max) {
        is_reference = kafka->sends_references;
        if (!is_reference)
            return fail_size(kafka, bytes, err);
        int rc = write_reference(kafka, row);
        if (rc) {
            return bkt_error_set(err, rc, "write kafka topic %s: %s", kafka->topic,
                                 bkt_error_text(rc));
        }
        value = kafka->reference.ptr;
        len = kafka->reference.len;
    }
    return produce(kafka, row, unconst(value), len, make_headers(row, is_reference), err);
}

/* Waits for the delivery of all messages first. */
static int commit(void *self, struct bkt_error *err)
{
    struct kafka *kafka = self;
    rd_kafka_error_t *error = rd_kafka_commit_transaction(kafka->producer.rk, COMMIT_MS);
    return error ? fail_with(kafka, "commit to", error, err) : BKT_OK;
}

/* Where the transaction cannot be ended, its producer goes; the next one's beginning ends it. */
static void rollback(void *self)
{
    struct kafka *kafka = self;
    if (!kafka->producer.rk)
        return;
    rd_kafka_error_t *error = rd_kafka_abort_transaction(kafka->producer.rk, ABORT_MS);
    if (!error)
        return;
    rd_kafka_error_destroy(error);
    close_producer(kafka);
}

void bkt_kafka_free(void *self)
{
    struct kafka *kafka = self;
    if (!kafka)
        return;
    close_producer(kafka);
    for (size_t i = 0; i < kafka->setting_count; i++) {
        bkt_mem_wipe(kafka->settings[i], strlen(kafka->settings[i]));
        bkt_mem_free(kafka->settings[i]);
    }
    bkt_mem_free(kafka->settings);
    bkt_mem_free(kafka->brokers);
    bkt_mem_free(kafka->topic);
    bkt_mem_free(kafka->bucket);
    bkt_buf_clear(&kafka->reference);
    bkt_mem_free(kafka);
}

static int copy_options(struct kafka *kafka, const struct bkt_kafka_options *options)
{
    kafka->sends_references = options->sends_references;
    kafka->rebuilds_state = options->rebuilds_state;
    kafka->brokers = bkt_mem_strdup(options->brokers.ptr, options->brokers.len);
    kafka->topic = bkt_mem_strdup(options->topic.ptr, options->topic.len);
    if (!kafka->brokers || !kafka->topic)
        return BKT_ENOMEM;
    if (options->setting_count > 0) {
        kafka->settings = bkt_mem_calloc(options->setting_count, sizeof(*kafka->settings));
        if (!kafka->settings)
            return BKT_ENOMEM;
    }
    for (; kafka->setting_count < options->setting_count; kafka->setting_count++) {
        const char *setting = options->settings[kafka->setting_count];
        char *copy = bkt_mem_strdup(setting, strlen(setting));
        if (!copy)
            return BKT_ENOMEM;
        kafka->settings[kafka->setting_count] = copy;
    }
    kafka->cluster = (struct bkt_kafka_cluster){
        .brokers = kafka->brokers,
        .topic = kafka->topic,
        .settings = kafka->settings,
        .setting_count = kafka->setting_count,
    };
    return BKT_OK;
}

int bkt_kafka_new(const struct bkt_kafka_options *options, void **out_self, struct bkt_error *err)
{
    int rc = bkt_rdkafka_load(err);
    if (rc)
        return rc;
    struct kafka *kafka = bkt_mem_calloc(1, sizeof(*kafka));
    rc = kafka ? copy_options(kafka, options) : BKT_ENOMEM;
    if (rc) {
        bkt_kafka_free(kafka);
        return bkt_error_set(err, rc, "open the kafka target: %s", bkt_error_text(rc));
    }
    rc = bkt_kafka_check_settings(&kafka->cluster, err);
    if (rc) {
        bkt_kafka_free(kafka);
        return rc;
    }
    (void)snprintf(kafka->name, sizeof(kafka->name), "kafka:%s", kafka->topic);
    kafka->reference = BKT_BUF_INIT(REFERENCE_BYTES_MAX);
    kafka->ops = (struct bkt_target_ops){
        .size = sizeof(kafka->ops),
        .name = kafka->name,
        .attach = attach,
        .begin = begin,
        .apply = apply,
        .commit = commit,
        .rollback = rollback,
        .free = bkt_kafka_free,
        .batch_rows = BATCH_ROWS,
    };
    *out_self = kafka;
    return BKT_OK;
}

const struct bkt_target_ops *bkt_kafka_ops(const void *self)
{
    const struct kafka *kafka = self;
    return &kafka->ops;
}
