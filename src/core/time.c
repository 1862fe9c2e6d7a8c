#include "core/time.h"

#include "core/ascii.h"

#include <stdio.h>
#include <time.h>

int64_t bkt_time_wall_ms(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t bkt_time_monotonic_us(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t bkt_time_monotonic_ms(void)
{
    return bkt_time_monotonic_us() / 1000;
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar, for any year from 0 to 9999. */
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

struct fields {
    int64_t year, month, day, hour, minute, second;
};

static bool to_ms(const struct fields *f, int64_t *out_ms)
{
    static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (f->month < 1 || f->month > 12 || f->day < 1 || f->day > days[f->month - 1] ||
        f->hour > 23 || f->minute > 59 || f->second > 60)
        return false;
    int64_t days_since = days_from_civil(f->year, f->month, f->day);
    *out_ms = (((days_since * 24 + f->hour) * 60 + f->minute) * 60 + f->second) * 1000;
    return true;
}

/* A cursor over the text: each step advances it on success only, so that steps chain with `&&`. */
static bool take_digits(struct bkt_str *text, size_t count, int64_t *out)
{
    if (text->len < count)
        return false;
    int64_t value = 0;
    for (size_t i = 0; i < count; i++) {
        if (!bkt_is_digit(text->ptr[i]))
            return false;
        value = value * 10 + (text->ptr[i] - '0');
    }
    *text = bkt_str_skip(*text, count);
    *out = value;
    return true;
}

static bool take_char(struct bkt_str *text, char c)
{
    if (text->len == 0 || text->ptr[0] != c)
        return false;
    *text = bkt_str_skip(*text, 1);
    return true;
}

static bool take_text(struct bkt_str *text, struct bkt_str what)
{
    if (!bkt_str_has_prefix(*text, what))
        return false;
    *text = bkt_str_skip(*text, what.len);
    return true;
}

static int64_t take_fraction_ms(struct bkt_str *text)
{
    if (!take_char(text, '.'))
        return 0;
    int64_t ms = 0;
    int64_t unit = 100;
    int64_t digit;
    while (take_digits(text, 1, &digit)) {
        ms += digit * unit;
        unit /= 10;
    }
    return ms;
}

static bool take_zone(struct bkt_str *text, int64_t *out_offset_ms)
{
    *out_offset_ms = 0;
    if (take_char(text, 'Z') || take_text(text, BKT_STR("UTC")))
        return true;
    bool west = take_char(text, '-');
    int64_t hours;
    int64_t minutes;
    if (!west && !take_char(text, '+'))
        return false;
    if (!take_digits(text, 2, &hours))
        return false;
    (void)take_char(text, ':');
    if (!take_digits(text, 2, &minutes))
        return false;
    *out_offset_ms = (hours * 60 + minutes) * 60000 * (west ? -1 : 1);
    return true;
}

bool bkt_time_parse_iso(struct bkt_str text, int64_t *out_ms)
{
    struct fields f;
    int64_t ms;
    int64_t offset_ms;
    if (!take_digits(&text, 4, &f.year) || !take_char(&text, '-') ||
        !take_digits(&text, 2, &f.month) || !take_char(&text, '-') ||
        !take_digits(&text, 2, &f.day) || (!take_char(&text, 'T') && !take_char(&text, ' ')) ||
        !take_digits(&text, 2, &f.hour) || !take_char(&text, ':') ||
        !take_digits(&text, 2, &f.minute) || !take_char(&text, ':') ||
        !take_digits(&text, 2, &f.second))
        return false;
    int64_t fraction_ms = take_fraction_ms(&text);
    if (!take_zone(&text, &offset_ms) || text.len > 0 || !to_ms(&f, &ms))
        return false;
    *out_ms = ms + fraction_ms - offset_ms;
    return true;
}

static bool take_month(struct bkt_str *text, int64_t *out_month)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int64_t month = 1; month <= 12; month++) {
        if (take_text(text, (struct bkt_str){names + (month - 1) * 3, 3})) {
            *out_month = month;
            return true;
        }
    }
    return false;
}

bool bkt_time_parse_http(struct bkt_str text, int64_t *out_ms)
{
    if (text.len < 5)
        return false;
    text = bkt_str_skip(text, 3); /* the weekday says nothing new */
    struct fields f;
    return take_text(&text, BKT_STR(", ")) && take_digits(&text, 2, &f.day) &&
           take_char(&text, ' ') && take_month(&text, &f.month) && take_char(&text, ' ') &&
           take_digits(&text, 4, &f.year) && take_char(&text, ' ') &&
           take_digits(&text, 2, &f.hour) && take_char(&text, ':') &&
           take_digits(&text, 2, &f.minute) && take_char(&text, ':') &&
           take_digits(&text, 2, &f.second) && take_text(&text, BKT_STR(" GMT")) && text.len == 0 &&
           to_ms(&f, out_ms);
}

static void to_tm(int64_t ms, struct tm *out)
{
    time_t seconds = (time_t)(ms / 1000 - (ms % 1000 < 0));
    if (!gmtime_r(&seconds, out))
        *out = (struct tm){0};
}

void bkt_time_format_iso(int64_t ms, char out[BKT_TIME_ISO_BYTES])
{
    struct tm tm;
    to_tm(ms, &tm);
    size_t len = strftime(out, BKT_TIME_ISO_BYTES - 5, "%Y-%m-%dT%H:%M:%S", &tm);
    unsigned fraction = (unsigned)((ms % 1000 + 1000) % 1000);
    if (fraction > 0)
        (void)snprintf(out + len, BKT_TIME_ISO_BYTES - len, ".%03uZ", fraction);
    else
        (void)snprintf(out + len, BKT_TIME_ISO_BYTES - len, "Z");
}

void bkt_time_format_stamp(int64_t ms, char out[BKT_TIME_STAMP_BYTES])
{
    struct tm tm;
    to_tm(ms, &tm);
    (void)strftime(out, BKT_TIME_STAMP_BYTES, "%Y%m%dT%H%M%SZ", &tm);
}
