/*
 * Where requests go: each form of a bucket, a queue and an endpoint URL with the URL, region and
 * service that come of it, or the words that refuse it.
 */
#include "aws/endpoint.h"

#include "../../fake/fake_env.h"
#include "t.h"

#define AUTO BKT_PATH_STYLE_AUTO
#define PATH BKT_PATH_STYLE_TRUE
#define HOST BKT_PATH_STYLE_FALSE

/* "https://host/base region service" */
static const char *shown(const struct bkt_endpoint *e)
{
    static char text[2048];
    (void)snprintf(text, sizeof(text), "%s://%s%s %s %s", e->scheme, e->authority, e->base_path,
                   e->region, e->service);
    return text;
}

static void buckets(void **state)
{
    (void)state;
    static const struct {
        const char *bucket;
        const char *region;
        const char *url;
        enum bkt_path_style style;
        struct bkt_endpoint_switches on;
        const char *expected; /* or, where it has no "://", a part of the message */
    } cases[] = {
        {"bkt", "eu-west-1", "", AUTO, {0}, "https://bkt.s3.eu-west-1.amazonaws.com eu-west-1 s3"},
        {"bkt", "us-east-1", "", AUTO, {0}, "https://bkt.s3.us-east-1.amazonaws.com us-east-1 s3"},
        {"bkt", "us-east-1", "", PATH, {0}, "https://s3.us-east-1.amazonaws.com/bkt us-east-1 s3"},
        {"bkt",
         "cn-north-1",
         "",
         AUTO,
         {0},
         "https://bkt.s3.cn-north-1.amazonaws.com.cn cn-north-1 s3"},
        {"bkt", "aws-global", "", AUTO, {0}, "https://bkt.s3.amazonaws.com us-east-1 s3"},
        {"bkt",
         "us-east-1",
         "",
         AUTO,
         {.fips = true},
         "https://bkt.s3-fips.us-east-1.amazonaws.com us-east-1 s3"},
        {"bkt",
         "us-east-1",
         "",
         AUTO,
         {.dualstack = true},
         "https://bkt.s3.dualstack.us-east-1.amazonaws.com us-east-1 s3"},
        {"bkt",
         "us-east-1",
         "",
         AUTO,
         {.fips = true, .dualstack = true},
         "https://bkt.s3-fips.dualstack.us-east-1.amazonaws.com us-east-1 s3"},
        {"bkt", "cn-north-1", "", AUTO, {.fips = true}, "there is none in aws-cn"},
        {"bkt", "us-east-1", "http://a", AUTO, {.fips = true}, "use_fips_endpoint cannot"},
        {"bkt",
         "us-east-1",
         "http://a",
         AUTO,
         {.dualstack = true},
         "use_dualstack_endpoint cannot"},
        {"my.bkt",
         "us-east-1",
         "",
         AUTO,
         {0},
         "https://s3.us-east-1.amazonaws.com/my.bkt us-east-1 s3"},
        {"my.bkt",
         "us-east-1",
         "",
         HOST,
         {0},
         "https://s3.us-east-1.amazonaws.com/my.bkt us-east-1 s3"},
        {"My_Bkt",
         "us-east-1",
         "",
         AUTO,
         {0},
         "https://s3.us-east-1.amazonaws.com/My_Bkt us-east-1 s3"},
        {"ab", "us-east-1", "", HOST, {0}, "https://s3.us-east-1.amazonaws.com/ab us-east-1 s3"},
        {"bkt-",
         "us-east-1",
         "",
         AUTO,
         {0},
         "https://s3.us-east-1.amazonaws.com/bkt- us-east-1 s3"},
        {"bkt-abc123-s3alias",
         "us-east-1",
         "",
         AUTO,
         {0},
         "https://bkt-abc123-s3alias.s3.us-east-1.amazonaws.com us-east-1 s3"},

        {"bkt",
         "us-east-1",
         "http://localhost:9000",
         AUTO,
         {0},
         "http://localhost:9000/bkt us-east-1 s3"},
        {"bkt",
         "us-east-1",
         "http://127.0.0.1:9000/",
         AUTO,
         {0},
         "http://127.0.0.1:9000/bkt us-east-1 s3"},
        {"bkt",
         "us-east-1",
         "http://127.0.0.1:9000",
         HOST,
         {0},
         "http://127.0.0.1:9000/bkt us-east-1 s3"},
        {"bkt", "us-east-1", "http://[::1]:9000", HOST, {0}, "http://[::1]:9000/bkt us-east-1 s3"},
        {"bkt",
         "us-east-1",
         "https://minio.example.com",
         AUTO,
         {0},
         "https://minio.example.com/bkt us-east-1 s3"},
        {"bkt",
         "us-east-1",
         "https://minio.example.com/",
         HOST,
         {0},
         "https://bkt.minio.example.com us-east-1 s3"},
        {"my.bkt",
         "us-east-1",
         "https://minio.example.com",
         HOST,
         {0},
         "https://minio.example.com/my.bkt us-east-1 s3"},
        {"my.bkt",
         "us-east-1",
         "http://minio.example.com",
         HOST,
         {0},
         "http://my.bkt.minio.example.com us-east-1 s3"},
        {"my..bkt",
         "us-east-1",
         "http://minio.example.com",
         HOST,
         {0},
         "http://minio.example.com/my..bkt us-east-1 s3"},
        {"my.-bkt",
         "us-east-1",
         "http://minio.example.com",
         HOST,
         {0},
         "http://minio.example.com/my.-bkt us-east-1 s3"},
        {"1.2.3.4",
         "us-east-1",
         "http://minio.example.com",
         HOST,
         {0},
         "http://minio.example.com/1.2.3.4 us-east-1 s3"},
        {"bkt",
         "garage",
         "http://host_1:3900/s3/",
         AUTO,
         {0},
         "http://host_1:3900/s3/bkt garage s3"},
        {"bkt",
         "us-east-1",
         "https://a.example:443",
         AUTO,
         {0},
         "https://a.example/bkt us-east-1 s3"},
        {"bkt",
         "us-east-1",
         "http://a.example:80/x",
         HOST,
         {0},
         "http://bkt.a.example/x us-east-1 s3"},
        {"bkt",
         "us-east-1",
         "http://a.example:443",
         AUTO,
         {0},
         "http://a.example:443/bkt us-east-1 s3"},

        {"arn:aws:s3:us-west-2:123456789012:accesspoint/the-ap",
         "us-east-1",
         "",
         AUTO,
         {0},
         "https://the-ap-123456789012.s3-accesspoint.us-west-2.amazonaws.com us-west-2 s3"},
        {"arn:aws:s3:us-west-2:123456789012:accesspoint:my-ap",
         "us-west-2",
         "",
         HOST,
         {.fips = true, .dualstack = true},
         "https://my-ap-123456789012.s3-accesspoint-fips.dualstack.us-west-2.amazonaws.com "
         "us-west-2 s3"},
        {"arn:aws:s3:us-west-2:123456789012:accesspoint/my-ap",
         "us-west-2",
         "http://a.example",
         AUTO,
         {0},
         "http://my-ap-123456789012.a.example us-west-2 s3"},
        {"arn:aws:s3:us-west-2:123456789012:accesspoint/my-ap",
         "us-west-2",
         "http://127.0.0.1",
         AUTO,
         {0},
         "cannot be asked at an IP address"},
        {"arn:aws:s3:us-west-2:123456789012:accesspoint/my-ap",
         "us-west-2",
         "",
         PATH,
         {0},
         "cannot be asked in path style"},
        {"arn:aws:s3:us-west-2:123456789012:accesspoint/my-ap",
         "us-east-1",
         "",
         AUTO,
         {.ignore_arn_region = true},
         "the access point is in us-west-2"},
        {"arn:aws-cn:s3:us-west-2:123456789012:accesspoint/my-ap",
         "us-west-2",
         "",
         AUTO,
         {0},
         "not in its partition"},
        {"arn:aws:s3:us-west-2:12:accesspoint/my-ap",
         "us-west-2",
         "",
         AUTO,
         {0},
         "the ARN is not of the form"},
        {"arn:aws:s3:us-west-2:123456789012:accesspoint/my-ap/x",
         "us-west-2",
         "",
         AUTO,
         {0},
         "the ARN is not of the form"},
        {"arn:aws:s3:us-west-2:123456789012:accesspoint/",
         "us-west-2",
         "",
         AUTO,
         {0},
         "the ARN is not of the form"},
        {"arn:aws:s3:evil.com/:123456789012:accesspoint/my-ap",
         "us-west-2",
         "",
         AUTO,
         {0},
         "the region is no valid name"},
        {"arn:aws:s3::123456789012:accesspoint/mfzwi23gnjvgw.mrap",
         "us-west-2",
         "",
         AUTO,
         {0},
         "multi-region access point, which is not supported"},
        {"arn:aws:s3-object-lambda:us-west-2:123456789012:accesspoint/x",
         "us-west-2",
         "",
         AUTO,
         {0},
         "Object Lambda access point, which is not supported"},
        {"arn:aws:s3-outposts:us-west-2:123456789012:outpost/op-1/accesspoint/x",
         "us-west-2",
         "",
         AUTO,
         {0},
         "Outposts, which is not supported"},
        {"arn:aws:s3express:us-west-2:123456789012:bucket/b--usw2-az1--x-s3",
         "us-west-2",
         "",
         AUTO,
         {0},
         "directory bucket (S3 Express One Zone), which is not supported"},
        {"arn:aws:s3:::bkt", "us-west-2", "", AUTO, {0}, "a bucket is given by its bare name"},
        {"arn:aws:sqs:us-west-2:123456789012:q", "us-west-2", "", AUTO, {0}, "not one of S3"},
        {"arn:aws:s3", "us-west-2", "", AUTO, {0}, "an ARN with parts missing"},

        {"bkt--usw2-az1--x-s3", "us-west-2", "", AUTO, {0}, "is a directory bucket"},
        {"bkt--usw2-az1--xa-s3", "us-west-2", "", AUTO, {0}, "access point of a directory bucket"},
        {"ap-abc--ol-s3", "us-west-2", "", AUTO, {0}, "is an Object Lambda access point"},
        {"mfzwi23gnjvgw.mrap", "us-west-2", "", AUTO, {0}, "is a multi-region access point"},
        {"", "us-west-2", "", AUTO, {0}, "the bucket has no name"},
        {"..", "us-west-2", "", AUTO, {0}, "not valid"},
        {"a/b", "us-west-2", "", AUTO, {0}, "something else at byte 1"},
        {"a@b", "us-west-2", "", AUTO, {0}, "something else at byte 1"},
        {"bkt", "evil.com/", "", AUTO, {0}, "the region is no valid name"},
        {"bkt", "a.b", "http://localhost", AUTO, {0}, "the region is no valid name"},
        {"bkt", "", "", AUTO, {0}, "the region is no valid name"},
    };

    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# %s in %s at %s\n", cases[i].bucket, cases[i].region, cases[i].url);
        struct bkt_endpoint_s3_request request = {
            .bucket = bkt_str_from(cases[i].bucket),
            .region = bkt_str_from(cases[i].region),
            .endpoint_url = bkt_str_from(cases[i].url),
            .path_style = cases[i].style,
            .switches = cases[i].on,
        };
        struct bkt_endpoint endpoint;
        struct bkt_error err;
        int rc = bkt_endpoint_s3(&request, &endpoint, &err);
        if (strstr(cases[i].expected, "://")) {
            assert_int_equal(rc, BKT_OK);
            assert_string_equal(shown(&endpoint), cases[i].expected);
            bool in_path = strncmp(endpoint.authority, cases[i].bucket, 3) != 0 &&
                           strncmp(cases[i].bucket, "arn:", 4) != 0;
            assert_int_equal(endpoint.path_style, in_path);
        } else {
            assert_int_equal(rc, BKT_ECONFIG);
            assert_non_null(strstr(err.message, cases[i].expected));
        }
    }
}

