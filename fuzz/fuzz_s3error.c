/* Error bodies: whatever they hold, what comes out is one printable line of UTF-8. */
#include "s3/s3error.h"

#include "core/mem.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, size_t size)
{
    const char *end = memchr(text, '\0', size);
    if (!end)
        abort();
    for (const char *p = text; p < end; p++) {
        unsigned char byte = (unsigned char)*p;
        if (byte < 0x20 || byte == 0x7f)
            abort();
        if (byte == 0xc2 && (unsigned char)p[1] < 0xa0)
            abort();
        /* Nothing is cut inside a character. */
        int trail = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : byte >= 0xc0 ? 1 : 0;
        for (; trail > 0; trail--) {
            if (((unsigned char)*++p & 0xc0) != 0x80)
                abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = {200, 301, 400, 403, 404, 503};
    struct bkt_s3error said;
    bool has_code = bkt_s3error_parse((struct bkt_str){(const char *)data, size}, &said);
    if (has_code != (said.code[0] != '\0'))
        abort();
    check_text(said.code, sizeof(said.code));
    check_text(said.message, sizeof(said.message));
    check_text(said.region, sizeof(said.region));
    check_text(said.endpoint, sizeof(said.endpoint));
    check_text(said.bucket, sizeof(said.bucket));
    check_text(said.request_id, sizeof(said.request_id));
    check_text(said.host_id, sizeof(said.host_id));
    check_text(said.storage_class, sizeof(said.storage_class));

    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        enum bkt_s3error_class class = bkt_s3error_classify(statuses[i], said.code);
        if (class == BKT_S3ERROR_NO_SUCH_KEY && (statuses[i] != 404 || !has_code))
            abort();
        struct bkt_error err = {0};
        bkt_s3error_describe(&said, statuses[i], "us-east-1", &err);
        check_text(err.message, sizeof(err.message));
    }
    if (bkt_mem_live() != 0)
        abort();
    return 0;
}
