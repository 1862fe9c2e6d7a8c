/* Regions to partitions, and hosts back to regions. */
#include "aws/partition.h"

#include "t.h"

static void partitions(void **state)
{
    (void)state;
    static const struct {
        const char *region;
        const char *id;
    } cases[] = {
        {"us-east-1", "aws"},
        {"ap-southeast-7", "aws"},
        {"mx-central-1", "aws"},
        {"cn-north-1", "aws-cn"},
        {"aws-cn-global", "aws-cn"},
        {"us-gov-west-1", "aws-us-gov"},
        {"us-iso-east-1", "aws-iso"},
        {"us-isob-east-1", "aws-iso-b"},
        {"eu-isoe-west-1", "aws-iso-e"},
        {"us-isof-south-1", "aws-iso-f"},
        {"eusc-de-east-1", "aws-eusc"},
        {"garage", "aws"},
        {"cn-north", "aws"},
        {"cn-north-1x", "aws"},
        {"", "aws"},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# %s\n", cases[i].region);
        assert_string_equal(bkt_partition_of_region(bkt_str_from(cases[i].region))->id,
                            cases[i].id);
    }
    assert_null(bkt_partition_by_id(BKT_STR("aws-mars")));
}

static void region_names(void **state)
{
    (void)state;
    static const char *const good[] = {"us-east-1", "garage", "a", "Region-1"};
    static const char *const bad[] = {
        "",    "us/east", "us.east",
        "-a",  "a-",      "us east",
        "a@b", "a_b",     "a:1",
        "a?b", "a#b",     "1234",
        "a\n", "%2f",     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    for (size_t i = 0; i < T_COUNT(good); i++)
        assert_true(bkt_region_is_valid(bkt_str_from(good[i])));
    for (size_t i = 0; i < T_COUNT(bad); i++)
        assert_false(bkt_region_is_valid(bkt_str_from(bad[i])));
    assert_false(bkt_region_is_valid((struct bkt_str){"a\0b", 3}));
}

static void regions_of_hosts(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        const char *service;
        const char *region;
    } cases[] = {
        {"sqs.eu-west-1.amazonaws.com", "sqs", "eu-west-1"},
        {"sqs.cn-north-1.amazonaws.com.cn", "sqs", "cn-north-1"},
        {"sqs-fips.us-east-2.amazonaws.com", "sqs", "us-east-2"},
        {"sqs.eu-west-1.api.aws", "sqs", "eu-west-1"},
        {"ap-south-1.queue.amazonaws.com", "sqs", "ap-south-1"},
        {"queue.amazonaws.com", "sqs", "us-east-1"},
        {"vpce-0a1b-2c3d.sqs.eu-west-1.vpce.amazonaws.com", "sqs", "eu-west-1"},
        {"s3.eu-west-1.amazonaws.com", "s3", "eu-west-1"},
        {"s3.dualstack.eu-west-1.amazonaws.com", "s3", "eu-west-1"},
        {"s3-fips.us-east-1.amazonaws.com", "s3", "us-east-1"},
        {"bucket.s3.eu-west-1.amazonaws.com", "s3", "eu-west-1"},
        {"bucket.vpce-1.s3.us-east-1.vpce.amazonaws.com", "s3", "us-east-1"},
        {"s3.amazonaws.com", "s3", "us-east-1"},
        {"s3.eu-west-1.amazonaws.com", "sqs", ""},
        {"sqs.eu-west-1.example.com", "sqs", ""},
        {"sqs.eu-west-1.notamazonaws.com", "sqs", ""},
        {"localhost", "sqs", ""},
        {"amazonaws.com", "sqs", ""},
        {"", "sqs", ""},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# %s\n", cases[i].host);
        struct bkt_str region = bkt_region_of_host(bkt_str_from(cases[i].host), cases[i].service);
        assert_true(bkt_str_eq(region, bkt_str_from(cases[i].region)));
    }
    assert_true(bkt_host_is_aws(BKT_STR("x.c2s.ic.gov")));
    assert_false(bkt_host_is_aws(BKT_STR("xc2s.ic.gov")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(partitions),
        cmocka_unit_test(region_names),
        cmocka_unit_test(regions_of_hosts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
