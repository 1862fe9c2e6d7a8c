#include "aws/token_cache.h"

#include "core/json.h"
#include "core/mem.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct bkt_str bkt_token_cache_text(const struct cJSON *json, const char *name)
{
    struct bkt_str text;
    return bkt_json_get_string(json, name, &text) ? text : (struct bkt_str){0};
}

bool bkt_token_cache_put(struct cJSON *json, const char *name, const char *value)
{
    cJSON *text = cJSON_CreateString(value);
    if (!text)
        return false;
    bool done = cJSON_HasObjectItem(json, name)
                    ? cJSON_ReplaceItemInObjectCaseSensitive(json, name, text)
                    : cJSON_AddItemToObject(json, name, text);
    if (!done)
        cJSON_Delete(text);
    return done;
}

bool bkt_token_cache_open(const char *path, struct bkt_token_cache_file *out)
{
    int len = snprintf(out->temporary, sizeof(out->temporary), "%s.XXXXXX", path);
    out->fd = len < (int)sizeof(out->temporary) ? mkstemp(out->temporary) : -1; /* mode 0600 */
    return out->fd >= 0;
}

static bool write_whole(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t put_len = write(fd, text, len);
        if (put_len < 0 && errno == EINTR)
            continue;
        if (put_len <= 0)
            return false;
        text += put_len;
        len -= (size_t)put_len;
    }
    return true;
}

bool bkt_token_cache_replace(struct bkt_token_cache_file *file,
                             const char *path,
                             const struct cJSON *json)
{
    char *text = cJSON_PrintUnformatted(json);
    bool done = text && write_whole(file->fd, text, strlen(text));
    done = close(file->fd) == 0 && done;
    done = done && rename(file->temporary, path) == 0;
    if (!done)
        (void)unlink(file->temporary);
    if (text)
        bkt_mem_wipe(text, strlen(text));
    cJSON_free(text);
    return done;
}

void bkt_token_cache_drop(struct bkt_token_cache_file *file)
{
    (void)close(file->fd);
    (void)unlink(file->temporary);
}
