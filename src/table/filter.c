#include "table/filter.h"

#include "core/mem.h"
#include "glob/glob_prefix.h"

#include <stdlib.h>

struct bkt_filter {
    struct bkt_arena arena;
    struct bkt_str prefix;
    uint64_t max_file_size;
    struct bkt_glob_set *included; /* NULL: everything is */
    struct bkt_glob_set *excluded; /* NULL: nothing is */
    struct bkt_glob_prefixes included_prefixes;
    struct bkt_glob_prefixes excluded_prefixes;
};

typedef int find_fn(const struct bkt_glob *glob,
                    struct bkt_arena *arena,
                    struct bkt_glob_prefixes *out);

/* Append what `find` says of one more glob. */
static int add_prefixes(struct bkt_filter *filter,
                        const struct bkt_str *pattern,
                        find_fn *find,
                        struct bkt_glob_prefixes *all)
{
    struct bkt_glob *glob;
    int rc = bkt_glob_new(pattern->ptr, pattern->len, &glob, NULL);
    if (rc)
        return rc;
    struct bkt_glob_prefixes more;
    rc = find(glob, &filter->arena, &more);
    bkt_glob_free(glob);
    if (rc || more.count == 0)
        return rc;

    size_t count = all->count + more.count;
    struct bkt_str *items = bkt_arena_alloc(&filter->arena, count * sizeof(*items));
    if (!items)
        return BKT_ENOMEM;
    if (all->count > 0)
        memcpy(items, all->items, all->count * sizeof(*items));
    memcpy(items + all->count, more.items, more.count * sizeof(*items));
    *all = (struct bkt_glob_prefixes){items, count};
    return BKT_OK;
}

static int by_key(const void *a, const void *b)
{
    return bkt_str_cmp(*(const struct bkt_str *)a, *(const struct bkt_str *)b);
}

/* Sort, and drop what begins with another one. */
static void tidy(struct bkt_glob_prefixes *prefixes)
{
    if (prefixes->count < 2)
        return;
    qsort(prefixes->items, prefixes->count, sizeof(*prefixes->items), by_key);
    size_t kept = 1;
    for (size_t i = 1; i < prefixes->count; i++) {
        if (!bkt_str_has_prefix(prefixes->items[i], prefixes->items[kept - 1]))
            prefixes->items[kept++] = prefixes->items[i];
    }
    prefixes->count = kept;
}

static int add_patterns(struct bkt_filter *filter,
                        const struct bkt_str *patterns,
                        size_t count,
                        find_fn *find,
                        struct bkt_glob_set **out_set,
                        struct bkt_glob_prefixes *out_prefixes,
                        struct bkt_error *err)
{
    if (count == 0)
        return BKT_OK;
    int rc = bkt_glob_set_new(out_set, err);
    for (size_t i = 0; i < count && rc == BKT_OK; i++) {
        rc = bkt_glob_set_add(*out_set, patterns[i].ptr, patterns[i].len, err);
        if (rc)
            return bkt_error_wrap(err, rc, "pattern \"%.*s\"", BKT_STR_ARG(patterns[i]));
        rc = add_prefixes(filter, &patterns[i], find, out_prefixes);
    }
    tidy(out_prefixes);
    return rc;
}

int bkt_filter_new(const struct bkt_filter_spec *spec,
                   struct bkt_filter **out_filter,
                   struct bkt_error *err)
{
    struct bkt_filter *filter = bkt_mem_calloc(1, sizeof(*filter));
    if (!filter)
        return bkt_error_set(err, BKT_ENOMEM, "prepare the patterns: out of memory");
    filter->max_file_size = spec->max_file_size;
    struct bkt_error why = {.code = BKT_OK};
    int rc = bkt_arena_dup(&filter->arena, spec->prefix, &filter->prefix);
    if (rc == BKT_OK)
        rc = add_patterns(filter, spec->included, spec->included_count, bkt_glob_find_prefixes,
                          &filter->included, &filter->included_prefixes, &why);
    if (rc == BKT_OK)
        rc = add_patterns(filter, spec->excluded, spec->excluded_count, bkt_glob_find_excluded,
                          &filter->excluded, &filter->excluded_prefixes, &why);
    if (rc) {
        bkt_filter_free(filter);
        if (why.code)
            return bkt_error_set(err, rc, "%s", why.message);
        return bkt_error_set(err, rc, "prepare the patterns: %s", bkt_error_text(rc));
    }
    *out_filter = filter;
    return BKT_OK;
}

