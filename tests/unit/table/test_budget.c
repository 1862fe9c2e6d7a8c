/*
 * How often a sync with nothing new asks for memory: from the answers' XML to the end of the
 * listing, a constant for each thousand keys.
 */
#include "s3/list_page.h"
#include "table/engine.h"

#include "t.h"

#include <stdio.h>
#include <stdlib.h>

enum { PAGE_KEYS = 1000, KEY_BYTES = 24, OBJECT_XML_BYTES = 200, THOUSANDS = 40 };

/*
 * The page's answer, its arena's blocks, and what the range that it ends and the next one need;
 * measured: 5.1.
 */
enum { CALLS_PER_THOUSAND = 6 };

static const char object_xml[] =
    "<Contents><Key>%s</Key><LastModified>2024-01-01T00:00:00.000Z</LastModified>"
    "<ETag>&quot;e1&quot;</ETag><Size>3</Size></Contents>";

/* Keys are numbers, and the bucket has those below `count`. */
struct bucket {
    size_t count;
    uint32_t decode; /* how its contents became rows */
};

static void key_of(size_t number, char out[KEY_BYTES])
{
    (void)snprintf(out, KEY_BYTES, "k%09zu", number);
}

/* The first key after `key`. */
static size_t number_after(struct bkt_str key)
{
    char text[KEY_BYTES] = "";
    char own[KEY_BYTES];
    if (key.len == 0)
        return 0;
    (void)snprintf(text, sizeof(text), "%.*s", BKT_STR_ARG(key));
    size_t number = strtoul(text + 1, NULL, 10);
    key_of(number, own);
    return bkt_str_cmp(key, bkt_str_from(own)) < 0 ? number : number + 1;
}

static int scan(void *self,
                const struct bkt_scan *range,
                bkt_state_fn *fn,
                void *ctx,
                size_t *out_count,
                struct bkt_error *err)
{
    const struct bucket *bucket = self;
    size_t told = 0;
    for (size_t i = number_after(range->after); i < bucket->count && told < range->limit; i++) {
        char key[KEY_BYTES];
        key_of(i, key);
        if (range->has_up_to && bkt_str_cmp(bkt_str_from(key), range->up_to) > 0)
            break;
        struct bkt_state_row row = {.key = bkt_str_from(key),
                                    .etag = BKT_STR("e1"),
                                    .revision = 1,
                                    .size = 3,
                                    .last_modified_ms = 1704067200000,
                                    .decode = bucket->decode,
                                    .flags = BKT_STATE_ROW};
        int rc = fn(ctx, &row, err);
        if (rc)
            return rc;
        told++;
    }
    *out_count = told;
    return BKT_OK;
}

static int read_clock(void *self, struct bkt_clock *out, struct bkt_error *err)
{
    (void)self;
    (void)err;
    *out = (struct bkt_clock){5, 5, 1};
    return BKT_OK;
}

static int begin_listing(void *self, struct bkt_clock *out, struct bkt_error *err)
{
    return read_clock(self, out, err);
}

static int sweep(void *self, struct bkt_sweep *what, struct bkt_clock *out, struct bkt_error *err)
{
    what->row_count = 0;
    return read_clock(self, out, err);
}

static int end_listing(void *self, const struct bkt_listing_record *record, struct bkt_error *err)
{
    (void)self;
    (void)record;
    (void)err;
    return BKT_OK;
}

static int count_failed(void *self, uint64_t *out_count, struct bkt_error *err)
{
    (void)self;
    (void)err;
    *out_count = 0;
    return BKT_OK;
}

static const struct bkt_table_target_ops ops = {
    .name = "budget",
    .read_clock = read_clock,
    .scan = scan,
    .begin_listing = begin_listing,
    .sweep = sweep,
    .end_listing = end_listing,
    .count_failed = count_failed,
};

static void free_arena(void *owner)
{
    bkt_arena_clear(owner);
}

