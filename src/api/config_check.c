#include "api/config_int.h"
#include "api/target_url.h"

#include <bucketable/glob.h>

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

/* What a check is made with. */
struct check {
    const struct bkt_settings *settings;
    bkt_config_warn_fn *warn; /* NULL: the log is told */
    void *ctx;
    struct bkt_error *err;
};

static void warn(const struct check *check, const char *fmt, ...) BKT_PRINTF(2, 3);

static void warn(const struct check *check, const char *fmt, ...)
{
    char message[1008];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(message, sizeof(message), fmt, args);
    va_end(args);
    if (check->warn)
        check->warn(check->ctx, message);
    else
        bkt_log(&check->settings->log, BKT_LOG_WARNING, "%s", message);
}

static bool has_scheme(const char *url, const char *scheme)
{
    size_t len = strlen(scheme);
    return strncasecmp(url, scheme, len) == 0 && strncmp(url + len, "://", 3) == 0;
}

/* Servers at hand rarely have certificates. */
static bool is_local(const char *host)
{
    return strncasecmp(host, "localhost", 9) == 0 || (host[0] >= '0' && host[0] <= '9') ||
           host[0] == '[';
}

static int check_http_url(const struct check *check, const char *name, const char *url)
{
    if (!url)
        return BKT_OK;
    /* First, so that no other message shows what was given. */
    if (strchr(url, '@'))
        return bkt_error_set(check->err, BKT_ECONFIG, "%s: must not hold a user or password", name);

    char quoted[BKT_QUOTE_BYTES];
    bkt_quote(quoted, bkt_str_from(url));
    bool is_http = has_scheme(url, "http");
    if (!is_http && !has_scheme(url, "https")) {
        if (strstr(url, "://")) {
            return bkt_error_set(check->err, BKT_ECONFIG, "%s: %s: http:// or https:// is wanted",
                                 name, quoted);
        }
        char right[BKT_QUOTE_BYTES];
        bkt_quote(right, bkt_str_from(url));
        return bkt_error_set(check->err, BKT_ECONFIG, "%s: %s has no scheme: write \"%s://%s", name,
                             quoted, is_local(url) ? "http" : "https", right + 1);
    }
    const char *host = strstr(url, "://") + 3;
    if (host[strcspn(host, "/?#")] == '?' || strchr(host, '#') || strchr(host, '?')) {
        return bkt_error_set(check->err, BKT_ECONFIG, "%s: %s: must have no query and no fragment",
                             name, quoted);
    }
    if (host[0] == '\0' || strchr("/:", host[0]))
        return bkt_error_set(check->err, BKT_ECONFIG, "%s: %s has no host", name, quoted);
    for (const char *at = url; *at != '\0'; at++) {
        if ((unsigned char)*at <= 0x20 || *at == 0x7F) {
            return bkt_error_set(check->err, BKT_ECONFIG,
                                 "%s: %s: must hold no spaces and control characters", name,
                                 quoted);
        }
    }
    return BKT_OK;
}

/* "https://sqs.eu-west-1.amazonaws.com/123456789012/name": what SQS shows as the queue's URL. */
static int check_queue_url(const struct check *check)
{
    const char *url = check->settings->sqs_queue_url;
    if (!url)
        return BKT_OK;
    char quoted[BKT_QUOTE_BYTES];
    bkt_quote(quoted, bkt_str_from(url));
    if (strncmp(url, "arn:", 4) == 0) {
        return bkt_error_set(check->err, BKT_ECONFIG,
                             "sqs_queue_url: %s is the queue's ARN: its URL is wanted, like "
                             "https://sqs.REGION.amazonaws.com/ACCOUNT/NAME",
                             quoted);
    }
    if (!strchr(url, '/')) {
        return bkt_error_set(check->err, BKT_ECONFIG,
                             "sqs_queue_url: %s: the queue's URL is wanted, like "
                             "https://sqs.REGION.amazonaws.com/ACCOUNT/NAME",
                             quoted);
    }
    int rc = check_http_url(check, "sqs_queue_url", url);
    if (rc)
        return rc;

    const char *path = strchr(strstr(url, "://") + 3, '/');
    const char *name = path ? strrchr(path, '/') + 1 : "";
    if (name[0] == '\0') {
        return bkt_error_set(check->err, BKT_ECONFIG,
                             "sqs_queue_url: %s does not end with the "
                             "queue's name",
                             quoted);
    }
    return BKT_OK;
}

