#include "table/split.h"

#include "table/span.h"

#include <bucketable/error.h>

#include <math.h>

enum {
    DIGITS = 96,           /* behind what the range's keys share; enough for long counters */
    DIGITS_OF_DOUBLE = 12, /* more do not change a double */
    DIGITS_OF_CUT = 3,     /* a cut is this many digits finer than its distance from `last` */
    MIDDLE_PAGES_MAX = 256,
};

/*
 * Digit 0 is the end of a key, so that a key comes before what it begins.  Then, in their order,
 * each byte seen, and each run of bytes not seen.
 */
struct digits {
    unsigned base;
    uint16_t of_byte[256];
    uint8_t low[257]; /* first and last byte of each digit but 0 */
    uint8_t high[257];
    double log_base;
};

struct fraction {
    uint16_t digit[DIGITS];
};

void bkt_alphabet_see(struct bkt_alphabet *alphabet, struct bkt_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        alphabet->seen[byte >> 6] |= UINT64_C(1) << (byte & 63);
    }
}

static bool is_seen(const struct bkt_alphabet *alphabet, unsigned byte)
{
    return alphabet->seen[byte >> 6] >> (byte & 63) & 1;
}

static void make_digits(const struct bkt_alphabet *alphabet, struct digits *digits)
{
    unsigned digit = 0;
    for (unsigned byte = 0; byte < 256; byte++) {
        bool is_run = byte > 0 && !is_seen(alphabet, byte) && !is_seen(alphabet, byte - 1);
        if (!is_run)
            digits->low[++digit] = (uint8_t)byte;
        digits->high[digit] = (uint8_t)byte;
        digits->of_byte[byte] = (uint16_t)digit;
    }
    digits->base = digit + 1;
    digits->log_base = log(digits->base);
}

static void read_fraction(const struct digits *digits, struct bkt_str text, struct fraction *out)
{
    for (size_t i = 0; i < DIGITS; i++)
        out->digit[i] = i < text.len ? digits->of_byte[(unsigned char)text.ptr[i]] : 0;
}

/* The logarithm of a - b; that of the smallest fraction when a is not above b. */
static double log_difference(const struct digits *digits,
                             const struct fraction *a,
                             const struct fraction *b)
{
    struct fraction d;
    unsigned borrow = 0;
    for (size_t i = DIGITS; i-- > 0;) {
        unsigned from = a->digit[i];
        unsigned less = b->digit[i] + borrow;
        borrow = from < less;
        d.digit[i] = (uint16_t)(from + borrow * digits->base - less);
    }
    size_t at = 0;
    while (at < DIGITS && d.digit[at] == 0)
        at++;
    if (borrow || at == DIGITS)
        return -DIGITS * digits->log_base;
    double value = 0;
    for (size_t i = 0; i < DIGITS_OF_DOUBLE; i++)
        value = value * digits->base + (at + i < DIGITS ? d.digit[at + i] : 0);
    return log(value) - (double)(at + DIGITS_OF_DOUBLE) * digits->log_base;
}

/* Add the number of that logarithm; the number of digits that it is worth writing the sum with. */
static size_t add(const struct digits *digits, struct fraction *sum, double log_value)
{
    double scale = floor(-log_value / digits->log_base);
    size_t at = scale < 0 ? 0 : scale > DIGITS - 1 ? DIGITS - 1 : (size_t)scale;
    double rest = exp(log_value + (double)at * digits->log_base); /* below 1, or about */
    uint16_t more[DIGITS] = {0};
    for (size_t i = at; i < DIGITS && i < at + DIGITS_OF_DOUBLE; i++) {
        rest *= digits->base;
        double digit = fmin(floor(rest), digits->base - 1);
        more[i] = (uint16_t)digit;
        rest -= digit;
    }
    unsigned carry = 0;
    for (size_t i = DIGITS; i-- > 0;) {
        unsigned total = sum->digit[i] + more[i] + carry;
        carry = total >= digits->base;
        sum->digit[i] = (uint16_t)(total - carry * digits->base);
    }
    return at + DIGITS_OF_CUT;
}

static struct bkt_str behind(struct bkt_str text, size_t len)
{
    return (struct bkt_str){text.ptr + len, text.len - len};
}

/* A range as numbers: distances on a logarithmic scale, from where all of it begins alike. */
struct scale {
    struct digits digits;
    struct bkt_str up_to;
    size_t shared_len;
    struct fraction last;
    double log_width; /* of the newest page */
    double log_rest;  /* from `last` to `up_to` */
};

