/*
 * What the lister believes and what not, and that leaving out what cannot match leaves out nothing
 * else.  Ranges that are split have tests of their own (test_lister_split.c).
 */
#include "table/lister.h"

#include "t.h"

#include <bucketable/error.h>

#include <stdio.h>
#include <stdlib.h>

static struct bkt_filter *make_filter(const char *prefix,
                                      const char *included,
                                      const char *excluded)
{
    struct bkt_str patterns[2] = {bkt_str_from(included), bkt_str_from(excluded)};
    struct bkt_filter_spec spec = {.prefix = bkt_str_from(prefix),
                                   .included = &patterns[0],
                                   .included_count = included != NULL,
                                   .excluded = &patterns[1],
                                   .excluded_count = excluded != NULL,
                                   .max_file_size = UINT64_MAX};
    struct bkt_filter *filter;
    assert_int_equal(bkt_filter_new(&spec, &filter, NULL), BKT_OK);
    return filter;
}

/* A page out of "key key key > token"; without the token it is the last. */
struct page {
    struct bkt_object objects[8];
    struct bkt_page page;
    char text[128];
};

static const struct bkt_page *make_page(struct page *page, const char *words)
{
    *page = (struct page){.page.objects = page->objects};
    (void)snprintf(page->text, sizeof(page->text), "%s", words);
    char *rest = NULL;
    for (char *word = strtok_r(page->text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        if (strcmp(word, ">") != 0) {
            page->objects[page->page.object_count++].key = bkt_str_from(word);
            continue;
        }
        char *token = strtok_r(NULL, " ", &rest);
        page->page.is_truncated = true;
        page->page.next_token = token ? bkt_str_from(token) : (struct bkt_str){"", 0};
    }
    return &page->page;
}

static void lies_are_errors(void **state)
{
    (void)state;
    static const struct {
        const char *prefix;
        const char *pages[3];
        int rc; /* of the last one */
    } cases[] = {
        {"", {"a b > t1", "c d"}, BKT_OK},
        {"", {"a b > t1", "> t2", "c"}, BKT_OK},
        {"", {"> t1", "a"}, BKT_OK},
        {"", {"a > t1", ""}, BKT_OK},
        {"", {"a b > t1", "c > t1"}, BKT_EPARSE},  /* the token that was sent */
        {"", {"a b > t1", "c >"}, BKT_EPARSE},     /* no token */
        {"", {"a b > t1", "b c"}, BKT_EPARSE},     /* goes back */
        {"", {"b c > t1", "a"}, BKT_EPARSE},       /* further back */
        {"", {"b > t1", "> t2", "a"}, BKT_EPARSE}, /* also behind an empty page */
        {"", {"b a"}, BKT_EUNSUPPORTED},           /* not in order */
        {"", {"a a"}, BKT_EUNSUPPORTED},           /* twice */
        {"p/", {"p/1 q"}, BKT_EPARSE},             /* outside */
        {"p/", {"p"}, BKT_EPARSE},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        struct bkt_filter *filter = make_filter(cases[i].prefix, NULL, NULL);
        struct bkt_lister *lister;
        struct bkt_arena arena = {0};
        assert_int_equal(bkt_lister_new(filter, "docs", &lister, NULL), BKT_OK);
        for (size_t n = 0; n < 3 && cases[i].pages[n]; n++) {
            struct bkt_list_request request;
            struct bkt_covered covered;
            struct bkt_error err;
            struct page page;
            bool is_last = n == 2 || !cases[i].pages[n + 1];
            assert_true(bkt_lister_next(lister, 1, &request));
            int rc = bkt_lister_page(lister, request.chain, make_page(&page, cases[i].pages[n]),
                                     &arena, &covered, &err);
            if (rc != (is_last ? cases[i].rc : BKT_OK))
                fail_msg("case %zu, page %zu: %d", i, n, rc);
            char what[64];
            (void)snprintf(what, sizeof(what), "list s3://docs/%s: ", cases[i].prefix);
            if (rc && strncmp(err.message, what, strlen(what)) != 0)
                fail_msg("case %zu: %s", i, err.message);
        }
        bkt_arena_clear(&arena);
        bkt_lister_free(lister);
        bkt_filter_free(filter);
    }
}

static void empty_pages_come_to_an_end(void **state)
{
    (void)state;
    struct bkt_filter *filter = make_filter("", NULL, NULL);
    struct bkt_lister *lister;
    struct bkt_arena arena = {0};
    struct bkt_list_request request;
    struct bkt_covered covered;
    int rc = BKT_OK;
    unsigned pages = 0;
    assert_int_equal(bkt_lister_new(filter, "docs", &lister, NULL), BKT_OK);
    for (; rc == BKT_OK && pages < 100000; pages++) {
        char words[32];
        struct page page;
        (void)snprintf(words, sizeof(words), "> t%u", pages);
        assert_true(bkt_lister_next(lister, 1, &request));
        rc =
            bkt_lister_page(lister, request.chain, make_page(&page, words), &arena, &covered, NULL);
        bkt_arena_reset(&arena);
    }
    assert_int_equal(rc, BKT_EPARSE);
    assert_in_range(pages, 1000, 20000);
    bkt_arena_clear(&arena);
    bkt_lister_free(lister);
    bkt_filter_free(filter);
}

static void a_page_proves_as_of_the_one_before(void **state)
{
    (void)state;
    static const struct {
        const char *page;
        uint64_t asked_at, read_at;
    } cases[] = {{"a b > t1", 10, 10}, {"> t2", 20, 10}, {"c > t3", 30, 10}, {"d", 40, 30}};
    struct bkt_filter *filter = make_filter("", NULL, NULL);
    struct bkt_lister *lister;
    struct bkt_arena arena = {0};
    assert_int_equal(bkt_lister_new(filter, "docs", &lister, NULL), BKT_OK);
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        struct bkt_list_request request;
        struct bkt_covered covered;
        struct page page;
        assert_true(bkt_lister_next(lister, cases[i].asked_at, &request));
        assert_int_equal(bkt_lister_page(lister, request.chain, make_page(&page, cases[i].page),
                                         &arena, &covered, NULL),
                         BKT_OK);
        assert_int_equal(covered.read_at, cases[i].read_at);
    }
    bkt_arena_clear(&arena);
    bkt_lister_free(lister);
    bkt_filter_free(filter);
}