static int check_redis(const struct check *check)
{
    const struct bkt_settings *settings = check->settings;
    if (settings->redis_url && !settings->redis_channel) {
        return bkt_error_set(check->err, BKT_ECONFIG,
                             "redis_url is given without redis_channel: "
                             "name the channel that the events come on");
    }
    if (settings->redis_channel && !settings->redis_url) {
        return bkt_error_set(check->err, BKT_ECONFIG,
                             "redis_channel is given without redis_url: "
                             "say which server it is on");
    }
    if (!settings->redis_url)
        return BKT_OK;

    /* The URL may hold a password: it is not shown. */
    static const char *const schemes[] = {"redis", "rediss", "unix", "redis+unix"};
    bool is_known = false;
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
        is_known = is_known || has_scheme(settings->redis_url, schemes[i]);
    if (!is_known) {
        return bkt_error_set(check->err, BKT_ECONFIG,
                             "redis_url: write redis://HOST:6379/0, or rediss:// for TLS");
    }
    if (settings->sqs_queue_url)
        warn(check, "both redis_url and sqs_queue_url are given: Redis is followed, SQS is not");
    return BKT_OK;
}

/* What every match of `pattern` begins with; `*out_is_whole`: it has nothing else. */
static struct bkt_str literal_head(const char *pattern, bool *out_is_whole)
{
    size_t len = strcspn(pattern, "*?[{\\");
    *out_is_whole = pattern[len] == '\0';
    return (struct bkt_str){pattern, len};
}

/*
 * A pattern that no key under the prefix can match, as far as its literal beginning tells.  An
 * excluded pattern may match a directory above the prefix, and be shorter than it.
 */
static void warn_of_mismatch(const struct check *check,
                             const char *name,
                             const char *pattern,
                             bool is_included)
{
    struct bkt_str prefix = bkt_str_from(check->settings->prefix);
    bool is_whole;
    struct bkt_str head = literal_head(pattern, &is_whole);
    size_t common = head.len < prefix.len ? head.len : prefix.len;
    char quoted[BKT_QUOTE_BYTES];
    char quoted_prefix[BKT_QUOTE_BYTES];
    bkt_quote(quoted, bkt_str_from(pattern));
    bkt_quote(quoted_prefix, prefix);
    if (memcmp(head.ptr, prefix.ptr, common) != 0) {
        warn(check,
             "%s: %s can match no key under the prefix %s: patterns are matched against the whole "
             "key, prefix and all",
             name, quoted, quoted_prefix);
    } else if (is_included && is_whole && head.len < prefix.len) {
        warn(check, "%s: %s can match no key under the prefix %s, which is longer", name, quoted,
             quoted_prefix);
    } else if (is_included && is_whole && head.len > 0 && head.ptr[head.len - 1] == '/') {
        warn(check,
             "%s: %s can match no row: a key that ends in \"/\" is a directory marker; for "
             "all under it write %.*s**\"",
             name, quoted, (int)strlen(quoted) - 1, quoted);
    } else if (prefix.len == 0 && pattern[0] == '/') {
        warn(check, "%s: %s begins with \"/\", which keys rarely do", name, quoted);
    }
}

static int check_patterns(const struct check *check,
                          const char *name,
                          const struct bkt_strings *patterns,
                          bool is_included)
{
    for (size_t i = 0; i < patterns->count; i++) {
        const char *pattern = patterns->items[i];
        struct bkt_glob *glob = NULL;
        int rc = bkt_glob_new(pattern, strlen(pattern), &glob, check->err);
        if (rc) {
            char quoted[BKT_QUOTE_BYTES];
            return bkt_error_wrap(check->err, rc, "%s: %s", name,
                                  bkt_quote(quoted, bkt_str_from(pattern)));
        }
        bkt_glob_free(glob);
        warn_of_mismatch(check, name, pattern, is_included);
    }
    return BKT_OK;
}

