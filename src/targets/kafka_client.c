#include "targets/kafka_client.h"

#include "core/str.h"
#include "targets/rdkafka_load.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { NAME_BYTES_MAX = 128, BATCH_BYTES = 1000000 };

static void note(char out[BKT_KAFKA_TROUBLE_BYTES], const char *text)
{
    (void)snprintf(out, BKT_KAFKA_TROUBLE_BYTES, "%s", text);
}

/* Callbacks run inside our own calls of rd_kafka_poll() and of what ends a transaction. */
static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    (void)rk;
    struct bkt_kafka_client *client = opaque;
    client->is_refused |=
        code == RD_KAFKA_RESP_ERR__AUTHENTICATION || code == RD_KAFKA_RESP_ERR__SSL;
    /* "1/1 brokers are down" says less than why the last of them is. */
    if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || client->trouble[0] == '\0')
        note(client->trouble, reason);
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    (void)rk;
    struct bkt_kafka_client *client = opaque;
    bool is_consequence = message->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
                          message->err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
    if (message->err && !is_consequence && client->undelivered[0] == '\0')
        note(client->undelivered, rd_kafka_err2str(message->err));
}

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk;
    (void)level;
    (void)facility;
    (void)text;
}

/* These are ours; with another value a twin would not be fenced off, or rows be lost. */
static bool is_ours(const char *name)
{
    static const char *const ours[] = {"bootstrap.servers", "metadata.broker.list",
                                       "transactional.id", "enable.idempotence"};
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
        if (strcmp(name, ours[i]) == 0)
            return true;
    }
    return false;
}

static int set_user(rd_kafka_conf_t *conf, const char *setting, struct bkt_error *err)
{
    const char *equals = strchr(setting, '=');
    size_t len = equals ? (size_t)(equals - setting) : 0;
    char name[NAME_BYTES_MAX];
    if (len == 0 || len >= sizeof(name))
        return bkt_error_set(err, BKT_ECONFIG, "kafka_option: NAME=VALUE is wanted");
    memcpy(name, setting, len);
    name[len] = '\0';
    if (is_ours(name)) {
        return bkt_error_set(err, BKT_ECONFIG,
                             "kafka_option: %s is set by the target: leave it out", name);
    }
    /* librdkafka's own message would show the value, which may be a password. */
    switch (rd_kafka_conf_set(conf, name, equals + 1, NULL, 0)) {
    case RD_KAFKA_CONF_OK:
        return BKT_OK;
    case RD_KAFKA_CONF_UNKNOWN:
        return bkt_error_set(err, BKT_ECONFIG, "kafka_option: librdkafka has no setting %s", name);
    case RD_KAFKA_CONF_INVALID:
        break;
    }
    return bkt_error_set(err, BKT_ECONFIG, "kafka_option: %s: librdkafka does not take this value",
                         name);
}

/* Where `ps` does not show them; options say otherwise. */
static int set_passwords(rd_kafka_conf_t *conf, struct bkt_error *err)
{
    static const char *const names[][2] = {{"sasl.password", "KAFKA_SASL_PASSWORD"},
                                           {"ssl.key.password", "KAFKA_SSL_KEY_PASSWORD"}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *password = getenv(names[i][1]);
        if (password && password[0] &&
            rd_kafka_conf_set(conf, names[i][0], password, NULL, 0) != RD_KAFKA_CONF_OK) {
            return bkt_error_set(err, BKT_ECONFIG, "%s: librdkafka does not take this value as %s",
                                 names[i][1], names[i][0]);
        }
    }
    return BKT_OK;
}

static int set_users(rd_kafka_conf_t *conf,
                     const struct bkt_kafka_cluster *cluster,
                     struct bkt_error *err)
{
    int rc = set_passwords(conf, err);
    for (size_t i = 0; i < cluster->setting_count && rc == BKT_OK; i++)
        rc = set_user(conf, cluster->settings[i], err);
    return rc;
}

int bkt_kafka_check_settings(const struct bkt_kafka_cluster *cluster, struct bkt_error *err)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    int rc = set_users(conf, cluster, err);
    rd_kafka_conf_destroy(conf);
    return rc;
}

struct setting {
    const char *name;
    const char *value; /* NULL: left as it is */
};

static int set_all(rd_kafka_conf_t *conf,
                   const struct setting *settings,
                   size_t count,
                   struct bkt_error *err)
{
    for (size_t i = 0; i < count; i++) {
        char text[BKT_KAFKA_TROUBLE_BYTES];
        if (settings[i].value && rd_kafka_conf_set(conf, settings[i].name, settings[i].value, text,
                                                   sizeof(text)) != RD_KAFKA_CONF_OK)
            return bkt_error_set(err, BKT_ECONFIG, "kafka: %s: %s", settings[i].name, text);
    }
    return BKT_OK;
}

static int set_ours(rd_kafka_conf_t *conf,
                    const struct bkt_kafka_cluster *cluster,
                    const char *transactional_id,
                    int message_bytes_max,
                    struct bkt_error *err)
{
    char message_bytes[16];
    char batch_bytes[16];
    /* The range that librdkafka takes. */
    int most = message_bytes_max < 1000         ? 1000
               : message_bytes_max > 1000000000 ? 1000000000
                                                : message_bytes_max;
    (void)snprintf(message_bytes, sizeof(message_bytes), "%d", most);
    (void)snprintf(batch_bytes, sizeof(batch_bytes), "%d", most < BATCH_BYTES ? most : BATCH_BYTES);
    const struct setting ours[] = {
        {"bootstrap.servers", cluster->brokers},
        {"client.id", "bucketable"},
        {"message.max.bytes", message_bytes},
        {"batch.size", batch_bytes},
        {"linger.ms", "5"},
        {"transactional.id", transactional_id},
    };
    return set_all(conf, ours, sizeof(ours) / sizeof(ours[0]), err);
}

