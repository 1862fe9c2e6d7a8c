#include "sim_bucket.h"

#include "core/mem.h"
#include "core/time.h"

#include <stdio.h>
#include <stdlib.h>

/* As BKT_STR, for constants. */
#define TEXT(literal)                \
    {                                \
        literal, sizeof(literal) - 1 \
    }

const struct bkt_str sim_keys[SIM_KEYS] = {
    TEXT("a"),     TEXT("a/b"),   TEXT("p/"), TEXT("p/1"),   TEXT("p/2"),
    TEXT("p/x/1"), TEXT("p/x/2"), TEXT("q"),  TEXT("tmp/1"), TEXT("z"),
};

const struct sim_content sim_contents[SIM_CONTENTS] = {
    {TEXT("one"), TEXT("e1"), TEXT("")},
    {TEXT("two"), TEXT("e2"), TEXT("")},
    {TEXT("three three three three three"), TEXT("e3"), TEXT("")},
    {TEXT("bad\xffutf"), TEXT("e4"), TEXT("bad\xef\xbf\xbdutf")},
    /* SIM_REJECTED: the simulated target does not take it. */
    {TEXT("!cannot be stored"), TEXT("e5"), TEXT("")},
    /* Over the size limit of most specs, and of some memory limits. */
    {TEXT("large large large large large large large large large large large large large "
          "large large large large large large large large large large large large large"),
     TEXT("e6"), TEXT("")},
    {TEXT("middle middle middle middle middle middle middle middle middle middle"), TEXT("e7"),
     TEXT("")},
};

unsigned sim_key_index(struct bkt_str key)
{
    unsigned i = 0;
    while (i < SIM_KEYS && !bkt_str_eq(sim_keys[i], key))
        i++;
    return i;
}

static struct sim_spec specs[SIM_SPECS];

void sim_specs_free(void)
{
    for (size_t i = 0; i < SIM_SPECS; i++) {
        bkt_filter_free((struct bkt_filter *)(uintptr_t)specs[i].filter);
        specs[i].filter = NULL;
    }
}

const struct sim_spec *sim_specs(void)
{
    static const struct bkt_str included[] = {TEXT("a*"), TEXT("p/*")};
    static const struct bkt_str tmp[] = {TEXT("tmp"), TEXT("q")};
    static const struct bkt_str below_x[] = {TEXT("p/x/**")};
    static const struct bkt_str ones[] = {TEXT("*/1")};
    static const struct {
        struct bkt_filter_spec filter;
        struct bkt_decode_policy policy;
        unsigned columns;
    } made_of[SIM_SPECS] = {
        {{.max_file_size = 100}, {.text_errors = BKT_TEXT_REPLACE}, 0},
        {{.prefix = TEXT("p/"), .max_file_size = UINT64_MAX}, {.binary = true}, 0},
        {{.included = included, .included_count = 2, .max_file_size = 100},
         {.text_errors = BKT_TEXT_STRICT},
         0},
        {{.excluded = tmp, .excluded_count = 2, .max_file_size = UINT64_MAX},
         {.text_errors = BKT_TEXT_BYTES},
         BKT_COLUMN_ETAG},
        {{.excluded = below_x, .excluded_count = 1, .max_file_size = 100},
         {.text_errors = BKT_TEXT_STRICT},
         0},
        {{.included = ones, .included_count = 1, .max_file_size = 100},
         {.text_errors = BKT_TEXT_REPLACE},
         0},
    };
    for (size_t i = 0; i < SIM_SPECS; i++) {
        struct bkt_filter *filter;
        if (specs[i].filter)
            continue;
        if (bkt_filter_new(&made_of[i].filter, &filter, NULL) != BKT_OK)
            return NULL;
        specs[i] = (struct sim_spec){filter, made_of[i].policy, made_of[i].columns};
    }
    return specs;
}

bool sim_row_content(const struct sim_spec *spec, unsigned content, struct bkt_str *out)
{
    const struct sim_content *made_of = &sim_contents[content];
    *out = made_of->bytes;
    if (content == SIM_REJECTED)
        return false;
    if (spec->policy.binary || made_of->replaced.len == 0)
        return true;
    if (spec->policy.text_errors == BKT_TEXT_REPLACE)
        *out = made_of->replaced;
    return spec->policy.text_errors != BKT_TEXT_STRICT;
}

void sim_bucket_put(struct sim_bucket *bucket, unsigned key, unsigned content)
{
    struct sim_seen *object = &bucket->objects[key];
    object->exists = true;
    object->content = content;
    object->version++;
    bucket->changed_at[key] = ++bucket->writes;
}

void sim_bucket_delete(struct sim_bucket *bucket, unsigned key)
{
    struct sim_seen *object = &bucket->objects[key];
    object->exists = false;
    object->version++;
    bucket->changed_at[key] = ++bucket->writes;
}

bool sim_is_row(const struct sim_spec *spec, unsigned key, const struct sim_seen *seen)
{
    return seen->exists && bkt_filter_matches(spec->filter, sim_keys[key],
                                              sim_contents[seen->content].bytes.len, NULL);
}

