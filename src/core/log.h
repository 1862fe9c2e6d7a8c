/*
 * Lines for people, as bucketable/log.h promises them: whoever does something worth one is given a
 * `struct bkt_log`, borrowed, that says who is told.
 *
 * A line is one line: keys go through bkt_escape(), and error messages are such a line already.
 */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include "core/str.h"

#include <bucketable/log.h>

/* All-zero: nobody is told. */
struct bkt_log {
    bkt_log_fn *fn;
    void *ctx;
    enum bkt_log_level level;
};

/* Would a line be heard?  For those that cost something to make.  `log` may be NULL. */
static inline bool bkt_log_wants(const struct bkt_log *log, enum bkt_log_level level)
{
    return log && log->fn && level <= log->level;
}

void bkt_log(const struct bkt_log *log, enum bkt_log_level level, const char *fmt, ...)
    BKT_PRINTF(3, 4);

/* `message`, with "key: " in front where there is one. */
void bkt_log_of_key(const struct bkt_log *log,
                    enum bkt_log_level level,
                    struct bkt_str key,
                    const char *message);

#endif
