#include "aws/creds_json.h"
#include "aws/creds_source.h"
#include "aws/words.h"
#include "core/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum {
    OUTPUT_BYTES_MAX = 64 << 10,
    WORDS_KEPT_BYTES = 400, /* the end of what it says on stderr */
    TIMEOUT_MS = 60000,
    SLICE_MS = 20,
};

struct child {
    pid_t pid;
    int out_fd; /* -1: at its end */
    int err_fd;
    bool exited;
    int status;
    struct bkt_buf output;
    char words[WORDS_KEPT_BYTES];
    size_t words_len;
};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

static int make_pipe(int fds[2])
{
    if (pipe(fds) != 0)
        return -1;
    for (int i = 0; i < 2; i++)
        (void)fcntl(fds[i], F_SETFD, FD_CLOEXEC);
    (void)fcntl(fds[0], F_SETFL, O_NONBLOCK);
    return 0;
}

/* A group of its own, so that a time-out reaches all that it started; our signal masks stay here.
 */
static int spawn(char **argv, int out_fd, int err_fd, pid_t *out_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none;
    sigset_t defaults;
    (void)sigemptyset(&none);
    (void)sigemptyset(&defaults);
    (void)sigaddset(&defaults, SIGPIPE);
    (void)sigaddset(&defaults, SIGINT);
    (void)sigaddset(&defaults, SIGTERM);
    int rc = posix_spawn_file_actions_init(&actions);
    if (rc)
        return rc;
    rc = posix_spawnattr_init(&attr);
    if (rc) {
        (void)posix_spawn_file_actions_destroy(&actions);
        return rc;
    }
    rc = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    rc = rc ? rc : posix_spawn_file_actions_adddup2(&actions, out_fd, 1);
    rc = rc ? rc : posix_spawn_file_actions_adddup2(&actions, err_fd, 2);
    rc = rc ? rc : posix_spawnattr_setpgroup(&attr, 0);
    rc = rc ? rc : posix_spawnattr_setsigmask(&attr, &none);
    rc = rc ? rc : posix_spawnattr_setsigdefault(&attr, &defaults);
    rc = rc ? rc
            : posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                                  POSIX_SPAWN_SETSIGDEF);
    rc = rc ? rc : posix_spawnp(out_pid, argv[0], &actions, &attr, argv, environ);
    (void)posix_spawnattr_destroy(&attr);
    (void)posix_spawn_file_actions_destroy(&actions);
    return rc;
}

static int start(char **argv, struct child *child, struct bkt_error *err)
{
    int out[2] = {-1, -1};
    int words[2] = {-1, -1};
    int rc = make_pipe(out) == 0 && make_pipe(words) == 0 ? 0 : errno;
    if (rc == 0)
        rc = spawn(argv, out[1], words[1], &child->pid);
    close_fd(&out[1]);
    close_fd(&words[1]);
    if (rc != 0) {
        close_fd(&out[0]);
        close_fd(&words[0]);
        return bkt_error_set(err, BKT_ECREDS, "start %s: %s", argv[0], strerror(rc));
    }
    child->out_fd = out[0];
    child->err_fd = words[0];
    return BKT_OK;
}

static void keep_words(struct child *child, const char *bytes, size_t len)
{
    size_t room = sizeof(child->words);
    if (len > room) {
        bytes += len - room;
        len = room;
    }
    size_t kept = child->words_len + len > room ? room - len : child->words_len;
    memmove(child->words, child->words + child->words_len - kept, kept);
    memcpy(child->words + kept, bytes, len);
    child->words_len = kept + len;
}

/* What is there now; the descriptor is closed at its end. */
static int drain(struct child *child, int *fd, bool is_output)
{
    char chunk[4096];
    int rc = BKT_OK;
    while (*fd >= 0 && rc == BKT_OK) {
        ssize_t got = read(*fd, chunk, sizeof(chunk));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            break;
        if (got <= 0) {
            close_fd(fd);
        } else if (is_output) {
            rc = bkt_buf_append(&child->output, (struct bkt_str){chunk, (size_t)got});
        } else {
            keep_words(child, chunk, (size_t)got);
        }
    }
    bkt_mem_wipe(chunk, sizeof(chunk));
    return rc;
}

/*
 * Until the program itself has ended: what it leaves running in the background may hold the pipes
 * open for ever.
 */
