#include "events/redis_look.h"

#include "core/escape.h"
#include "core/mem.h"
#include "events/redis_link.h"
#include "events/redis_reply.h"

#include <hiredis/hiredis.h>
#include <stdarg.h>
#include <stdio.h>

enum { LOOK_MS_MAX = 15000, SHOWN_BYTES = 200, RULES_BYTES = SHOWN_BYTES + 128 };

enum step { STEP_TYPE, STEP_LIST, STEP_LMOVE, STEP_NOTIFY };

struct bkt_redis_look {
    struct bkt_redis_url url;
    struct bkt_redis_link *link;
    char *ca_bundle;
    char name[BKT_REDIS_NAME_BYTES_MAX + 1];
    char shown[SHOWN_BYTES]; /* printable */
    char key_type[32];
    size_t awaited; /* replies to come */
    int64_t begun_ms;
    bool is_done;
    bool is_subscribing; /* its answer is a push */
    size_t count;
    struct bkt_redis_finding findings[BKT_REDIS_FINDINGS_MAX];
};

static struct bkt_redis_finding *add(struct bkt_redis_look *look,
                                     const char *what,
                                     enum bkt_redis_seen seen,
                                     const char *fmt,
                                     ...) BKT_PRINTF(4, 5);

static struct bkt_redis_finding *add(
    struct bkt_redis_look *look, const char *what, enum bkt_redis_seen seen, const char *fmt, ...)
{
    /* The last place is used again: there are fewer kinds than places. */
    if (look->count < BKT_REDIS_FINDINGS_MAX)
        look->count++;
    struct bkt_redis_finding *finding = &look->findings[look->count - 1];
    *finding = (struct bkt_redis_finding){.what = what, .seen = seen};
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(finding->detail, sizeof(finding->detail), fmt, args);
    va_end(args);
    return finding;
}

/* An error reply, with the rule that would let the command pass. */
static void add_refusal(struct bkt_redis_look *look,
                        const char *what,
                        enum bkt_redis_seen seen,
                        const char *doing,
                        const char *rules,
                        const struct redisReply *reply)
{
    struct bkt_error err = {0};
    bkt_redis_describe(&look->url, doing, reply, &err);
    struct bkt_redis_finding *finding = add(look, what, seen, "%s", err.message);
    if (strstr(err.message, "NOPERM")) {
        (void)snprintf(finding->fix, sizeof(finding->fix), "redis-cli ACL SETUSER %.200s %.160s",
                       look->url.user[0] ? look->url.user : "default", rules);
    }
}

static void send_words(struct bkt_redis_look *look,
                       const struct bkt_str *words,
                       size_t count,
                       enum step step);

static void on_reply(void *ctx, uint64_t tag, const struct redisReply *reply);

static void look_at_key(struct bkt_redis_look *look, const struct redisReply *reply)
{
    char rules[RULES_BYTES];
    (void)snprintf(rules, sizeof(rules), "'~%s*' +type", look->shown);
    if (reply->type == REDIS_REPLY_ERROR) {
        add_refusal(look, "redis-key", BKT_REDIS_SEEN_WRONG, "ask for the key's type", rules,
                    reply);
        return;
    }
    struct bkt_str type = {reply->str, reply->str ? (size_t)reply->len : 0};
    bkt_escape(type, look->key_type, sizeof(look->key_type));
    struct bkt_str name = bkt_str_from(look->name);
    if (strcmp(look->key_type, "none") == 0) {
        add(look, "redis-key", BKT_REDIS_SEEN_OK,
            "key %s: not there yet; a list, a hash or messages of that name are followed",
            look->shown);
    } else if (strcmp(look->key_type, "list") == 0) {
        struct bkt_str words[2] = {BKT_STR("LLEN"), name};
        send_words(look, words, 2, STEP_LIST);
    } else if (strcmp(look->key_type, "hash") == 0) {
        struct bkt_str words[3] = {BKT_STR("CONFIG"), BKT_STR("GET"),
                                   BKT_STR("notify-keyspace-events")};
        add(look, "redis-key", BKT_REDIS_SEEN_OK, "key %s: a hash, MinIO's namespace format",
            look->shown);
        send_words(look, words, 3, STEP_NOTIFY);
    } else {
        struct bkt_redis_finding *finding =
            add(look, "redis-key", BKT_REDIS_SEEN_WRONG,
                "key %s: a %s; MinIO writes a list or a hash, and stops at anything else",
                look->shown, look->key_type);
        (void)snprintf(finding->fix, sizeof(finding->fix),
                       "choose another redis_channel, or remove it: redis-cli DEL %.300s",
                       look->shown);
    }
}

