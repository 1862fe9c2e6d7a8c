/*
 * Rules between properties: each case is a small configuration, and the line that it gets, an error
 * or a warning.
 */
#include "api/config_int.h"

#include "t.h"

#include <stdio.h>

#define QUEUE "https://sqs.eu-west-1.amazonaws.com/123456789012/q"
#define ARN   "arn:aws:s3:eu-west-1:123456789012:accesspoint/n"

enum { SETTINGS_MAX = 4 };

struct check_case {
    const char *settings[SETTINGS_MAX]; /* "name=value" */
    const char *message;                /* a part of it; NULL: nothing is said */
};

/* Takes what is set for granted: s3://b into docs.db, but for what the case says. */
static struct bkt_config *configure(const struct check_case *c, bool has_target)
{
    struct bkt_config *config;
    assert_int_equal(bkt_config_new(&config, NULL), BKT_OK);
    assert_int_equal(bkt_config_set(config, "bucket_name", "b", NULL), BKT_OK);
    if (has_target)
        assert_int_equal(bkt_config_set(config, "url", "docs.db", NULL), BKT_OK);
    for (size_t i = 0; i < SETTINGS_MAX && c->settings[i]; i++) {
        char name[64];
        const char *value = strchr(c->settings[i], '=') + 1;
        (void)snprintf(name, sizeof(name), "%.*s", (int)(value - 1 - c->settings[i]),
                       c->settings[i]);
        bool is_list = bkt_property_find(name)->kind == BKT_PROPERTY_LIST;
        int rc = is_list ? bkt_config_add(config, name, value, NULL)
                         : bkt_config_set(config, name, value, NULL);
        assert_int_equal(rc, BKT_OK);
    }
    return config;
}

struct heard {
    unsigned count;
    char message[1008];
};

static void hear(void *ctx, const char *message)
{
    struct heard *heard = ctx;
    heard->count++;
    (void)snprintf(heard->message, sizeof(heard->message), "%s", message);
}

static void expect_errors(const struct check_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        print_message("# case %zu\n", i);
        struct bkt_config *config = configure(&cases[i], true);
        struct bkt_error err = {0};
        int rc = bkt_config_check(config, BKT_CONFIG_SOURCE | BKT_CONFIG_TARGET, NULL, NULL, &err);
        print_message("# %s\n", err.message);
        assert_int_equal(rc, cases[i].message ? BKT_ECONFIG : BKT_OK);
        if (cases[i].message)
            assert_non_null(strstr(err.message, cases[i].message));
        assert_null(strstr(err.message, "secret"));
        bkt_config_free(config);
    }
}

static void sources_must_fit(void **state)
{
    (void)state;
    static const struct check_case cases[] = {
        {{NULL}, NULL},
        {{"bucket_name=b--use1-az4--x-s3"}, "directory buckets"},
        {{"bucket_name=" ARN}, NULL},
        {{"bucket_name=" ARN, "force_path_style=true"}, "force_path_style"},
        {{"bucket_name=s3://b"}, "without s3://"},
        {{"endpoint_url=http://localhost:9000"}, NULL},
        {{"endpoint_url=HTTPS://h/base/"}, NULL},
        {{"endpoint_url=http://[::1]:9000"}, NULL},
        {{"endpoint_url=localhost:9000"},
         "endpoint_url: \"localhost:9000\" has no scheme: write \"http://localhost:9000\""},
        {{"endpoint_url=127.0.0.1:9000"}, "write \"http://127.0.0.1:9000\""},
        {{"endpoint_url=minio.example.net"}, "write \"https://minio.example.net\""},
        {{"endpoint_url=ftp://h"}, "http:// or https:// is wanted"},
        {{"endpoint_url=http://"}, "has no host"},
        {{"endpoint_url=http:///x"}, "has no host"},
        {{"endpoint_url=http://:9000"}, "has no host"},
        {{"endpoint_url=http://h?x"}, "no query"},
        {{"endpoint_url=http://h/#x"}, "no query"},
        {{"endpoint_url=http://h x"}, "no spaces"},
        {{"endpoint_url=http://u:secret@h"}, "must not hold a user or password"},
        {{"endpoint_url=u:secret@h"}, "must not hold a user or password"},
        {{"sqs_endpoint_url=h"}, "sqs_endpoint_url: \"h\" has no scheme"},
        {{"sqs_queue_url=" QUEUE}, NULL},
        {{"sqs_queue_url=http://localhost:9324/000000000000/q"}, NULL},
        {{"sqs_queue_url=my-queue"}, "the queue's URL is wanted"},
        {{"sqs_queue_url=arn:aws:sqs:eu-west-1:1:q"}, "is the queue's ARN"},
        {{"sqs_queue_url=sqs.eu-west-1.amazonaws.com/1/q"}, "write \"https://sqs.eu-west-1"},
        {{"sqs_queue_url=https://h"}, "does not end with the queue's name"},
        {{"sqs_queue_url=https://h/1/"}, "does not end with the queue's name"},
        {{"redis_url=redis://u:secret@h"}, "redis_url is given without redis_channel"},
        {{"redis_channel=c"}, "redis_channel is given without redis_url"},
        {{"redis_url=rediss://h", "redis_channel=c"}, NULL},
        {{"redis_url=secret@h:6379", "redis_channel=c"}, "write redis://HOST:6379/0"},
        {{"included_patterns=*.md", "included_patterns=[a"}, "included_patterns: \"[a\": "},
        {{"excluded_patterns={a"}, "excluded_patterns: \"{a\": "},
    };
    expect_errors(cases, T_COUNT(cases));
}

