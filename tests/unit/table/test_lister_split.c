/*
 * Listing many ranges at once, against a bucket of random keys: whatever is split where, whichever
 * page is answered first, the pages cover each key once, and the spans tile the key space.
 */
#include "table/lister.h"

#include "t.h"

#include <bucketable/error.h>

#include <stdio.h>
#include <stdlib.h>

enum { KEYS_MAX = 400, KEY_BYTES = 64, SPANS_MAX = 4000, FLIGHTS_MAX = 8, BOUNDARIES_MAX = 8 };

struct bucket {
    char texts[KEYS_MAX][KEY_BYTES];
    struct bkt_str keys[KEYS_MAX];
    size_t count;
    size_t page_keys; /* of a page at most */
    bool ignores_start_after;
    bool sends_short_pages;
};

/* What the lister said, kept beyond its page. */
struct said {
    struct bkt_arena arena;
    struct bkt_span spans[SPANS_MAX];
    size_t span_count;
    unsigned times[KEYS_MAX]; /* each key was covered */
    size_t requests;
    size_t at_once; /* at most */
};

static size_t random_below(size_t limit)
{
    return (size_t)rand() % limit;
}

/* The shapes that splitting has to do with: what is shared, and where the keys differ. */
static struct bkt_str make_key(char *out, unsigned shape)
{
    static const char *const words[] = {"a", "b/", "\xe6\x97\xa5", "\xf0\x9f\x98\x80", "/", "~"};
    int len = 0;
    switch (shape) {
    case 0:
        len = snprintf(out, KEY_BYTES, "%08x", (unsigned)rand());
        break;
    case 1:
        len = snprintf(out, KEY_BYTES, "2024-%02zu-%02zu/part-%05zu", random_below(3),
                       random_below(28), random_below(20));
        break;
    case 2:
        len =
            snprintf(out, KEY_BYTES, "%s%010zu",
                     random_below(10) ? "m/very/deep/and/long/prefix/" : "z/", random_below(5000));
        break;
    default:
        for (size_t i = 0; i < 1 + random_below(6); i++)
            len += snprintf(out + len, KEY_BYTES - (size_t)len, "%s",
                            words[random_below(T_COUNT(words))]);
        if (len == 0)
            len = snprintf(out, KEY_BYTES, "a");
        break;
    }
    return (struct bkt_str){out, (size_t)len};
}

static int by_key(const void *a, const void *b)
{
    return bkt_str_cmp(*(const struct bkt_str *)a, *(const struct bkt_str *)b);
}

static void fill(struct bucket *bucket)
{
    size_t wanted = random_below(KEYS_MAX);
    unsigned shape = (unsigned)random_below(4);
    for (size_t i = 0; i < wanted; i++)
        bucket->keys[i] = make_key(bucket->texts[i], shape);
    qsort(bucket->keys, wanted, sizeof(bucket->keys[0]), by_key);
    bucket->count = 0;
    for (size_t i = 0; i < wanted; i++) {
        if (i == 0 || !bkt_str_eq(bucket->keys[i], bucket->keys[bucket->count - 1]))
            bucket->keys[bucket->count++] = bucket->keys[i];
    }
    bucket->page_keys = 1 + random_below(20);
}

/* A page; its token is the key that it ends with, which is a key to begin after. */
static void serve(const struct bucket *bucket,
                  const struct bkt_list_request *request,
                  struct bkt_object *objects,
                  struct bkt_page *out_page)
{
    bool has_token = request->token.len > 0;
    struct bkt_str after = has_token ? request->token : request->start_after;
    if (bucket->ignores_start_after && !has_token)
        after = (struct bkt_str){"", 0};
    size_t limit = bucket->page_keys;
    if (bucket->sends_short_pages && random_below(4) == 0)
        limit = 1 + random_below(limit);
    size_t count = 0;
    *out_page = (struct bkt_page){.objects = objects};
    for (size_t i = 0; i < bucket->count; i++) {
        if (bkt_str_cmp(bucket->keys[i], after) <= 0 ||
            !bkt_str_has_prefix(bucket->keys[i], request->prefix))
            continue;
        if (count == limit) {
            out_page->is_truncated = true;
            out_page->next_token = objects[count - 1].key;
            break;
        }
        objects[count++].key = bucket->keys[i];
    }
    out_page->object_count = count;
}

