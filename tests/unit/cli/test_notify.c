/* What a service manager hears, on a datagram socket as systemd makes one. */
#include "cli/notify.h"

#include "t.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { WAIT_MS = 20000 };

struct manager {
    int fd;
    char place[64]; /* as NOTIFY_SOCKET has it */
    char heard[1024];
};

/* What the loop answers. */
struct loop {
    pthread_mutex_t mutex;
    struct bkt_stats stats;
    bool is_stuck;
    bool has_ended;
};

static int answer(void *ctx, int timeout_ms, struct bkt_stats *out_stats)
{
    struct loop *loop = ctx;
    assert_true(timeout_ms > 0);
    (void)pthread_mutex_lock(&loop->mutex);
    if (!loop->is_stuck && !loop->has_ended)
        loop->stats.now_ms++;
    *out_stats = loop->stats;
    int rc = loop->is_stuck ? BKT_EBUSY : BKT_OK;
    (void)pthread_mutex_unlock(&loop->mutex);
    return rc;
}

static void manager_open(struct manager *manager, bool is_abstract)
{
    static int count;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(manager->place, sizeof(manager->place), "%sbkt-notify-%d-%d",
                   is_abstract ? "@" : "/tmp/", (int)getpid(), count++);
    size_t len = strlen(manager->place);
    memcpy(address.sun_path, manager->place, len);
    if (is_abstract)
        address.sun_path[0] = '\0';
    manager->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(manager->fd >= 0);
    socklen_t address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    assert_int_equal(bind(manager->fd, (struct sockaddr *)&address, address_len), 0);
}

static void manager_close(struct manager *manager)
{
    (void)close(manager->fd);
    if (manager->place[0] == '/')
        (void)unlink(manager->place);
}

/* The next datagram. */
static const char *hear(struct manager *manager)
{
    struct pollfd fd = {.fd = manager->fd, .events = POLLIN};
    assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
    ssize_t len = recv(manager->fd, manager->heard, sizeof(manager->heard) - 1, 0);
    assert_true(len >= 0);
    manager->heard[len] = '\0';
    return manager->heard;
}

/* The next that begins so; others pass by. */
static const char *hear_of(struct manager *manager, const char *beginning)
{
    for (;;) {
        if (strncmp(hear(manager), beginning, strlen(beginning)) == 0)
            return manager->heard;
    }
}

static bool has_more(const struct manager *manager)
{
    struct pollfd fd = {.fd = manager->fd, .events = POLLIN};
    return poll(&fd, 1, 0) == 1;
}

static struct cli_notify *notify_new(const char *place, const char *usec, const char *pid)
{
    struct cli_notify *notify = NULL;
    struct bkt_error err;
    assert_int_equal(setenv("NOTIFY_SOCKET", place, 1), 0);
    if (usec)
        assert_int_equal(setenv("WATCHDOG_USEC", usec, 1), 0);
    if (pid)
        assert_int_equal(setenv("WATCHDOG_PID", pid, 1), 0);
    assert_int_equal(cli_notify_new(&notify, &err), BKT_OK);
    assert_null(getenv("NOTIFY_SOCKET"));
    assert_null(getenv("WATCHDOG_USEC"));
    assert_null(getenv("WATCHDOG_PID"));
    return notify;
}