static int check_source(const struct check *check)
{
    const struct bkt_settings *settings = check->settings;
    if (!settings->bucket_name) {
        return bkt_error_set(check->err, BKT_ECONFIG,
                             "no bucket: give s3://BUCKET/PREFIX, or bucket_name in the spec file");
    }
    int rc = bkt_config_check_bucket(bkt_str_from(settings->bucket_name), check->err);
    if (!rc && settings->force_path_style == BKT_PATH_STYLE_TRUE &&
        strncmp(settings->bucket_name, "arn:", 4) == 0) {
        rc = bkt_error_set(check->err, BKT_ECONFIG,
                           "force_path_style: access points are reached by host name alone: leave "
                           "it out");
    }
    if (!rc)
        rc = check_http_url(check, "endpoint_url", settings->endpoint_url);
    if (!rc)
        rc = check_http_url(check, "sqs_endpoint_url", settings->sqs_endpoint_url);
    if (!rc)
        rc = check_queue_url(check);
    if (!rc)
        rc = check_redis(check);
    if (!rc)
        rc = check_patterns(check, "included_patterns", &settings->included_patterns, true);
    if (!rc)
        rc = check_patterns(check, "excluded_patterns", &settings->excluded_patterns, false);
    return rc;
}

static int check_kafka_options(const struct check *check)
{
    const struct bkt_strings *options = &check->settings->kafka_option;
    for (size_t i = 0; i < options->count; i++) {
        const char *equals = strchr(options->items[i], '=');
        if (!equals || equals == options->items[i])
            return bkt_error_set(check->err, BKT_ECONFIG, "kafka_option: NAME=VALUE is wanted");
    }
    return BKT_OK;
}

static int check_target(const struct check *check)
{
    const struct bkt_settings *settings = check->settings;
    if (settings->target_ops) {
        return settings->state ? BKT_OK
                               : bkt_error_set(check->err, BKT_ECONFIG,
                                               "the target %s needs a state file: set \"state\"",
                                               settings->target_ops->name);
    }
    if (!settings->url) {
        return bkt_error_set(check->err, BKT_ECONFIG,
                             "no target: name one (docs.db, postgresql://HOST/DATABASE, ...), or "
                             "give \"url\" in the spec file's \"target\"");
    }
    struct bkt_target_url target;
    int rc = bkt_target_url_parse(settings->url, &target, check->err);
    if (rc)
        return rc;

    bool has_state_inside = target.kind == BKT_TARGET_SQLITE || target.kind == BKT_TARGET_POSTGRES;
    if (target.kind == BKT_TARGET_KAFKA && !settings->state) {
        return bkt_error_set(check->err, BKT_ECONFIG,
                             "a Kafka target needs --state FILE: where it "
                             "is remembered what the topic holds");
    }
    if (has_state_inside && settings->state) {
        return bkt_error_set(check->err, BKT_ECONFIG,
                             "--state: the state of a database's table lies "
                             "in the database: leave it out");
    }
    if (target.kind != BKT_TARGET_KAFKA && settings->large_objects != BKT_LARGE_OBJECTS_FAIL)
        warn(check, "--large-objects says nothing about a target that is not Kafka");
    if (target.kind != BKT_TARGET_KAFKA && settings->rebuild_state)
        warn(check, "--rebuild-state says nothing about a target that is not Kafka");
    if (target.kind != BKT_TARGET_KAFKA && settings->kafka_option.count > 0)
        warn(check, "--kafka-option says nothing about a target that is not Kafka");
    return check_kafka_options(check);
}

int bkt_config_check(const struct bkt_config *config,
                     unsigned parts,
                     bkt_config_warn_fn *warn_fn,
                     void *ctx,
                     struct bkt_error *err)
{
    struct check check = {bkt_config_settings(config), warn_fn, ctx, err};
    int rc = parts & BKT_CONFIG_SOURCE ? check_source(&check) : BKT_OK;
    if (!rc && parts & BKT_CONFIG_TARGET)
        rc = check_target(&check);
    return rc;
}
