/* Objects that a listing reads, the newest row's and those that are read ahead. */
#include "api/listing_int.h"

#include "core/mem.h"

bool reads_have_room(const struct reads *reads, uint64_t size)
{
    uint64_t limit = reads->asker->bucket.settings->memory_limit;
    if (reads->count == 0)
        return true; /* what is larger than the limit is read alone */
    return reads->count < reads->window && size <= limit && reads->bytes <= limit - size;
}

int reads_start(struct reads *reads, const struct bkt_object *object, struct bkt_error *err)
{
    struct reading *reading = bkt_mem_calloc(1, sizeof(*reading));
    if (!reading)
        return bkt_error_set(err, BKT_ENOMEM, "read an object: out of memory");
    reading->object = object;
    reading->question.bytes_max = reads->asker->bucket.settings->max_file_size;
    int rc = bkt_asker_start(reads->asker, object->key, object->size, &reading->question, err);
    if (rc) {
        bkt_mem_free(reading);
        return rc;
    }
    if (reads->last)
        reads->last->next = reading;
    else
        reads->first = reading;
    reads->last = reading;
    reads->count++;
    reads->bytes += object->size;
    return BKT_OK;
}

void reads_drop_first(struct reads *reads)
{
    struct reading *reading = reads->first;
    reads->first = reading->next;
    if (!reads->first)
        reads->last = NULL;
    reads->count--;
    reads->bytes -= reading->object->size;
    if (!reading->question.is_answered)
        bkt_s3_cancel(reads->asker->bucket.s3, &reading->question);
    bkt_asked_clear(&reading->question.asked);
    bkt_mem_free(reading);
}

void reads_clear(struct reads *reads)
{
    while (reads->first)
        reads_drop_first(reads);
}