static void urls_that_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        const char *message;
    } cases[] = {
        {"localhost:9000", "U localhost:9000 has no scheme; write http://localhost:9000"},
        {"127.0.0.1", "U 127.0.0.1 has no scheme; write http://127.0.0.1"},
        {"minio:9000", "U minio:9000 has no scheme; write http://minio:9000"},
        {"s3.example.com", "U s3.example.com has no scheme; write https://s3.example.com"},
        {"user:HUSH@host", "U does not begin with http:// or https://"},
        {"", "U does not begin with http:// or https://"},
        {"ftp://a", "U must begin with http:// or https://"},
        {"file:///etc/passwd", "U must begin with http:// or https://"},
        {"http://user:HUSH@host", "U must not hold a user name or password"},
        {"http://host?HUSH=1", "U must not hold a query or a fragment"},
        {"http://host/a#HUSH", "U must not hold a query or a fragment"},
        {"http://", "U holds no valid host name"},
        {"http:///x", "U holds no valid host name"},
        {"http://a..b", "U holds no valid host name"},
        {"http://a b", "U holds no valid host name"},
        {"http://a\\b", "U holds no valid host name"},
        {"http://a%2eb", "U holds no valid host name"},
        {"http://[::1", "U holds no valid IPv6 address in []"},
        {"http://[]", "U holds no valid IPv6 address in []"},
        {"http://[fe80::1%25eth0]", "U holds no valid IPv6 address in []"},
        {"http://a:", "U holds no valid port"},
        {"http://a:0", "U holds no valid port"},
        {"http://a:65536", "U holds no valid port"},
        {"http://a:8x", "U holds no valid port"},
        {"http://[::1]x", "U holds no valid port"},
        {"http://a/../b", "U holds a path that cannot be used"},
        {"http://a//b", "U holds a path that cannot be used"},
        {"http://a/b c", "U holds a path that cannot be used"},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# %s\n", cases[i].url);
        struct bkt_endpoint_url url;
        struct bkt_error err;
        assert_int_equal(bkt_endpoint_url_parse(bkt_str_from(cases[i].url), "U", &url, &err),
                         BKT_ECONFIG);
        assert_string_equal(err.message, cases[i].message);
    }
}

