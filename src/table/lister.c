#include "table/lister.h"

#include "core/mem.h"

#include <assert.h>

/* Longer than any token seen in the wild (MinIO's is some 100 bytes longer than the key). */
enum { TOKEN_BYTES_MAX = 8 << 10, MARK_BYTES_MAX = 4 << 10 };

/* Pages without a key are legal (delete markers), but not without end. */
enum { EMPTY_PAGES_MAX = 10000 };

/* What follows the greatest key of a prefix: U+10FFFF, so that the mark is UTF-8 as S3 wants. */
static const struct bkt_str prefix_end = {"\xf4\x8f\xbf\xbf", 4};

struct chain {
    struct bkt_str prefix;
    struct bkt_span span;
    struct bkt_buf mark; /* all keys up to here are covered; empty: none yet */
    struct bkt_buf seen; /* the last key since the last jump; behind the mark when replayed */
    struct bkt_buf token;
    unsigned empty_pages; /* in a row */
    uint64_t asked_at;    /* the clock before the newest page was asked for */
    uint64_t mark_at;     /* and before the page that moved the mark, or leapt to it */
    bool jump;            /* the next request begins after `mark`, without a token */
    bool in_flight;
    bool is_done;
};

struct bkt_lister {
    const struct bkt_filter *filter;
    struct bkt_arena arena;
    struct chain *chains;
    size_t chain_count;
    size_t done_count;
    struct bkt_span *gaps;
    size_t gap_count;
    size_t gap_next;
    bool ignores_start_after;
};

static int add_gap(struct bkt_lister *lister, struct bkt_str after, struct bkt_str next_prefix)
{
    struct bkt_span *gap = &lister->gaps[lister->gap_count];
    *gap = (struct bkt_span){.after = after, .has_up_to = next_prefix.len > 0};
    if (gap->has_up_to) {
        int rc = bkt_span_before(&lister->arena, next_prefix, &gap->up_to);
        if (rc)
            return rc;
    }
    lister->gap_count++;
    return BKT_OK;
}

static int add_chain(struct bkt_lister *lister, struct bkt_str prefix)
{
    struct chain *chain = &lister->chains[lister->chain_count];
    *chain = (struct chain){
        .prefix = prefix,
        .mark = BKT_BUF_INIT(MARK_BYTES_MAX),
        .seen = BKT_BUF_INIT(MARK_BYTES_MAX),
        .token = BKT_BUF_INIT(TOKEN_BYTES_MAX),
        .span = {.has_up_to = prefix.len > 0},
    };
    if (chain->span.has_up_to) {
        int rc = bkt_span_before(&lister->arena, prefix, &chain->span.after);
        if (rc == BKT_OK)
            rc = bkt_span_last_of_prefix(&lister->arena, prefix, &chain->span.up_to);
        if (rc)
            return rc;
    }
    lister->chain_count++;
    return BKT_OK;
}

/* Prefixes and what lies between them, from the first key to the last. */
static int cut(struct bkt_lister *lister, const struct bkt_str *prefixes, size_t count)
{
    lister->chains = bkt_arena_alloc(&lister->arena, (count + 1) * sizeof(*lister->chains));
    lister->gaps = bkt_arena_alloc(&lister->arena, (count + 1) * sizeof(*lister->gaps));
    if (!lister->chains || !lister->gaps)
        return BKT_ENOMEM;

    struct bkt_str after = {"", 0};
    bool is_open = true; /* keys are left after the last span */
    for (size_t i = 0; i < count; i++) {
        int rc = BKT_OK;
        if (prefixes[i].len > 0)
            rc = add_gap(lister, after, prefixes[i]);
        if (rc == BKT_OK)
            rc = add_chain(lister, prefixes[i]);
        if (rc)
            return rc;
        after = lister->chains[i].span.up_to;
        is_open = lister->chains[i].span.has_up_to;
    }
    return is_open ? add_gap(lister, after, (struct bkt_str){"", 0}) : BKT_OK;
}

