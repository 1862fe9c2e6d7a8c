#include "cli/cli.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

int cli_write(void *file, const char *bytes, size_t len)
{
    (void)fwrite(bytes, 1, len, file);
    return 0;
}

int cli_flush(const struct cli_globals *globals)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return CLI_DONE;
    if (errno != EPIPE)
        cli_say(globals, "error", "write to stdout: %s", strerror(errno));
    return CLI_FAILED;
}

void cli_say(const struct cli_globals *globals, const char *level, const char *fmt, ...)
{
    char text[1536];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    for (char *c = text; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = ' ';
    }
    if (!globals->log_json) {
        bool is_warning = strcmp(level, "warning") == 0;
        (void)fprintf(stderr, "bucketable: %s%s\n", is_warning ? "warning: " : "", text);
        return;
    }
    struct timespec now;
    struct tm tm;
    char when[32] = "";
    if (clock_gettime(CLOCK_REALTIME, &now) == 0 && gmtime_r(&now.tv_sec, &tm))
        (void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
    (void)fprintf(stderr, "{\"time\":\"%s\",\"level\":\"%s\",", when, level);
    (void)!bkt_text_json("message", text, strlen(text), cli_write, stderr);
    (void)fputs("}\n", stderr);
}

void cli_log(void *ctx, enum bkt_log_level level, const char *message)
{
    const struct cli_globals *globals = ctx;
    if (globals->progress != CLI_PROGRESS_NEVER && isatty(STDERR_FILENO) == 1)
        (void)fputs("\r\033[K", stderr); /* over what a progress line may have left */
    cli_say(globals, bkt_log_level_name(level), "%s", message);
}

int cli_fail(const struct cli_globals *globals, const struct bkt_error *err)
{
    int signal_number = cli_signals_caught();
    if (err->code == BKT_ECANCELED && signal_number)
        return CLI_SIGNALED + signal_number;
    /* As with any program in a pipe whose reader has seen enough. */
    if (err->code == BKT_ECLOSED)
        return CLI_FAILED;
    cli_say(globals, "error", "%s", err->message);
    switch (err->code) {
    case BKT_ECONFIG:
        return CLI_USAGE;
    case BKT_EGUARD:
        return CLI_GUARDED;
    default:
        return CLI_FAILED;
    }
}

/* Progress. */

void cli_progress_begin(struct cli_progress_line *line, const struct cli_globals *globals)
{
    bool is_terminal = isatty(STDERR_FILENO) == 1;
    *line = (struct cli_progress_line){.globals = globals, .on_terminal = is_terminal};
    line->is_shown = !globals->quiet && globals->progress != CLI_PROGRESS_NEVER;
    /* Without a terminal a line now and then will do, and none for what is quick. */
    line->next_at = is_terminal || globals->progress == CLI_PROGRESS_ALWAYS ? 0.2 : 10;
}

static const char *human_bytes(uint64_t bytes, char *out, size_t size)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1000 && unit < 5) {
        value /= 1000;
        unit++;
    }
    (void)snprintf(out, size, unit == 0 || value >= 100 ? "%.0f %s" : "%.1f %s", value,
                   units[unit]);
    return out;
}

static int terminal_width(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 80;
}

void cli_progress_update(struct cli_progress_line *line, const struct bkt_counts *counts)
{
    if (!line->is_shown || counts->seconds < line->next_at)
        return;
    uint64_t done = counts->added + counts->updated + counts->failed;
    char bytes[32];
    char text[256];
    (void)snprintf(text, sizeof(text), "%llu listed, %llu read (%s), %.0f/s%s",
                   (unsigned long long)counts->listed, (unsigned long long)done,
                   human_bytes(counts->bytes, bytes, sizeof(bytes)),
                   counts->seconds > 0 ? (double)done / counts->seconds : 0,
                   counts->retries > 0 ? ", retrying" : "");
    if (line->on_terminal) {
        (void)fprintf(stderr, "\r\033[K%.*s", terminal_width() - 1, text);
        (void)fflush(stderr);
        line->next_at = counts->seconds + 0.1;
    } else {
        cli_say(line->globals, "info", "%s", text);
        line->next_at = counts->seconds + 10;
    }
}

void cli_progress_end(struct cli_progress_line *line)
{
    if (line->is_shown && line->on_terminal)
        (void)fputs("\r\033[K", stderr);
    line->is_shown = false;
}

/* Counts. */

void cli_print_counts(const struct bkt_counts *c)
{
    const struct {
        const char *name;
        uint64_t value;
    } fields[] = {
        {"listed", c->listed},
        {"matched", c->matched},
        {"added", c->added},
        {"updated", c->updated},
        {"deleted", c->deleted},
        {"unchanged", c->unchanged},
        {"failed", c->failed},
        {"bytes", c->bytes},
        {"list_requests", c->list_requests},
        {"get_requests", c->get_requests},
        {"retries", c->retries},
    };
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        (void)printf("\"%s\":%llu,", fields[i].name, (unsigned long long)fields[i].value);
    (void)printf("\"seconds\":%.3f", c->seconds);
}

void cli_say_counts(const struct cli_globals *globals, const struct bkt_counts *c)
{
    cli_say(globals, "info",
            "%llu row%s: %llu added, %llu updated, %llu deleted, %llu unchanged%s in %.1f s",
            (unsigned long long)c->matched, c->matched == 1 ? "" : "s",
            (unsigned long long)c->added, (unsigned long long)c->updated,
            (unsigned long long)c->deleted, (unsigned long long)c->unchanged,
            c->failed > 0 ? ", some failed" : "", c->seconds);
    if (c->failed > 0)
        cli_say(globals, "warning", "%llu objects could not be made rows; the next run tries again",
                (unsigned long long)c->failed);
}

/* Signals. */

static void (*volatile stop_fn)(void *ctx);
static void (*volatile list_fn)(void *ctx);
static void *volatile signal_ctx;
static volatile sig_atomic_t caught;

static void on_signal(int number)
{
    if (caught)
        _exit(CLI_SIGNALED + number);
    caught = number;
    int saved = errno;
    if (stop_fn)
        stop_fn(signal_ctx);
    errno = saved;
}

static void on_hangup(int number)
{
    (void)number;
    int saved = errno;
    if (list_fn)
        list_fn(signal_ctx);
    errno = saved;
}

void cli_signals_catch(void (*stop)(void *ctx), void (*list)(void *ctx), void *ctx)
{
    stop_fn = NULL;
    list_fn = NULL;
    signal_ctx = ctx;
    stop_fn = stop;
    list_fn = list;
    if (!stop)
        return;
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    struct sigaction hangup = {.sa_handler = on_hangup, .sa_flags = SA_RESTART};
    if (list)
        (void)sigaction(SIGHUP, &hangup, NULL);
}

int cli_signals_caught(void)
{
    return caught;
}
