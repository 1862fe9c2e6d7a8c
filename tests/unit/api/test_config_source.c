/* Where the bucket ends and the prefix begins, and what is proposed for what is no source. */
#include "api/config_int.h"

#include "t.h"

#define ARN "arn:aws:s3:eu-west-1:123456789012:accesspoint"

static void sources_are_split(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        const char *bucket;
        const char *prefix;
    } cases[] = {
        {"s3://b", "b", ""},
        {"s3://b/", "b", ""},
        {"s3://b/p", "b", "p"},
        {"s3://b/p/q/", "b", "p/q/"},
        {"s3://b//p", "b", "/p"},
        {"s3://b/a%20b+c?d#e", "b", "a%20b+c?d#e"},
        {"s3://b/\xFF", "b", "\xFF"},
        {"s3://My_Bucket.x/p", "My_Bucket.x", "p"},
        {"s3://" ARN "/name", ARN "/name", ""},
        {"s3://" ARN "/name/", ARN "/name", ""},
        {"s3://" ARN "/name/a/b", ARN "/name", "a/b"},
        {"s3://" ARN ":name/a:b", ARN ":name", "a:b"},
        {"s3://arn:aws-cn:s3:cn-north-1:1:accesspoint/n/p",
         "arn:aws-cn:s3:cn-north-1:1:accesspoint/n", "p"},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# case %zu\n", i);
        struct bkt_config *config;
        assert_int_equal(bkt_config_new(&config, NULL), BKT_OK);
        assert_int_equal(bkt_config_source(config, cases[i].url, NULL), BKT_OK);
        assert_string_equal(bkt_config_string(config, "bucket_name"), cases[i].bucket);
        assert_string_equal(bkt_config_string(config, "prefix"), cases[i].prefix);
        bkt_config_free(config);
    }
}

static void what_is_no_source_is_told_how_to_be_one(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        const char *message; /* a part of it */
    } cases[] = {
        {"", "write s3://BUCKET/PREFIX, or the path of a spec file"},
        {"b/p", "write s3://b/p, or the path of a spec file"},
        {"docs.db", "write s3://BUCKET/PREFIX, or the path of a spec file"},
        {"/b", "write s3://BUCKET/PREFIX, or the path of a spec file"},
        {"S3://b/p", "source \"S3://b/p\": write \"s3://b/p\""},
        {"s3a://b/p", "write \"s3://b/p\""},
        {"s3:/b/p", "write s3://BUCKET/PREFIX"},
        {"gs://b/p", "write s3://BUCKET/PREFIX"},
        {"https://b.s3.amazonaws.com/p/q", "write s3://b/p/q"},
        {"https://my.b.s3.eu-west-1.amazonaws.com/p", "write s3://my.b/p"},
        {"https://b.s3-eu-west-1.amazonaws.com", "write s3://b/"},
        {"https://s3.eu-west-1.amazonaws.com/b/p/q", "write s3://b/p/q"},
        {"https://s3.eu-west-1.amazonaws.com/", "--endpoint-url"},
        {"https://", "--endpoint-url"},
        {"http://localhost:9000/b",
         "write s3://BUCKET/PREFIX and give the server with --endpoint-url"},
        {"s3://", "bucket_name: must not be empty"},
        {"s3:///p", "bucket_name: must not be empty"},
        {"s3://b c/p", "a bucket's name is made of letters"},
        {"s3://u:p@b/p", "the name alone is wanted, without user and password"},
        {"s3://../p", "no bucket has such a name"},
        {"s3://b--use1-az4--x-s3/p", "directory buckets"},
        {"s3://b--use1-az4--xa-s3/p", "directory buckets"},
        {"s3://alias--ol-s3/p", "Object Lambda access points are not supported"},
        {"s3://arn:aws:s3-object-lambda:us-east-1:1:accesspoint/n/p",
         "Object Lambda access points are not supported"},
        {"s3://arn:aws:s3express:us-east-1:1:bucket/n--x-s3/p", "directory buckets"},
        {"s3://arn:aws:s3-outposts:us-east-1:1:outpost/o/accesspoint/n", "no ARN of S3"},
        {"s3://arn:aws:s3::1:accesspoint/m.mrap/p", "multi-region access points are not supported"},
        {"s3://arn:aws:s3:::b/p", "a bucket goes by its name: write b"},
        {"s3://" ARN, "no access point"},
        {"s3://" ARN "/", "no access point"},
        {"s3://arn:aws:s3", "no whole ARN"},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# case %zu\n", i);
        struct bkt_config *config;
        struct bkt_error err = {0};
        assert_int_equal(bkt_config_new(&config, NULL), BKT_OK);
        assert_int_equal(bkt_config_source(config, cases[i].url, &err), BKT_ECONFIG);
        print_message("# %s\n", err.message);
        assert_non_null(strstr(err.message, cases[i].message));
        assert_null(bkt_config_string(config, "bucket_name"));
        bkt_config_free(config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sources_are_split),
        cmocka_unit_test(what_is_no_source_is_told_how_to_be_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
