#include "core/log.h"

#include "core/escape.h"

#include <stdarg.h>
#include <stdio.h>

const char *bkt_log_level_name(enum bkt_log_level level)
{
    switch (level) {
    case BKT_LOG_ERROR:
        return "error";
    case BKT_LOG_WARNING:
        return "warning";
    case BKT_LOG_INFO:
        return "info";
    case BKT_LOG_DEBUG:
        return "debug";
    }
    return "unknown";
}

void bkt_log(const struct bkt_log *log, enum bkt_log_level level, const char *fmt, ...)
{
    if (!bkt_log_wants(log, level))
        return;
    char message[2048];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(message, sizeof(message), fmt, args);
    va_end(args);
    log->fn(log->ctx, level, message);
}

void bkt_log_of_key(const struct bkt_log *log,
                    enum bkt_log_level level,
                    struct bkt_str key,
                    const char *message)
{
    if (!bkt_log_wants(log, level))
        return;
    char shown[256];
    bkt_escape(key, shown, sizeof(shown));
    bkt_log(log, level, "%s%s%s", shown, key.len > 0 ? ": " : "", message);
}
