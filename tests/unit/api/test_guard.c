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

struct rig {
    int socket;
    struct bkt_config *config;
    struct bkt_source *source;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool is_waiting; /* the first thread does, for the network */
    bool is_to_end;  /* and may stop */
    int rc;          /* how it ended */
};

static void open_rig(struct rig *rig)
{
    *rig = (struct rig){.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    rig->socket = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(rig->socket, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(rig->socket, 8), 0);
    assert_int_equal(getsockname(rig->socket, (struct sockaddr *)&address, &len), 0);
    char url[64];
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u", (unsigned)ntohs(address.sin_port));
    assert_int_equal(bkt_config_new(&rig->config, NULL), BKT_OK);
    assert_int_equal(bkt_config_source(rig->config, "s3://docs", NULL), BKT_OK);
    assert_int_equal(bkt_config_set(rig->config, "endpoint_url", url, NULL), BKT_OK);
    assert_int_equal(bkt_config_set(rig->config, "no_sign_request", NULL, NULL), BKT_OK);
    assert_int_equal(bkt_source_new(rig->config, &rig->source, NULL), BKT_OK);
}

static void close_rig(struct rig *rig)
{
    bkt_source_free(rig->source);
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
    close_rig(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_second_thread_is_told_so)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
