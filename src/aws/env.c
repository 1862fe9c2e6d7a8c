#include "aws/env.h"

#include "core/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static const char *get_process(void *ctx, const char *name)
{
    (void)ctx;
    return getenv(name);
}

const struct bkt_env *bkt_env_process(void)
{
    static const struct bkt_env env = {.get = get_process};
    return &env;
}

struct bkt_str bkt_env_get(const struct bkt_env *env, const char *name)
{
    return bkt_str_trim(bkt_str_from(env->get(env->ctx, name)));
}

bool bkt_env_get_bool(const struct bkt_env *env, const char *name)
{
    return bkt_str_eq_nocase(bkt_env_get(env, name), BKT_STR("true"));
}

int bkt_path_expand(const struct bkt_env *env,
                    struct bkt_str path,
                    struct bkt_buf *out,
                    struct bkt_error *err)
{
    int rc = BKT_OK;
    if (path.len > 0 && memchr(path.ptr, '\0', path.len))
        return bkt_error_set(err, BKT_ECONFIG, "a file name holds a NUL byte");
    if (bkt_str_has_prefix(path, BKT_STR("~/"))) {
        struct bkt_str home = bkt_env_get(env, "HOME");
        if (home.len == 0)
            return bkt_error_set(err, BKT_ECONFIG, "find %.*s: HOME is not set", BKT_STR_ARG(path));
        rc = bkt_buf_append(out, home);
        path = bkt_str_skip(path, 1);
    }
    if (rc == BKT_OK)
        rc = bkt_buf_append(out, path);
    if (rc)
        return bkt_error_set(err, rc, "a file name: %s", bkt_error_text(rc));
    return BKT_OK;
}

static int read_all(int fd, const char *path, struct bkt_buf *out, struct bkt_error *err)
{
    char chunk[4096];
    int rc = BKT_OK;
    for (;;) {
        ssize_t got = read(fd, chunk, sizeof(chunk));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            rc = bkt_error_set(err, BKT_EIO, "read %s: %s", path, strerror(errno));
            break;
        }
        if (got == 0)
            break;
        rc = bkt_buf_append(out, (struct bkt_str){chunk, (size_t)got});
        if (rc == BKT_ELIMIT) {
            (void)bkt_error_set(err, rc, "read %s: more than %zu bytes", path, out->max);
        } else if (rc) {
            (void)bkt_error_set(err, rc, "read %s: %s", path, bkt_error_text(rc));
        }
        if (rc)
            break;
    }
    bkt_mem_wipe(chunk, sizeof(chunk));
    return rc;
}

int bkt_file_read(const char *path, struct bkt_buf *out, bool *out_exists, struct bkt_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        *out_exists = false;
        return BKT_OK;
    }
    if (fd < 0)
        return bkt_error_set(err, BKT_EIO, "read %s: %s", path, strerror(errno));

    int rc = read_all(fd, path, out, err);
    (void)close(fd);
    if (rc == BKT_OK)
        *out_exists = true;
    return rc;
}