int bkt_lister_new(const struct bkt_filter *filter,
                   struct bkt_lister **out_lister,
                   struct bkt_error *err)
{
    struct bkt_lister *lister = bkt_mem_calloc(1, sizeof(*lister));
    if (!lister)
        return bkt_error_set(err, BKT_ENOMEM, "prepare a listing: out of memory");
    lister->filter = filter;

    const struct bkt_str *prefixes;
    size_t count;
    int rc = bkt_filter_prefixes(filter, &lister->arena, &prefixes, &count, err);
    if (rc == BKT_OK) {
        rc = cut(lister, prefixes, count);
        if (rc)
            (void)bkt_error_set(err, rc, "prepare a listing: %s", bkt_error_text(rc));
    }
    if (rc) {
        bkt_lister_free(lister);
        return rc;
    }
    *out_lister = lister;
    return BKT_OK;
}

void bkt_lister_free(struct bkt_lister *lister)
{
    if (!lister)
        return;
    for (size_t i = 0; i < lister->chain_count; i++) {
        bkt_buf_clear(&lister->chains[i].mark);
        bkt_buf_clear(&lister->chains[i].seen);
        bkt_buf_clear(&lister->chains[i].token);
    }
    bkt_arena_clear(&lister->arena);
    bkt_mem_free(lister);
}

bool bkt_lister_next_gap(struct bkt_lister *lister, uint64_t clock, struct bkt_covered *out_gap)
{
    if (lister->gap_next == lister->gap_count)
        return false;
    *out_gap = (struct bkt_covered){
        .span = lister->gaps[lister->gap_next++], .is_gap = true, .read_at = clock};
    return true;
}

bool bkt_lister_next(struct bkt_lister *lister,
                     uint64_t clock,
                     struct bkt_list_request *out_request)
{
    for (size_t i = 0; i < lister->chain_count; i++) {
        struct chain *chain = &lister->chains[i];
        if (chain->is_done || chain->in_flight)
            continue;
        chain->in_flight = true;
        chain->asked_at = clock;
        if (chain->token.len == 0)
            chain->mark_at = clock;
        *out_request = (struct bkt_list_request){
            .chain = i,
            .prefix = chain->prefix,
            .start_after = chain->jump ? bkt_buf_str(&chain->mark) : (struct bkt_str){"", 0},
            .token = bkt_buf_str(&chain->token),
        };
        return true;
    }
    return false;
}

bool bkt_lister_is_done(const struct bkt_lister *lister)
{
    return lister->done_count == lister->chain_count && lister->gap_next == lister->gap_count;
}

static int check_keys(const struct chain *chain, const struct bkt_page *page, struct bkt_error *err)
{
    for (size_t i = 0; i < page->object_count; i++) {
        struct bkt_str key = page->objects[i].key;
        if (key.len == 0 || key.len > BKT_KEY_BYTES_MAX)
            return bkt_error_set(err, BKT_EPARSE,
                                 "a listed key has %zu bytes; S3 keys have 1 to %d", key.len,
                                 BKT_KEY_BYTES_MAX);
        if (!bkt_str_has_prefix(key, chain->prefix))
            return bkt_error_set(err, BKT_EPARSE,
                                 "a listed key does not begin with the prefix that was asked for");
        if (i > 0 && bkt_str_cmp(page->objects[i - 1].key, key) >= 0)
            return bkt_error_set(err, BKT_EUNSUPPORTED,
                                 "the listing is not in the order of the keys (directory buckets "
                                 "and some servers do so; they cannot be followed)");
    }
    if (page->object_count > 0 && chain->seen.len > 0 &&
        bkt_str_cmp(page->objects[0].key, bkt_buf_str(&chain->seen)) <= 0)
        return bkt_error_set(err, BKT_EPARSE, "the listing goes back to keys that it gave before");
    return BKT_OK;
}

/* Objects at or before the mark: a server that ignores start-after sends them all again. */
static size_t count_before_mark(const struct chain *chain, const struct bkt_page *page)
{
    size_t skip = 0;
    struct bkt_str mark = bkt_buf_str(&chain->mark);
    if (mark.len == 0)
        return 0;
    while (skip < page->object_count && bkt_str_cmp(page->objects[skip].key, mark) <= 0)
        skip++;
    return skip;
}