/* With the callbacks, and no signals for its threads.  `conf` is used up. */
static int open_handle(struct bkt_kafka_client *client,
                       rd_kafka_type_t type,
                       rd_kafka_conf_t *conf,
                       struct bkt_error *err)
{
    rd_kafka_conf_set_opaque(conf, client);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_log_cb(conf, on_log);
    if (type == RD_KAFKA_PRODUCER)
        rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);

    sigset_t all;
    sigset_t before;
    char text[BKT_KAFKA_TROUBLE_BYTES] = "";
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    client->rk = rd_kafka_new(type, conf, text, sizeof(text));
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (client->rk)
        return BKT_OK;
    rd_kafka_conf_destroy(conf);
    return bkt_error_set(err, BKT_ECONFIG, "kafka: %s", text);
}

int bkt_kafka_client_open(struct bkt_kafka_client *client,
                          const struct bkt_kafka_cluster *cluster,
                          const char *transactional_id,
                          int message_bytes_max,
                          struct bkt_error *err)
{
    *client = (struct bkt_kafka_client){.cluster = cluster};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    /* So that the end of a topic is where its messages end, not where an open transaction begins.
     */
    static const struct setting after[] = {{"isolation.level", "read_uncommitted"}};
    int rc = set_ours(conf, cluster, transactional_id, message_bytes_max, err);
    if (rc == BKT_OK)
        rc = set_users(conf, cluster, err);
    if (rc == BKT_OK)
        rc = set_all(conf, after, 1, err);
    if (rc) {
        rd_kafka_conf_destroy(conf);
        return rc;
    }
    return open_handle(client, RD_KAFKA_PRODUCER, conf, err);
}

int bkt_kafka_client_open_reader(struct bkt_kafka_client *client,
                                 const struct bkt_kafka_cluster *cluster,
                                 struct bkt_error *err)
{
    static const struct setting after[] = {
        {"isolation.level", "read_committed"},
        {"enable.partition.eof", "true"},
        {"enable.auto.commit", "false"},
    };
    *client = (struct bkt_kafka_client){.cluster = cluster};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const struct setting before[] = {{"bootstrap.servers", cluster->brokers},
                                     {"client.id", "bucketable"}};
    int rc = set_all(conf, before, 2, err);
    if (rc == BKT_OK)
        rc = set_users(conf, cluster, err);
    if (rc == BKT_OK)
        rc = set_all(conf, after, sizeof(after) / sizeof(after[0]), err);
    if (rc) {
        rd_kafka_conf_destroy(conf);
        return rc;
    }
    return open_handle(client, RD_KAFKA_CONSUMER, conf, err);
}

void bkt_kafka_client_close(struct bkt_kafka_client *client)
{
    if (client->rk) {
        if (rd_kafka_type(client->rk) == RD_KAFKA_PRODUCER)
            (void)rd_kafka_purge(client->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        (void)rd_kafka_poll(client->rk, 0);
        rd_kafka_destroy(client->rk);
    }
    *client = (struct bkt_kafka_client){0};
}

static bool is_fenced(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
           code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
}

/* What may pass by itself.  NOT_COORDINATOR and the like are librdkafka's own to repeat. */
static bool is_passing(rd_kafka_resp_err_t code)
{
    switch ((int)code) {
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
    case RD_KAFKA_RESP_ERR__STATE:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS:
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
        return true;
    default:
        return false;
    }
}

/*
 * Releases before 2.6.1 send a nonce in SCRAM that brokers from Kafka 4.0 on refuse, and these say
 * that the password was wrong.
 */
static const char *scram_hint(const char *trouble)
{
    enum { VERSION_WITH_RIGHT_NONCE = 0x02060100 };
    if (rd_kafka_version() >= VERSION_WITH_RIGHT_NONCE || !strstr(trouble, "SCRAM"))
        return "";
    return "; or else it is Kafka 4, which wants librdkafka 2.6.1 or newer for SCRAM";
}

int bkt_kafka_fail(struct bkt_kafka_client *client,
                   const char *doing,
                   rd_kafka_resp_err_t code,
                   const char *text,
                   struct bkt_error *err)
{
    const struct bkt_kafka_cluster *cluster = client->cluster;
    if (client->rk)
        (void)rd_kafka_poll(client->rk, 0); /* brings on_error() what it has not seen yet */
    if (code == RD_KAFKA_RESP_ERR__FATAL && client->rk) {
        char reason[BKT_KAFKA_TROUBLE_BYTES];
        code = rd_kafka_fatal_error(client->rk, reason, sizeof(reason));
    }
    if (is_fenced(code)) {
        return bkt_error_set(err, BKT_EFOREIGN,
                             "%s kafka topic %s at %s: another bucketable with this topic and "
                             "bucket has taken over: end one of the two",
                             doing, cluster->topic, cluster->brokers);
    }
    bool passes = is_passing(code);
    const char *said = text ? text : rd_kafka_err2str(code);
    if (client->undelivered[0] != '\0')
        said = client->undelivered;
    (void)bkt_error_set(err, BKT_ETARGET, "%s kafka topic %s at %s: %s%s%s%s", doing,
                        cluster->topic, cluster->brokers, said, client->trouble[0] ? "; " : "",
                        client->trouble, scram_hint(client->trouble));
    if (err)
        err->retriable = passes;
    return BKT_ETARGET;
}
