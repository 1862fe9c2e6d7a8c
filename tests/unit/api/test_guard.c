/*
 * A handle that two threads use, against a server that takes connections and never answers: the
 * first waits, and the second is told so.
 */
#include "t.h"

#include <bucketable/bucketable.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    TIMEOUT_S = 20,
};

struct rig {
    int socket;
    char url[64];
    struct bkt_config *config;
    struct bkt_source *source;
    struct bkt_enqueue *enqueue;
    struct bkt_setup *setup;
    struct bkt_explain *explain;
    struct bkt_check *check;
    struct bkt_plan *plan;
    struct bkt_verify *verify;
    int (*run)(struct rig *rig, struct bkt_error *err); /* what both threads call */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool is_waiting; /* the first thread does, for the network */
    bool is_to_end;  /* and may stop */
    int rc;          /* how it ended */
};

/* A configuration that leads to a server which takes connections and never answers. */
static void open_rig(struct rig *rig)
{
    *rig = (struct rig){.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    rig->socket = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(rig->socket, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(rig->socket, 8), 0);
    assert_int_equal(getsockname(rig->socket, (struct sockaddr *)&address, &len), 0);
    (void)snprintf(rig->url, sizeof(rig->url), "http://127.0.0.1:%u",
                   (unsigned)ntohs(address.sin_port));
    assert_int_equal(bkt_config_new(&rig->config, NULL), BKT_OK);
    assert_int_equal(bkt_config_source(rig->config, "s3://docs", NULL), BKT_OK);
    assert_int_equal(bkt_config_set(rig->config, "endpoint_url", rig->url, NULL), BKT_OK);
}

static void close_rig(struct rig *rig)
{
    bkt_config_free(rig->config);
    (void)close(rig->socket);
}

static bool is_to_end(void *ctx)
{
    struct rig *rig = ctx;
    (void)pthread_mutex_lock(&rig->mutex);
    rig->is_waiting = true;
    bool is = rig->is_to_end;
    (void)pthread_cond_broadcast(&rig->changed);
    (void)pthread_mutex_unlock(&rig->mutex);
    return is;
}

static int never(void *ctx, const struct bkt_listed *listed)
{
    (void)ctx;
    (void)listed;
    return BKT_EIO;
}

static void *walk(void *ctx)
{
    struct rig *rig = ctx;
    rig->rc = bkt_source_walk(rig->source, never, NULL, NULL);
    return NULL;
}

static void a_second_thread_is_told_so(void **state)
{
    (void)state;
    struct rig rig;
    open_rig(&rig);
    assert_int_equal(bkt_config_set(rig.config, "no_sign_request", NULL, NULL), BKT_OK);
    assert_int_equal(bkt_source_new(rig.config, &rig.source, NULL), BKT_OK);
    bkt_source_set_interrupt(rig.source, is_to_end, &rig);
    struct bkt_listing *listing;
    assert_int_equal(bkt_listing_open(rig.source, NULL, &listing, NULL), BKT_OK);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, walk, &rig), 0);
    (void)pthread_mutex_lock(&rig.mutex);
    while (!rig.is_waiting)
        (void)pthread_cond_wait(&rig.changed, &rig.mutex);
    (void)pthread_mutex_unlock(&rig.mutex);

    struct bkt_error err = {0};
    const struct bkt_listed *listed;
    assert_int_equal(bkt_source_walk(rig.source, never, NULL, &err), BKT_EBUSY);
    assert_non_null(strstr(err.message, "bkt_source_walk(): another thread"));
    assert_int_equal(bkt_source_read(rig.source, "k", 1, NULL, NULL, &err), BKT_EBUSY);
    assert_int_equal(bkt_listing_next(listing, &listed, &err), BKT_EBUSY);

    (void)pthread_mutex_lock(&rig.mutex);
    rig.is_to_end = true;
    (void)pthread_mutex_unlock(&rig.mutex);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(rig.rc, BKT_ECANCELED);
    /* Free again, and an interrupt ends the next one, too. */
    assert_int_equal(bkt_listing_next(listing, &listed, &err), BKT_ECANCELED);
    bkt_listing_close(listing);
    bkt_source_free(rig.source);
    close_rig(&rig);
}

/* Handles that call nobody: that the first thread is inside is known from its connection. */

static int enqueue(struct rig *rig, struct bkt_error *err)
{
    struct bkt_enqueue_counts counts;
    return bkt_enqueue_run(rig->enqueue, &counts, err);
}

static int write_nothing(void *ctx, const char *bytes, size_t len)
{
    (void)ctx;
    (void)bytes;
    (void)len;
    return 0;
}

