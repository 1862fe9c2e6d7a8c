/*
 * torture: run one command of the program many times, each time with another call that fails.
 *
 *     torture OUT ERR COMMAND [ARGUMENT...]
 *
 * The command line is the program's; "rows" and "changes" besides are its library's walks, which
 * print a key a line. A line on standard input,
 *
 *     KIND COUNT once|always
 *
 * is one run: a child of this process, whose output goes to the files OUT and ERR, runs the command
 * while, after COUNT calls of KIND, one or all that follow fail. Kinds are "none", "memory",
 * "libraries", "system" (faults.h) and "read", "write", "full", "sync", "truncate", "power"
 * (sqlite_faults.h). Answers are "pid P" when it runs, and "done STATUS HITS SEEN", STATUS as the
 * shell has it: 128 and more for a signal. HITS is 0 when it never came to the fault, SEEN how many
 * calls of that kind there were.
 */
#include "cli/cli.h"
#include "targets/sqlite_faults.h"
#include "torture/faults.h"
#include "torture/walks.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct run {
    const char *kind;
    long count;
    bool for_good;
};

/* Written by the child; -1: it did not get so far. */
struct told {
    long hits;
    long seen;
};

static const struct {
    const char *name;
    enum fault_kind kind;
} kinds[] = {{"none", FAULT_NONE},
             {"memory", FAULT_MEMORY},
             {"libraries", FAULT_LIBRARIES},
             {"system", FAULT_SYSTEM}};

static const struct {
    const char *name;
    enum sqlite_fault kind;
} disk_kinds[] = {{"read", SQLITE_FAULT_READ},         {"write", SQLITE_FAULT_WRITE},
                  {"full", SQLITE_FAULT_FULL},         {"sync", SQLITE_FAULT_SYNC},
                  {"truncate", SQLITE_FAULT_TRUNCATE}, {"power", SQLITE_FAULT_POWER}};

static bool arm(const struct run *run)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(run->kind, kinds[i].name) == 0) {
            faults_arm(kinds[i].kind, run->count, run->for_good);
            return true;
        }
    }
    for (size_t i = 0; i < sizeof(disk_kinds) / sizeof(disk_kinds[0]); i++) {
        if (strcmp(run->kind, disk_kinds[i].name) == 0) {
            sqlite_faults_install();
            sqlite_faults_arm(disk_kinds[i].kind, run->count);
            return true;
        }
    }
    return false;
}

static int run_command(int argc, char **argv)
{
    for (const struct walk *walk = walks; walk->name; walk++) {
        if (strcmp(argv[1], walk->name) == 0)
            return walk_run(walk, argc, argv);
    }
    return cli_run(argc, argv);
}

static void redirect(const char *path, int to)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || dup2(fd, to) < 0)
        _exit(126);
}

/* exit() is where leaks are looked for. */
static void be_child(const struct run *run, int argc, char **argv, struct told *told)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    redirect(argv[1], STDOUT_FILENO);
    redirect(argv[2], STDERR_FILENO);
    if (getenv("TORTURE_TELL"))
        faults_tell();
    if (!arm(run))
        _exit(126);
    int status = run_command(argc - 2, argv + 2);
    long seen;
    long hits = faults_disarm(&seen);
    told->hits = sqlite_faults_disarm() ? 1 : hits;
    told->seen = seen;
    exit(status);
}

static bool read_run(struct run *out)
{
    static char line[128];
    static char kind[32];
    char mode[32];
    if (!fgets(line, sizeof(line), stdin) ||
        sscanf(line, "%31s %ld %31s", kind, &out->count, mode) != 3)
        return false;
    out->kind = kind;
    out->for_good = strcmp(mode, "always") == 0;
    return true;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        (void)fprintf(stderr, "usage: torture OUT ERR COMMAND [ARGUMENT...]\n");
        return 2;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    faults_install();
    struct told *told =
        mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (told == MAP_FAILED)
        return 2;

    struct run run;
    while (read_run(&run)) {
        *told = (struct told){.hits = -1, .seen = -1};
        pid_t pid = fork();
        if (pid == 0)
            be_child(&run, argc, argv, told);
        (void)printf("pid %ld\n", (long)pid);
        (void)fflush(stdout);
        int status = 0;
        if (pid < 0 || waitpid(pid, &status, 0) != pid)
            return 2;
        (void)printf("done %d %ld %ld\n",
                     WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), told->hits,
                     told->seen);
        (void)fflush(stdout);
    }
    return 0;
}