static void targets_must_fit(void **state)
{
    (void)state;
    static const struct check_case cases[] = {
        {{"url=mysql://u:secret@h"}, "no kind of target"},
        {{"url=kafka://b/t"}, "needs --state FILE"},
        {{"url=kafka://b/t", "state=s"}, NULL},
        {{"url=kafka://b/t", "state=s", "kafka_option=sasl.password=x"}, NULL},
        {{"url=kafka://b/t", "state=s", "kafka_option=secret"}, "NAME=VALUE is wanted"},
        {{"url=kafka://b/t", "state=s", "kafka_option==secret"}, "NAME=VALUE is wanted"},
        {{"url=jsonl:-", "state=s"}, NULL},
        {{"url=jsonl:x"}, NULL},
        {{"state=s"}, "leave it out"},
        {{"url=postgresql://h/db", "state=s"}, "leave it out"},
    };
    expect_errors(cases, T_COUNT(cases));
}

static void only_the_parts_in_use_are_looked_at(void **state)
{
    (void)state;
    static const struct check_case nothing = {{NULL}, NULL};
    struct bkt_config *config = configure(&nothing, false);
    struct bkt_error err = {0};
    assert_int_equal(bkt_config_check(config, BKT_CONFIG_SOURCE, NULL, NULL, &err), BKT_OK);
    assert_int_equal(bkt_config_check(config, BKT_CONFIG_TARGET, NULL, NULL, &err), BKT_ECONFIG);
    assert_memory_equal(err.message, "no target: ", 11);
    bkt_config_free(config);

    assert_int_equal(bkt_config_new(&config, NULL), BKT_OK);
    assert_int_equal(bkt_config_set(config, "url", "docs.db", NULL), BKT_OK);
    assert_int_equal(bkt_config_check(config, BKT_CONFIG_TARGET, NULL, NULL, &err), BKT_OK);
    assert_int_equal(bkt_config_check(config, BKT_CONFIG_SOURCE, NULL, NULL, &err), BKT_ECONFIG);
    assert_memory_equal(err.message, "no bucket: ", 11);
    bkt_config_free(config);
}

