#include "events/redis_event.h"

bool bkt_redis_read_field(struct bkt_str field, struct bkt_event *out_event)
{
    const char *slash = field.len > 0 ? memchr(field.ptr, '/', field.len) : NULL;
    if (!slash || slash == field.ptr)
        return false;

    size_t bucket_len = (size_t)(slash - field.ptr);
    struct bkt_str key = {slash + 1, field.len - bucket_len - 1};
    if (key.len == 0)
        return false;
    *out_event = (struct bkt_event){
        .kind = BKT_EVENT_CHANGED, .bucket = {field.ptr, bucket_len}, .key = key};
    return true;
}
