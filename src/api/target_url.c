#include "api/target_url.h"

#include "api/config_value.h"

enum { TOPIC_BYTES_MAX = 249 };

/* The scheme that `text` begins with, without its colon; empty for a path. */
static struct bkt_str scheme_of(struct bkt_str text)
{
    size_t len = 0;
    while (len < text.len) {
        char c = text.ptr[len];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool is_other = (c >= '0' && c <= '9') || c == '+' || c == '.' || c == '-';
        if (!is_letter && (!is_other || len == 0))
            break;
        len++;
    }
    if (len == 0 || len == text.len || text.ptr[len] != ':')
        len = 0;
    return (struct bkt_str){text.ptr, len};
}

static struct bkt_str skip(struct bkt_str text, size_t len)
{
    return (struct bkt_str){text.ptr + len, text.len - len};
}

static bool is_topic(struct bkt_str topic)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    if (topic.len == 0 || topic.len > TOPIC_BYTES_MAX || bkt_str_eq(topic, BKT_STR(".")) ||
        bkt_str_eq(topic, BKT_STR("..")))
        return false;
    for (size_t i = 0; i < topic.len; i++) {
        if (topic.ptr[i] == '\0' || !strchr(letters, topic.ptr[i]))
            return false;
    }
    return true;
}

static int parse_kafka(struct bkt_str rest, struct bkt_target_url *out, struct bkt_error *err)
{
    static const char usage[] = "write kafka://BROKER:9092,BROKER:9092/TOPIC";
    if (!bkt_str_has_prefix(rest, BKT_STR("//")))
        return bkt_error_set(err, BKT_ECONFIG, "kafka target: %s", usage);
    rest = skip(rest, 2);

    const char *slash = rest.len > 0 ? memchr(rest.ptr, '/', rest.len) : NULL;
    if (!slash)
        return bkt_error_set(err, BKT_ECONFIG, "kafka target: no topic: %s", usage);
    out->rest = (struct bkt_str){rest.ptr, (size_t)(slash - rest.ptr)};
    out->topic = skip(rest, out->rest.len + 1);
    if (out->rest.len == 0)
        return bkt_error_set(err, BKT_ECONFIG, "kafka target: no broker: %s", usage);
    if (memchr(out->rest.ptr, '@', out->rest.len)) {
        return bkt_error_set(err, BKT_ECONFIG,
                             "kafka target: user and password go into --kafka-option "
                             "sasl.username=... and sasl.password=...");
    }
    if (!is_topic(out->topic)) {
        char quoted[BKT_QUOTE_BYTES];
        return bkt_error_set(err, BKT_ECONFIG,
                             "kafka target: %s is no topic: up to %d letters, digits, \".\", \"_\" "
                             "and \"-\" are allowed",
                             bkt_quote(quoted, out->topic), TOPIC_BYTES_MAX);
    }
    out->kind = BKT_TARGET_KAFKA;
    return BKT_OK;
}

/* SQLITE and JSONL: "scheme:PATH". */
static int parse_path(const char *scheme,
                      enum bkt_target_kind kind,
                      struct bkt_str path,
                      struct bkt_target_url *out,
                      struct bkt_error *err)
{
    if (path.len == 0) {
        return bkt_error_set(err, BKT_ECONFIG, "%s: target: no file: write %s:FILE", scheme,
                             scheme);
    }
    if (bkt_str_has_prefix(path, BKT_STR("//"))) {
        char quoted[BKT_QUOTE_BYTES];
        return bkt_error_set(err, BKT_ECONFIG,
                             "%s: target: a file's path follows, no URL: is %s "
                             "meant? write it after %s:",
                             scheme, bkt_quote(quoted, skip(path, 2)), scheme);
    }
    out->kind = kind;
    out->rest = path;
    return BKT_OK;
}

