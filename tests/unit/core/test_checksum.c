#include "core/checksum.h"

#include "t.h"

#include <stdio.h>

/* "123456789" and nothing: the check values of each algorithm's own specification. */
static const struct {
    enum bkt_checksum_kind kind;
    const char *content;
    const char *hex;
} cases[] = {
    {BKT_CHECKSUM_CRC32, "123456789", "cbf43926"},
    {BKT_CHECKSUM_CRC32, "", "00000000"},
    {BKT_CHECKSUM_CRC32C, "123456789", "e3069283"},
    {BKT_CHECKSUM_CRC32C, "", "00000000"},
    {BKT_CHECKSUM_CRC64NVME, "123456789", "ae8b14860a799888"},
    {BKT_CHECKSUM_CRC64NVME, "", "0000000000000000"},
    {BKT_CHECKSUM_MD5, "123456789", "25f9e794323b453885f5181f1b624d0b"},
    {BKT_CHECKSUM_MD5, "", "d41d8cd98f00b204e9800998ecf8427e"},
    {BKT_CHECKSUM_SHA1, "123456789", "f7c3bc1d808e04732adf679965ccc34ca7ae3441"},
    {BKT_CHECKSUM_SHA256, "123456789",
     "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"},
};

static struct bkt_checksum from_hex(enum bkt_checksum_kind kind, const char *hex)
{
    struct bkt_checksum checksum = {.kind = kind};
    assert_int_equal(strlen(hex), 2 * bkt_checksum_len(kind));
    for (size_t i = 0; hex[2 * i]; i++) {
        unsigned byte;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
        checksum.bytes[i] = (unsigned char)byte;
    }
    return checksum;
}

static void known_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bkt_checksum checksum = from_hex(cases[i].kind, cases[i].hex);
        struct bkt_str content = bkt_str_from(cases[i].content);
        assert_true(bkt_checksum_matches(&checksum, content));
        for (size_t byte = 0; byte < bkt_checksum_len(cases[i].kind); byte++) {
            checksum.bytes[byte] ^= 1;
            assert_false(bkt_checksum_matches(&checksum, content));
            checksum.bytes[byte] ^= 1;
        }
    }
}

/* Bit by bit, as the definition says. */
static uint64_t slow_crc64(const char *bytes, size_t len)
{
    uint64_t crc = UINT64_MAX;
    for (size_t i = 0; i < len; i++) {
        crc ^= (unsigned char)bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (crc & 1 ? UINT64_C(0x9a6c9329ac4bc9b5) : 0);
    }
    return ~crc;
}

static void every_length_and_alignment(void **state)
{
    (void)state;
    char bytes[80];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(i * 151 + 7);
    for (size_t from = 0; from < 8; from++) {
        for (size_t len = 0; len + from <= sizeof(bytes); len++) {
            struct bkt_checksum checksum = {.kind = BKT_CHECKSUM_CRC64NVME};
            uint64_t crc = slow_crc64(bytes + from, len);
            for (size_t i = 0; i < 8; i++)
                checksum.bytes[i] = (unsigned char)(crc >> (8 * (7 - i)));
            assert_true(bkt_checksum_matches(&checksum, (struct bkt_str){bytes + from, len}));
        }
    }
}

static void none_matches_everything(void **state)
{
    (void)state;
    struct bkt_checksum none = {.kind = BKT_CHECKSUM_NONE};
    assert_true(bkt_checksum_matches(&none, BKT_STR("anything")));
    assert_string_equal(bkt_checksum_name(BKT_CHECKSUM_CRC64NVME), "CRC64NVME");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_values),
        cmocka_unit_test(every_length_and_alignment),
        cmocka_unit_test(none_matches_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
