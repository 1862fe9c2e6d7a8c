#define _GNU_SOURCE /* memmem() */

#include "targets/log_fold.h"

#include "core/json.h"

#include "t.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 8 };

struct log {
    char *bytes;
    size_t len;
};

static struct log read_log(const char *path)
{
    struct log log = {0};
    FILE *file = fopen(path, "rb");
    if (!file)
        return log;
    (void)fseek(file, 0, SEEK_END);
    log.len = (size_t)ftell(file);
    (void)fseek(file, 0, SEEK_SET);
    log.bytes = malloc(log.len + 1);
    assert_non_null(log.bytes);
    assert_int_equal(fread(log.bytes, 1, log.len, file), log.len);
    (void)fclose(file);
    assert_true(log.len == 0 || log.bytes[log.len - 1] == '\n');
    return log;
}

static int digit_of(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = strchr(digits, c);
    assert_non_null(found);
    return (int)(found - digits);
}

static void decode_base64(struct bkt_str text, struct bkt_buf *out)
{
    assert_int_equal(text.len % 4, 0);
    for (size_t i = 0; i < text.len; i += 4) {
        uint32_t group = 0;
        int pads = 0;
        for (size_t k = 0; k < 4; k++) {
            char c = text.ptr[i + k];
            pads += c == '=';
            group = group << 6 | (uint32_t)(c == '=' ? 0 : digit_of(c));
        }
        for (int k = 0; k < 3 - pads; k++)
            assert_int_equal(bkt_buf_append_char(out, (char)(group >> (16 - 8 * k))), BKT_OK);
    }
}

/* The member, or the one whose name has "_base64" after it, decoded.  False: neither. */
static bool read_member(const struct cJSON *line,
                        const char *name,
                        struct bkt_buf *out,
                        bool *out_is_bytes)
{
    struct bkt_str text;
    char base64_name[64];
    (void)snprintf(base64_name, sizeof(base64_name), "%s_base64", name);
    *out_is_bytes = bkt_json_get_string(line, base64_name, &text);
    if (*out_is_bytes) {
        decode_base64(text, out);
        return true;
    }
    if (!bkt_json_get_string(line, name, &text))
        return false;
    assert_int_equal(bkt_buf_append(out, text), BKT_OK);
    return true;
}

static bool has_key(const struct cJSON *line, struct bkt_str key)
{
    struct bkt_buf found = BKT_BUF_INIT(1 << 12);
    bool is_bytes;
    assert_true(read_member(line, "filename", &found, &is_bytes));
    bool is_same = bkt_str_eq(bkt_buf_str(&found), key);
    bkt_buf_clear(&found);
    return is_same;
}

static bool next_line(const struct log *log, size_t *at, struct bkt_str *out)
{
    if (*at == log->len)
        return false;
    const char *end = memchr(log->bytes + *at, '\n', log->len - *at);
    *out = (struct bkt_str){log->bytes + *at, (size_t)(end - (log->bytes + *at))};
    *at += out->len + 1;
    return true;
}

/* It stands in a line as it is. */
static bool is_plain(struct bkt_str key)
{
    for (size_t i = 0; i < key.len; i++) {
        if (!(key.ptr[i] >= 'a' && key.ptr[i] <= 'z') && !(key.ptr[i] >= '0' && key.ptr[i] <= '9'))
            return false;
    }
    return true;
}

/* The last line of the key.  Lines that cannot be its are not parsed, for the time it takes. */
static struct cJSON *last_line(const char *path, struct bkt_str key)
{
    struct log log = read_log(path);
    struct cJSON *last = NULL;
    struct bkt_str line;
    for (size_t at = 0; next_line(&log, &at, &line);) {
        struct bkt_error err = {0};
        struct cJSON *json = NULL;
        size_t head = line.len < 2048 ? line.len : 2048;
        if (is_plain(key) && !memmem(line.ptr, head, key.ptr, key.len))
            continue;
        if (bkt_json_parse(line, DEPTH_MAX, &json, &err))
            fail_msg("%s", err.message);
        if (has_key(json, key)) {
            bkt_json_free(last);
            last = json;
        } else {
            bkt_json_free(json);
        }
    }
    free(log.bytes);
    return last;
}

static bool is_upsert(const struct cJSON *line)
{
    struct bkt_str op;
    assert_true(bkt_json_get_string(line, "op", &op));
    return bkt_str_eq(op, BKT_STR("upsert"));
}

size_t log_count_lines(const char *path)
{
    struct log log = read_log(path);
    size_t count = 0;
    struct bkt_str line;
    for (size_t at = 0; next_line(&log, &at, &line); count++) {
        struct bkt_error err = {0};
        struct cJSON *json = NULL;
        if (bkt_json_parse(line, DEPTH_MAX, &json, &err))
            fail_msg("%s", err.message);
        bkt_json_free(json);
    }
    free(log.bytes);
    return count;
}

bool log_read_row(const char *path, struct bkt_str key, struct bkt_buf *content, bool *out_is_bytes)
{
    struct cJSON *line = last_line(path, key);
    bool exists = line && is_upsert(line);
    if (exists)
        assert_true(read_member(line, "content", content, out_is_bytes));
    bkt_json_free(line);
    return exists;
}

bool log_read_column(const char *path, struct bkt_str key, const char *column, struct bkt_buf *text)
{
    struct cJSON *line = last_line(path, key);
    bool exists = line && is_upsert(line);
    bool is_bytes;
    if (exists && !read_member(line, column, text, &is_bytes)) {
        const struct cJSON *value = bkt_json_get(line, column);
        char *printed = value && !cJSON_IsNull(value) ? cJSON_PrintUnformatted(value) : NULL;
        assert_int_equal(bkt_buf_append(text, bkt_str_from(printed ? printed : "NULL")), BKT_OK);
        cJSON_free(printed);
    }
    bkt_json_free(line);
    return exists;
}