static void note_span(struct said *said, const struct bkt_span *span)
{
    if (span->has_up_to && bkt_str_cmp(span->up_to, span->after) <= 0)
        return; /* a page that covers nothing */
    struct bkt_span *kept = &said->spans[said->span_count++];
    assert_true(said->span_count < SPANS_MAX);
    *kept = *span;
    assert_int_equal(bkt_arena_dup(&said->arena, span->after, &kept->after), BKT_OK);
    if (span->has_up_to)
        assert_int_equal(bkt_arena_dup(&said->arena, span->up_to, &kept->up_to), BKT_OK);
}

static void note_page(struct said *said,
                      const struct bucket *bucket,
                      const struct bkt_page *page,
                      const struct bkt_covered *covered)
{
    assert_true(covered->skip + covered->drop <= page->object_count);
    note_span(said, &covered->span);
    for (size_t i = covered->skip; i < page->object_count - covered->drop; i++) {
        struct bkt_str key = page->objects[i].key;
        assert_true(bkt_str_cmp(key, covered->span.after) > 0);
        assert_true(!covered->span.has_up_to || bkt_str_cmp(key, covered->span.up_to) <= 0);
        for (size_t k = 0; k < bucket->count; k++) {
            if (bkt_str_eq(bucket->keys[k], key))
                said->times[k]++;
        }
    }
}

/* Answers come in any order, as of when the page was asked for. */
static void list(const struct bucket *bucket,
                 struct bkt_lister *lister,
                 size_t slots,
                 struct said *said)
{
    struct {
        size_t chain;
        struct bkt_page page;
        struct bkt_object objects[KEYS_MAX];
    } flights[FLIGHTS_MAX];
    size_t flying = 0;
    struct bkt_covered covered;
    while (bkt_lister_next_gap(lister, 1, &covered))
        note_span(said, &covered.span);
    for (;;) {
        struct bkt_list_request request;
        while (flying < slots && bkt_lister_next(lister, 1, &request)) {
            flights[flying].chain = request.chain;
            memset(flights[flying].objects, 0, sizeof(flights[flying].objects));
            serve(bucket, &request, flights[flying].objects, &flights[flying].page);
            said->requests++;
            flying++;
        }
        said->at_once = flying > said->at_once ? flying : said->at_once;
        if (flying == 0)
            break;
        size_t which = random_below(flying);
        struct bkt_arena arena = {0};
        struct bkt_error err = {.code = BKT_OK};
        if (bkt_lister_page(lister, flights[which].chain, &flights[which].page, &arena, &covered,
                            &err) != BKT_OK)
            fail_msg("%s", err.message);
        note_page(said, bucket, &flights[which].page, &covered);
        bkt_arena_clear(&arena);
        flying--;
        flights[which].chain = flights[flying].chain;
        flights[which].page = flights[flying].page;
        memcpy(flights[which].objects, flights[flying].objects, sizeof(flights[which].objects));
        flights[which].page.objects = flights[which].objects;
    }
    assert_true(bkt_lister_is_done(lister));
}

static int by_after(const void *a, const void *b)
{
    return bkt_str_cmp(((const struct bkt_span *)a)->after, ((const struct bkt_span *)b)->after);
}

static void check_spans(struct said *said)
{
    qsort(said->spans, said->span_count, sizeof(said->spans[0]), by_after);
    assert_true(said->span_count > 0);
    assert_int_equal(said->spans[0].after.len, 0);
    for (size_t i = 0; i + 1 < said->span_count; i++) {
        assert_true(said->spans[i].has_up_to);
        assert_true(bkt_str_eq(said->spans[i].up_to, said->spans[i + 1].after));
    }
    assert_false(said->spans[said->span_count - 1].has_up_to);
}

static struct bkt_filter *make_filter(bool with_patterns)
{
    static const char *const included[] = {"2024-00-*/**", "2024-02-1*/**", "m/**", "z/**",
                                           "a*",           "[0-9a-f]*"};
    static const char *const excluded[] = {"2024-00-1?/**", "b/**", "2024-02-15/**",
                                           "m/very/deep/and/long/prefix/00000012*/**"};
    struct bkt_str in = bkt_str_from(included[random_below(T_COUNT(included))]);
    struct bkt_str out[T_COUNT(excluded)];
    for (size_t i = 0; i < T_COUNT(excluded); i++)
        out[i] = bkt_str_from(excluded[i]);
    struct bkt_filter_spec spec = {.max_file_size = UINT64_MAX};
    if (with_patterns) {
        spec.included = &in;
        spec.included_count = random_below(2);
        spec.excluded = out;
        spec.excluded_count = random_below(T_COUNT(excluded) + 1);
    }
    struct bkt_filter *filter;
    assert_int_equal(bkt_filter_new(&spec, &filter, NULL), BKT_OK);
    return filter;
}

