/* What stands for bytes on a terminal, and that it can be done in pieces of any length. */
#include "core/escape.h"

#include "t.h"

#include <bucketable/error.h>
#include <string.h>

enum { BYTES_MAX = 4096, ROUNDS = 2000, LEN_MAX = 40 };

static void assert_escaped(const char *bytes, size_t len, const char *expected)
{
    struct bkt_buf out = BKT_BUF_INIT(BYTES_MAX);
    assert_int_equal(bkt_escape_append(&out, (struct bkt_str){bytes, len}), BKT_OK);
    assert_string_equal(bkt_buf_str(&out).ptr, expected);
    bkt_buf_clear(&out);
}

static void strange_bytes_are_written_out(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        const char *expected;
    } cases[] = {
        {"", ""},
        {"docs/a b.txt~", "docs/a b.txt~"},
        {"\\", "\\\\"},
        {"\nab\tc\r", "\\nab\\tc\\r"},
        {"a\x1b[31m\x7f", "a\\x1b[31m\\x7f"},
        {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
        {"\xc2\x9b", "\\xc2\\x9b"}, /* CSI in one character */
        {"\xff\xc3", "\\xff\\xc3"},
        {"\xe2\x82x", "\\xe2\\x82x"},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++)
        assert_escaped(cases[i].bytes, strlen(cases[i].bytes), cases[i].expected);
    assert_escaped("a\0b", 3, "a\\x00b");
}

static void both_functions_agree(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int round = 0; round < ROUNDS; round++) {
        char bytes[LEN_MAX];
        char fixed[BYTES_MAX];
        size_t len = (size_t)round % LEN_MAX;
        for (size_t i = 0; i < len; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            /* Half of them plain, so that runs of either kind come about. */
            bytes[i] = seed >> 63 ? (char)('a' + (seed >> 40) % 26) : (char)(seed >> 40);
        }
        bkt_escape((struct bkt_str){bytes, len}, fixed, sizeof(fixed));
        assert_escaped(bytes, len, fixed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strange_bytes_are_written_out),
        cmocka_unit_test(both_functions_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
