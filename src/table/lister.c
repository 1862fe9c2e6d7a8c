#include "table/lister_int.h"

#include "core/escape.h"
#include "core/mem.h"

#include <assert.h>

enum {
    PREFIX_SHOWN_BYTES = 256, /* in messages */
    ALPHABET_STRIDE = 16,     /* every so many keys of a page are looked at, for splitting */
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

int bkt_lister_find_place(struct bkt_lister *lister, size_t *out_index)
{
    for (size_t i = 0; i < lister->chain_count && lister->done_count > 0; i++) {
        if (!lister->chains[i].is_done)
            continue;
        bkt_chain_clear(&lister->chains[i]);
        lister->done_count--;
        *out_index = i;
        return BKT_OK;
    }
    if (lister->chain_count == lister->chain_room) {
        size_t room = lister->chain_room * 2 + 8;
        struct bkt_chain *chains = bkt_mem_realloc(lister->chains, room * sizeof(*chains));
        if (!chains)
            return BKT_ENOMEM;
        lister->chains = chains;
        lister->chain_room = room;
    }
    *out_index = lister->chain_count++;
    return BKT_OK;
}

/* All keys with the prefix; `out_last` is a span's end. */
static int add_chain(struct bkt_lister *lister, struct bkt_str prefix, struct bkt_str *out_last)
{
    size_t index;
    int rc = bkt_lister_find_place(lister, &index);
    if (rc)
        return rc;
    struct bkt_chain *chain = &lister->chains[index];
    *chain = bkt_chain_new(prefix);
    bkt_lister_enroll(lister, chain);
    *out_last = (struct bkt_str){"", 0};
    if (prefix.len == 0)
        return BKT_OK;
    rc = bkt_span_before(&lister->arena, prefix, &chain->after);
    if (rc == BKT_OK)
        rc = bkt_span_last_of_prefix(&lister->arena, prefix, out_last);
    return rc ? rc : bkt_buf_set(&chain->up_to, *out_last);
}

/* Prefixes and what lies between them, from the first key to the last. */
static int cut(struct bkt_lister *lister, const struct bkt_str *prefixes, size_t count)
{
    lister->gaps = bkt_arena_alloc(&lister->arena, (count + 1) * sizeof(*lister->gaps));
    if (!lister->gaps)
        return BKT_ENOMEM;

    struct bkt_str after = {"", 0};
    bool is_open = true; /* keys are left after the last span */
    for (size_t i = 0; i < count; i++) {
        int rc = BKT_OK;
        if (prefixes[i].len > 0)
            rc = add_gap(lister, after, prefixes[i]);
        if (rc == BKT_OK)
            rc = add_chain(lister, prefixes[i], &after);
        if (rc)
            return rc;
        is_open = after.len > 0;
    }
    return is_open ? add_gap(lister, after, (struct bkt_str){"", 0}) : BKT_OK;
}

int bkt_lister_new(const struct bkt_filter *filter,
                   const char *bucket,
                   struct bkt_lister **out_lister,
                   struct bkt_error *err)
{
    struct bkt_lister *lister = bkt_mem_calloc(1, sizeof(*lister));
    if (!lister)
        return bkt_error_set(err, BKT_ENOMEM, "prepare a listing: out of memory");
    lister->filter = filter;
    lister->bucket = bucket;
    lister->slots = 1;

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
    for (size_t i = 0; i < lister->chain_count; i++)
        bkt_chain_clear(&lister->chains[i]);
    bkt_mem_free(lister->chains);
    bkt_arena_clear(&lister->arena);
    bkt_mem_free(lister);
}

void bkt_lister_set_slots(struct bkt_lister *lister, size_t slots)
{
    lister->slots = slots;
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
    size_t index = 0;
    while (index < lister->chain_count &&
           (lister->chains[index].is_done || lister->chains[index].in_flight))
        index++;
    if (index == lister->chain_count && !bkt_lister_split(lister, &index))
        return false;
    struct bkt_chain *chain = &lister->chains[index];
    chain->in_flight = true;
    chain->asked_at = clock;
    if (chain->token.len == 0)
        chain->mark_at = clock;
    *out_request = (struct bkt_list_request){
        .chain = index,
        .prefix = chain->prefix,
        .start_after = chain->jump ? bkt_buf_str(&chain->mark) : (struct bkt_str){"", 0},
        .token = bkt_buf_str(&chain->token),
    };
    return true;
}

bool bkt_lister_is_done(const struct bkt_lister *lister)
{
    return lister->done_count == lister->chain_count && lister->gap_next == lister->gap_count;
}

static void end_chain(struct bkt_lister *lister, struct bkt_chain *chain)
{
    chain->is_done = true;
    lister->done_count++;
}

/*
 * A server that ignores start-after would send everything before a chain's range again: give what
 * was not begun back to the chain before it, if that is still under way.
 */
static bool give_back(struct bkt_lister *lister, struct bkt_chain *upper)
{
    for (size_t i = 0; i < lister->chain_count; i++) {
        struct bkt_chain *lower = &lister->chains[i];
        if (lower->is_done || lower == upper || lower->up_to.len == 0 ||
            !bkt_str_eq(bkt_buf_str(&lower->up_to), bkt_buf_str(&upper->mark)))
            continue;
        bkt_chain_join(lower, upper);
        end_chain(lister, upper);
        return true;
    }
    return false;
}

static void give_back_idle(struct bkt_lister *lister)
{
    for (size_t i = 0; i < lister->chain_count; i++) {
        struct bkt_chain *chain = &lister->chains[i];
        if (!chain->is_done && !chain->in_flight && !chain->is_begun && chain->mark.len > 0)
            (void)give_back(lister, chain);
    }
}

static int limit_chain(struct bkt_lister *lister,
                       struct bkt_chain *chain,
                       struct bkt_str from,
                       struct bkt_str to)
{
    bool is_below = chain->up_to.len > 0 && bkt_str_cmp(bkt_buf_str(&chain->up_to), from) < 0;
    if (is_below || (to.len > 0 && bkt_str_cmp(chain->prefix, to) > 0)) {
        end_chain(lister, chain);
        return BKT_OK;
    }
    struct bkt_str shared = bkt_span_shared(from, to);
    int rc = BKT_OK;
    if (shared.len > chain->prefix.len && bkt_str_has_prefix(shared, chain->prefix))
        rc = bkt_arena_dup(&lister->arena, shared, &chain->prefix);
    struct bkt_str after;
    if (rc == BKT_OK)
        rc = bkt_span_start_after(&lister->arena, from, &after);
    if (rc == BKT_OK && after.len > 0 && bkt_str_cmp(after, chain->prefix) >= 0) {
        rc = bkt_buf_set(&chain->mark, after);
        chain->jump = true;
    }
    bool is_shorter =
        to.len > 0 && (chain->up_to.len == 0 || bkt_str_cmp(to, bkt_buf_str(&chain->up_to)) < 0);
    return rc || !is_shorter ? rc : bkt_buf_set(&chain->up_to, to);
}

int bkt_lister_limit(struct bkt_lister *lister, struct bkt_str from, struct bkt_str to)
{
    int rc = BKT_OK;
    for (size_t i = 0; i < lister->chain_count && rc == BKT_OK; i++)
        rc = limit_chain(lister, &lister->chains[i], from, to);
    return rc;
}

/* What a page's keys tell of those to come. */
static int learn(struct bkt_lister *lister,
                 struct bkt_chain *chain,
                 const struct bkt_page *page,
                 const struct bkt_covered *covered)
{
    size_t end = page->object_count - covered->drop;
    bkt_lister_judge_probe(lister, chain, covered->skip < end);
    if (covered->skip == end)
        return BKT_OK;
    lister->page_count++;
    if (lister->slots < 2)
        return BKT_OK;
    for (size_t i = covered->skip; i < end; i += ALPHABET_STRIDE) {
        struct bkt_str key = page->objects[i].key;
        size_t len = chain->prefix.len;
        bkt_alphabet_see(&lister->alphabet, (struct bkt_str){key.ptr + len, key.len - len});
    }
    return bkt_buf_set(&chain->first, page->objects[covered->skip].key);
}

/* Where the chain goes on after a page that is not the last one. */
static int advance(struct bkt_lister *lister,
                   struct bkt_chain *chain,
                   const struct bkt_page *page,
                   struct bkt_error *err)
{
    enum bkt_chain_step step;
    int rc = bkt_chain_advance(chain, page, lister->ignores_start_after ? NULL : lister->filter,
                               &step, err);
    if (rc)
        return rc;
    if (step == BKT_CHAIN_JUMPED) {
        chain->pages_left = 0; /* nothing is known of what follows */
        lister->has_jumped = true;
    } else if (step == BKT_CHAIN_MOVED && lister->slots > 1) {
        bkt_lister_estimate(lister, chain);
    }
    return BKT_OK;
}

/* Whether nothing is left of the chain, or only what is excluded. */
static bool is_at_the_end(const struct bkt_chain *chain)
{
    return chain->up_to.len > 0 &&
           bkt_str_cmp(bkt_buf_str(&chain->mark), bkt_buf_str(&chain->up_to)) >= 0;
}

/* Take a believable page in. */
static int take(struct bkt_lister *lister,
                struct bkt_chain *chain,
                const struct bkt_page *page,
                struct bkt_arena *arena,
                struct bkt_covered *out_covered,
                struct bkt_error *err)
{
    struct bkt_covered covered = {.span.after = chain->after, .read_at = chain->mark_at};
    covered.skip = bkt_chain_count_before(chain, page);
    if (covered.skip > 0 && !lister->ignores_start_after) {
        lister->ignores_start_after = true;
        give_back_idle(lister); /* this chain may end later now */
    }
    covered.drop = bkt_chain_count_behind(chain, page, covered.skip);
    if (chain->mark.len > 0 && bkt_arena_dup(arena, bkt_buf_str(&chain->mark), &covered.span.after))
        return BKT_ENOMEM;
    if (learn(lister, chain, page, &covered) != BKT_OK)
        return BKT_ENOMEM;