static void an_excluded_directory_is_leapt_over(void **state)
{
    (void)state;
    struct bkt_filter *filter = make_filter("", NULL, "b");
    struct bkt_lister *lister;
    struct bkt_arena arena = {0};
    struct bkt_list_request request;
    struct bkt_covered covered;
    struct page page;
    assert_int_equal(bkt_lister_new(filter, "docs", &lister, NULL), BKT_OK);
    assert_true(bkt_lister_next(lister, 1, &request));
    assert_int_equal(bkt_lister_page(lister, request.chain, make_page(&page, "a b/1 > t1"), &arena,
                                     &covered, NULL),
                     BKT_OK);
    assert_true(bkt_str_cmp(covered.span.up_to, BKT_STR("b/zzz")) > 0);
    assert_true(bkt_lister_next(lister, 1, &request));
    assert_int_equal(request.token.len, 0);
    assert_true(bkt_str_has_prefix(request.start_after, BKT_STR("b/")));
    /* Who ignores start-after sends them again: they are skipped, and no lie. */
    assert_int_equal(bkt_lister_page(lister, request.chain, make_page(&page, "a b/1 b/2 > t2"),
                                     &arena, &covered, NULL),
                     BKT_OK);
    assert_int_equal(covered.skip, 3);
    assert_true(bkt_lister_next(lister, 1, &request));
    assert_true(bkt_str_eq(request.token, BKT_STR("t2")));
    assert_int_equal(
        bkt_lister_page(lister, request.chain, make_page(&page, "b/3 c"), &arena, &covered, NULL),
        BKT_OK);
    assert_int_equal(covered.skip, 1);
    assert_false(bkt_lister_next(lister, 1, &request));
    bkt_arena_clear(&arena);
    bkt_lister_free(lister);
    bkt_filter_free(filter);
}

/* Random buckets and patterns: listing what can match, and listing everything and filtering. */

enum { KEYS_MAX = 24, KEY_BYTES = 12, CASES = 100000 };

static uint64_t random_state = 1;

static unsigned random_below(unsigned limit)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)((random_state >> 33) % limit);
}

static void random_words(char *out, size_t size, const char *const *words, unsigned count)
{
    size_t len = 0;
    out[0] = '\0';
    for (unsigned n = 1 + random_below(4); n > 0; n--) {
        const char *word = words[random_below(count)];
        if (len + strlen(word) >= size)
            return;
        len += (size_t)snprintf(out + len, size - len, "%s", word);
    }
}

struct bucket {
    char texts[KEYS_MAX][KEY_BYTES];
    struct bkt_str keys[KEYS_MAX]; /* in order, none twice */
    unsigned count;
};

static void make_bucket(struct bucket *bucket)
{
    static const char *const words[] = {"a", "b", "/", "/", ".c", "\xc3\xa9"};
    bucket->count = 0;
    for (unsigned n = random_below(KEYS_MAX); n > 0; n--) {
        char *text = bucket->texts[bucket->count];
        random_words(text, KEY_BYTES, words, T_COUNT(words));
        struct bkt_str key = bkt_str_from(text);
        unsigned at = bucket->count;
        bool is_known = false;
        for (unsigned i = 0; i < bucket->count; i++)
            is_known = is_known || bkt_str_eq(bucket->keys[i], key);
        if (is_known)
            continue;
        for (; at > 0 && bkt_str_cmp(bucket->keys[at - 1], key) > 0; at--)
            bucket->keys[at] = bucket->keys[at - 1];
        bucket->keys[at] = key;
        bucket->count++;
    }
}

