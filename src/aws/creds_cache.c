#include "aws/creds_cache.h"

#include "core/cond.h"
#include "core/mem.h"
#include "core/thread.h"

#include <time.h>

enum {
    WINDOW_MS = 15 * 60 * 1000,
    LIFE_PARTS = 4,
    PAUSE_MS = 60000,
    NEWS_MS = 1000,
};

struct bkt_creds_cache {
    struct bkt_creds_provider provider; /* asked by one thread at a time: see is_fetching */
    struct bkt_creds_cache_options options;
    pthread_mutex_t lock;
    pthread_cond_t work; /* for the thread: there may be something to do */
    pthread_cond_t done; /* for the others: a fetch has ended */

    /* All that follows is under the lock. */
    struct bkt_thread thread;
    bool is_stopping;
    bool is_fetching;
    bool is_wanted;       /* somebody needs a fetch now */
    uint64_t fetch_count; /* that have ended */
    uint64_t generation;  /* of `creds`; 0: none yet */
    struct bkt_creds creds;
    int64_t fetched_ms; /* wall time */
    int64_t ended_ms;   /* of the last fetch, monotonic */
    int rc;             /* of the last fetch */
    bool is_same_again; /* the last fetch brought nothing new */
    struct bkt_error err;
};

enum bkt_creds_due bkt_creds_due(const struct bkt_creds *creds, int64_t fetched_ms, int64_t now_ms)
{
    if (creds->expires_ms == BKT_TIME_NONE)
        return BKT_CREDS_FRESH;
    if (creds->expires_ms <= now_ms)
        return BKT_CREDS_ENDED;
    int64_t window_ms = (creds->expires_ms - fetched_ms) / LIFE_PARTS;
    if (window_ms > WINDOW_MS)
        window_ms = WINDOW_MS;
    return creds->expires_ms - now_ms <= window_ms ? BKT_CREDS_AGING : BKT_CREDS_FRESH;
}

static int64_t wall_ms(const struct bkt_creds_cache *cache)
{
    return cache->options.now_ms ? cache->options.now_ms(cache->options.now_ctx)
                                 : bkt_time_wall_ms();
}

static enum bkt_creds_due due(const struct bkt_creds_cache *cache)
{
    if (cache->generation == 0)
        return BKT_CREDS_ENDED;
    return bkt_creds_due(&cache->creds, cache->fetched_ms, wall_ms(cache));
}

static bool is_same_text(const char *a, const char *b)
{
    return bkt_str_eq(bkt_str_from(a), bkt_str_from(b));
}

static bool is_same(const struct bkt_creds *a, const struct bkt_creds *b)
{
    return is_same_text(a->access_key_id, b->access_key_id) &&
           is_same_text(a->secret_access_key, b->secret_access_key) &&
           is_same_text(a->session_token, b->session_token);
}

/* The same keys again are no new generation, but their end may be another. */
static void store(struct bkt_creds_cache *cache, struct bkt_creds *fresh, int64_t now_ms)
{
    cache->is_same_again = cache->generation > 0 && is_same(&cache->creds, fresh);
    if (!cache->is_same_again) {
        cache->generation++;
        cache->is_wanted = false;
    }
    bkt_creds_clear(&cache->creds);
    cache->creds = *fresh;
    *fresh = (struct bkt_creds){0};
    cache->fetched_ms = now_ms;
}

/* Under the lock, which is left open for the time of the fetch. */
static void fetch(struct bkt_creds_cache *cache)
{
    struct bkt_creds fresh = {0};
    struct bkt_error err = {0};
    cache->is_fetching = true;
    cache->is_wanted = false;
    (void)pthread_mutex_unlock(&cache->lock);
    int rc = cache->provider.fetch(cache->provider.self, &fresh, &err);
    int64_t now_ms = wall_ms(cache);
    (void)pthread_mutex_lock(&cache->lock);
    if (rc == BKT_OK)
        store(cache, &fresh, now_ms);
    bkt_creds_clear(&fresh);
    cache->rc = rc;
    cache->err = err;
    cache->is_fetching = false;
    cache->fetch_count++;
    cache->ended_ms = bkt_time_monotonic_ms();
    (void)pthread_cond_broadcast(&cache->done);
    if (cache->is_wanted)
        (void)pthread_cond_signal(&cache->work); /* it may have looked while another fetched */
}

