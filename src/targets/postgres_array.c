#include "targets/postgres_array.h"

#include "core/text.h"
#include "core/time.h"

#include <bucketable/error.h>

enum { HEADER_BYTES = 20, NULL_LEN = -1 };

/* Microseconds between 1970 and 2000, where PostgreSQL's time begins; its ends are infinite. */
#define EPOCH_2000_MS 946684800000
#define TIME_MS_MAX   (INT64_C(9224318015999) * 1000)   /* the year 294276 */
#define TIME_MS_MIN   (-(INT64_C(210866803200) * 1000)) /* 4713 BC */

void bkt_postgres_put_int(uint64_t number, size_t width, char *out)
{
    for (size_t i = width; i-- > 0; number >>= 8)
        out[i] = (char)(number & 0xff);
}

int64_t bkt_postgres_get_int(const char *bytes, size_t width)
{
    uint64_t number = width > 0 && ((unsigned char)bytes[0] & 0x80) ? UINT64_MAX : 0;
    for (size_t i = 0; i < width; i++)
        number = number << 8 | (unsigned char)bytes[i];
    return (int64_t)number;
}

void bkt_postgres_array_init(struct bkt_postgres_array *array, enum bkt_postgres_type element)
{
    *array = (struct bkt_postgres_array){.bytes = BKT_BUF_INIT(BKT_POSTGRES_BYTES_MAX),
                                         .element = element};
}

void bkt_postgres_array_clear(struct bkt_postgres_array *array)
{
    bkt_buf_clear(&array->bytes);
    array->count = 0;
}

void bkt_postgres_array_reset(struct bkt_postgres_array *array)
{
    bkt_buf_reset(&array->bytes);
    array->count = 0;
}

enum bkt_postgres_type bkt_postgres_array_type(const struct bkt_postgres_array *array)
{
    switch ((int)array->element) {
    case BKT_POSTGRES_BYTEA:
        return BKT_POSTGRES_BYTEA_ARRAY;
    case BKT_POSTGRES_INT4:
        return BKT_POSTGRES_INT4_ARRAY;
    case BKT_POSTGRES_INT8:
        return BKT_POSTGRES_INT8_ARRAY;
    case BKT_POSTGRES_TIMESTAMPTZ:
        return BKT_POSTGRES_TIMESTAMPTZ_ARRAY;
    default:
        return BKT_POSTGRES_TEXT_ARRAY;
    }
}

bool bkt_postgres_is_text(struct bkt_str bytes)
{
    return !(bytes.len > 0 && memchr(bytes.ptr, '\0', bytes.len)) &&
           bkt_utf8_valid_len(bytes) == bytes.len;
}

static int add_len(struct bkt_postgres_array *array, int64_t len)
{
    char head[HEADER_BYTES + 4] = "";
    size_t head_len = array->bytes.len == 0 ? HEADER_BYTES : 0;
    bkt_postgres_put_int((uint64_t)len, 4, head + head_len);
    int rc = bkt_buf_append(&array->bytes, (struct bkt_str){head, head_len + 4});
    array->count += rc == BKT_OK;
    return rc;
}

int bkt_postgres_array_add(struct bkt_postgres_array *array, struct bkt_str bytes)
{
    if (bytes.len > BKT_POSTGRES_BYTES_MAX)
        return BKT_ELIMIT;
    int rc = add_len(array, (int64_t)bytes.len);
    return rc ? rc : bkt_buf_append(&array->bytes, bytes);
}

int bkt_postgres_array_add_null(struct bkt_postgres_array *array)
{
    return add_len(array, NULL_LEN);
}

int bkt_postgres_array_add_int(struct bkt_postgres_array *array, int64_t number)
{
    char bytes[8];
    size_t width = array->element == BKT_POSTGRES_INT4 ? 4 : 8;
    bkt_postgres_put_int((uint64_t)number, width, bytes);
    return bkt_postgres_array_add(array, (struct bkt_str){bytes, width});
}

