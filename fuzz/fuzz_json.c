/*
 * JSON of hostile bytes: what is taken can be written and is then taken again, and no escape that
 * would cut a string off passes.
 */
#include "core/json.h"

#include <cjson/cJSON.h>

#define DEPTH_MAX 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Nothing that was taken has the escape; a backslash takes what follows it with it. */
static void check_zero(struct bkt_str text)
{
    for (size_t i = 0; i + 6 <= text.len; i++) {
        if (text.ptr[i] != '\\')
            continue;
        if (memcmp(text.ptr + i, "\\u0000", 6) == 0)
            __builtin_trap();
        i++;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bkt_str text = {(const char *)data, size};
    struct cJSON *json = NULL;
    struct bkt_error err = {0};
    int rc = bkt_json_parse(text, DEPTH_MAX, &json, &err);
    if (rc) {
        if (json || err.message[0] == '\0' || strchr(err.message, '\n'))
            __builtin_trap();
        return 0;
    }
    check_zero(text);

    char *written = cJSON_PrintUnformatted(json);
    struct cJSON *again = NULL;
    if (written && bkt_json_parse(bkt_str_from(written), DEPTH_MAX, &again, NULL) != BKT_OK)
        __builtin_trap();
    bkt_json_free(again);
    cJSON_free(written);
    bkt_json_free(json);
    return 0;
}