/* Has a fetch ended within so many milliseconds? */
static bool has_just_ended(const struct bkt_creds_cache *cache, int64_t ms)
{
    return cache->fetch_count > 0 && bkt_time_monotonic_ms() - cache->ended_ms < ms;
}

/* The end of a fetch is told for a while to those that do not wait for it. */
static bool is_news(const struct bkt_creds_cache *cache)
{
    int32_t pause_ms = cache->options.pause_ms;
    return has_just_ended(cache, pause_ms < NEWS_MS ? pause_ms : NEWS_MS);
}

static bool is_fetch_due(const struct bkt_creds_cache *cache)
{
    return cache->is_wanted || (cache->generation > 0 && due(cache) != BKT_CREDS_FRESH &&
                                !has_just_ended(cache, cache->options.pause_ms));
}

/* Look again within a minute in any case: the wall clock may have been set. */
static void sleep_a_while(struct bkt_creds_cache *cache)
{
    struct timespec until = bkt_cond_deadline(PAUSE_MS);
    (void)pthread_cond_timedwait(&cache->work, &cache->lock, &until);
}

static void *work(void *arg)
{
    struct bkt_creds_cache *cache = arg;
    (void)pthread_mutex_lock(&cache->lock);
    while (!cache->is_stopping) {
        if (is_fetch_due(cache) && !cache->is_fetching) {
            fetch(cache);
        } else {
            sleep_a_while(cache);
        }
    }
    (void)pthread_mutex_unlock(&cache->lock);
    return NULL;
}

/* Keys that never end need no thread: it begins with the first fetch that nobody waits for. */
static int wake_thread(struct bkt_creds_cache *cache, struct bkt_error *err)
{
    if (cache->thread.is_running) {
        (void)pthread_cond_signal(&cache->work);
        return BKT_OK;
    }
    return bkt_thread_start(&cache->thread, work, cache, "credentials", err);
}

static void destroy(struct bkt_creds_cache *cache)
{
    bkt_creds_clear(&cache->creds);
    (void)pthread_cond_destroy(&cache->work);
    (void)pthread_cond_destroy(&cache->done);
    (void)pthread_mutex_destroy(&cache->lock);
    bkt_mem_free(cache);
}

int bkt_creds_cache_new(const struct bkt_creds_provider *provider,
                        const struct bkt_creds_cache_options *options,
                        struct bkt_creds_cache **out_cache,
                        struct bkt_error *err)
{
    struct bkt_creds_cache *cache = bkt_mem_calloc(1, sizeof(*cache));
    if (!cache)
        return bkt_error_set(err, BKT_ENOMEM, "keep credentials: %s", bkt_error_text(BKT_ENOMEM));
    cache->provider = *provider;
    if (options)
        cache->options = *options;
    if (cache->options.pause_ms == 0)
        cache->options.pause_ms = PAUSE_MS;
    (void)pthread_mutex_init(&cache->lock, NULL);
    bkt_cond_init(&cache->work);
    (void)pthread_cond_init(&cache->done, NULL);
    *out_cache = cache;
    return BKT_OK;
}

void bkt_creds_cache_free(struct bkt_creds_cache *cache)
{
    if (!cache)
        return;
    (void)pthread_mutex_lock(&cache->lock);
    cache->is_stopping = true;
    (void)pthread_cond_signal(&cache->work);
    (void)pthread_mutex_unlock(&cache->lock);
    bkt_thread_join(&cache->thread);
    if (cache->provider.free)
        cache->provider.free(cache->provider.self);
    destroy(cache);
}

static int hand_out(const struct bkt_creds_cache *cache,
                    uint64_t *generation,
                    struct bkt_creds *creds,
                    struct bkt_error *err)
{
    if (*generation == cache->generation)
        return BKT_OK;
    int rc = bkt_creds_copy(&cache->creds, creds);
    if (rc)
        return bkt_error_set(err, rc, "copy credentials: %s", bkt_error_text(rc));
    *generation = cache->generation;
    return BKT_OK;
}

static int busy(struct bkt_error *err)
{
    int rc = bkt_error_set(err, BKT_EBUSY, "credentials are being fetched");
    if (err)
        err->retriable = true;
    return rc;
}

