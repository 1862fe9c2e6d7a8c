/*
 * What a content should be, as its sender said: checksums as S3 knows them.
 */
#ifndef CORE_CHECKSUM_H
#define CORE_CHECKSUM_H

#include "core/str.h"

enum bkt_checksum_kind {
    BKT_CHECKSUM_NONE,
    BKT_CHECKSUM_CRC32,
    BKT_CHECKSUM_CRC32C,
    BKT_CHECKSUM_CRC64NVME,
    BKT_CHECKSUM_MD5,
    BKT_CHECKSUM_SHA1,
    BKT_CHECKSUM_SHA256,
};

enum { BKT_CHECKSUM_BYTES_MAX = 32 };

/* All-zero is none, and matches everything. */
struct bkt_checksum {
    enum bkt_checksum_kind kind;
    unsigned char bytes[BKT_CHECKSUM_BYTES_MAX]; /* big-endian */
};

/* "CRC32C" */
const char *bkt_checksum_name(enum bkt_checksum_kind kind);

/* Of the bytes of one. */
size_t bkt_checksum_len(enum bkt_checksum_kind kind);

/* Also true where this machine's rules forbid to compute it (MD5 under FIPS). */
bool bkt_checksum_matches(const struct bkt_checksum *checksum, struct bkt_str content);

enum { BKT_MD5_HEX_BYTES = 2 * 16 + 1 };

/* In lower case.  False where this machine's rules forbid it. */
bool bkt_checksum_md5_hex(struct bkt_str content, char out[BKT_MD5_HEX_BYTES]);

#endif
