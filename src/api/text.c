#include <bucketable/bucketable.h>

#include "core/escape.h"
#include "core/json_write.h"

/* Room for either form of a key of any length. */
static struct bkt_buf room_for(size_t len)
{
    return BKT_BUF_INIT(len * 6 + 256);
}

static int write_out(int rc, struct bkt_buf *text, bkt_write_fn *write, void *ctx)
{
    if (rc == BKT_OK)
        rc = write(ctx, bkt_buf_str(text).ptr, text->len);
    bkt_buf_clear(text);
    return rc;
}

int bkt_text_escape(const char *bytes, size_t len, bkt_write_fn *write, void *ctx)
{
    struct bkt_buf text = room_for(len);
    int rc = bkt_escape_append(&text, (struct bkt_str){bytes, len});
    return write_out(rc, &text, write, ctx);
}

int bkt_text_json(const char *name, const char *bytes, size_t len, bkt_write_fn *write, void *ctx)
{
    struct bkt_buf text = room_for(len);
    int rc = bkt_json_append_field(&text, name, (struct bkt_str){bytes, len});
    return write_out(rc, &text, write, ctx);
}

const char *bkt_version(void)
{
    return BKT_VERSION;
}