/* The server: a page of its XML, read as an answer is. */
static void answer_list(struct bucket *bucket, struct bkt_engine *engine, struct bkt_want *want)
{
    static char xml[PAGE_KEYS * OBJECT_XML_BYTES];
    static struct bkt_arena arena; /* one page is under way at a time */
    struct bkt_str after = want->list.token.len > 0 ? want->list.token : want->list.start_after;
    size_t first = number_after(after);
    size_t end = bucket->count - first < PAGE_KEYS ? bucket->count : first + PAGE_KEYS;
    char key[KEY_BYTES] = "";
    int len = snprintf(xml, sizeof(xml), "<ListBucketResult>");
    for (size_t i = first; i < end; i++) {
        key_of(i, key);
        len += snprintf(xml + len, sizeof(xml) - (size_t)len, object_xml, key);
    }
    bool is_truncated = end < bucket->count;
    (void)snprintf(xml + len, sizeof(xml) - (size_t)len,
                   "<IsTruncated>%s</IsTruncated>%s%s%s</ListBucketResult>",
                   is_truncated ? "true" : "false", is_truncated ? "<NextContinuationToken>" : "",
                   is_truncated ? key : "", is_truncated ? "</NextContinuationToken>" : "");
    struct bkt_page page;
    struct bkt_error err = {0};
    if (bkt_list_page_parse(bkt_str_from(xml), &arena, &page, &err))
        fail_msg("%s", err.message);
    page.owner = &arena;
    page.free = free_arena;
    bkt_engine_listed(engine, want->id, &page, NULL);
}

static uint32_t decode_of_text(void)
{
    struct bkt_buf body = BKT_BUF_INIT(100);
    struct bkt_decoded decoded;
    assert_int_equal(bkt_buf_append(&body, BKT_STR("abc")), BKT_OK);
    assert_int_equal(bkt_decode((struct bkt_decode_policy){0}, &body, &decoded, NULL), BKT_OK);
    bkt_buf_clear(&body);
    return decoded.decode;
}

/* Sync a bucket of so many keys whose table has them all; how often that asked for memory. */
static uint64_t calls_of(size_t count)
{
    struct bucket bucket = {.count = count, .decode = decode_of_text()};
    struct bkt_table_target target = {&ops, &bucket};
    struct bkt_filter *filter = NULL;
    struct bkt_engine *engine = NULL;
    struct bkt_error err = {0};
    uint64_t before = bkt_mem_calls();
    assert_int_equal(bkt_filter_new(&(struct bkt_filter_spec){.max_file_size = 100}, &filter, NULL),
                     BKT_OK);
    struct bkt_engine_options options = {
        .filter = filter,
        .bucket = "docs",
        .target = &target,
        .attached = {.clock = {5, 5, 1}, .row_count = count},
        .list_concurrency = 1,
        .get_concurrency = 4,
        .memory_limit = 1 << 20,
    };
    assert_int_equal(bkt_engine_new(&options, &engine, NULL), BKT_OK);
    bkt_engine_list(engine);
    while (!bkt_engine_is_idle(engine)) {
        struct bkt_want want;
        if (bkt_engine_next(engine, 1000, &want, &err))
            fail_msg("%s", err.message);
        assert_int_not_equal(want.kind, BKT_WANT_READ);
        if (want.kind == BKT_WANT_LIST)
            answer_list(&bucket, engine, &want);
        if (want.kind == BKT_WANT_JOB) {
            bkt_job_run(want.job, &target);
            bkt_engine_job_done(engine, want.job);
        }
    }
    assert_int_equal(bkt_engine_counts(engine).matched, count);
    bkt_engine_free(engine);
    bkt_filter_free(filter);
    assert_int_equal(bkt_mem_live(), 0);
    return bkt_mem_calls() - before;
}

static void a_thousand_unchanged_keys_ask_for_memory_a_few_times(void **state)
{
    (void)state;
    uint64_t once = calls_of(THOUSANDS * PAGE_KEYS);
    uint64_t twice = calls_of(2 * THOUSANDS * PAGE_KEYS);
    print_message("# %.2f for each thousand keys, %llu for the rest\n",
                  (double)(twice - once) / THOUSANDS, (unsigned long long)(2 * once - twice));
    assert_true(twice - once <= THOUSANDS * CALLS_PER_THOUSAND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thousand_unchanged_keys_ask_for_memory_a_few_times),
    };
    return cmocka_run_group_tests_name("budget", tests, NULL, NULL);
}
