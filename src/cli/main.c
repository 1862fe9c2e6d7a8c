#include "cli/cli.h"

#include <signal.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

enum { BLOCK_OF_ITS_OWN_BYTES = 4 << 20, KEPT_FREE_BYTES = 128 << 20 };

/*
 * Objects of a megabyte come and go: giving their memory back to the kernel and taking it anew
 * costs three times as much as receiving them.  Larger ones are given back all the same: what is
 * left between them when they are kept would be half of `memory-limit` again.
 */
static void keep_free_memory(void)
{
#ifdef __GLIBC__
    (void)mallopt(M_MMAP_THRESHOLD, BLOCK_OF_ITS_OWN_BYTES);
    (void)mallopt(M_TRIM_THRESHOLD, KEPT_FREE_BYTES);
#endif
}

int main(int argc, char **argv)
{
    keep_free_memory();
    /* A reader that went away is an error of the write that finds it out. */
    (void)signal(SIGPIPE, SIG_IGN);
    return cli_run(argc, argv);
}