static void queues(void **state)
{
    (void)state;
    static const struct {
        const char *queue;
        const char *option;
        const char *region;
        const char *url;
        const char *expected;
    } cases[] = {
        {"https://sqs.eu-west-1.amazonaws.com/123456789012/q", "", "us-east-1", "",
         "https://sqs.eu-west-1.amazonaws.com eu-west-1 sqs"},
        {"https://sqs.eu-west-1.amazonaws.com/123456789012/q", "eu-central-1", "us-east-1", "",
         "https://sqs.eu-west-1.amazonaws.com eu-central-1 sqs"},
        {"https://queue.amazonaws.com/123456789012/q", "", "eu-west-1", "",
         "https://queue.amazonaws.com us-east-1 sqs"},
        {"https://vpce-1.sqs.eu-west-1.vpce.amazonaws.com/123456789012/q", "", "", "",
         "https://vpce-1.sqs.eu-west-1.vpce.amazonaws.com eu-west-1 sqs"},
        {"http://localhost:4566/000000000000/q", "", "eu-west-1", "",
         "http://localhost:4566 eu-west-1 sqs"},
        {"http://localhost:9324/000000000000/q", "", "", "", "http://localhost:9324 us-east-1 sqs"},
        {"https://sqs.eu-west-1.amazonaws.com/123456789012/q", "", "", "http://127.0.0.1:9324/b",
         "http://127.0.0.1:9324/b eu-west-1 sqs"},
        {"", "", "eu-west-1", "", "https://sqs.eu-west-1.amazonaws.com eu-west-1 sqs"},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# %s\n", cases[i].queue);
        struct bkt_endpoint_sqs_request request = {
            .queue_url = bkt_str_from(cases[i].queue),
            .region_option = bkt_str_from(cases[i].option),
            .region = bkt_str_from(cases[i].region),
            .endpoint_url = bkt_str_from(cases[i].url),
        };
        struct bkt_endpoint endpoint;
        assert_int_equal(bkt_endpoint_sqs(&request, &endpoint, NULL), BKT_OK);
        assert_string_equal(shown(&endpoint), cases[i].expected);
    }
}