static void cut_at_random(const struct bucket *bucket, struct bkt_lister *lister)
{
    struct bkt_str keys[BOUNDARIES_MAX];
    size_t count = bucket->count > 0 ? random_below(BOUNDARIES_MAX + 1) : 0;
    for (size_t i = 0; i < count; i++)
        keys[i] = bucket->keys[random_below(bucket->count)];
    qsort(keys, count, sizeof(keys[0]), by_key);
    assert_int_equal(bkt_lister_cut(lister, keys, count), BKT_OK);
}

static void each_key_is_covered_once(void **state)
{
    (void)state;
    srand(2);
    static struct bucket bucket;
    static struct said said;
    size_t parallel = 0;
    for (int round = 0; round < 3000; round++) {
        fill(&bucket);
        bucket.ignores_start_after = random_below(5) == 0;
        bucket.sends_short_pages = random_below(3) == 0;
        said = (struct said){0};
        struct bkt_filter *filter = make_filter(random_below(2) == 0);
        struct bkt_lister *lister;
        assert_int_equal(bkt_lister_new(filter, "docs", &lister, NULL), BKT_OK);
        size_t slots = 1 + random_below(FLIGHTS_MAX);
        bkt_lister_set_slots(lister, slots);
        if (random_below(3) == 0)
            cut_at_random(&bucket, lister);
        list(&bucket, lister, slots, &said);
        check_spans(&said);
        for (size_t i = 0; i < bucket.count; i++) {
            bool must = bkt_filter_matches_key(filter, bucket.keys[i]);
            if (said.times[i] > 1 || (must && said.times[i] == 0))
                fail_msg("round %d: \"%.*s\" was covered %u times", round,
                         BKT_STR_ARG(bucket.keys[i]), said.times[i]);
        }
        parallel += said.at_once > 1;
        bkt_lister_free(lister);
        bkt_filter_free(filter);
        bkt_arena_clear(&said.arena);
    }
    assert_true(parallel > 1000);
}

/* Bounds that are often keys, and at times what no server takes. */
static struct bkt_str make_bound(const struct bucket *bucket, char *out)
{
    if (bucket->count == 0 || random_below(4) == 0)
        return make_key(out, (unsigned)random_below(4));
    struct bkt_str key = bucket->keys[random_below(bucket->count)];
    memcpy(out, key.ptr, key.len);
    if (random_below(2) == 0)
        key.len = 1 + random_below(key.len); /* may end within a character */
    return (struct bkt_str){out, key.len};
}

static void what_lies_within_bounds_is_covered_once(void **state)
{
    (void)state;
    srand(3);
    static struct bucket bucket;
    static struct said said;
    size_t left_out = 0;
    for (int round = 0; round < 1000; round++) {
        fill(&bucket);
        bucket.ignores_start_after = random_below(5) == 0;
        bucket.sends_short_pages = random_below(3) == 0;
        said = (struct said){0};
        char texts[2][KEY_BYTES];
        struct bkt_str from = random_below(4) ? make_bound(&bucket, texts[0]) : BKT_STR("");
        struct bkt_str to = random_below(4) ? make_bound(&bucket, texts[1]) : BKT_STR("");
        struct bkt_filter *filter = make_filter(random_below(2) == 0);
        struct bkt_lister *lister;
        assert_int_equal(bkt_lister_new(filter, "docs", &lister, NULL), BKT_OK);
        size_t slots = 1 + random_below(FLIGHTS_MAX);
        bkt_lister_set_slots(lister, slots);
        assert_int_equal(bkt_lister_limit(lister, from, to), BKT_OK);
        list(&bucket, lister, slots, &said);
        for (size_t i = 0; i < bucket.count; i++) {
            struct bkt_str key = bucket.keys[i];
            bool must = bkt_filter_matches_key(filter, key) && bkt_str_cmp(key, from) >= 0 &&
                        (to.len == 0 || bkt_str_cmp(key, to) <= 0);
            if (said.times[i] > 1 || (must && said.times[i] == 0))
                fail_msg("round %d: \"%.*s\" was covered %u times", round, BKT_STR_ARG(key),
                         said.times[i]);
            left_out += said.times[i] == 0;
        }
        bkt_lister_free(lister);
        bkt_filter_free(filter);
        bkt_arena_clear(&said.arena);
    }
    assert_true(left_out > 30000);
}

