/*
 * Who holds something in a database that several processes share: a name that says where it runs.
 */
#ifndef TARGETS_HOLDER_H
#define TARGETS_HOLDER_H

#include <stdbool.h>

enum { BKT_HOLDER_BYTES = 128 };

/* Who we are, "host:pid:random"; another one for each call. */
void bkt_holder_name(char out_holder[BKT_HOLDER_BYTES]);

/* A process of this host that is no more.  False where that cannot be known. */
bool bkt_holder_is_dead(const char *holder);

#endif