static int set_up(struct rig *rig, struct bkt_error *err)
{
    return bkt_setup_run(rig->setup, write_nothing, NULL, err);
}

static int step(void *ctx, const struct bkt_step *what)
{
    (void)ctx;
    (void)what;
    return 0;
}

static int plan(struct rig *rig, struct bkt_error *err)
{
    struct bkt_plan_counts counts;
    return bkt_plan_run(rig->plan, step, NULL, &counts, err);
}

static int verify(struct rig *rig, struct bkt_error *err)
{
    struct bkt_verify_counts counts;
    return bkt_verify_run(rig->verify, step, NULL, &counts, err);
}

static void told(void *ctx, const struct bkt_finding *finding)
{
    (void)ctx;
    (void)finding;
}

static int check(struct rig *rig, struct bkt_error *err)
{
    struct bkt_check_counts counts;
    return bkt_check_run(rig->check, &counts, err);
}

static int explain(struct rig *rig, struct bkt_error *err)
{
    struct bkt_explanation explanation;
    return bkt_explain_run(rig->explain, "k", 1, &explanation, err);
}

static void *run(void *ctx)
{
    struct rig *rig = ctx;
    rig->rc = rig->run(rig, NULL);
    return NULL;
}

static void open_handles(struct rig *rig)
{
    struct bkt_setup_options options = {.size = sizeof(options), .action = BKT_SETUP_PRINT};
    struct bkt_check_options check_options = {.size = sizeof(check_options), .told = told};
    char queue_url[96];
    (void)snprintf(queue_url, sizeof(queue_url), "%s/123456789012/changes", rig->url);
    assert_int_equal(bkt_config_set(rig->config, "region", "us-east-1", NULL), BKT_OK);
    assert_int_equal(bkt_config_set(rig->config, "sqs_queue_url", queue_url, NULL), BKT_OK);
    assert_int_equal(bkt_enqueue_new(rig->config, NULL, &rig->enqueue, NULL), BKT_OK);
    assert_int_equal(bkt_setup_new(rig->config, &options, &rig->setup, NULL), BKT_OK);
    assert_int_equal(bkt_explain_new(rig->config, &rig->explain, NULL), BKT_OK);
    assert_int_equal(bkt_check_new(rig->config, &check_options, &rig->check, NULL), BKT_OK);
    assert_int_equal(bkt_config_set(rig->config, "url", "none.db", NULL), BKT_OK);
    assert_int_equal(bkt_plan_new(rig->config, &rig->plan, NULL), BKT_OK);
    assert_int_equal(bkt_verify_new(rig->config, NULL, &rig->verify, NULL), BKT_OK);
}

static void close_handles(struct rig *rig)
{
    bkt_enqueue_free(rig->enqueue);
    bkt_setup_free(rig->setup);
    bkt_explain_free(rig->explain);
    bkt_check_free(rig->check);
    bkt_plan_free(rig->plan);
    bkt_verify_free(rig->verify);
}

static void a_second_run_is_told_so(void **state)
{
    (void)state;
    static const struct {
        const char *called;
        int (*run)(struct rig *rig, struct bkt_error *err);
    } cases[] = {{"bkt_enqueue_run()", enqueue}, {"bkt_setup_run()", set_up},
                 {"bkt_explain_run()", explain}, {"bkt_check_run()", check},
                 {"bkt_plan_run()", plan},       {"bkt_verify_run()", verify}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rig rig;
        open_rig(&rig);
        open_handles(&rig);
        rig.run = cases[i].run;
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, run, &rig), 0);
        int connection = accept(rig.socket, NULL, NULL);
        assert_true(connection >= 0);

        struct bkt_error err = {0};
        assert_int_equal(rig.run(&rig, &err), BKT_EBUSY);
        assert_memory_equal(err.message, cases[i].called, strlen(cases[i].called));

        bkt_enqueue_stop(rig.enqueue);
        bkt_setup_stop(rig.setup);
        bkt_explain_stop(rig.explain);
        bkt_check_stop(rig.check);
        bkt_plan_stop(rig.plan);
        bkt_verify_stop(rig.verify);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(rig.rc, BKT_ECANCELED);
        assert_int_equal(rig.run(&rig, &err), BKT_ECANCELED); /* free again */
        (void)close(connection);
        close_handles(&rig);
        close_rig(&rig);
    }
}

int main(void)
{
    /* A handle without a guard would wait for the server for ever. */
    (void)alarm(TIMEOUT_S);
    (void)setenv("AWS_ACCESS_KEY_ID", "TESTACCESSKEY0000001", 1);
    (void)setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    (void)unsetenv("AWS_SESSION_TOKEN");
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_second_thread_is_told_so),
                                       cmocka_unit_test(a_second_run_is_told_so)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