/* Bounds on requests: what is not known to be worth it is not asked for. */
static void small_buckets_cost_few_requests(void **state)
{
    (void)state;
    static struct bucket bucket;
    static struct said said;
    static const struct {
        size_t keys, requests_max;
    } cases[] = {{0, 1}, {1, 1}, {20, 1}, {21, 3}, {60, 5}, {200, 15}};
    struct bkt_filter *filter = make_filter(false);
    for (size_t c = 0; c < T_COUNT(cases); c++) {
        for (unsigned shape = 0; shape < 2; shape++) {
            bucket.count = cases[c].keys;
            bucket.page_keys = 20;
            for (size_t i = 0; i < bucket.count; i++) {
                int len = snprintf(bucket.texts[i], KEY_BYTES, shape ? "%016zx" : "%03zu-x",
                                   shape ? (i << 56) / 256 + i : i);
                bucket.keys[i] = (struct bkt_str){bucket.texts[i], (size_t)len};
            }
            said = (struct said){0};
            struct bkt_lister *lister;
            assert_int_equal(bkt_lister_new(filter, "docs", &lister, NULL), BKT_OK);
            bkt_lister_set_slots(lister, FLIGHTS_MAX);
            list(&bucket, lister, FLIGHTS_MAX, &said);
            if (said.requests > cases[c].requests_max)
                fail_msg("%zu keys: %zu requests", cases[c].keys, said.requests);
            bkt_lister_free(lister);
            bkt_arena_clear(&said.arena);
        }
    }
    bkt_filter_free(filter);
}

/* 180 of 200 pages are excluded: a tenth of the requests of a full listing, and five. */
static void an_excluded_directory_saves_its_requests(void **state)
{
    (void)state;
    static struct bucket bucket = {.count = KEYS_MAX, .page_keys = 2};
    static struct said said;
    for (size_t i = 0; i < bucket.count; i++) {
        const char *directory = i < 20 ? "a/prefix" : i < 380 ? "m/very/deep" : "z/prefix";
        int len = snprintf(bucket.texts[i], KEY_BYTES, "%s/%010zu", directory, i);
        bucket.keys[i] = (struct bkt_str){bucket.texts[i], (size_t)len};
    }
    struct bkt_str excluded = BKT_STR("m/**");
    struct bkt_filter_spec spec = {
        .max_file_size = UINT64_MAX, .excluded = &excluded, .excluded_count = 1};
    struct bkt_filter *filter;
    assert_int_equal(bkt_filter_new(&spec, &filter, NULL), BKT_OK);
    struct bkt_lister *lister;
    assert_int_equal(bkt_lister_new(filter, "docs", &lister, NULL), BKT_OK);
    bkt_lister_set_slots(lister, FLIGHTS_MAX);
    said = (struct said){0};
    list(&bucket, lister, FLIGHTS_MAX, &said);
    if (said.requests > 20 + 5)
        fail_msg("%zu requests", said.requests);
    bkt_lister_free(lister);
    bkt_filter_free(filter);
    bkt_arena_clear(&said.arena);
}

/* One slot: in the order of the keys, and not one request more than there are pages. */
static void one_slot_is_serial(void **state)
{
    (void)state;
    srand(3);
    static struct bucket bucket;
    static struct said said;
    struct bkt_filter *filter = make_filter(false);
    for (int round = 0; round < 50; round++) {
        fill(&bucket);
        bucket.ignores_start_after = bucket.sends_short_pages = false;
        said = (struct said){0};
        struct bkt_lister *lister;
        assert_int_equal(bkt_lister_new(filter, "docs", &lister, NULL), BKT_OK);
        list(&bucket, lister, 1, &said);
        size_t pages = (bucket.count + bucket.page_keys - 1) / bucket.page_keys;
        assert_int_equal(said.requests, pages > 0 ? pages : 1);
        for (size_t i = 0; i + 1 < said.span_count; i++)
            assert_true(bkt_str_cmp(said.spans[i].after, said.spans[i + 1].after) < 0);
        bkt_lister_free(lister);
        bkt_arena_clear(&said.arena);
    }
    bkt_filter_free(filter);
}