static void services(void **state)
{
    (void)state;
    static const struct {
        const char *region;
        const char *url;
        struct bkt_endpoint_switches on;
        const char *expected;
    } cases[] = {
        {"eu-west-1", "", {0}, "https://sts.eu-west-1.amazonaws.com eu-west-1 sts"},
        {"cn-north-1", "", {0}, "https://sts.cn-north-1.amazonaws.com.cn cn-north-1 sts"},
        {"aws-global", "", {0}, "https://sts.amazonaws.com us-east-1 sts"},
        {"us-east-1", "", {.fips = true}, "https://sts-fips.us-east-1.amazonaws.com us-east-1 sts"},
        {"us-gov-west-1",
         "",
         {.fips = true},
         "https://sts.us-gov-west-1.amazonaws.com us-gov-west-1 sts"},
        {"eu-west-1", "", {.dualstack = true}, "https://sts.eu-west-1.api.aws eu-west-1 sts"},
        {"eu-west-1", "http://127.0.0.1:9000", {0}, "http://127.0.0.1:9000 eu-west-1 sts"},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# %s\n", cases[i].expected);
        struct bkt_endpoint endpoint;
        assert_int_equal(bkt_endpoint_service("sts", "sts", bkt_str_from(cases[i].region),
                                              bkt_str_from(cases[i].url), cases[i].on, &endpoint,
                                              NULL),
                         BKT_OK);
        assert_string_equal(shown(&endpoint), cases[i].expected);
    }
}