/* Tokens are indexes; `ignores` start-after or not. */
static void answer(const struct bucket *bucket,
                   const struct bkt_list_request *request,
                   bool ignores,
                   struct page *page)
{
    unsigned room = 1 + random_below(4);
    unsigned i = request->token.len > 0 ? (unsigned)atoi(request->token.ptr + 1) : 0;
    *page = (struct page){.page.objects = page->objects};
    for (; i < bucket->count; i++) {
        if (!bkt_str_has_prefix(bucket->keys[i], request->prefix) ||
            (!ignores && request->token.len == 0 &&
             bkt_str_cmp(bucket->keys[i], request->start_after) <= 0))
            continue;
        if (page->page.object_count == room) {
            page->page.is_truncated = true;
            (void)snprintf(page->text, sizeof(page->text), "t%u", i);
            page->page.next_token = bkt_str_from(page->text);
            return;
        }
        page->objects[page->page.object_count++].key = bucket->keys[i];
    }
}

static void note_span(const struct bucket *bucket, const struct bkt_span *span, unsigned *covered)
{
    for (unsigned i = 0; i < bucket->count; i++) {
        if (bkt_str_cmp(bucket->keys[i], span->after) > 0 &&
            (!span->has_up_to || bkt_str_cmp(bucket->keys[i], span->up_to) <= 0))
            covered[i]++;
    }
}

static void list_all(struct bkt_lister *lister,
                     const struct bucket *bucket,
                     unsigned *seen,
                     unsigned *covered)
{
    struct bkt_arena arena = {0};
    struct bkt_covered stretch;
    struct bkt_list_request request;
    bool ignores = random_below(4) == 0;
    while (bkt_lister_next_gap(lister, 1, &stretch))
        note_span(bucket, &stretch.span, covered);
    while (bkt_lister_next(lister, 1, &request)) {
        struct page page;
        answer(bucket, &request, ignores, &page);
        assert_int_equal(bkt_lister_page(lister, request.chain, &page.page, &arena, &stretch, NULL),
                         BKT_OK);
        note_span(bucket, &stretch.span, covered);
        for (size_t i = stretch.skip; i < page.page.object_count - stretch.drop; i++) {
            unsigned at = 0;
            while (!bkt_str_eq(bucket->keys[at], page.objects[i].key))
                at++;
            seen[at]++;
        }
    }
    assert_true(bkt_lister_is_done(lister));
    bkt_arena_clear(&arena);
}

static struct bkt_filter *random_filter(char texts[5][KEY_BYTES])
{
    static const char *const words[] = {"a", "b",     "/",  "*",   "**",
                                        "?", "{a,b}", ".c", "/**", "[ab]"};
    struct bkt_str patterns[4];
    struct bkt_filter *filter;
    for (unsigned i = 0; i < 4; i++) {
        random_words(texts[i], KEY_BYTES, words, T_COUNT(words));
        patterns[i] = bkt_str_from(texts[i]);
    }
    random_words(texts[4], 5, words, 3);
    struct bkt_filter_spec spec = {.prefix =
                                       random_below(3) == 0 ? bkt_str_from(texts[4]) : BKT_STR(""),
                                   .included = patterns,
                                   .included_count = random_below(3),
                                   .excluded = patterns + 2,
                                   .excluded_count = random_below(3),
                                   .max_file_size = UINT64_MAX};
    int rc = bkt_filter_new(&spec, &filter, NULL);
    return rc == BKT_OK ? filter : NULL;
}

static void leaving_out_what_cannot_match_loses_nothing(void **state)
{
    (void)state;
    unsigned tried = 0;
    while (tried < CASES) {
        char texts[5][KEY_BYTES];
        struct bucket bucket;
        struct bkt_lister *lister;
        unsigned seen[KEYS_MAX] = {0};
        unsigned covered[KEYS_MAX] = {0};
        struct bkt_filter *filter = random_filter(texts);
        if (!filter)
            continue;
        tried++;
        make_bucket(&bucket);
        assert_int_equal(bkt_lister_new(filter, "docs", &lister, NULL), BKT_OK);
        list_all(lister, &bucket, seen, covered);
        for (unsigned i = 0; i < bucket.count; i++) {
            if (covered[i] != 1)
                fail_msg("case %u: \"%.*s\" is covered %u times", tried,
                         BKT_STR_ARG(bucket.keys[i]), covered[i]);
            if (seen[i] > 1 || (seen[i] == 0 && bkt_filter_matches_key(filter, bucket.keys[i])))
                fail_msg("case %u: \"%.*s\" is listed %u times (%s %s, not %s %s, prefix %s)",
                         tried, BKT_STR_ARG(bucket.keys[i]), seen[i], texts[0], texts[1], texts[2],
                         texts[3], texts[4]);
        }
        bkt_lister_free(lister);
        bkt_filter_free(filter);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lies_are_errors),
        cmocka_unit_test(empty_pages_come_to_an_end),
        cmocka_unit_test(a_page_proves_as_of_the_one_before),
        cmocka_unit_test(an_excluded_directory_is_leapt_over),
        cmocka_unit_test(leaving_out_what_cannot_match_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