static void look_at_list(struct bkt_redis_look *look, const struct redisReply *reply)
{
    if (reply->type != REDIS_REPLY_INTEGER)
        return;
    add(look, "redis-key", BKT_REDIS_SEEN_OK,
        "key %s: a list of %lld events, MinIO's access format", look->shown, reply->integer);
}

/* Taking an entry off a list that is not there changes nothing, and needs the right to. */
static void look_at_lmove(struct bkt_redis_look *look, const struct redisReply *reply)
{
    char rules[RULES_BYTES];
    if (reply->type != REDIS_REPLY_ERROR) {
        add(look, "redis-list", BKT_REDIS_SEEN_OK, "entries of lists may be moved and removed");
        return;
    }
    (void)snprintf(rules, sizeof(rules), "'~%s*' +llen +blmove +lmove +lrange +lrem +rpush +ltrim",
                   look->shown);
    bool is_old = strstr(reply->str, "unknown command") != NULL;
    if (is_old)
        add(look, "redis-list", BKT_REDIS_SEEN_OK, "a Redis older than 6.2: RPOPLPUSH is used");
    else
        add_refusal(look, "redis-list", BKT_REDIS_SEEN_WRONG, "move an entry of a list", rules,
                    reply);
}

static void look_at_notify(struct bkt_redis_look *look, const struct redisReply *reply)
{
    bool is_told = reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
                   reply->element[1]->type == REDIS_REPLY_STRING;
    const char *flags = is_told ? reply->element[1]->str : "";
    bool is_on = strchr(flags, 'K') && (strchr(flags, 'h') || strchr(flags, 'A'));
    if (is_on) {
        add(look, "redis-notify", BKT_REDIS_SEEN_OK, "keyspace notifications are on");
        return;
    }
    struct bkt_redis_finding *finding =
        add(look, "redis-notify", BKT_REDIS_SEEN_WARNING,
            "keyspace notifications are %s: the hash is read again every few seconds instead",
            is_told ? "off" : "not known");
    (void)snprintf(finding->fix, sizeof(finding->fix),
                   "redis-cli CONFIG SET notify-keyspace-events Kgh");
}

static void on_reply(void *ctx, uint64_t tag, const struct redisReply *reply)
{
    struct bkt_redis_look *look = ctx;
    look->awaited--;
    if (!reply)
        return;
    switch ((enum step)tag) {
    case STEP_TYPE:
        look_at_key(look, reply);
        break;
    case STEP_LIST:
        look_at_list(look, reply);
        break;
    case STEP_LMOVE:
        look_at_lmove(look, reply);
        break;
    case STEP_NOTIFY:
        look_at_notify(look, reply);
        break;
    }
    /* Last, since nothing else may be asked on a connection that has subscribed. */
    if (look->awaited == 0 && !look->is_subscribing) {
        struct bkt_str words[2] = {BKT_STR("SUBSCRIBE"), bkt_str_from(look->name)};
        look->is_subscribing = true;
        bkt_redis_link_send(look->link, words, 2, NULL, 0);
    }
}

static void send_words(struct bkt_redis_look *look,
                       const struct bkt_str *words,
                       size_t count,
                       enum step step)
{
    look->awaited++;
    bkt_redis_link_send(look->link, words, count, on_reply, step);
}

static void on_push(void *ctx, const struct redisReply *reply)
{
    struct bkt_redis_look *look = ctx;
    char rules[RULES_BYTES];
    if (look->is_done)
        return;
    look->is_done = true;
    (void)snprintf(rules, sizeof(rules), "'&%s' +subscribe", look->shown);
    if (reply->type == REDIS_REPLY_ERROR)
        add_refusal(look, "redis-subscribe", BKT_REDIS_SEEN_WARNING, "subscribe", rules, reply);
    else
        add(look, "redis-subscribe", BKT_REDIS_SEEN_OK, "channel %s may be subscribed to",
            look->shown);
}