struct fixture {
    struct fake_env fake;
    struct bkt_profiles profiles;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    fake_env_init(&f->fake);
    fake_env_write(&f->fake, ".aws/config",
                   "[default]\nservices = v\nendpoint_url = http://profile\n"
                   "[profile plain]\nendpoint_url = http://plain\n"
                   "[profile quiet]\nendpoint_url = http://quiet\n"
                   "ignore_configured_endpoint_urls = TRUE\n"
                   "[profile lost]\nservices = w\n"
                   "[profile on]\nuse_fips_endpoint = true\nuse_dualstack_endpoint = true\n"
                   "s3_use_arn_region = false\n"
                   "[services v]\ns3 =\n  endpoint_url = http://block-s3\n");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    bkt_profiles_clear(&f->profiles);
    fake_env_clear(&f->fake);
    free(f);
    return bkt_mem_live() == 0 ? 0 : -1;
}

static const char *found(struct fixture *f,
                         const char *profile,
                         const char *service,
                         const char *option)
{
    static char text[1024];
    struct bkt_str url;
    struct bkt_error err;
    bkt_profiles_clear(&f->profiles);
    assert_int_equal(bkt_profiles_load(&f->fake.env, profile, &f->profiles, &err), BKT_OK);
    int rc = bkt_endpoint_url_find(&f->fake.env, &f->profiles, service, bkt_str_from(option), &url,
                                   &err);
    if (rc)
        (void)snprintf(text, sizeof(text), "%s", err.message);
    else
        (void)snprintf(text, sizeof(text), "%.*s", BKT_STR_ARG(url));
    return text;
}

static void precedence(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(found(f, NULL, "s3", ""), "http://block-s3");
    assert_string_equal(found(f, NULL, "sqs", ""), "http://profile");
    assert_string_equal(found(f, "plain", "s3", ""), "http://plain");
    assert_string_equal(found(f, "quiet", "s3", ""), "");
    assert_string_equal(found(f, "quiet", "s3", "http://option"), "http://option");
    assert_non_null(strstr(found(f, "lost", "s3", ""), "there is no section [services w]"));

    fake_env_set(&f->fake, "AWS_ENDPOINT_URL", "http://env");
    assert_string_equal(found(f, NULL, "s3", ""), "http://env");
    fake_env_set(&f->fake, "AWS_ENDPOINT_URL_SSO_OIDC", "http://env-oidc");
    assert_string_equal(found(f, NULL, "sso_oidc", ""), "http://env-oidc");
    assert_string_equal(found(f, NULL, "s3", ""), "http://env");
    assert_string_equal(found(f, NULL, "s3", "http://option"), "http://option");
    assert_string_equal(found(f, "quiet", "s3", ""), "");

    fake_env_set(&f->fake, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "True");
    assert_string_equal(found(f, NULL, "s3", ""), "");
    assert_string_equal(found(f, NULL, "s3", "http://option"), "http://option");
}

static void switches(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(bkt_profiles_load(&f->fake.env, "on", &f->profiles, NULL), BKT_OK);
    struct bkt_endpoint_switches on = bkt_endpoint_switches_find(&f->fake.env, &f->profiles);
    assert_true(on.fips && on.dualstack && on.ignore_arn_region);
    fake_env_set(&f->fake, "AWS_USE_FIPS_ENDPOINT", "false");
    fake_env_set(&f->fake, "AWS_USE_DUALSTACK_ENDPOINT", "false");
    fake_env_set(&f->fake, "AWS_S3_USE_ARN_REGION", "true");
    on = bkt_endpoint_switches_find(&f->fake.env, &f->profiles);
    assert_false(on.fips || on.dualstack || on.ignore_arn_region);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buckets),
        cmocka_unit_test(urls_that_are_refused),
        cmocka_unit_test(queues),
        cmocka_unit_test(services),
        cmocka_unit_test_setup_teardown(precedence, setup, teardown),
        cmocka_unit_test_setup_teardown(switches, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
