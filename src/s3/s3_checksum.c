/* Which checksum of an object is worth verifying: what S3 sends along, or its ETag. */
#include "s3/s3_int.h"

#include <openssl/evp.h>

/* Digests cost a second for each GB or so; CRCs less than half of that. */
enum { DIGEST_OBJECT_BYTES_MAX = 1 << 20 };

static const struct {
    const char *header;
    enum bkt_checksum_kind kind;
} headers[] = {
    {"x-amz-checksum-crc64nvme", BKT_CHECKSUM_CRC64NVME},
    {"x-amz-checksum-crc32c", BKT_CHECKSUM_CRC32C},
    {"x-amz-checksum-crc32", BKT_CHECKSUM_CRC32},
    {"x-amz-checksum-sha256", BKT_CHECKSUM_SHA256},
    {"x-amz-checksum-sha1", BKT_CHECKSUM_SHA1},
};

/* Base64.  A composite one, of parts' checksums, has "-N" behind it: that is none of the object. */
static bool decode(struct bkt_str text, enum bkt_checksum_kind kind, struct bkt_checksum *out)
{
    unsigned char bytes[48];
    size_t len = bkt_checksum_len(kind);
    if (text.len != (len + 2) / 3 * 4 ||
        EVP_DecodeBlock(bytes, (const unsigned char *)text.ptr, (int)text.len) < (int)len)
        return false;
    out->kind = kind;
    memcpy(out->bytes, bytes, len);
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/*
 * The ETag is the MD5 of an object that was uploaded in one piece, unless it is encrypted with keys
 * of KMS or the customer's (Amazon S3 API Reference, "Object").  Other servers make theirs of other
 * things: only what says that it is S3 or MinIO is believed.
 */
static bool etag_is_md5(const struct bkt_http_response *response)
{
    struct bkt_str server = bkt_http_header_get(response, "server");
    struct bkt_str encryption = bkt_http_header_get(response, "x-amz-server-side-encryption");
    bool is_plain = encryption.len == 0 || bkt_str_eq(encryption, BKT_STR("AES256"));
    bool is_customers =
        bkt_http_header_get(response, "x-amz-server-side-encryption-customer-algorithm").len > 0;
    return is_plain && !is_customers &&
           (bkt_str_eq(server, BKT_STR("AmazonS3")) || bkt_str_eq(server, BKT_STR("MinIO")));
}

static bool from_etag(const struct bkt_http_response *response, struct bkt_checksum *out)
{
    struct bkt_str etag = bkt_bare_etag(bkt_http_header_get(response, "etag"));
    if (etag.len != 32 || !etag_is_md5(response))
        return false;
    for (size_t i = 0; i < 16; i++) {
        int high = hex_digit(etag.ptr[2 * i]);
        int low = hex_digit(etag.ptr[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out->bytes[i] = (unsigned char)(high << 4 | low);
    }
    out->kind = BKT_CHECKSUM_MD5;
    return true;
}

void s3_checksum_of(const struct bkt_http_response *response, struct bkt_checksum *out)
{
    *out = (struct bkt_checksum){.kind = BKT_CHECKSUM_NONE};
    bool is_small = response->content_length <= DIGEST_OBJECT_BYTES_MAX;
    bool is_composite =
        bkt_str_eq(bkt_http_header_get(response, "x-amz-checksum-type"), BKT_STR("COMPOSITE"));
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]) && !is_composite; i++) {
        bool is_cheap = headers[i].kind <= BKT_CHECKSUM_CRC64NVME;
        if ((is_cheap || is_small) &&
            decode(bkt_http_header_get(response, headers[i].header), headers[i].kind, out))
            return;
    }
    if (is_small && !from_etag(response, out))
        *out = (struct bkt_checksum){.kind = BKT_CHECKSUM_NONE};
}
