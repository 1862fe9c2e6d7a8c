#include "api/config_value.h"

#include <stdio.h>
#include <strings.h>

struct unit {
    const char *name;
    uint64_t factor;
};

/* A decimal number as an integer and the nine digits after the point. */
struct decimal {
    uint64_t whole;
    uint64_t billionths;
    bool has_fraction;
};

enum { FRACTION_DIGITS = 9, FRACTION_ONE = 1000000000 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* How many digits from `at`; false when their number does not fit. */
static bool read_digits(struct bkt_str text, size_t *at, uint64_t *out_value)
{
    uint64_t value = 0;
    for (; *at < text.len && is_digit(text.ptr[*at]); (*at)++) {
        uint64_t digit = (uint64_t)(text.ptr[*at] - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out_value = value;
    return true;
}

/* Read up to the unit.  Digits of the fraction after the ninth do not count. */
static bool read_decimal(
    struct bkt_str text, size_t *at, struct decimal *out, const char *what, const char **out_why)
{
    *out_why = what;
    *out = (struct decimal){0};
    if (text.len == 0 || !is_digit(text.ptr[0]))
        return false;
    if (!read_digits(text, at, &out->whole)) {
        *out_why = "too large";
        return false;
    }
    if (*at == text.len || text.ptr[*at] != '.')
        return true;

    size_t first = ++*at;
    out->has_fraction = true;
    uint64_t weight = FRACTION_ONE / 10;
    for (; *at < text.len && is_digit(text.ptr[*at]); (*at)++, weight /= 10)
        out->billionths += (uint64_t)(text.ptr[*at] - '0') * weight;
    return *at > first;
}

static bool find_unit(struct bkt_str name,
                      const struct unit *units,
                      size_t count,
                      uint64_t *out_factor)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(units[i].name) == name.len &&
            strncasecmp(units[i].name, name.ptr, name.len) == 0) {
            *out_factor = units[i].factor;
            return true;
        }
    }
    return false;
}

static bool scale(const struct decimal *number, uint64_t factor, uint64_t *out_value)
{
    /* Both parts in integers: the whole factor may be over what a double holds exactly. */
    uint64_t part = factor / FRACTION_ONE * number->billionths +
                    factor % FRACTION_ONE * number->billionths / FRACTION_ONE;
    if (number->whole > (UINT64_MAX - part) / factor)
        return false;
    *out_value = number->whole * factor + part;
    return true;
}

bool bkt_value_uint(struct bkt_str text, uint64_t *out_value, const char **out_why)
{
    size_t at = 0;
    *out_why = "a number is wanted";
    if (text.len == 0)
        return false;
    if (!read_digits(text, &at, out_value)) {
        *out_why = "too large";
        return false;
    }
    return at == text.len;
}

bool bkt_value_size(struct bkt_str text, uint64_t *out_bytes, const char **out_why)
{
    static const struct unit units[] = {
        {"", 1},
        {"B", 1},
        {"KB", 1000},
        {"MB", 1000000},
        {"GB", 1000000000},
        {"TB", 1000000000000},
        {"PB", 1000000000000000},
        {"EB", 1000000000000000000},
        {"KiB", (uint64_t)1 << 10},
        {"MiB", (uint64_t)1 << 20},
        {"GiB", (uint64_t)1 << 30},
        {"TiB", (uint64_t)1 << 40},
        {"PiB", (uint64_t)1 << 50},
        {"EiB", (uint64_t)1 << 60},
    };
    static const char what[] = "a size is wanted: 10485760, 10MB or 10MiB";
    size_t at = 0;
    struct decimal number;
    if (!read_decimal(text, &at, &number, what, out_why))
        return false;

    uint64_t factor;
    struct bkt_str unit = {text.ptr + at, text.len - at};
    *out_why = what;
    if (!find_unit(unit, units, sizeof(units) / sizeof(units[0]), &factor))
        return false;
    if (factor == 1 && number.has_fraction) {
        *out_why = "there is no fraction of a byte";
        return false;
    }
    *out_why = "too large";
    return scale(&number, factor, out_bytes);
}

bool bkt_value_duration(struct bkt_str text, uint64_t *out_ms, const char **out_why)
{
    static const struct unit units[] = {
        {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000},
    };
    static const char what[] = "a duration is wanted: 250ms, 30s, 5m, 2h or 1d";
    size_t at = 0;
    struct decimal number;
    if (!read_decimal(text, &at, &number, what, out_why))
        return false;
    if (at == text.len) {
        *out_why = "a duration needs a unit: ms, s, m, h or d";
        return false;
    }

    uint64_t factor;
    struct bkt_str unit = {text.ptr + at, text.len - at};
    *out_why = what;
    if (!find_unit(unit, units, sizeof(units) / sizeof(units[0]), &factor))
        return false;
    *out_why = "too large";
    return scale(&number, factor, out_ms);
}

bool bkt_value_deletes(struct bkt_str text, struct bkt_deletes *out_deletes, const char **out_why)
{
    struct bkt_deletes deletes = {0};
    if (text.len > 0 && text.ptr[text.len - 1] == '%') {
        deletes.is_percent = true;
        text.len--;
    }
    if (!bkt_value_uint(text, &deletes.number, out_why) ||
        (deletes.is_percent && deletes.number > 100)) {
        *out_why = "a count of rows or a percentage from 0% to 100% is wanted";
        return false;
    }
    *out_deletes = deletes;
    return true;
}

/* Of a URL that is in the wrong place: "://user:PASSWORD@", up to the last "@". */
static struct bkt_str password_in(struct bkt_str text)
{
    size_t start = 0;
    size_t end = text.len;
    while (end > 0 && text.ptr[end - 1] != '@')
        end--;
    while (start + 3 <= end && memcmp(text.ptr + start, "://", 3) != 0)
        start++;
    const char *colon =
        start + 3 <= end ? memchr(text.ptr + start + 3, ':', end - start - 3) : NULL;
    return colon ? (struct bkt_str){colon + 1, (size_t)(text.ptr + end - colon) - 2}
                 : (struct bkt_str){"", 0};
}

const char *bkt_quote(char out[BKT_QUOTE_BYTES], struct bkt_str text)
{
    enum { TAIL_BYTES = 5 }; /* `..."` and the NUL */
    static const char stars[] = "***";
    struct bkt_str password = password_in(text);
    size_t len = 0;
    size_t at = 0;
    out[len++] = '"';
    while (at < text.len) {
        if (password.len > 0 && text.ptr + at == password.ptr) {
            if (len + sizeof(stars) - 1 + TAIL_BYTES > BKT_QUOTE_BYTES)
                break;
            memcpy(out + len, stars, sizeof(stars) - 1);
            len += sizeof(stars) - 1;
            at += password.len;
            continue;
        }
        unsigned char byte = (unsigned char)text.ptr[at];
        size_t more = byte < 0x20 || byte == 0x7F ? 4 : 1;
        if (len + more + TAIL_BYTES > BKT_QUOTE_BYTES)
            break;
        if (more == 4) {
            (void)snprintf(out + len, more + 1, "\\x%02x", byte);
        } else {
            out[len] = (char)byte;
        }
        len += more;
        at++;
    }
    if (at < text.len) {
        /* Not in the middle of a character. */
        while (len > 1 && (out[len - 1] & 0xC0) == 0x80)
            len--;
        if (len > 1 && (out[len - 1] & 0x80))
            len--;
    }
    (void)snprintf(out + len, BKT_QUOTE_BYTES - len, "%s\"", at < text.len ? "..." : "");
    return out;
}
