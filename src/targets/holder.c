#include "targets/holder.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum { HOST_BYTES = 64 };

static void host_name(char out[HOST_BYTES])
{
    if (gethostname(out, HOST_BYTES) != 0)
        (void)snprintf(out, HOST_BYTES, "unknown");
    out[HOST_BYTES - 1] = '\0';
}

void bkt_holder_name(char out_holder[BKT_HOLDER_BYTES])
{
    char host[HOST_BYTES];
    uint32_t random = 0;
    host_name(host);
    (void)!getrandom(&random, sizeof(random), 0);
    (void)snprintf(out_holder, BKT_HOLDER_BYTES, "%s:%ld:%08x", host, (long)getpid(), random);
}

bool bkt_holder_is_dead(const char *holder)
{
    char host[HOST_BYTES];
    const char *colon = strchr(holder, ':');
    host_name(host);
    if (!colon || strlen(host) != (size_t)(colon - holder) ||
        memcmp(host, holder, strlen(host)) != 0)
        return false;
    long pid = strtol(colon + 1, NULL, 10);
    return pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}
