/*
 * Credentials for many threads: one source behind them, asked ahead of time on a thread of the
 * cache's own, which begins when there is something to renew: keys that never end need none.
 *
 * Keys that end are renewed when 15 minutes are left, or a quarter of their life if that is less.
 * Nobody waits for that: the old ones are given out until they really end, and a failure before
 * then is only tried again a minute later.  One fetch runs at a time, whoever asks.
 *
 * Threads: all functions but new and free, from any.
 */
#ifndef AWS_CREDS_CACHE_H
#define AWS_CREDS_CACHE_H

#include "aws/creds.h"

struct bkt_creds_cache;

struct bkt_creds_cache_options {
    int64_t (*now_ms)(void *ctx); /* wall time, called from several threads; NULL: the system's */
    void *now_ctx;
    int32_t pause_ms; /* after a fetch, before one that nobody waits for; 0: a minute; -1: none */
};

/* The cache owns `provider` from then on; on failure the caller still does.  Nothing is asked yet.
 */
BKT_MUST_CHECK int bkt_creds_cache_new(const struct bkt_creds_provider *provider,
                                       const struct bkt_creds_cache_options *options,
                                       struct bkt_creds_cache **out_cache,
                                       struct bkt_error *err);

/* NULL is fine.  Waits for a fetch under way, which time-outs bound. */
void bkt_creds_cache_free(struct bkt_creds_cache *cache);

enum bkt_creds_wait { BKT_CREDS_DO_NOT_WAIT, BKT_CREDS_WAIT };

/*
 * Bring `creds` up to date.  `*generation`, 0 at first, says which ones they are: while there are
 * no newer, nothing is copied.  Waits, or fetches itself, only where there are none yet or they
 * have ended; told not to, it begins a fetch and fails with BKT_EBUSY, retriable, until that is
 * over.  Other failures are the provider's.
 */
BKT_MUST_CHECK int bkt_creds_cache_get(struct bkt_creds_cache *cache,
                                       enum bkt_creds_wait wait,
                                       uint64_t *generation,
                                       struct bkt_creds *creds,
                                       struct bkt_error *err);

/*
 * The same after a service has refused those of `*generation` as expired: fetches anew unless that
 * has been done.  BKT_ECREDS when the source gives the same ones again.
 */
BKT_MUST_CHECK int bkt_creds_cache_renew(struct bkt_creds_cache *cache,
                                         enum bkt_creds_wait wait,
                                         uint64_t *generation,
                                         struct bkt_creds *creds,
                                         struct bkt_error *err);

enum bkt_creds_due {
    BKT_CREDS_FRESH,
    BKT_CREDS_AGING, /* renew, but use */
    BKT_CREDS_ENDED,
};

/* The rule above, of credentials fetched at one time, at another. */
enum bkt_creds_due bkt_creds_due(const struct bkt_creds *creds, int64_t fetched_ms, int64_t now_ms);

#endif