static int collect(struct child *child, uint32_t timeout_ms, struct bkt_error *err)
{
    int64_t deadline_ms = bkt_time_monotonic_ms() + timeout_ms;
    while (!child->exited) {
        struct pollfd fds[2] = {{.fd = child->out_fd, .events = POLLIN},
                                {.fd = child->err_fd, .events = POLLIN}};
        (void)poll(fds, 2, SLICE_MS);
        pid_t ended = waitpid(child->pid, &child->status, WNOHANG);
        child->exited = ended == child->pid || (ended < 0 && errno != EINTR);
        if (ended < 0)
            child->status = 0; /* somebody else has waited for it */
        int rc = drain(child, &child->out_fd, true);
        (void)drain(child, &child->err_fd, false);
        if (rc == BKT_ELIMIT)
            return bkt_error_set(err, rc, "it writes more than %d bytes", OUTPUT_BYTES_MAX);
        if (rc)
            return bkt_error_set(err, rc, "%s", bkt_error_text(rc));
        if (!child->exited && bkt_time_monotonic_ms() >= deadline_ms) {
            return bkt_error_set(err, BKT_ECREDS, "it has not ended after %u s",
                                 (timeout_ms + 999) / 1000);
        }
    }
    return BKT_OK;
}

static void finish(struct child *child)
{
    if (!child->exited) {
        (void)kill(-child->pid, SIGKILL);
        while (waitpid(child->pid, &child->status, 0) < 0 && errno == EINTR)
            continue;
    }
    close_fd(&child->out_fd);
    close_fd(&child->err_fd);
    bkt_buf_wipe(&child->output);
}

/* ": the last line and more" or "". */
static void say_words(const struct child *child, char *out, size_t size)
{
    char printable[WORDS_KEPT_BYTES];
    struct bkt_str text = bkt_str_trim((struct bkt_str){child->words, child->words_len});
    bkt_creds_printable(text, printable, sizeof(printable));
    (void)snprintf(out, size, "%s%s", text.len > 0 ? ": " : "", printable);
}

static int judge(const struct child *child, struct bkt_creds *out_creds, struct bkt_error *err)
{
    char words[WORDS_KEPT_BYTES + 2];
    say_words(child, words, sizeof(words));
    if (WIFSIGNALED(child->status)) {
        return bkt_error_set(err, BKT_ECREDS, "it was ended by signal %d%s",
                             WTERMSIG(child->status), words);
    }
    if (WEXITSTATUS(child->status) != 0) {
        return bkt_error_set(err, BKT_ECREDS, "it ended with status %d%s",
                             WEXITSTATUS(child->status), words);
    }
    int rc =
        bkt_creds_json_parse(bkt_buf_str(&child->output), BKT_CREDS_JSON_PROCESS, out_creds, err);
    return rc ? bkt_error_wrap(err, rc, "its output") : BKT_OK;
}

static int run(const struct bkt_creds_ctx *ctx,
               char **argv,
               struct bkt_creds *out_creds,
               struct bkt_error *err)
{
    struct child child = {.out_fd = -1, .err_fd = -1, .output = BKT_BUF_SECRET(OUTPUT_BYTES_MAX)};
    int rc = start(argv, &child, err);
    if (rc)
        return rc;
    rc = collect(&child, ctx->process_timeout_ms ? ctx->process_timeout_ms : TIMEOUT_MS, err);
    if (rc == BKT_OK)
        rc = judge(&child, out_creds, err);
    finish(&child);
    return rc;
}

int bkt_creds_process_fetch(const struct bkt_creds_ctx *ctx,
                            struct bkt_str profile,
                            struct bkt_creds *out_creds,
                            char why[BKT_CREDS_WHY_BYTES],
                            struct bkt_error *err)
{
    struct bkt_str command = bkt_profiles_get(ctx->profiles, profile, "credential_process");
    if (command.len == 0)
        return bkt_creds_none(why, "none set");
    struct bkt_arena arena = {0};
    char **argv;
    int rc = bkt_words_split(command, &arena, &argv, err);
    if (rc == BKT_OK)
        rc = run(ctx, argv, out_creds, err);
    bkt_arena_clear(&arena);
    if (rc)
        return bkt_error_wrap(err, rc, "profile %.*s", BKT_STR_ARG(profile));
    return bkt_creds_found(out_creds, "credential_process of profile %.*s", BKT_STR_ARG(profile));
}
