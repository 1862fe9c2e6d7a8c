#include "aws/partition.h"

#include "core/ascii.h"

static const struct {
    struct bkt_partition partition;
    const char *prefixes[10]; /* a region is PREFIX-word-digits */
} rows[] = {
    {{"aws", "amazonaws.com", "api.aws"},
     {"us", "eu", "ap", "sa", "ca", "me", "af", "il", "mx", NULL}},
    {{"aws-cn", "amazonaws.com.cn", "api.amazonwebservices.com.cn"}, {"cn", NULL}},
    {{"aws-us-gov", "amazonaws.com", "api.aws"}, {"us-gov", NULL}},
    {{"aws-eusc", "amazonaws.eu", "api.amazonwebservices.eu"}, {"eusc-de", NULL}},
    {{"aws-iso", "c2s.ic.gov", "api.aws.ic.gov"}, {"us-iso", NULL}},
    {{"aws-iso-b", "sc2s.sgov.gov", "api.aws.scloud"}, {"us-isob", NULL}},
    {{"aws-iso-e", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"}, {"eu-isoe", NULL}},
    {{"aws-iso-f", "csp.hci.ic.gov", "api.aws.hci.ic.gov"}, {"us-isof", NULL}},
};

enum { ROW_COUNT = sizeof(rows) / sizeof(rows[0]), LABELS_MAX = 12 };

/* "-word-digits" */
static bool is_word_and_number(struct bkt_str rest)
{
    size_t i = 0;
    if (rest.len == 0 || rest.ptr[i++] != '-')
        return false;
    size_t word = i;
    while (i < rest.len && (bkt_is_alnum(rest.ptr[i]) || rest.ptr[i] == '_'))
        i++;
    if (i == word || i == rest.len || rest.ptr[i++] != '-')
        return false;
    size_t number = i;
    while (i < rest.len && bkt_is_digit(rest.ptr[i]))
        i++;
    return i == rest.len && i > number;
}

const struct bkt_partition *bkt_partition_of_region(struct bkt_str region)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        for (const char *const *prefix = rows[i].prefixes; *prefix; prefix++) {
            struct bkt_str head = bkt_str_from(*prefix);
            if (bkt_str_has_prefix(region, head) &&
                is_word_and_number(bkt_str_skip(region, head.len)))
                return &rows[i].partition;
        }
    }
    if (bkt_str_eq(region, BKT_STR("aws-cn-global")))
        return bkt_partition_by_id(BKT_STR("aws-cn"));
    return &rows[0].partition;
}

const struct bkt_partition *bkt_partition_by_id(struct bkt_str id)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (bkt_str_eq(id, bkt_str_from(rows[i].partition.id)))
            return &rows[i].partition;
    }
    return NULL;
}

bool bkt_region_is_valid(struct bkt_str region)
{
    bool has_other = false;
    if (region.len == 0 || region.len >= BKT_REGION_BYTES || region.ptr[0] == '-' ||
        region.ptr[region.len - 1] == '-')
        return false;
    for (size_t i = 0; i < region.len; i++) {
        if (!bkt_is_alnum(region.ptr[i]) && region.ptr[i] != '-')
            return false;
        has_other = has_other || !bkt_is_digit(region.ptr[i]);
    }
    return has_other;
}

/* The part before ".suffix", or an empty view. */
static struct bkt_str before_suffix(struct bkt_str host, const char *suffix_text)
{
    struct bkt_str suffix = bkt_str_from(suffix_text);
    if (host.len <= suffix.len + 1 || !bkt_str_has_suffix(host, suffix))
        return (struct bkt_str){0};
    size_t len = host.len - suffix.len - 1;
    return host.ptr[len] == '.' ? (struct bkt_str){host.ptr, len} : (struct bkt_str){0};
}

static struct bkt_str before_aws_suffix(struct bkt_str host)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        struct bkt_str head = before_suffix(host, rows[i].partition.suffix);
        if (head.len == 0)
            head = before_suffix(host, rows[i].partition.dual_suffix);
        if (head.len > 0)
            return head;
    }
    return (struct bkt_str){0};
}

bool bkt_host_is_aws(struct bkt_str host)
{
    return before_aws_suffix(host).len > 0;
}

/* The labels from the end backwards, at most LABELS_MAX of them. */
static size_t split(struct bkt_str head, struct bkt_str labels[LABELS_MAX])
{
    size_t count = 0;
    size_t end = head.len;
    while (count < LABELS_MAX) {
        size_t start = end;
        while (start > 0 && head.ptr[start - 1] != '.')
            start--;
        labels[count++] = (struct bkt_str){head.ptr + start, end - start};
        if (start == 0)
            break;
        end = start - 1;
    }
    return count;
}

static bool names_service(struct bkt_str label, struct bkt_str service)
{
    return bkt_str_eq(label, service) ||
           (bkt_str_has_prefix(label, service) &&
            bkt_str_eq(bkt_str_skip(label, service.len), BKT_STR("-fips")));
}

struct bkt_str bkt_region_of_host(struct bkt_str host, const char *service_name)
{
    struct bkt_str labels[LABELS_MAX];
    struct bkt_str service = bkt_str_from(service_name);
    struct bkt_str none = {0};
    struct bkt_str head = before_aws_suffix(host);
    if (head.len == 0)
        return none;
    size_t count = split(head, labels);
    size_t i = 0;
    if (bkt_str_eq(labels[i], BKT_STR("vpce")))
        i++;
    if (i == count)
        return none;
    if (bkt_str_eq(service, BKT_STR("sqs")) && bkt_str_eq(labels[i], BKT_STR("queue")))
        return i + 1 < count ? labels[i + 1] : BKT_STR("us-east-1");
    if (i + 1 == count && bkt_str_eq(labels[i], service))
        return BKT_STR("us-east-1");

    struct bkt_str region = labels[i++];
    if (i < count && bkt_str_eq(labels[i], BKT_STR("dualstack")))
        i++;
    return i < count && names_service(labels[i], service) ? region : none;
}