static void states_are_told_in_order(void **state)
{
    (void)state;
    for (int is_abstract = 0; is_abstract < 2; is_abstract++) {
        struct manager manager;
        manager_open(&manager, is_abstract);
        struct cli_notify *notify = notify_new(manager.place, NULL, NULL);
        cli_notify_listed(notify, 0); /* the first listing, before it is ready */
        cli_notify_listing(notify);
        assert_false(has_more(&manager));
        cli_notify_ready(notify);
        assert_string_equal(hear(&manager), "READY=1");
        cli_notify_listed(notify, 0); /* as refresh_interval asks */
        assert_false(has_more(&manager));

        struct timespec now;
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        cli_notify_listing(notify);
        unsigned long long usec = 0;
        assert_int_equal(sscanf(hear(&manager), "RELOADING=1\nMONOTONIC_USEC=%llu", &usec), 1);
        assert_true(usec >= (unsigned long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        assert_true(usec <= (unsigned long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
        cli_notify_listed(notify, 10); /* was under way when it was asked for one */
        assert_false(has_more(&manager));
        cli_notify_listed(notify, 0);
        assert_string_equal(hear(&manager), "READY=1");

        cli_notify_stopping(notify);
        assert_string_equal(hear(&manager), "STOPPING=1");
        cli_notify_stopping(notify);
        cli_notify_ready(notify);
        cli_notify_listing(notify);
        cli_notify_free(notify);
        assert_false(has_more(&manager));
        manager_close(&manager);
    }
}

static void status_is_told_when_it_changes(void **state)
{
    (void)state;
    struct manager manager;
    struct loop loop = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    struct bkt_error err;
    manager_open(&manager, true);
    loop.stats.counts.listed = 7;
    loop.stats.counts.added = 3;
    struct cli_notify *notify = notify_new(manager.place, "90000", NULL);
    assert_int_equal(cli_notify_start(notify, answer, &loop, &err), BKT_OK);
    assert_string_equal(hear(&manager), "STATUS=first listing: 7 listed, 3 read");
    for (int i = 0; i < 3; i++)
        assert_string_equal(hear(&manager), "WATCHDOG=1");

    (void)pthread_mutex_lock(&loop.mutex);
    loop.stats.is_ready = true;
    loop.stats.listed_at_ms = 1;
    loop.stats.rows = 5;
    (void)pthread_mutex_unlock(&loop.mutex);
    assert_string_equal(hear_of(&manager, "STATUS="),
                        "STATUS=5 rows, 0 of them failing; 3 changes");

    (void)pthread_mutex_lock(&loop.mutex);
    loop.stats.table.since_ms = 1;
    (void)snprintf(loop.stats.table.text, sizeof(loop.stats.table.text), "list\nREADY=1\x1b");
    (void)pthread_mutex_unlock(&loop.mutex);
    assert_string_equal(hear_of(&manager, "STATUS="), "STATUS=trouble: list READY=1 ");
    cli_notify_free(notify);
    manager_close(&manager);
}

/* No sign of life without an answer, whichever way it fails to come. */
static void only_a_live_loop_feeds_the_watchdog(void **state)
{
    (void)state;
    for (int has_ended = 0; has_ended < 2; has_ended++) {
        struct manager manager;
        struct loop loop = {.mutex = PTHREAD_MUTEX_INITIALIZER};
        struct bkt_error err;
        char pid[16];
        manager_open(&manager, true);
        (void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
        struct cli_notify *notify = notify_new(manager.place, "90000", pid);
        assert_int_equal(cli_notify_start(notify, answer, &loop, &err), BKT_OK);
        (void)hear_of(&manager, "WATCHDOG=1");

        /* Each change of STATUS= is a look, with what came before it. */
        (void)pthread_mutex_lock(&loop.mutex);
        loop.is_stuck = !has_ended;
        loop.has_ended = has_ended;
        loop.stats.counts.listed = 1;
        (void)pthread_mutex_unlock(&loop.mutex);
        (void)hear_of(&manager, "STATUS=");
        for (uint64_t i = 2; i < 5; i++) {
            (void)pthread_mutex_lock(&loop.mutex);
            loop.is_stuck = false;
            loop.stats.counts.listed = i;
            (void)pthread_mutex_unlock(&loop.mutex);
            const char *heard = hear(&manager);
            if (has_ended) {
                assert_string_not_equal(heard, "WATCHDOG=1");
                continue;
            }
            assert_memory_equal(heard, "STATUS=", 7);
            (void)hear_of(&manager, "WATCHDOG=1");
            (void)pthread_mutex_lock(&loop.mutex);
            loop.is_stuck = true;
            (void)pthread_mutex_unlock(&loop.mutex);
            assert_string_equal(hear_of(&manager, "STATUS=a"), "STATUS=a step is taking long");
        }
        cli_notify_free(notify);
        manager_close(&manager);
    }
}

static void a_watchdog_of_others_is_left_alone(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"90000", "1"}, {"90000x", NULL}, {"-1", NULL}, {"", NULL}, {"0", NULL}};
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        struct manager manager;
        struct loop loop = {.mutex = PTHREAD_MUTEX_INITIALIZER};
        struct bkt_error err;
        manager_open(&manager, true);
        struct cli_notify *notify = notify_new(manager.place, cases[i][0], cases[i][1]);
        assert_int_equal(cli_notify_start(notify, answer, &loop, &err), BKT_OK);
        (void)hear_of(&manager, "STATUS=");
        cli_notify_free(notify); /* waits for the look to end */
        assert_false(has_more(&manager));
        manager_close(&manager);
    }
}

/* The manager was away when the state changed: it hears of it later. */
static void what_did_not_get_through_is_told_again(void **state)
{
    (void)state;
    struct manager manager;
    struct loop loop = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    struct bkt_error err;
    manager_open(&manager, false);
    manager_close(&manager);
    struct cli_notify *notify = notify_new(manager.place, NULL, NULL);
    cli_notify_ready(notify);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, manager.place, strlen(manager.place));
    manager.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(manager.fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(cli_notify_start(notify, answer, &loop, &err), BKT_OK);
    (void)hear_of(&manager, "READY=1");
    cli_notify_free(notify);
    manager_close(&manager);
}

static void nobody_asks(void **state)
{
    (void)state;
    struct cli_notify *notify = (struct cli_notify *)&notify;
    struct bkt_error err;
    assert_int_equal(setenv("NOTIFY_SOCKET", "", 1), 0);
    assert_int_equal(setenv("WATCHDOG_USEC", "90000", 1), 0);
    assert_int_equal(cli_notify_new(&notify, &err), BKT_OK);
    assert_null(notify);
    assert_null(getenv("WATCHDOG_USEC"));
    assert_int_equal(cli_notify_start(notify, answer, NULL, &err), BKT_OK);
    cli_notify_ready(notify);
    cli_notify_listing(notify);
    cli_notify_listed(notify, 0);
    cli_notify_stopping(notify);
    cli_notify_free(notify);
}

static void places_that_cannot_be_reached(void **state)
{
    (void)state;
    char overlong[200] = "/";
    memset(overlong + 1, 'x', sizeof(overlong) - 2);
    const char *const places[] = {"vsock:2:9", "relative", "@", "/", overlong};
    for (size_t i = 0; i < T_COUNT(places); i++) {
        struct cli_notify *notify = NULL;
        struct bkt_error err;
        assert_int_equal(setenv("NOTIFY_SOCKET", places[i], 1), 0);
        assert_int_equal(cli_notify_new(&notify, &err), BKT_EUNSUPPORTED);
        assert_non_null(strstr(err.message, "NOTIFY_SOCKET"));
        assert_null(notify);
        assert_null(getenv("NOTIFY_SOCKET"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_are_told_in_order),
        cmocka_unit_test(status_is_told_when_it_changes),
        cmocka_unit_test(only_a_live_loop_feeds_the_watchdog),
        cmocka_unit_test(a_watchdog_of_others_is_left_alone),
        cmocka_unit_test(what_did_not_get_through_is_told_again),
        cmocka_unit_test(nobody_asks),
        cmocka_unit_test(places_that_cannot_be_reached),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