static void on_up(void *ctx)
{
    struct bkt_redis_look *look = ctx;
    char none[BKT_REDIS_NAME_BYTES_MAX + 32];
    char processing[BKT_REDIS_NAME_BYTES_MAX + 32];
    add(look, "redis", BKT_REDIS_SEEN_OK, "%s answers, and lets us in", look->url.place);
    int none_len = snprintf(none, sizeof(none), "%s:bucketable:none", look->name);
    int processing_len = snprintf(processing, sizeof(processing), "%s:bucketable", look->name);
    struct bkt_str type[2] = {BKT_STR("TYPE"), bkt_str_from(look->name)};
    struct bkt_str move[5] = {BKT_STR("LMOVE"),
                              {none, (size_t)none_len},
                              {processing, (size_t)processing_len},
                              BKT_STR("LEFT"),
                              BKT_STR("RIGHT")};
    send_words(look, type, 2, STEP_TYPE);
    send_words(look, move, 5, STEP_LMOVE);
}

static void on_down(void *ctx, const char *cause, const struct bkt_error *err)
{
    (void)cause;
    struct bkt_redis_look *look = ctx;
    if (look->is_done)
        return;
    look->is_done = true;
    add(look, "redis", BKT_REDIS_SEEN_WRONG, "%s", err->message);
}

int bkt_redis_look_new(const struct bkt_redis_look_options *options,
                       struct bkt_redis_look **out_look,
                       struct bkt_error *err)
{
    int rc = bkt_redis_name_check(options->name, err);
    if (rc)
        return rc;
    struct bkt_redis_look *look = bkt_mem_calloc(1, sizeof(*look));
    if (!look)
        return bkt_error_set(err, BKT_ENOMEM, "look at Redis: out of memory");
    rc = bkt_redis_url_parse(options->url, options->default_password, &look->url, err);
    if (rc)
        goto fail;
    (void)snprintf(look->name, sizeof(look->name), "%.*s", BKT_STR_ARG(options->name));
    bkt_escape(options->name, look->shown, sizeof(look->shown));
    if (options->ca_bundle.len > 0) {
        look->ca_bundle = bkt_mem_strdup(options->ca_bundle.ptr, options->ca_bundle.len);
        if (!look->ca_bundle) {
            rc = bkt_error_set(err, BKT_ENOMEM, "look at Redis: out of memory");
            goto fail;
        }
    }
    struct bkt_redis_link_options link = {
        .http = options->http,
        .url = &look->url,
        .ca_bundle = look->ca_bundle,
        .ctx = look,
        .on_up = on_up,
        .on_push = on_push,
        .on_down = on_down,
    };
    rc = bkt_redis_link_new(&link, &look->link, err);
    if (rc)
        goto fail;
    *out_look = look;
    return BKT_OK;

fail:
    bkt_redis_look_free(look);
    return rc;
}

void bkt_redis_look_free(struct bkt_redis_look *look)
{
    if (!look)
        return;
    bkt_redis_link_free(look->link);
    bkt_mem_free(look->ca_bundle);
    bkt_mem_wipe(look, sizeof(*look));
    bkt_mem_free(look);
}

void bkt_redis_look_tick(struct bkt_redis_look *look, int64_t now_ms)
{
    if (look->begun_ms == 0)
        look->begun_ms = now_ms;
    bkt_redis_link_tick(look->link, now_ms);
    if (!look->is_done && now_ms - look->begun_ms > LOOK_MS_MAX) {
        look->is_done = true;
        add(look, "redis", BKT_REDIS_SEEN_WRONG, "%s: no answer within %d s", look->url.place,
            LOOK_MS_MAX / 1000);
    }
}

int bkt_redis_look_wait_ms(const struct bkt_redis_look *look, int64_t now_ms)
{
    int wait_ms = bkt_redis_link_wait_ms(look->link, now_ms);
    return wait_ms < 0 || wait_ms > 500 ? 500 : wait_ms;
}

bool bkt_redis_look_is_done(const struct bkt_redis_look *look)
{
    return look->is_done;
}

const struct bkt_redis_finding *bkt_redis_look_findings(const struct bkt_redis_look *look,
                                                        size_t *out_count)
{
    *out_count = look->count;
    return look->findings;
}