    if (covered.skip > 0 && !chain->is_begun && give_back(lister, chain)) {
        covered.skip = page->object_count;
        covered.drop = 0;
        covered.span.has_up_to = true;
        covered.span.up_to = covered.span.after;
        *out_covered = covered;
        return BKT_OK;
    }
    bool is_last = !page->is_truncated || covered.drop > 0;
    if (!is_last) {
        int rc = advance(lister, chain, page, err);
        if (rc)
            return rc;
        is_last = is_at_the_end(chain);
    }
    chain->is_begun = true;
    if (is_last)
        end_chain(lister, chain);
    struct bkt_str end = bkt_buf_str(is_last ? &chain->up_to : &chain->mark);
    covered.span.has_up_to = !is_last || end.len > 0;
    *out_covered = covered;
    return covered.span.has_up_to ? bkt_arena_dup(arena, end, &out_covered->span.up_to) : BKT_OK;
}

int bkt_lister_page(struct bkt_lister *lister,
                    size_t chain_index,
                    const struct bkt_page *page,
                    struct bkt_arena *arena,
                    struct bkt_covered *out_covered,
                    struct bkt_error *err)
{
    assert(chain_index < lister->chain_count);
    struct bkt_chain *chain = &lister->chains[chain_index];
    assert(chain->in_flight);

    int rc = bkt_chain_check_keys(chain, page, err);
    if (rc == BKT_OK)
        rc = take(lister, chain, page, arena, out_covered, err);
    if (rc == BKT_ENOMEM)
        (void)bkt_error_set(err, rc, "%s", bkt_error_text(rc));
    if (rc) {
        char prefix[PREFIX_SHOWN_BYTES];
        bkt_escape(chain->prefix, prefix, sizeof(prefix));
        return bkt_error_wrap(err, rc, "list s3://%s/%s", lister->bucket, prefix);
    }
    chain->in_flight = false;
    return BKT_OK;
}
