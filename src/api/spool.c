#include "api/spool.h"

#include <errno.h>

/* Rows that somebody made may have longer names than any key. */
enum { KEY_BYTES_MAX = 1 << 20 };

void bkt_spool_clear(struct bkt_spool *spool)
{
    if (spool->file)
        (void)fclose(spool->file);
    bkt_buf_clear(&spool->key);
    *spool = (struct bkt_spool){0};
}

static int fail(struct bkt_error *err)
{
    char reason[128] = "";
    (void)strerror_r(errno, reason, sizeof(reason));
    return bkt_error_set(err, BKT_EIO, "keep keys in a temporary file: %s", reason);
}

int bkt_spool_add(struct bkt_spool *spool, struct bkt_str key, struct bkt_error *err)
{
    if (key.len > KEY_BYTES_MAX)
        return bkt_error_set(err, BKT_ELIMIT, "a row's name has %zu bytes: rename it", key.len);
    if (!spool->file)
        spool->file = tmpfile();
    uint32_t len = (uint32_t)key.len;
    if (!spool->file || fwrite(&len, sizeof(len), 1, spool->file) != 1 ||
        (len > 0 && fwrite(key.ptr, len, 1, spool->file) != 1))
        return fail(err);
    return BKT_OK;
}

int bkt_spool_rewind(struct bkt_spool *spool, struct bkt_error *err)
{
    spool->key.max = KEY_BYTES_MAX;
    if (spool->file && (fflush(spool->file) || fseek(spool->file, 0, SEEK_SET)))
        return fail(err);
    return BKT_OK;
}

int bkt_spool_next(struct bkt_spool *spool,
                   struct bkt_str *out_key,
                   bool *out_has_key,
                   struct bkt_error *err)
{
    uint32_t len = 0;
    *out_has_key = spool->file && fread(&len, sizeof(len), 1, spool->file) == 1;
    if (!*out_has_key)
        return !spool->file || feof(spool->file) ? BKT_OK : fail(err);
    bkt_buf_reset(&spool->key);
    int rc = bkt_buf_reserve(&spool->key, len);
    if (rc)
        return bkt_error_set(err, rc, "keep keys in a temporary file: %s", bkt_error_text(rc));
    if (len > 0 && fread(spool->key.ptr, len, 1, spool->file) != 1)
        return fail(err);
    *out_key = (struct bkt_str){spool->key.ptr, len};
    return BKT_OK;
}
