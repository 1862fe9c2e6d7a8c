#include "core/checksum.h"

#include <openssl/evp.h>
#include <pthread.h>

/* Reflected polynomials: IEEE 802.3, Castagnoli, and the NVM Express specification's. */
#define POLYNOMIAL_CRC32     UINT64_C(0xedb88320)
#define POLYNOMIAL_CRC32C    UINT64_C(0x82f63b78)
#define POLYNOMIAL_CRC64NVME UINT64_C(0x9a6c9329ac4bc9b5)

/* Slicing by 8 (Kounavis, Berry 2005): eight bytes a step. */
struct crc_tables {
    uint64_t rows[8][256];
};

static struct crc_tables tables[3];

static void fill(struct crc_tables *table, uint64_t polynomial)
{
    for (uint64_t byte = 0; byte < 256; byte++) {
        uint64_t crc = byte;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (crc & 1 ? polynomial : 0);
        table->rows[0][byte] = crc;
    }
    for (size_t row = 1; row < 8; row++) {
        for (size_t byte = 0; byte < 256; byte++) {
            uint64_t crc = table->rows[row - 1][byte];
            table->rows[row][byte] = (crc >> 8) ^ table->rows[0][crc & 0xff];
        }
    }
}

static void fill_all(void)
{
    fill(&tables[0], POLYNOMIAL_CRC32);
    fill(&tables[1], POLYNOMIAL_CRC32C);
    fill(&tables[2], POLYNOMIAL_CRC64NVME);
}

static uint64_t load_le(const char *at)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < 8; i++)
        value |= (uint64_t)(unsigned char)at[i] << (8 * i);
    return value;
}

/* All ones before and after; `width` in bytes. */
static uint64_t crc_of(const struct crc_tables *table, size_t width, struct bkt_str content)
{
    uint64_t ones = width == 8 ? UINT64_MAX : UINT32_MAX;
    uint64_t crc = ones;
    const uint64_t(*rows)[256] = table->rows;
    const char *at = content.ptr;
    size_t left = content.len;
    for (; left >= 8; left -= 8, at += 8) {
        uint64_t word = load_le(at) ^ crc;
        crc = rows[7][word & 0xff] ^ rows[6][(word >> 8) & 0xff] ^ rows[5][(word >> 16) & 0xff] ^
              rows[4][(word >> 24) & 0xff] ^ rows[3][(word >> 32) & 0xff] ^
              rows[2][(word >> 40) & 0xff] ^ rows[1][(word >> 48) & 0xff] ^ rows[0][word >> 56];
    }
    for (; left > 0; left--, at++)
        crc = (crc >> 8) ^ rows[0][(crc ^ (unsigned char)*at) & 0xff];
    return crc ^ ones;
}

static const struct {
    const char *name;
    size_t len;
} kinds[] = {
    [BKT_CHECKSUM_NONE] = {"", 0},          [BKT_CHECKSUM_CRC32] = {"CRC32", 4},
    [BKT_CHECKSUM_CRC32C] = {"CRC32C", 4},  [BKT_CHECKSUM_CRC64NVME] = {"CRC64NVME", 8},
    [BKT_CHECKSUM_MD5] = {"MD5", 16},       [BKT_CHECKSUM_SHA1] = {"SHA1", 20},
    [BKT_CHECKSUM_SHA256] = {"SHA256", 32},
};

const char *bkt_checksum_name(enum bkt_checksum_kind kind)
{
    return kinds[kind].name;
}

size_t bkt_checksum_len(enum bkt_checksum_kind kind)
{
    return kinds[kind].len;
}

static bool crc_matches(const struct bkt_checksum *checksum, struct bkt_str content)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, fill_all);
    size_t width = kinds[checksum->kind].len;
    uint64_t crc = crc_of(&tables[checksum->kind - BKT_CHECKSUM_CRC32], width, content);
    for (size_t i = 0; i < width; i++) {
        if (checksum->bytes[i] != ((crc >> (8 * (width - 1 - i))) & 0xff))
            return false;
    }
    return true;
}

static bool digest_matches(const EVP_MD *method,
                           const struct bkt_checksum *checksum,
                           struct bkt_str content)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (EVP_Digest(content.ptr, content.len, digest, &len, method, NULL) != 1)
        return true;
    return len == kinds[checksum->kind].len && memcmp(digest, checksum->bytes, len) == 0;
}

bool bkt_checksum_matches(const struct bkt_checksum *checksum, struct bkt_str content)
{
    switch (checksum->kind) {
    case BKT_CHECKSUM_NONE:
        return true;
    case BKT_CHECKSUM_CRC32:
    case BKT_CHECKSUM_CRC32C:
    case BKT_CHECKSUM_CRC64NVME:
        return crc_matches(checksum, content);
    case BKT_CHECKSUM_MD5:
        return digest_matches(EVP_md5(), checksum, content);
    case BKT_CHECKSUM_SHA1:
        return digest_matches(EVP_sha1(), checksum, content);
    case BKT_CHECKSUM_SHA256:
        return digest_matches(EVP_sha256(), checksum, content);
    }
    return true;
}

bool bkt_checksum_md5_hex(struct bkt_str content, char out[BKT_MD5_HEX_BYTES])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (EVP_Digest(content.ptr, content.len, digest, &len, EVP_md5(), NULL) != 1)
        return false;
    bkt_hex(digest, kinds[BKT_CHECKSUM_MD5].len, out);
    return true;
}
