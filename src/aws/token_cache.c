#include "aws/token_cache.h"

#include "core/json.h"
#include "core/json_write.h"
#include "core/mem.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int bkt_token_cache_path(const struct bkt_env *env,
                         struct bkt_str directory,
                         struct bkt_str name,
                         const EVP_MD *digest,
                         struct bkt_buf *out_path,
                         struct bkt_error *err)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    char hex[2 * EVP_MAX_MD_SIZE + 1];
    unsigned len = 0;
    if (EVP_Digest(name.ptr, name.len, hash, &len, digest, NULL) != 1)
        return bkt_error_set(err, BKT_ENOMEM, "hash the login session's name");
    bkt_hex(hash, len, hex);
    int rc = bkt_path_expand(env, directory, out_path, err);
    if (rc)
        return rc;
    rc = bkt_buf_printf(out_path, "/%s.json", hex);
    return rc ? bkt_error_set(err, rc, "the login cache's file name: %s", bkt_error_text(rc))
              : BKT_OK;
}

int bkt_token_cache_ask(const struct cJSON *json,
                        const char *const *names,
                        size_t count,
                        struct bkt_buf *out_body,
                        struct bkt_error *err)
{
    int rc = bkt_buf_append(out_body, BKT_STR("{\"grantType\":\"refresh_token\""));
    for (size_t i = 0; i < count && rc == BKT_OK; i++) {
        struct bkt_str value = bkt_token_cache_text(json, names[i]);
        if (value.len == 0)
            return bkt_error_set(err, BKT_EPARSE, "the cache holds no %s", names[i]);
        rc = bkt_buf_append_char(out_body, ',');
        if (rc == BKT_OK)
            rc = bkt_json_append_field(out_body, names[i], value);
    }
    if (rc == BKT_OK)
        rc = bkt_buf_append_char(out_body, '}');
    return rc ? bkt_error_set(err, rc, "%s", bkt_error_text(rc)) : BKT_OK;
}

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
