#include "events/foreign.h"

#include "core/escape.h"
#include "events/envelope.h"

int bkt_foreign_count(const struct bkt_sqs_messages *messages,
                      struct bkt_str bucket,
                      size_t *out_count,
                      char *example,
                      size_t example_size)
{
    struct bkt_envelope envelope = {0};
    size_t count = 0;
    int rc = BKT_OK;
    example[0] = '\0';
    for (size_t i = 0; i < messages->count && rc == BKT_OK; i++) {
        rc = bkt_envelope_read(&envelope, messages->messages[i].body, BKT_ENVELOPE_BODY_BYTES_MAX,
                               BKT_KEY_QUEUED);
        for (size_t e = 0; rc == BKT_OK && e < envelope.list.count; e++) {
            struct bkt_str named = envelope.list.events[e].bucket;
            if (bkt_str_eq(named, bucket))
                continue;
            bkt_escape(named, example, example_size);
            count++;
            break;
        }
    }
    bkt_envelope_clear(&envelope);
    if (rc == BKT_OK)
        *out_count = count;
    return rc;
}
