/*
 * The metadata service of an EC2 instance (IMDSv2: a token first, never without one).
 *
 * Asked at AWS_EC2_METADATA_SERVICE_ENDPOINT or the profile's ec2_metadata_service_endpoint, else
 * where the ..._ENDPOINT_MODE (IPv4, IPv6) says; never through a proxy.
 */
#ifndef AWS_IMDS_H
#define AWS_IMDS_H

#include "aws/creds_source.h"

enum { BKT_IMDS_URL_BYTES = 512, BKT_IMDS_TOKEN_BYTES = 1024 };

struct bkt_imds {
    const struct bkt_creds_ctx *ctx;
    char base[BKT_IMDS_URL_BYTES]; /* without a slash at the end */
    char token_header[BKT_IMDS_TOKEN_BYTES];
    uint32_t timeout_ms;
    uint32_t tries;
};

/*
 * Find the service and get a token.  `*out_there` is false, and `why` says it, where it is switched
 * off (AWS_EC2_METADATA_DISABLED) or nothing of the kind answers.
 */
BKT_MUST_CHECK int bkt_imds_open(const struct bkt_creds_ctx *ctx,
                                 struct bkt_imds *out,
                                 bool *out_there,
                                 char why[BKT_CREDS_WHY_BYTES],
                                 struct bkt_error *err);

/* GET base + path, with a new token when the old one is refused. */
BKT_MUST_CHECK int bkt_imds_get(struct bkt_imds *imds,
                                const char *path,
                                int *out_status,
                                struct bkt_buf *out_body,
                                struct bkt_error *err);

void bkt_imds_clear(struct bkt_imds *imds);

#endif