/* Have another fetch: made here by who waits for it, begun by who does not. */
static int want(struct bkt_creds_cache *cache, enum bkt_creds_wait wait, struct bkt_error *err)
{
    if (wait == BKT_CREDS_WAIT) {
        if (cache->is_fetching) {
            (void)pthread_cond_wait(&cache->done, &cache->lock);
        } else {
            fetch(cache);
        }
        return BKT_OK;
    }
    cache->is_wanted = true;
    int rc = wake_thread(cache, err);
    return rc ? rc : busy(err);
}

static int last_failure(const struct bkt_creds_cache *cache, struct bkt_error *err)
{
    if (cache->rc == BKT_OK) {
        return bkt_error_set(err, BKT_ECREDS,
                             "the credentials have expired, and so have those "
                             "that their source gives now");
    }
    if (err)
        *err = cache->err;
    return cache->rc;
}

/* Under the lock.  A fetch that ends while we wait is an answer, good or bad. */
static int get_locked(struct bkt_creds_cache *cache,
                      enum bkt_creds_wait wait,
                      uint64_t *generation,
                      struct bkt_creds *creds,
                      struct bkt_error *err)
{
    uint64_t seen = cache->fetch_count;
    for (;;) {
        enum bkt_creds_due state = due(cache);
        bool has_failed =
            cache->fetch_count != seen || (wait == BKT_CREDS_DO_NOT_WAIT && is_news(cache));
        bool is_usable = cache->generation > 0 && cache->creds.outlives_expiry &&
                         (has_failed || (cache->rc && has_just_ended(cache, PAUSE_MS)));
        if (state == BKT_CREDS_AGING)
            (void)wake_thread(cache, NULL); /* should it fail, these are good for a while yet */
        if (state != BKT_CREDS_ENDED || is_usable)
            return hand_out(cache, generation, creds, err);
        if (has_failed)
            return last_failure(cache, err);
        bool is_begun = cache->is_fetching && wait == BKT_CREDS_DO_NOT_WAIT;
        int rc = is_begun ? busy(err) : want(cache, wait, err);
        if (rc)
            return rc;
    }
}

int bkt_creds_cache_get(struct bkt_creds_cache *cache,
                        enum bkt_creds_wait wait,
                        uint64_t *generation,
                        struct bkt_creds *creds,
                        struct bkt_error *err)
{
    (void)pthread_mutex_lock(&cache->lock);
    int rc = get_locked(cache, wait, generation, creds, err);
    (void)pthread_mutex_unlock(&cache->lock);
    return rc;
}

static int renew_locked(struct bkt_creds_cache *cache,
                        enum bkt_creds_wait wait,
                        uint64_t *generation,
                        struct bkt_creds *creds,
                        struct bkt_error *err)
{
    /* One under way may have begun before the refusal: then it takes another. */
    uint64_t enough = cache->fetch_count + (cache->is_fetching ? 2 : 1);
    while (cache->generation == *generation || cache->generation == 0) {
        bool is_over = cache->fetch_count >= enough;
        if (wait == BKT_CREDS_DO_NOT_WAIT)
            is_over = is_news(cache) && (cache->rc || cache->is_same_again);
        if (is_over && cache->rc)
            return last_failure(cache, err);
        if (is_over) {
            return bkt_error_set(err, BKT_ECREDS,
                                 "the service says that the credentials (%s) have expired, and "
                                 "their source gives the same again: get new ones%s",
                                 cache->creds.source,
                                 strcmp(cache->creds.source, "environment") == 0
                                     ? ", and start again with them"
                                     : "");
        }
        int rc = want(cache, wait, err);
        if (rc)
            return rc;
    }
    return hand_out(cache, generation, creds, err);
}

int bkt_creds_cache_renew(struct bkt_creds_cache *cache,
                          enum bkt_creds_wait wait,
                          uint64_t *generation,
                          struct bkt_creds *creds,
                          struct bkt_error *err)
{
    (void)pthread_mutex_lock(&cache->lock);
    int rc = renew_locked(cache, wait, generation, creds, err);
    (void)pthread_mutex_unlock(&cache->lock);
    return rc;
}
