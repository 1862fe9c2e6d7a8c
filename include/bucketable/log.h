/*
 * bucketable/log.h - what the library does, in lines for people.
 *
 * Silent unless a configuration names a function; the handles that are made of it tell their lines
 * there.  No line decides anything: what failed is returned (bucketable/error.h) and not logged,
 * and what a callback of a handle takes (`warning`, `error`, `failed`) is not logged either.  Where
 * that callback is NULL, the log has it.  Texts may change; no secret, signature, signed URL or
 * content is ever part of one.
 *
 * Threads:  the function is called by whatever thread a handle works on: the caller's, inside the
 *           call that it makes, or one of the library's (the rows' and the changes'), where all
 *           signals are blocked; by several handles at once, and before the call that opens one has
 *           returned.  It must not call the library with the handle that is telling, and must
 *           return: no exception, no longjmp().
 * Memory:   `message` is one line without a line feed, ended by a NUL, valid until it returns.
 */
#ifndef BKT_LOG_H
#define BKT_LOG_H

#include <bucketable/config.h>

BKT_BEGIN_DECLS

/* In the order of their weight; a level has all lines of those above it. */
enum bkt_log_level {
    BKT_LOG_ERROR,   /* something does not work now, and is tried again: bucket, queue, target */
    BKT_LOG_WARNING, /* allowed but surely not meant; an object that cannot be a row */
    BKT_LOG_INFO,    /* a few lines a listing: which credentials, begun, complete, followed */
    BKT_LOG_DEBUG,   /* each request that is tried again, and why; each row that was committed */
};

/* "warning" for BKT_LOG_WARNING; never NULL. */
BKT_API const char *bkt_log_level_name(enum bkt_log_level level);

typedef void bkt_log_fn(void *ctx, enum bkt_log_level level, const char *message);

/*
 * Tell `fn` of all up to `level`; NULL: nobody, as at first.  Before a handle is made of `config`,
 * not while one lives.
 */
BKT_API void bkt_config_set_log(struct bkt_config *config,
                                enum bkt_log_level level,
                                bkt_log_fn *fn,
                                void *ctx);

BKT_END_DECLS

#endif
