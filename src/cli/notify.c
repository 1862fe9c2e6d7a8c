#include "cli/notify.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    LOOK_MS = 5000,       /* how often STATUS= is renewed, where no watchdog asks for more */
    WATCHDOG_PARTS = 3,   /* a sign of life in each third: one may be late */
    WATCHDOG_MS_MIN = 30, /* of a third */
    STATUS_BYTES = 640,
    DIGITS = 20,         /* of 2^64 - 1 */
    ROUNDING_US = 50000, /* a listing's time is known so well */
};

enum state { STARTING, READY, LISTING, STOPPING };

struct cli_notify {
    cli_notify_ask_fn *ask;
    void *ctx;
    int fd;
    struct sockaddr_un address;
    socklen_t address_len;
    atomic_int state; /* enum state; signal handlers read and write these two */
    atomic_bool is_told;
    _Atomic int64_t asked_us; /* the newest SIGHUP */
    int look_ms;
    bool has_watchdog;
    int64_t answered_ms;       /* of the answer before, by its own time */
    char status[STATUS_BYTES]; /* told last */
    pthread_t thread;
    bool is_looking;
    pthread_mutex_t mutex; /* guards is_ending */
    pthread_cond_t ending;
    bool is_ending;
};

/* Whether it got through.  Waits for nobody: the manager may be slow, and the loop may not be. */
static bool send_text(const struct cli_notify *notify, const char *text, size_t len)
{
    return sendto(notify->fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT,
                  (const struct sockaddr *)&notify->address, notify->address_len) == (ssize_t)len;
}

