#include "core/str.h"

#include "core/ascii.h"

struct bkt_str bkt_str_trim(struct bkt_str str)
{
    while (str.len > 0 && bkt_is_space(str.ptr[str.len - 1]))
        str.len--;
    while (str.len > 0 && bkt_is_space(str.ptr[0]))
        str = bkt_str_skip(str, 1);
    return str;
}

bool bkt_str_eq_nocase(struct bkt_str a, struct bkt_str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (bkt_to_lower(a.ptr[i]) != bkt_to_lower(b.ptr[i]))
            return false;
    }
    return true;
}

void bkt_hex(const unsigned char *bytes, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * len] = '\0';
}

bool bkt_str_to_uint(struct bkt_str str, uint64_t *out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < str.len; i++) {
        uint64_t digit = (uint64_t)str.ptr[i] - '0';
        if (!bkt_is_digit(str.ptr[i]) || value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    if (str.len > 0)
        *out = value;
    return str.len > 0;
}
