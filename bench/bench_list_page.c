/*
 * Megabytes a second through a list page of 1000 keys: ours, expat's tokenizer without any handling
 * of what it finds, and one memchr() from `<` to `<` as the floor.
 */
#include "s3/list_page.h"

#include "core/buf.h"

#include <expat.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { KEYS = 1000, REPEATS = 40, ROUNDS = 7 };

struct shape {
    const char *name;
    const char *directory;
    const char *more; /* elements that nobody asked for */
};

static const struct shape shapes[] = {
    {"233KB", "data/2024/", ""},
    {"512KB",
     "warehouse/events/region=eu-west-1/year=2024/month=03/day=01/hour=10/"
     "part-00000-5f0c7d5e-3f3f-4a31-9d0b-",
     "<ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType>"
     "<Owner><ID>75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a</ID></Owner>"},
};

static int64_t now_ns(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int make_page(const struct shape *shape, struct bkt_buf *page)
{
    int rc = bkt_buf_printf(
        page,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult "
        "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name><Prefix></Prefix>"
        "<KeyCount>%d</KeyCount><MaxKeys>1000</MaxKeys><EncodingType>url</EncodingType>"
        "<IsTruncated>false</IsTruncated>",
        (int)KEYS);
    for (int i = 0; i < KEYS && rc == BKT_OK; i++) {
        rc = bkt_buf_printf(page,
                            "<Contents><Key>%sobject-%08d.txt</Key>"
                            "<LastModified>2024-03-01T10:%02d:00.000Z</LastModified>"
                            "<ETag>&quot;5d41402abc4b2a76b9719d91%08x&quot;</ETag><Size>%d</Size>"
                            "%s<StorageClass>STANDARD</StorageClass></Contents>",
                            shape->directory, i, i / 60, (unsigned)i * 2654435761u, 5000 + i,
                            shape->more);
    }
    return rc == BKT_OK ? bkt_buf_append(page, BKT_STR("</ListBucketResult>")) : rc;
}

static bool run_ours(struct bkt_str body)
{
    static struct bkt_arena arena;
    struct bkt_page page;
    bkt_arena_reset(&arena);
    return bkt_list_page_parse(body, &arena, &page, NULL) == BKT_OK && page.object_count == KEYS;
}

static bool run_expat(struct bkt_str body)
{
    XML_Parser parser = XML_ParserCreate(NULL);
    bool ok = parser && XML_Parse(parser, body.ptr, (int)body.len, 1) == XML_STATUS_OK;
    XML_ParserFree(parser);
    return ok;
}

static bool run_memchr(struct bkt_str body)
{
    size_t count = 0;
    const char *end = body.ptr + body.len;
    for (const char *p = body.ptr; (p = memchr(p, '<', (size_t)(end - p))) != NULL; p++)
        count++;
    return count > KEYS;
}

/* The best of some rounds: a busy machine only ever makes it slower. */
static double megabytes_per_second(bool (*run)(struct bkt_str), struct bkt_str body)
{
    int64_t best_ns = INT64_MAX;
    for (int round = 0; round < ROUNDS; round++) {
        int64_t begin_ns = now_ns();
        for (int i = 0; i < REPEATS; i++) {
            if (!run(body))
                exit(EXIT_FAILURE);
        }
        int64_t spent_ns = now_ns() - begin_ns;
        best_ns = spent_ns < best_ns ? spent_ns : best_ns;
    }
    return (double)body.len * REPEATS * 1e3 / (double)best_ns;
}

int main(void)
{
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        struct bkt_buf page = BKT_BUF_INIT(1 << 20);
        if (make_page(&shapes[i], &page))
            return EXIT_FAILURE;
        struct bkt_str body = bkt_buf_str(&page);
        printf("list_page_%s_bytes %zu\n", shapes[i].name, body.len);
        printf("list_page_%s_mb_s %.0f\n", shapes[i].name, megabytes_per_second(run_ours, body));
        printf("list_page_%s_expat_mb_s %.0f\n", shapes[i].name,
               megabytes_per_second(run_expat, body));
        printf("list_page_%s_memchr_mb_s %.0f\n", shapes[i].name,
               megabytes_per_second(run_memchr, body));
        bkt_buf_clear(&page);
    }
    return EXIT_SUCCESS;
}