struct bkt_object sim_object(unsigned key, const struct sim_seen *seen)
{
    const struct sim_content *content = &sim_contents[seen->content];
    /* One second for all: time tells nothing here. */
    return (struct bkt_object){.key = sim_keys[key],
                               .etag = content->etag,
                               .size = content->bytes.len,
                               .last_modified_ms = 1700000000000};
}

struct sim_page {
    struct bkt_object objects[SIM_KEYS + 1];
    size_t count;
    bool is_truncated;
    char token[48];
    struct sim_seen seen[SIM_KEYS];
};

struct bkt_page sim_page_view(struct sim_page *page)
{
    return (struct bkt_page){
        .objects = page->objects,
        .object_count = page->count,
        .is_truncated = page->is_truncated,
        .next_token = bkt_str_from(page->token),
        .owner = page,
        .free = sim_page_free,
    };
}

const struct sim_seen *sim_page_seen(const struct sim_page *page)
{
    return page->seen;
}

void sim_page_free(void *page)
{
    bkt_mem_free(page);
}

/* "7:3" is the seventh token given out, and goes on after the key with index 3 - 1. */
static unsigned first_key(const struct sim_bucket *bucket, const struct bkt_list_request *request)
{
    if (request->token.len > 0) {
        const char *colon = memchr(request->token.ptr, ':', request->token.len);
        return colon ? (unsigned)(colon[1] - '0') : SIM_KEYS;
    }
    unsigned first = 0;
    if (request->start_after.len == 0 || bucket->ignores_start_after)
        return 0;
    while (first < SIM_KEYS && bkt_str_cmp(sim_keys[first], request->start_after) <= 0)
        first++;
    return first;
}

static void lie_about(struct sim_page *page,
                      const struct bkt_list_request *request,
                      bool has_empty_pages,
                      enum sim_lie lie)
{
    static const struct bkt_str outside = TEXT("o/outside");
    switch (lie) {
    case SIM_LIE_TOKEN_REPEATED:
        if (request->token.len > 0 && request->token.len < sizeof(page->token)) {
            page->is_truncated = true;
            memset(page->token, 0, sizeof(page->token));
            memcpy(page->token, request->token.ptr, request->token.len);
        }
        return;
    case SIM_LIE_TOKEN_MISSING:
        page->is_truncated = true;
        page->token[0] = '\0';
        return;
    case SIM_LIE_UNSORTED:
        if (page->count > 1) {
            struct bkt_object first = page->objects[0];
            page->objects[0] = page->objects[page->count - 1];
            page->objects[page->count - 1] = first;
        }
        return;
    case SIM_LIE_OUTSIDE:
        if (request->prefix.len > 0) {
            page->objects[page->count] = sim_object(0, &(struct sim_seen){.exists = true});
            page->objects[page->count++].key = outside;
        }
        return;
    case SIM_LIE_BACK:
        /* After a page without keys there is nothing to go back to. */
        if (request->token.len > 0 && !has_empty_pages &&
            bkt_str_has_prefix(sim_keys[0], request->prefix)) {
            page->objects[0] = sim_object(0, &(struct sim_seen){.exists = true});
            page->count = 1;
        }
        return;
    case SIM_LIE_NONE:
    case SIM_LIE_COUNT:
        return;
    }
}

struct sim_page *sim_bucket_list(struct sim_bucket *bucket,
                                 struct sim_rng *rng,
                                 const struct bkt_list_request *request,
                                 enum sim_lie lie)
{
    struct sim_page *page = bkt_mem_calloc(1, sizeof(*page));
    if (!page)
        return NULL;
    uint32_t room = bucket->page_size;
    if (bucket->has_empty_pages && sim_chance(rng, 300))
        room = sim_below(rng, room + 1);
    unsigned begin = first_key(bucket, request);
    unsigned key = begin;
    for (; key < SIM_KEYS; key++) {
        struct sim_seen seen = bucket->objects[key];
        bool is_listed = seen.exists && bkt_str_has_prefix(sim_keys[key], request->prefix);
        if (is_listed && page->count == room) {
            page->is_truncated = true;
            break;
        }
        page->seen[key] = seen;
        page->seen[key].is_valid = bkt_str_has_prefix(sim_keys[key], request->prefix);
        if (!is_listed)
            continue;
        page->objects[page->count] = sim_object(key, &seen);
        if (bucket->lists_no_etags)
            page->objects[page->count].etag = (struct bkt_str){0};
        page->count++;
    }
    /* Whether a token stands at the last key or at the next one is the server's affair. */
    while (page->is_truncated && !bucket->skips_ahead && key > begin && !page->seen[key - 1].exists)
        page->seen[--key].is_valid = false;
    if (page->is_truncated)
        (void)snprintf(page->token, sizeof(page->token), "%u:%u", ++bucket->tokens, key);
    lie_about(page, request, bucket->has_empty_pages, lie);
    return page;
}