static int set_buf(struct bkt_buf *buf, struct bkt_str text)
{
    bkt_buf_reset(buf);
    return bkt_buf_append(buf, text);
}

/* Where the chain goes on after a page that is not the last one. */
static int advance(struct bkt_lister *lister,
                   struct chain *chain,
                   const struct bkt_page *page,
                   struct bkt_error *err)
{
    if (page->next_token.len == 0)
        return bkt_error_set(err, BKT_EPARSE, "more keys follow, but there is no token to go on");
    if (bkt_str_eq(page->next_token, bkt_buf_str(&chain->token)))
        return bkt_error_set(err, BKT_EPARSE, "the answer repeats the token that was sent");

    chain->empty_pages = page->object_count == 0 ? chain->empty_pages + 1 : 0;
    if (chain->empty_pages > EMPTY_PAGES_MAX)
        return bkt_error_set(err, BKT_EPARSE, "more than %d pages in a row hold no key",
                             EMPTY_PAGES_MAX);

    chain->jump = false;
    int rc = set_buf(&chain->token, page->next_token);
    if (rc == BKT_ELIMIT)
        return bkt_error_set(err, BKT_EPARSE, "the continuation token has more than %d bytes",
                             TOKEN_BYTES_MAX);
    if (rc || page->object_count == 0)
        return rc;

    struct bkt_str last = page->objects[page->object_count - 1].key;
    rc = set_buf(&chain->seen, last);
    if (rc || bkt_str_cmp(last, bkt_buf_str(&chain->mark)) <= 0)
        return rc;
    rc = set_buf(&chain->mark, last);
    chain->mark_at = chain->asked_at;

    struct bkt_str excluded;
    if (rc || lister->ignores_start_after ||
        !bkt_filter_excluded_prefix(lister->filter, last, &excluded))
        return rc;
    rc = set_buf(&chain->mark, excluded);
    if (rc == BKT_OK)
        rc = bkt_buf_append(&chain->mark, prefix_end);
    bkt_buf_reset(&chain->token);
    bkt_buf_reset(&chain->seen);
    chain->jump = true;
    return rc;
}

int bkt_lister_page(struct bkt_lister *lister,
                    size_t chain_index,
                    const struct bkt_page *page,
                    struct bkt_arena *arena,
                    struct bkt_covered *out_covered,
                    struct bkt_error *err)
{
    assert(chain_index < lister->chain_count);
    struct chain *chain = &lister->chains[chain_index];
    assert(chain->in_flight);

    int rc = check_keys(chain, page, err);
    if (rc)
        return rc;

    struct bkt_covered covered = {.span = chain->span, .read_at = chain->mark_at};
    struct bkt_str mark = bkt_buf_str(&chain->mark);
    if (mark.len > 0)
        rc = bkt_arena_dup(arena, mark, &covered.span.after);
    if (rc)
        return bkt_error_set(err, rc, "%s", bkt_error_text(rc));
    covered.skip = count_before_mark(chain, page);
    if (covered.skip > 0)
        lister->ignores_start_after = true;

    bool is_last = !page->is_truncated;
    if (!is_last) {
        rc = advance(lister, chain, page, err);
        if (rc)
            return rc == BKT_ENOMEM ? bkt_error_set(err, rc, "%s", bkt_error_text(rc)) : rc;
        /* What is left of the chain may all be excluded. */
        mark = bkt_buf_str(&chain->mark);
        is_last = chain->span.has_up_to && bkt_str_cmp(mark, chain->span.up_to) >= 0;
    }
    if (!is_last) {
        covered.span.has_up_to = true;
        rc = bkt_arena_dup(arena, mark, &covered.span.up_to);
        if (rc)
            return bkt_error_set(err, rc, "%s", bkt_error_text(rc));
    } else {
        chain->is_done = true;
        lister->done_count++;
    }
    chain->in_flight = false;
    *out_covered = covered;
    return BKT_OK;
}