static void what_is_surely_not_meant_is_warned_of(void **state)
{
    (void)state;
    static const struct check_case cases[] = {
        {{NULL}, NULL},
        {{"redis_url=redis://h", "redis_channel=c", "sqs_queue_url=" QUEUE},
         "Redis is followed, SQS is not"},
        {{"prefix=docs/", "included_patterns=**/*.md"}, NULL},
        {{"prefix=docs/", "included_patterns=docs/*.md"}, NULL},
        {{"prefix=docs/", "included_patterns=d*"}, NULL},
        {{"prefix=docs/", "included_patterns={docs,x}/*"}, NULL},
        {{"prefix=docs/", "included_patterns=\\x/*"}, NULL},
        {{"prefix=docs/", "included_patterns=do[c]s/*"}, NULL},
        {{"prefix=docs/", "included_patterns=sub/*.md"},
         "\"sub/*.md\" can match no key under the "
         "prefix \"docs/\""},
        {{"prefix=docs/", "included_patterns=docs"}, "which is longer"},
        {{"prefix=docs/a/", "excluded_patterns=docs"}, NULL}, /* excludes all that is under it */
        {{"prefix=docs/", "excluded_patterns=tmp/*"}, "\"tmp/*\" can match no key"},
        {{"included_patterns=docs/"}, "write \"docs/**\""},
        {{"included_patterns=/docs/*"}, "begins with \"/\""},
        {{"prefix=/docs/", "included_patterns=/docs/*"}, NULL},
        {{"kafka_option=a=b"}, "--kafka-option says nothing"},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# case %zu\n", i);
        struct bkt_config *config = configure(&cases[i], true);
        struct heard heard = {0};
        assert_int_equal(
            bkt_config_check(config, BKT_CONFIG_SOURCE | BKT_CONFIG_TARGET, hear, &heard, NULL),
            BKT_OK);
        print_message("# %s\n", heard.message);
        assert_int_equal(heard.count, cases[i].message != NULL);
        if (cases[i].message)
            assert_non_null(strstr(heard.message, cases[i].message));
        bkt_config_free(config);
    }
}

static int check_all(const struct bkt_config *config)
{
    struct bkt_error err;
    return bkt_config_check(config, BKT_CONFIG_SOURCE | BKT_CONFIG_TARGET, NULL, NULL, &err);
}

static void log_it(void *ctx, enum bkt_log_level level, const char *message)
{
    assert_int_equal(level, BKT_LOG_WARNING);
    hear(ctx, message);
}

static void what_no_callback_takes_is_logged(void **state)
{
    (void)state;
    static const struct check_case c = {
        {"redis_url=redis://u:secret@h", "redis_channel=c", "sqs_queue_url=" QUEUE}, NULL};
    struct bkt_config *config = configure(&c, false);
    struct heard heard = {0};
    struct heard logged = {0};
    bkt_config_set_log(config, BKT_LOG_WARNING, log_it, &logged);
    assert_int_equal(bkt_config_check(config, BKT_CONFIG_SOURCE, hear, &heard, NULL), BKT_OK);
    assert_int_equal(heard.count, 1);
    assert_int_equal(logged.count, 0);
    assert_int_equal(bkt_config_check(config, BKT_CONFIG_SOURCE, NULL, NULL, NULL), BKT_OK);
    assert_string_equal(logged.message, heard.message);
    assert_null(strstr(logged.message, "secret"));
    bkt_config_set_log(config, BKT_LOG_ERROR, log_it, &logged);
    assert_int_equal(bkt_config_check(config, BKT_CONFIG_SOURCE, NULL, NULL, NULL), BKT_OK);
    assert_int_equal(logged.count, 1);
    bkt_config_free(config);
}

static void checking_survives_oom(void **state)
{
    (void)state;
    static const struct check_case patterns = {{"included_patterns=a/{b,c}/*.md"}, NULL};
    struct bkt_config *config = configure(&patterns, true);
    size_t held = bkt_mem_live();
    for (long n = 0;; n++) {
        bkt_mem_fail_at(n);
        int rc = check_all(config);
        bool is_hit = bkt_mem_failed();
        bkt_mem_fail_at(-1);
        assert_int_equal(rc, is_hit ? BKT_ENOMEM : BKT_OK);
        assert_int_equal(bkt_mem_live(), held);
        if (!is_hit)
            break;
    }
    bkt_config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sources_must_fit),
        cmocka_unit_test(targets_must_fit),
        cmocka_unit_test(only_the_parts_in_use_are_looked_at),
        cmocka_unit_test(what_is_surely_not_meant_is_warned_of),
        cmocka_unit_test(what_no_callback_takes_is_logged),
        cmocka_unit_test(checking_survives_oom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