static int64_t monotonic_us(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/*
 * "RELOADING=1\nMONOTONIC_USEC=...", which Type=notify-reload (systemd 253) asks for and older ones
 * pass over; written without printf, which a signal handler may not call.
 */
static size_t write_reloading(char out[64])
{
    static const char before[] = "RELOADING=1\nMONOTONIC_USEC=";
    char digits[DIGITS];
    size_t count = 0;
    int64_t left = monotonic_us();
    do {
        digits[DIGITS - ++count] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    memcpy(out, before, sizeof(before) - 1);
    memcpy(out + sizeof(before) - 1, digits + DIGITS - count, count);
    return sizeof(before) - 1 + count;
}

static void tell_state(struct cli_notify *notify)
{
    char text[64];
    bool is_told = true;
    switch ((enum state)atomic_load(&notify->state)) {
    case STARTING:
        break;
    case READY:
        is_told = send_text(notify, "READY=1", 7);
        break;
    case LISTING:
        is_told = send_text(notify, text, write_reloading(text));
        break;
    case STOPPING:
        is_told = send_text(notify, "STOPPING=1", 10);
        break;
    }
    atomic_store(&notify->is_told, is_told);
}

static void change_state(struct cli_notify *notify, enum state from, enum state to)
{
    int expected = from;
    if (notify && atomic_compare_exchange_strong(&notify->state, &expected, to))
        tell_state(notify);
}

void cli_notify_ready(struct cli_notify *notify)
{
    change_state(notify, STARTING, READY);
}

void cli_notify_listing(struct cli_notify *notify)
{
    if (notify)
        atomic_store(&notify->asked_us, monotonic_us());
    change_state(notify, READY, LISTING);
}

void cli_notify_listed(struct cli_notify *notify, double seconds)
{
    int64_t began_us = monotonic_us() - (int64_t)(seconds * 1e6);
    if (notify && began_us + ROUNDING_US >= atomic_load(&notify->asked_us))
        change_state(notify, LISTING, READY);
}

void cli_notify_stopping(struct cli_notify *notify)
{
    if (notify && atomic_exchange(&notify->state, STOPPING) != STOPPING)
        tell_state(notify);
}

/* How it is doing. */

static void write_status(const struct bkt_stats *stats, bool has_answered, char *out, size_t size)
{
    const struct bkt_counts *counts = &stats->counts;
    const char *illness = bkt_stats_illness(stats, -1);
    if (stats->now_ms == 0) {
        (void)snprintf(out, size, "starting");
    } else if (!has_answered) {
        (void)snprintf(out, size, "a step is taking long");
    } else if (illness) {
        (void)snprintf(out, size, "trouble: %s", illness);
    } else if (!stats->is_ready && stats->listed_at_ms == 0) {
        (void)snprintf(out, size, "first listing: %llu listed, %llu read",
                       (unsigned long long)counts->listed,
                       (unsigned long long)(counts->added + counts->updated + counts->failed));
    } else {
        (void)snprintf(out, size, "%llu rows, %llu of them failing; %llu changes%s",
                       (unsigned long long)stats->rows, (unsigned long long)stats->failed_now,
                       (unsigned long long)(counts->added + counts->updated + counts->deleted),
                       stats->is_listing ? "; listing" : "");
    }
    for (char *c = out; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = ' ';
    }
}

static void look(struct cli_notify *notify)
{
    char text[16 + STATUS_BYTES] = "STATUS=";
    char *status = text + strlen(text);
    struct bkt_stats stats = {.size = sizeof(stats)};
    bool has_answered = notify->ask(notify->ctx, notify->look_ms, &stats) == BKT_OK;
    write_status(&stats, has_answered, status, STATUS_BYTES);
    if (strcmp(status, notify->status) != 0 && send_text(notify, text, strlen(text)))
        memcpy(notify->status, status, strlen(status) + 1);
    if (!atomic_load(&notify->is_told))
        tell_state(notify);
    /* Where the loop has ended there is no newer answer, and no sign of life either. */
    if (notify->has_watchdog && has_answered && stats.now_ms != notify->answered_ms)
        (void)send_text(notify, "WATCHDOG=1", 10);
    notify->answered_ms = stats.now_ms;
}

static void *keep_looking(void *ctx)
{
    struct cli_notify *notify = ctx;
    struct timespec at;
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    (void)pthread_mutex_lock(&notify->mutex);
    while (!notify->is_ending) {
        (void)pthread_mutex_unlock(&notify->mutex);
        look(notify);
        at.tv_sec += notify->look_ms / 1000;
        at.tv_nsec += (long)(notify->look_ms % 1000) * 1000000;
        at.tv_sec += at.tv_nsec / 1000000000;
        at.tv_nsec %= 1000000000;
        (void)pthread_mutex_lock(&notify->mutex);
        while (!notify->is_ending &&
               pthread_cond_timedwait(&notify->ending, &notify->mutex, &at) != ETIMEDOUT)
            continue;
    }
    (void)pthread_mutex_unlock(&notify->mutex);
    return NULL;
}

/* Birth and death. */

/* A path, or after an @ a name in the abstract namespace, which no NUL ends: unix(7). */
static int read_address(struct cli_notify *notify, const char *text, struct bkt_error *err)
{
    size_t len = strlen(text);
    bool is_abstract = text[0] == '@';
    if ((!is_abstract && text[0] != '/') || len < 2 || len >= sizeof(notify->address.sun_path)) {
        return bkt_error_set(err, BKT_EUNSUPPORTED,
                             "tell the service manager: NOTIFY_SOCKET is \"%.120s\", which is "
                             "neither a path nor @NAME",
                             text);
    }
    notify->address.sun_family = AF_UNIX;
    memcpy(notify->address.sun_path, text, len);
    if (is_abstract)
        notify->address.sun_path[0] = '\0';
    notify->address_len =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (is_abstract ? 0 : 1));
    return BKT_OK;
}

/* The whole of a decimal number; 0 when it is none. */
static uint64_t number_of(const char *text)
{
    char *end;
    if (!text || text[0] < '0' || text[0] > '9')
        return 0;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    return *end || errno ? 0 : number;
}

static void read_watchdog(struct cli_notify *notify, const char *usec, const char *pid)
{
    uint64_t part_ms = number_of(usec) / 1000 / WATCHDOG_PARTS;
    notify->look_ms = LOOK_MS;
    /* A parent's watchdog is none of ours. */
    if (number_of(usec) == 0 || (pid && number_of(pid) != (uint64_t)getpid()))
        return;
    notify->has_watchdog = true;
    if (part_ms < LOOK_MS)
        notify->look_ms = part_ms < WATCHDOG_MS_MIN ? WATCHDOG_MS_MIN : (int)part_ms;
}

static const char *const names[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"};

static int init(struct cli_notify *notify, const char *place, struct bkt_error *err)
{
    int rc = read_address(notify, place, err);
    if (rc)
        return rc;
    read_watchdog(notify, getenv(names[1]), getenv(names[2]));
    notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (notify->fd < 0)
        return bkt_error_set(err, BKT_EIO, "tell the service manager: %s", strerror(errno));
    atomic_init(&notify->state, STARTING);
    atomic_init(&notify->is_told, true);
    atomic_init(&notify->asked_us, 0);
    pthread_condattr_t attributes;
    (void)pthread_mutex_init(&notify->mutex, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&notify->ending, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    return BKT_OK;
}

int cli_notify_new(struct cli_notify **out_notify, struct bkt_error *err)
{
    const char *place = getenv(names[0]);
    bool is_asked = place && place[0];
    struct cli_notify *notify = NULL;
    int rc = BKT_OK;
    if (is_asked) {
        notify = calloc(1, sizeof(*notify));
        rc = notify ? init(notify, place, err)
                    : bkt_error_set(err, BKT_ENOMEM, "tell the service manager: out of memory");
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        (void)unsetenv(names[i]);
    if (rc) {
        free(notify);
        return rc;
    }
    *out_notify = notify;
    return BKT_OK;
}

int cli_notify_start(struct cli_notify *notify,
                     cli_notify_ask_fn *ask,
                     void *ctx,
                     struct bkt_error *err)
{
    if (!notify)
        return BKT_OK;
    notify->ask = ask;
    notify->ctx = ctx;
    /* Signals are for the thread that watches. */
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    notify->is_looking = pthread_create(&notify->thread, NULL, keep_looking, notify) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!notify->is_looking)
        return bkt_error_set(err, BKT_EIO, "tell the service manager: no thread to be had");
    return BKT_OK;
}

void cli_notify_free(struct cli_notify *notify)
{
    if (!notify)
        return;
    (void)pthread_mutex_lock(&notify->mutex);
    notify->is_ending = true;
    (void)pthread_cond_signal(&notify->ending);
    (void)pthread_mutex_unlock(&notify->mutex);
    if (notify->is_looking)
        (void)pthread_join(notify->thread, NULL);
    (void)pthread_cond_destroy(&notify->ending);
    (void)pthread_mutex_destroy(&notify->mutex);
    (void)close(notify->fd);
    free(notify);
}