int bkt_postgres_array_add_time(struct bkt_postgres_array *array, int64_t ms)
{
    if (ms == BKT_TIME_NONE)
        return bkt_postgres_array_add_null(array);
    if (ms > TIME_MS_MAX)
        ms = TIME_MS_MAX;
    if (ms < TIME_MS_MIN)
        ms = TIME_MS_MIN;
    return bkt_postgres_array_add_int(array, (ms - EPOCH_2000_MS) * 1000);
}

int bkt_postgres_array_add_utf8(struct bkt_postgres_array *array, struct bkt_str text)
{
    static const struct bkt_str replacement = {"\xef\xbf\xbd", 3};
    size_t len = text.len;
    const char *end = len > 0 ? text.ptr + len : text.ptr;
    const char *nul = len > 0 ? memchr(text.ptr, '\0', len) : NULL;
    for (const char *at = nul; at;
         at = at + 1 < end ? memchr(at + 1, '\0', (size_t)(end - at - 1)) : NULL)
        len += replacement.len - 1;
    if (len > BKT_POSTGRES_BYTES_MAX)
        return BKT_ELIMIT;

    int rc = add_len(array, (int64_t)len);
    while (rc == BKT_OK && nul) {
        rc = bkt_buf_append(&array->bytes, (struct bkt_str){text.ptr, (size_t)(nul - text.ptr)});
        if (rc == BKT_OK)
            rc = bkt_buf_append(&array->bytes, replacement);
        text = (struct bkt_str){nul + 1, (size_t)(end - nul - 1)};
        nul = text.len > 0 ? memchr(text.ptr, '\0', text.len) : NULL;
    }
    return rc ? rc : bkt_buf_append(&array->bytes, text);
}

int bkt_postgres_array_add_text(struct bkt_postgres_array *array, struct bkt_str text)
{
    if (bkt_utf8_valid_len(text) == text.len)
        return bkt_postgres_array_add_utf8(array, text);
    struct bkt_buf valid = BKT_BUF_INIT(BKT_POSTGRES_BYTES_MAX);
    int rc = bkt_utf8_repair(text, &valid);
    if (rc == BKT_OK)
        rc = bkt_postgres_array_add_utf8(array, bkt_buf_str(&valid));
    bkt_buf_clear(&valid);
    return rc;
}

int bkt_postgres_array_add_text_or_null(struct bkt_postgres_array *array, struct bkt_str text)
{
    return text.len > 0 ? bkt_postgres_array_add_text(array, text)
                        : bkt_postgres_array_add_null(array);
}

int bkt_postgres_array_finish(struct bkt_postgres_array *array, struct bkt_str *out_bytes)
{
    if (array->bytes.len == 0) {
        /* No dimension at all is how an empty array is sent. */
        char empty[12] = "";
        bkt_postgres_put_int(array->element, 4, empty + 8);
        int rc = bkt_buf_append(&array->bytes, (struct bkt_str){empty, sizeof(empty)});
        if (rc)
            return rc;
    } else if (array->count > 0) {
        char *head = array->bytes.ptr;
        bkt_postgres_put_int(1, 4, head);     /* dimensions */
        bkt_postgres_put_int(1, 4, head + 4); /* there may be nulls */
        bkt_postgres_put_int(array->element, 4, head + 8);
        bkt_postgres_put_int(array->count, 4, head + 12);
        bkt_postgres_put_int(1, 4, head + 16); /* the first one's number */
    }
    *out_bytes = bkt_buf_str(&array->bytes);
    return BKT_OK;
}

int bkt_postgres_copy_row(struct bkt_postgres_array *rows, unsigned field_count)
{
    /* Signature, flags, and the length of a header extension that there is not. */
    static const char head[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0";
    char number[2];
    int rc = BKT_OK;
    bkt_postgres_put_int(field_count, sizeof(number), number);
    if (rows->bytes.len == 0)
        rc = bkt_buf_append(&rows->bytes, (struct bkt_str){head, sizeof(head)});
    return rc ? rc : bkt_buf_append(&rows->bytes, (struct bkt_str){number, sizeof(number)});
}

int bkt_postgres_copy_finish(struct bkt_postgres_array *rows, struct bkt_str *out_data)
{
    int rc = bkt_buf_append(&rows->bytes, BKT_STR("\377\377"));
    if (rc == BKT_OK)
        *out_data = bkt_buf_str(&rows->bytes);
    return rc;
}