/* Boundaries at the ends of pages cost no request, wherever else they lie at most one each. */
static void known_boundaries_are_cheap(void **state)
{
    (void)state;
    static struct bucket bucket;
    static struct said said;
    struct bkt_filter *filter = make_filter(false);
    for (size_t shift = 0; shift < 2; shift++) {
        bucket = (struct bucket){.count = 400, .page_keys = 20};
        for (size_t i = 0; i < bucket.count; i++) {
            int len = snprintf(bucket.texts[i], KEY_BYTES, "2024/%05zu", i);
            bucket.keys[i] = (struct bkt_str){bucket.texts[i], (size_t)len};
        }
        struct bkt_str cuts[4];
        for (size_t i = 0; i < T_COUNT(cuts); i++)
            cuts[i] = bucket.keys[(i + 1) * 80 - 1 + shift];
        said = (struct said){0};
        struct bkt_lister *lister;
        assert_int_equal(bkt_lister_new(filter, "docs", &lister, NULL), BKT_OK);
        assert_int_equal(bkt_lister_cut(lister, cuts, T_COUNT(cuts)), BKT_OK);
        list(&bucket, lister, 5, &said);
        assert_int_equal(said.at_once, 5);
        assert_true(said.requests <= 20 + 4 * shift);
        check_spans(&said);
        bkt_lister_free(lister);
        bkt_arena_clear(&said.arena);
    }
    bkt_filter_free(filter);
}

/* The guards hold in every range. */
static void a_range_believes_no_lie(void **state)
{
    (void)state;
    const struct {
        const char *name;
        struct bkt_str first, second, token;
        int rc;
    } cases[] = {
        {"in order", BKT_STR("n"), BKT_STR("p"), BKT_STR("t"), BKT_OK},
        {"not in order", BKT_STR("p"), BKT_STR("n"), BKT_STR("t"), BKT_EUNSUPPORTED},
        {"twice", BKT_STR("p"), BKT_STR("p"), BKT_STR("t"), BKT_EUNSUPPORTED},
        {"no token", BKT_STR("n"), BKT_STR("p"), BKT_STR(""), BKT_EPARSE},
        {"not a key", BKT_STR(""), BKT_STR("p"), BKT_STR("t"), BKT_EPARSE},
    };
    struct bkt_filter *filter = make_filter(false);
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        struct bkt_lister *lister;
        struct bkt_list_request request;
        struct bkt_str cut = BKT_STR("m");
        assert_int_equal(bkt_lister_new(filter, "docs", &lister, NULL), BKT_OK);
        assert_int_equal(bkt_lister_cut(lister, &cut, 1), BKT_OK);
        assert_true(bkt_lister_next(lister, 1, &request));
        assert_true(bkt_lister_next(lister, 1, &request));
        assert_string_equal(request.start_after.ptr, "m");
        struct bkt_object objects[2] = {{.key = cases[i].first}, {.key = cases[i].second}};
        struct bkt_page page = {.objects = objects,
                                .object_count = 2,
                                .is_truncated = true,
                                .next_token = cases[i].token};
        struct bkt_arena arena = {0};
        struct bkt_covered covered;
        struct bkt_error err;
        if (bkt_lister_page(lister, request.chain, &page, &arena, &covered, &err) != cases[i].rc)
            fail_msg("%s", cases[i].name);
        bkt_arena_clear(&arena);
        bkt_lister_free(lister);
    }
    bkt_filter_free(filter);
}

static int make_and_cut(const struct bkt_filter *filter)
{
    const struct bkt_str keys[] = {BKT_STR("b"), BKT_STR("c"), BKT_STR("d")};
    struct bkt_lister *lister;
    int rc = bkt_lister_new(filter, "docs", &lister, NULL);
    if (rc)
        return rc;
    bkt_lister_set_slots(lister, 2);
    rc = bkt_lister_cut(lister, keys, T_COUNT(keys));
    bkt_lister_free(lister);
    return rc;
}

static void out_of_memory_leaves_nothing(void **state)
{
    (void)state;
    struct bkt_filter *filter = make_filter(false);
    size_t live = bkt_mem_live();
    for (long n = 0;; n++) {
        bkt_mem_fail_at(n);
        int rc = make_and_cut(filter);
        bool hit = bkt_mem_failed();
        bkt_mem_fail_at(-1);
        assert_int_equal(rc, hit ? BKT_ENOMEM : BKT_OK);
        assert_int_equal(bkt_mem_live(), live);
        if (!hit)
            break;
    }
    bkt_filter_free(filter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_key_is_covered_once),
        cmocka_unit_test(what_lies_within_bounds_is_covered_once),
        cmocka_unit_test(small_buckets_cost_few_requests),
        cmocka_unit_test(an_excluded_directory_saves_its_requests),
        cmocka_unit_test(one_slot_is_serial),
        cmocka_unit_test(known_boundaries_are_cheap),
        cmocka_unit_test(a_range_believes_no_lie),
        cmocka_unit_test(out_of_memory_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
