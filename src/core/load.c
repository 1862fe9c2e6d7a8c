#include "core/load.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

static int fill(const struct bkt_load *load, void *library, char *pointers, struct bkt_error *err)
{
    /* The first is written last: that it is there says that all of them are. */
    for (size_t i = load->count; i-- > 0;) {
        void *function = dlsym(library, load->names[i]);
        if (!function) {
            return bkt_error_set(err, BKT_ECONFIG, "%s for %s has no %s: it is too old", load->file,
                                 load->purpose, load->names[i]);
        }
        memcpy(pointers + i * sizeof(function), &function, sizeof(function));
    }
    return BKT_OK;
}

int bkt_load(const struct bkt_load *load, void *pointers, struct bkt_error *err)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    void *first;
    int rc = BKT_OK;

    (void)pthread_mutex_lock(&lock);
    memcpy(&first, pointers, sizeof(first));
    if (!first) {
        /* Lazily, as where a program is linked with them: the thirty libraries behind libcurl
         * have thousands of calls that nobody makes. */
        void *library = dlopen(load->file, RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);
        if (library) {
            rc = fill(load, library, pointers, err);
        } else {
            rc = bkt_error_set(err, BKT_ECONFIG,
                               "%s is needed for %s, and does not load (%s): install it, as %s on "
                               "Debian",
                               load->file, load->purpose, dlerror(), load->package);
        }
    }
    (void)pthread_mutex_unlock(&lock);
    return rc;
}
