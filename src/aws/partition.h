/*
 * Regions, and the partitions that they belong to (botocore's partitions.json): what is needed to
 * make a host name of a region and a region of a host name.
 */
#ifndef AWS_PARTITION_H
#define AWS_PARTITION_H

#include "core/str.h"

enum { BKT_REGION_BYTES = 64 }; /* with the NUL */

struct bkt_partition {
    const char *id;          /* "aws-cn" */
    const char *suffix;      /* "amazonaws.com.cn" */
    const char *dual_suffix; /* of services other than S3, where IPv6 is wanted */
};

/* Never NULL: a region of no known shape belongs to "aws". */
const struct bkt_partition *bkt_partition_of_region(struct bkt_str region);

/* By its id; NULL when there is none. */
const struct bkt_partition *bkt_partition_by_id(struct bkt_str id);

/*
 * One label of a host name, and so nothing that could turn a host name into another one.  Any such
 * word will do: other servers have regions of their own.
 */
bool bkt_region_is_valid(struct bkt_str region);

/*
 * The region that an AWS host of that service ("s3", "sqs") is in: "sqs.eu-west-1.amazonaws.com",
 * "vpce-1.sqs.eu-west-1.vpce.amazonaws.com", "eu-west-1.queue.amazonaws.com", "s3.amazonaws.com"
 * (us-east-1).  An empty view for any other host; else a view of `host` or of a constant.
 */
struct bkt_str bkt_region_of_host(struct bkt_str host, const char *service);

/* Is it a host of AWS, of whichever partition? */
bool bkt_host_is_aws(struct bkt_str host);

#endif