int bkt_target_url_parse(const char *url, struct bkt_target_url *out_url, struct bkt_error *err)
{
    struct bkt_str text = bkt_str_from(url);
    struct bkt_str scheme = scheme_of(text);
    struct bkt_target_url parsed = {.kind = BKT_TARGET_SQLITE, .rest = text};
    int rc = BKT_OK;
    if (text.len == 0) {
        rc = bkt_error_set(err, BKT_ECONFIG, "target: must not be empty");
    } else if (bkt_str_eq(scheme, BKT_STR("postgresql")) ||
               bkt_str_eq(scheme, BKT_STR("postgres"))) {
        parsed.kind = BKT_TARGET_POSTGRES;
        if (!bkt_str_has_prefix(skip(text, scheme.len), BKT_STR("://")))
            rc = bkt_error_set(err, BKT_ECONFIG, "target: write postgresql://USER@HOST/DATABASE");
    } else if (bkt_str_eq(scheme, BKT_STR("kafka"))) {
        rc = parse_kafka(skip(text, scheme.len + 1), &parsed, err);
    } else if (bkt_str_eq(scheme, BKT_STR("sqlite"))) {
        rc = parse_path("sqlite", BKT_TARGET_SQLITE, skip(text, scheme.len + 1), &parsed, err);
    } else if (bkt_str_eq(scheme, BKT_STR("jsonl"))) {
        rc = parse_path("jsonl", BKT_TARGET_JSONL, skip(text, scheme.len + 1), &parsed, err);
    } else if (scheme.len > 0) {
        char quoted[BKT_QUOTE_BYTES];
        rc = bkt_error_set(err, BKT_ECONFIG,
                           "target: no kind of target is called %s; there are sqlite, postgresql, "
                           "kafka and jsonl (a file whose name has a colon: sqlite:FILE)",
                           bkt_quote(quoted, scheme));
    }
    if (rc == BKT_OK)
        *out_url = parsed;
    return rc;
}

static bool names_a_secret(struct bkt_str name)
{
    static const struct bkt_str words[] = {{"password", 8}, {"secret", 6}};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        for (size_t at = 0; at + words[i].len <= name.len; at++) {
            if (memcmp(name.ptr + at, words[i].ptr, words[i].len) == 0)
                return true;
        }
    }
    return false;
}

/* Append "name=value&name=value", values of secrets masked. */
static int append_query(struct bkt_str query, struct bkt_buf *out)
{
    int rc = BKT_OK;
    while (query.len > 0 && rc == BKT_OK) {
        const char *end = memchr(query.ptr, '&', query.len);
        size_t len = end ? (size_t)(end - query.ptr) + 1 : query.len;
        const char *equals = memchr(query.ptr, '=', len);
        size_t name_len = equals ? (size_t)(equals - query.ptr) + 1 : len;
        if (equals && names_a_secret((struct bkt_str){query.ptr, name_len})) {
            rc = bkt_buf_append(out, (struct bkt_str){query.ptr, name_len});
            if (!rc)
                rc = bkt_buf_append(out, end ? BKT_STR("***&") : BKT_STR("***"));
        } else {
            rc = bkt_buf_append(out, (struct bkt_str){query.ptr, len});
        }
        query = skip(query, len);
    }
    return rc;
}

int bkt_url_printable(struct bkt_str url, struct bkt_buf *out)
{
    size_t start = scheme_of(url).len + 3;
    if (start == 3 || start > url.len || memcmp(url.ptr + start - 3, "://", 3) != 0)
        return bkt_buf_append(out, url);

    /* A password may hold anything, "/" and "?" too: the last "@" is what ends it. */
    size_t end = url.len;
    while (end > start && url.ptr[end - 1] != '@')
        end--;
    const char *colon = end > start ? memchr(url.ptr + start, ':', end - start) : NULL;
    if (!colon)
        end = start;
    size_t shown = colon ? (size_t)(colon - url.ptr) : start;
    int rc = bkt_buf_append(out, (struct bkt_str){url.ptr, shown});
    if (!rc && colon)
        rc = bkt_buf_append(out, BKT_STR(":***@"));

    struct bkt_str rest = skip(url, end);
    const char *mark = rest.len > 0 ? memchr(rest.ptr, '?', rest.len) : NULL;
    size_t path_len = mark ? (size_t)(mark - rest.ptr) + 1 : rest.len;
    if (!rc)
        rc = bkt_buf_append(out, (struct bkt_str){rest.ptr, path_len});
    if (!rc)
        rc = append_query(skip(rest, path_len), out);
    return rc;
}
