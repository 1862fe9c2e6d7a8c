/*
 * A channel between a scripted server and an owner that writes down what it is told; the clock is
 * the test's.
 */
#ifndef TESTS_CHANNEL_RIG_H
#define TESTS_CHANNEL_RIG_H

#include "aws/http.h"
#include "events/channel.h"

#include "t.h"

#include <stdio.h>

enum { RIG_TOKENS_MAX = 1024, RIG_TURNS_MAX = 2000, RIG_TURN_MS = 5, RIG_QUIET_TURNS = 8 };

struct rig {
    struct bkt_http *http;
    struct bkt_channel channel;
    int64_t now_ms;

    unsigned ready_count;
    unsigned gap_count;
    unsigned change_count;
    char changed[4096]; /* "KEY KEY; KEY; " as far as there is room */
    uint64_t tokens[RIG_TOKENS_MAX];
    bool settle_at_once;

    unsigned trouble_count;
    unsigned relief_count;
    struct bkt_error trouble; /* the last */
    unsigned warn_count;
    char warning[1024];
};

static inline void rig_ready(void *ctx)
{
    struct rig *rig = ctx;
    rig->ready_count++;
}

static inline void rig_gap(void *ctx)
{
    struct rig *rig = ctx;
    rig->gap_count++;
}

static inline void rig_changed(void *ctx, uint64_t token, const struct bkt_str *keys, size_t count)
{
    struct rig *rig = ctx;
    assert_true(token != 0);
    assert_true(count > 0);
    size_t len = strlen(rig->changed);
    for (size_t i = 0; i < count && len + 200 < sizeof(rig->changed); i++) {
        len += (size_t)snprintf(rig->changed + len, sizeof(rig->changed) - len, "%s%.*s",
                                i > 0 ? " " : "", BKT_STR_ARG(keys[i]));
    }
    if (len + 200 < sizeof(rig->changed))
        (void)snprintf(rig->changed + len, sizeof(rig->changed) - len, "; ");
    if (rig->change_count < RIG_TOKENS_MAX)
        rig->tokens[rig->change_count] = token;
    rig->change_count++;
    if (rig->settle_at_once)
        rig->channel.ops->settle(rig->channel.self, token);
}

static inline void rig_trouble(void *ctx, const struct bkt_error *err)
{
    struct rig *rig = ctx;
    if (!err) {
        rig->relief_count++;
        return;
    }
    rig->trouble_count++;
    rig->trouble = *err;
}

static inline void rig_warn(void *ctx, const char *line)
{
    struct rig *rig = ctx;
    rig->warn_count++;
    (void)snprintf(rig->warning, sizeof(rig->warning), "%s", line);
}

static inline struct bkt_channel_owner rig_owner(struct rig *rig)
{
    return (struct bkt_channel_owner){
        .ctx = rig,
        .ready = rig_ready,
        .changed = rig_changed,
        .gap = rig_gap,
        .trouble = rig_trouble,
        .warn = rig_warn,
    };
}

static inline void rig_tick(struct rig *rig)
{
    rig->channel.ops->tick(rig->channel.self, rig->now_ms);
}

/* One turn of the owner's loop, in which the test's clock stands still. */
static inline void rig_turn(struct rig *rig)
{
    rig_tick(rig);
    int wait_ms = rig->channel.ops->wait_ms(rig->channel.self, rig->now_ms);
    assert_int_equal(bkt_http_run_once(rig->http, wait_ms == 0 ? 0 : RIG_TURN_MS, NULL), BKT_OK);
}

/* Turns until `condition` holds; a test that waits for ever fails. */
#define RIG_UNTIL(rig, condition)                                     \
    do {                                                              \
        for (int t_i = 0; t_i < RIG_TURNS_MAX && !(condition); t_i++) \
            rig_turn(rig);                                            \
        assert_true(condition);                                       \
    } while (0)

/* So many turns that what was going to happen at this time would have happened. */
static inline void rig_settle_down(struct rig *rig)
{
    for (int i = 0; i < RIG_QUIET_TURNS; i++)
        rig_turn(rig);
}

static inline struct bkt_channel_stats rig_stats(const struct rig *rig)
{
    return rig->channel.ops->stats(rig->channel.self);
}

static inline void rig_close(struct rig *rig)
{
    if (rig->channel.ops)
        rig->channel.ops->free(rig->channel.self);
    bkt_http_free(rig->http);
}

#endif