static void measure(const struct bkt_alphabet *alphabet,
                    const struct bkt_split_range *range,
                    struct scale *out)
{
    make_digits(alphabet, &out->digits);
    out->up_to = range->up_to.len > 0 ? range->up_to : BKT_SPAN_LAST_CHARACTER;
    out->shared_len = bkt_span_shared_len(range->first, out->up_to);
    struct fraction first;
    struct fraction up_to;
    read_fraction(&out->digits, behind(range->first, out->shared_len), &first);
    read_fraction(&out->digits, behind(range->last, out->shared_len), &out->last);
    read_fraction(&out->digits, behind(out->up_to, out->shared_len), &up_to);
    out->log_width = log_difference(&out->digits, &out->last, &first);
    out->log_rest = log_difference(&out->digits, &up_to, &out->last);
}

double bkt_split_pages(const struct bkt_alphabet *alphabet, const struct bkt_split_range *range)
{
    struct scale scale;
    measure(alphabet, range, &scale);
    return exp(scale.log_rest - scale.log_width);
}

/* The bytes that may come next in a UTF-8 text (RFC 3629, section 4). */
struct utf8 {
    unsigned left; /* of the character that has begun */
    unsigned char low, high;
};

static void utf8_next(struct utf8 *state, unsigned char byte)
{
    if (state->left > 0 && byte >= state->low && byte <= state->high)
        state->left--;
    else
        state->left = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : byte >= 0xc2 ? 1 : 0;
    state->low = byte == 0xe0 ? 0xa0 : byte == 0xf0 ? 0x90 : 0x80;
    state->high = byte == 0xed ? 0x9f : byte == 0xf4 ? 0x8f : 0xbf;
}

/* The byte that may come next and is nearest.  No control characters: XML cannot carry them. */
static unsigned char utf8_nearest(const struct utf8 *state, unsigned char byte)
{
    if (state->left > 0)
        return byte < state->low ? state->low : byte > state->high ? state->high : byte;
    if (byte < 0x20)
        return 0x20;
    if (byte >= 0x7f && byte < 0xc2)
        return 0x7e;
    return byte > 0xf4 ? 0xf4 : byte;
}

static int write_key(const struct scale *scale,
                     const struct fraction *cut,
                     size_t count,
                     struct bkt_buf *out_key)
{
    struct bkt_str shared = {scale->up_to.ptr, scale->shared_len};
    struct utf8 state = {0};
    int rc = bkt_buf_set(out_key, shared);
    for (size_t i = 0; i < shared.len; i++)
        utf8_next(&state, (unsigned char)shared.ptr[i]);
    bool is_end = false;
    for (size_t i = 0; rc == BKT_OK && (!is_end || state.left > 0); i++) {
        unsigned digit = i < count && i < DIGITS ? cut->digit[i] : 0;
        unsigned char byte = state.left > 0 ? state.low : 0;
        if (digit > 0 && !is_end) {
            unsigned low = scale->digits.low[digit];
            unsigned high = scale->digits.high[digit];
            byte = (unsigned char)(low + (high - low) / 2);
            is_end = low != high; /* in a gap, further digits say nothing */
        } else {
            is_end = true;
            if (state.left == 0)
                break;
        }
        byte = utf8_nearest(&state, byte);
        utf8_next(&state, byte);
        rc = bkt_buf_append_char(out_key, (char)byte);
    }
    return rc;
}

int bkt_split_cut(const struct bkt_alphabet *alphabet,
                  const struct bkt_split_range *range,
                  double lean,
                  struct bkt_buf *out_key,
                  bool *out_found)
{
    struct scale scale;
    measure(alphabet, range, &scale);
    double log_pages = scale.log_rest - scale.log_width;
    double log_step;
    if (log_pages <= log(MIDDLE_PAGES_MAX)) {
        /* The page after the newest one is asked for already: the middle is that of the rest. */
        log_step = scale.log_rest + log((1 + exp(-log_pages)) / 2);
    } else {
        log_step = scale.log_width + lean * log_pages;
        log_step = fmin(log_step, scale.log_rest - log(2));
    }

    struct fraction cut = scale.last;
    size_t count = add(&scale.digits, &cut, log_step);
    int rc = write_key(&scale, &cut, count, out_key);
    if (rc)
        return rc;
    struct bkt_str key = bkt_buf_str(out_key);
    *out_found = bkt_str_cmp(key, range->last) > 0 && bkt_str_cmp(key, scale.up_to) < 0;
    return BKT_OK;
}
