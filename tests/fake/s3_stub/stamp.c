#include "stamp.h"

#include <stdio.h>
#include <time.h>

#define DAY_MS (INT64_C(86400) * 1000)

static const char week_days[7][4] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

int64_t stub_wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t stub_monotonic_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

struct civil {
    unsigned year;
    unsigned month; /* 1..12 */
    unsigned day;   /* 1..31 */
};

/* Days since 1970-01-01 to a date of the Gregorian calendar; eras of 400 years begin in March. */
static struct civil civil_from_days(int64_t days)
{
    uint64_t shifted = (uint64_t)(days + 719468);
    uint64_t era = shifted / 146097;
    unsigned day_of_era = (unsigned)(shifted % 146097);
    unsigned year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned march_month = (5 * day_of_year + 2) / 153;
    unsigned month = march_month < 10 ? march_month + 3 : march_month - 9;
    return (struct civil){.year = (unsigned)era * 400 + year_of_era + (month <= 2 ? 1 : 0),
                          .month = month,
                          .day = day_of_year - (153 * march_month + 2) / 5 + 1};
}

static int64_t days_from_civil(unsigned year, unsigned month, unsigned day)
{
    year -= month <= 2 ? 1 : 0;
    unsigned era = year / 400;
    unsigned year_of_era = year - era * 400;
    unsigned day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return (int64_t)era * 146097 + day_of_era - 719468;
}

static char *put_two(char *out, unsigned value)
{
    out[0] = (char)('0' + value / 10);
    out[1] = (char)('0' + value % 10);
    return out + 2;
}

static char *put_time(char *out, unsigned second_of_day, const char *separator)
{
    out = put_two(out, second_of_day / 3600);
    if (*separator != '\0')
        *out++ = *separator;
    out = put_two(out, second_of_day / 60 % 60);
    if (*separator != '\0')
        *out++ = *separator;
    return put_two(out, second_of_day % 60);
}

/* "2024-03-01", from a cache: a page of a listing has a thousand dates, on few days. */
static const char *day_text(int64_t days)
{
    static struct {
        int64_t days;
        char text[10];
    } cache[512];
    size_t at = (size_t)days % 512;
    if (cache[at].days != days) {
        struct civil date = civil_from_days(days);
        char *out = put_two(put_two(cache[at].text, date.year / 100), date.year % 100);
        *out++ = '-';
        out = put_two(out, date.month);
        *out++ = '-';
        put_two(out, date.day);
        cache[at].days = days;
    }
    return cache[at].text;
}

void stub_stamp_iso(int64_t ms, char out[STUB_STAMP_ISO_BYTES])
{
    unsigned of_day = (unsigned)(ms % DAY_MS);
    memcpy(out, day_text(ms / DAY_MS), 10);
    out[10] = 'T';
    out = put_time(out + 11, of_day / 1000, ":");
    *out++ = '.';
    *out++ = (char)('0' + of_day % 1000 / 100);
    out = put_two(out, of_day % 100);
    *out++ = 'Z';
    *out = '\0';
}

void stub_stamp_http(int64_t ms, char out[STUB_STAMP_HTTP_BYTES])
{
    int64_t days = ms / DAY_MS;
    struct civil date = civil_from_days(days);
    memcpy(out, week_days[days % 7], 3);
    out[3] = ',';
    out[4] = ' ';
    put_two(out + 5, date.day);
    out[7] = ' ';
    memcpy(out + 8, months[date.month - 1], 3);
    out[11] = ' ';
    put_two(out + 12, date.year / 100);
    put_two(out + 14, date.year % 100);
    out[16] = ' ';
    char *end = put_time(out + 17, (unsigned)(ms % DAY_MS / 1000), ":");
    memcpy(end, " GMT", 5);
}

void stub_stamp_basic(int64_t ms, char out[STUB_STAMP_BASIC_BYTES])
{
    struct civil date = civil_from_days(ms / DAY_MS);
    out = put_two(out, date.year / 100);
    out = put_two(out, date.year % 100);
    out = put_two(out, date.month);
    out = put_two(out, date.day);
    *out++ = 'T';
    out = put_time(out, (unsigned)(ms % DAY_MS / 1000), "");
    *out++ = 'Z';
    *out = '\0';
}

static bool number(const char *at, int len, unsigned *out)
{
    unsigned value = 0;
    for (int i = 0; i < len; i++) {
        if (at[i] < '0' || at[i] > '9')
            return false;
        value = value * 10 + (unsigned)(at[i] - '0');
    }
    *out = value;
    return true;
}

static int64_t join(struct civil date, unsigned hour, unsigned minute, unsigned second)
{
    int64_t seconds = (int64_t)hour * 3600 + (int64_t)minute * 60 + second;
    return days_from_civil(date.year, date.month, date.day) * DAY_MS + seconds * 1000;
}

bool stub_stamp_parse_http(struct bkt_str text, int64_t *out_ms)
{
    struct civil date = {0};
    unsigned hour = 0;
    unsigned minute = 0;
    unsigned second = 0;
    if (text.len != STUB_STAMP_HTTP_BYTES - 1 || !number(text.ptr + 5, 2, &date.day) ||
        !number(text.ptr + 12, 4, &date.year) || !number(text.ptr + 17, 2, &hour) ||
        !number(text.ptr + 20, 2, &minute) || !number(text.ptr + 23, 2, &second))
        return false;
    for (unsigned i = 0; i < 12; i++) {
        if (memcmp(text.ptr + 8, months[i], 3) == 0)
            date.month = i + 1;
    }
    if (date.month == 0)
        return false;
    *out_ms = join(date, hour, minute, second);
    return true;
}

bool stub_stamp_parse_basic(struct bkt_str text, int64_t *out_ms)
{
    struct civil date = {0};
    unsigned hour = 0;
    unsigned minute = 0;
    unsigned second = 0;
    if (text.len != STUB_STAMP_BASIC_BYTES - 1 || !number(text.ptr, 4, &date.year) ||
        !number(text.ptr + 4, 2, &date.month) || !number(text.ptr + 6, 2, &date.day) ||
        text.ptr[8] != 'T' || !number(text.ptr + 9, 2, &hour) ||
        !number(text.ptr + 11, 2, &minute) || !number(text.ptr + 13, 2, &second))
        return false;
    *out_ms = join(date, hour, minute, second);
    return true;
}