void bkt_filter_free(struct bkt_filter *filter)
{
    if (!filter)
        return;
    bkt_glob_set_free(filter->included);
    bkt_glob_set_free(filter->excluded);
    bkt_arena_clear(&filter->arena);
    bkt_mem_free(filter);
}

/* Does an excluded pattern match the key, or a directory that it lies in? */
static bool is_excluded(const struct bkt_filter *filter,
                        struct bkt_str key,
                        struct bkt_verdict *verdict)
{
    const struct bkt_glob_set *set = filter->excluded;
    if (!set)
        return false;
    verdict->matched_len = key.len;
    if (bkt_glob_set_find(set, key.ptr, key.len, &verdict->pattern))
        return true;
    for (size_t i = 0; i < key.len; i++) {
        if (key.ptr[i] != '/')
            continue;
        for (size_t len = i; len <= i + 1; len++) {
            verdict->matched_len = len;
            if (bkt_glob_set_find(set, key.ptr, len, &verdict->pattern))
                return true;
        }
    }
    return false;
}

bool bkt_filter_matches(const struct bkt_filter *filter,
                        struct bkt_str key,
                        uint64_t size,
                        struct bkt_verdict *out_verdict)
{
    struct bkt_verdict verdict = {.rule = BKT_RULE_ROW};
    struct bkt_verdict excluded;
    if (!bkt_str_has_prefix(key, filter->prefix)) {
        verdict.rule = BKT_RULE_PREFIX;
    } else if (key.len == 0 || key.ptr[key.len - 1] == '/') {
        verdict.rule = BKT_RULE_DIRECTORY_MARKER;
    } else if (size > filter->max_file_size) {
        verdict.rule = BKT_RULE_SIZE;
    } else if (filter->included &&
               !bkt_glob_set_find(filter->included, key.ptr, key.len, &verdict.pattern)) {
        verdict.rule = BKT_RULE_NOT_INCLUDED;
    } else if (is_excluded(filter, key, &excluded)) {
        verdict = excluded;
        verdict.rule = BKT_RULE_EXCLUDED;
    }
    if (out_verdict)
        *out_verdict = verdict;
    return verdict.rule == BKT_RULE_ROW;
}

bool bkt_filter_matches_key(const struct bkt_filter *filter, struct bkt_str key)
{
    return bkt_filter_matches(filter, key, 0, NULL);
}

bool bkt_filter_excluded_prefix(const struct bkt_filter *filter,
                                struct bkt_str key,
                                struct bkt_str *out_prefix)
{
    for (size_t i = 0; i < filter->excluded_prefixes.count; i++) {
        struct bkt_str prefix = filter->excluded_prefixes.items[i];
        if (key.len > prefix.len && bkt_str_has_prefix(key, prefix)) {
            *out_prefix = prefix;
            return true;
        }
    }
    return false;
}

int bkt_filter_prefixes(const struct bkt_filter *filter,
                        struct bkt_arena *arena,
                        const struct bkt_str **out_prefixes,
                        size_t *out_count,
                        struct bkt_error *err)
{
    size_t candidates = filter->included ? filter->included_prefixes.count : 1;
    struct bkt_str *prefixes = bkt_arena_alloc(arena, (candidates + 1) * sizeof(*prefixes));
    if (!prefixes)
        return bkt_error_set(err, BKT_ENOMEM, "prepare a listing: out of memory");

    size_t count = 0;
    for (size_t i = 0; i < candidates; i++) {
        struct bkt_str prefix = filter->prefix;
        if (filter->included) {
            struct bkt_str included = filter->included_prefixes.items[i];
            if (bkt_str_has_prefix(included, prefix))
                prefix = included;
            else if (!bkt_str_has_prefix(prefix, included))
                continue;
        }
        struct bkt_str excluded;
        if (bkt_filter_excluded_prefix(filter, prefix, &excluded) ||
            (filter->excluded_prefixes.count == 1 && filter->excluded_prefixes.items[0].len == 0))
            continue;
        /* Several included prefixes may lie above the filter's own: that one is listed once. */
        if (count == 0 || !bkt_str_eq(prefixes[count - 1], prefix))
            prefixes[count++] = prefix;
    }
    *out_prefixes = prefixes;
    *out_count = count;
    return BKT_OK;
}
