#include "events/doc.h"

#include "core/buf.h"

/* How U+0000 crosses cJSON: as in Java's class files, in bytes that UTF-8 never has. */
#define NUL_CARRIED "\xC0\x80"

enum { ESCAPE_LEN = 6 }; /* \uXXXX */

static struct bkt_str without_mark(struct bkt_str text)
{
    if (bkt_str_has_prefix(text, BKT_STR("\xEF\xBB\xBF")))
        return (struct bkt_str){text.ptr + 3, text.len - 3};
    return text.len > 0 ? text : BKT_STR("");
}

/* The code unit of the `\uXXXX` at `text`, or -1. */
static int escape_unit(const char *text, size_t len)
{
    if (len < ESCAPE_LEN || text[0] != '\\' || text[1] != 'u')
        return -1;

    int unit = 0;
    for (int i = 2; i < ESCAPE_LEN; i++) {
        char c = text[i];
        int digit;
        if (c >= '0' && c <= '9') {
            digit = c - '0';
        } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
            digit = (c | 0x20) - 'a' + 10;
        } else {
            return -1;
        }
        unit = unit * 16 + digit;
    }
    return unit;
}

/*
 * What to put in place of the escape at `text`: empty when cJSON takes it as it is.  `out_used` is
 * how long the escape is; `\"` and `\\` are one, so that neither ends the string.
 */
static struct bkt_str mend_escape(const char *text, size_t len, size_t *out_used)
{
    int unit = escape_unit(text, len);
    *out_used = unit >= 0 ? ESCAPE_LEN : len < 2 ? len : 2;
    if (unit == 0)
        return BKT_STR(NUL_CARRIED);
    if (unit < 0xD800 || unit > 0xDFFF)
        return BKT_STR("");

    int low = escape_unit(text + ESCAPE_LEN, len - ESCAPE_LEN);
    if (unit > 0xDBFF || low < 0xDC00 || low > 0xDFFF)
        return BKT_STR("\\ufffd");
    *out_used = (size_t)2 * ESCAPE_LEN;
    return BKT_STR("");
}

static int copy_mended(struct bkt_buf *copy,
                       struct bkt_str text,
                       const struct bkt_doc_limits *limits,
                       struct bkt_error *err)
{
    bool in_string = false;
    size_t values = 1;
    size_t copied = 0;                        /* of `text` */
    int rc = bkt_buf_reserve(copy, text.len); /* mending never lengthens */

    for (size_t i = 0, used; i < text.len && rc == BKT_OK; i += used) {
        char byte = text.ptr[i];
        used = 1;
        if (byte == '\0' || byte == NUL_CARRIED[0])
            return bkt_error_set(err, BKT_EPARSE, "byte %zu is not UTF-8 text", i);

        if (in_string && byte == '\\') {
            struct bkt_str mended = mend_escape(text.ptr + i, text.len - i, &used);
            /* To cJSON an escape with a digit that is none is U+0000. */
            if (used == 2 && text.ptr[i + 1] == 'u')
                return bkt_error_set(err, BKT_EPARSE, "byte %zu: not a \\uXXXX", i);
            if (mended.len == 0)
                continue;
            rc = bkt_buf_append(copy, (struct bkt_str){text.ptr + copied, i - copied});
            rc = rc ? rc : bkt_buf_append(copy, mended);
            copied = i + used;
        } else if (byte == '"') {
            in_string = !in_string;
        } else if (!in_string && (byte == ',' || byte == '[' || byte == '{')) {
            if (++values > limits->values_max) {
                return bkt_error_set(err, BKT_ELIMIT, "more than %zu JSON values",
                                     limits->values_max);
            }
        }
    }
    rc = rc ? rc : bkt_buf_append(copy, (struct bkt_str){text.ptr + copied, text.len - copied});
    return rc ? bkt_error_set(err, rc, "%s", bkt_error_text(rc)) : BKT_OK;
}

int bkt_doc_parse(struct bkt_str text,
                  const struct bkt_doc_limits *limits,
                  struct cJSON **out_json,
                  struct bkt_error *err)
{
    if (text.len > limits->bytes_max) {
        return bkt_error_set(err, BKT_ELIMIT, "%zu bytes, more than %zu", text.len,
                             limits->bytes_max);
    }

    /* The copy's final NUL also keeps cJSON before 1.7.18 from looking past the end. */
    struct bkt_buf copy = BKT_BUF_INIT(limits->bytes_max);
    int rc = copy_mended(&copy, without_mark(text), limits, err);
    if (!rc)
        rc = bkt_json_parse(bkt_buf_str(&copy), limits->depth_max, out_json, err);
    bkt_buf_clear(&copy);
    return rc;
}

const char *bkt_doc_text(const struct cJSON *object, const char *name)
{
    return cJSON_GetStringValue(bkt_json_get(object, name));
}

bool bkt_doc_is(const cJSON *object, const char *name, const char *text)
{
    const char *value = bkt_doc_text(object, name);
    return value && strcmp(value, text) == 0;
}

int bkt_doc_dup(const cJSON *node, struct bkt_arena *arena, struct bkt_str *out_text)
{
    struct bkt_str carried = bkt_str_from(node->valuestring);
    char *bytes = bkt_arena_alloc(arena, carried.len + 1);
    if (!bytes)
        return BKT_ENOMEM;

    size_t len = 0;
    for (size_t i = 0; i < carried.len; i++) {
        bytes[len] = carried.ptr[i];
        if (carried.ptr[i] == NUL_CARRIED[0]) {
            bytes[len] = '\0';
            i++;
        }
        len++;
    }
    bytes[len] = '\0';
    *out_text = (struct bkt_str){bytes, len};
    return BKT_OK;
}
