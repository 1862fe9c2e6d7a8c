/* sim: run simulated worlds, each from a seed, until one breaks a rule. */
#include "sim.h"

#include "core/mem.h"
#include "core/time.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct options {
    uint64_t seed;
    uint64_t count;
    uint64_t seconds;
    bool is_traced;
    bool is_quiet;
};

static const char usage[] =
    "usage: sim [--seed N] [--count N] [--seconds N] [--trace] [--quiet]\n"
    "Runs worlds from seed N (1) on: so many (1000), or for so long.\n"
    "Exit status: 0 when every world kept the rules, 1 when one did not, 2 for a wrong option.\n";

static struct sim_world world;

/* An assertion or a sanitizer ends the program: say which seed it was. */
static void on_abort(int number)
{
    char text[128];
    int len = snprintf(text, sizeof(text), "replay: sim --seed %llu --count 1 --trace\n",
                       (unsigned long long)world.seed);
    (void)!write(STDERR_FILENO, text, (size_t)len);
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

static bool parse_number(const char *text, uint64_t *out)
{
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return errno == 0 && *text >= '0' && *text <= '9' && *end == '\0';
}

static bool parse_options(int argc, char **argv, struct options *options)
{
    for (int i = 1; i < argc; i++) {
        struct {
            const char *name;
            uint64_t *value;
        } numbers[] = {{"--seed", &options->seed},
                       {"--count", &options->count},
                       {"--seconds", &options->seconds}};
        bool is_known = false;
        for (size_t n = 0; n < BKT_SIM_COUNT(numbers) && !is_known; n++) {
            if (strcmp(argv[i], numbers[n].name) != 0)
                continue;
            if (i + 1 == argc || !parse_number(argv[++i], numbers[n].value))
                return false;
            is_known = true;
        }
        options->is_traced = options->is_traced || strcmp(argv[i], "--trace") == 0;
        options->is_quiet = options->is_quiet || strcmp(argv[i], "--quiet") == 0;
        if (!is_known && strcmp(argv[i], "--trace") != 0 && strcmp(argv[i], "--quiet") != 0)
            return false;
    }
    return true;
}

static void tell(const struct sim_stats *stats, int64_t elapsed_ms)
{
    double seconds = (double)(elapsed_ms > 0 ? elapsed_ms : 1) / 1000;
    (void)printf("%llu worlds, %.0f a second; %llu turns, %llu commits, %llu refused by the read "
                 "clock, %llu messages settled, %llu listings, %llu sweeps, %llu guarded, "
                 "%llu crashes\n",
                 (unsigned long long)stats->worlds, (double)stats->worlds / seconds,
                 (unsigned long long)stats->turns, (unsigned long long)stats->commits,
                 (unsigned long long)stats->refused, (unsigned long long)stats->settled,
                 (unsigned long long)stats->listings, (unsigned long long)stats->sweeps,
                 (unsigned long long)stats->guards, (unsigned long long)stats->crashes);
}

int main(int argc, char **argv)
{
    struct options options = {.seed = 1, .count = 0};
    if (!parse_options(argc, argv, &options)) {
        (void)fputs(usage, stderr);
        return 2;
    }
    if (options.count == 0 && options.seconds == 0)
        options.count = 1000;
    (void)signal(SIGABRT, on_abort);
    (void)signal(SIGSEGV, on_abort);

    struct sim_stats stats = {0};
    int64_t began_ms = bkt_time_monotonic_ms();
    bool is_good = true;
    for (uint64_t i = 0; is_good && (options.count == 0 || i < options.count); i++) {
        if (options.seconds > 0 && i % 16 == 0 &&
            bkt_time_monotonic_ms() - began_ms >= (int64_t)options.seconds * 1000)
            break;
        is_good = sim_run(&world, options.seed + i, options.is_traced, &stats);
    }
    sim_specs_free();
    if (is_good && bkt_mem_live() != 0) {
        (void)printf("%zu blocks of memory were left behind\n", bkt_mem_live());
        is_good = false;
    }
    if (!is_good)
        (void)printf("seed %llu: %s\nreplay: %s --seed %llu --count 1 --trace\n",
                     (unsigned long long)world.seed, world.failure, argv[0],
                     (unsigned long long)world.seed);
    if (!options.is_quiet)
        tell(&stats, bkt_time_monotonic_ms() - began_ms);
    return is_good ? 0 : 1;
}
